"""An answer by one of our accounts outside Luister: told, closed, and never sent as well."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from assistant.case import Case, Event, Kind, Remote, State
from assistant.errors import TryAgain
from assistant.listen import take
from assistant.platforms import Arrival
from assistant.store import Store, open_store
from assistant.testing import FakePlatform, LookUpPlatform
from tests.core import START, add, arrival, new_case, open_case, queued_case
from tests.people import held, kinds
from tests.sending import sending


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


def ours(id: str = "o1", *, text: str = "Look on our site.", **changes: Any) -> Arrival:
    """Return the arrival of a post by our own account, under the citizen's."""
    by = {"author": "did:town", "handle": "@Town", "parent": "p1", "root": "p1"}
    return arrival(id, text=text, **by | changes)


async def told(store: Store, case: str) -> Case:
    """Return the case, once it is sure that the answer was told once."""
    found = await kinds(store, case)
    assert found.count(Kind.ELSEWHERE) == 1
    return await held(store, case)


async def test_it_closes_a_case_as_answered_elsewhere(store: Store) -> None:
    case = await open_case(store)
    assert await take(store, ours(), now=START) == "elsewhere"
    now = await told(store, case)
    assert (now.state, now.reason) == (State.CLOSED, "answered_elsewhere")
    assert now.outside is not None
    assert now.outside.text == "Look on our site."
    assert now.outside.remote == Remote(id="o1", url="https://social.example/o1")


async def test_a_reply_that_waits_is_not_sent_as_well(store: Store) -> None:
    on = await sending(store, FakePlatform())
    await take(store, ours(), now=START)
    assert (await on.wake()).state is State.CLOSED
    assert on.texts == []


async def test_the_same_words_by_another_hand_stop_what_waits(store: Store) -> None:
    on = await sending(store, FakePlatform())
    reply = (await on.held()).reply
    assert reply is not None
    assert await take(store, ours(text=reply.text), now=START) == "elsewhere"
    assert (await on.wake()).state is State.CLOSED
    assert on.texts == []


@pytest.mark.parametrize("text", ["Look at our site.", "Thank you for telling us! ^AB"])
async def test_what_waits_for_its_next_try_is_not_sent_as_well(store: Store, text: str) -> None:
    on = await sending(store, FakePlatform(), TryAgain("busy", after=60))
    await on.wake()
    assert await take(store, ours(text=text), now=START) == "elsewhere"
    case = await on.wake(ahead=timedelta(seconds=60))
    assert (case.state, case.reason) == (State.FAILED, "answered_elsewhere")
    assert on.texts == []


async def test_it_is_told_once(store: Store) -> None:
    case = await open_case(store)
    await take(store, ours(), now=START)
    assert await take(store, ours(), now=START) == "ours"
    await told(store, case)


async def test_a_chain_of_our_own_is_told_of_the_same_case(store: Store) -> None:
    case = await open_case(store)
    await take(store, ours(), now=START)
    assert await take(store, ours("o2", parent="o1", text="And more."), now=START) == "elsewhere"
    now = await held(store, case)
    assert now.outside is not None
    assert now.outside.text == "And more."


async def test_our_answer_to_somebody_unknown_in_the_thread_is_nothing_to_the_case(
    store: Store,
) -> None:
    case = await open_case(store)
    for parent in ("somebody-else", None):
        assert await take(store, ours("o2", parent=parent), now=START) == "ours"
    assert (await held(store, case)).state is State.OPEN


@pytest.mark.parametrize("event", ["edited", "deleted"])
async def test_what_we_change_by_hand_is_nothing_to_the_case(store: Store, event: str) -> None:
    case = await open_case(store)
    assert await take(store, ours(event=event), now=START) == "ours"
    assert (await held(store, case)).state is State.OPEN


async def test_what_luister_sent_is_known_by_its_place(store: Store) -> None:
    on = await sending(store, FakePlatform())
    case = await on.wake()
    assert case.remote is not None
    for id, url in ((case.remote.id, None), ("another id", case.remote.url)):
        seen = ours(id, text="tidied by the server", url=url)
        assert await take(store, seen, now=START) == "ours"
    assert Kind.ELSEWHERE not in await kinds(store, case.id)


async def test_what_is_under_way_is_left_to_be_found_and_another_text_is_only_noted(
    store: Store,
) -> None:
    platform = LookUpPlatform()
    on = await sending(store, platform, "lost")
    platform.hidden = True
    case = await on.wake()
    assert (case.state, case.reply is not None) == (State.IN_DOUBT, True)
    [(reply, remote)] = platform.standing
    seen = ours(remote.id, text=reply.text.replace(" ", "  "), url=remote.url)
    assert await take(store, seen, now=START) == "ours"
    assert await take(store, ours("o9"), now=START) == "elsewhere"
    now = await told(store, case.id)
    assert now.state is State.IN_DOUBT
    platform.hidden = False
    assert (await on.wake()).state is State.SENT


async def test_what_a_platform_made_of_our_words_never_keeps_our_reply_from_being_told(
    store: Store,
) -> None:
    """The stream may be faster than the answer to our call, and write mentions its own way."""
    platform = LookUpPlatform()
    on = await sending(store, platform, "lost")
    platform.hidden = True
    await on.wake()
    [(reply, remote)] = platform.standing
    mentioned = ours(remote.id, text=f"@henk@social.example {reply.text}", url=remote.url)
    assert await take(store, mentioned, now=START) == "ours"
    rewritten = ours(remote.id, text="made unrecognisable", url=remote.url)
    assert await take(store, rewritten, now=START) == "elsewhere"
    platform.hidden = False
    assert (await on.wake()).state is State.SENT


async def test_it_does_not_touch_what_is_done(store: Store) -> None:
    case = await queued_case(store)
    await add(
        store,
        case,
        Event(kind=Kind.SENDING, at=START, attempt=1),
        Event(kind=Kind.SENT, at=START, remote=Remote(id="r1")),
    )
    await take(store, ours(), now=START)
    assert (await told(store, case)).state is State.SENT


async def test_a_case_nobody_saw_yet_is_closed_without_a_word(store: Store) -> None:
    case = await new_case(store)
    await take(store, ours(), now=START)
    assert (await told(store, case)).state is State.CLOSED


async def test_an_erased_case_stays_erased(store: Store) -> None:
    case = await open_case(store)
    await add(store, case, Event(kind=Kind.ERASED, at=START), forget=True)
    assert await take(store, ours(), now=START) == "ours"
    assert (await held(store, case)).erased
