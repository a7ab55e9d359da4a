"""What arrived beside the cases: cursors of the platforms, and the quarantine."""

import json
from datetime import datetime

from assistant.case import Frozen
from assistant.store import Store
from assistant.store.link import translated


class Kept(Frozen):
    """A record nobody could read, kept as it came; `id` is its keyed hash."""

    id: str
    source: str
    where: str
    reason: str
    raw: str
    at: datetime


async def cursor(store: Store, source: str) -> str | None:
    """Return where reading `source` left off."""
    async with translated():
        found: str | None = await store.redis.hget(store.keys.cursors, source)
    return found


async def advance(store: Store, source: str, cursor: str) -> None:
    """Remember how far `source` was read; call it only once that part is recorded."""
    async with translated():
        await store.redis.hset(store.keys.cursors, source, cursor)


async def held_by(store: Store, *places: str) -> str | None:
    """Return the id of the reply that is recorded to stand at one of `places` (platform:id)."""
    async with translated():
        names = [store.hash("remote", each) for each in places]
        found = await store.redis.hmget(store.keys.remotes, names) if names else []
    return next((each for each in found if each), None)


async def quarantine(
    store: Store, *, source: str, where: str, reason: str, raw: str, now: datetime
) -> bool:
    """Keep a record nobody could read; False when the same one is kept already."""
    kept = Kept(
        id=store.hash("quarantine", source, raw),
        source=source,
        where=where,
        reason=reason,
        raw=raw,
        at=now,
    )
    async with translated():
        return bool(
            await store.redis.hsetnx(store.keys.quarantine, kept.id, kept.model_dump_json())
        )


async def quarantined(store: Store) -> tuple[Kept, ...]:
    """Return what is in quarantine, oldest first."""
    async with translated():
        rows = await store.redis.hvals(store.keys.quarantine)
    return tuple(
        sorted((Kept.model_validate(json.loads(row)) for row in rows), key=lambda each: each.at)
    )


async def release(store: Store, id: str) -> None:
    """Take one record out of the quarantine."""
    async with translated():
        await store.redis.hdel(store.keys.quarantine, id)


async def expire_quarantine(store: Store, *, before: datetime) -> int:
    """Delete quarantined records older than `before`: they hold citizens' data too."""
    old = [each.id for each in await quarantined(store) if each.at < before]
    if old:
        async with translated():
            await store.redis.hdel(store.keys.quarantine, *old)
    return len(old)
