"""The whole product as a user starts it, beside a local Slack behind the strict one."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from assistant.config import Organisation, load
from assistant.demo import workspace_of
from assistant.listen import listen
from assistant.localslack import LocalSlack, Workspace, local_slack
from assistant.manifest import manifest
from assistant.paths import example
from assistant.platforms.replay import Replay, standing
from assistant.store import open_store, utcnow
from assistant.words import Words
from tests.ports import free_port
from tests.slack_ui import Json, Slack, need_local_slack, slack_people, texts_of
from tests.strict_slack import StrictSlack, strict_slack

Seen = TypeVar("Seen")
PATIENCE = 60.0
"""Seconds a test waits for what takes a second or two: many programs share the machine."""
SCOPES = frozenset(manifest()["oauth_config"]["scopes"]["bot"])


@dataclass(kw_only=True)
class Town:
    """A running Luister, its people, and the files around it."""

    config: Path
    state: Path
    organisation: Organisation
    local: LocalSlack
    slack: StrictSlack
    people: Slack
    port: int
    environ: dict[str, str] = field(repr=False)
    runs: list[asyncio.subprocess.Process] = field(default_factory=list)
    log: Path

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start `luister run` and wait until it is ready."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._luister("run", *arguments), env=self.environ, stdout=log, stderr=log
            )
        self.runs.append(process)
        await self._ready(process)
        return process

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(40), aiohttp.ClientSession() as session:
            while True:
                if process.returncode is not None:
                    raise AssertionError(f"luister run ended:\n{self.log.read_text()[-3000:]}")
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    async def stop(self, process: asyncio.subprocess.Process, *, kill: bool = False) -> int:
        """End a run, politely or with `kill -9`; return its exit code."""
        if process.returncode is None:
            process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        return await process.wait()

    async def luister(self, *arguments: str) -> tuple[int, str]:
        """Run another command on the same configuration; its exit code and what it printed."""
        return await luister(self.config, *arguments, environ=self.environ)

    def _luister(self, command: str, *arguments: str) -> list[str]:
        return command_line(self.config, command, *arguments)

    async def write(self, *posts: Json) -> str:
        """Let citizens write `posts` (rows of a replay file); what `luister replay` printed."""
        code, out = await self.luister("replay", str(self._file(posts)))
        assert code == 0, out
        return out

    def _file(self, posts: Iterable[Json]) -> Path:
        path = self.config / f"{secrets.token_hex(4)}.jsonl"
        path.write_text("".join(json.dumps(post) + "\n" for post in posts))
        return path

    async def arrive(self, *posts: Json) -> None:
        """Let `posts` come in as a platform brings them: here only `luister run` triages."""
        account = self.organisation.accounts[0].handle
        source = Replay(account, replies=self.state / "replies.jsonl", source=self._file(posts))
        url = self.environ["LUISTER_REDIS_URL"]
        async with open_store(url, self.organisation.id) as store:
            await listen(store, source, clock=utcnow, keep=False)

    async def card(self, channel: str, words: str, *, seconds: float = PATIENCE) -> Json:
        """Wait for a message in `channel` (no thread line) that holds `words`."""

        def wanted(messages: list[Json]) -> Json | None:
            return _card(messages, words)

        found = await self.people.until(channel, wanted, seconds=seconds)
        assert found is not None
        return found

    async def thread_says(self, card: Json, words: str, *, seconds: float = PATIENCE) -> str:
        """Wait for a line with `words` in the card's thread."""

        def wanted(messages: list[Json]) -> str | None:
            mine = (each for each in messages if each.get("thread_ts") == card["ts"])
            return next((text for each in mine for text in texts_of(each) if words in text), None)

        found = await self.people.until(card["channel"], wanted, seconds=seconds)
        assert found is not None
        return found

    async def window(
        self, card: Json, action: str, *, user: str, seconds: float = PATIENCE
    ) -> tuple[str, Json]:
        """Press a button that opens a window; its id, and the window once it is filled."""
        before = set(self.slack.open_views())
        await self.people.click(card, action, user=user)
        loading = Words(self.organisation.language).say("editor.loading")
        async with asyncio.timeout(seconds):
            while True:
                for name, view in self.slack.open_views().items():
                    if name not in before and loading not in texts_of(view):
                        return name, view
                await asyncio.sleep(0.05)

    async def hears(self, channel: str, words: str, *, seconds: float = PATIENCE) -> str:
        """Wait for a text with `words` anywhere in `channel`, whispers among it."""

        def wanted(messages: list[Json]) -> str | None:
            found = (text for each in messages for text in texts_of(each) if words in text)
            return next(found, None)

        text = await self.people.until(channel, wanted, seconds=seconds)
        assert text is not None
        return text

    def replies(self) -> list[Json]:
        """What stands on the platform."""
        path = self.state / "replies.jsonl"
        return list(standing(path.read_text("utf-8"))) if path.exists() else []

    async def replied(self, count: int, *, seconds: float = PATIENCE) -> list[Json]:
        """Wait until `count` replies stand on the platform."""
        async with asyncio.timeout(seconds):
            while len(self.replies()) < count:
                await asyncio.sleep(0.05)
        return self.replies()

    async def cases(self) -> list[Json]:
        """The cases as `luister cases --json` tells them."""
        _, out = await self.luister("cases", "--json")
        return [json.loads(line) for line in out.splitlines()]


