"""Handing over, settling a doubt, trying again: what else people do with a case."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from assistant.case import Event, Kind, State
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.listen import take
from assistant.store import Store, open_store
from assistant.testing import FakePlatform
from tests.core import (
    START,
    TOWN,
    WRITER,
    Clock,
    add,
    arrival,
    drafted,
    new_case,
    open_case,
    platforms,
    queued_case,
    triaged,
)
from tests.people import TEXT, held, kinds, press, sends


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def desk(store: Store, clock: Clock) -> Desk:
    """The town's desk."""
    return Desk(store, TOWN, platforms=platforms(FakePlatform()), clock=clock)


DESTINATIONS = {"dep:care": ("care", None), "off:0": (None, "Mayor Linde"), "triage": (None, None)}


@pytest.mark.parametrize(("choice", "goes"), DESTINATIONS.items())
async def test_hand_over(
    store: Store, desk: Desk, choice: str, goes: tuple[str | None, str | None]
) -> None:
    case = await open_case(store)
    await desk.press(press(case, "claim"))
    form = await desk.form(press(case, "hand_over"))
    assert choice in [each.value for each in form.choices]
    await desk.press(press(case, "hand_over", choice=choice, text="please", version=5))
    now = await held(store, case)
    assert ((now.department, now.official), now.owner) == (goes, None)
    assert (await store.events(case))[-1].note == "please"
    assert await store.redis.zrange(store.keys.lane + "CWASTE", 0, -1) == [case]


@pytest.mark.parametrize("choice", [None, "dep:nowhere", "off:9", "off:x", "off:-1", "else"])
async def test_a_hand_over_to_nowhere_is_refused(
    store: Store, desk: Desk, choice: str | None
) -> None:
    case = await open_case(store)
    with pytest.raises(NotAllowed, match="choose_destination"):
        await desk.press(press(case, "hand_over", choice=choice))


async def in_doubt(store: Store) -> str:
    """Return a case whose reply nobody is sure of."""
    case = await queued_case(store)
    sending = Event(kind=Kind.SENDING, at=START, attempt=1)
    await add(store, case, sending, Event(kind=Kind.DOUBTED, at=START, reason="unknown"))
    return case


async def test_a_person_who_found_the_reply_settles_the_doubt(store: Store, desk: Desk) -> None:
    case = await in_doubt(store)
    for link in (None, "", "it is there", "https://x y", "javascript:alert(1)"):
        with pytest.raises(NotAllowed, match="give_link"):
            await desk.press(press(case, "found", text=link, version=7))
    await desk.press(press(case, "found", text=" https://social.example/r9 ", version=7))
    now = await held(store, case)
    assert (now.state, now.remote and now.remote.url) == (
        State.SENT,
        "https://social.example/r9",
    )
    assert (await store.events(case))[-1].by == WRITER


async def test_found_after_the_citizen_wrote_again_opens_the_case(store: Store, desk: Desk) -> None:
    case = await in_doubt(store)
    await take(store, arrival("p2", parent="p1"), now=START)
    await desk.press(press(case, "found", text="https://social.example/r9", version=7))
    assert (await held(store, case)).state is State.NEW


async def test_denied_opens_the_case_and_is_about_the_reply_that_was_shown(
    store: Store, desk: Desk
) -> None:
    case = await in_doubt(store)
    await desk.press(press(case, "denied", version=7))
    assert (await held(store, case)).state is State.OPEN
    await desk.submit(sends(case))
    sending = Event(kind=Kind.SENDING, at=START, attempt=1)
    await add(store, case, sending, Event(kind=Kind.DOUBTED, at=START, reason="unknown"))
    with pytest.raises(NotAllowed):  # a second person, on a card that is not up to date
        await desk.press(press(case, "denied", by="UBRAM", version=7))


async def test_try_again_opens_the_same_text(store: Store, desk: Desk) -> None:
    case = await queued_case(store, text="Exactly this ^AB")
    await add(store, case, Event(kind=Kind.FAILED, at=START, reason="checks"))
    editor = await desk.editor(press(case, "retry", by="UBRAM"))
    assert editor.text == "Exactly this ^BW"  # signed by whoever sends it now
    again = sends(case, editor.text, by="UBRAM", reason="it is so")
    assert (await desk.submit(again)).outcome == "queued"


@pytest.mark.parametrize("post", [{"addressed": None}, {"author": "town", "handle": "x"}])
async def test_nothing_is_queued_for_what_does_not_address_us_or_is_ours(
    store: Store, desk: Desk, post: dict[str, Any]
) -> None:
    case = "c1"
    changed = arrival(**post).post
    await add(
        store,
        case,
        Event(kind=Kind.RECEIVED, at=START, post=changed),
        triaged(),
        drafted(),
        Event(kind=Kind.PRESENTED, at=START),
    )
    for act in (desk.editor(press(case, "edit")), desk.submit(sends(case))):
        with pytest.raises(NotAllowed, match="not_answerable"):
            await act
    assert (await held(store, case)).state is State.OPEN


async def test_a_text_that_began_from_another_suggestion_leans_on_no_sources(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store)
    await add(store, case, drafted(id="d2", sources=("answer-1",)))
    await desk.submit(sends(case, draft="d1"))
    reply = (await held(store, case)).reply
    assert reply is not None
    assert reply.sources == ()


async def test_four_eyes_hold_at_a_department_that_took_over(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    await desk.press(press(case, "hand_over", choice="dep:care"))
    await desk.submit(sends(case, by="UCARE"))
    assert (await held(store, case)).state is State.APPROVAL


async def test_a_text_for_a_case_that_is_handed_over_at_that_moment_is_refused(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store)
    decide = store.decide

    async def later(*args: Any, **kwargs: Any) -> Any:
        store.decide = decide  # type: ignore[method-assign]
        await desk.press(press(case, "hand_over", choice="dep:care"))
        return await decide(*args, **kwargs)

    store.decide = later  # type: ignore[method-assign]  # a colleague is as quick as that
    with pytest.raises(NotAllowed, match="other_department"):
        await desk.submit(sends(case, TEXT.replace("AB", "BW"), by="UBRAM"))
    assert (await held(store, case)).state is State.OPEN


async def test_every_button_out_of_its_state_is_told_so(store: Store, desk: Desk) -> None:
    case = await new_case(store)
    for action in ("claim", "undo", "approve", "return", "close", "hand_over", "reopen", "found",
                   "denied", "retry", "edit"):  # fmt: skip
        more = {"choice": "triage"} if action == "hand_over" else {}
        with pytest.raises(NotAllowed) as raised:
            await desk.press(press(case, action, by="USAM", text="https://x.example", **more))
        assert desk.say(raised.value.why, **raised.value.values)
    assert await kinds(store, case) == [Kind.RECEIVED]


async def test_an_unknown_account_and_an_erased_case_are_told(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    lost = Desk(store, TOWN, platforms={}, clock=Clock())
    with pytest.raises(NotAllowed, match="no_platform"):
        await lost.editor(press(case, "edit"))
    await add(store, case, Event(kind=Kind.ERASED, at=START), forget=True)
    for gone in (case, "cnobody"):
        with pytest.raises(NotAllowed, match="gone"):
            await desk.press(press(gone, "claim"))
