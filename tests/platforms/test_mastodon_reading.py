"""Mastodon: where reading goes on, also when the server lost the place or says odd things."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from assistant.errors import Refused, TryAgain
from assistant.platforms import Arrival, Gap, Platform, Quarantined
from assistant.platforms.mastodon.wire import LIMITS, RESERVED
from tests.core import START, Clock
from tests.platforms.contract import posts, read
from tests.platforms.mastodon_stand import (
    GOTOSOCIAL,
    TOWN,
    Asked,
    Said,
    Stand,
    mention,
    pages,
    recorded,
    stand,
)

NOTES = "GET /api/v1/notifications"
CALLS, SPAN = LIMITS["any"]
MINUTE = timedelta(minutes=1)


def minutes(count: int, *, start: int = 1) -> list[Any]:
    """Return mentions a minute apart, oldest first."""
    return [mention(start + n, at=START - (count - n) * MINUTE) for n in range(count)]


def last(told: list[Any]) -> str | None:
    """Return the cursor of what was told last."""
    return next((each.cursor for each in reversed(told) if isinstance(each, Arrival)), None)


async def test_asks_for_what_may_be_a_post_and_for_what_mastodon_hides() -> None:
    async with stand() as (server, platform):
        await read(platform)
        params = server.of(NOTES)[0].params
    assert [value for key, value in params if key == "types[]"] == ["mention", "quote", "update"]
    assert ("include_filtered", "true") in params


async def test_a_first_reading_goes_back_a_week_and_no_further() -> None:
    rows = [mention(1, at=START - timedelta(days=8)), mention(2, at=START - timedelta(days=6))]
    async with stand({NOTES: pages(rows)}) as (_, platform):
        told = await read(platform)
    assert [each.id for each in posts(told)] == ["900000002"]
    assert not any(isinstance(each, Gap) for each in told)


async def test_goes_on_after_the_cursor_in_small_pages() -> None:
    rows = minutes(100)
    async with stand({NOTES: pages(rows, most=15)}) as (_, platform):
        told = await read(platform)
        assert [each.id for each in posts(told)] == [f"9{n:08}" for n in range(1, 101)]
        rows += minutes(40, start=101)
        again = posts(await read(platform, last(told)))
    assert [each.id for each in again] == [f"9{n:08}" for n in range(101, 141)]


def numbered(rows: list[Any]) -> Callable[[Asked], Any]:
    """Serve very many records, whose ids are their numbers from 1 on."""

    def page(asked: Asked) -> Any:
        params = dict(asked.params)
        end = int(params.get("max_id", len(rows) + 1)) - 1
        begin = int(params["min_id"]) if "min_id" in params else max(0, end - 80)
        return rows[begin : min(begin + 80, end)][::-1]

    return page


async def until_sent_away(platform: Platform, cursor: str | None, told: list[Any]) -> float | None:
    """Read on; return for how many seconds we are sent away, None at the end."""
    try:
        async for each in platform.arrivals(cursor):
            told.append(each)  # noqa: PERF401 - what came before the end stays
    except TryAgain as error:
        return error.after
    return None


async def test_ten_thousand_mentions_come_once_within_the_published_calls() -> None:
    """Sent away when the calls of five minutes are used up, it goes on where it was."""
    clock, calls, before = Clock(), [], 0
    rows = [mention(n, at=START - timedelta(seconds=10_001 - n)) for n in range(1, 10_001)]
    told: list[Any] = []
    async with stand({NOTES: numbered(rows)}, clock=clock) as (server, platform):
        while (wait := await until_sent_away(platform, last(told), told)) is not None:
            assert 0 < wait <= LIMITS["paging"][1].total_seconds()
            calls.append(len(server.asked) - before)
            before = len(server.asked)
            clock.ahead(seconds=wait + SPAN.total_seconds())
    assert [each.post.id for each in told] == [f"9{n:08}" for n in range(1, 10_001)]
    assert calls
    assert max(calls) <= CALLS - CALLS // RESERVED


async def test_more_than_can_be_gone_back_to_is_told_as_a_gap() -> None:
    rows, told = minutes(200), list[Any]()
    async with stand({NOTES: pages(rows, most=1)}) as (_, platform):
        # One a page: the calls are used up before the end.
        assert await until_sent_away(platform, None, told)
    gap, first = told[:2]
    assert isinstance(gap, Gap)
    assert isinstance(first, Arrival)
    assert gap.since == START - timedelta(days=7)
    assert gap.until <= first.post.created_at


async def test_a_server_that_began_its_numbers_anew_is_read_from_where_we_were() -> None:
    """Restored or moved: nothing comes after our place, and yet there are younger posts."""
    rows = [mention(5000 + n, at=START - timedelta(hours=3) + n * MINUTE) for n in range(3)]
    async with stand({NOTES: pages(rows)}) as (server, platform):
        cursor = last(await read(platform))
        rows[:] = [
            mention(10, at=START - timedelta(hours=4), id="10"),
            mention(11, at=START - timedelta(hours=1), id="11"),
            mention(12, at=START - timedelta(minutes=5), id="12"),
        ]
        told = await read(platform, cursor)
        assert [each.id for each in posts(told)] == ["900000011", "900000012"]
        assert not any(isinstance(each, Gap) for each in told)
        rows[:] = rows[1:]
        gap, *others = await read(platform, cursor)
        assert isinstance(gap, Gap)
        assert (gap.since, gap.until) == (START - timedelta(hours=3) + 2 * MINUTE,
                                          START - timedelta(hours=1))  # fmt: skip
        assert [each.id for each in posts(others)] == ["900000011", "900000012"]
        assert posts(await read(platform, last(others))) == []
        assert server.of(NOTES)


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_place_the_server_refuses_is_found_again(status: int) -> None:
    rows = minutes(3)
    serve = pages(rows)

    def refuses(asked: Asked) -> Any:
        if dict(asked.params).get("min_id") == "77":
            return Said({"error": "min_id: no ULID"}, status)
        return serve(asked)

    cursor = f'[["77", "{(START - 2 * MINUTE).isoformat()}"], null]'
    async with stand({NOTES: refuses}) as (_, platform):
        assert [each.id for each in posts(await read(platform, cursor))] == ["900000003"]


async def test_a_taken_back_newest_post_is_no_lost_place() -> None:
    rows = minutes(3)
    async with stand({NOTES: pages(rows)}) as (server, platform):
        cursor = last(await read(platform))
        rows.pop()
        before = len(server.of(NOTES))
        assert await read(platform, cursor) == []
        assert len(server.of(NOTES)) == before + 2


@pytest.mark.parametrize("cursor", ["", "17", "[]", "{}", '["a", "b"]', "[[1, 2], 3]"])
async def test_a_cursor_that_is_none_of_ours_begins_anew(cursor: str) -> None:
    async with stand({NOTES: pages(minutes(2))}) as (_, platform):
        assert len(posts(await read(platform, cursor))) == 2


async def test_what_is_not_for_us_is_not_read_again() -> None:
    """A server that knows no types sends likes and follows too; they move no cursor."""
    like, follow = recorded("favourite"), recorded("follow")
    rows = [mention(1, at=START - 9 * MINUTE)]
    rows += [like | {"id": str(n), "created_at": START.isoformat()} for n in range(2, 60)]
    rows.append(follow | {"id": "60", "created_at": START.isoformat()})
    async with stand({NOTES: pages(rows, most=20)}) as (server, platform):
        told = await read(platform)
        assert len(told) == 1
        before = len(server.of(NOTES))
        assert await read(platform, last(told)) == []
        assert dict(server.of(NOTES)[before].params)["min_id"] == "60"


async def test_an_edit_is_told_of_our_own_matters_only() -> None:
    edit = recorded("update")
    edit["id"] = "1"
    other = recorded("update")
    other["id"] = "2"
    other["status"] |= {"id": "5", "mentions": []}
    for each in (edit, other):
        each["created_at"] = START.isoformat()
    async with stand({"GET /api/v1/accounts/verify_credentials": {"id": TOWN, "acct": "town"},
                      NOTES: pages([edit, other])}) as (_, platform):  # fmt: skip
        [told] = await read(platform)
    assert isinstance(told, Arrival)
    assert (told.event, told.post.edited) == ("edited", True)
    assert told.post.text.endswith("inmiddels leeg.")


async def test_a_post_that_was_edited_before_it_was_read_comes_as_an_edit() -> None:
    rows = [mention(1, edited_at=START.isoformat())]
    async with stand({NOTES: pages(rows)}) as (_, platform):
        [told] = await read(platform)
    assert isinstance(told, Arrival)
    assert told.event == "edited"


@pytest.mark.parametrize(
    "row",
    [
        {"id": "1", "created_at": START.isoformat(), "type": "mention", "status": []},
        {"id": "1", "created_at": START.isoformat(), "type": "mention", "status": {"id": "7"}},
        {"id": "1", "created_at": START.isoformat()},
        {"id": "1", "created_at": START.isoformat(), "type": 7, "status": {}},
        "Truus",
        None,
    ],
)
async def test_what_nobody_understands_is_kept_and_what_follows_is_read(row: Any) -> None:
    good = mention(2)
    answers = iter([[good, row], [], []])

    def page(asked: Asked) -> Any:
        return (
            next(answers)
            if "min_id" in dict(asked.params)
            else [mention(0, at=START - 9000 * MINUTE)]
        )

    cursor = f'[["0", "{(START - MINUTE).isoformat()}"], null]'
    async with stand({NOTES: page}) as (_, platform):
        told = await read(platform, cursor)
    assert [each.id for each in posts(told)] == ["900000002"]
    [kept] = [each for each in told if isinstance(each, Quarantined)]
    assert "Truus" not in kept.reason


async def test_a_mention_of_a_post_that_is_gone_is_nothing() -> None:
    rows = [{**mention(1), "status": None}, mention(2)]
    async with stand({NOTES: pages(rows)}) as (_, platform):
        assert len(await read(platform)) == 1


@pytest.mark.parametrize(
    "page", [{"error": "x"}, [{"no": "ids"}], ["a"], Said("<html></html>"), Said([], 503)]
)
async def test_a_list_of_another_shape_is_tried_again(page: Any) -> None:
    async with stand({NOTES: page}) as (_, platform):
        with pytest.raises(TryAgain):
            await read(platform)


async def test_a_scope_that_is_missing_is_told() -> None:
    refused = Said({"error": "This action is outside the authorized scopes"}, 403)
    async with stand({NOTES: refused}) as (_, platform):
        with pytest.raises(Refused, match="403"):
            await read(platform)


def thread(length: int) -> list[Any]:
    """Return a thread of statuses, oldest first."""
    made: list[Any] = []
    for n in range(length):
        status = mention(n)["status"]
        status["content"] = f"<p>line {n}</p>"
        status["in_reply_to_id"] = made[-1]["id"] if made else None
        made.append(status)
    return made


async def reply_in(server: Stand, platform: Platform, above: list[Any], *ids: str) -> list[Any]:
    """Let posts arrive under the last of `above`."""
    rows = [
        mention(1000 + n, at=START + n * MINUTE, id=str(n + 1), in_reply_to_id=above[-1]["id"])
        for n, _ in enumerate(ids)
    ]
    for each in rows:
        path = f"GET /api/v1/statuses/{each['status']['id']}/context"
        server.answers[path] = {"ancestors": above, "descendants": []}
    server.answers[NOTES] = pages(rows)
    return posts(await read(platform))


async def test_of_a_thread_of_500_the_newest_ten_and_the_root_are_kept() -> None:
    above = thread(500)
    async with stand() as (server, platform):
        one, two = await reply_in(server, platform, above, "a", "b")
        asked = [each for each in server.asked if each.what.endswith("/context")]
    assert one.root == two.root == above[0]["id"]
    assert [each.text for each in one.above] == [f"line {n}" for n in range(490, 500)]
    assert len(asked) == 1  # who answers under the same post has the same above


async def test_a_post_whose_thread_is_gone_hangs_from_its_parent() -> None:
    rows = [mention(1, in_reply_to_id="42")]
    async with stand({NOTES: pages(rows)}) as (_, platform):
        [post] = posts(await read(platform))
    assert (post.root, post.parent, post.above) == ("42", "42", ())


async def test_reads_gotosocial_from_its_first_letter_on() -> None:
    """ULIDs are no numbers; what is older than the oldest is a place of zeros."""
    note = recorded("gotosocial_mention")
    note["created_at"] = START.isoformat()
    me = "01F8MH1H7YV1Z7D2C8K2730QBF"
    rows = [note]
    answers = {
        "GET /api/v2/instance": GOTOSOCIAL,
        "GET /api/v1/accounts/verify_credentials": {"id": me, "acct": "town"},
        f"GET /api/v1/accounts/{me}/statuses": [],
        NOTES: pages(rows),
    }
    async with stand(answers) as (server, platform):
        told = await read(platform)
        [post] = posts(told)
        assert (post.handle, post.addressed) == ("@jan@tuin.example", "mention")
        low = [dict(each.params).get("min_id") for each in server.of(NOTES)]
        assert "0" * 26 in low
        assert await read(platform, last(told)) == []


async def test_our_own_posts_come_after_the_citizens_and_move_their_own_place() -> None:
    ours = recorded("context")["ancestors"][1]
    ours["created_at"] = (START - 5 * MINUTE).isoformat()
    own = [ours]
    answers = {
        NOTES: pages([mention(1)]),
        f"GET /api/v1/accounts/{TOWN}/statuses": pages(own),
    }
    async with stand(answers) as (server, platform):
        first, second = told = await read(platform)
        assert isinstance(first, Arrival)
        assert isinstance(second, Arrival)
        assert (second.post.handle, second.post.addressed) == ("@town", None)
        assert await read(platform, last(told)) == []
        asked = server.of(f"GET /api/v1/accounts/{TOWN}/statuses")
        assert ("exclude_reblogs", "true") in asked[0].params
