"""Work on Redis Streams: leases that are renewed, reclaim on a timer, timers, dead letters."""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import ResponseError

from assistant.case import Frozen, State
from assistant.errors import StoreUnavailable, place_of
from assistant.store import STEPS, Delivery, Step, Store, milliseconds, utcnow
from assistant.store.link import BLOCK, ensure_group, translated

GROUP = "luister"
LEASE = 30.0
"""Seconds a worker may be silent before another takes its work; renewed every third of it."""

TRIES = 5
"""Deliveries after which work is dead and a person must look (research: fault matrix, row 19)."""

log = logging.getLogger(__name__)
Handler = Callable[[str, Delivery], Awaitable[None]]


class Dead(Frozen):
    """Work that failed TRIES times: which step of which case, and the kind of error."""

    id: str
    step: str
    case: str
    lane: str | None = None
    reason: str
    at: datetime


class Worker:
    """Runs one step's handler on the cases that need it, at most `slots` at once.

    `buried` is told about each dead letter.
    """

    def __init__(
        self,
        store: Store,
        step: Step,
        handler: Handler,
        *,
        slots: int = 10,
        lease: float = LEASE,
        buried: Callable[[Dead], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._step: Step = step
        self._handler = handler
        self._slots = slots
        self._freed = asyncio.Event()
        self._lease = lease
        self._buried = buried
        self._stream = store.keys.work + step
        self._name = secrets.token_hex(8)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._looked = 0.0

    async def run(self) -> None:
        """Work until cancelled; then let what runs finish for a third of a lease, and end it.

        What does not end within a few seconds more is left behind: its entry is still there, so it
        is taken over, and the store it uses opens no connection once it is closed.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forever(self._take))
                group.create_task(self._forever(self._renew, every=self._lease / 3))
        finally:
            if self._running:
                await self._stop()

    async def _stop(self) -> None:
        running = tuple(self._running.values())
        _, late = await asyncio.wait(running, timeout=self._lease / 3)
        for task in late:
            task.cancel()
        _, stuck = await asyncio.wait(late, timeout=self._lease / 6) if late else ((), ())
        for task in stuck:
            log.error("work.%s case=%s did not stop", self._step, task.get_name())

    async def _forever(self, act: Callable[[], Awaitable[None]], *, every: float = 0) -> None:
        """Repeat `act`; when the store is away, wait and go on, so that no worker ever exits."""
        while True:
            try:
                await act()
                await asyncio.sleep(every)
            except StoreUnavailable as error:
                log.warning("work.%s waits: %s", self._step, error)
                await asyncio.sleep(0.5)

    async def _take(self) -> None:
        """Take only as much as can start now: what is read but waits would be stranded."""
        late = await self._late()
        while len(self._running) >= self._slots:
            self._freed.clear()
            await self._freed.wait()
        for entry in late[: self._slots - len(self._running)]:
            await self._take_over(entry)
        if free := self._slots - len(self._running):
            for entry, fields in await self._read_new(free):
                self._start(entry, fields["case"])

    async def _read_new(self, count: int) -> list[tuple[str, dict[str, str]]]:
        """Wait for new work, but not so long that a look at what is late comes late."""
        block = int(min(BLOCK, self._lease / 3) * 1000)
        async with translated():
            try:
                answer = await self._store.reader.xreadgroup(
                    GROUP, self._name, {self._stream: ">"}, count=count, block=block
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                await ensure_group(self._store.redis, self._stream, GROUP)
                return []
        return _entries(answer)

    def _start(self, entry: str, case: str) -> None:
        self._running[entry] = asyncio.create_task(self._one(entry, case), name=case)

    async def _one(self, entry: str, case: str) -> None:
        try:
            await self._handler(case, Delivery(step=self._step, entry=entry))
            async with translated(), self._store.redis.pipeline() as pipe:
                pipe.xack(self._stream, GROUP, entry)
                pipe.xdel(self._stream, entry)
                pipe.hdel(self._store.keys.failures, self._id(entry))
                await pipe.execute()
        except StoreUnavailable as error:
            log.warning("work.%s case=%s waits: %s", self._step, case, error)
        except Exception as error:  # the loop's one net: the work stays pending and comes back
            await self._note(entry, type(error).__name__)
            # No message and no traceback values: either may quote a citizen.
            log.error("work.%s case=%s failed: %s", self._step, case, place_of(error))
        finally:
            self._running.pop(entry, None)
            self._freed.set()

    async def _note(self, entry: str, reason: str) -> None:
        """Keep why this entry failed, for whichever worker has to bury it."""
        with suppress(StoreUnavailable):
            async with translated():
                await self._store.redis.hset(self._store.keys.failures, self._id(entry), reason)

    def _id(self, entry: str) -> str:
        return f"{self._step}-{entry}"

    async def _renew(self) -> None:
        if self._running:
            async with translated():
                await self._store.redis.xclaim(
                    self._stream, GROUP, self._name, 0, list(self._running), justid=True
                )

    async def _late(self) -> list[str]:
        """Return what nobody renewed, looked up every third of a lease; bury the hopeless."""
        now = asyncio.get_running_loop().time()
        if now < self._looked + self._lease / 3:
            return []
        self._looked = now
        async with translated():
            try:
                late = await self._store.redis.xpending_range(
                    self._stream, GROUP, "-", "+", 100, idle=int(self._lease * 1000)
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return []
        mine = [row for row in late if row["message_id"] not in self._running]
        for row in mine:
            if row["times_delivered"] >= TRIES:
                await self._bury(row["message_id"])
        return [row["message_id"] for row in mine if row["times_delivered"] < TRIES]

    async def _take_over(self, entry: str) -> None:
        async with translated():
            claimed = await self._store.redis.xclaim(
                self._stream, GROUP, self._name, int(self._lease * 1000), [entry]
            )
        for claimed_entry, fields in claimed:
            if fields:
                self._start(claimed_entry, fields["case"])

    async def _bury(self, entry: str) -> None:
        async with translated():
            rows = await self._store.redis.xrange(self._stream, entry, entry)
            reason = await self._store.redis.hget(self._store.keys.failures, self._id(entry))
        if not rows:
            return
        dead = Dead(
            # One letter a case and step: the sweeper leaves such a case to people.
            id=f"{self._step}-{rows[0][1]['case']}",
            step=self._step,
            case=rows[0][1]["case"],
            reason=reason or "the worker was stopped each time",
            at=utcnow(),
        )
        keys = [self._stream, self._store.keys.dead, self._store.keys.failures]
        args = (entry, dead.id, dead.model_dump_json(), self._id(entry))
        if not await self._store.script("bury", keys, *args):
            return
        log.error("work.%s case=%s is a dead letter: %s", self._step, dead.case, dead.reason)
        if self._buried:
            await self._buried(dead)


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """Return the entries of an XREADGROUP answer for one stream (a list or a map, by protocol)."""
    if not answer:
        return []
    rows = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))
    if rows and isinstance(rows[0], list) and rows[0] and isinstance(rows[0][0], (list, tuple)):
        rows = rows[0]
    return [(entry, fields) for entry, fields in rows if fields]


async def move_due(store: Store, *, now: datetime, most: int = 500) -> int:
    """Hand out the timers that are due; return how many."""
    keys = store.keys
    moved: int = await store.script(
        "due", [keys.later, keys.work, keys.lane, keys.lanes], milliseconds(now), most
    )
    return moved


async def sweep(store: Store, *, now: datetime, older: timedelta) -> int:
    """Wake up cases that stand still in a state that needs work; return how many.

    A stream entry is only a wake-up and the case is the truth: whatever lost its entry (a restored
    backup, a removed key) comes back here. What has an entry or a timer is left alone: a backlog
    would grow with every sweep, and a pause a platform asked for would be cut short.
    """
    woken = 0
    for state, step in (
        (State.NEW, "triage"),
        (State.QUEUED, "send"),
        (State.SENDING, "send"),
    ):
        standing = await store.ids(state, until=now - older)
        for case in await _without_work(store, step, standing):
            async with translated():
                await store.redis.xadd(store.keys.work + step, {"case": case})
            woken += 1
    return woken


async def _without_work(store: Store, step: str, cases: Sequence[str]) -> list[str]:
    """Return those of `cases` with no entry in the step's stream, no timer, no dead letter."""
    if not cases:
        return []
    timers = [json.dumps({"case": case, "step": step}, sort_keys=True) for case in cases]
    letters = [f"{step}-{case}" for case in cases]
    async with translated():
        dead = await store.redis.hmget(store.keys.dead, letters)
        due = await store.redis.zmscore(store.keys.later, timers)
        rows = await store.redis.xrange(store.keys.work + step, "-", "+")
    queued = {fields["case"] for _, fields in rows}
    return [
        case
        for case, at, letter in zip(cases, due, dead, strict=True)
        if at is None and letter is None and case not in queued
    ]


async def pending(store: Store) -> dict[str, int]:
    """Return how much work waits in each stream, plus `later` for timers."""
    async with translated(), store.redis.pipeline(transaction=False) as pipe:
        for step in STEPS:
            pipe.xlen(store.keys.work + step)
        pipe.zcard(store.keys.later)
        return dict(zip((*STEPS, "later"), await pipe.execute(), strict=True))


async def oldest(store: Store, *, now: datetime) -> dict[str, float]:
    """Return how long, in seconds, the oldest entry of each stream has waited (0 when empty)."""
    async with translated(), store.redis.pipeline(transaction=False) as pipe:
        for step in STEPS:
            pipe.xrange(store.keys.work + step, "-", "+", count=1)
        first = await pipe.execute()
    at = milliseconds(now)
    ages = ((at - int(rows[0][0].split("-")[0])) / 1000 if rows else 0.0 for rows in first)
    return {step: max(age, 0.0) for step, age in zip(STEPS, ages, strict=True)}


async def dead_letters(store: Store) -> tuple[Dead, ...]:
    """Return the dead letters, oldest first."""
    async with translated():
        rows = await store.redis.hvals(store.keys.dead)
    return tuple(sorted(map(Dead.model_validate_json, rows), key=lambda each: each.at))


async def bury_shown(store: Store, dead: Dead, *, lane: str) -> None:
    """Take `dead.case` off a lane and keep it as a dead letter."""
    async with translated(), store.redis.pipeline(transaction=True) as pipe:
        pipe.hset(store.keys.dead, dead.id, dead.model_dump_json())
        pipe.zrem(store.keys.lane + lane, dead.case)
        await pipe.execute()


async def revive(store: Store, dead: Dead) -> None:
    """Put a dead letter back to work."""
    async with translated(), store.redis.pipeline(transaction=True) as pipe:
        pipe.hdel(store.keys.dead, dead.id)
        if dead.lane is not None:
            pipe.zadd(store.keys.lane + dead.lane, {dead.case: milliseconds(dead.at)})
            pipe.sadd(store.keys.lanes, dead.lane)
        else:
            pipe.xadd(store.keys.work + dead.step, {"case": dead.case})
        await pipe.execute()
