"""Taking back and correcting: done where the platform can, told only once it is done."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from assistant.amend import SHORTEST, TRIES_FOR, amend
from assistant.case import Case, Event, Kind, Reply, State
from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.store import Store, open_store
from assistant.store.connections import connections
from assistant.testing import FakePlatform, FullPlatform, KeyedPlatform
from tests.core import ACK, START, TOWN, WRITER, add, platforms
from tests.sending import Sending, sending


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


class Amending:
    """A case whose reply stands, and the step that changes it."""

    def __init__(self, on: Sending, sent: Reply) -> None:
        self.on, self.sent = on, sent

    async def ask(self, text: str | None = None) -> Case:
        """Ask for the reply to be taken back, or to say `text`."""
        correction = text and self.sent.model_copy(
            update={"id": "correction", "corrects": self.sent.id, "text": text}
        )
        event = Event(
            kind=Kind.CORRECT if correction else Kind.TAKE_BACK,
            at=self.on.clock(),
            by=WRITER,
            reply_id=self.sent.id,
            reply=correction or None,
            text=None if correction else self.sent.text,
        )
        await add(self.on.store, self.on.case, event)
        return await self.on.held()

    async def wake(self, *, ahead: timedelta = timedelta()) -> Case:
        """Let the step do its work, after the clock was moved."""
        self.on.clock.now += ahead
        made = platforms(self.on.platform)
        await amend(
            self.on.store,
            self.on.case,
            ACK,
            organisation=TOWN,
            platforms=made,
            clock=self.on.clock,
            counted=lambda outcome: self.on.counted.update([outcome]),
        )
        return await self.on.held()


async def standing(store: Store, platform: FakePlatform) -> Amending:
    """Return a case whose reply stands on the platform."""
    on = await sending(store, platform)
    case = await on.wake()
    return Amending(on, case.sent[0])


async def test_a_reply_is_taken_back(store: Store) -> None:
    acts = await standing(store, FullPlatform())
    assert (await acts.ask()).amending
    case = await acts.wake()
    assert (case.state, case.taken_back) == (State.SENT, True)
    assert acts.on.texts == []
    assert acts.on.counted == {"sent": 1, "amended": 1}


async def test_a_reply_is_corrected_where_it_stands(store: Store) -> None:
    acts = await standing(store, FullPlatform())
    await acts.ask("On Wednesday. ^AB")
    case = await acts.wake()
    assert case.amendment is not None
    assert (case.amendment.state, case.sent[-1].text) == ("done", "On Wednesday. ^AB")
    assert acts.on.texts == ["On Wednesday. ^AB"]


async def test_nothing_is_done_twice_nor_unasked(store: Store) -> None:
    acts = await standing(store, FullPlatform())
    before = await acts.on.held()
    assert await acts.wake() == before
    await acts.ask()
    done = await acts.wake()
    assert await acts.wake() == done


@pytest.mark.parametrize("error", [TryAgain("busy", after=40.0), TryAgain("busy"), Doubtful("cut")])
async def test_what_passes_is_waited_out(store: Store, error: LuisterError) -> None:
    acts = await standing(store, FullPlatform())
    await acts.ask()
    acts.on.platform.away = error
    assert (await acts.wake()).amending
    rows = await store.redis.zrange(store.keys.later, 0, -1, withscores=True)
    [at] = [at for member, at in rows if '"amend"' in member]
    asked = getattr(error, "after", None)
    wait = timedelta(seconds=asked) if asked else SHORTEST
    assert at == (START + wait).timestamp() * 1000
    acts.on.platform.away = None
    assert (await acts.wake(ahead=wait)).taken_back


REFUSALS: dict[str, tuple[LuisterError, timedelta]] = {
    "refused": (Refused("403: Henk says"), timedelta()),
    "connection": (Barred("the token is refused"), timedelta()),
    "gave_up": (TryAgain("busy"), TRIES_FOR),
    "unknown": (Doubtful("cut"), TRIES_FOR),
}


@pytest.mark.parametrize("text", [None, "On Wednesday. ^AB"])
@pytest.mark.parametrize("reason", REFUSALS)
async def test_what_does_not_succeed_is_told_and_can_be_asked_again(
    store: Store, reason: str, text: str | None
) -> None:
    error, ahead = REFUSALS[reason]
    acts = await standing(store, FullPlatform())
    await acts.ask(text)
    acts.on.platform.away = error
    case = await acts.wake(ahead=ahead)
    assert case.amendment is not None
    assert (case.amendment.state, case.amendment.reason) == ("failed", reason)
    assert case.sent == (acts.sent,)
    last = (await store.events(case.id))[-1]
    assert last.note == (str(error) if isinstance(error, Refused) else None)
    assert acts.on.counted["amend_failed"] == 1
    barred = [each.part for each in await connections(store) if not each.ok]
    assert barred == (["sending"] if reason == "connection" else [])
    acts.on.platform.away = None
    await acts.ask()
    assert (await acts.wake()).taken_back


@pytest.mark.parametrize("mode", [FakePlatform, KeyedPlatform])
async def test_a_platform_that_cannot_says_so(store: Store, mode: type[FakePlatform]) -> None:
    acts = await standing(store, mode())
    for text in (None, "On Wednesday. ^AB"):
        await acts.ask(text)
        case = await acts.wake()
        assert case.amendment is not None
        assert (case.amendment.state, case.amendment.reason) == ("failed", "refused")
    assert acts.on.texts == [acts.sent.text]


async def test_it_is_done_also_when_the_citizen_writes_meanwhile(store: Store) -> None:
    acts = await standing(store, FullPlatform())
    await acts.ask()
    again: Any = acts.on.platform
    assert isinstance(again, FullPlatform)
    reopened = Event(kind=Kind.REOPENED, at=START)
    await add(store, acts.on.case, reopened)
    case = await acts.wake()
    assert (case.state, case.taken_back) == (State.NEW, True)
