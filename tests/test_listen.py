"""Taking in: each post once, in the right case, and nothing lost of what cannot be read."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.case import Case, Event, Kind, Remote, State
from assistant.errors import BadInput, Conflict, Refused, StoreUnavailable, TryAgain
from assistant.listen import Pace, listen, retry, take, tally
from assistant.platforms import Arrival, Told
from assistant.platforms.replay import Replay, parse
from assistant.store import TEXTS, Store, open_store
from assistant.store.intake import cursor, quarantine, quarantined
from assistant.testing import FakePlatform
from tests.core import START, WRITER, Clock, add, arrival, new_case, open_case, queued_case

FAST = Pace(pause=0.01, broken=0.02, quiet=0.02, silence=5.0, share=0.01, lease=0.3)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


async def only(store: Store) -> Case:
    """Return the one case there is."""
    [id] = await store.ids()
    case = (await store.load(id)).case
    assert case is not None
    return case


async def test_a_new_post_makes_a_case_and_asks_for_triage(store: Store) -> None:
    assert await take(store, arrival(), now=START) == "new"
    case = await only(store)
    assert (case.state, case.posts) == (State.NEW, (arrival().post,))
    rows = await store.redis.xrange(store.keys.work + "triage")
    assert [fields for _, fields in rows] == [{"case": case.id}]
    for kind, name in (("author", "did:citizen"), ("handle", "henk_de_burger")):
        assert await store.cases_of("replay", kind, name) == (case.id,)


async def test_the_same_post_again_is_a_repeat(store: Store) -> None:
    await take(store, arrival(), now=START)
    assert await take(store, arrival(), now=START) == "repeat"
    assert (await only(store)).revision == 1
    assert await store.redis.xlen(store.keys.work + "triage") == 1


async def test_the_same_id_with_another_text_is_quarantined(store: Store) -> None:
    await take(store, arrival(), now=START)
    assert await take(store, arrival(text="something else"), now=START) == "quarantined"
    assert (await only(store)).post.text == arrival().post.text
    [kept] = await quarantined(store)
    assert "something else" in kept.raw
    assert "something else" not in kept.reason
    await take(store, arrival(text="something else"), now=START)
    assert len(await quarantined(store)) == 1


async def test_a_follow_up_joins_its_case(store: Store) -> None:
    await take(store, arrival(), now=START)
    assert await take(store, arrival("p2", parent="p1", root="p1"), now=START) == "follow_up"
    case = await only(store)
    assert [each.id for each in case.posts] == ["p1", "p2"]
    assert case.revision == 2


@pytest.mark.parametrize("conversation", [None, "thread-9", "p1"])
async def test_a_follow_up_before_its_root_waits_for_it(
    store: Store, conversation: str | None
) -> None:
    """Also when only the later one names the conversation."""
    reply = arrival("p2", parent="p1", root="p1")
    assert await take(store, reply, now=START) == "new"
    root = arrival().model_copy(update={"conversation": conversation})
    assert await take(store, root, now=START) == "follow_up"
    assert len(await store.ids()) == 1


async def test_a_conversation_joins_what_its_parent_began_without_one(store: Store) -> None:
    await take(store, arrival(), now=START)
    later = arrival("p2", parent="p1", root="p1").model_copy(update={"conversation": "thread-9"})
    assert await take(store, later, now=START) == "follow_up"


async def test_a_deep_reply_that_arrives_first_is_joined_from_both_sides(store: Store) -> None:
    await take(store, arrival("p3", parent="p2", root="p1"), now=START)
    assert await take(store, arrival("p2", parent="p1", root="p1"), now=START) == "follow_up"
    assert len(await store.ids()) == 1


async def test_an_answer_to_our_reply_joins_its_case_by_whatever_road(store: Store) -> None:
    """As in a direct message, whose conversation has nothing to do with the public thread."""
    case = await queued_case(store)
    await add(
        store, case, Event(kind=Kind.SENDING, at=START, reply_id=f"reply-{case}-1", attempt=1)
    )
    sent = Event(
        kind=Kind.SENT,
        at=START,
        reply_id=f"reply-{case}-1",
        text="Thank you for telling us! ^AB",
        remote=Remote(id="r1"),
    )
    await add(store, case, sent)
    direct = arrival("p2", parent="r1", root="c9").model_copy(update={"conversation": "c9"})
    assert await take(store, direct, now=START) == "follow_up"
    other = arrival("p3", parent="r9", root="c9", author="did:other").model_copy(
        update={"conversation": "c9"}
    )
    assert await take(store, other, now=START) == "new"


async def test_another_citizen_in_the_thread_is_another_case(store: Store) -> None:
    await take(store, arrival(), now=START)
    other = arrival("p2", parent="p1", root="p1", author="did:other", handle="@other")
    assert await take(store, other, now=START) == "new"
    assert len(await store.ids()) == 2


async def test_an_anonymous_author_is_matched_with_nobody(store: Store) -> None:
    for id, parent in (("p1", None), ("p2", "p1"), ("p3", "p1")):
        nobody = arrival(id, parent=parent, root="p1", author=None, handle=None)
        assert await take(store, nobody, now=START) == "new"
    assert len(await store.ids()) == 3


async def test_an_edit_changes_the_post_once(store: Store) -> None:
    case = await open_case(store)
    assert await take(store, arrival(event="edited", text="Now?"), now=START) == "edited"
    assert await take(store, arrival(event="edited", text="Now?"), now=START) == "repeat"
    held = (await store.load(case)).case
    assert held is not None
    assert (held.post.text, held.post.edited, held.revision) == ("Now?", True, 2)


async def test_an_edit_the_last_look_told_already_changes_nothing_again(store: Store) -> None:
    case = await queued_case(store)
    held = (await store.load(case)).case
    assert held is not None
    edited = held.post.model_copy(update={"text": "Now?", "edited": True})
    await add(store, case, Event(kind=Kind.EDITED, at=START, post=edited))
    assert await take(store, arrival(event="edited", text="Now?"), now=START) == "repeat"
    assert (await only(store)).revision == 2
    assert await take(store, arrival(event="edited", text="Now?"), now=START) == "repeat"


async def test_a_file_read_again_does_not_play_its_edits_back(store: Store) -> None:
    told = [
        arrival(text="one"),
        arrival(event="edited", text="two"),
        arrival(event="edited", text="three"),
    ]
    assert [await take(store, each, now=START) for each in told] == ["new", "edited", "edited"]
    assert [await take(store, each, now=START) for each in told] == ["repeat"] * 3
    case = await only(store)
    assert (case.post.text, case.revision) == ("three", 3)


async def test_what_is_known_of_a_post_stays_small(store: Store) -> None:
    for number in range(TEXTS + 5):
        event = "edited" if number else "new"
        await take(store, arrival(event=event, text=f"text {number}"), now=START)
    known = await store.seen(store.mark("replay", "p1"))
    assert known is not None
    texts = [store.hash("text", f"text {number}") for number in range(TEXTS + 5)]
    assert known[1] == tuple(texts[-TEXTS:])


async def test_an_edit_of_a_post_we_never_had_is_taken_as_new(store: Store) -> None:
    assert await take(store, arrival(event="edited"), now=START) == "new"


async def test_a_deletion_is_told_once_and_of_an_unknown_post_is_nothing(store: Store) -> None:
    assert await take(store, arrival(event="deleted"), now=START) == "repeat"
    assert await store.ids() == ()
    await open_case(store)
    assert await take(store, arrival(event="deleted"), now=START) == "deleted"
    assert await take(store, arrival(event="deleted"), now=START) == "repeat"
    case = await only(store)
    assert case.gone
    assert case.draft is None


@pytest.mark.parametrize("event", ["new", "edited", "deleted"])
async def test_whatever_the_citizen_does_during_queued_cancels_it(store: Store, event: str) -> None:
    case = await queued_case(store)
    id = "p2" if event == "new" else "p1"
    coming = arrival(id, event=event, text="Never mind", parent=None if id == "p1" else "p1")
    await take(store, coming, now=START)
    held = (await store.load(case)).case
    assert held is not None
    assert held.state is State.OPEN
    rows = await store.redis.xrange(store.keys.work + "triage")
    assert len(rows) == 2  # triage also brings the card up to date


@pytest.mark.parametrize("state", [State.SENT, State.CLOSED])
async def test_a_post_on_what_was_done_opens_it_again(store: Store, state: State) -> None:
    case = await queued_case(store)
    sending = Event(kind=Kind.SENDING, at=START, attempt=1)
    sent = Event(kind=Kind.SENT, at=START, remote=Remote(id="r1"))
    undone = Event(kind=Kind.UNDONE, at=START, by=WRITER)
    closed = Event(kind=Kind.CLOSED, at=START, by=WRITER, reason="other")
    await add(store, case, *((sending, sent) if state is State.SENT else (undone, closed)))
    assert await take(store, arrival("p2", parent="p1"), now=START) == "follow_up"
    held = (await store.load(case)).case
    assert held is not None
    assert (held.state, held.reopened, held.draft) == (State.NEW, 1, None)


@pytest.mark.parametrize(
    "ours", [{"author": "@town"}, {"handle": "town"}, {"handle": "@Town"}, {"author": "TOWN"}]
)
async def test_our_own_posts_are_skipped(store: Store, ours: dict[str, str]) -> None:
    assert await take(store, arrival(**ours), now=START) == "ours"
    assert await store.ids() == ()


ODD = {
    "long": "word " * 4000,
    "emoji": "😡👨‍👩‍👧‍👦🏳️‍🌈",
    "control": "a\x00b\x1b[31m\u202ec\u200bd\ue0061",
    "slack": "<!channel> <@U1> *bold* &lt;b&gt; `x`",
    "erased": "∅",
    "sealed": "sealed:abc",
    "colon": ":a:b",
    "json": '{"text": "\\u0000"}',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
async def test_odd_texts_are_kept_to_the_letter(store: Store, text: str, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(json.dumps({"id": "p\x00:1", "text": text, "handle": "x\x00y"}) + "\n")
    platform = Replay("@town", replies=tmp_path / "r", source=file)
    counter, count = tally()
    await listen(store, platform, clock=Clock(), counted=count)
    assert counter == Counter(new=1)
    case = await only(store)
    assert (case.post.text, case.post.id) == (text, "p\x00:1")
    assert (await store.events(case.id))[0].post == case.post


async def test_half_a_surrogate_pair_is_taken_in_with_a_mark(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(
        '{"id": "p1", "text": "cut off \\ud83d", "url": "\\ud83d", "handle": "\\udc00"}'
    )
    await listen(store, Replay("@town", replies=tmp_path / "r", source=file), clock=Clock())
    assert (await only(store)).post.text == "cut off ?"


MALFORMED = [
    "{half",
    "<html>",
    "[1, 2]",
    "null",
    '{"text": "no id"}',
    '{"id": "", "text": "x"}',
    '{"id": "x", "text": ""}',
    '{"id": "x", "text": "  "}',
    '{"id": "x", "text": {"a": 1}}',
    '{"id": "x", "text": "y", "event": "boosted"}',
    '{"id": "x", "text": "y", "created_at": "yesterday"}',
    '{"id": "x", "text": "y", "created_at": "0001-01-01T00:00:00+14:00"}',
    '{"id": "x", "text": "y", "visibility": "secret"}',
    '{"id": ' + "9" * 5000 + "}",
    "[" * 100_000,
    "\x00",
]


async def test_malformed_lines_are_kept_counted_and_never_fatal(
    store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "posts.jsonl"
    good = ['{"id": "a", "text": "first"}', '{"id": "b", "text": "last", "odd": [1]}']
    file.write_text("\n".join([good[0], *MALFORMED, "", good[1]]) + "\n")
    counter, count = tally()
    await listen(
        store, Replay("@town", replies=tmp_path / "r", source=file), clock=Clock(), counted=count
    )
    assert counter == Counter(new=2, quarantined=len(MALFORMED))
    kept = await quarantined(store)
    assert {each.raw for each in kept} == {each.strip() for each in MALFORMED}
    for each in kept:
        assert "yesterday" not in each.reason
        assert each.where.startswith("line ")


async def test_reading_goes_on_where_it_left_off(store: Store) -> None:
    platform = FakePlatform(arriving=[arrival(f"p{n}", author=f"a{n}") for n in range(3)])
    counter, count = tally()
    await listen(store, platform, clock=Clock(), counted=count)
    platform.arriving.append(arrival("p9", author="a9"))
    await listen(store, platform, clock=Clock(), counted=count)
    assert counter == Counter(new=4)
    assert await cursor(store, "replay:@town") == "4"
    await listen(store, platform, clock=Clock(), counted=count, keep=False)
    assert counter == Counter(new=4, repeat=4)


class Shaky(FakePlatform):
    """A platform that stumbles between two posts, each time another way."""

    def __init__(self, *arriving: Arrival) -> None:
        super().__init__(arriving=arriving)
        self.stumbles: list[Exception] = [TryAgain("busy", after=0.01), StoreUnavailable("away")]

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield one post, then stumble, as long as there is something to stumble over."""
        async for each in super().arrivals(cursor):
            yield each
            if self.stumbles:
                raise self.stumbles.pop()


