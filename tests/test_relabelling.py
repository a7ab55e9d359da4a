"""Corrections: one form changes label and advice, in a person's name; the draft follows."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Case, Event, Kind, State
from assistant.commands.exporting import labelled
from assistant.config import load
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.evaluate.rows import read_rows
from assistant.narrate import broadcast
from assistant.platforms.replay import Replay
from assistant.store import Store, milliseconds, open_store
from assistant.store.work import pending
from tests.people import press
from tests.staff_cases import card
from tests.test_draft import drafted
from tests.test_triage import (
    ANNA,
    MONDAY,
    SENDING,
    ScriptedLLM,
    add,
    arrive,
    held,
    lane,
    says,
    triaged,
)

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
POLITE = "Wat kost een nieuw paspoort?"
ODD = "vandaag bewolkt met zon"


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
    """Return the case of a post, triaged, drafted for where it may be, and on its card."""
    id = await arrive(store, text, **more)
    await triaged(store, id)
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    await drafted(store, id)
    return await held(store, id)


async def corrects(
    store: Store, desk: Desk, case: Case, label: str, advice: str, **more: Any
) -> Case:
    """Have Anna fill in the form; return the case as it stands then."""
    version = (await store.load(case.id)).version
    filled = press(
        case.id, "relabel", by="U01ANNA", choice=label, second=advice, version=version, **more
    )
    await desk.press(filled)
    return await held(store, case.id)


async def test_the_form_holds_what_stands_and_records_what_is_chosen(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, POLITE)
    form = await desk.form(press(case.id, "relabel", by="U01ANNA"))
    assert (form.chosen, form.second_chosen) == ("question", "answer")

    after = await corrects(store, desk, case, "complaint", "wait", text="hij is boos")

    assert after.triage is not None
    assert (after.triage.label, after.triage.advice, after.triage.rule) == ("complaint", "wait", 3)
    assert after.triage.wait_until == MONDAY + timedelta(hours=2)
    assert after.labelled_by == ANNA
    shown = card(after, organisation=WATERSTAD)
    assert shown.title.startswith("Klacht")
    assert shown.advice is not None
    assert "hij is boos (gecorrigeerd door Anna Bakker)" in shown.advice
    assert case.id in await lane(store, "C0BURGERZAKEN")
    later = await store.redis.zrange(store.keys.later, 0, -1, withscores=True)
    assert milliseconds(MONDAY + timedelta(hours=2)) in [at for _, at in later]


async def test_what_stood_there_already_is_no_correction(store: Store, desk: Desk) -> None:
    case = await opened(store, POLITE)

    assert await corrects(store, desk, case, "question", "answer") == case


@pytest.mark.parametrize(
    ("label", "advice"), [("question", None), (None, "answer"), ("nice", "answer")]
)
async def test_both_must_be_chosen(store: Store, desk: Desk, label: Any, advice: Any) -> None:
    case = await opened(store, POLITE)

    with pytest.raises(NotAllowed) as told:
        await corrects(store, desk, case, label, advice)
    assert told.value.why == "desk.choose_label"


async def test_nobody_corrects_what_is_on_its_way(store: Store, desk: Desk) -> None:
    case = await opened(store, POLITE)
    await add(store, case.id, *SENDING[1:])

    for act in (desk.form, desk.press):
        with pytest.raises(NotAllowed):
            await act(press(case.id, "relabel", by="U01ANNA", choice="spam", second="leave"))


async def test_advice_to_answer_brings_a_draft(store: Store, desk: Desk) -> None:
    case = await opened(store, ODD)
    assert case.draft is None

    await corrects(store, desk, case, "question", "answer")

    assert (await pending(store))["draft"] == 1
    assert (await drafted(store, case.id)).draft is not None


async def test_a_draft_goes_with_the_advice_and_comes_back_with_it(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, POLITE)
    assert case.draft is not None

    left = await corrects(store, desk, case, "opinion", "leave")
    assert left.draft is None
    await corrects(store, desk, left, "question", "answer")

    again = (await drafted(store, case.id)).draft
    assert again is not None
    assert again.id != case.draft.id


@pytest.mark.parametrize("label", ["political", "abuse", "legal", "self_harm"])
async def test_what_is_sensitive_never_gets_a_draft_also_when_a_person_says_answer(
    store: Store, desk: Desk, label: str
) -> None:
    case = await opened(store, ODD)
    model = ScriptedLLM({"reply": "Dag", "sources": ("A1",), "note": None})

    after = await corrects(store, desk, case, label, "answer")

    assert (await pending(store))["draft"] == 0
    assert (await drafted(store, case.id, model=model)).draft is None
    assert model.asked == []
    assert "edit" in [each.id for each in card(after, organisation=WATERSTAD).actions]


async def test_a_correction_brings_the_road_of_its_label(store: Store, desk: Desk) -> None:
    case = await opened(store, ODD)

    legal = await corrects(store, desk, case, "legal", "hand_over")
    assert legal.triage is not None
    assert legal.triage.pointer in {each.answer for each in WATERSTAD.pointers}
    assert legal.term is not None

    none = await corrects(store, desk, legal, "opinion", "leave")
    assert none.triage is not None
    assert (none.triage.pointer, none.term) == (None, None)


async def test_danger_a_person_sees_is_told_aloud(store: Store, desk: Desk) -> None:
    case = await opened(store, ODD)
    known = len(await store.events(case.id))

    await corrects(store, desk, case, "emergency", "hand_over")

    assert broadcast(await store.events(case.id), start=known)


async def test_the_next_post_makes_a_persons_word_no_milder(store: Store, desk: Desk) -> None:
    case = await opened(store, POLITE)
    await corrects(store, desk, case, "abuse", "hand_over")
    await arrive(store, "En wat kost een rijbewijs?", id="p2", parent="p1")

    after = await triaged(store, case.id, model=ScriptedLLM(says()))

    assert after.triage is not None
    assert (after.triage.label, after.triage.advice) == ("abuse", "hand_over")
    assert (after.triage.by, after.labelled_by) == ("people", ANNA)


async def test_what_the_rules_hear_later_outweighs_a_persons_milder_word(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, ODD)
    await corrects(store, desk, case, "question", "answer")
    await arrive(store, "ik wil dood", id="p2", parent="p1")

    after = await triaged(store, case.id)

    assert after.triage is not None
    assert (after.triage.label, after.triage.by) == ("self_harm", "rules")


async def test_a_new_conversation_begins_without_the_old_correction(
    store: Store, desk: Desk
) -> None:
    case = await opened(store, POLITE)
    await corrects(store, desk, case, "abuse", "leave")
    closed = Event(kind=Kind.CLOSED, at=MONDAY, by=ANNA, reason="other")
    await add(store, case.id, closed)
    await arrive(store, "Wat kost een rijbewijs?", id="p2", parent="p1")

    after = await held(store, case.id)

    assert (after.state, after.labelled_by) == (State.NEW, None)


# Exporting


async def exported(store: Store, id: str) -> dict[str, Any] | None:
    """Return a case's row."""
    return labelled(await store.events(id), id=id, organisation=WATERSTAD)


