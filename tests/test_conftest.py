"""The rules every test runs under: no skip passes in CI, nothing leaves the machine."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests import conftest
from tests.redis_server import RedisServer

ROOT = Path(__file__).parent.parent
PASSING = "def test_b(): pass\n"
FILES = {
    "test_skipped.py": 'import pytest\npytest.skip("no moon", allow_module_level=True)\n',
    "test_partly.py": f'import pytest\ndef test_a(): pytest.skip("no printer")\n{PASSING}',
}


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_skip_fails_the_run_in_ci_with_its_reason(tmp_path: Path, *, processes: str) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    done = _run(tmp_path, ci="true", processes=processes)
    assert done.returncode == 1
    assert "Skipped: no printer" in done.stdout
    assert "Skipped: no moon" in done.stdout


def test_a_skip_passes_outside_ci(tmp_path: Path) -> None:
    (tmp_path / "test_partly.py").write_text(FILES["test_partly.py"])
    assert _run(tmp_path, ci="", processes="0").returncode == 0


def test_a_run_without_skips_passes_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_passing.py").write_text(PASSING)
    assert _run(tmp_path, ci="true", processes="0").returncode == 0


def _run(folder: Path, *, ci: str, processes: str) -> subprocess.CompletedProcess[str]:
    options = ("--rootdir", folder, "--numprocesses", processes, "-p", "tests.conftest")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, *options, folder],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_test_cannot_look_up_or_reach_another_machine() -> None:
    with pytest.raises(PermissionError, match="this machine only"):
        socket.getaddrinfo("example.invalid", 80)
    with socket.socket() as tcp, pytest.raises(PermissionError, match="this machine only"):
        tcp.connect(("192.0.2.1", 80))
    with (
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        pytest.raises(PermissionError, match="this machine only"),
    ):
        udp.sendto(b"", ("192.0.2.1", 53))
    assert len(conftest.left_the_machine) == 3
    conftest.left_the_machine.clear()  # or this very test fails, as it should anywhere else


def test_the_tests_server_keeps_its_data_through_a_kill(
    redis_server: RedisServer, store_url: str
) -> None:
    with redis.Redis.from_url(store_url) as client:
        client.set("kept", "yes")
    redis_server.kill()
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("kept") == b"yes"


def test_a_frozen_server_accepts_and_says_nothing(
    redis_server: RedisServer, store_url: str
) -> None:
    redis_server.pause()
    with (
        redis.Redis.from_url(store_url, socket_timeout=0.05, retry=None) as client,
        pytest.raises(redis.TimeoutError),
    ):
        client.ping()
    redis_server.resume()
    with redis.Redis.from_url(store_url) as client:
        assert client.ping()


def test_each_test_starts_with_an_empty_store_whatever_the_last_one_did(
    redis_server: RedisServer, store_url: str
) -> None:
    with redis.Redis.from_url(store_url) as client:
        assert client.dbsize() == 0
        client.set("left", "over")
    redis_server.pause()
