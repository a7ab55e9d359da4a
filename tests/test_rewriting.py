"""Rewriting a suggestion: on a colleague's wish, within the sources, each version kept."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest

from assistant.case import Case, Event, Kind, State, Wish
from assistant.chats import Press, Presser
from assistant.config import Model
from assistant.desk import Desk
from assistant.draft.rewriting import rewrite
from assistant.errors import ModelUnusable, NotAllowed
from assistant.llms import Reason
from assistant.narrate import lines_of
from assistant.platforms.replay import Replay
from assistant.present import rewrite_form
from assistant.store import Decision, Store, open_store
from assistant.store.work import pending
from assistant.words import Words
from tests.staff_cases import card, triage
from tests.test_draft import LIBRARY, WATERSTAD, drafted, labelled
from tests.test_triage import MONDAY, ScriptedLLM, add, held

TOWN = WATERSTAD.model_copy(update={"model": Model(name="gpt")})
PLATFORMS = {("replay", "@gemeentewaterstad"): Replay("@gemeentewaterstad", replies=Path("unused"))}
TREE = "Waar kan ik mijn kerstboom inleveren?"
ANNA = Presser(chat_user="U01ANNA")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with open_store(store_url, "waterstad") as opened:
        yield opened


async def suggested(store: Store, text: str = TREE) -> str:
    """Return a case with an approved answer suggested, standing in its channel."""
    id = await labelled(store, text, department="afval")
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
        ("longer", None, "uitgebreider"),
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


async def test_a_version_keeps_the_links_of_both_answers(store: Store) -> None:
    two = "Hoe krijg ik een nieuwe afvalpas? En wanneer is het stadhuis open?"
    id = await suggested(store, two)
    await ask(store, id, "warmer")
    draft = (await rewritten(store, id, says("Goedemorgen! Kom gerust langs."))).draft
    assert draft is not None
    pages = [each.page for each in WATERSTAD.answers if each.id in draft.sources]
    assert len(pages) == 2
    assert all(each in draft.text for each in pages)


# Without a model: the other approved variant, and nothing else


def plain_desk(store: Store, *, platform: Replay | None = None) -> Desk:
    """Return the desk of a town without a model."""
    platforms = {("replay", "@gemeentewaterstad"): platform} if platform else PLATFORMS
    return Desk(store, WATERSTAD, platforms=platforms, clock=lambda: MONDAY)


async def asks(store: Store, id: str, choice: str, *, platform: Replay | None = None) -> None:
    version = (await store.load(id)).version
    desk = plain_desk(store, platform=platform)
    await desk.press(Press(by=ANNA, case=id, version=version, action="rewrite", choice=choice))


async def buttons_and_choices(store: Store, id: str) -> tuple[bool, list[str]]:
    """Return whether the card has the button, and what its form offers."""
    loaded = await store.load(id)
    assert loaded.case is not None
    shown = card(loaded.case, organisation=WATERSTAD, platform=next(iter(PLATFORMS.values())))
    offered = any(each.id == "rewrite" for each in shown.actions)
    press = Press(by=ANNA, case=id, version=loaded.version, action="rewrite")
    form = await plain_desk(store).form(press)
    assert form.text_label is None
    return offered, [each.value for each in form.choices]


async def test_without_a_model_the_long_variant_and_back(store: Store) -> None:
    id = await suggested(store)
    short = (await held(store, id)).draft
    assert short is not None
    answer = next(each for each in WATERSTAD.answers if each.id == short.sources[0])
    assert await buttons_and_choices(store, id) == (True, ["longer"])

    await asks(store, id, "longer")
    assert (await pending(store))["rewrite"] == 1
    longer = (await rewritten(store, id, None)).draft
    assert longer is not None
    assert longer.text == f"Goedemorgen! {answer.long} {answer.page}"
    assert (longer.origin, longer.by, longer.wish) == ("answer", "", "longer")
    assert (longer.sources, longer.revision) == (short.sources, short.revision)
    assert await buttons_and_choices(store, id) == (True, ["shorter"])

    await asks(store, id, "shorter")
    again = (await rewritten(store, id, None)).draft
    assert again is not None
    assert (again.text, again.wish) == (short.text, "shorter")
    kept = [each.draft for each in await store.events(id) if each.draft]
    assert [each.text for each in kept] == [short.text, longer.text, short.text]
    assert len({each.id for each in kept}) == 3


async def test_the_thread_says_that_no_model_wrote_it(store: Store) -> None:
    id = await suggested(store)
    await asks(store, id, "longer")
    await rewritten(store, id, None)
    told = lines_of(await store.events(id), start=0, organisation=WATERSTAD, words=Words("nl"))
    assert "Anna Bakker (AB) vroeg om een andere versie van het voorstel: Uitgebreider." in told[-2]
    assert "(Uitgebreider; goedgekeurd antwoord kerstboom-inleveren, woord voor woord)" in told[-1]


@pytest.mark.parametrize("choice", ["shorter", "simpler", "formal", "language:en", "own"])
async def test_without_a_model_what_only_a_model_can_do_is_refused(
    store: Store, choice: str
) -> None:
    id = await suggested(store)
    with pytest.raises(NotAllowed, match=r"desk\.choose_wish"):
        await asks(store, id, choice)


class Brief(Replay):
    """The replay platform without room for a long variant."""

    limit = 300


async def test_without_a_model_and_without_another_variant_there_is_no_button(
    store: Store,
) -> None:
    id = await suggested(store)
    brief = Brief("@gemeentewaterstad", replies=Path("unused"))
    shown = card(await held(store, id), organisation=WATERSTAD, platform=brief)
    assert not any(each.id == "rewrite" for each in shown.actions)
    with pytest.raises(NotAllowed, match=r"desk\.no_model"):
        await asks(store, id, "longer", platform=brief)


async def test_what_the_card_does_not_show_is_not_rewritten(store: Store) -> None:
    id = await suggested(store)
    edited = (await held(store, id)).post.model_copy(update={"edited": True})
    await add(store, id, Event(kind=Kind.EDITED, at=MONDAY, post=edited))
    left = triage(advice="leave")
    await add(store, id, Event(kind=Kind.TRIAGED, at=MONDAY, triage=left))
    assert (await held(store, id)).draft is not None
    with pytest.raises(NotAllowed, match=r"desk\.nothing_to_rewrite"):
        await asks(store, id, "longer")


async def test_a_template_has_no_other_variant(store: Store) -> None:
    id = await labelled(store, LIBRARY, department="afval")
    await drafted(store, id)
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    with pytest.raises(NotAllowed, match=r"desk\.no_model"):
        await asks(store, id, "longer")


async def test_a_model_that_gives_nothing_leaves_the_approved_variant(store: Store) -> None:
    id = await suggested(store)
    await ask(store, id, "longer")
    case = await rewritten(store, id, ScriptedLLM(ModelUnusable(Reason.BREAKER)))
    assert case.draft is not None
    assert (case.draft.origin, case.draft.wish) == ("answer", "longer")


async def test_the_form_offers_every_wish_and_other_languages(store: Store) -> None:
    case = await held(store, await suggested(store))
    form = rewrite_form(case, version=4, wishes=get_args(Wish), words=Words("nl"))
    values = [each.value for each in form.choices]
    assert {*get_args(Wish)} - {"language"} < set(values)
    assert "language:en" in values
    assert "language:nl" not in values
