"""A post that asks two things: where both are surely answered, and where nothing is made of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answers import sure
from assistant.case import Case, Draft, Event, Kind, Label, Post, Triage, evolve
from assistant.checks import check
from assistant.clean import clean
from assistant.config import Organisation
from assistant.draft import index_of, suggest
from assistant.draft.parts import answers_to, parts_of
from assistant.ground import ground_of
from assistant.platforms.replay import Replay
from assistant.words import Words
from tests.test_draft import ANSWERS, WATERSTAD, reply
from tests.test_triage import MONDAY, ScriptedLLM

INDEX = index_of(WATERSTAD, MONDAY.date())
ROADS = {each.answer for each in WATERSTAD.pointers}
REPLAY = Replay("@gemeentewaterstad", replies=Path("unused"))
BOTH = "Hoe laat is de milieustraat open en hoe krijg ik een nieuwe afvalpas?"

ALONE = {
    "Hoe laat is de milieustraat open": "milieustraat",
    "Wat kost een parkeervergunning": "parkeervergunning",
    "Hoe krijg ik een nieuwe afvalpas": "afvalpas",
    "Wanneer is het stadhuis open": "stadhuis-openingstijden",
    "Is er steun voor mantelzorgers": "mantelzorg",
    "Waar kan ik mijn kerstboom inleveren": "kerstboom-inleveren",
}
"""Questions that are surely answered when they stand by themselves."""

LEANING = (
    "wat kost dat",
    "hoe lang duurt het",
    "moet ik daarvoor langskomen",
    "kan het ook online",
    "welke papieren moet ik meenemen",
    "hoe snel gaat het",
    "wat is de boete",
    "zijn jullie zondag open",
    "wanneer staat het geld op mijn rekening",
    "geldt dat ook voor huurders",
    "mag mijn buurman dat ook",
    "kunnen jullie dat doorgeven",
    "waar kan ik parkeren",
    "hoe laat begint het zwembad",
    "waar kan ik een volkstuin huren",
)
"""Questions that mean nothing by themselves, or that no approved answer fits."""

APART = (
    "Wij gaan volgende maand verhuizen.",
    "Mijn buurman doet dit al jaren!",
    "En wat vinden jullie van de plannen van Waterstad Vooruit?",
    "En hoe maak ik bezwaar tegen een besluit?",
    "En waar kan ik een klacht over de gemeente indienen?",
    "En wanneer worden de bladkorven geleegd?",
)
"""What makes three things of two, or may stand in no answer with another."""


class Brief(Replay):
    """The replay platform with as much room as Bluesky has."""

    limit = 300


def found(text: str) -> tuple[str, ...]:
    return tuple(each.id for each in answers_to(clean(text), INDEX, apart=ROADS))


def asked(text: str, *, label: Label = "question", language: str = "nl") -> Case:
    """Return the case of a post that was labelled by hand, to be answered by *afval*."""
    post = Post(
        platform="replay",
        account="@gemeentewaterstad",
        id="p1",
        root="p1",
        handle="@sanne_dw",
        text=text,
        created_at=MONDAY,
        addressed="mention",
    )
    triage = Triage(
        label=label,
        rule=3,
        reason="omdat",
        by="rules",
        advice="answer",
        department="afval",
        language=language,
    )
    case = evolve(None, Event(kind=Kind.RECEIVED, at=MONDAY, post=post), id="c1")
    return evolve(case, Event(kind=Kind.TRIAGED, at=MONDAY, triage=triage), id="c1")


async def suggested(
    case: Case,
    *,
    organisation: Organisation = WATERSTAD,
    platform: Replay = REPLAY,
    model: ScriptedLLM | None = None,
) -> Draft | None:
    return await suggest(
        case,
        organisation=organisation,
        model=model,
        platform=platform,
        words=Words("nl"),
        now=MONDAY,
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Tot wanneer is x1? En wat kost y1?", ("tot wanneer is x1", "wat kost y1")),
        ("@waterstad hallo! wat kost x1 en waar is y1", ("wat kost x1", "waar is y1")),
        ("Wat kosten glas en papier?", ("wat kosten glas en papier",)),
        ("Wat kost x1? Alvast bedankt, groetjes!", ("wat kost x1",)),
        ("Twee vragen: 1. wat kost x1 2. wie is y1", ("wat kost x1 2", "wie is y1")),
        ("", ()),
        ("👏👏", ()),
    ],
)
def test_a_post_falls_into_what_says_something(text: str, parts: tuple[str, ...]) -> None:
    assert parts_of(text) == parts


@given(st.sampled_from(sorted(ALONE)), st.sampled_from(sorted(ALONE)), st.booleans())
def test_two_questions_that_each_are_surely_answered_are_both(
    first: str, second: str, joined: bool
) -> None:
    text = f"{first} en {second.lower()}?" if joined else f"Hoi! {first}? {second}? Dank!"
    one, other = ALONE[first], ALONE[second]
    assert found(f"@gemeentewaterstad {text}") == ((one, other) if one != other else ())


@given(st.sampled_from(sorted(ALONE)), st.sampled_from(LEANING), st.sampled_from([" en ", "? "]))
def test_what_does_not_stand_by_itself_is_no_second_question(
    first: str, second: str, between: str
) -> None:
    assert found(f"{first}{between}{second}?") == ()
    assert found(f"{second}{between}{first}?") == ()


@pytest.mark.parametrize("more", APART)
def test_a_part_that_is_not_answered_leaves_all_as_it_was(more: str) -> None:
    assert found(f"{BOTH} {more}") == ()
    assert found(f"{more} {BOTH}") == ()


@given(st.text(), st.text())
def test_whatever_is_found_every_part_finds_by_itself(one: str, other: str) -> None:
    for text in (f"{one} en wat kost {other}?", f"{BOTH[:33]}? {one}? {other}"):
        parts = parts_of(text)
        both = answers_to(text, INDEX, apart=ROADS)
        assert len(both) in (0, 2)
        for part, answer in zip(parts, both, strict=False):
            hit = sure(INDEX.find(part, top=2))
            assert hit is not None
            assert hit.answer == answer


async def test_the_suggestion_is_both_answers_word_for_word_each_with_its_page() -> None:
    draft = await suggested(asked(BOTH))
    one, other = ANSWERS["milieustraat"], ANSWERS["afvalpas"]
    assert draft is not None
    assert (draft.origin, draft.sources, draft.by) == ("answer", (one.id, other.id), "")
    assert draft.text == f"Goedemorgen! {one.pointing}\n\n{other.pointing}"


async def test_no_check_has_anything_to_say_of_it() -> None:
    case = asked(BOTH)
    draft = await suggested(case)
    assert draft is not None
    ground = ground_of(
        case, organisation=WATERSTAD, platform=REPLAY, initials="AB", cited=draft.sources
    )
    whole = f"@sanne_dw {draft.text} ^AB"
    assert REPLAY.length(whole) <= REPLAY.limit
    assert not [each.code for each in check(whole, ground=ground, length=REPLAY.length)]


async def test_where_there_is_no_room_for_both_it_is_as_for_any_post() -> None:
    small = Brief("@gemeentewaterstad", replies=Path("unused"))
    draft = await suggested(asked(BOTH), platform=small)
    assert draft is not None
    assert draft.origin == "template"
    assert set(draft.sources) > {"milieustraat", "afvalpas"}


@pytest.mark.parametrize("label", ["political", "legal", "emergency", "self_harm", "abuse"])
async def test_a_sensitive_label_gets_no_suggestion_for_two_either(label: Label) -> None:
    assert await suggested(asked(BOTH, label=label)) is None


async def test_another_language_than_the_answers_gets_neither() -> None:
    draft = await suggested(asked(BOTH, language="de"))
    assert draft is not None
    assert draft.origin == "template"


async def test_the_answers_may_be_of_two_departments() -> None:
    draft = await suggested(
        asked("Hoe laat is de milieustraat open? Wat kost een parkeervergunning?")
    )
    assert draft is not None
    assert draft.sources == ("milieustraat", "parkeervergunning")


async def test_a_model_goes_first_and_both_stand_ready_where_it_gives_nothing() -> None:
    by_model = await suggested(asked(BOTH), model=reply("Goedemorgen! Kom langs.", ("A1", "A2")))
    assert by_model is not None
    assert (by_model.origin, len(by_model.sources)) == ("model", 2)
    refused = await suggested(asked(BOTH), model=reply("Kijk op www.kwaad.example."))
    assert refused is not None
    assert refused.sources == ("milieustraat", "afvalpas")


async def test_an_edit_that_asks_something_else_gets_a_new_suggestion() -> None:
    case = asked(BOTH)
    draft = await suggested(case)
    case = evolve(case, Event(kind=Kind.DRAFTED, at=MONDAY, draft=draft), id="c1")
    for text, kept in ((f"{BOTH} Alvast dank!", True), (f"{BOTH[:33]}?", False)):
        post = case.post.model_copy(update={"text": text, "edited": MONDAY})
        edited = evolve(case, Event(kind=Kind.EDITED, at=MONDAY, post=post), id="c1")
        again = await suggested(edited)
        assert again is not None
        assert again.kept is kept
