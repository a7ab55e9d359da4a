"""Take in what citizens write: every post once, in the case it belongs to, nothing lost."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from assistant.errors import (
    Conflict,
    LuisterError,
    Refused,
    StoreUnavailable,
    TryAgain,
    place_of,
)
from assistant.listen.taking import PASSING, Taken, retry, take, take_or_keep, tally
from assistant.platforms import (
    Arrival,
    Condition,
    Gap,
    Platform,
    Pushed,
    Quarantined,
    Stirs,
    Told,
)
from assistant.store import Store
from assistant.store.connections import LEASE, alone, failed, well
from assistant.store.intake import advance, cursor, quarantine

__all__ = ["PACE", "Pace", "Taken", "listen", "retry", "source_of", "take", "tally"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How many seconds things take; `share` is the least part of `every` between two readings.

    `pause` is the first wait after trouble that passes, doubled each time up to `broken`, which is
    the wait where a person must look. `quiet` is how long a stream stays silent before it counts
    as well, `silence` how long a platform may keep us waiting for its next word, `place` how long
    reading may go on before the cursor is written down.
    """

    pause: float = 1.0
    broken: float = 60.0
    quiet: float = 30.0
    silence: float = 120.0
    place: float = 1.0
    share: float = 0.05
    lease: float = LEASE


PACE = Pace()


async def listen(
    store: Store,
    platform: Platform,
    *,
    clock: Callable[[], datetime],
    counted: Callable[[Taken], None] = lambda taken: None,
    lost: Callable[[Gap], Awaitable[None]] | None = None,
    keep: bool = True,
    pace: Pace = PACE,
) -> None:
    """Read `platform` from where the cursor stands, for ever, or once where `every` is None.

    Of all processes only one reads an account; the others stand by and take over within seconds.
    What fails is noted (store.connections) and tried again, it never raises. With `keep` False it
    reads from the start and leaves the cursor alone. `lost` is told of every gap.

    The cursor moves only once what comes before it is recorded, so a crash reads a little again
    and the repeats are known by their ids.
    """
    source = source_of(platform)
    read = partial(
        _read, store, platform, clock=clock, counted=counted, lost=lost, keep=keep, pace=pace
    )
    if platform.every is None:
        while await _tried(store, source, read, clock=clock, pace=pace, failures=0) is not None:
            pass
        return
    rounds = partial(_rounds, store, platform, read, clock=clock, pace=pace)
    if isinstance(platform, Pushed):
        await rounds()
    else:
        await alone(store, f"listen:{source}", rounds, lease=pace.lease)


def source_of(platform: Platform) -> str:
    """Return the name under which an account's cursor and connection are known."""
    return f"{platform.name}:{platform.account}"


async def _rounds(
    store: Store,
    platform: Platform,
    read: Callable[[], Awaitable[None]],
    *,
    clock: Callable[[], datetime],
    pace: Pace,
) -> None:
    """Read every `every` seconds, sooner when the platform stirs, never without a pause."""
    assert platform.every is not None
    source, loop = source_of(platform), asyncio.get_running_loop()
    stirred: asyncio.Queue[None] = asyncio.Queue(maxsize=1)
    failures = 0
    async with asyncio.TaskGroup() as group:
        if isinstance(platform, Stirs):
            group.create_task(_stream(store, platform, stirred, source, clock=clock, pace=pace))
        while True:
            with suppress(asyncio.QueueEmpty):
                stirred.get_nowait()
            began = loop.time()
            trouble = await _tried(store, source, read, clock=clock, pace=pace, failures=failures)
            failures = 0 if trouble is None else failures + 1
            if trouble is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(platform.every):
                        await stirred.get()
                await asyncio.sleep(began + platform.every * pace.share - loop.time())


async def _tried(
    store: Store,
    source: str,
    read: Callable[[], Awaitable[None]],
    *,
    clock: Callable[[], datetime],
    pace: Pace,
    failures: int,
) -> Exception | None:
    """Read once and note how that went; after trouble, wait as long as it takes and return it."""
    try:
        await read()
        await well(store, source, "reading", now=clock())
    except Exception as error:  # the loop's one net: sending and the chat go on
        wait = _wait(error, failures, pace=pace)
        log.warning("listen %s waits %.1f s: %s", source, wait, _says(error))
        await _noted(store, source, "reading", error, now=clock())
        await asyncio.sleep(wait)
        return error
    return None


