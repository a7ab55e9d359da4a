"""Erasing one citizen: nothing of them in any key or file, everything of others, and a proof."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from assistant.audit import Erased, Witness, erase_citizen, line_of, parse_line, verify
from assistant.case import Case, Event, Kind, Remote, Said, State
from assistant.errors import StoreUnavailable
from assistant.listen import take
from assistant.store import Decision, Recorded, Store, open_store
from assistant.store.intake import quarantine, quarantined
from assistant.store.lanes import Lane, Place, Shown, shown
from assistant.store.ledger import persistence, rewrite
from assistant.store.work import pending
from tests.core import (
    START,
    WRITER,
    add,
    arrival,
    new_case,
    open_case,
    post,
    queued_case,
    reply_to,
)
from tests.redis_server import RedisServer
from tests.test_store import everything

HENK = (
    "henk_de_burger",
    "did:citizen",
    "when will the bins be emptied",
    "social.example/p1",
    "and the paper?",
    "dear @henk",
    "he rang about his bins",
    "a question about bins",
)
"""What must be nowhere once this citizen is erased."""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store whose server writes texts to its files as they are, so that we can look."""
    async with open_store(store_url, "town") as opened:
        await opened.redis.config_set("rdbcompression", "no")
        yield opened


async def erase(store: Store, handle: str = "@Henk_de_Burger") -> Erased:
    """Erase a citizen on the only platform there is."""
    return await erase_citizen(store, handle, platforms=["replay"], now=START)


async def sent_case(store: Store, id: str = "p1", **changes: Any) -> str:
    """Bring a case to `sent`."""
    text = "Dear @Henk_de_Burger: on Tuesday. ^AB"
    case = await open_case(store, id, **changes)
    held = (await store.load(case)).case
    assert held is not None
    await add(
        store,
        case,
        Event(kind=Kind.CLAIMED, at=START, by=WRITER, note="he rang about his bins"),
        Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply_to(held, text)),
        Event(kind=Kind.SENDING, at=START, attempt=1),
        Event(kind=Kind.SENT, at=START, remote=Remote(id="r1")),
    )
    return case


def remains(url: str, words: tuple[str, ...] = HENK) -> list[str]:
    """Return which of `words` still stand in a key."""
    kept = b"".join(key.encode() + value for key, value in everything(url).items()).lower()
    return [each for each in words if each.encode() in kept]


def written(server: RedisServer, words: tuple[str, ...] = HENK) -> list[str]:
    """Return which of `words` still stand in a file of the server."""
    files = [each for each in server.dir.rglob("*") if each.is_file()]
    kept = b"".join(each.read_bytes() for each in files).lower()
    return [each for each in words if each.encode() in kept]


async def test_after_erasing_nothing_of_the_citizen_is_in_any_key_or_file(
    store: Store, store_url: str, redis_server: RedisServer
) -> None:
    await sent_case(store)
    follow_up = arrival("p2", root="p1", parent="p1", text="And the paper?")
    assert await take(store, follow_up, now=START) == "follow_up"
    await open_case(store, "p5", handle="@Henk_op_reis")  # the same author by another name
    await sent_case(store, "p9", author="did:other", handle="@Ans", text="My street is dark")
    raw = arrival("p1", text="Other words").model_dump_json()
    await quarantine(store, source="replay", where="p1", reason="other", raw=raw, now=START)
    assert remains(store_url) == list(HENK)
    assert written(redis_server) == list(HENK)

    erased = await erase(store)

    assert erased == Erased(cases=2, quarantined=1, rewritten=True)
    # Ans's reply speaks of the same Henk; it is hers and stays.
    hers = ("henk_de_burger", "dear @henk", "he rang about his bins", "a question about bins")
    assert remains(store_url) == list(hers)
    await erase(store, "@Ans")
    assert remains(store_url) == []
    await gone(redis_server)


async def gone(server: RedisServer) -> None:
    """Wait until the server has also removed the files it replaced."""
    for _ in range(500):
        if not written(server):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(written(server))


async def test_erasing_leaves_other_citizens_alone(store: Store) -> None:
    mine = await sent_case(store)
    hers = await sent_case(store, "p9", author="did:other", handle="@Ans", text="My street is dark")
    same_thread = await new_case(store, "p10", root="p1", author="did:third", handle="@Piet")
    raw = arrival("p9", author="did:other", handle="@Ans").model_dump_json()
    await quarantine(store, source="replay", where="p9", reason="other", raw=raw, now=START)
    before = {case: await store.load(case) for case in (hers, same_thread)}
    await erase(store)
    for case, loaded in before.items():
        assert (await store.load(case)).case == loaded.case
    assert len(await quarantined(store)) == 1
    assert await store.cases_of("replay", "handle", "ans") == (hers,)
    erased = (await store.load(mine)).case
    assert erased is not None
    assert erased.erased


