"""Labels with a road of their own: an approved pointer to send, and the term that runs."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Case, Event, Kind, State
from assistant.config import Organisation, Pointer, load
from assistant.desk import Desk
from assistant.narrate import broadcast, lines_of
from assistant.platforms.replay import Replay
from assistant.rules import register_of
from assistant.store import Store, open_store
from assistant.store.work import move_due, pending
from assistant.triage import wake
from assistant.words import Words
from tests.people import press, sends
from tests.staff_cases import card
from tests.test_triage import ANNA, MONDAY, ScriptedLLM, add, arrive, held, lane, says, triaged

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
OBJECTION = "Ik maak bezwaar tegen mijn WOZ-beschikking"
INFORMATION = "Hierbij dien ik een Woo-verzoek in over de havenbrug"
PRESENTED = Event(kind=Kind.PRESENTED, at=MONDAY)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


@pytest.fixture
def desk(store: Store) -> Desk:
    """Waterstad's desk."""
    platform = Replay("@gemeentewaterstad", replies=Path("unused"))
    platforms = {("replay", "@gemeentewaterstad"): platform}
    return Desk(store, WATERSTAD, platforms=platforms, clock=lambda: MONDAY)


async def opened(store: Store, text: str, **more: Any) -> Case:
    """Return the case of a post, triaged and on its card."""
    id = await arrive(store, text)
    await triaged(store, id, **more)
    await add(store, id, PRESENTED)
    return await held(store, id)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (OBJECTION, "verwijzing-bezwaar"),
        (INFORMATION, "verwijzing-woo"),
        ("Ik dien een formele klacht in over een medewerker", "verwijzing-klacht"),
        ("brand in de flat hiernaast", "verwijzing-112"),
        ("ik wil niet meer leven", "verwijzing-113"),
        ("Straatlantaarn op het plein is kapot", "verwijzing-melding"),
        ("stelletje idioten", None),
    ],
)
async def test_each_label_has_the_road_that_is_configured(
    store: Store, text: str, pointer: str | None
) -> None:
    case = await opened(store, text)

    assert case.triage is not None
    assert case.triage.pointer == pointer


def test_a_pointer_in_the_citizens_language_goes_first() -> None:
    english = next(each for each in WATERSTAD.answers if each.language == "en")
    road = Pointer(label="legal", answer=english.id)
    town = WATERSTAD.model_copy(update={"pointers": (*WATERSTAD.pointers, road)})
    register = register_of(town, date(2026, 11, 23))

    assert register.pointer("legal", text=OBJECTION, language="en") == road
    assert register.pointer("legal", text=OBJECTION, language="nl") != road
    assert register.pointer("legal", text="", language="tr") is not None


def test_an_answer_that_is_no_longer_valid_is_no_pointer() -> None:
    late = register_of(WATERSTAD, date(2028, 1, 1))

    assert late.pointer("legal", text=OBJECTION, language="nl") is None


async def test_the_card_offers_the_pointer_and_the_person_sends_it(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, OBJECTION)
    shown = card(case, organisation=WATERSTAD)
    assert "pointer" in [each.id for each in shown.actions]
    assert case.draft is None

    editor = await desk.editor(press(case.id, "pointer", by="U01ANNA"))
    answer = next(each for each in WATERSTAD.answers if each.id == "verwijzing-bezwaar")
    assert editor.text == f"@piet {answer.short} {answer.sources[0]} ^AB"
    assert f"„{answer.title}”" in editor.hints[0]

    sent = sends(case.id, editor.text, by="U01ANNA", draft=editor.draft)
    assert (await desk.submit(sent)).outcome == "queued"
    reply = (await held(store, case.id)).reply
    assert reply is not None
    assert reply.sources == ("verwijzing-bezwaar",)
    [*_, told] = lines_of(
        await store.events(case.id), start=0, words=Words("nl"), organisation=WATERSTAD
    )
    assert "Woord voor woord de goedgekeurde verwijzing verwijzing-bezwaar." in told


@pytest.mark.parametrize("pointer", WATERSTAD.pointers, ids=lambda each: str(each.answer))
async def test_no_pointer_of_the_example_is_stopped(
    store: Store, desk: Desk, pointer: Pointer
) -> None:
    case = await opened(store, OBJECTION)
    assert case.triage is not None
    again = case.triage.model_copy(update={"pointer": pointer.answer})
    await add(store, case.id, Event(kind=Kind.TRIAGED, at=MONDAY, triage=again))

    editor = await desk.editor(press(case.id, "pointer", by="U01ANNA"))
    sent = sends(case.id, editor.text, by="U01ANNA", draft=editor.draft)

    assert (await desk.submit(sent)).outcome == "queued"


