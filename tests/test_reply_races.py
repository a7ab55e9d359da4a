"""Two workers on one reply: what one learns of its attempt is never told of another's."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from assistant.case import Event, Kind, Post, Reply, State
from assistant.case.parts import Remote
from assistant.platforms import Look
from assistant.store import Store, open_store
from assistant.testing import FakePlatform, LookUpPlatform
from tests.core import ACK, START, WRITER, add
from tests.sending import sending


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


class Gated(LookUpPlatform):
    """A platform whose first look and whose calls wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.looking, self.look_on = asyncio.Event(), asyncio.Event()
        self.calling, self.call_on = asyncio.Event(), asyncio.Event()

    async def look(self, post: Post) -> Look:
        if self.looking.is_set():
            return Look(standing="unchanged")
        self.looking.set()
        await self.look_on.wait()
        return Look(standing="barred")

    async def reply(self, reply: Reply) -> Remote:
        self.calling.set()
        await self.call_on.wait()
        return await super().reply(reply)


async def test_a_late_look_stops_no_attempt_of_another_worker(store: Store) -> None:
    platform = Gated()
    on = await sending(store, platform)
    slow = asyncio.create_task(on.sender.send(on.case, ACK))
    await platform.looking.wait()
    quick = asyncio.create_task(on.another().send(on.case, ACK))
    await platform.calling.wait()

    platform.look_on.set()
    await slow
    assert (await on.held()).state is State.SENDING

    platform.call_on.set()
    await quick
    assert (await on.held()).state is State.SENT
    assert len(on.texts) == 1


async def test_a_reply_given_up_on_that_stands_after_all_is_told(store: Store) -> None:
    platform = Gated()
    platform.looking.set()
    on = await sending(store, platform)
    call = asyncio.create_task(on.sender.send(on.case, ACK))
    await platform.calling.wait()
    reply = (await on.held()).reply
    assert reply is not None
    denied = Event(kind=Kind.DENIED, at=START, by=WRITER, text=reply.text, reply_id=reply.id)
    await add(store, on.case, Event(kind=Kind.DOUBTED, at=START, reply_id=reply.id), denied)

    platform.call_on.set()
    await call
    held = await on.held()
    assert (held.state, held.sent, len(on.texts)) == (State.OPEN, (reply,), 1)
    assert (await store.events(on.case))[-1].kind is Kind.SURFACED
    assert on.counted["sent"] == 0


async def test_a_look_that_never_works_ends_with_a_person(store: Store) -> None:
    class Blind(FakePlatform):
        async def look(self, post: Post) -> Look:
            raise TimeoutError

    on = await sending(store, Blind())
    for _ in range(60):
        case = await on.wake(ahead=await on.due() if await _waits(store) else START - START)
        if case.state is State.FAILED:
            break
    assert (case.state, case.reason, on.platform.calls) == (State.FAILED, "gave_up", [])


async def _waits(store: Store) -> bool:
    rows = await store.redis.zrange(store.keys.later, 0, -1)
    return sum('"send"' in row for row in rows) == 1