async def test_what_the_citizen_said_above_anothers_post_goes_and_the_rest_stays(
    store: Store, store_url: str
) -> None:
    mine = await new_case(store, text="When will the bins be emptied?")
    above = (
        Said(author="@henk_de_burger", text="When will the bins be emptied?"),
        Said(author="@Piet", text="Me too"),
        Said(author="@Henk_de_Burger", text="And the paper?"),
        Said(author="@Henk_de_Burger", text="Me too"),
        Said(author="@town", text="On Tuesday.", ours=True),
    )
    more: dict[str, Any] = {"author": "did:other", "handle": "@Ans", "text": "Not on Monday?"}
    hers = await new_case(store, "p9", above=above[:3], **more)
    follow_up = arrival("p8", root="p9", parent="p9", above=above, **more)
    assert await take(store, follow_up, now=START) == "follow_up"
    root = await Witness(store).take(now=START)
    assert root is not None
    raw = follow_up.model_dump_json()
    await quarantine(store, source="replay", where="p8", reason="?", raw=raw, now=START)

    later = START + timedelta(days=1)
    erased = await erase_citizen(store, "henk_de_burger", platforms=["replay"], now=later)

    assert erased == Erased(cases=1, quarantined=1, rewritten=True)
    assert remains(store_url) == []
    case = (await store.load(hers)).case
    assert case is not None
    assert [[each.text for each in one.above] for one in case.posts] == [
        ["Me too"],
        ["Me too", "On Tuesday."],
    ]
    assert {each.text for each in case.posts} == {"Not on Monday?"}
    assert case.updated_at == START
    assert hers in await store.ids(until=START)
    told = await verify(store, witnesses=[parse_line(line_of(root, organisation="town"))])
    assert (told.broken, told.cases, told.erased) == (None, 2, 1)
    assert not await store.cases_of("replay", "above", "henk_de_burger")
    assert await store.cases_of("replay", "above", "piet") == (hers,)
    assert (await pending(store))["triage"] == 4  # two of them have the card shown as it is now
    assert mine != hers


async def test_words_taken_out_of_anothers_case_without_saying_so_are_missed(store: Store) -> None:
    above = (Said(author="@Piet", text="Me too"),)
    hers = await new_case(store, "p9", author="did:other", handle="@Ans", above=above)
    for name, value in (await store.redis.hgetall(store.keys.private(hers))).items():
        if value.endswith(":Me too"):
            await store.redis.hdel(store.keys.private(hers), name)
    assert "without an erasure" in str((await verify(store)).broken)


async def test_the_chain_still_verifies_and_the_erasure_is_an_event(store: Store) -> None:
    case = await sent_case(store)
    await new_case(store, "p9", author="did:other", handle="@Ans")
    root = await Witness(store).take(now=START)
    assert root is not None
    await erase(store)
    told = await verify(store, witnesses=[parse_line(line_of(root, organisation="town"))])
    assert (told.broken, told.cases, told.erased) == (None, 2, 1)
    assert (await store.events(case))[-1] == Event(kind=Kind.ERASED, at=START, reason="request")


async def test_a_text_removed_after_an_erasure_is_still_found(store: Store) -> None:
    """An erasure excuses what was there before it, not what came after."""
    case = await sent_case(store)
    await erase(store)
    await take(store, arrival("p2", root="p1", parent="p1", text="Me again"), now=START)
    assert (await verify(store)).broken is None
    await store.redis.delete(store.keys.private(case))
    version = (await store.load(case)).version
    told = f"case {case} event {version}: its text is missing without an erasure"
    assert (await verify(store)).broken == told


@pytest.mark.parametrize("handle", ["@Nobody", "did:citizen", "henk", "Henk_de_Burgers", ""])
async def test_an_unknown_handle_erases_nothing(store: Store, handle: str) -> None:
    case = await sent_case(store)
    version = (await store.load(case)).version
    assert await erase(store, handle) == Erased(rewritten=True)
    assert (await store.load(case)).version == version


@pytest.mark.parametrize("handle", ["@Henk_de_Burger", "henk_de_burger", "@HENK_DE_BURGER"])
async def test_a_handle_is_known_in_every_spelling_and_erased_once(
    store: Store, handle: str
) -> None:
    await sent_case(store)
    assert (await erase(store, handle)).cases == 1
    assert await erase(store, handle) == Erased(rewritten=True)


