"""Retention: what is old and finished goes, from every place, also when the store went away."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from assistant.audit import retire, verify
from assistant.case import Alias, Case, Draft, Event, IllegalMove, Kind, State
from assistant.errors import StoreUnavailable
from assistant.listen import take
from assistant.show import Shower
from assistant.show.standing import Drawer
from assistant.store import Decision, Recorded, Store, Work, open_store
from assistant.store.aliases import learned
from assistant.store.lanes import lanes, messages_of
from assistant.store.ledger import forget_citizen, rewrite_owed
from assistant.testing import FakeChat, FakePlatform
from tests.core import START, TOWN, WRITER, Clock, add, arrival, open_case, platforms, queued_case
from tests.redis_server import RedisServer
from tests.test_erasing import UNDER_WAY, gone, remains, sent_case, written

LATER = START + timedelta(days=400)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store whose server writes texts to its files as they are, so that we can look."""
    async with open_store(store_url, "town") as opened:
        await opened.redis.config_set("rdbcompression", "no")
        yield opened


def _erased(case: Case | None) -> bool:
    return case is not None and case.erased


async def _indexes(store: Store) -> list[str]:
    return [key async for key in store.redis.scan_iter(store.keys.citizen + "*")]


async def closed_case(store: Store, id: str, *, at: datetime) -> str:
    """Make a case that was closed at `at`."""
    case = await open_case(store, id, author=f"did:{id}")
    closed = Event(kind=Kind.CLOSED, at=at, by=WRITER, reason="spam")
    await add(store, case, closed, now=at)
    return case


async def test_retention_erases_what_is_old_and_finished(store: Store) -> None:
    clock = Clock()
    old = await closed_case(store, "old", at=START)
    sent = await sent_case(store, "sent", author="did:sent")
    standing = await open_case(store, "open", author="did:open")
    doubtful = await queued_case(store, "p1")
    await add(store, doubtful, *UNDER_WAY[State.IN_DOUBT])
    young = await closed_case(store, "young", at=clock.ahead(days=20))
    assert await retire(store, days=30, now=START + timedelta(days=29)) == 0
    assert await retire(store, days=30, now=START + timedelta(days=31)) == 2
    kept = {case: (await store.load(case)).case for case in (standing, doubtful, young)}
    assert not any(map(_erased, kept.values()))
    for case in (old, sent):
        assert _erased((await store.load(case)).case)
        assert (await store.events(case))[-1].reason == "retention"
    assert await retire(store, days=30, now=START + timedelta(days=32)) == 0
    assert await retire(store, days=30, now=START + timedelta(days=400)) == 1
    assert (await verify(store)).broken is None


@pytest.mark.parametrize("forgotten", [False, True])
async def test_what_a_finished_case_teaches_keeps_it_no_longer(
    store: Store, forgotten: bool
) -> None:
    """It is counted from when the case ended, whatever the search learned from it since."""
    case = await open_case(store)
    draft = Draft(id="d2", text="On Monday.", origin="answer", sources=("bins",), revision=1)
    words = Alias(answer="bins", phrase="bins emptied", by=WRITER, at=START)
    picked = Event(kind=Kind.PICKED, at=START, by=WRITER, draft=draft, alias=words)
    closed = Event(kind=Kind.CLOSED, at=START + timedelta(days=1), by=WRITER, reason="spam")
    await add(store, case, picked, closed, now=closed.at)
    with pytest.raises(IllegalMove):
        await add(store, case, picked)

    later = closed.at + timedelta(days=20)
    taught = Event(kind=Kind.TAUGHT, at=later, by=WRITER, alias=words)
    untaught = Event(kind=Kind.UNTAUGHT, at=later, alias=words)
    await add(store, case, taught, *([untaught] if forgotten else []), now=later)

    assert len(await learned(store)) == (0 if forgotten else 1)
    assert await retire(store, days=30, now=closed.at + timedelta(days=30, seconds=-1)) == 0
    assert await retire(store, days=30, now=closed.at + timedelta(days=30)) == 1
    assert await learned(store) == ()
    assert (await verify(store)).broken is None


