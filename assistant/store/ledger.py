"""The audit trail as bytes: the organisation's log, each case's chain, roots, and erasing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assistant.case import Frozen
from assistant.errors import StoreUnavailable
from assistant.store import Store
from assistant.store.link import translated

PAGE = 1000
"""Log entries read in one go."""


class Entry(Frozen):
    """One line of the organisation's log: which event of which case, and its hash."""

    id: str
    case: str
    version: int
    hash: str


class Root(Frozen):
    """All heads folded into one value, at one position of the log."""

    at: datetime
    position: str
    entries: int
    cases: int
    root: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Everything stored of one case, as bytes."""

    events: tuple[bytes, ...]
    version: int
    head: str
    snapshot: bytes
    private: dict[str, str]


async def log_entries(store: Store, *, after: str = "0-0") -> AsyncIterator[Entry]:
    """Yield the log in order, from the entry behind `after`."""
    while True:
        async with translated():
            rows = await store.redis.xrange(store.keys.log, f"({after}", "+", count=PAGE)
        for id, row in rows:
            after = id
            yield Entry(id=id, case=row["c"], version=int(row["v"]), hash=row["h"])
        if len(rows) < PAGE:
            return


async def kept(store: Store, case: str) -> Kept:
    """Read one case's stored bytes; broken UTF-8 is kept visible, never an error."""
    keys = store.keys
    async with translated(), store.raw.pipeline(transaction=True) as pipe:
        pipe.lrange(keys.events(case), 0, -1)
        pipe.hmget(keys.case(case), "version", "head", "snapshot")
        pipe.hgetall(keys.private(case))
        events, (version, head, snapshot), private = await pipe.execute()
    return Kept(
        events=tuple(events),
        version=int(version or 0),
        head=(head or b"").decode("utf-8", "replace"),
        snapshot=snapshot or b"",
        private={
            key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for key, value in private.items()
        },
    )


async def save_root(store: Store, root: Root) -> None:
    async with translated():
        await store.redis.rpush(store.keys.roots, root.model_dump_json())


async def roots(store: Store) -> tuple[Root, ...]:
    async with translated():
        rows = await store.redis.lrange(store.keys.roots, 0, -1)
    return tuple(Root.model_validate_json(row) for row in rows)


async def forget_citizen(store: Store, citizens: tuple[tuple[str, ...], ...]) -> None:
    """Delete the indexes by which a citizen's cases are found."""
    names = [store.keys.citizen + store.hash("citizen", *each) for each in citizens]
    if names:
        async with translated():
            await store.redis.delete(*names)


async def forget_quarantined(store: Store, words: tuple[str, ...]) -> int:
    """Delete quarantined records that name one of `words`; return how many."""
    async with translated():
        rows = await store.redis.hgetall(store.keys.quarantine)
        names = [id for id, row in rows.items() if _mentions(row, words)]
        if names:
            await store.redis.hdel(store.keys.quarantine, *names)
    return len(names)


def _mentions(row: str, words: tuple[str, ...]) -> bool:
    # A JSON record may hold JSON once more, where every quote and accent is escaped again.
    raw = str(json.loads(row)["raw"])
    with suppress(ValueError):
        raw += json.dumps(json.loads(raw), ensure_ascii=False)
    return any(word.casefold() in raw.casefold() for word in words)


async def rewrite(store: Store, *, patience: float = 60.0) -> bool:
    """Have the server rewrite its files, so that what was deleted stands in no byte of them.

    Returns False when the server does not let us, or is not done within `patience` seconds.
    """
    try:
        # A rewrite under way began before the deletion.
        await _written(store, patience=patience)
        async with translated():
            config = await store.redis.config_get("appendonly", "save")
            if config.get("appendonly") == "yes":
                await store.redis.bgrewriteaof()
            if config.get("save"):
                await store.redis.bgsave(schedule=True)
        return await _written(store, patience=patience)
    except StoreUnavailable:  # a hosted Redis may forbid CONFIG
        return False


async def _written(store: Store, *, patience: float) -> bool:
    for _ in range(int(patience / 0.1)):
        async with translated():
            info: dict[str, Any] = await store.redis.info("persistence")
        busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        if not any(info.get(name) for name in busy):
            return bool(info.get("aof_last_bgrewrite_status", "ok") == "ok")
        await asyncio.sleep(0.1)
    return False


async def persistence(store: Store) -> tuple[str, ...]:
    """Return what falls short in how the server keeps data; empty when all is well."""
    try:
        async with translated():
            config = await store.redis.config_get("appendonly", "appendfsync", "maxmemory-policy")
    except StoreUnavailable:  # a hosted Redis may forbid CONFIG
        return ("the server does not tell how it keeps data",)
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    return tuple(
        f"{name} is {config.get(name, 'unknown')}, should be {value}"
        for name, value in wanted.items()
        if config.get(name) != value
    )
