"""The contract: rows are promises, columns the adapters, found by themselves, and the fakes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.case import Image, Remote
from assistant.errors import BadInput, Barred, Doubtful, LuisterError, TryAgain
from assistant.listen import take
from assistant.ours import normal
from assistant.platforms import (
    AnswersPrivately,
    Arrival,
    Corrects,
    FindsReplies,
    Introduces,
    KeyedReplies,
    LooksAtMany,
    Pushed,
    Quarantined,
    Stirs,
    TakesBack,
)
from assistant.store import open_store
from tests.core import START
from tests.platforms.columns import ADAPTERS, OPENS, OUTSIDE, SKIPS, WORLDS
from tests.platforms.contract import (
    AFTER,
    MAY_BE_EMPTY,
    QUESTION,
    Doing,
    Fault,
    World,
    answer,
    by_us,
    posts,
    read,
    the_post,
)

PROMISES: list[str] = []
"""The rows, in order."""

T = TypeVar("T", bound=Callable[..., Any])


def promise(test: T) -> T:
    """Hold every column to this promise, but for those that say why they cannot keep it."""
    name = test.__name__.removeprefix("test_")
    PROMISES.append(name)
    held = [each for each in OPENS if name not in SKIPS[each]]
    marked: T = pytest.mark.parametrize("world", held, indirect=True)(test)
    return marked


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The world of one column."""
    async with OPENS[request.param](tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_is_held_to_the_contract(name: str) -> None:
    """A new file in the folder fails this until it has a world, see contract.py."""
    assert name in WORLDS
    assert ADAPTERS[name].__doc__
    assert WORLDS[name].SAMPLES


@pytest.mark.parametrize("name", WORLDS)
def test_no_promise_is_left_empty_but_those_that_may_be(name: str) -> None:
    if name not in OUTSIDE:  # what lies elsewhere answers for itself
        assert set(SKIPS[name]) <= set(MAY_BE_EMPTY.get(name, ()))
    assert set(SKIPS[name]) <= set(PROMISES)
    assert all(SKIPS[name].values())


@pytest.mark.parametrize("name", MAY_BE_EMPTY)
def test_what_may_be_empty_is_a_promise(name: str) -> None:
    assert set(MAY_BE_EMPTY[name]) <= set(PROMISES)


# Reading


@promise
async def test_reads_in_order_of_posting(world: World) -> None:
    labels = [f"p{number}" for number in range(5)]
    await world.citizen(*(Doing(id=each, author=each) for each in labels))
    platform = await world.platform()
    arrived = posts(await read(platform))
    assert [each.id for each in arrived] == [world.id(each) for each in labels]
    for each in arrived:
        assert (each.platform, each.account) == (platform.name, platform.account)
        assert each.created_at.tzinfo is not None
        assert QUESTION in each.text
        assert each.author
    assert len({each.author for each in arrived}) == len(labels)


@promise
async def test_goes_on_after_any_cursor(world: World) -> None:
    """It may repeat a post after a cursor, it never skips one."""
    await world.citizen(*(Doing(id=f"p{number}") for number in range(5)))
    platform = await world.platform()
    everything = await read(platform)
    cursors = [each.cursor for each in everything if isinstance(each, Arrival)]
    # Who pushes remembers itself what it has yet to push.
    assert cursors[-1] is not None or isinstance(platform, Pushed)
    for number, cursor in enumerate(cursors, start=1):
        if cursor is not None:
            again = {each.id for each in posts(await read(await world.platform(), cursor))}
            assert again >= {world.id(f"p{later}") for later in range(number, 5)}
    await world.citizen(Doing(id="p9"))
    later = posts(await read(await world.platform(), cursors[-1]))
    assert later[-1].id == world.id("p9")


@promise
async def test_goes_on_after_a_post_that_is_gone(world: World) -> None:
    """The cursor may be of a post that its author deleted meanwhile."""
    await world.citizen(Doing(id="p1"), Doing(id="p2"))
    told = await read(await world.platform())
    last = next(each.cursor for each in reversed(told) if isinstance(each, Arrival))
    await world.citizen(Doing(id="p2", event="deleted"), Doing(id="p3"))
    assert world.id("p3") in [each.id for each in posts(await read(await world.platform(), last))]


@promise
async def test_hours_offline_arrive_once_in_order(world: World, store_url: str) -> None:
    """More than a page, read by a process that is stopped half-way and by another one."""
    labels = [f"p{number}" for number in range(world.many)]
    await world.citizen(*(Doing(id=each, author=f"a{n % 3}") for n, each in enumerate(labels)))
    taken, cursor = [], None
    async with open_store(store_url, "town") as store:
        for stop in (world.many // 2, None):
            platform = await world.platform()
            async for each in platform.arrivals(cursor):
                assert isinstance(each, Arrival)
                if await take(store, each, now=START) != "repeat":
                    taken.append(each.post.id)
                cursor = each.cursor or cursor
                if len(taken) == stop:
                    break
    assert taken == [world.id(each) for each in labels]


@promise
async def test_knows_a_post_by_its_id(world: World) -> None:
    """Two processes give a post one id, and no two posts the same."""
    labels = [f"p{number}" for number in range(4)]
    await world.citizen(*(Doing(id=each) for each in labels))
    one = [each.id for each in posts(await read(await world.platform()))]
    other = [each.id for each in posts(await read(await world.platform()))]
    assert one == other == [world.id(each) for each in labels]
    assert len(set(one)) == len(labels)


@promise
async def test_keeps_what_nobody_understands_and_reads_on(world: World) -> None:
    await world.nonsense()
    await world.citizen(Doing(id="p1"))
    await world.nonsense()
    await world.citizen(Doing(id="p2"))
    platform = await world.platform()
    told = await read(platform)
    assert [each.id for each in posts(told)] == [world.id("p1"), world.id("p2")]
    broken = [each for each in told if isinstance(each, Quarantined)]
    assert len(broken) == 2
    for each in broken:
        assert each.where
        assert each.reason
        with pytest.raises(BadInput):
            platform.parse(each.raw)


@promise
async def test_leaves_boosts_likes_and_followers_alone(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    await world.noise("p1")
    await world.citizen(Doing(id="p2"))
    told = await read(await world.platform())
    assert [each.id for each in posts(told)] == [world.id("p1"), world.id("p2")]
    assert not any(isinstance(each, Quarantined) for each in told)


@promise
async def test_knows_how_a_post_addresses_us(world: World) -> None:
    assert world.ways
    await world.citizen(*(Doing(id=each, addressed=each, author=each) for each in world.ways))
    arrived = {each.id: each for each in posts(await read(await world.platform()))}
    for each in world.ways:
        assert arrived[world.id(each)].addressed == each
        assert arrived[world.id(each)].barred is None


@promise
async def test_brings_the_conversation_above(world: World) -> None:
    await world.citizen(
        Doing(id="root", author="henk", text="The bins on the market are full."),
        Doing(id="middle", author="truus", text="Here too, since Monday.", parent="root"),
        Doing(id="last", author="piet", text="Who empties them?", parent="middle"),
    )
    last = await the_post(world, "last")
    assert last.parent == world.id("middle")
    assert last.root == world.id("root")
    above = " ".join(each.text for each in last.above)
    assert above.index("since Monday") > above.index("on the market")
    assert not any(each.ours for each in last.above)


@promise
async def test_shows_warning_language_and_images(world: World) -> None:
    assert world.shows
    wanted: dict[str, Any] = {
        "warning": "a dead bird",
        "language": "nl",
        "images": (Image(alt="A full bin 🗑 on the market"), Image(alt=None)),
    }
    told = {key: value for key, value in wanted.items() if key in world.shows}
    await world.citizen(Doing(id="p1", **told))
    seen = await the_post(world, "p1")
    if "warning" in told:
        assert seen.warning
    if "language" in told:
        assert seen.language == "nl"
    if "images" in told:
        assert [each.alt or None for each in seen.images] == [wanted["images"][0].alt, None]


ODD = {
    "arabic": "متى يتم إفراغ الحاوية؟ 12",
    "hebrew": "מתי מרוקנים את הפח?",
    "family": "Wij 👨‍👩‍👧‍👦 vragen ons af 🏳️‍🌈",
    "signs": '1 < 2 && "quotes" &lt;b&gt; \'n <script>',
    "lines": "First line\nsecond line",
    # No stars or underscores: a stand-in, and some servers, make of these what they want.
    "slack": "<!channel> <@U1> <https://evil.example|here> :tada:",
}


@promise
async def test_takes_texts_as_they_are(world: World) -> None:
    await world.citizen(*(Doing(id=name, text=text) for name, text in ODD.items()))
    arrived = {each.id: each.text for each in posts(await read(await world.platform()))}
    for name, text in ODD.items():
        assert normal(text) in normal(arrived[world.id(name)])


@promise
async def test_keeps_only_the_nearest_of_a_long_conversation(world: World) -> None:
    count = 14
    for number in range(count):
        parent = f"p{number - 1}" if number else None
        await world.citizen(Doing(id=f"p{number}", text=f"Post number {number}.", parent=parent))
    last = await the_post(world, f"p{count - 1}")
    assert 5 <= len(last.above) <= 12
    assert f"Post number {count - 2}." in last.above[-1].text
    assert last.root == world.id("p0")


@promise
async def test_passes_on_an_answer_given_outside(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    await world.ours("o1", under="p1", text="It was emptied this morning.")
    told = await read(await world.platform())
    [ours] = [
        each.post for each in told if isinstance(each, Arrival) and "this morning" in each.post.text
    ]
    assert by_us(ours)
    assert ours.parent == world.id("p1")
    assert [each.id for each in posts(told)] == [world.id("p1")]


# Following the citizen


@promise
async def test_follows_an_edit(world: World) -> None:
    await world.citizen(Doing(id="p1"), Doing(id="p2"))
    before = [await the_post(world, each) for each in ("p1", "p2")]
    await world.citizen(Doing(id="p2", event="edited", text="Never mind the bins."))
    platform = await world.platform()
    await read(platform)
    same, changed = [await platform.look(each) for each in before]
    assert same.standing == "unchanged"
    assert changed.standing == "edited"
    assert changed.post is not None
    assert changed.post.id == before[1].id
    assert "Never mind" in changed.post.text
    assert QUESTION not in changed.post.text


@promise
async def test_follows_a_deletion(world: World) -> None:
    await world.citizen(Doing(id="p1"), Doing(id="p2"))
    before = [await the_post(world, each) for each in ("p1", "p2")]
    await world.citizen(Doing(id="p2", event="deleted"))
    platform = await world.platform()
    await read(platform)
    looks = [await platform.look(each) for each in before]
    assert [each.standing for each in looks] == ["unchanged", "deleted"]


@promise
async def test_tells_what_bars_an_answer(world: World) -> None:
    assert world.bars
    await world.citizen(*(Doing(id=each, author=each) for each in world.bars))
    before = {each: await the_post(world, each) for each in world.bars}
    for how in world.bars:
        await world.bar(how, how)
    platform = await world.platform()
    await read(platform)
    for how, target in before.items():
        look = await platform.look(target)
        assert (look.standing, look.post and look.post.barred) == ("barred", how)


@promise
async def test_looks_at_many_as_at_one(world: World) -> None:
    labels = [f"p{number}" for number in range(4)]
    await world.citizen(*(Doing(id=each) for each in labels))
    before = [await the_post(world, each) for each in labels]
    await world.citizen(Doing(id="p1", event="deleted"))
    platform = await world.platform()
    await read(platform)
    one = [await platform.look(each) for each in before]
    if isinstance(platform, LooksAtMany):
        assert platform.looks_at > 1
        assert list(await platform.looks(before)) == one
        assert await platform.looks([]) == ()
    assert [each.standing for each in one] == ["unchanged", "deleted", "unchanged", "unchanged"]


# Answering


@promise
async def test_replies_under_the_post_with_the_exact_text(world: World) -> None:
    await world.citizen(
        Doing(id="root", author="henk"),
        Doing(id="p1", author="truus", parent="root"),
    )
    text = "Dear Truus:\non Tuesday 🙂 “really”, see https://town.example/bins?a=1&b=2 ^AB"
    target = await the_post(world, "p1")
    remote = await (await world.platform()).reply(answer(target, text=text))
    assert isinstance(remote, Remote)
    assert remote.id
    [stands] = await world.standing()
    assert (normal(stands.text), stands.under) == (normal(text), world.id("p1"))


@promise
async def test_never_answers_wider_than_the_citizen(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    target = await the_post(world, "p1")
    platform = await world.platform()
    for number, wanted in enumerate(("public", "unlisted", "private"), start=1):
        await platform.reply(answer(target, visibility=wanted, text=f"On Tuesday. {number} ^AB"))
    width = ["direct", "private", "unlisted", "public"]
    if await _narrow(world):
        for stands, wanted in zip(await world.standing(), width[:0:-1], strict=True):
            assert width.index(stands.visibility) <= width.index(wanted)


async def _narrow(world: World) -> bool:
    """Say whether posts there can be narrower than public, as one of a citizen's shows."""
    await world.citizen(Doing(id="narrow", visibility="unlisted"))
    return (await the_post(world, "narrow")).visibility != "public"


@promise
async def test_a_repeat_is_harmless_or_said_not_to_be(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    reply = answer(await the_post(world, "p1"))
    platform = await world.platform()
    first = await platform.reply(reply)
    assert len(await world.standing()) == 1
    if not isinstance(platform, KeyedReplies):
        assert not hasattr(platform, "key_life")  # so that it is never asked twice
        return
    assert platform.key_life > timedelta(0)
    others = [await world.platform() for _ in range(3)]
    again = await asyncio.gather(*(each.reply(reply) for each in others))
    assert {each.id for each in again} == {first.id}
    assert len(await world.standing()) == 1
    second = answer(await the_post(world, "p1"))
    assert (await platform.reply(second)).id != first.id
    assert len(await world.standing()) == 2


@promise
async def test_finds_its_own_reply(world: World) -> None:
    """Under its target and nowhere else, and only where the adapter says that it can look."""
    await world.citizen(Doing(id="p1"), Doing(id="p2", author="truus"))
    one, other = await the_post(world, "p1"), await the_post(world, "p2")
    platform = await world.platform()
    if not isinstance(platform, FindsReplies):
        assert not hasattr(platform, "replies_under")
        return
    reply = answer(one, text="Dear Henk:\non Tuesday 🙂 “really”, https://town.example/b ^AB")
    assert await platform.replies_under(reply) == ()
    remote = await platform.reply(reply)
    await platform.reply(answer(other))
    found = await (await world.platform()).replies_under(answer(one, text="another text"))  # type: ignore[attr-defined]
    assert [(each.remote.id, normal(each.text)) for each in found] == [
        (remote.id, normal(reply.text))
    ]


@promise
async def test_takes_a_reply_back(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    target = await the_post(world, "p1")
    platform = await world.platform()
    assert isinstance(platform, TakesBack)
    remote = await platform.reply(answer(target))
    await platform.reply(answer(target, text="The other one stays. ^AB"))
    await platform.take_back(remote)
    assert [each.text for each in await world.standing()] == ["The other one stays. ^AB"]
    await platform.take_back(remote)


@promise
async def test_corrects_a_reply_or_does_not_offer_it(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    target = await the_post(world, "p1")
    platform = await world.platform()
    reply = answer(target)
    remote = await platform.reply(reply)
    if not isinstance(platform, Corrects):
        assert not hasattr(platform, "correct")
        return
    better = reply.model_copy(update={"text": "On Wednesday. ^AB"})
    for _ in range(2):
        await platform.correct(better, remote)
        assert [each.text for each in await world.standing()] == ["On Wednesday. ^AB"]
    await platform.correct(reply, remote)
    assert [each.text for each in await world.standing()] == [reply.text]


@promise
async def test_answers_in_private(world: World) -> None:
    await world.citizen(Doing(id="p1"))
    target = await the_post(world, "p1")
    platform = await world.platform()
    assert isinstance(platform, AnswersPrivately)
    assert platform.private_to(target)
    assert platform.private_length("abc") <= platform.private_limit
    await platform.reply(answer(target, visibility="direct", text="Your number is 12. ^AB"))
    [stands] = await world.standing()
    assert "Your number is 12. ^AB" in stands.text
    assert stands.visibility == "direct"


@promise
async def test_counts_length_up_to_its_limit(world: World) -> None:
    platform = await world.platform()
    assert platform.limit > 100
    assert platform.length("") == 0
    assert platform.length("abc") == 3
    assert platform.length("a" * platform.limit) == platform.limit
    assert platform.length("Dag 👩‍👩‍👧‍👦!") > platform.length("Dag ")
    await world.citizen(Doing(id="p1"))
    await platform.reply(answer(await the_post(world, "p1"), text="a" * platform.limit))
    assert len(await world.standing()) == 1


# The connection


async def _everything(world: World, fault: Fault) -> list[LuisterError]:
    """Return what reading, looking and answering raise under this fault."""
    await world.citizen(Doing(id="p1"))
    target = await the_post(world, "p1")
    platform = await world.platform()
    raised = []
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: platform.look(target),
        lambda: platform.reply(answer(target)),
    ]
    if not isinstance(platform, Pushed):  # there reading calls nobody
        calls.insert(0, lambda: read(platform))
    async with world.broken(fault):
        for call in calls:
            with pytest.raises(LuisterError) as error:
                await call()
            assert QUESTION not in str(error.value)
            raised.append(error.value)
    # And it is well again by itself, in the same process.
    assert posts(await read(platform))
    before = len(await world.standing())
    await platform.reply(answer(target, text="On Wednesday. ^AB"))
    assert len(await world.standing()) == before + 1
    return raised


@promise
async def test_a_refused_token_bars_the_account(world: World) -> None:
    assert all(isinstance(each, Barred) for each in await _everything(world, "401"))
    assert len(await world.standing()) == 1


@promise
async def test_too_many_calls_are_tried_again_when_the_platform_says(world: World) -> None:
    for fault in ("429", "429 with after"):
        for each in await _everything(world, fault):
            assert isinstance(each, TryAgain)
            if fault == "429 with after":
                assert each.after is not None
                assert AFTER - 2 <= each.after <= AFTER + 2
    assert len(await world.standing()) == 2


@promise
async def test_a_server_in_trouble_is_tried_again(world: World) -> None:
    *reading, replying = await _everything(world, "500")
    assert all(isinstance(each, TryAgain | Doubtful) for each in reading)
    assert isinstance(replying, TryAgain | Doubtful)


@promise
async def test_nonsense_from_the_server_is_passing_trouble(world: World) -> None:
    """A page of HTML or another JSON is no answer, least of all that something is gone."""
    for fault in ("html", "malformed"):
        *reading, replying = await _everything(world, fault)
        assert all(isinstance(each, TryAgain | Doubtful) for each in reading)
        assert isinstance(replying, TryAgain | Doubtful)


@promise
async def test_an_answer_lost_after_acceptance_is_a_doubt(world: World) -> None:
    """Then it is found, or a repeat is harmless, or it stays in doubt; it never stands twice."""
    await world.citizen(Doing(id="p1"))
    reply = answer(await the_post(world, "p1"))
    platform = await world.platform()
    async with world.broken("timeout_after_accept"):
        with pytest.raises(Doubtful):
            await platform.reply(reply)
    assert len(await world.standing()) == 1
    if isinstance(platform, FindsReplies):
        [found] = await platform.replies_under(reply)
        assert normal(found.text) == normal(reply.text)
    if isinstance(platform, KeyedReplies):
        await platform.reply(reply)
    assert len(await world.standing()) == 1


@promise
async def test_reads_no_more_often_than_published(world: World) -> None:
    await world.citizen(*(Doing(id=f"p{number}") for number in range(world.many)))
    platform = await world.platform()
    calls, seconds = world.allowed
    before = await world.calls()
    told = await read(platform)
    assert await world.calls() - before <= calls
    cursor = next(each.cursor for each in reversed(told) if isinstance(each, Arrival))
    before = await world.calls()
    await read(platform, cursor)
    assert platform.every is not None
    assert (await world.calls() - before) / platform.every <= calls / seconds


@promise
async def test_stirs_as_soon_as_something_arrives(world: World) -> None:
    platform = await world.platform()
    assert isinstance(platform, Stirs)
    await read(platform)
    stirred = asyncio.create_task(platform.stirred())
    for number in range(100):  # the stream may still be opening when the first of them comes
        await world.citizen(Doing(id=f"p{number}"))
        await asyncio.wait({stirred}, timeout=0.1)
        if stirred.done():
            break
    await asyncio.wait_for(stirred, timeout=10)
    assert posts(await read(platform))


@promise
async def test_introduces_itself(world: World) -> None:
    platform = await world.platform()
    assert isinstance(platform, Introduces)
    sentences = await platform.introduce()
    assert sentences
    assert all(each.endswith(".") for each in sentences)
    assert any(platform.account.removeprefix("@") in each for each in sentences)


# Parsing


@pytest.mark.parametrize("name", WORLDS)
async def test_an_adapter_bears_its_files_name(name: str, tmp_path: Path) -> None:
    async with OPENS[name](tmp_path) as world:
        assert (await world.platform()).name == name


@pytest.mark.parametrize("name", WORLDS)
def test_samples_are_understood(name: str) -> None:
    for sample in WORLDS[name].SAMPLES:
        found = ADAPTERS[name].parse(sample, account="@town", now=START)
        assert found.post.platform == name
        assert Arrival.model_validate_json(found.model_dump_json()) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything in a JSON value, itself included."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        inner = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [path, *(deep for key, each in inner for deep in _places(each, (*path, key)))]


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return `value` with `new` at this place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _put(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("name", WORLDS)
@settings(deadline=None)
@given(data=st.data())
def test_a_parser_raises_nothing_but_bad_input(name: str, data: st.DataObject) -> None:
    sample = json.loads(data.draw(st.sampled_from(WORLDS[name].SAMPLES)))
    place = data.draw(st.sampled_from(_places(sample)))
    spoilt = json.dumps(_put(sample, place, data.draw(JSON)))
    raw = data.draw(st.just(spoilt) | st.text() | st.just(spoilt[: len(spoilt) // 2]))
    try:
        found = ADAPTERS[name].parse(raw, account="@town", now=START)
    except BadInput:
        return
    assert found.post.platform == name
    assert found.post.created_at.tzinfo is not None
    assert found.post.id
    assert Arrival.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("name", WORLDS)
def test_a_refusal_never_quotes_what_was_refused(name: str) -> None:
    said = [
        _refusal(ADAPTERS[name].parse, json.dumps(_put(sample, place, new)))
        for sample in map(json.loads, WORLDS[name].SAMPLES)
        for place in _places(sample)
        for new in ("Truus " * 3, ["Truus"], {"Truus": "Truus"})
    ]
    assert any(said)
    assert "Truus" not in " ".join(said)


def _refusal(parse: Callable[..., Arrival], raw: str) -> str:
    try:
        parse(raw, account="@town", now=START)
    except BadInput as error:
        return str(error)
    return ""
