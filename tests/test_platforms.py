"""The contract of a platform: every adapter, found by itself, and the fakes that stand for one."""

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import assistant.platforms
from assistant.case import Remote, Reply, record_key
from assistant.errors import BadInput, TryAgain
from assistant.platforms import (
    Arrival,
    FindsReplies,
    KeyedReplies,
    Look,
    Platform,
    Quarantined,
    Told,
)
from assistant.platforms.replay import Replay
from assistant.testing import FakePlatform, KeyedPlatform, LookUpPlatform
from tests.core import START, WRITER, arrival, post

ADAPTERS: dict[str, ModuleType] = {
    each.name: importlib.import_module(f"assistant.platforms.{each.name}")
    for each in pkgutil.iter_modules(assistant.platforms.__path__)
}
"""Every module in the folder of platforms, by its name."""

Doing = dict[str, Any]
"""One thing a citizen did: `id`, `text`, and an `event` unless it is new."""


class World(Protocol):
    """A platform with citizens on it; what an adapter must bring to be tested here."""

    def citizens(self, *told: Doing) -> None:
        """Let citizens do these things, one after the other; None for `id` is malformed."""

    def platform(self) -> Platform:
        """Return the adapter, each time as another process would make it."""

    def standing(self) -> list[str]:
        """Return the texts of our replies that stand there."""


class ReplayWorld:
    """A file of posts and a file of replies."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "posts.jsonl"
        self.source.touch()
        self.replies = folder / "deep" / "replies.jsonl"

    def citizens(self, *told: Doing) -> None:
        with self.source.open("a") as file:
            for each in told:
                file.write((json.dumps(each) if each["id"] else '{"id": ') + "\n")

    def platform(self) -> Replay:
        return Replay("@town", replies=self.replies, source=self.source)

    def standing(self) -> list[str]:
        lines = self.replies.read_text("utf-8").splitlines() if self.replies.exists() else []
        return [json.loads(line)["text"] for line in lines]


class FakeWorld:
    """A fake of assistant.testing; there is only one of it, as of a server."""

    def __init__(self, made: FakePlatform) -> None:
        self.made = made

    def citizens(self, *told: Doing) -> None:
        for each in told:
            if each["id"] is None:
                self.made.arriving.append(Quarantined(where="1", reason="none", raw="{"))
                continue
            came = arrival(each["id"], event=each.get("event", "new"), text=each["text"])
            self.made.arriving.append(came)
            if came.event != "new":
                self.made.looks[came.post.id] = Look(standing=came.event, post=came.post)

    def platform(self) -> FakePlatform:
        return self.made

    def standing(self) -> list[str]:
        return [reply.text for reply, _ in self.made.standing]


WORLDS: dict[str, Callable[[Path], World]] = {
    "replay": ReplayWorld,
    "fake": lambda _: FakeWorld(FakePlatform()),
    "fake with keys": lambda _: FakeWorld(KeyedPlatform()),
    "fake with a look-up": lambda _: FakeWorld(LookUpPlatform()),
}
PARSERS: dict[str, Callable[[str], Arrival]] = {
    "replay": lambda raw: ADAPTERS["replay"].parse(raw, account="@town", now=START),
}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Each platform in turn."""
    return WORLDS[request.param](tmp_path)


def reply(number: int = 1, *, target: str = "p1", text: str = "On Tuesday. ^AB") -> Reply:
    """Return a reply of one Send."""
    id = f"reply-{number}"
    return Reply(
        id=id,
        target=target,
        text=text,
        key="luister-" + id,
        record_key=record_key(id, START),
        created_at=START,
        due=START,
        by=WRITER,
    )


async def read(platform: Platform, cursor: str | None = None) -> list[Told]:
    """Return all that arrives after `cursor`."""
    return [each async for each in platform.arrivals(cursor)]


def ids(arrived: Iterable[Told]) -> list[str]:
    """Return the ids of what was understood."""
    return [each.post.id for each in arrived if isinstance(each, Arrival)]


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_is_tested_here(name: str) -> None:
    """A new file in the folder fails this until it has a world and a parser above."""
    assert name in WORLDS
    assert name in PARSERS
    assert ADAPTERS[name].__doc__


def test_an_adapter_bears_its_files_name(tmp_path: Path) -> None:
    for name in ADAPTERS:
        assert WORLDS[name](tmp_path).platform().name == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "text", "event", "author", "handle", "created_at", "in_reply_to", "conversation",
     "addressed", "visibility", "url"]
)  # fmt: skip
LIKELY = st.dictionaries(KEYS, JSON | st.sampled_from(["new", "edited", "deleted", "2026-11-20"]))
RAW = st.text() | (JSON | LIKELY).map(json.dumps)


