"""What adapters remember: sealed in the store, and held by one at a time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from assistant.store import Store, open_store
from assistant.store.kept import Kept


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store of its own."""
    async with open_store(store_url, "town") as opened:
        yield opened


def kept(store: Store, *, source: str = "x:@town", secret: str = "hush") -> Kept:
    """Return the memory of an account."""
    return Kept(store, source, secret=SecretStr(secret))


async def test_what_is_put_is_got_by_the_same_account_with_the_same_secret(store: Store) -> None:
    await kept(store).put("session", "a token")
    assert await kept(store).get("session") == "a token"
    assert await kept(store).get("other") is None
    assert await kept(store, source="x:@else").get("session") is None
    assert await kept(store, secret="changed").get("session") is None


async def test_the_store_shows_nothing_of_it(store: Store) -> None:
    await kept(store).put("session", "a token")
    held = await store.redis.hgetall(store.keys.kept)
    assert "a token" not in str(held)


async def test_a_name_is_held_by_one_at_a_time(store: Store) -> None:
    inside, most = 0, 0

    async def enter() -> None:
        nonlocal inside, most
        async with kept(store).alone("refresh"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(5)))
    assert most == 1