async def test_a_platform_that_stumbles_loses_nothing(store: Store) -> None:
    platform = Shaky(*(arrival(f"p{n}", author=f"a{n}") for n in range(5)))
    counter, count = tally()
    await listen(store, platform, clock=Clock(), counted=count, pace=FAST)
    assert counter == Counter(new=5)


class Odd(Store):
    """A store with a mistake in it that one post brings out."""

    async def seen(self, post: str) -> tuple[str, tuple[str, ...]] | None:
        if post == self.mark("replay", "p1"):
            raise KeyError("the citizen's secret")
        return await super().seen(post)


async def test_an_arrival_with_an_error_nobody_foresaw_is_kept_and_the_next_is_read(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Odd(store_url, "town")
    await store.start()
    try:
        platform = FakePlatform(arriving=[arrival(f"p{n}", author=f"a{n}") for n in range(3)])
        counter, count = tally()
        await listen(store, platform, clock=Clock(), counted=count)
        assert counter == Counter(new=2, quarantined=1)
        [kept] = await quarantined(store)
        assert await cursor(store, "replay:@town") == "3"
    finally:
        await store.close()
    assert Arrival.model_validate_json(kept.raw).post.id == "p1"
    assert kept.reason.startswith("KeyError in seen:")
    assert "KeyError in seen:" in caplog.text
    assert "secret" not in caplog.text + kept.reason


async def test_a_record_with_another_text_is_taken_from_quarantine_as_an_edit(
    store: Store,
) -> None:
    """However it was kept: as an arrival, or as its platform sent it."""
    await new_case(store)

    async def parse(raw: str) -> Arrival:
        return arrival(text=raw)

    for raw in (arrival(text="second").model_dump_json(), "third"):
        more = {"where": "line 1", "reason": "unknown", "raw": raw}
        await quarantine(store, source="replay:@town", **more, now=START)
        [kept] = await quarantined(store)
        assert await retry(store, kept, parse=parse, now=START) == "edited"
        assert await quarantined(store) == ()


class Broken(Shaky):
    """A platform whose adapter has a mistake, and whose account was refused for a while."""

    def __init__(self, *arriving: Arrival) -> None:
        super().__init__(*arriving)
        self.stumbles: list[Exception] = [KeyError("the citizen's secret"), Refused("forbidden")]


async def test_a_mistake_in_an_adapter_never_ends_the_service(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    platform = Broken(*(arrival(f"p{n}", author=f"a{n}") for n in range(4)))
    counter, count = tally()
    await listen(store, platform, clock=Clock(), counted=count, pace=FAST)
    assert counter == Counter(new=4)
    assert "KeyError in arrivals:" in caplog.text
    assert "secret" not in caplog.text


async def test_a_case_that_moves_all_the_time_loses_no_arrival(store_url: str) -> None:
    class Busy(Store):
        busy = 1

        async def seen(self, post: str) -> tuple[str, tuple[str, ...]] | None:
            if self.busy:
                self.busy -= 1
                raise Conflict("c1")
            return await super().seen(post)

    store = Busy(store_url, "town")
    await store.start()
    try:
        counter, count = tally()
        platform = FakePlatform(arriving=[arrival()])
        await listen(store, platform, clock=Clock(), counted=count, pace=FAST)
    finally:
        await store.close()
    assert counter == Counter(new=1)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=5,
)
NAMES = ("id", "text", "event", "author", "handle", "created_at", "in_reply_to", "conversation",
         "addressed", "visibility", "url")  # fmt: skip


@given(
    st.text()
    | st.dictionaries(st.sampled_from(NAMES), JSON | st.text(min_size=1)).map(json.dumps)
    | st.fixed_dictionaries({"id": st.text(), "text": st.text(alphabet=st.characters())}).map(
        json.dumps
    )
    | st.fixed_dictionaries(
        {"id": st.just("x"), "text": st.just("y"), "created_at": st.datetimes().map(str) | JSON}
    ).map(json.dumps)
)
def test_parse_raises_nothing_but_bad_input_and_what_it_reads_can_be_stored(line: str) -> None:
    try:
        read = parse(line, account="@town", now=datetime.now(UTC))
    except BadInput:
        return
    assert Arrival.model_validate_json(read.model_dump_json()) == read
    read.post.created_at.astimezone(UTC)


async def test_an_erased_citizen_does_not_come_back_with_the_next_poll(store: Store) -> None:
    case = await new_case(store)
    await add(store, case, Event(kind=Kind.ERASED, at=START), forget=True)
    for event in ("new", "edited", "deleted"):
        coming = arrival(event=event, text="When will the bins be emptied?")
        assert await take(store, coming, now=START) == "repeat"
    assert (await only(store)).erased
    assert await take(store, arrival("p2", parent="p1"), now=START) == "follow_up"
    assert [each.id for each in (await only(store)).posts] == ["p2"]
