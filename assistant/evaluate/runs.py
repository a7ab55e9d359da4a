"""Many posts tried at once, and what was tried kept, so that a run that was stopped goes on."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assistant.case import Frozen
from assistant.config import Organisation
from assistant.evaluate.rows import Row
from assistant.evaluate.trying import Bench, Tried, tried
from assistant.paths import PACKAGE
from assistant.prompts import load_prompts

CHUNK = 20
"""Posts a process takes at a time: few enough for the progress to move."""

WORTH_IT = 100
"""Posts from which processes of their own, which take seconds to start, save time."""


class Kept(Frozen):
    """One line of the file of results: what was found, and for which post and configuration."""

    key: str
    tried: Tried


def configuration(organisation: Organisation, *, model: str, on: str) -> str:
    """Return a hash of all that decides what is found: the configuration, prompts, code, the day.

    `model` names the model, `on` the day: answers and subjects have dates.
    """
    parts = [organisation.model_dump_json(), model, on]
    parts += [prompt.label for _, prompt in sorted(load_prompts().items())]
    kinds = ("*.py", "*.toml", "*.json", "*.txt")
    files = sorted(path for kind in kinds for path in PACKAGE.rglob(kind))
    whole = sha256("\n".join(parts).encode())
    for path in files:
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


class Results:
    """The file beside the report that holds what was found already; without a path it is nothing.

    No post's text stands in it: a post is known by a hash.
    """

    def __init__(self, path: Path | None, *, configuration: str) -> None:
        self._path = path
        self._configuration = configuration
        self._known = {each.key: each.tried for each in self._read()}

    def known(self, row: Row) -> Tried | None:
        """Return what was found for a post with this very configuration."""
        found = self._known.get(self._key(row))
        return found.model_copy(update={"id": row.id}) if found else None

    def keep(self, rows: Sequence[Row], found: Sequence[Tried]) -> None:
        """Add what was found, in one write: a run stopped in its middle leaves whole lines."""
        if self._path is None:
            return
        lines = [
            Kept(key=self._key(row), tried=each.model_copy(update={"id": ""})).model_dump_json()
            for row, each in zip(rows, found, strict=True)
        ]
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def _key(self, row: Row) -> str:
        return sha256(f"{self._configuration}\n{row.id}\n{row.text}".encode()).hexdigest()[:32]

    def _read(self) -> Iterator[Kept]:
        if self._path is None or not self._path.is_file():
            return
        for line in self._path.read_text("utf-8").splitlines():
            try:
                yield Kept.model_validate_json(line)
            except ValidationError:
                # The last line of a run that was killed; the post is tried again.
                continue


async def tried_here(
    rows: Sequence[Row], *, bench: Bench, at_once: int
) -> AsyncIterator[tuple[list[Row], list[Tried]]]:
    """Yield what is found for each post, at most `at_once` at a time, as it comes."""
    gate = asyncio.Semaphore(at_once)

    async def one(row: Row) -> tuple[list[Row], list[Tried]]:
        async with gate:
            return [row], [await tried(row, bench=bench)]

    tasks = [asyncio.create_task(one(row)) for row in rows]
    try:
        for each in asyncio.as_completed(tasks):
            yield await each
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_bench: Bench | None = None


def _begin(make: Callable[..., Bench], arguments: tuple[Any, ...]) -> None:
    """Make a process ready; Ctrl-C is for the one that started it."""
    global _bench  # noqa: PLW0603 - one a process, made before its first post
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bench = make(*arguments)


def _chunk(rows: list[Row]) -> list[Tried]:
    bench = _bench
    assert bench is not None

    async def all_of() -> list[Tried]:
        return [await tried(row, bench=bench) for row in rows]

    return asyncio.run(all_of())


async def tried_in_processes(
    rows: Sequence[Row], make: Callable[..., Bench], arguments: tuple[Any, ...]
) -> AsyncIterator[tuple[list[Row], list[Tried]]]:
    """Yield what is found, by as many processes as there are cores; each calls `make` first."""
    chunks = [list(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)]
    loop = asyncio.get_running_loop()
    pool = ProcessPoolExecutor(
        max_workers=min(os.cpu_count() or 1, len(chunks)),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(make, arguments),
    )

    async def one(chunk: list[Row]) -> tuple[list[Row], list[Tried]]:
        return chunk, await loop.run_in_executor(pool, _chunk, chunk)

    tasks = [asyncio.create_task(one(chunk)) for chunk in chunks]
    try:
        for each in asyncio.as_completed(tasks):
            yield await each
    finally:
        for task in tasks:
            task.cancel()
        pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*tasks, return_exceptions=True)
