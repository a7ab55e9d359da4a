"""Replay: what only a file has."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Reply
from assistant.errors import TryAgain
from assistant.platforms import Arrival
from assistant.platforms.replay import Replay
from tests.core import post
from tests.platforms.contract import answer, read
from tests.platforms.world_replay import ReplayWorld


def reply(number: int = 1, *, target: str = "p1", text: str = "On Tuesday. ^AB") -> Reply:
    """Return a reply of one Send."""
    return answer(post(target), text=text, id=f"reply-{number}", key=f"luister-reply-{number}")


def ids(told: list[Any]) -> list[str]:
    """Return the ids of what was understood."""
    return [each.post.id for each in told if isinstance(each, Arrival)]


async def test_a_family_of_four_counts_once(tmp_path: Path) -> None:
    assert (await ReplayWorld(tmp_path).platform()).length("👩‍👩‍👧‍👦") == 1


@pytest.mark.parametrize("cut", [1, 5, -2, -4, -9])
async def test_a_line_cut_off_by_a_kill_breaks_nothing(tmp_path: Path, cut: int) -> None:
    """Also where the cut goes through a character of several bytes."""
    world = ReplayWorld(tmp_path)
    for number in (1, 2):
        await (await world.platform()).reply(reply(number, text="dank je wel 🙂"))
    whole = world.replies.read_bytes()
    start = whole.index(b"\n") + 1
    world.replies.write_bytes(whole[: start + cut] if cut > 0 else whole[:cut])
    left = await (await world.platform()).replies_under(reply())
    assert [each.text for each in left] == ["dank je wel 🙂"]
    await (await world.platform()).reply(reply(2, text="dank je wel 🙂"))
    await (await world.platform()).reply(reply(3, text="tot ziens"))
    found = await (await world.platform()).replies_under(reply())
    assert [each.text for each in found] == ["dank je wel 🙂", "dank je wel 🙂", "tot ziens"]


async def test_a_file_that_cannot_be_written_or_read_is_tried_again(tmp_path: Path) -> None:
    world = ReplayWorld(tmp_path)
    world.replies.mkdir(parents=True)
    with pytest.raises(TryAgain):
        await (await world.platform()).reply(reply())
    with pytest.raises(TryAgain):
        await (await world.platform()).replies_under(reply())


async def test_blank_lines_are_nothing_and_a_missing_end_is_fine(tmp_path: Path) -> None:
    world = ReplayWorld(tmp_path)
    world.source.write_text('\n  \n{"id": "p1", "text": "hello"}\n\n{"id": "p2", "text": "x"}')
    arrived = await read(await world.platform())
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
        world.line(id=f"p{number}", text="x", created_at=f"{at}:00:00Z")
    clock = asyncio.get_running_loop().time
    paced = Replay("@town", replies=world.replies, source=world.source, speed=36_000)
    started = clock()
    arrived = await read(paced)
    assert ids(arrived) == ["p0", "p1", "p2", "p3"]
    assert clock() - started >= 0.099


async def test_an_edit_undone_by_another_is_no_change(tmp_path: Path) -> None:
    """The edit back to what the citizen first wrote is no change for whoever saw that text."""
    world = ReplayWorld(tmp_path)
    world.line(id="p1", text="hello")
    world.line(id="p1", text="hello there", event="edited")
    world.line(id="p1", text="hello", event="edited")
    platform = await world.platform()
    await read(platform)
    assert (await platform.look(post("p1", text="hello"))).standing == "unchanged"
    assert (await platform.look(post("p1", text="hello there"))).standing == "edited"
