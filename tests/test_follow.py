"""Following the citizen: what changed is recorded once, and no more is asked than allowed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from assistant.case import Case, Event, Kind, Post, State
from assistant.errors import Barred, LuisterError, Refused, TryAgain
from assistant.follow import CALLS, PAID, SOONEST, Follower
from assistant.platforms import Cost, Look
from assistant.store import Store, open_store
from assistant.store.connections import Connection, connections
from assistant.testing import FakePlatform
from tests.core import START, WRITER, Clock, add, new_case, open_case, post, queued_case


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


class Asked(FakePlatform):
    """A platform that remembers what was looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def look(self, post: Post) -> Look:
        """Remember it."""
        self.asked.append(post.id)
        return await super().look(post)


class Following:
    """A platform, a clock and a follower that goes round by hand."""

    def __init__(self, store: Store, platform: Asked | None = None) -> None:
        self.platform, self.clock = platform or Asked(), Clock()
        self.follower = Follower(store, self.platform, clock=self.clock)

    async def round(self, **ahead: float) -> list[str]:
        """Go round after the clock was moved; return what was asked."""
        self.clock.ahead(**ahead)
        self.platform.asked.clear()
        await self.follower.round()
        return list(self.platform.asked)


async def held(store: Store, case: str) -> Case:
    """Return the case as it stands."""
    found = (await store.load(case)).case
    assert found is not None
    return found


EDIT = Look(standing="edited", post=post(text="Never mind."))
GONE = Look(standing="deleted")
CLOSED = Look(standing="barred", post=post(barred="replies_closed"))


@pytest.mark.parametrize(
    ("look", "kind"), [(EDIT, Kind.EDITED), (GONE, Kind.DELETED), (CLOSED, Kind.BARRED)]
)
async def test_a_change_is_recorded_once_and_triage_looks(
    store: Store, look: Look, kind: Kind
) -> None:
    case = await open_case(store)
    on = Following(store)
    on.platform.looks["p1"] = look
    before = await store.redis.xlen(store.keys.work + "triage")
    for _ in range(3):
        await on.round(minutes=10)
    events = await store.events(case)
    assert [each.kind for each in events].count(kind) == 1
    assert events[-1].kind is kind
    assert await store.redis.xlen(store.keys.work + "triage") == before + 1
    now = await held(store, case)
    told = (now.post.text == "Never mind.", now.post.deleted, now.post.barred)
    assert told == (kind is Kind.EDITED, kind is Kind.DELETED, look.post and look.post.barred)
    assert (now.draft is None) is (kind is Kind.DELETED)


@pytest.mark.parametrize("look", [EDIT, GONE, CLOSED])
async def test_a_change_cancels_what_waits_to_be_sent(store: Store, look: Look) -> None:
    case = await queued_case(store)
    on = Following(store)
    on.platform.looks["p1"] = look
    await on.round(minutes=10)
    assert (await held(store, case)).state is State.OPEN


async def test_an_answer_that_is_taken_again_is_told(store: Store) -> None:
    case = await open_case(store, barred="blocked")
    on = Following(store)
    on.platform.looks["p1"] = Look(standing="unchanged", post=post())
    await on.round(minutes=10)
    assert (await held(store, case)).post.barred is None


@pytest.mark.parametrize(
    "look", [Look(standing="unchanged"), Look(standing="unchanged", post=post())]
)
async def test_nothing_new_records_nothing(store: Store, look: Look) -> None:
    case = await open_case(store)
    before = await store.events(case)
    on = Following(store)
    on.platform.looks["p1"] = look
    assert await on.round(minutes=10) == ["p1"]
    assert await store.events(case) == before


async def test_what_is_done_or_being_sent_is_left_alone(store: Store) -> None:
    sending = await queued_case(store, "p1")
    await add(store, sending, Event(kind=Kind.SENDING, at=START, attempt=1))
    closed = await open_case(store, "p2")
    done = Event(kind=Kind.CLOSED, at=START, by=WRITER, reason="other")
    await add(store, closed, done)
    assert await Following(store).round(hours=1) == []


async def test_another_accounts_posts_are_not_ours_to_look_at(store: Store) -> None:
    await new_case(store, account="@other")
    on = Following(store)
    assert await on.round(hours=1) == []
    assert await on.round(hours=1) == []


