"""The last look, workers that collide, sleep or die, and citizens who write meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from assistant.case import Event, Kind, Remote, Reply, State
from assistant.errors import LuisterError, Refused, StoreUnavailable, TryAgain
from assistant.listen import take
from assistant.platforms import Look
from assistant.reply import CALL, SETTLE
from assistant.store import Store, open_store
from assistant.store.work import move_due, pending
from assistant.testing import FakePlatform, FullPlatform, KeyedPlatform, LookUpPlatform
from tests.core import ACK, START, WRITER, add, arrival, open_case, post, queued_case, reply_to
from tests.sending import Sending, sending, stand

MODES = [FakePlatform, LookUpPlatform, KeyedPlatform]


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


EDITED = post(text="I meant the glass bins")
MOVED: dict[str, tuple[Look | LuisterError, State, str | None]] = {
    "deleted": (Look(standing="deleted"), State.OPEN, None),
    "edited": (Look(standing="edited", post=EDITED), State.OPEN, None),
    "closed": (Look(standing="barred"), State.FAILED, "replies_closed"),
    "blocked": (Look(standing="barred", post=post(barred="blocked")), State.OPEN, None),
    "refused": (Refused("404"), State.FAILED, "replies_closed"),
}


@pytest.mark.parametrize(("look", "state", "reason"), MOVED.values(), ids=MOVED)
async def test_the_last_look_stops_what_no_longer_fits(
    store: Store, look: Look, state: State, reason: str | None
) -> None:
    on = await sending(store, FakePlatform())
    on.platform.looks["p1"] = look
    case = await on.wake()
    assert (case.state, case.reason) == (state, reason)
    assert on.platform.calls == []
    assert on.counted == {"stopped": 1}


@pytest.mark.parametrize(
    ("standing", "reason"), [("deleted", "deleted"), ("edited", "edited"), ("barred", "blocked")]
)
async def test_it_looks_again_before_every_try(store: Store, standing: Any, reason: str) -> None:
    on = await sending(store, FakePlatform(), TryAgain("busy", after=600))
    await on.wake()
    seen = EDITED.model_copy(update={"barred": "blocked" if standing == "barred" else None})
    on.platform.looks["p1"] = Look(standing=standing, post=seen)
    case = await on.wake(ahead=timedelta(minutes=10))
    assert (case.state, case.reason) == (State.FAILED, reason)
    assert len(on.platform.calls) == 1


@pytest.mark.parametrize(
    ("told", "change", "reason"),
    [
        ("edited", {"text": EDITED.text}, "edited"),
        ("deleted", {}, "deleted"),
    ],
)
async def test_what_is_told_between_two_tries_stops_the_next(
    store: Store, told: str, change: dict[str, str], reason: str
) -> None:
    """The look finds the post as the case holds it: what nobody saw at Send was told before."""
    on = await sending(store, FakePlatform(), TryAgain("busy", after=600))
    await on.wake()
    assert await take(store, arrival(event=told, **change), now=START) == told
    case = await on.wake(ahead=timedelta(minutes=10))
    assert (case.state, case.reason) == (State.FAILED, reason)
    assert len(on.platform.calls) == 1


async def test_what_closes_between_two_tries_stops_the_next(store: Store) -> None:
    on = await sending(store, FakePlatform(), TryAgain("busy", after=600))
    await on.wake()
    await add(store, on.case, Event(kind=Kind.BARRED, at=START, post=post(barred="blocked")))
    case = await on.wake(ahead=timedelta(minutes=10))
    assert (case.state, case.reason) == (State.FAILED, "blocked")
    assert len(on.platform.calls) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event": "edited", "text": EDITED.text}, "edited"),
        (
            {"id": "o1", "author": "did:town", "handle": "@Town", "parent": "p1"},
            "answered_elsewhere",
        ),
    ],
    ids=["edited", "elsewhere"],
)
async def test_what_is_told_just_before_a_later_try_stops_it(
    store: Store, changes: dict[str, Any], reason: str
) -> None:
    on = await sending(store, FakePlatform(), TryAgain("busy", after=600))
    await on.wake()
    events = store.events

    async def told_since(id: str) -> tuple[Event, ...]:
        told = await events(id)
        assert await take(store, arrival(**changes), now=START) in ("edited", "elsewhere")
        return told

    store.events = told_since  # type: ignore[method-assign]  # it comes as quick as that
    assert (await on.wake(ahead=timedelta(minutes=10))).state is State.SENDING
    store.events = events  # type: ignore[method-assign]
    assert (await on.wake()).reason == reason
    assert len(on.platform.calls) == 1


async def test_a_look_that_fails_is_waited_for(store: Store) -> None:
    on = await sending(store, FakePlatform())
    on.platform.looks["p1"] = TryAgain("busy", after=45)
    assert (await on.wake()).state is State.QUEUED
    assert await on.due() == timedelta(seconds=45)
    on.platform.looks.clear()
    assert (await on.wake(ahead=timedelta(seconds=45))).state is State.SENT


async def test_the_checks_stop_a_text_that_may_not_go_out(store: Store) -> None:
    case = await queued_case(store, text="Call jan@example.com ^AB")
    on = Sending(store, case, FakePlatform())
    stopped = await on.wake()
    assert (stopped.state, stopped.reason) == (State.FAILED, "checks")
    assert on.platform.calls == []


@pytest.mark.parametrize("able", [True, False])
async def test_what_is_meant_for_one_goes_to_one_or_to_nobody(store: Store, able: bool) -> None:
    """An account may lose its private messages while a reply waits for approval or for a try."""
    case = await open_case(store)
    held = (await store.load(case)).case
    assert held is not None
    reply = reply_to(held).model_copy(update={"visibility": "direct"})
    await add(store, case, Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply))
    on = Sending(store, case, FullPlatform() if able else FakePlatform())
    done = await on.wake()
    told = (done.state, done.reason, len(on.platform.calls))
    assert told == ((State.SENT, None, 1) if able else (State.FAILED, "not_private", 0))


@pytest.mark.parametrize("mode", MODES)
async def test_five_workers_at_the_same_time_send_once(
    store: Store, mode: type[FakePlatform]
) -> None:
    on = await sending(store, mode())
    await asyncio.gather(*(on.another().send(on.case, ACK) for _ in range(5)))
    assert len(on.platform.calls) == 1
    assert (await on.held()).state is State.SENT


async def test_a_worker_that_died_in_the_call_leaves_it_to_be_looked_for(store: Store) -> None:
    on = await sending(store, LookUpPlatform())
    await add(store, on.case, Event(kind=Kind.SENDING, at=START, attempt=1))
    reply = (await on.held()).reply
    assert reply is not None
    stand(on.platform, reply, reply.text, "r7")
    case = await on.wake(ahead=SETTLE - timedelta(seconds=1))
    assert case.state is State.SENDING  # its call may still be on its way
    assert await on.due() == timedelta(seconds=1)
    case = await on.wake(ahead=timedelta(seconds=1))
    assert (case.state, case.remote and case.remote.id) == (State.SENT, "r7")
    assert on.platform.calls == []


async def test_a_worker_that_slept_after_the_record_does_not_call(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = await sending(store, FakePlatform())
    loop = asyncio.get_running_loop()
    decide = store.decide

    async def slow(*args: Any, **kwargs: Any) -> Any:
        recorded = await decide(*args, **kwargs)
        if "attempt" in (kwargs.get("command") or ""):
            real = loop.time
            monkeypatch.setattr(loop, "time", lambda: real() + CALL + 1)
        return recorded

    monkeypatch.setattr(store, "decide", slow)
    case = await on.wake()
    assert case.state is State.SENDING
    assert on.platform.calls == []
    monkeypatch.undo()
    assert (await on.wake(ahead=SETTLE)).state is State.IN_DOUBT
    assert on.platform.calls == []


async def test_a_citizens_post_during_sending_opens_the_case_afterwards(store: Store) -> None:
    on = await sending(store, FakePlatform(), TryAgain("busy", after=5))
    await on.wake()
    assert await take(store, arrival("p2", parent="p1"), now=START) == "follow_up"
    assert (await on.held()).state is State.SENDING
    case = await on.wake(ahead=timedelta(seconds=5))
    assert (case.state, case.answered) == (State.NEW, 1)
    assert [each.kind for each in await store.events(on.case)][-2:] == [Kind.SENT, Kind.REOPENED]
    assert on.platform.calls[-1].target == "p1"


async def test_an_answer_after_somebody_gave_up_waiting_is_believed(store: Store) -> None:
    """A worker frozen in its call comes back when the case is parked."""
    arrived, go = asyncio.Event(), asyncio.Event()

    class Slow(FakePlatform):
        async def reply(self, reply: Reply) -> Remote:
            arrived.set()
            await go.wait()
            return await super().reply(reply)

    on = await sending(store, Slow())
    first = asyncio.create_task(on.another().send(on.case, ACK))
    await arrived.wait()
    assert (await on.wake(ahead=SETTLE)).state is State.IN_DOUBT
    go.set()
    await first
    assert (await on.held()).state is State.SENT
    assert len(on.texts) == 1


async def test_a_store_lost_after_the_call_is_found_out_afterwards(store: Store) -> None:
    on = await sending(store, LookUpPlatform())
    decide, lost = store.decide, False

    async def away(*args: Any, **kwargs: Any) -> Any:
        nonlocal lost
        if on.platform.calls and not lost:
            lost = True
            raise StoreUnavailable("away")
        return await decide(*args, **kwargs)

    store.decide = away  # type: ignore[method-assign]  # the store fails here by itself
    with pytest.raises(StoreUnavailable):
        await on.wake()
    case = await on.wake(ahead=SETTLE)
    assert case.state is State.SENT
    assert len(on.platform.calls) == 1


async def test_our_own_or_unaddressed_posts_get_no_reply(store: Store) -> None:
    for id, changes in (("a", {"addressed": None}), ("b", {"author": "TOWN"})):
        case = await queued_case(store, id)
        held = (await store.load(case)).case
        assert held is not None
        assert held.reply is not None
        changed = held.post.model_copy(update=changes)
        approved = Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=held.reply)
        edited = Event(kind=Kind.EDITED, at=START, post=changed)
        await add(store, case, edited, approved)
        on = Sending(store, case, FakePlatform())
        stopped = await on.wake()
        assert (stopped.state, stopped.reason) == (State.FAILED, "not_addressed")
        assert on.platform.calls == []


async def test_the_timer_of_a_postponed_reply_wakes_the_sender(store: Store) -> None:
    on = await sending(store, FakePlatform(), TryAgain("busy", after=30))
    await on.wake()
    await store.redis.delete(store.keys.work + "send")
    await move_due(store, now=on.clock.ahead(seconds=30))
    assert (await pending(store))["send"] == 1