async def _stream(
    store: Store,
    platform: Stirs,
    stirred: asyncio.Queue[None],
    source: str,
    *,
    clock: Callable[[], datetime],
    pace: Pace,
) -> None:
    """Pass on that something arrived; a stream that fails is noted and opened again.

    It is not asked again before the reader has heard: what waits to be read goes on stirring.
    """
    failures, heard = 0, False
    while True:
        waiting = asyncio.ensure_future(platform.stirred())
        try:
            while not (await asyncio.wait({waiting}, timeout=pace.quiet))[0]:
                failures, heard = 0, True
                await well(store, source, "stream", now=clock())
            waiting.result()
            if failures or not heard:
                await well(store, source, "stream", now=clock())
            failures, heard = 0, True
            await stirred.put(None)
        except StoreUnavailable:
            await asyncio.sleep(pace.pause)
        except Exception as error:  # the stream's one net: reading goes on without it
            wait = _wait(error, failures, pace=pace)
            failures += 1
            log.warning("listen %s: no stream for %.1f s: %s", source, wait, _says(error))
            await _noted(store, source, "stream", error, now=clock())
            await asyncio.sleep(wait)
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


def _wait(error: Exception, failures: int, *, pace: Pace) -> float:
    """Return for how many seconds to leave it alone: what was asked, else longer each time."""
    if isinstance(error, TryAgain) and error.after is not None:
        return error.after
    if isinstance(error, PASSING):
        return min(pace.pause * 2.0**failures, pace.broken)
    return pace.broken


def _says(error: Exception) -> str:
    """Return what is wrong; of what nobody foresaw no message, which may quote a citizen."""
    return str(error) if isinstance(error, LuisterError) else place_of(error)


async def _noted(store: Store, source: str, part: str, error: Exception, *, now: datetime) -> None:
    """Note that a part fails; trouble with our own store is told elsewhere."""
    if isinstance(error, StoreUnavailable | Conflict):
        return
    with suppress(StoreUnavailable):
        grave = isinstance(error, Refused)
        await failed(store, source, part, _says(error), grave=grave, now=now)


async def _read(
    store: Store,
    platform: Platform,
    *,
    clock: Callable[[], datetime],
    counted: Callable[[Taken], None],
    lost: Callable[[Gap], Awaitable[None]] | None,
    keep: bool,
    pace: Pace,
) -> None:
    """Record what there is now, in order."""
    source = source_of(platform)
    start = await cursor(store, source) if keep else None
    place = _Place(store, source, every=pace.place)
    try:
        async for each in _spoken(platform, start, silence=pace.silence):
            now = clock()
            if isinstance(each, Condition):
                await _condition(store, source, each, now=now)
            elif isinstance(each, Gap):
                log.warning("listen %s lost posts: %s", source, each.reason)
                if lost is not None:
                    await lost(each)
            elif isinstance(each, Quarantined):
                kept = {"where": each.where, "reason": each.reason, "raw": each.raw}
                await quarantine(store, source=source, **kept, now=now)
                counted("quarantined")
            else:
                counted(await take_or_keep(store, each, now=now))
            if keep and isinstance(each, Arrival | Quarantined):
                await place.reached(each.cursor)
    finally:
        await place.keep()


class _Place:
    """Where reading is; written down now and then, as a crash may read a second's posts again."""

    def __init__(self, store: Store, source: str, *, every: float) -> None:
        self._store = store
        self._source = source
        self._every = every
        self._cursor: str | None = None
        self._kept = asyncio.get_running_loop().time()

    async def reached(self, cursor: str | None) -> None:
        """Note that all up to `cursor` is recorded."""
        self._cursor = cursor or self._cursor
        if asyncio.get_running_loop().time() - self._kept > self._every:
            await self.keep()

    async def keep(self) -> None:
        if self._cursor is not None:
            await advance(self._store, self._source, self._cursor)
            self._cursor = None
        self._kept = asyncio.get_running_loop().time()


async def _spoken(platform: Platform, cursor: str | None, *, silence: float) -> AsyncIterator[Told]:
    """Yield what the platform tells; raises TryAgain when it falls silent before its end."""
    told = platform.arrivals(cursor)
    try:
        while True:
            async with asyncio.timeout(None if platform.every is None else silence):
                each = await anext(told, None)
            if each is None:
                return
            yield each
    except TimeoutError as error:
        raise TryAgain(f"the platform said nothing for {silence:.0f} seconds") from error
    finally:
        if isinstance(told, AsyncGenerator):
            await told.aclose()


async def _condition(store: Store, source: str, told: Condition, *, now: datetime) -> None:
    if told.well:
        await well(store, source, told.part, now=now)
    else:
        log.warning("listen %s: %s: %s", source, told.part, told.reason)
        await failed(store, source, told.part, told.reason, grave=True, now=now)