class Late(Store):
    """A store in which a finished case's citizen writes again just after it was listed."""

    async def ids(self, *states: State, **span: Any) -> tuple[str, ...]:
        found = await super().ids(*states, **span)
        now = START + timedelta(days=400)
        again = arrival("p2", root="old", parent="old", author="did:old", text="Still dark")
        assert await take(self, again, now=now) == "follow_up"
        return found


async def test_retention_leaves_a_citizen_who_writes_at_that_very_moment(
    store: Store, store_url: str
) -> None:
    case = await closed_case(store, "old", at=START)
    late = Late(store_url, "town")
    await late.start()
    assert await retire(late, days=30, now=START + timedelta(days=400)) == 0
    await late.close()
    held = (await store.load(case)).case
    assert held is not None
    assert held.post.text == "Still dark"
    for kind, value in (("author", "did:old"), ("handle", "henk_de_burger")):
        assert await store.cases_of("replay", kind, value) == (case,)


async def test_retention_leaves_no_index_of_whom_it_erased(store: Store) -> None:
    await closed_case(store, "old", at=START)
    standing = await open_case(store, "open", author="did:open")
    assert len(await _indexes(store)) == 3
    assert await retire(store, days=30, now=LATER) == 1
    assert await store.cases_of("replay", "author", "did:old") == ()
    assert await store.cases_of("replay", "handle", "henk_de_burger") == (standing,)
    await add(store, standing, Event(kind=Kind.CLOSED, at=START, by=WRITER, reason="spam"))
    assert await retire(store, days=30, now=LATER) == 1
    assert await _indexes(store) == []


class Cut(Store):
    """A store that goes away as soon as an erasure is recorded."""

    async def decide(
        self, id: str, decide: Callable[[Case | None], Decision], **more: Any
    ) -> Recorded:
        recorded = await super().decide(id, decide, **more)
        if _erased(recorded.case):
            raise StoreUnavailable("gone")
        return recorded


async def test_a_retention_that_was_cut_short_is_finished_in_chat_and_files(
    store: Store, store_url: str, redis_server: RedisServer
) -> None:
    chat = FakeChat()
    drawer = Drawer(store, TOWN, chat, platforms=platforms(FakePlatform()), clock=Clock(), pace=0.0)
    case = await sent_case(store)
    await add(store, case, work=(Work(lane="CWASTE"),))
    await Shower(store, chat, drawer).serve("CWASTE")
    assert len(chat.cards(case)) == 1
    assert await messages_of(store, case) != ()
    cut = Cut(store_url, "town")
    await cut.start()
    with pytest.raises(StoreUnavailable):
        await retire(cut, days=30, now=LATER)
    await cut.close()
    assert _erased((await store.load(case)).case)
    assert written(redis_server) != []

    assert await retire(store, days=30, now=LATER) == 0
    assert not await rewrite_owed(store)
    await Shower(store, chat, drawer).serve("CWASTE")

    assert chat.cards(case) == []
    assert await messages_of(store, case) == ()
    assert (await lanes(store))["CWASTE"] == 0
    assert remains(store_url) == []
    await gone(redis_server)


async def test_what_is_owed_is_paid_only_by_a_rewrite_that_was_done(store: Store) -> None:
    await closed_case(store, "old", at=START)
    await store.redis.acl_setuser("limited", enabled=True, passwords=["+pw"], keys=["*"],
                                  commands=["+@all", "-config"])  # fmt: skip
    kwargs = store.redis.connection_pool.connection_kwargs
    url = f"redis://limited:pw@{kwargs['host']}:{kwargs['port']}/0"
    try:
        async with open_store(url, "town") as limited:
            assert await retire(limited, days=30, now=LATER) == 1
    finally:
        await store.redis.acl_deluser("limited")
    assert await rewrite_owed(store)
    assert await retire(store, days=30, now=LATER) == 0
    assert not await rewrite_owed(store)


async def test_a_case_that_moved_on_keeps_its_index(store: Store) -> None:
    case, citizen = await open_case(store), ("replay", "author", "did:citizen")
    version = (await store.load(case)).version
    await forget_citizen(store, [citizen], case=case, version=version - 1)
    assert await store.cases_of(*citizen) == (case,)
    await forget_citizen(store, [citizen], case=case, version=version)
    assert await store.cases_of(*citizen) == ()
