"""Work on streams: taken over after a crash, never started twice, buried when hopeless."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from assistant.case import Event, Kind, State
from assistant.errors import StoreUnavailable
from assistant.store import Decision, Delivery, Store, Work, milliseconds, open_store, utcnow
from assistant.store.lanes import lanes
from assistant.store.work import (
    TRIES,
    Dead,
    Handler,
    Worker,
    bury_shown,
    dead_letters,
    move_due,
    oldest,
    pending,
    revive,
    sweep,
)
from tests.core import START, add, new_case, queued_case, reply_to, triaged
from tests.redis_server import RedisServer

LEASE = 0.3


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@asynccontextmanager
async def working(
    store: Store,
    handler: Handler,
    *,
    slots: int = 10,
    lease: float = LEASE,
    buried: Callable[[Dead], Awaitable[None]] | None = None,
) -> AsyncIterator[None]:
    """Run a worker while inside; leaving stops it as a deployment would."""
    worker = Worker(store, "draft", handler, slots=slots, lease=lease, buried=buried)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        [ended] = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError), ended


async def queue(store: Store, *cases: str) -> None:
    """Put work for `cases` in the stream."""
    for case in cases:
        await store.redis.xadd(store.keys.work + "draft", {"case": case})


async def until(done: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


async def quiet(store: Store, *, seconds: float = 5.0) -> None:
    """Wait until no entry is left."""
    async with asyncio.timeout(seconds):
        while (await pending(store))["draft"]:
            await asyncio.sleep(0.01)


async def test_everything_is_handled_once_and_leaves_nothing(store: Store) -> None:
    done: Counter[str] = Counter()

    async def handle(case: str, ack: Delivery) -> None:
        done[case] += 1

    await queue(store, *(f"c{n}" for n in range(50)))
    async with working(store, handle):
        await quiet(store)
    assert done == Counter({f"c{n}": 1 for n in range(50)})


async def test_what_a_crashed_worker_held_is_taken_over_after_the_lease(store: Store) -> None:
    begun, done = asyncio.Event(), Counter[str]()

    async def hang(case: str, ack: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def handle(case: str, ack: Delivery) -> None:
        done[case] += 1

    await queue(store, "c1")
    async with working(store, hang):
        await begun.wait()
    assert (await pending(store))["draft"] == 1
    async with working(store, handle):
        await quiet(store)
    assert done == {"c1": 1}


async def test_a_step_longer_than_the_lease_is_not_started_twice(store: Store) -> None:
    started: Counter[str] = Counter()

    async def slow(case: str, ack: Delivery) -> None:
        started[case] += 1
        await asyncio.sleep(4 * LEASE)

    await queue(store, "c1", "c2", "c3")
    async with working(store, slow), working(store, slow):
        await quiet(store)
    assert started == {"c1": 1, "c2": 1, "c3": 1}


async def test_poison_is_buried_with_its_reason_and_others_flow_on(store: Store) -> None:
    done, told = Counter[str](), list[Dead]()

    async def handle(case: str, ack: Delivery) -> None:
        done[case] += 1
        if case == "bad":
            raise ZeroDivisionError("citizens' words")

    async def tell(dead: Dead) -> None:
        told.append(dead)

    await queue(store, "bad", *(f"c{n}" for n in range(20)))
    lease = 0.1
    one = working(store, handle, lease=lease, buried=tell)
    other = working(store, handle, lease=lease, buried=tell)
    async with one, other:
        await until(lambda: sum(done.values()) >= 20 + 1)
        await quiet(store)
    assert done.pop("bad") == TRIES
    assert set(done.values()) == {1}
    [dead] = await dead_letters(store)
    assert (dead.case, dead.step, dead.reason) == ("bad", "draft", "ZeroDivisionError")
    assert told == [dead]
    assert await store.redis.hlen(store.keys.failures) == 0


async def test_a_dead_letter_put_back_is_worked_on(store: Store) -> None:
    mended, done = False, Counter[str]()

    async def handle(case: str, ack: Delivery) -> None:
        if not mended:
            raise KeyError(case)
        done[case] += 1

    await queue(store, "c1")
    async with working(store, handle, lease=0.1):
        await quiet(store)
        [dead] = await dead_letters(store)
        mended = True
        await revive(store, dead)
        await until(lambda: done["c1"] == 1)
        await quiet(store)
    assert await dead_letters(store) == ()


async def test_only_what_can_start_now_is_read(store: Store) -> None:
    running, most, release = 0, 0, asyncio.Event()

    async def handle(case: str, ack: Delivery) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    await queue(store, *(f"c{n}" for n in range(20)))
    async with working(store, handle, slots=3):
        await until(lambda: running == 3)
        await asyncio.sleep(LEASE)
        held = await store.redis.xpending(store.keys.work + "draft", "luister")
        assert held["pending"] == 3
        release.set()
        await quiet(store)
    assert most == 3


async def test_taking_over_never_runs_more_than_the_slots(store: Store) -> None:
    """Late entries and new ones share the slots, so nothing waits with a lease nobody renews."""
    running, most, started = 0, 0, Counter[str]()

    async def hang(case: str, ack: Delivery) -> None:
        await asyncio.Event().wait()

    async def handle(case: str, ack: Delivery) -> None:
        nonlocal running, most
        started[case] += 1
        running += 1
        most = max(most, running)
        await asyncio.sleep(LEASE / 2)
        running -= 1

    await queue(store, *(f"late{n}" for n in range(6)))
    async with working(store, hang, slots=6):
        await asyncio.sleep(LEASE / 2)
    await asyncio.sleep(LEASE)
    await queue(store, *(f"new{n}" for n in range(6)))
    async with working(store, handle, slots=2):
        await quiet(store)
    assert most == 2
    assert set(started.values()) == {1}
    assert len(started) == 12


async def test_a_worker_outlives_the_store(redis_server: RedisServer, store: Store) -> None:
    done: Counter[str] = Counter()

    async def handle(case: str, ack: Delivery) -> None:
        done[case] += 1

    async with working(store, handle):
        await queue(store, "c1")
        await until(lambda: done["c1"] == 1)
        redis_server.kill()
        await asyncio.sleep(0.3)
        redis_server.start()
        async with open_store(redis_server.url, "town") as again:
            await queue(again, "c2")
            await until(lambda: done["c2"] == 1)
            await quiet(again)


async def test_a_worker_outlives_a_store_that_lost_everything(
    redis_server: RedisServer, store: Store
) -> None:
    done: Counter[str] = Counter()

    async def handle(case: str, ack: Delivery) -> None:
        done[case] += 1

    async with working(store, handle):
        await queue(store, "c1")
        await quiet(store)
        redis_server.flush()
        await queue(store, "c2")
        await until(lambda: done["c2"] == 1)


async def test_a_store_that_fails_inside_a_step_buries_nothing(store: Store) -> None:
    fails, done = True, Counter[str]()

    async def handle(case: str, ack: Delivery) -> None:
        if fails:
            raise StoreUnavailable("away")
        done[case] += 1

    await queue(store, "c1")
    async with working(store, handle, lease=0.2):
        await asyncio.sleep(0.3)
        fails = False
        await until(lambda: done["c1"] == 1)
    assert await dead_letters(store) == ()


async def test_recording_acknowledges_the_work_in_the_same_step(store: Store) -> None:
    case = await new_case(store)
    crashed = asyncio.Event()

    async def handle(case: str, ack: Delivery) -> None:
        await store.decide(case, lambda _: Decision(events=(triaged(),)), ack=ack, now=START)
        crashed.set()
        await asyncio.Event().wait()

    await queue(store, case)
    async with working(store, handle):
        await crashed.wait()
    assert (await pending(store))["draft"] == 0


async def test_timers_come_when_due_and_not_before(store: Store) -> None:
    case = await new_case(store)
    later = START + timedelta(minutes=5)
    work = (Work(step="draft", at=later), Work(lane="C1", at=later))
    await add(store, case, work=work)
    assert (await pending(store))["later"] == 2
    assert await move_due(store, now=later - timedelta(milliseconds=1)) == 0
    assert await move_due(store, now=later) == 2
    assert await move_due(store, now=later) == 0
    counts = await pending(store)
    assert (counts["draft"], counts["later"]) == (1, 0)
    assert await lanes(store) == {"C1": 1}
    # It keeps the place of its due time, behind what waited longer.
    assert await store.redis.zscore(store.keys.lane + "C1", case) == milliseconds(later)


async def test_timers_are_moved_once_by_many(store: Store) -> None:
    for n in range(30):
        await add(store, await new_case(store, f"p{n}", author=f"a{n}"))
        case = (await store.seen(store.mark("replay", f"p{n}")) or ("", ""))[0]
        await add(store, case, work=(Work(step="draft", at=START + timedelta(seconds=1)),))
    now = START + timedelta(seconds=1)
    moved = await asyncio.gather(*(move_due(store, now=now, most=7) for _ in range(8)))
    assert sum(moved) == 30
    assert (await pending(store))["draft"] == 30


async def test_the_sweeper_brings_back_a_case_whose_entry_was_lost(store: Store) -> None:
    case = await new_case(store)
    await store.redis.delete(store.keys.work + "triage")
    older, now = timedelta(seconds=60), START + timedelta(seconds=60)
    assert await sweep(store, now=now - timedelta(seconds=1), older=older) == 0
    assert await sweep(store, now=now, older=older) == 1
    rows = await store.redis.xrange(store.keys.work + "triage")
    assert [fields for _, fields in rows] == [{"case": case}]
    # It has its entry now: a backlog must not grow by being swept.
    assert await sweep(store, now=now, older=older) == 0


async def test_the_sweeper_leaves_alone_what_has_a_timer(store: Store) -> None:
    """A platform asked to wait ten minutes: waking it every minute would disobey."""
    case = await queued_case(store)
    sending = Event(kind=Kind.SENDING, at=START, attempt=1)
    postponed = Event(kind=Kind.POSTPONED, at=START, attempt=1)
    again = Work(step="send", at=START + timedelta(minutes=10))
    await add(store, case, sending, postponed, work=(again,))
    await store.redis.delete(store.keys.work + "send")
    now = START + timedelta(minutes=5)
    assert await sweep(store, now=now, older=timedelta(seconds=60)) == 0
    await store.redis.delete(store.keys.later)
    assert await sweep(store, now=now, older=timedelta(seconds=60)) == 1


@pytest.mark.parametrize(("state", "step"), [(State.QUEUED, "send"), (State.SENDING, "send")])
async def test_the_sweeper_wakes_each_state_that_needs_work(
    store: Store, state: State, step: str
) -> None:
    case = await queued_case(store)
    held = (await store.load(case)).case
    assert held is not None
    if state is State.SENDING:
        await add(store, case, Event(kind=Kind.SENDING, at=START, attempt=1))
    await store.redis.delete(store.keys.work + step)
    await sweep(store, now=START + timedelta(minutes=2), older=timedelta(seconds=60))
    rows = await store.redis.xrange(store.keys.work + step)
    assert {"case": case} in [fields for _, fields in rows]
    assert reply_to(held).id == (held.reply.id if held.reply else None)


async def test_the_oldest_entry_tells_how_long_work_waits(store: Store) -> None:
    assert (await oldest(store, now=utcnow()))["draft"] == 0.0
    await queue(store, "c1")
    ages = await oldest(store, now=utcnow() + timedelta(seconds=30))
    assert 29 < ages["draft"] < 32


async def test_a_dead_card_is_put_back_in_its_lane(store: Store) -> None:
    case = await new_case(store)
    await add(store, case, work=(Work(lane="C1"),))
    dead = Dead(id=f"show-{case}", step="show", case=case, lane="C1", reason="x", at=START)
    await bury_shown(store, dead, lane="C1")
    assert await lanes(store) == {"C1": 0}
    await revive(store, dead)
    assert await lanes(store) == {"C1": 1}
    assert await dead_letters(store) == ()


async def test_stopping_lets_what_runs_finish(store: Store) -> None:
    begun, done = asyncio.Event(), Counter[str]()

    async def handle(case: str, ack: Delivery) -> None:
        begun.set()
        await asyncio.sleep(LEASE / 10)
        done[case] += 1

    await queue(store, "c1")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(working(store, handle))
        await begun.wait()
    assert done == {"c1": 1}
    assert (await pending(store))["draft"] == 0


async def test_stopping_leaves_nothing_running(store: Store) -> None:
    """Else what is cancelled would go on while the store it uses is closed."""
    begun, ended = asyncio.Event(), Counter[str]()

    async def handle(case: str, ack: Delivery) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(LEASE / 100)
            ended[case] += 1

    await queue(store, "c1")
    async with working(store, handle):
        await begun.wait()
    assert ended == {"c1": 1}
