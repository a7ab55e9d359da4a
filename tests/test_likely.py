"""Where triage is unsure: a department is suggested, and one click gives the case to it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Advice, Case, Event, Kind, Label, State
from assistant.commands.exporting import labelled
from assistant.config import load
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.narrate import lines_of
from assistant.platforms.replay import Replay
from assistant.store import Store, open_store
from assistant.store.work import pending
from assistant.words import Words
from tests.people import kinds, press
from tests.staff_cases import ANNA as CARD_ANNA
from tests.staff_cases import OPEN as ROAD
from tests.staff_cases import card, case_in, event, fold, post, story, triage
from tests.test_triage import ANNA, MONDAY, ScriptedLLM, add, arrive, held, lane, says, triaged

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
CAREFUL = "Wat een schande, die troep naast de container"
UNKNOWN = "er wordt weer drugs gedeald op de hoek"


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


async def opened(store: Store, text: str = CAREFUL, **more: Any) -> str:
    """Return the case of a post, triaged and on its card."""
    id = await arrive(store, text, **more)
    await triaged(store, id)
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    return id


async def gives(store: Store, desk: Desk, id: str, *, by: str = "U01ANNA", **more: Any) -> Case:
    """Have somebody press the button on the newest card, or on that of another version."""
    more.setdefault("version", (await store.load(id)).version)
    assert await desk.press(press(id, "give", by=by, **more)) is None
    return await held(store, id)


async def refused(store: Store, desk: Desk, id: str, **more: Any) -> str:
    """Return what somebody is told whose press is refused; nothing is recorded then."""
    before = await kinds(store, id)
    with pytest.raises(NotAllowed) as told:
        await gives(store, desk, id, **more)
    assert await kinds(store, id) == before
    return desk.say(told.value.why, **told.value.values)


# Triage


@pytest.mark.parametrize(("text", "likely"), [(CAREFUL, "afval"), (UNKNOWN, "overlast")])
async def test_an_unsure_case_goes_to_triage_with_a_guess_and_nothing_follows(
    store: Store, text: str, likely: str
) -> None:
    id = await arrive(store, text)

    case = await triaged(store, id)

    assert case.triage is not None
    assert (case.department, case.triage.department, case.likely) == (None, None, likely)
    assert (case.triage.advice, case.triage.sure) == ("hand_over", False)
    assert list(await lane(store, "C0TRIAGE")) == [id]
    assert (await pending(store))["draft"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "Burgemeester, waar blijft mijn kliko?",
        "Wethouder, waar blijft mijn kliko?",
        "Ik maak jullie kapot, waar blijft mijn kliko",
        "Stelletje klootzakken, de kliko en de auto op de stoep!",
        "HELP brand in de container naast de geparkeerde auto",
        "Wanneer moet ik de waterschapsbelasting betalen?",
        "Bij wie meld ik stroomstoring en blauwalg in de vijver?",
        "vandaag",
    ],
)
async def test_what_is_no_departments_gets_no_guess(store: Store, text: str) -> None:
    case = await triaged(store, await arrive(store, text))

    assert case.triage is not None
    assert case.triage.likely is None


async def test_what_does_not_address_us_gets_no_guess(store: Store) -> None:
    case = await triaged(store, await arrive(store, CAREFUL, addressed=None))

    assert case.likely is None


async def test_a_model_in_doubt_leaves_the_guess_and_a_sure_one_takes_its_place(
    store: Store,
) -> None:
    id = await arrive(store, "Wat kost een nieuw paspoort?")
    doubting = await triaged(store, id, model=ScriptedLLM(says(confidence="low")))
    assert (doubting.department, doubting.likely) == (None, "burgerzaken")

    other = await arrive(store, UNKNOWN, id="p2", author="a2")
    sure = await triaged(store, other, model=ScriptedLLM(says(department="groen")))
    assert sure.triage is not None
    assert (sure.department, sure.triage.likely, sure.likely) == ("groen", "groen", None)


async def test_a_late_label_moves_no_card_and_is_offered_instead(store: Store) -> None:
    id = await opened(store)
    await arrive(store, "Wat kost een nieuw paspoort?", event="edited")

    case = await triaged(store, id)

    assert case.triage is not None
    assert case.triage.department == "burgerzaken"
    assert (case.department, case.likely) == (None, "burgerzaken")


@pytest.mark.parametrize("label", ["abuse", "official", "emergency", "self_harm", "spam"])
async def test_a_colleagues_label_may_take_the_guess_away_and_give_it_back(
    store: Store, desk: Desk, label: Label
) -> None:
    id = await opened(store)

    async def says_it_is(label: Label, advice: Advice = "hand_over") -> Case:
        version = (await store.load(id)).version
        more = {"choice": label, "second": advice, "version": version}
        await desk.press(press(id, "relabel", by="U01ANNA", **more))
        return await held(store, id)

    assert (await says_it_is(label)).likely is None
    assert (await says_it_is("report")).likely == "afval"
    # Nothing to do is nothing to give.
    assert (await says_it_is("report", "leave")).likely is None


# The card


def unsure(state: State = State.OPEN, **changes: Any) -> Case:
    """Return a case nobody has, that is probably for Afval."""
    guess = triage(department=None, likely="afval", sure=False, advice="hand_over")
    return case_in(state, **{"department": None, "triage": guess, "draft": None} | changes)


@pytest.mark.parametrize(
    ("language", "fact", "button"),
    [("nl", "Vermoedelijk: Afval", "Naar Afval"), ("en", "Probably: Afval", "To Afval")],
)
def test_the_card_says_it_in_words_and_offers_one_button(
    language: str, fact: str, button: str
) -> None:
    shown = card(unsure(), words=Words(language))

    assert fact in [f"{each.label}: {each.value}" for each in shown.facts]
    about = [each for each in shown.actions if each.about == "case"]
    assert [each.id for each in about] == ["give", "claim", "close", "hand_over", "relabel"]
    assert (about[0].label, about[0].opens, about[0].style) == (button, "nothing", "default")


@pytest.mark.parametrize("state", State)
def test_it_stands_only_where_the_case_can_be_given(state: State) -> None:
    shown = card(unsure(state))

    offered = "give" in [each.id for each in shown.actions]
    assert offered is (state in (State.OPEN, State.FAILED))
    assert ("Vermoedelijk" in [each.label for each in shown.facts]) is offered


@pytest.mark.parametrize(
    "changes",
    [
        {"department": "afval"},
        {"official": "Burgemeester Vos"},
        {"been": ("afval",)},
        {"triage": triage(department=None, likely="vervallen")},
        {"posts": (post(deleted=True),)},
    ],
)
def test_what_is_somebodys_or_was_given_back_is_not_offered(changes: dict[str, Any]) -> None:
    assert "give" not in [each.id for each in card(unsure(**changes)).actions]


def test_who_gives_it_back_is_not_asked_again() -> None:
    guess = event(Kind.TRIAGED, triage=triage(department=None, likely="afval", sure=False))
    first, _, *rest = story(*ROAD)
    case = fold(first, guess, *rest)
    assert case.likely == "afval"

    there = event(Kind.HANDED_OVER, 5, by=CARD_ANNA, department="afval")
    back = event(Kind.HANDED_OVER, 6, by=CARD_ANNA, department=None)
    assert fold(first, guess, *rest, there, back).likely is None


def test_a_card_that_a_person_gave_away_is_in_doubt_no_more() -> None:
    told = Words("nl").say("card.warning_unsure")
    doubt = triage(department=None, likely="afval", sure=False)
    first, _, *rest = story(*ROAD)
    events = [first, event(Kind.TRIAGED, triage=doubt), *rest]
    assert told in card(fold(*events)).warnings

    events.append(event(Kind.HANDED_OVER, 5, by=CARD_ANNA, department="afval"))
    assert told not in card(fold(*events)).warnings

    # What is new later is still for the department a person chose.
    events.append(event(Kind.RECEIVED, 6, post=post("p2")))
    events.append(event(Kind.TRIAGED, 7, triage=doubt))
    assert told not in card(fold(*events)).warnings

    events.append(event(Kind.HANDED_OVER, 8, by=CARD_ANNA, department=None))
    assert told in card(fold(*events)).warnings


async def test_the_thread_says_what_was_guessed(store: Store) -> None:
    events = await store.events(await opened(store))

    lines = lines_of(events, start=0, words=Words("nl"), organisation=WATERSTAD)

    assert ", voor Triage (vermoedelijk: Afval en reiniging). Advies:" in lines[1]


# The click


async def test_one_click_gives_it_and_counts_as_a_correction(store: Store, desk: Desk) -> None:
    id = await opened(store)

    case = await gives(store, desk, id)

    given = (await store.events(id))[-1]
    assert (given.kind, given.by, given.department) == (Kind.HANDED_OVER, ANNA, "afval")
    assert (case.state, case.department, case.likely) == (State.OPEN, "afval", None)
    assert list(await lane(store, "C0TRIAGE")) == [id]
    assert (await pending(store))["draft"] == 0
    row = labelled(await store.events(id), id=id, organisation=WATERSTAD)
    assert row is not None
    assert (row["department"], row["corrected_by"]) == ("afval", "AB")


async def test_a_double_click_gives_it_once_also_to_others(store: Store, desk: Desk) -> None:
    id = await opened(store)
    version = (await store.load(id)).version
    # Mei works at other departments: what she gave away is no card of hers any more.
    clicks = [gives(store, desk, id, by="U03MEI", version=version) for _ in range(3)]

    await asyncio.gather(*clicks)
    await gives(store, desk, id, by="U03MEI", version=version)

    assert (await kinds(store, id)).count(Kind.HANDED_OVER) == 1


async def test_of_two_people_one_gives_it_and_the_other_is_told(store: Store, desk: Desk) -> None:
    id = await opened(store)
    version = (await store.load(id)).version
    await gives(store, desk, id)

    told = await refused(store, desk, id, by="U07SAMIRA", version=version)

    assert told == "Dat kan niet meer: deze kaart is nu bij Afval en reiniging."


async def test_another_guess_than_the_one_on_the_card_is_not_acted_on(
    store: Store, desk: Desk
) -> None:
    id = await opened(store)
    version = (await store.load(id)).version
    await arrive(store, UNKNOWN, event="edited")
    await triaged(store, id)

    told = await refused(store, desk, id, version=version)

    assert told.startswith("Dat kan niet meer: Luister vermoedt nu een andere afdeling")
    assert (await gives(store, desk, id)).department == "overlast"


async def test_nobody_gives_what_is_done(store: Store, desk: Desk) -> None:
    id = await opened(store)
    version = (await store.load(id)).version
    await add(store, id, Event(kind=Kind.CLOSED, at=MONDAY, by=ANNA, reason="other"))

    told = await refused(store, desk, id, version=version)

    assert told == "Dat kan nu niet: deze kaart is afgesloten."


async def test_a_card_without_the_button_gives_nothing(store: Store, desk: Desk) -> None:
    clear = await opened(store, "Wat kost een nieuw paspoort?")
    await refused(store, desk, clear)
    unsure = await opened(store, id="p2", author="a2")
    for version in (0, 1):
        await refused(store, desk, unsure, version=version)


@pytest.mark.parametrize("by", ["U06FATMA", "U99NOBODY"])
async def test_who_may_not_write_gives_nothing(store: Store, desk: Desk, by: str) -> None:
    await refused(store, desk, await opened(store), by=by)
