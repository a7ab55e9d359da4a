"""Two accounts on one platform: a post to both is one case, in one channel, with one answer."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from assistant.case import Case, Event, Kind, Reply, State
from assistant.listen import take
from assistant.platforms import Arrival
from assistant.platforms.mastodon.parse import parse, record
from assistant.reply import Sender
from assistant.store import Loaded, Store, Work, open_store
from assistant.testing import FakePlatform
from tests.core import (
    ACK,
    START,
    TOWN,
    WRITER,
    Clock,
    add,
    arrival,
    drafted,
    platforms,
    reply_to,
    triaged,
)
from tests.people import held, kinds

OTHER = "@town_hall"
BOTH = ("@town", OTHER)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


async def only(store: Store) -> Case:
    """Return the one case there is."""
    [id] = await store.ids()
    return await held(store, id)


async def read(store: Store, account: str, id: str = "p1", **changes: Any) -> str:
    """Take in a post as `account` read it; return what it was."""
    return await take(store, arrival(id, account=account, **changes), now=START)


async def queued(store: Store) -> str:
    """Bring the one case to `queued`."""
    case = await only(store)
    await add(store, case.id, triaged(), drafted(), Event(kind=Kind.PRESENTED, at=START))
    await add(store, case.id, approved(reply_to(case)), work=(Work(step="send"),))
    return case.id


def approved(reply: Reply) -> Event:
    return Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply)


@pytest.mark.parametrize("first", BOTH)
async def test_a_post_to_both_is_the_case_of_whichever_read_it_first(
    store: Store, first: str
) -> None:
    second = next(each for each in BOTH if each != first)
    assert await read(store, first) == "new"
    assert await read(store, second) == "repeat"
    assert (await only(store)).account == first


async def test_read_by_both_at_the_same_moment_it_is_one_case(store: Store) -> None:
    posts = [f"p{n}" for n in range(10)]
    reads = [read(store, each, id, author=id) for id in posts for each in BOTH]
    assert Counter(await asyncio.gather(*reads)) == {"new": 10, "repeat": 10}
    assert len(await store.ids()) == 10
    assert await store.redis.xlen(store.keys.work + "triage") == 10


async def test_two_first_posts_at_the_same_moment_are_one_case(store: Store) -> None:
    follow_up = {"root": "p1", "parent": "p1", "text": "And the glass?"}
    reads = (read(store, "@town"), read(store, OTHER, "p2", **follow_up))
    assert sorted(await asyncio.gather(*reads)) == ["follow_up", "new"]
    assert len((await only(store)).posts) == 2


async def test_what_the_other_reads_on_cancels_what_waits_and_gets_the_same_answer(
    store: Store,
) -> None:
    await read(store, "@town")
    id = await queued(store)
    follow_up = {"root": "p1", "parent": "p1", "text": "And the glass?"}
    assert await read(store, OTHER, "p2", **follow_up) == "follow_up"
    assert await read(store, "@town", "p2", **follow_up) == "repeat"
    case = await only(store)
    assert (case.state, [each.id for each in case.posts]) == (State.OPEN, ["p1", "p2"])

    town, hall = FakePlatform("@town"), FakePlatform(OTHER)
    reply = reply_to(case).model_copy(update={"id": "r2", "target": "p2"})
    await add(store, id, approved(reply))
    sender = Sender(store, TOWN, platforms=platforms(town, hall), clock=Clock())
    await sender.send(id, ACK)
    assert [each.target for each in town.calls] == ["p2"]
    assert hall.calls == []


@pytest.mark.parametrize(("event", "text"), [("edited", "Never mind"), ("deleted", "")])
async def test_a_change_that_both_tell_of_is_told_once(store: Store, event: str, text: str) -> None:
    await read(store, "@town")
    told = [await read(store, each, event=event, text=text) for each in (OTHER, "@town")]
    assert told == [event, "repeat"]
    assert (await kinds(store, (await only(store)).id))[1:] == [Kind(event)]


async def test_an_answer_by_hand_from_the_other_account_ends_the_case(store: Store) -> None:
    await read(store, "@town")
    await queued(store)
    by = {"author": "did:hall", "handle": OTHER, "root": "p1", "parent": "p1"}
    assert await read(store, OTHER, "o1", text="Ask our desk.", **by) == "elsewhere"
    assert (await only(store)).state is State.CLOSED


@pytest.mark.parametrize("visibility", ["direct", "private"])
async def test_what_only_the_other_may_read_is_a_case_of_its_own(
    store: Store, visibility: str
) -> None:
    """The account that has the conversation could not see it, and would take it for deleted."""
    await read(store, "@town")
    more = {"root": "p1", "parent": "p1", "visibility": visibility}
    assert await read(store, OTHER, "p2", text="My number is in my profile", **more) == "new"
    assert await read(store, OTHER, "p3", text="Do you see it?", **more) == "follow_up"
    assert await read(store, "@town", "p4", text="Or shall I call?", **more) == "follow_up"
    cases = [await held(store, id) for id in await store.ids()]
    found = {each.account: [post.id for post in each.posts] for each in cases}
    assert found == {"@town": ["p1", "p4"], OTHER: ["p2", "p3"]}


class Beaten(Store):
    """A store in which our first account begins the case right after it was looked for."""

    late: Store

    async def load(self, id: str, *, command: str | None = None) -> Loaded:
        loaded = await super().load(id, command=command)
        if loaded.case is None:
            await read(self.late, "@town")
        return loaded


async def test_nor_is_it_when_both_begin_at_the_same_moment(store: Store, store_url: str) -> None:
    beaten = Beaten(store_url, "town")
    beaten.late = store
    more = {"root": "p1", "parent": "p1", "visibility": "private"}
    async with AsyncExitStack() as opened:
        opened.push_async_callback(beaten.close)
        await beaten.start()
        assert await read(beaten, OTHER, "p2", text="My number is in my profile", **more) == "new"
    cases = [await held(store, id) for id in await store.ids()]
    assert {each.account: len(each.posts) for each in cases} == {"@town": 1, OTHER: 1}


# Mastodon: each server has an id of its own for the same post

SERVERS = (("@town", "111", "@town@one.example"), (OTHER, "222", "@town_hall@two.example"))


def told_by(
    account: str, id: str, names: str, *, event: str = "new", text: str = "Bins?"
) -> Arrival:
    """Return a citizen's post as the server of `account` tells it."""
    status = {
        "id": id,
        "uri": "https://three.example/users/jan/statuses/7",
        "url": "https://three.example/@jan/7",
        "account": {"id": f"9{id}", "acct": "jan@three.example"},
        "created_at": "2026-11-20T11:00:00.000Z",
        "content": f"<p>{names} {text}</p>",
        "mentions": [{"id": "1", "acct": account.removeprefix("@")}],
    }
    found = parse(record(status, me="1", event=event), account=account, now=START)
    return found.model_copy(update={"event": event})


async def test_a_post_that_two_servers_tell_of_is_one_case(store: Store) -> None:
    reads = [take(store, told_by(*each), now=START) for each in SERVERS]
    assert sorted(await asyncio.gather(*reads)) == ["new", "repeat"]
    case = await only(store)
    other = next(each for each in SERVERS if each[0] != case.account)
    for event in ("new", "edited", "deleted"):
        assert await take(store, told_by(*other, event=event, text="Glass?"), now=START) == "repeat"
    assert await kinds(store, case.id) == [Kind.RECEIVED]
    own = next(each for each in SERVERS if each[0] == case.account)
    assert await take(store, told_by(*own, event="edited", text="Glass?"), now=START) == "edited"
    assert "Glass?" in (await only(store)).post.text


async def test_what_the_quarantine_keeps_still_has_that_name() -> None:
    found = told_by(*SERVERS[0])
    assert Arrival.model_validate_json(found.model_dump_json()) == found
    assert json.loads(found.model_dump_json())["everywhere"].endswith("/statuses/7")
