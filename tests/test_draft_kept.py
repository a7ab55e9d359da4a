"""An edit that changes nothing a suggestion was made from leaves it standing, and says so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from assistant.case import Case, Event, Kind
from assistant.narrate import lines_of
from assistant.present.citizen import notes
from assistant.present.wording import View
from assistant.store import Decision, Store, open_store
from assistant.words import Words
from tests.test_draft import (
    ANSWERS,
    WATERSTAD,
    drafted,
    labelled,
    reply,
    written,
)
from tests.test_triage import MONDAY, ScriptedLLM, arrive, held

TREE = ANSWERS["kerstboom-inleveren"].title
ASKED = f"Kunt u mij zeggen: {TREE}"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


async def edited(store: Store, case: Case, text: str, **label: Any) -> None:
    """Let the citizen edit their post and have it labelled again."""
    await arrive(store, text, event="edited")
    assert case.triage is not None
    again = case.triage.model_copy(update=label)
    event = Event(kind=Kind.TRIAGED, at=MONDAY, triage=again)
    await store.decide(case.id, lambda _: Decision(events=(event,)), now=MONDAY)


async def first(store: Store, *, model: ScriptedLLM | None = None) -> Case:
    """Return a case with its first suggestion."""
    id = await labelled(store, ASKED, department="afval")
    return await drafted(store, id, model=model)


def said(case: Case) -> list[str]:
    """Return what the card notes about the post."""
    view = View(case=case, organisation=WATERSTAD, words=Words("nl"), now=MONDAY)
    return list(notes(view))


KEPT = "De inwoner heeft dit bericht aangepast. Het voorstel past er nog bij."


async def test_the_suggestion_stays_where_its_ground_is_the_same(store: Store) -> None:
    case = await first(store)
    before = written(case)
    await edited(store, case, f"{ASKED}!")
    now = await drafted(store, case.id)
    after = written(now)
    assert (after.text, after.id, after.sources) == (before.text, before.id, before.sources)
    assert (after.revision, after.kept, before.kept) == (now.revision, True, False)
    assert said(now) == [KEPT]
    events = await store.events(case.id)
    start = len(events) - 1
    [line] = lines_of(events, start=start, words=Words("nl"), organisation=WATERSTAD)
    assert line.endswith(
        "Het voorstel blijft staan: waar het op rust is na de aanpassing hetzelfde."
    )


async def test_a_model_is_not_asked_again_for_the_same(store: Store) -> None:
    model = reply()
    case = await first(store, model=model)
    await edited(store, case, f"{ASKED} ...")
    await drafted(store, case.id, model=model)
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (f"{ASKED}!", {"label": "complaint"}),
        (f"{ASKED}!", {"language": "en"}),
        (f"{ASKED}!", {"department": "burgerzaken"}),
        (f"{ASKED} En wat kost dat?", {}),
        (f"Kun je mij zeggen: {TREE}", {}),
        ("Kunt u mij zeggen: hoe vraag ik een paspoort aan?", {}),
    ],
)
async def test_a_new_suggestion_is_made_where_any_of_it_changed(
    store: Store, text: str, label: dict[str, Any]
) -> None:
    case = await first(store)
    await edited(store, case, text, **label)
    now = await drafted(store, case.id)
    assert (written(now).kept, written(now).revision) == (False, now.revision)
    assert written(now).id != written(case).id
    assert said(now) == ["De inwoner heeft dit bericht aangepast."]


async def test_a_post_more_is_no_edit(store: Store) -> None:
    case = await first(store)
    await arrive(store, ASKED, id="p2", parent="p1")
    event = Event(kind=Kind.TRIAGED, at=MONDAY, triage=(await held(store, case.id)).triage)
    await store.decide(case.id, lambda _: Decision(events=(event,)), now=MONDAY)
    assert not written(await drafted(store, case.id)).kept


async def test_no_suggestion_stays_that_the_checks_would_stop(store: Store) -> None:
    """What the edit names may be somebody the suggestion may not name any more."""
    case = await first(store)
    risky = written(case).model_copy(update={"text": "Goedemorgen! Meneer Pietersen belt u."})
    redrafted = Event(kind=Kind.DRAFTED, at=MONDAY, draft=risky)
    await store.decide(case.id, lambda _: Decision(events=(redrafted,)), now=MONDAY)
    await edited(store, case, f"{ASKED} Meneer Pietersen vroeg het ook.")
    assert not written(await drafted(store, case.id)).kept
