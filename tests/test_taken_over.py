"""Work that a process held when it died is done by another: of every step, with nobody sweeping."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from assistant.app import Wiring, workers
from assistant.case import Case, Event, Kind, Rewriting, State
from assistant.config import Secrets
from assistant.desk import Desk
from assistant.health import Metrics
from assistant.store import STEPS, Step, Store, Work, open_store
from assistant.store.link import ensure_group
from assistant.store.work import GROUP, dead_letters, move_due, sweep
from assistant.testing import FullPlatform
from tests.core import START, TOWN, WRITER, Clock, add, new_case, open_case, platforms, triaged
from tests.people import held, press
from tests.sending import Sending, sending

LEASE = 0.3
SOON = START + timedelta(hours=1)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


class Town:
    """A platform that can do anything, a clock, and the workers of the whole service."""

    def __init__(self, store: Store, url: str) -> None:
        self.store, self.clock, self.platform = store, Clock(), FullPlatform()
        self._wiring = Wiring(
            organisation=TOWN,
            store_url=url,
            state=Path("unused"),
            secrets=Secrets(),
            clock=self.clock,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Let all steps be worked on while inside; nothing sweeps and no timer is looked at."""
        made = platforms(self.platform)
        each = workers(self._wiring, self.store, made, None, Metrics(), lease=LEASE, call=0.1)
        running = [asyncio.create_task(one.run()) for one in each]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def sent(self) -> Sending:
        """Return a case whose reply stands."""
        on = await sending(self.store, self.platform)
        on.clock = self.clock
        assert (await on.wake()).state is State.SENT
        return on


async def to_triage(town: Town) -> str:
    return await new_case(town.store)


async def to_draft(town: Town) -> str:
    case = await open_case(town.store)
    relabelled = triaged().model_copy(update={"kind": Kind.RELABELLED, "by": WRITER})
    edited = (await held(town.store, case)).post.model_copy(update={"edited": True})
    changed = Event(kind=Kind.EDITED, at=START, post=edited)
    await add(town.store, case, changed, relabelled, work=(Work(step="draft"),))
    return case


async def to_rewrite(town: Town) -> str:
    case = await open_case(town.store)
    wish = Rewriting(draft="d1", wish="shorter")
    asked = Event(kind=Kind.REWRITE, at=START, by=WRITER, rewriting=wish)
    await add(town.store, case, asked, work=(Work(step="rewrite"),))
    return case


async def to_send(town: Town) -> str:
    on = await sending(town.store, town.platform)
    return on.case


async def to_amend(town: Town) -> str:
    on = await town.sent()
    desk = Desk(town.store, TOWN, platforms=platforms(town.platform), clock=town.clock)
    version = (await town.store.load(on.case)).version
    await desk.press(press(on.case, "take_back", version=version, text="a mistake"))
    return on.case


async def to_appear(town: Town) -> str:
    on = await town.sent()
    town.platform.shadowed = True
    assert await move_due(town.store, now=town.clock.ahead(minutes=5)) == 1
    return on.case


async def to_wake(town: Town) -> str:
    case = await open_case(town.store)
    wait = triaged(advice="wait", wait_until=SOON)
    await add(town.store, case, wait, work=(Work(step="wake", at=SOON),))
    assert await move_due(town.store, now=town.clock.ahead(hours=1)) == 1
    return case


LEFT: dict[Step, tuple[Callable[[Town], Awaitable[str]], Callable[[Case], bool]]] = {
    "triage": (to_triage, lambda case: case.state is State.TRIAGED),
    "draft": (to_draft, lambda case: case.draft is not None and case.draft.id != "d1"),
    "rewrite": (to_rewrite, lambda case: case.rewriting is None),
    "send": (to_send, lambda case: case.state is State.SENT),
    "amend": (to_amend, lambda case: case.taken_back),
    "appear": (to_appear, lambda case: case.hidden is not None),
    "wake": (to_wake, lambda case: case.woken),
}
"""Of each step how a case comes to need it, and what shows that it was done."""


async def died_with(store: Store, step: Step) -> list[dict[str, str]]:
    """Leave what a process does that is killed between reading its work and doing it."""
    stream = store.keys.work + step
    # What else brought the case here is done with.
    await store.redis.delete(*(store.keys.work + each for each in STEPS if each != step))
    await ensure_group(store.redis, stream, GROUP)
    [(_, taken)] = await store.redis.xreadgroup(GROUP, "dead", {stream: ">"})
    return [fields for _, fields in taken]


def test_every_step_is_here() -> None:
    assert set(LEFT) == set(STEPS)


@pytest.mark.parametrize("step", STEPS)
async def test_what_a_process_held_when_it_died_is_done_by_another(
    store: Store, store_url: str, step: Step
) -> None:
    town, (prepare, done) = Town(store, store_url), LEFT[step]
    case, stream = await prepare(town), store.keys.work + step
    assert await died_with(store, step) == [{"case": case}]
    assert not done(await held(store, case))

    async with town.at_work(), asyncio.timeout(10):
        while not done(await held(store, case)) or await store.redis.xlen(stream):
            await asyncio.sleep(0.02)

    assert (await store.redis.xpending(stream, GROUP))["pending"] == 0
    assert await dead_letters(store) == ()


@pytest.mark.parametrize("step", STEPS)
async def test_what_is_taken_is_left_alone_by_the_sweeper(
    store: Store, store_url: str, step: Step
) -> None:
    """Its entry is there until it is done, so that nothing is to be found again."""
    town = Town(store, store_url)
    await LEFT[step][0](town)
    assert len(await died_with(store, step)) == 1
    now = town.clock.ahead(hours=2)
    await sweep(store, now=now, older=timedelta(seconds=60))
    assert await store.redis.xlen(store.keys.work + step) == 1