async def test_a_corrected_case_becomes_a_labelled_one_without_names(
    store: Store, desk: Desk
) -> None:
    text = "@gemeentewaterstad bel @jansen op 06-12345678, wat een weer"
    case = await opened(store, text)
    await corrects(store, desk, case, "opinion", "hand_over")

    row = await exported(store, case.id)

    assert row is not None
    assert row | {"text": ""} == {
        "id": case.id,
        "text": "",
        "label": "opinion",
        "department": case.department,
        "language": "nl",
        "advice": "hand_over",
        "corrected_by": "AB",
    }
    assert "wat een weer" in row["text"]
    for personal in ("jansen", "12345678", "piet", "Anna"):
        assert personal not in json.dumps(row)


async def test_what_is_exported_can_be_measured_with(
    store: Store, desk: Desk, tmp_path: Path
) -> None:
    case = await opened(store, POLITE)
    await corrects(store, desk, case, "complaint", "answer")
    file = tmp_path / "corrected.jsonl"
    file.write_text(json.dumps(await exported(store, case.id)))

    [row] = read_rows([file])

    assert (row.id, row.text, row.label) == (case.id, POLITE, "complaint")
    assert row.department == "burgerzaken"


async def test_a_hand_over_corrects_the_department(store: Store) -> None:
    case = await opened(store, POLITE)
    assert await exported(store, case.id) is None
    over = Event(kind=Kind.HANDED_OVER, at=MONDAY, by=ANNA, department="belastingen")
    await add(store, case.id, over)
    await arrive(store, "Iets heel anders", id="p2", parent="p1")

    row = await exported(store, case.id)

    assert row is not None
    assert (row["department"], row["text"], row["label"]) == ("belastingen", POLITE, "question")


async def test_an_erased_case_is_not_exported(store: Store, desk: Desk) -> None:
    case = await opened(store, POLITE)
    await corrects(store, desk, case, "complaint", "answer")
    await add(store, case.id, Event(kind=Kind.ERASED, at=MONDAY))

    assert await exported(store, case.id) is None
