"""Rewriting a suggestion: on a colleague's wish, within the sources, each version kept."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Case, Event, Kind, State
from assistant.chats import Press, Presser
from assistant.config import Model
from assistant.desk import Desk
from assistant.draft.rewriting import rewrite
from assistant.errors import ModelUnusable, NotAllowed
from assistant.llms import Reason
from assistant.platforms.replay import Replay
from assistant.present import rewrite_form
from assistant.store import Decision, Store, open_store
from assistant.store.work import pending
from assistant.words import Words
from tests.test_draft import WATERSTAD, drafted, labelled
from tests.test_triage import MONDAY, ScriptedLLM, held

TOWN = WATERSTAD.model_copy(update={"model": Model(name="gpt")})
PLATFORMS = {("replay", "@gemeentewaterstad"): Replay("@gemeentewaterstad", replies=Path("unused"))}
TREE = "Waar kan ik mijn kerstboom inleveren?"
ANNA = Presser(chat_user="U01ANNA")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with open_store(store_url, "waterstad") as opened:
        yield opened


async def suggested(store: Store) -> str:
    """Return a case with an approved answer suggested, standing in its channel."""
    id = await labelled(store, TREE, department="afval")
    await drafted(store, id)
    presented = Event(kind=Kind.PRESENTED, at=MONDAY)
    await store.decide(id, lambda case: Decision(events=(presented,)), now=MONDAY)
    return id


async def ask(store: Store, id: str, choice: str | None, text: str | None = None) -> None:
    """Press the form's button."""
    version = (await store.load(id)).version
    desk = Desk(store, TOWN, platforms=PLATFORMS, clock=lambda: MONDAY)
    press = Press(by=ANNA, case=id, version=version, action="rewrite", choice=choice, text=text)
    await desk.press(press)


async def rewritten(store: Store, id: str, model: ScriptedLLM | None) -> Case:
    await rewrite(
        store,
        id,
        None,
        organisation=TOWN,
        model=model,
        platforms=PLATFORMS,
        words=Words("nl"),
        clock=lambda: MONDAY,
    )
    return await held(store, id)


def says(text: str) -> ScriptedLLM:
    return ScriptedLLM({"reply": text})


SHORT = "Goedemorgen! Lever uw kerstboom in bij de milieustraat."


async def test_another_version_stands_in_the_place_of_the_first_and_both_are_kept(
    store: Store,
) -> None:
    id = await suggested(store)
    first = (await held(store, id)).draft
    assert first is not None
    await ask(store, id, "shorter")
    assert (await pending(store))["rewrite"] == 1
    model = says(SHORT)
    case = await rewritten(store, id, model)
    assert case.draft is not None
    assert case.draft.text.startswith(SHORT)
    assert case.draft.text.endswith(TOWN.answers[0].sources[0]) or "https://" in case.draft.text
    assert (case.draft.origin, case.draft.wish) == ("model", "shorter")
    assert case.draft.sources == first.sources
    assert case.draft.id != first.id
    assert case.rewriting is None
    kept = [each.draft.text for each in await store.events(id) if each.draft]
    assert kept == [first.text, case.draft.text]


@pytest.mark.parametrize(
    ("choice", "words", "told"),
    [
        ("simpler", None, "eenvoudiger"),
        ("warmer", None, "vriendelijker"),
        ("formal", None, "met u"),
        ("familiar", None, "met je"),
        ("language:en", None, "code en"),
        ("own", "Noem de afvalpas", "Noem de afvalpas"),
    ],
)
async def test_the_model_is_told_the_wish_and_nothing_of_the_citizen(
    store: Store, choice: str, words: str | None, told: str
) -> None:
    id = await suggested(store)
    await ask(store, id, choice, words)
    model = says("")
    await rewritten(store, id, model)
    [asked] = model.asked
    assert told in asked["wish"]
    assert asked["language"] == ("en" if choice == "language:en" else "nl")
    assert not any(TREE in each or "piet" in each for each in asked.values())
    assert "https://" not in asked["text"]


@pytest.mark.parametrize(
    "model",
    [
        None,
        says(""),
        says("Goedemorgen! Wij beloven dat uw boom morgen weg is."),
        says("Goedemorgen! Dat kost 999 euro."),
        says("Goedemorgen! Kijk op www.kwaad.example."),
        says("Goedemorgen! Vraag het @iemand."),
        says("Goedemorgen! " + "Lever de boom in. " * 60),
        ScriptedLLM(ModelUnusable(Reason.BREAKER)),
    ],
)
async def test_what_is_not_usable_leaves_the_suggestion_and_is_told(
    store: Store, model: ScriptedLLM | None
) -> None:
    id = await suggested(store)
    before = (await held(store, id)).draft
    await ask(store, id, "warmer")
    case = await rewritten(store, id, model)
    assert case.draft == before
    assert case.rewriting is None
    assert (await store.events(id))[-1].kind is Kind.REWRITE_FAILED


async def test_a_version_that_comes_late_is_dropped(store: Store) -> None:
    id = await suggested(store)
    await ask(store, id, "shorter")

    class Overtaken(ScriptedLLM):
        async def ask(self, schema: Any, **values: Any) -> Any:
            claimed = Event(kind=Kind.CLOSED, at=MONDAY, by=actor, reason="other")
            await store.decide(id, lambda case: Decision(events=(claimed,)), now=MONDAY)
            return await super().ask(schema, **values)

    actor = (await store.events(id))[-1].by
    case = await rewritten(store, id, Overtaken({"reply": SHORT}))
    assert case.state is State.CLOSED
    assert case.draft is not None
    assert case.draft.wish is None


@pytest.mark.parametrize(
    ("choice", "text", "why"),
    [
        (None, None, "desk.choose_wish"),
        ("louder", None, "desk.choose_wish"),
        ("language:xx", None, "desk.choose_wish"),
        ("own", "  ", "desk.say_wish"),
    ],
)
async def test_a_wish_nobody_understands_is_refused(
    store: Store, choice: str | None, text: str | None, why: str
) -> None:
    id = await suggested(store)
    with pytest.raises(NotAllowed, match=why):
        await ask(store, id, choice, text)


async def test_without_a_model_there_is_no_rewriting(store: Store) -> None:
    id = await suggested(store)
    desk = Desk(store, WATERSTAD, platforms=PLATFORMS, clock=lambda: MONDAY)
    press = Press(by=ANNA, case=id, version=3, action="rewrite", choice="shorter")
    with pytest.raises(NotAllowed, match=r"desk\.no_model"):
        await desk.press(press)


async def test_the_form_offers_every_wish_and_other_languages(store: Store) -> None:
    case = await held(store, await suggested(store))
    form = rewrite_form(case, version=4, words=Words("nl"))
    values = [each.value for each in form.choices]
    assert {"shorter", "simpler", "warmer", "formal", "familiar", "own"} < set(values)
    assert "language:en" in values
    assert "language:nl" not in values
