"""A real Redis server of the tests' own, which they may kill, freeze and start again."""

import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import redis

from assistant.embedded import find_server
from tests.ports import free_port


class RedisServer:
    """One server on a loopback port with its data, kept with fsync at every write, in `dir`.

    Port, password and data outlive `kill()` and `stop()`: `start()` brings the same store back.
    """

    def __init__(self, folder: Path, *, environ: Mapping[str, str]) -> None:
        self.dir = folder
        self.program = find_server(environ)
        self.port = free_port()
        self._password = secrets.token_hex(8)
        self.url = f"redis://:{self._password}@127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The running server's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server unless it runs (a frozen one goes on); return when it answers."""
        if self._process is None or self._process.poll() is not None:
            config = (
                f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
                f'dir "{self.dir}"\nlogfile "{self.dir / "redis.log"}"\n'
                'appendonly yes\nappendfsync always\nmaxmemory-policy noeviction\nsave ""\n'
            )
            self._process = subprocess.Popen([self.program, "-"], stdin=subprocess.PIPE)
            assert self._process.stdin is not None
            with self._process.stdin as stdin:
                stdin.write(config.encode())
        self.resume()
        self._await_answer()

    def kill(self) -> None:
        """End the server as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server cleanly, also when it is frozen or already gone."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Freeze the server: connections stay open and nothing answers (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Empty the store, scripts included."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
            client.script_flush()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._signal(number)
            self._signal(signal.SIGCONT)
            self._process.wait(10)

    def _await_answer(self) -> None:
        until = time.monotonic() + 10
        with redis.Redis.from_url(self.url, retry=None) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    if time.monotonic() > until or self._has_ended():
                        raise
                    time.sleep(0.005)
                else:
                    return

    def _has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None
