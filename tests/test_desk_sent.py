"""Taking back and correcting a reply that was sent: who may, on which text, and what is told."""

from collections.abc import AsyncIterator

import pytest

from assistant.card import Editor
from assistant.case import Case, Event, Kind, Remote, State
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.store import Store, open_store
from assistant.store.work import pending
from assistant.testing import FakePlatform, FullPlatform
from tests.core import START, TOWN, Clock, add, platforms, queued_case, triaged
from tests.people import held, kinds, press, sends


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


def desk_on(store: Store, platform: FakePlatform) -> Desk:
    """Return the town's desk with this platform."""
    return Desk(store, TOWN, platforms=platforms(platform), clock=Clock())


@pytest.fixture
def desk(store: Store) -> Desk:
    """The town's desk, with a platform that can do everything."""
    return desk_on(store, FullPlatform())


async def sent_case(store: Store, *, text: str = "Thank you for telling us! ^AB") -> str:
    """Return a case whose reply stands; its card shows version 6."""
    case = await queued_case(store, text=text)
    sending = Event(kind=Kind.SENDING, at=START, attempt=1)
    await add(store, case, sending, Event(kind=Kind.SENT, at=START, remote=Remote(id="r1")))
    return case


async def last(store: Store, case: str) -> Event:
    """Return the newest event."""
    return (await store.events(case))[-1]


async def editor(desk: Desk, case: str, *, by: str = "UANNA") -> Editor:
    """Open the editor of a correction."""
    return await desk.editor(press(case, "correct", by=by))


async def amended(store: Store, case: str) -> Case:
    """Record that the platform did it."""
    now = await held(store, case)
    assert now.amendment is not None
    done = Event(kind=Kind.AMENDED, at=START, reply_id=now.amendment.reply)
    return await add(store, case, done)