def _card(messages: Iterable[Json], words: str) -> Json | None:
    for each in reversed(list(messages)):
        if not each.get("thread_ts") and words in "\n".join(texts_of(each)):
            return each
    return None


def command_line(config: Path, command: str, *arguments: str) -> list[str]:
    """The program and its arguments for `luister COMMAND` on a configuration."""
    return [sys.executable, "-m", "assistant", command, *arguments, "--config", str(config)]


async def luister(config: Path, *arguments: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run `luister` to its end; its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *command_line(config, *arguments),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode()


def configured(folder: Path, *, change: Callable[[str], str] = lambda text: text) -> Path:
    """Write the small organisation's configuration into `folder`; `change` edits luister.toml."""
    config = folder / "config"
    config.mkdir()
    text = (Path(__file__).parent / "luister.toml").read_text("utf-8")
    (config / "luister.toml").write_text(change(text), "utf-8")
    (config / "answers").mkdir()
    for answer in (example() / "answers").glob("*.md"):
        if any(f'department = "{name}"' in answer.read_text("utf-8") for name in DEPARTMENTS):
            shutil.copy(answer, config / "answers")
    return config


def kept(workspace: Workspace) -> Workspace:
    """The workspace as the organisation expects it."""
    return workspace


@asynccontextmanager
async def town(
    folder: Path,
    *,
    store_url: str,
    change: Callable[[str], str] = lambda text: text,
    workspace: Callable[[Workspace], Workspace] = kept,
    environ: dict[str, str] | None = None,
    **knobs: Any,
) -> AsyncIterator[Town]:
    """Yield a Town in `folder`, not yet running; `change` edits its luister.toml.

    `workspace` changes who and what is in Slack. At the end the strict Slack's violations fail
    the test.
    """
    need_local_slack()
    config, state = configured(folder, change=change), folder / "state"
    organisation = load(config)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        there = workspace(workspace_of(organisation))
        local = await enter(local_slack(there, state=folder / "slack"))
        strict = await enter(
            strict_slack(
                local.url,
                scopes=SCOPES,
                bot_token=local.bot_token,
                app_token=local.app_token,
                **knobs,
            )
        )
        port = free_port()
        made = Town(
            config=config,
            state=state,
            organisation=organisation,
            local=local,
            slack=strict,
            people=await enter(slack_people(local.url)),
            port=port,
            log=folder / "run.log",
            environ={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                "LUISTER_STATE": str(state),
                "LUISTER_REDIS_URL": store_url,
                "LUISTER_LISTEN": f"127.0.0.1:{port}",
                "SLACK_API_URL": f"{strict.url}/api/",
                "SLACK_BOT_TOKEN": local.bot_token,
                "SLACK_APP_TOKEN": local.app_token,
                **(environ or {}),
            },
        )
        try:
            yield made
        finally:
            for process in made.runs:
                await made.stop(process)


DEPARTMENTS = ("afval", "parkeren")