@pytest.mark.parametrize("name", PARSERS)
@settings(deadline=None)
@given(raw=RAW)
def test_a_parser_raises_nothing_but_bad_input(name: str, raw: str) -> None:
    try:
        found = PARSERS[name](raw)
    except BadInput:
        return
    assert found.post.platform == name
    assert found.post.created_at.tzinfo is not None
    assert found.post.id
    assert Arrival.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("name", PARSERS)
@settings(deadline=None)
@given(event=st.text(min_size=5).filter(lambda text: text not in ("edited", "deleted")))
def test_a_refusal_never_quotes_what_was_refused(name: str, event: str) -> None:
    told = {"id": "p1", "text": "x", "event": "Truus " + event, "in_reply_to": ["Truus"]}
    for raw in (json.dumps(told), "Truus {" + event, json.dumps(["Truus", event])):
        with pytest.raises(BadInput) as refused:
            PARSERS[name](raw)
        assert "Truus" not in str(refused.value)


async def test_ids_are_opaque(world: World) -> None:
    odd = ["1e5", "007", "did:plc:x/app.post/3k", "https://a.example/@b/1?c=d&e#f", "a b", "ß🙂",
           "9" * 40, "null", "P1", "p1"]  # fmt: skip
    world.citizens(*({"id": each, "text": "hello"} for each in odd))
    platform = world.platform()
    assert ids(await read(platform)) == odd
    remotes = [await platform.reply(reply(n, target=each)) for n, each in enumerate(odd)]
    assert len({each.id for each in remotes}) == len(odd)
    if isinstance(platform, FindsReplies):
        for number, each in enumerate(odd):
            [found] = await platform.replies_under(reply(number, target=each))
            assert found.remote == remotes[number]


async def test_reading_goes_on_after_any_cursor(world: World) -> None:
    world.citizens(*({"id": f"p{number}", "text": "hello"} for number in range(5)))
    everything = await read(world.platform())
    assert ids(everything) == [f"p{number}" for number in range(5)]
    for number, each in enumerate(everything, start=1):
        assert isinstance(each, Arrival)
        assert each.cursor is not None
        assert ids(await read(world.platform(), each.cursor)) == ids(everything[number:])
    newest = everything[-1]
    assert isinstance(newest, Arrival)
    world.citizens({"id": "p9", "text": "later"})
    assert ids(await read(world.platform(), newest.cursor)) == ["p9"]


async def test_what_nobody_understands_is_passed_on_and_reading_goes_on(world: World) -> None:
    good: Doing = {"id": "p1", "text": "hello"}
    world.citizens({"id": None}, good, {"id": None}, {"id": "p2", "text": "hello"})
    arrived = await read(world.platform())
    assert [type(each) for each in arrived] == [Quarantined, Arrival, Quarantined, Arrival]
    broken = arrived[0]
    assert isinstance(broken, Quarantined)
    assert broken.where
    assert broken.reason
    assert broken.raw.startswith("{")
    assert ids(await read(world.platform(), broken.cursor)) == ["p1", "p2"]


async def test_edits_and_deletions_arrive_and_show_when_looked_at(world: World) -> None:
    for number in range(1, 4):
        world.citizens({"id": f"p{number}", "text": "hello"})
    world.citizens(
        {"id": "p2", "text": "hello there", "event": "edited"},
        {"id": "p3", "text": "hello", "event": "deleted"},
    )
    platform = world.platform()
    arrived = await read(platform)
    assert [each.event for each in arrived if isinstance(each, Arrival)] == [
        *["new"] * 3, "edited", "deleted",
    ]  # fmt: skip
    looks = [await platform.look(post(f"p{number}", text="hello")) for number in range(1, 4)]
    assert [each.standing for each in looks] == ["unchanged", "edited", "deleted"]
    newest = looks[1].post
    assert newest is not None
    assert (newest.id, newest.text) == ("p2", "hello there")
    assert (await platform.look(post("never seen"))).standing == "unchanged"


async def test_a_key_makes_a_repeat_harmless(world: World) -> None:
    platform = world.platform()
    if not isinstance(platform, KeyedReplies):
        await platform.reply(reply())
        await platform.reply(reply())
        assert len(world.standing()) == 2  # which is why such a platform is never asked twice
        return
    assert platform.key_life > timedelta(0)
    first = await platform.reply(reply())
    again = await asyncio.gather(*(world.platform().reply(reply()) for _ in range(10)))
    assert set(again) == {first}
    assert world.standing() == [reply().text]
    other = await platform.reply(reply(2))
    assert other.id != first.id
    assert world.standing() == [reply().text] * 2