async def test_a_text_that_only_claims_to_be_the_pointer_cites_nothing(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, OBJECTION)
    text = "@piet De gemeente beslist binnen 4 weken. ^AB"

    foreign = sends(case.id, text, by="U01ANNA", draft="pointer:verwijzing-woo")

    assert (await desk.submit(foreign)).outcome == "confirm"


async def test_a_pointer_that_expired_meanwhile_is_not_offered(store: Store) -> None:
    case = await opened(store, OBJECTION)
    later = datetime(2028, 1, 1, tzinfo=UTC)

    assert "pointer" not in [
        each.id for each in card(case, organisation=WATERSTAD, now=later).actions
    ]


async def test_where_we_answer_the_suggestion_holds_the_pointer(store: Store) -> None:
    case = await opened(store, "Straatlantaarn op het plein is kapot")

    assert "pointer" not in [each.id for each in card(case, organisation=WATERSTAD).actions]


async def test_without_a_pointer_asked_for_the_editor_begins_as_ever(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, OBJECTION)

    editor = await desk.editor(press(case.id, "edit", by="U01ANNA"))

    assert (editor.text, editor.hints) == ("@piet ^AB", ())


# Terms


async def test_the_term_counts_from_the_day_of_the_post(store: Store) -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # half past midnight on Monday, here
    id = await arrive(store, INFORMATION, created_at=late)

    case = await triaged(store, id)

    assert case.term is not None
    assert case.term.ends == date(2026, 11, 23) + timedelta(days=28)
    shown = {each.label: each.value for each in card(case, organisation=WATERSTAD).facts}
    assert shown["Onze termijn"] == "loopt af op 21 december"


async def test_a_label_without_days_has_no_term(store: Store) -> None:
    assert (await opened(store, "brand in de flat hiernaast")).term is None


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        (INFORMATION, datetime(2026, 12, 14, 6, 0, tzinfo=UTC)),
        ("Ik dien een formele klacht in", datetime(2026, 12, 25, 6, 0, tzinfo=UTC)),
    ],
)
async def test_the_department_is_reminded_so_many_days_before(
    store: Store, text: str, opening: datetime
) -> None:
    case = await opened(store, text)
    assert case.term is not None
    remind = case.term.remind
    assert remind.date() == opening.date()
    known = len(await store.events(case.id))

    await move_due(store, now=remind - timedelta(seconds=1))
    assert (await pending(store))["wake"] == 0
    await move_due(store, now=remind)
    assert (await pending(store))["wake"] == 1
    for _ in range(2):
        await wake(store, case.id, None, organisation=WATERSTAD, clock=lambda: remind)

    events = await store.events(case.id)
    assert [each.kind for each in events[known:]] == [Kind.REMINDED]
    assert broadcast(events, start=known)
    case = await held(store, case.id)
    channel = WATERSTAD.channel(case.department, case.official)
    assert case.id in await lane(store, channel)
    assert any("termijn" in each for each in card(case, organisation=WATERSTAD).warnings)


async def test_a_case_that_is_done_is_not_reminded_of(store: Store) -> None:
    case = await opened(store, INFORMATION)
    assert case.term is not None
    remind = case.term.remind
    await add(store, case.id, Event(kind=Kind.CLOSED, at=MONDAY, by=ANNA, reason="other"))

    await wake(store, case.id, None, organisation=WATERSTAD, clock=lambda: remind)

    assert not (await held(store, case.id)).reminded


async def test_a_term_goes_on_whatever_the_citizen_writes_next(store: Store) -> None:
    case = await opened(store, INFORMATION)
    await arrive(
        store, "Bedankt alvast", id="p2", parent="p1", created_at=MONDAY + timedelta(days=3)
    )

    after = await triaged(store, case.id)

    assert after.term == case.term


def _same(moment: datetime) -> datetime:
    return moment


async def test_a_wait_and_a_term_are_both_called_out_at_their_time(store: Store) -> None:
    pointers = (Pointer(label="question", answer="contact-gemeente", days=30),)
    town: Organisation = WATERSTAD.model_copy(update={"pointers": pointers})
    model = ScriptedLLM(says(advice="wait"))
    case = await opened(store, "Wat kost een nieuw paspoort?", model=model, organisation=town)
    assert case.triage is not None
    assert case.term is not None
    for moment in (case.triage.wait_until, case.term.remind):
        assert moment is not None
        await move_due(store, now=moment)
        await wake(store, case.id, None, organisation=town, clock=partial(_same, moment))

    kinds = [each.kind for each in await store.events(case.id)]
    assert kinds[-2:] == [Kind.WOKEN, Kind.REMINDED]
    assert (await held(store, case.id)).state is State.OPEN
