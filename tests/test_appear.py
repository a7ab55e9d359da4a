"""A reply the platform took and shows to nobody is found, and told with the reason if known."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from assistant.appear import MOMENTS, appear
from assistant.case import Case, Kind, State
from assistant.errors import Barred, TryAgain
from assistant.platforms import Look
from assistant.reply import APPEARS
from assistant.store import Store, open_store
from assistant.testing import FakePlatform, FullPlatform
from tests.core import ACK, TOWN, platforms, post
from tests.people import kinds
from tests.sending import Sending, sending


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


async def sent(store: Store, platform: FakePlatform) -> Sending:
    """Return a case whose reply was sent."""
    on = await sending(store, platform)
    assert (await on.wake()).state is State.SENT
    return on


async def looks_due(on: Sending) -> list[timedelta]:
    """Return when the next look is due, from now."""
    rows = await on.store.redis.zrange(on.store.keys.later, 0, -1, withscores=True)
    at = [at for member, at in rows if '"appear"' in member]
    return [timedelta(milliseconds=each - on.clock().timestamp() * 1000) for each in at]


async def look(on: Sending, *, ahead: timedelta) -> Case:
    """Look, after the clock was moved; return the case."""
    on.clock.now += ahead
    await on.store.redis.delete(on.store.keys.later)
    made = platforms(on.platform)
    await appear(on.store, on.case, ACK, organisation=TOWN, platforms=made, clock=on.clock)
    return await on.held()


async def test_a_platform_that_hides_nothing_is_not_looked_at(store: Store) -> None:
    on = await sent(store, FakePlatform())
    assert await looks_due(on) == []
    assert (await look(on, ahead=APPEARS)).hidden is None


async def test_a_reply_that_is_seen_needs_no_second_look(store: Store) -> None:
    on = await sent(store, FullPlatform())
    assert await looks_due(on) == [APPEARS]
    assert (await look(on, ahead=APPEARS)).hidden is None
    assert await looks_due(on) == []


@pytest.mark.parametrize("why", [None, "replies_closed"])
async def test_a_reply_nobody_sees_is_told_after_the_last_look(
    store: Store, why: str | None
) -> None:
    on = await sent(store, FullPlatform())
    assert isinstance(on.platform, FullPlatform)
    on.platform.shadowed = True
    if why:
        on.platform.looks["p1"] = Look(standing="barred", post=post(barred=why))
    before = timedelta()
    for moment, following in zip(MOMENTS, (*MOMENTS[1:], None), strict=True):
        case = await look(on, ahead=moment - before)
        before = moment
        assert await looks_due(on) == ([following - moment] if following else [])
        assert (case.hidden is None) is (following is not None)
    assert (case.state, case.hidden) == (State.SENT, why or "unknown")
    await look(on, ahead=MOMENTS[-1])
    assert (await kinds(store, on.case)).count(Kind.HIDDEN) == 1


async def test_a_reply_that_shows_late_is_well(store: Store) -> None:
    on = await sent(store, FullPlatform())
    assert isinstance(on.platform, FullPlatform)
    on.platform.shadowed = True
    await look(on, ahead=MOMENTS[0])
    on.platform.shadowed = False
    assert (await look(on, ahead=MOMENTS[1] - MOMENTS[0])).hidden is None
    assert await looks_due(on) == []


@pytest.mark.parametrize("error", [TryAgain("busy"), Barred("token")])
async def test_what_could_not_be_looked_at_is_not_called_hidden(
    store: Store, error: TryAgain | Barred
) -> None:
    on = await sent(store, FullPlatform())
    on.platform.away = error
    for moment in MOMENTS:
        case = await look(on, ahead=moment)
    assert case.hidden is None
    assert await looks_due(on) == []