async def test_taking_back_is_recorded_with_name_text_and_reason(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    form = await desk.form(press(case, "take_back"))
    assert (form.action, form.text_required) == ("take_back", True)
    act = press(case, "take_back", version=form.version, text=" wrong street ", by="UBRAM")
    await desk.press(act)
    event = await last(store, case)
    assert (event.kind, event.by and event.by.initials, event.text, event.note) == (
        Kind.TAKE_BACK,
        "BW",
        "Thank you for telling us! ^AB",
        "wrong street",
    )
    assert (await held(store, case)).amending
    assert (await pending(store))["amend"] == 1
    await desk.press(act)  # a double click
    assert (await kinds(store, case)).count(Kind.TAKE_BACK) == 1


async def test_taking_back_needs_a_reason(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    with pytest.raises(NotAllowed, match="give_reason"):
        await desk.press(press(case, "take_back", version=8, text="  "))


async def test_a_text_that_was_not_on_the_card_is_not_taken_back(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    await desk.submit(
        sends(case, "Thank you all! ^AB", corrects=(await editor(desk, case)).corrects)
    )
    await amended(store, case)
    with pytest.raises(NotAllowed):  # the card still showed the text of before
        await desk.press(press(case, "take_back", version=7, text="wrong"))


async def test_a_correction_opens_with_the_sent_text_signed_by_whoever_opens_it(
    store: Store, desk: Desk
) -> None:
    case = await sent_case(store)
    opened = await editor(desk, case, by="UBRAM")
    reply = (await held(store, case)).sent[0]
    assert (opened.text, opened.corrects) == ("Thank you for telling us! ^BW", reply.id)
    assert opened.readers == ()


async def test_a_correction_is_recorded_with_its_exact_text(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    corrects = (await editor(desk, case)).corrects
    sent = sends(case, "Thank you for telling us this! ^AB", corrects=corrects)
    assert (await desk.submit(sent)).outcome == "queued"
    event = await last(store, case)
    assert event.kind is Kind.CORRECT
    assert event.reply is not None
    assert event.reply.text == "Thank you for telling us this! ^AB"
    assert (event.reply.corrects, event.reply.id != corrects) == (corrects, True)
    assert (await held(store, case)).state is State.SENT
    assert (await pending(store))["amend"] == 1
    await desk.submit(sent)  # once more, for the answer got lost
    assert (await kinds(store, case)).count(Kind.CORRECT) == 1


async def test_a_correction_is_checked_like_any_text(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    corrects = (await editor(desk, case)).corrects
    for text, told in (
        ("Thank you for  telling us! ^AB", desk.say("desk.same_text")),
        ("Call 06 12345678. ^AB", "06 12345678"),
    ):
        verdict = await desk.submit(sends(case, text, corrects=corrects))
        assert verdict.outcome == "errors"
        assert verdict.told is not None
        assert told in verdict.told
    asked = await desk.submit(sends(case, "We promise it comes tomorrow. ^AB", corrects=corrects))
    assert (asked.outcome, asked.editor and asked.editor.corrects) == ("confirm", corrects)
    assert Kind.CORRECT not in await kinds(store, case)


async def test_one_act_at_a_time_and_none_on_what_is_gone(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    corrects = (await editor(desk, case)).corrects
    await desk.press(press(case, "take_back", version=8, text="wrong"))
    for act in (
        desk.press(press(case, "take_back", version=9, text="wrong", by="UBRAM")),
        desk.form(press(case, "take_back")),
        desk.editor(press(case, "correct")),
        desk.submit(sends(case, "Another text. ^AB", corrects=corrects)),
    ):
        with pytest.raises(NotAllowed, match="amending"):
            await act
    await amended(store, case)
    with pytest.raises(NotAllowed, match="nothing_stands"):
        await desk.form(press(case, "take_back"))


async def test_once_taken_back_the_case_can_be_answered_anew(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    with pytest.raises(NotAllowed, match="not_now"):
        await desk.press(press(case, "reopen", version=8))
    await desk.press(press(case, "take_back", version=8, text="wrong"))
    await amended(store, case)
    await desk.press(press(case, "reopen", version=10))
    assert (await held(store, case)).state is State.NEW


async def test_a_case_that_was_closed_after_a_taking_back_can_be_opened_again(
    store: Store, desk: Desk
) -> None:
    case = await sent_case(store)
    await desk.press(press(case, "take_back", version=8, text="wrong"))
    await amended(store, case)
    await desk.press(press(case, "reopen", version=10))
    await add(store, case, triaged(), Event(kind=Kind.PRESENTED, at=START))
    await desk.press(press(case, "close", version=13, choice="other"))
    await desk.press(press(case, "reopen", version=14))
    assert (await held(store, case)).state is State.NEW


async def test_a_platform_that_cannot_is_told(store: Store) -> None:
    desk = desk_on(store, FakePlatform())
    case = await sent_case(store)
    for act in (desk.form(press(case, "take_back")), desk.editor(press(case, "correct"))):
        with pytest.raises(NotAllowed, match="cannot_amend"):
            await act


async def test_where_two_approve_there_is_no_correcting_by_one(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    await add(
        store,
        case,
        Event(kind=Kind.REOPENED, at=START),
        Event(kind=Kind.TRIAGED, at=START, triage=(await held(store, case)).triage),
        Event(kind=Kind.PRESENTED, at=START),
    )
    await desk.press(press(case, "hand_over", choice="dep:care"))
    with pytest.raises(NotAllowed, match="correct_four_eyes"):
        await desk.editor(press(case, "correct", by="UCARE"))
    await desk.form(press(case, "take_back", by="UCARE"))


async def test_only_colleagues_of_the_department_do_either(store: Store, desk: Desk) -> None:
    case = await sent_case(store)
    for by in ("UCARE", "UFATMA", "UNOBODY"):
        for act in (desk.form(press(case, "take_back", by=by)), editor(desk, case, by=by)):
            with pytest.raises(NotAllowed):
                await act
