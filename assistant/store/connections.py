"""How our connections are, part by part, over all processes; and who may read an account."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from assistant.case import Case, Frozen
from assistant.errors import StoreUnavailable
from assistant.store import Store, milliseconds
from assistant.store.link import translated

PATIENCE = timedelta(minutes=2)
"""How long trouble that may pass by itself is left alone before people are told."""

STEADY = timedelta(minutes=1)
"""How long a part must be well before people are told so: what flickers is no news."""

UNREST = timedelta(hours=6)
"""After so long without trouble a part counts as quiet again; within it each spell of trouble
doubles how long the next must be over, DOUBLED times at most: about an hour."""

DOUBLED = 6

LEASE = 6.0
"""Seconds the reader of an account may be silent before another process takes over."""


class Connection(Frozen):
    """One part of the connection of one account, such as its `reading`, `sending` or `stream`.

    `bad_since` is when it failed, and since when it is well again `well_since`; `grave` when it
    will not pass by itself; `told` when people know. `reason` never holds a citizen's words.
    `spells` counts the spells of trouble told lately, the last of which was over at `calm_since`.
    """

    account: str
    part: str
    reason: str = ""
    bad_since: datetime | None = None
    well_since: datetime | None = None
    grave: bool = False
    told: bool = False
    spells: int = 0
    calm_since: datetime | None = None

    @property
    def ok(self) -> bool:
        return self.bad_since is None or self.well_since is not None

    @property
    def episode(self) -> str:
        """The mark of this spell of trouble, by which it is told once."""
        at = milliseconds(self.bad_since) if self.bad_since else 0
        return f"connection:{self.account}:{self.part}:{at}"

    def due(self, now: datetime) -> bool:
        """Say whether people must be told now that it fails."""
        if self.bad_since is None or self.told or self.well_since is not None:
            return False
        return self.grave or now - self.bad_since >= PATIENCE

    def mended(self, now: datetime) -> bool:
        """Say whether people must be told now that it is well again."""
        steady = STEADY * 2 ** min(self.spells, DOUBLED)
        return self.told and self.well_since is not None and now - self.well_since >= steady

    def calm(self) -> "Connection":
        """Return this part without its trouble."""
        update = {"bad_since": None, "well_since": None, "grave": False, "told": False}
        return self.model_copy(update=update | {"reason": ""})


def source_of(case: Case) -> str:
    """Return the name under which the connection of a case's account is known."""
    return f"{case.platform}:{case.account}"


async def connections(store: Store) -> tuple[Connection, ...]:
    """Return every part of every connection that was ever heard of."""
    async with translated():
        rows = await store.redis.hgetall(store.keys.connections)
    return tuple(_read(rows[name]) for name in sorted(rows))


async def failed(
    store: Store, account: str, part: str, reason: str, *, grave: bool, now: datetime
) -> None:
    """Note that a part fails; `grave` when it will not pass by itself."""

    def change(held: Connection) -> Connection:
        quiet = held.calm_since is None or now - held.calm_since > UNREST
        update = {
            "reason": reason,
            "bad_since": held.bad_since or now,
            "well_since": None,
            "grave": grave or held.grave,
            "spells": 0 if quiet and held.bad_since is None else held.spells,
        }
        return held.model_copy(update=update)

    await change_connection(store, account, part, change)


async def well(store: Store, account: str, part: str, *, now: datetime) -> None:
    """Note that a part is well."""
    async with translated():
        stored = await store.redis.hget(store.keys.connections, _name(account, part))
    if stored and _read(stored).bad_since is None:
        return

    def change(held: Connection) -> Connection:
        if held.told:
            return held.model_copy(update={"well_since": held.well_since or now})
        return held.calm()

    await change_connection(store, account, part, change)


async def forget_connection(store: Store, held: Connection) -> None:
    """Forget a part, as its account is ours no more."""
    async with translated():
        await store.redis.hdel(store.keys.connections, _name(held.account, held.part))


async def change_connection(
    store: Store, account: str, part: str, change: Callable[[Connection], Connection]
) -> None:
    """Change what is known of one part, as one step over all processes."""
    key, name = store.keys.connections, _name(account, part)

    async def step(pipe: Any) -> None:
        stored = await pipe.hget(key, name)
        held = _read(stored) if stored else None
        new = change(held or Connection(account=account, part=part))
        pipe.multi()
        if new != held:
            pipe.hset(key, name, new.model_dump_json(exclude_defaults=True))

    async with translated():
        await store.redis.transaction(step, key)


def _name(account: str, part: str) -> str:
    return json.dumps([account, part])


def _read(stored: str) -> Connection:
    return Connection.model_validate_json(stored)


async def alone(
    store: Store, name: str, act: Callable[[], Awaitable[None]], *, lease: float = LEASE
) -> None:
    """Run `act` while this process is the only one that does so under `name`; others stand by.

    It is begun anew here or elsewhere when its process loses the lease; returns when it ends.
    """
    key, holder, milli = store.keys.lease(name), secrets.token_hex(8), int(lease * 1000)
    while True:
        with suppress(StoreUnavailable):
            if await store.script("hold", [key], holder, milli):
                task = asyncio.ensure_future(act())
                try:
                    if await _held(store, key, holder, task, lease=lease):
                        return
                finally:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    with suppress(StoreUnavailable):
                        await store.script("release", [key], holder)
        await asyncio.sleep(lease / 3)


async def _held(
    store: Store, key: str, holder: str, task: "asyncio.Future[None]", *, lease: float
) -> bool:
    """Renew the lease until the task ends (True) or the lease is lost (False)."""
    loop = asyncio.get_running_loop()
    renewed = loop.time()
    while True:
        await asyncio.wait({task}, timeout=lease / 3)
        if task.done():
            task.result()
            return True
        try:
            if not await store.script("keep", [key], holder, int(lease * 1000)):
                return False
            renewed = loop.time()
        except StoreUnavailable:
            if loop.time() - renewed > lease:
                return False