UNDER_WAY: dict[State, tuple[Event, ...]] = {
    State.QUEUED: (),
    State.SENDING: (Event(kind=Kind.SENDING, at=START, attempt=1),),
    State.IN_DOUBT: (
        Event(kind=Kind.SENDING, at=START, attempt=1),
        Event(kind=Kind.DOUBTED, at=START, reason="cut"),
    ),
}


@pytest.mark.parametrize("state", UNDER_WAY)
async def test_a_case_whose_reply_is_under_way_is_left_and_named(
    store: Store, store_url: str, state: State
) -> None:
    busy = await queued_case(store, "p1")
    await add(store, busy, *UNDER_WAY[state])
    before = await store.load(busy)
    done = await sent_case(store, "p7")
    told = await erase(store)
    assert (told.cases, told.waiting) == (1, (busy,))
    assert before.case is not None
    assert before.case.state is state
    assert (await store.load(busy)).case == before.case
    assert _erased((await store.load(done)).case)
    assert (await verify(store)).broken is None
    # Once its outcome is known it goes too, and is still found by the handle.
    ends = {
        State.QUEUED: Event(kind=Kind.UNDONE, at=START, by=WRITER),
        State.SENDING: Event(kind=Kind.SENT, at=START, remote=Remote(id="r9")),
        State.IN_DOUBT: Event(kind=Kind.FOUND, at=START, remote=Remote(id="r9")),
    }
    await add(store, busy, ends[state])
    told = await erase(store)
    assert (told.cases, told.waiting) == (1, ())
    assert remains(store_url) == []


def _erased(case: Case | None) -> bool:
    return case is not None and case.erased


async def test_a_case_under_another_handle_is_found_again_once_it_may_go(store: Store) -> None:
    """The case that tied the author to the handle is empty by then."""
    await sent_case(store, "p1")
    busy = await new_case(store, "p2", handle="@Henk_op_reis")
    held = await add(store, busy, *(await store.events(await open_case(store, "p3")))[1:])
    approved = Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply_to(held))
    await add(store, busy, approved)
    assert (await erase(store)).waiting == (busy,)
    await add(store, busy, Event(kind=Kind.UNDONE, at=START, by=WRITER))
    assert (await erase(store)).cases == 1
    assert _erased((await store.load(busy)).case)


class Stopping(Store):
    """A store that goes away before its n-th recording."""

    left = 0

    async def decide(
        self, id: str, decide: Callable[[Case | None], Decision], **more: Any
    ) -> Recorded:
        if self.left == 0:
            raise StoreUnavailable("gone")
        self.left -= 1
        return await super().decide(id, decide, **more)


@pytest.mark.parametrize("after", range(4))
async def test_an_erasure_that_was_cut_short_is_finished_by_the_next(
    store: Store, store_url: str, after: int
) -> None:
    await sent_case(store, "p1")
    await sent_case(store, "p2")
    await open_case(store, "p3", handle="@Henk_op_reis")
    stopping = Stopping(store_url, "town")
    await stopping.start()
    stopping.left = after
    with pytest.raises(StoreUnavailable):
        await erase(stopping)
    await stopping.close()
    assert (await erase(store)).waiting == ()
    assert remains(store_url) == []
    assert (await verify(store)).erased == 3


async def test_an_old_post_that_arrives_again_stays_a_repeat(store: Store) -> None:
    case = await sent_case(store)
    await erase(store)
    version = (await store.load(case)).version
    edited = arrival(event="edited", text="When will the bins be emptied?!")
    for again in (arrival(), edited, arrival(event="deleted")):
        assert await take(store, again, now=START) == "repeat"
    assert (await store.load(case)).version == version
    assert await store.cases_of("replay", "handle", "henk_de_burger") == ()
    assert (await verify(store)).broken is None


async def test_the_citizen_who_comes_back_begins_afresh(store: Store, store_url: str) -> None:
    case = await sent_case(store)
    await erase(store)
    back = arrival("p2", root="p1", parent="p1", text="Me again")
    assert await take(store, back, now=START) == "follow_up"
    held = (await store.load(case)).case
    assert held is not None
    assert (held.state, held.erased) == (State.NEW, False)
    assert held.posts == (post("p2", root="p1", parent="p1", text="Me again"),)
    assert (held.triage, held.draft, held.owner, held.reply, held.sent) == (
        (None, None, None, None, ())
    )
    assert held.answered == 0
    assert (await verify(store)).broken is None
    assert await store.cases_of("replay", "author", "did:citizen") == (case,)
    assert (await erase(store)).cases == 1
    assert remains(store_url, (*HENK, "me again")) == []


