"""Starts a throwaway Slack on this machine, shut off from every network but 127.0.0.1.

local-slack listens on all interfaces with an open control API and has no option to change that,
so it runs in a network namespace of its own and one loopback port is relayed to it.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from assistant import localslack_relay
from assistant.errors import LuisterError

_BINARY = Path("node_modules/local-slack-linux-x64/bin/local-slack")
_START_SECONDS = 20.0  # 0.2 s alone; a loaded CI machine needs more


class NamespaceUnavailable(LuisterError):
    """No network namespace can be made here; ask the user before using `allow_open=True`."""


class LocalSlackUnusable(LuisterError):
    """local-slack is not installed or does not start; the message says what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlackUser(_Frozen):
    """A person in the workspace."""

    id: str
    name: str
    real_name: str
    email: str


class SlackChannel(_Frozen):
    """A channel; `members` lists users and bots, and only a bot in it hears what is said there."""

    id: str
    name: str
    members: tuple[str, ...]
    is_private: bool = False


class SlackApp(_Frozen):
    """An installed app; with a `request_url` it gets signed HTTP, without one Socket Mode."""

    app_id: str = "A01APP"
    bot_user_id: str = "U0BOT"
    bot_name: str = "luister"
    request_url: str | None = None
    bot_token: str = Field(default_factory=lambda: f"xoxb-{secrets.token_hex(16)}", repr=False)
    app_token: str = Field(default_factory=lambda: f"xapp-{secrets.token_hex(16)}", repr=False)
    signing_secret: str = Field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def as_config(self) -> dict[str, Any]:
        """The app as local-slack's configuration writes it."""
        config: dict[str, Any] = {
            "appId": self.app_id,
            "botUserId": self.bot_user_id,
            "botName": self.bot_name,
            "botToken": self.bot_token,
            "appToken": self.app_token,
            "signingSecret": self.signing_secret,
            "mode": "events" if self.request_url else "socket",
        }
        return config | ({"requestUrl": self.request_url} if self.request_url else {})


class Workspace(_Frozen):
    """A fictional Slack workspace; tokens and secrets are new with every instance."""

    name: str
    domain: str
    team_id: str = "T01TEST"
    apps: tuple[SlackApp, ...] = Field(default_factory=lambda: (SlackApp(),), min_length=1)
    users: tuple[SlackUser, ...]
    channels: tuple[SlackChannel, ...]

    def as_config(self) -> dict[str, Any]:
        """The workspace as local-slack's configuration writes it."""
        return {
            "workspace": {"name": self.name, "domain": self.domain, "teamId": self.team_id},
            "apps": [app.as_config() for app in self.apps],
            "users": [user.model_dump() for user in self.users],
            "channels": [channel.model_dump(mode="json") for channel in self.channels],
        }

    def outward_ports(self) -> frozenset[int]:
        """Our ports that local-slack calls: those of the apps' request URLs."""
        parts = [urlsplit(app.request_url) for app in self.apps if app.request_url]
        return frozenset(part.port or 80 for part in parts)


class LocalSlack(_Frozen):
    """A running local Slack: its address and the first app's credentials."""

    url: str
    pid: int
    workspace: Workspace

    @property
    def bot_token(self) -> str:
        """The first app's token for the Web API."""
        return self.workspace.apps[0].bot_token

    @property
    def app_token(self) -> str:
        """The first app's token for Socket Mode."""
        return self.workspace.apps[0].app_token

    @property
    def signing_secret(self) -> str:
        """The key with which the first app's HTTP events are signed."""
        return self.workspace.apps[0].signing_secret


def local_slack_binary() -> Path:
    """Where local-slack is: `LUISTER_LOCAL_SLACK`, else the checkout's node_modules.

    Raises LocalSlackUnusable when it is in neither place.
    """
    named = os.environ.get("LUISTER_LOCAL_SLACK")
    path = Path(named) if named else Path(__file__).parent.parent / _BINARY
    if not path.is_file():
        raise LocalSlackUnusable(f"no local Slack at {path}: run `npm ci` (or `make demo`) first")
    return path


