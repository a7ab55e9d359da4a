"""Posts that are nearly the same within an hour are one event, and nothing is kept of persons."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from assistant.case import Alike
from assistant.rules import signature
from assistant.store import Store, open_store
from assistant.store.echoes import MOST, NAMED, WINDOW, echoes, first
from tests.core import START

BRIDGE = "De brug bij de haven staat al een uur open, wat is er aan de hand?"
AGAIN = "@gemeente de havenbrug staat al een uur open! Wat is er aan de hand??"
POWER = "Is er een stroomstoring in de Vogelbuurt? Alles is hier donker."


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


async def hear(
    store: Store, case: str, text: str, *, author: str = "", minutes: float = 0
) -> Alike | None:
    """Note a post, by an author of its own unless one is given."""
    now = START + timedelta(minutes=minutes)
    marks = signature(text)
    return await echoes(store, case=case, author=author or case, signature=marks, now=now)


async def test_nearly_the_same_is_heard_and_the_rest_is_not(store: Store) -> None:
    assert await hear(store, "c1", BRIDGE) is None
    assert await hear(store, "c2", POWER) is None

    assert await hear(store, "c3", AGAIN) == Alike(cases=("c1",), count=2, authors=2)


async def test_what_is_longer_ago_than_the_window_is_forgotten(store: Store) -> None:
    await hear(store, "c1", BRIDGE)

    assert await hear(store, "c2", BRIDGE, minutes=59) is not None
    assert await hear(store, "c3", BRIDGE, minutes=119.5) is None
    keys = [key async for key in store.redis.scan_iter(match=store.keys.echoes + "*")]
    assert keys
    for key in keys:
        assert 0 < await store.redis.pttl(key) <= WINDOW / timedelta(milliseconds=1)


async def test_one_citizen_who_writes_often_is_one_author(store: Store) -> None:
    for number in range(4):
        found = await hear(store, f"c{number}", BRIDGE, author="a1", minutes=number)

    assert found == Alike(cases=("c2", "c1", "c0"), count=4, authors=1)


async def test_the_same_case_again_does_not_echo_itself(store: Store) -> None:
    await hear(store, "c1", BRIDGE)

    assert await hear(store, "c1", AGAIN) is None
    found = await hear(store, "c2", BRIDGE)
    assert found == Alike(cases=("c1",), count=2, authors=2)


async def test_neither_text_nor_author_stands_in_the_store(store: Store) -> None:
    await hear(store, "c1", BRIDGE, author="did:plc:sanne")

    dump = [
        str(await store.redis.zrange(key, 0, -1)) + key
        async for key in store.redis.scan_iter(match=store.keys.echoes + "*")
    ]
    assert dump
    assert not any(secret in each for each in dump for secret in ("sanne", "brug", "haven"))


async def test_a_flood_is_counted_up_to_a_limit(store: Store) -> None:
    for number in range(MOST + 5):
        found = await hear(store, f"c{number}", BRIDGE, minutes=number / 10)

    assert found is not None
    assert found.count == MOST
    assert len(found.cases) == NAMED


async def test_supervisors_are_told_of_an_event_once(store: Store) -> None:
    assert await first(store, signature(BRIDGE))
    assert not await first(store, signature(BRIDGE))
    assert not await first(store, signature(AGAIN))
    assert await first(store, signature(POWER))


@pytest.mark.parametrize("text", ["Bedankt!", "", "🦆🦆🦆", "@gemeente @gemeente @gemeente hoi"])
async def test_what_is_too_short_is_not_compared(store: Store, text: str) -> None:
    await hear(store, "c1", text)

    assert await hear(store, "c2", text) is None
    assert signature(text) == ()
