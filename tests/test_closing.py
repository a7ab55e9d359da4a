"""Stopping ends in time and leaves no connection open, whatever a step or a signal does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from assistant.errors import StoreUnavailable
from assistant.store import Delivery, Store, open_store
from assistant.store.work import Worker

LEASE = 0.3


@pytest.fixture
async def server(store_url: str) -> AsyncIterator[Store]:
    """A store that looks on, with one connection of its own."""
    async with open_store(store_url, "town") as opened:
        yield opened


async def connections(server: Store) -> int:
    """Return how many connections the server has."""
    return len(await server.redis.client_list())


async def closed(server: Store, *, but: int) -> None:
    """Wait until the server has `but` connections: it may hear of the end a moment later."""
    async with asyncio.timeout(5):
        while await connections(server) != but:
            await asyncio.sleep(0.01)


async def busy(url: str) -> Store:
    """Return a store with a connection of each kind."""
    store = Store(url, "town")
    await store.start()
    await asyncio.gather(store.redis.ping(), store.reader.ping(), store.raw.ping())
    return store


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
async def test_a_close_that_is_cancelled_closes_every_connection(
    server: Store, store_url: str, steps: int
) -> None:
    before = await connections(server)
    store = await busy(store_url)
    assert await connections(server) == before + 3
    closing = asyncio.create_task(store.close())
    for _ in range(steps):
        await asyncio.sleep(0)
    closing.cancel()
    with suppress(asyncio.CancelledError):
        await closing
    await closed(server, but=before)


async def test_a_store_that_is_closed_opens_no_connection(server: Store, store_url: str) -> None:
    before = await connections(server)
    store = await busy(store_url)
    begun = [asyncio.create_task(store.load(f"c{n}")) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    ended = await asyncio.gather(*begun, return_exceptions=True)
    assert {type(each) for each in ended} == {StoreUnavailable}
    with pytest.raises(StoreUnavailable):
        await store.events("c1")
    await closed(server, but=before)


async def test_a_step_that_does_not_stop_holds_nothing_up(
    server: Store, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun, let_go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def deaf(case: str, ack: Delivery) -> None:
        begun.set()
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        try:
            await store.load(case)
        finally:
            ended.set()

    before = await connections(server)
    async with open_store(store_url, "town") as store:
        await store.redis.xadd(store.keys.work + "draft", {"case": "c1"})
        run = asyncio.create_task(Worker(store, "draft", deaf, lease=LEASE).run())
        await begun.wait()
        run.cancel()
        stopped, _ = await asyncio.wait({run}, timeout=5)
        if not stopped:
            let_go.set()
        assert stopped
    assert "work.draft case=c1 did not stop" in caplog.text
    assert [each.levelno for each in caplog.records if "stop" in each.message] == [logging.ERROR]

    let_go.set()
    await ended.wait()
    await closed(server, but=before)
    # Its entry is still there, for whoever works next.
    assert await server.redis.xlen(server.keys.work + "draft") == 1
