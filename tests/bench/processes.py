"""Processes of the bench: start one, talk to it, and read its CPU time and memory from /proc."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp

TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Return the seconds of CPU, user and system, process `pid` has used with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss(pid: int) -> float:
    """Return the resident memory of process `pid` in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


class Child:
    """A Python process of the bench's own; use as `async with Child(*argv) as child:`."""

    def __init__(self, *argv: str, environ: Mapping[str, str] | None = None) -> None:
        self._argv = argv
        self._environ = {**os.environ, **(environ or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environ,
            limit=2**24,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await self.process.communicate()
            except TimeoutError:
                print(f"had to kill {' '.join(self._argv)[:60]}", file=sys.stderr)
                self.process.kill()
                await self.process.communicate()

    async def line(self) -> str:
        """Return its next line; RuntimeError when it ended instead."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._argv)} ended")
        return line.decode().strip()

    async def tell(self, line: str) -> None:
        """Write it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()


async def control(port: int, name: str, **values: Any) -> dict[str, Any]:
    """Tell a loopback server of ours what to do and return its counts."""
    url = f"http://127.0.0.1:{port}/bench/{name}"
    async with aiohttp.ClientSession() as session, session.post(url, json=values) as answer:
        answer.raise_for_status()
        told: dict[str, Any] = await answer.json()
        return told
