"""X: what is new arrives, within its limits and within the day's budget, and gaps are told."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from assistant.config.accounts import XPrices
from assistant.errors import Barred, TryAgain
from assistant.platforms import Arrival, Condition, Gap, Quarantined, Told
from assistant.platforms.x.limits import AFTER, ENDPOINTS, Windows
from assistant.platforms.x.parsing import moment
from tests.core import START, Clock
from tests.platforms.x_server import FINE, US, XServer
from tests.platforms.x_world import Memory, Opening

NOON = START


@pytest.fixture
def clock() -> Clock:
    """Everybody's clock."""
    return Clock()


@pytest.fixture
async def x(clock: Clock) -> AsyncIterator[XServer]:
    """An X that was never asked more than it allows, nor anything it does not describe."""
    async with XServer(clock) as server:
        yield server
        assert server.wrong == []
        assert server.exceeded == []


@pytest.fixture
async def opening(x: XServer, clock: Clock) -> AsyncIterator[Opening]:
    """Opens adapters that share a memory."""
    async with Opening(x, clock, Memory()) as made:
        yield made


async def read(platform: Any, cursor: str | None = None) -> list[Told]:
    """Return all that arrives."""
    return [each async for each in platform.arrivals(cursor)]


def texts(told: list[Told]) -> list[str]:
    """Return the texts that arrived."""
    return [each.post.text for each in told if isinstance(each, Arrival)]


def last(told: list[Told]) -> str | None:
    """Return the cursor that stands after all this."""
    cursors = [each.cursor for each in told if isinstance(each, Arrival | Quarantined)]
    return next((each for each in reversed(cursors) if each), None)


def conditions(told: list[Told]) -> list[bool]:
    """Return how the budget is, as far as it was told."""
    return [each.well for each in told if isinstance(each, Condition)]


async def test_mentions_replies_quotes_and_our_own_answers_in_one_order(
    x: XServer, opening: Opening
) -> None:
    henk = x.person("henk")
    ours = x.post(US, "Monday.")
    x.post(henk, "@town one")
    x.post(henk, "two", parent=ours)
    x.post(henk, "three https://x.com/town/status/" + ours, quoted=ours)
    x.post(henk, "not for us")
    x.post(US, "@henk five", parent=ours)
    told = await read(await opening())
    assert texts(told) == ["Monday.", "@town one", "two", "three", "@henk five"]
    addressed = [each.post.addressed for each in told if isinstance(each, Arrival)]
    assert addressed == [None, "mention", "reply", "quote", None]
    # The one that answers us without naming us may not be answered through the API.
    barred = [each.post.barred for each in told if isinstance(each, Arrival)]
    assert barred == [None, None, "not_summoned", None, None]


async def test_more_than_x_keeps_is_a_gap(x: XServer, opening: Opening, clock: Clock) -> None:
    henk = x.person("henk")
    x.post(henk, "@town the last we saw")
    cursor = last(await read(await opening()))
    clock.ahead(hours=1)
    lost = [x.post(henk, f"@town lost {n}") for n in range(20)]
    kept = [x.post(henk, f"@town kept {n}") for n in range(800)]
    told = await read(await opening(), cursor)
    [gap] = [each for each in told if isinstance(each, Gap)]
    assert gap.since <= moment(lost[0])
    assert gap.until == moment(kept[0])
    assert "800" in gap.reason
    assert texts(told) == [f"@town kept {n}" for n in range(800)]
    again = await read(await opening(), last(told))
    assert not [each for each in again if isinstance(each, Gap)]


async def test_as_many_as_x_keeps_at_the_first_reading_are_no_gap(
    x: XServer, opening: Opening
) -> None:
    x.kept = 7
    for number in range(9):
        x.post(x.person("henk"), f"@town {number}")
    told = await read(await opening())
    assert not [each for each in told if isinstance(each, Gap)]
    assert len(texts(told)) == 7


