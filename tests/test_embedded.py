"""The embedded store with real servers: shared, killed in every way, and back with its data."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from assistant.embedded import find_server, open_store
from assistant.errors import Misconfigured

ROOT = Path(__file__).parent.parent
ALONG = {"PATH": ""}  # no server of the machine's own, so the one installed along

USER = """
import asyncio, sys
from pathlib import Path
from assistant.embedded import open_store

async def use():
    async with open_store(Path(sys.argv[1]), environ={"PATH": ""}) as url:
        print(url, flush=True)
        sys.stdin.read()

asyncio.run(use())
"""


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder for a store; whatever runs in it at the end must go by itself."""
    folder = tmp_path / "with a space" / "état"
    yield folder
    if folder.exists():
        await all_gone(folder)


@asynccontextmanager
async def user(state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run another program that uses the store until this block ends or somebody kills it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", USER, str(state)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        await process.communicate(b"")  # closes its input, which ends it


async def all_gone(state: Path) -> None:
    """Return when neither supervisor nor server of this folder lives: the kernel tells."""

    with (state / "server.lock").open("a") as lock:
        async with asyncio.timeout(20):
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                else:
                    return


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url, decode_responses=True) as redis:
        yield redis


async def server_pid(url: str) -> int:
    async with client(url) as redis:
        return int((await redis.info("server"))["process_id"])


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


async def test_the_given_server_comes_first_and_nothing_is_started(state: Path) -> None:
    given = {"LUISTER_REDIS_URL": "redis://elsewhere:1/0", **os.environ}
    async with open_store(state, environ=given) as url:
        assert url == "redis://elsewhere:1/0"
    assert not state.exists()


@pytest.mark.parametrize(
    ("name", "version", "chosen"),
    [
        ("redis-server", "Redis server v=7.0.15 sha=0", True),
        ("valkey-server", "Valkey server v=8.1.1 sha=0", True),
        ("redis-server", "Redis server v=6.0.16 sha=0", False),
        ("redis-server", "no server at all", False),
    ],
)
def test_a_server_on_the_path_is_taken_if_new_enough(
    tmp_path: Path, *, name: str, version: str, chosen: bool
) -> None:
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    assert (find_server({"PATH": str(tmp_path)}) == program) is chosen


def test_without_any_server_the_error_says_what_to_do(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from assistant.embedded import find_server\n"
        "find_server({'PATH': ''})"
    )
    # -S leaves out every installed package, and with them the server that comes along.
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    for way in ("LUISTER_REDIS_URL", "redis-server", "pip install luister[embedded]"):
        assert way in done.stderr


async def test_the_store_is_durable_and_private(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url, client(url) as redis:
        settings = await redis.config_get("append*", "maxmemory-policy", "save", "bind")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "always"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["save"] == ""
        assert settings["bind"] == "127.0.0.1"
        assert state.stat().st_mode & 0o777 == 0o700
        assert (state / "store.url").stat().st_mode & 0o777 == 0o600
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as stranger:
            stranger.sendall(b"PING\r\n")
            assert stranger.recv(100).startswith(b"-NOAUTH")


async def test_the_password_is_in_no_process_list(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url:
        password = urlsplit(url).password
        assert password
        for process in Path("/proc").glob("[0-9]*"):
            try:
                shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue  # it ended meanwhile, or is not ours to read
            assert password.encode() not in shown


async def test_all_users_of_a_folder_share_one_server(state: Path) -> None:
    async with user(state) as (_, first), open_store(state, environ=ALONG) as second:
        assert first == second
        assert await server_pid(first) == await server_pid(second)


async def test_many_who_start_at_once_start_one_server(state: Path) -> None:
    stores = [open_store(state, environ=ALONG) for _ in range(8)]
    urls = await asyncio.gather(*(store.__aenter__() for store in stores))
    assert len(set(urls)) == 1
    assert (state / "store.log").read_text().count("just started") == 1
    for store in stores:
        await store.__aexit__(None, None, None)


async def test_the_server_stays_for_the_second_when_the_first_leaves(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url:
        pid = await server_pid(url)
        async with user(state) as (_, other):
            assert other == url
        assert await server_pid(url) == pid


async def test_the_server_leaves_cleanly_after_the_last_user(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url:
        pid = await server_pid(url)
    await all_gone(state)
    assert not Path(f"/proc/{pid}/fd/0").exists()
    assert "bye bye" in (state / "store.log").read_text()


async def test_who_comes_while_the_server_leaves_gets_the_next_one(state: Path) -> None:
    for expected in range(6):
        async with open_store(state, environ=ALONG) as url, client(url) as redis:
            assert int(await redis.get("visits") or 0) == expected
            await redis.incr("visits")


async def test_a_killed_user_takes_the_server_along(state: Path) -> None:
    async with user(state) as (process, url):
        pid = await server_pid(url)
        process.kill()
    await all_gone(state)
    assert not Path(f"/proc/{pid}/fd/0").exists()


async def test_a_killed_server_comes_back_with_its_data(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url:
        for kills in range(1, 4):
            async with client(url) as redis:
                await redis.rpush("kept", kills)
            killed = await server_pid(url)
            os.kill(killed, signal.SIGKILL)
            while Path(f"/proc/{killed}").exists():
                await asyncio.sleep(0.001)
            async with open_store(state, environ=ALONG) as again, client(again) as redis:
                assert again == url
                assert await redis.llen("kept") == kills


async def test_a_killed_supervisor_takes_the_server_along_and_the_data_stays(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url:
        async with client(url) as redis:
            await redis.set("kept", "yes")
        supervisor = parent_of(await server_pid(url))
        os.kill(supervisor, signal.SIGKILL)
        await all_gone(state)
        async with open_store(state, environ=ALONG) as again, client(again) as redis:
            assert again == url  # so that whoever still holds the old URL finds the new server
            assert await redis.get("kept") == "yes"


async def test_a_port_taken_meanwhile_is_left_alone(state: Path) -> None:
    async with open_store(state, environ=ALONG) as first, client(first) as redis:
        await redis.set("kept", "yes")
    await all_gone(state)
    with socket.create_server(("127.0.0.1", urlsplit(first).port or 0)):
        async with open_store(state, environ=ALONG) as second, client(second) as redis:
            assert urlsplit(second).port != urlsplit(first).port
            assert await redis.get("kept") == "yes"


async def test_the_machines_own_server_reads_what_the_other_wrote(state: Path) -> None:
    if not any(shutil.which(name) for name in ("redis-server", "valkey-server")):
        pytest.skip("no redis-server or valkey-server on the PATH")
    async with open_store(state, environ=ALONG) as url, client(url) as redis:
        await redis.xadd("stream", {"a": "1"}, id="1-1")
        await redis.bgrewriteaof()
        pid = await server_pid(url)
    await all_gone(state)
    async with open_store(state, environ=os.environ) as url, client(url) as redis:
        assert await server_pid(url) != pid
        assert await redis.xrange("stream") == [("1-1", {"a": "1"})]


async def test_a_damaged_log_is_an_error_with_the_servers_own_words(state: Path) -> None:
    async with open_store(state, environ=ALONG) as url, client(url) as redis:
        await redis.set("kept", "yes")
    await all_gone(state)
    (log,) = (state / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*1\r\nnonsense\r\n" + log.read_bytes())
    with pytest.raises(Misconfigured, match=r"does not start; store\.log ends with: .*AOF"):
        async with open_store(state, environ=ALONG):
            pytest.fail("a damaged log was taken for an empty store")


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot keep the store here"):
        async with open_store(tmp_path / "file", environ=ALONG):
            pytest.fail("a file was taken for a folder")