async def test_the_older_a_post_the_longer_it_is_left_alone(store: Store) -> None:
    await open_case(store)
    on = Following(store)
    at = [minute for minute in range(1, 24 * 60 + 1) if await on.round(minutes=1)]
    assert at[0] == SOONEST.total_seconds() / 60
    gaps = [later - sooner for sooner, later in pairwise(at)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 120
    assert len(at) < 60


async def test_a_new_post_in_an_old_case_is_looked_at_soon(store: Store) -> None:
    case = await open_case(store)
    on = Following(store)
    await on.round(days=3)
    now = on.clock()
    later = post("p2", parent="p1", root="p1", created_at=now)
    await add(store, case, Event(kind=Kind.RECEIVED, at=now, post=later))
    assert await on.round(seconds=30) == []
    assert await on.round(minutes=2) == ["p2"]


class Dear(Asked):
    """A platform where everything costs money."""

    def cost(self, text: str) -> Cost:
        """Tell the price."""
        return Cost(dollars=Decimal("0.01"), as_of="2026-11")


async def test_where_looking_costs_money_it_is_done_six_times_and_no_more(store: Store) -> None:
    await open_case(store)
    on = Following(store, Dear())
    asked = 0
    for _ in range(4 * 24 * 7):
        asked += len(await on.round(minutes=15))
    assert asked == 6
    assert timedelta(days=1) == PAID


async def test_a_round_asks_no_more_than_its_calls_and_the_newest_first(store: Store) -> None:
    for number in range(CALLS * 2 + 1):
        at = START + timedelta(seconds=number)
        await new_case(store, f"p{number}", now=at, created_at=at, author=f"a{number}")
    on = Following(store)
    first = await on.round(minutes=10)
    assert first == [f"p{number}" for number in range(CALLS * 2, CALLS, -1)]
    second, third = await on.round(seconds=30), await on.round(seconds=30)
    assert sorted([*first, *second, *third]) == sorted(f"p{n}" for n in range(CALLS * 2 + 1))


class Many(Asked):
    """A platform that can look at several posts in a call."""

    looks_at = 4

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.looks = self._many  # type: ignore[assignment]

    async def _many(self, posts: Sequence[Post]) -> tuple[Look, ...]:
        self.batches.append([each.id for each in posts])
        gone = [each.id == "p5" for each in posts]
        return tuple(Look(standing="deleted" if each else "unchanged") for each in gone)


async def test_where_it_can_several_posts_are_looked_at_in_one_call(store: Store) -> None:
    for number in range(9):
        at = START + timedelta(seconds=number)
        await new_case(store, f"p{number}", now=at, created_at=at, author=f"a{number}")
    platform = Many()
    await Following(store, platform).round(minutes=10)
    assert platform.batches == [["p8", "p7", "p6", "p5"], ["p4", "p3", "p2", "p1"], ["p0"]]
    [case] = [id for id in await store.ids() if (await held(store, id)).post.deleted]
    assert (await held(store, case)).post.id == "p5"


async def three(store: Store) -> None:
    """Take in three posts, p2 the newest."""
    for number in range(3):
        at = START + timedelta(seconds=number)
        await new_case(store, f"p{number}", now=at, created_at=at, author=f"a{number}")


@pytest.mark.parametrize("error", [TryAgain("busy"), Barred("revoked")])
async def test_trouble_ends_the_round_and_never_blocks_the_others(
    store: Store, error: LuisterError
) -> None:
    await three(store)
    on = Following(store)
    on.platform.looks["p2"] = error
    with pytest.raises(type(error)):
        await on.round(minutes=3)
    assert on.platform.asked == ["p2"]
    with pytest.raises(type(error)):
        await on.round(seconds=30)
    assert on.platform.asked == ["p1", "p0", "p2"]
    del on.platform.looks["p2"]
    assert await on.round(seconds=30) == ["p2"]


async def test_a_look_that_is_refused_for_one_post_is_no_news(store: Store) -> None:
    await three(store)
    on = Following(store)
    on.platform.looks["p2"] = Refused("404")
    assert await on.round(minutes=3) == ["p2", "p1", "p0"]


@pytest.mark.parametrize(
    ("error", "grave"), [(TryAgain("busy", after=0.01), False), (Barred("revoked"), True)]
)
async def test_trouble_is_noted_and_well_again(
    store: Store, error: LuisterError, *, grave: bool
) -> None:
    await new_case(store)
    on = Following(store)
    on.clock.ahead(minutes=10)
    on.platform.looks["p1"] = error
    task = asyncio.create_task(on.follower.run(every=0.01))
    try:
        assert (await noted(store, ok=False)).grave is grave
        del on.platform.looks["p1"]
        await noted(store, ok=True)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def noted(store: Store, *, ok: bool) -> Connection:
    """Wait until it is noted how looking goes."""
    async with asyncio.timeout(10):
        while True:
            for each in await connections(store):
                if (each.part, each.ok) == ("looking", ok):
                    return each
            await asyncio.sleep(0.01)