def _command(*, allow_open: bool) -> list[str]:
    """How to start the relay script: inside a namespace, unless the user allowed it open."""
    script = [sys.executable, "-I", localslack_relay.__file__]
    if allow_open:
        return script
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NamespaceUnavailable("`unshare` (util-linux) is not on the PATH")
    return [unshare, "-rn", *script]


def _write_config(workspace: Workspace, *, state: Path) -> Path:
    state.mkdir(parents=True, exist_ok=True)
    path = state / "localslack.json"
    path.touch(mode=0o600)  # it holds the tokens
    path.write_text(json.dumps(workspace.as_config()))
    return path


def _handshake(control: socket.socket) -> tuple[bool, list[socket.socket]]:
    """Wait until the script is in its namespace; the listeners it made there come along."""
    control.settimeout(_START_SECONDS)
    answer, descriptors, _, _ = socket.recv_fds(control, 1, 16)
    return answer == b"N", [socket.socket(fileno=each) for each in descriptors]


def _last_words(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").split())[-300:]


async def _spawn(
    command: list[str], *, log: Path, sockets: list[socket.socket]
) -> asyncio.subprocess.Process:
    """Start the script with these sockets, which only it needs from now on."""
    with log.open("wb") as said, contextlib.ExitStack() as stack:
        for each in sockets:
            stack.callback(each.close)
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=[each.fileno() for each in sockets if each.fileno() >= 0],
            start_new_session=True,  # Ctrl-C is ours to handle; it must not die before us
        )


async def _started(control: socket.socket, *, log: Path, stack: contextlib.AsyncExitStack) -> None:
    """Wait until local-slack answers; `stack` gets the relays from it to our own ports."""
    entered, listeners = await asyncio.to_thread(_handshake, control)
    if not entered:
        raise NamespaceUnavailable(f"no private network namespace here: {_last_words(log)}")
    for listener in listeners:
        port = listener.getsockname()[1]
        await stack.enter_async_context(localslack_relay.relayed(listener, port))
    if await asyncio.to_thread(control.recv, 1) != b"R":
        raise LocalSlackUnusable(f"the local Slack did not start: {_last_words(log)}")


async def _stop(process: asyncio.subprocess.Process, control: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have gone before us
        control.shutdown(socket.SHUT_RDWR)  # seeing this, the script stops local-slack
    control.close()
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def local_slack(
    workspace: Workspace, *, state: Path, allow_open: bool = False
) -> AsyncIterator[LocalSlack]:
    """Run a local Slack with `workspace`, its files in the folder `state`, until the block ends.

    It dies with this process, however that ends. Raises NamespaceUnavailable where it cannot be
    shut off from the network (then `allow_open=True` starts it unprotected), and
    LocalSlackUnusable where it is missing or does not start.
    """
    binary, starter = local_slack_binary(), _command(allow_open=allow_open)
    config, log = _write_config(workspace, state=state), state / "localslack.log"
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    if allow_open:
        listening.close()  # local-slack itself will take the port, on all interfaces
    control, theirs = socket.socketpair()
    outward = ",".join(str(each) for each in workspace.outward_ports())
    command = [str(binary), "--config", str(config), "--port", str(port)]
    command += ["--base-host", "127.0.0.1", "--files-dir", str(state / "files")]
    relay = [str(listening.fileno()), str(theirs.fileno()), str(port), outward]
    async with contextlib.AsyncExitStack() as stack:
        process = await _spawn([*starter, *relay, *command], log=log, sockets=[listening, theirs])
        stack.push_async_callback(_stop, process, control)
        await _started(control, log=log, stack=stack)
        yield LocalSlack(url=f"http://127.0.0.1:{port}", pid=process.pid, workspace=workspace)