async def test_the_search_goes_seven_days_back_and_tells_what_it_lacks(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    ours = x.post(US, "Monday.")
    x.post(x.person("henk"), "a reply", parent=ours)
    cursor = last(await read(await opening()))
    clock.ahead(days=9)
    x.post(x.person("henk"), "another", parent=ours)
    told = await read(await opening(), cursor)
    [gap] = [each for each in told if isinstance(each, Gap)]
    assert (gap.since.date(), gap.until.date()) == (
        START.date(),
        (START + timedelta(days=2)).date(),
    )
    assert texts(told) == ["another"]


async def test_a_quiet_list_is_no_gap_and_what_comes_after_days_away_is_not_lost(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    ours = x.post(US, "Monday.")
    x.post(x.person("henk"), "a reply", parent=ours)
    platform = await opening(direct=True)
    cursor = last(await read(platform))
    for _ in range(40):
        clock.ahead(days=1)
        assert await read(platform, cursor) == []
    # Nobody ever mentioned us or wrote in private; then, while we were away for three days:
    clock.ahead(hours=1)
    x.post(x.person("henk"), "@town hello")
    x.message(x.person("henk"), "hello", other=US)
    clock.ahead(days=3)
    assert texts(await read(await opening(direct=True), cursor)) == ["@town hello", "hello"]
    clock.ahead(days=31)
    gaps = [each for each in await read(platform, cursor) if isinstance(each, Gap)]
    assert len(gaps) == 2
    assert all(each.since == clock.now - timedelta(days=31) for each in gaps)


async def test_direct_messages_are_asked_for_in_small_pages(x: XServer, opening: Opening) -> None:
    """X's list of them cannot be asked for from a place on, and each one costs."""
    henk = x.person("henk")
    for number in range(50):
        x.message(henk, str(number), other=US)
    platform = await opening(direct=True)
    told = await read(platform)
    assert texts(told) == [str(number) for number in range(50)]
    assert x.calls["direct"] == 3
    await read(platform, last(told))
    assert x.calls["direct"] == 4


async def test_the_first_reading_goes_two_days_back(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    x.post(x.person("henk"), "@town long ago")
    x.message(x.person("henk"), "long ago", other=US)
    clock.ahead(hours=49)
    x.post(x.person("henk"), "@town now")
    x.message(x.person("henk"), "now", other=US)
    assert texts(await read(await opening(direct=True))) == ["@town now", "now"]


@pytest.mark.parametrize(("direct", "read_"), [(True, ["a", "b"]), (False, [])])
async def test_direct_messages_are_read_when_the_table_says(
    x: XServer, opening: Opening, *, direct: bool, read_: list[str]
) -> None:
    henk = x.person("henk")
    first = x.message(henk, "a", other=US)
    x.message(US, "b", other=henk)
    told = await read(await opening(direct=direct))
    assert texts(told) == read_
    assert x.calls["direct"] == int(direct)
    if direct:
        [_, ours] = [each.post for each in told if isinstance(each, Arrival)]
        assert (ours.parent, ours.handle, ours.visibility) == (first, "@town", "direct")
        platform = await opening(direct=True)
        assert texts(await read(platform, last(told))) == []
        x.message(henk, "c", other=US)
        assert texts(await read(platform, last(told))) == ["c"]


async def test_direct_messages_are_read_as_often_as_x_allows(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    platform = await opening(direct=True)
    for _ in range(40):
        await read(platform)
        clock.ahead(seconds=30)
    assert 15 < x.calls["direct"] <= 30


async def test_reposts_are_no_posts_and_are_paid_for_once(x: XServer, opening: Opening) -> None:
    post = x.post(x.person("henk"), "@town one")
    platform = await opening()
    cursor = last(await read(platform))
    x.post(x.person("fan"), "RT @henk: @town one", shared=post)
    assert texts(await read(platform, cursor)) == []
    spent = opening.memory.held["spent"]
    assert texts(await read(platform, cursor)) == []
    assert opening.memory.held["spent"] == spent
    x.post(x.person("henk"), "@town two")
    assert texts(await read(platform, cursor)) == ["@town two"]


async def test_the_conversation_above_is_read_a_level_a_call(x: XServer, opening: Opening) -> None:
    above = x.post(x.person("anna"), "level 0")
    for number in range(1, 8):
        above = x.post(x.person("anna"), f"level {number}", parent=above)
    x.post(x.person("henk"), "@town who is right?", parent=above)
    gone = x.post(x.person("anna"), "gone")
    below = x.post(x.person("anna"), "below", parent=gone)
    x.tweets[gone].gone = True
    x.post(x.person("henk"), "@town and this?", parent=below)
    told = await read(await opening())
    first, second = [each.post for each in told if isinstance(each, Arrival)]
    assert [each.text for each in first.above] == [f"level {number}" for number in range(8)]
    assert [each.text for each in second.above] == ["below"]
    assert x.calls["looks"] <= 5


async def test_without_the_conversation_above_the_post_comes_all_the_same(
    x: XServer, opening: Opening
) -> None:
    root = x.post(x.person("anna"), "root")
    middle = x.post(x.person("anna"), "middle", parent=root)
    x.post(x.person("henk"), "@town who is right?", parent=middle)
    prices = XPrices(post_read=Decimal(1), user_read=Decimal(0))
    told = await read(await opening(daily_budget=Decimal(60), prices=prices))
    assert "@town who is right?" in texts(told)
    assert x.calls["looks"] == 0


async def test_what_was_read_before_a_failure_is_not_read_again(
    x: XServer, opening: Opening
) -> None:
    for number in range(250):
        x.post(x.person("henk"), f"@town {number}")
    platform = await opening()
    served, pages = x._mentions, iter([True, True, False])

    def failing(request: Any) -> Any:
        if not next(pages, True):
            raise x.failed(503, "about:blank", "Over capacity")
        return served(request)

    x.handlers["mentions"] = failing
    with pytest.raises(TryAgain):
        await read(platform)
    assert texts(await read(platform)) == [f"@town {number}" for number in range(250)]
    sizes = [query.get("pagination_token") for name, query in x.asked if name == "mentions"]
    assert len(sizes) == len(set(sizes)) + 1  # only the page that failed was asked for twice


async def test_a_lost_place_in_a_list_starts_it_anew(x: XServer, opening: Opening) -> None:
    for number in range(150):
        x.post(x.person("henk"), f"@town {number}")
    platform = await opening()
    served = x._mentions

    def forgetful(request: Any) -> Any:
        if "pagination_token" in request.query:
            raise x.failed(400, FINE + "invalid-request", "unknown token")
        return served(request)

    x.handlers["mentions"] = forgetful
    with pytest.raises(TryAgain):
        await read(platform)
    x.handlers.clear()
    assert len(texts(await read(platform))) == 150


async def test_one_list_that_fails_does_not_hold_up_the_others(
    x: XServer, opening: Opening
) -> None:
    x.post(x.person("henk"), "@town one")
    platform = await opening(direct=True)

    def forbidden(request: Any) -> Any:
        raise x.failed(403, "about:blank", "missing scope dm.read")

    x.handlers["direct"] = forbidden
    arriving = platform.arrivals(None)
    assert texts([await anext(arriving)]) == ["@town one"]
    with pytest.raises(Barred, match="permission"):
        await anext(arriving)


async def test_both_ways_of_naming_fields_are_tried(x: XServer, opening: Opening) -> None:
    x.names = "tweet"
    ours = x.post(US, "Monday.")
    x.post(x.person("henk"), "@town why?", parent=ours)
    platform = await opening()
    told = await read(platform)
    [_, why] = [each.post for each in told if isinstance(each, Arrival)]
    assert (why.addressed, why.parent) == ("reply", ours)
    assert [each.text for each in why.above] == ["Monday."]
    before = x.calls["mentions"]
    await read(platform, last(told))
    assert x.calls["mentions"] == before + 1  # remembered


async def test_the_budget_stops_reading_until_the_next_day(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    prices = XPrices(mention_read=Decimal("0.01"), user_read=Decimal(0), post_read=Decimal(0))
    table = {"daily_budget": Decimal("0.50"), "prices": prices}
    for number in range(120):
        x.post(x.person("henk"), f"@town {number}")
    platform = await opening(**table)
    told = await read(platform)
    # What is paid for is shown; nothing beyond the budget was asked for.
    assert texts(told) == [f"@town {number}" for number in range(70, 120)]
    assert conditions(told) == [False]
    assert json.loads(opening.memory.held["spent"])["dollars"] == "0.50"
    assert last(told) is None
    reads = x.calls["mentions"]
    for other in (platform, await opening(**table)):
        told = await read(other)
        assert conditions(told) == []
    assert x.calls["mentions"] == reads
    # Midnight (UTC) comes, and a budget for all of them.
    clock.ahead(hours=12)
    told = await read(platform)
    assert conditions(told) == []  # there is more to read than today's money as well
    clock.ahead(days=1)
    told = await read(platform)
    assert conditions(told) == [True]
    assert texts(told) == [f"@town {number}" for number in range(120)]
    assert texts(await read(platform, last(told))) == []


async def test_prices_and_plan_decide_what_is_counted(x: XServer, opening: Opening) -> None:
    for name in ("henk", "truus"):
        x.post(x.person(name), "@town hello")
    prices = XPrices(
        mention_read=Decimal("0.1"), user_read=Decimal("0.02"), post_read=Decimal("0.003")
    )
    ours = x.post(US, "Monday.")
    x.post(x.person("henk"), "why?", parent=ours)
    x.message(x.person("henk"), "hello", other=US)
    prices = prices.model_copy(update={"dm_read": Decimal("0.0004")})
    await read(await opening(prices=prices, direct=True))
    # Who we are, two mentions by two people, a reply and the post of ours it answers, a message.
    # X counts nothing twice on a day: Henk wrote all three.
    wanted = 0.02 + 2 * 0.1 + 2 * 0.02 + 0.003 + 0.003 + 0.0004
    assert float(json.loads(opening.memory.held["spent"])["dollars"]) == pytest.approx(wanted)


def test_windows_count_calls_and_obey_headers() -> None:
    clock = Clock()
    windows = Windows(clock)
    for _ in range(15):
        assert windows.wait("send") == 0
        windows.took("send")
        clock.ahead(seconds=10)
    assert windows.wait("send") == 900 - 150
    clock.ahead(seconds=750)
    assert windows.wait("send") == 0
    reset = str(int((clock.now + timedelta(seconds=40)).timestamp()))
    windows.told("me", {"x-rate-limit-remaining": "0", "x-rate-limit-reset": reset})
    assert windows.wait("me") == 40
    windows.told("look", {"x-rate-limit-remaining": "3", "x-rate-limit-reset": reset})
    assert windows.wait("look") == 0
    assert windows.refused("look", {}, asked=None) == AFTER == windows.wait("look")
    assert windows.refused("own", {}, asked=7.0) == 7 == windows.wait("own")
    day = {"x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": "99999999999"}
    assert windows.refused("reply", day, asked=None) == 86_400
    assert windows.refused("mentions", {"x-rate-limit-remaining": "0"}, asked=None) == AFTER


def test_a_days_limit_counts_over_the_day() -> None:
    clock = Clock()
    windows = Windows(clock)
    for _ in range(1_440):
        windows.took("send")
        clock.ahead(seconds=59)
    assert windows.wait("send") > 0
    assert set(ENDPOINTS["send"].most) == {(15, timedelta(minutes=15)), (1_440, timedelta(days=1))}