async def test_the_chat_messages_are_queued_to_be_deleted(store: Store) -> None:
    case = await sent_case(store)
    for channel, times in (("CWASTE", ("1.0", "2.0")), ("CCARE", ("3.0",))):
        lane = Lane(store, channel)
        assert await lane.hold()
        for ts in times:
            await lane.save(case, Shown(), was=Shown(), posted=Place(channel=channel, ts=ts))
    assert (await erase(store)).messages == 3
    lanes = {name: await store.redis.zrange(store.keys.lane + name, 0, -1) for name in
             ("CWASTE", "CCARE")}  # fmt: skip
    # The case itself waits too, for an erasure that stopped before it named the messages.
    assert lanes == {"CWASTE": [case, "forget:1.0", "forget:2.0"], "CCARE": [case, "forget:3.0"]}
    assert await shown(store, case) == Shown()
    assert (await erase(store)).messages == 0


async def test_an_erasure_says_when_the_server_could_not_rewrite_its_files(store: Store) -> None:
    await sent_case(store)
    await store.redis.acl_setuser("limited", enabled=True, passwords=["+pw"], keys=["*"],
                                  commands=["+@all", "-config"])  # fmt: skip
    kwargs = store.redis.connection_pool.connection_kwargs
    url = f"redis://limited:pw@{kwargs['host']}:{kwargs['port']}/0"
    try:
        async with open_store(url, "town") as limited:
            told = await erase(limited)
    finally:
        await store.redis.acl_deluser("limited")
    assert (told.cases, told.rewritten) == (1, False)


class Busy(Store):
    """A store in which the citizen writes again, here and elsewhere, while they are erased."""

    async def decide(
        self, id: str, decide: Callable[[Case | None], Decision], **more: Any
    ) -> Recorded:
        recorded = await super().decide(id, decide, **more)
        if _erased(recorded.case):
            again = arrival("p2", root="p1", parent="p1", text="Me again")
            assert await take(self, again, now=START) == "follow_up"
            assert await take(self, arrival("p3", text="And here"), now=START) == "new"
        return recorded


async def test_what_arrives_during_an_erasure_is_still_found(store: Store, store_url: str) -> None:
    case = await sent_case(store)
    busy = Busy(store_url, "town")
    await busy.start()
    assert (await erase(busy)).cases == 1
    await busy.close()
    for kind, value in (("author", "did:citizen"), ("handle", "henk_de_burger")):
        found = await store.cases_of("replay", kind, value)
        assert len(found) == 2
        assert case in found
    assert (await erase(store)).cases == 2
    assert remains(store_url, (*HENK, "me again", "and here")) == []
    assert [key async for key in store.redis.scan_iter(store.keys.citizen + "*")] == []


def _kept(**changes: Any) -> str:
    return arrival("q1", **changes).model_dump_json()


@pytest.mark.parametrize(
    ("raw", "theirs"),
    [
        (_kept(author="did:x", handle="@Jan"), True),
        (_kept(author="did:jan", handle="@otherwise"), True),
        (_kept(author="did:x", handle="@janneke"), False),
        (_kept(author="did:x", handle="@Ans", text="Hello @jan"), False),  # Ans's own words
        (_kept(author=None, handle=None, text="jan"), False),
        ("not a record: @JAN, who wrote", True),
        ('{"by": "did:jan"}', True),
        ('{"post": {"user": "jan"}}', True),
        ('"{\\"by\\": \\"@j\\u0061n\\"}"', True),
        ("@janneke @jan.de.wit de-jan piet@jan jan@elsewhere.example did:janneke", False),
        ("[]", False),
    ],
)
async def test_quarantine_loses_the_citizens_own_records_only(
    store: Store, raw: str, theirs: bool
) -> None:
    await new_case(store, author="did:jan", handle="@Jan")
    await quarantine(store, source="replay", where="q", reason="other", raw=raw, now=START)
    assert (await erase(store, "@jan")).quarantined == theirs
    assert len(await quarantined(store)) == (not theirs)


async def test_a_store_that_is_away_is_not_taken_for_one_that_forbids() -> None:
    away = Store("redis://127.0.0.1:1/0", "town")
    for ask in (rewrite, persistence):
        with pytest.raises(StoreUnavailable):
            await ask(away)
    await away.close()