async def test_what_was_replied_is_found_under_its_target_and_nowhere_else(world: World) -> None:
    platform = world.platform()
    if not isinstance(platform, FindsReplies):
        assert not hasattr(platform, "replies_under")
        return
    assert await platform.replies_under(reply()) == ()
    text = "Dear @Henk:\non Tuesday 🙂 “really” \u2028 ^AB"
    remote = await platform.reply(reply(text=text))
    await platform.reply(reply(2, target="p2"))
    found = await platform.replies_under(reply(3, text="another text"))
    assert [(each.remote.id, each.text) for each in found] == [(remote.id, text)]


async def test_a_reply_has_a_place(world: World) -> None:
    remote = await world.platform().reply(reply())
    assert isinstance(remote, Remote)
    assert remote.id


def test_length_is_counted_and_limited(world: World) -> None:
    platform = world.platform()
    assert platform.limit > 100
    assert platform.length("") == 0
    assert platform.length("abc") == 3
    assert platform.length("a" * platform.limit) == platform.limit
    assert platform.length("Dag 👩‍👩‍👧‍👦!") > platform.length("Dag ")


# Replay: what only a file has


async def test_a_family_of_four_counts_once(tmp_path: Path) -> None:
    assert ReplayWorld(tmp_path).platform().length("👩‍👩‍👧‍👦") == 1


@pytest.mark.parametrize("cut", [1, 5, -2, -4, -9])
async def test_a_line_cut_off_by_a_kill_breaks_nothing(tmp_path: Path, cut: int) -> None:
    """Also where the cut goes through a character of several bytes."""
    world = ReplayWorld(tmp_path)
    for number in (1, 2):
        await world.platform().reply(reply(number, text="dank je wel 🙂"))
    whole = world.replies.read_bytes()
    start = whole.index(b"\n") + 1
    world.replies.write_bytes(whole[: start + cut] if cut > 0 else whole[:cut])
    left = await world.platform().replies_under(reply())
    assert [each.text for each in left] == ["dank je wel 🙂"]
    await world.platform().reply(reply(2, text="dank je wel 🙂"))
    await world.platform().reply(reply(3, text="tot ziens"))
    found = await world.platform().replies_under(reply())
    assert [each.text for each in found] == ["dank je wel 🙂", "dank je wel 🙂", "tot ziens"]


async def test_a_file_that_cannot_be_written_or_read_is_tried_again(tmp_path: Path) -> None:
    world = ReplayWorld(tmp_path)
    world.replies.mkdir(parents=True)
    with pytest.raises(TryAgain):
        await world.platform().reply(reply())
    with pytest.raises(TryAgain):
        await world.platform().replies_under(reply())


async def test_blank_lines_are_nothing_and_a_missing_end_is_fine(tmp_path: Path) -> None:
    world = ReplayWorld(tmp_path)
    world.source.write_text('\n  \n{"id": "p1", "text": "hello"}\n\n{"id": "p2", "text": "x"}')
    arrived = await read(world.platform())
    assert ids(arrived) == ["p1", "p2"]
    assert [each.cursor for each in arrived if isinstance(each, Arrival)] == ["3", "5"]


async def test_without_a_source_nothing_arrives(tmp_path: Path) -> None:
    assert await read(Replay("@town", replies=tmp_path / "r.jsonl")) == []


async def test_the_pace_is_that_of_the_posts(tmp_path: Path) -> None:
    """An hour at 36,000 times the speed is a tenth of a second.

    Nobody waits for an old post that comes late, nor after it: six years would be over an hour.
    """
    world = ReplayWorld(tmp_path)
    for number, at in enumerate(
        ("2026-11-20T12", "2026-11-20T13", "2020-11-20T13", "2026-11-20T13")
    ):
        world.citizens({"id": f"p{number}", "text": "x", "created_at": f"{at}:00:00Z"})
    clock = asyncio.get_running_loop().time
    paced = Replay("@town", replies=world.replies, source=world.source, speed=36_000)
    started = clock()
    arrived = await read(paced)
    assert ids(arrived) == ["p0", "p1", "p2", "p3"]
    assert clock() - started >= 0.099


async def test_an_edit_undone_by_another_is_no_change(tmp_path: Path) -> None:
    """The edit back to what the citizen first wrote is no change for whoever saw that text."""
    world = ReplayWorld(tmp_path)
    world.citizens(
        {"id": "p1", "text": "hello"},
        {"id": "p1", "text": "hello there", "event": "edited"},
        {"id": "p1", "text": "hello", "event": "edited"},
    )
    platform = world.platform()
    await read(platform)
    assert (await platform.look(post("p1", text="hello"))).standing == "unchanged"
    assert (await platform.look(post("p1", text="hello there"))).standing == "edited"
