"""Conversations: a personal contact after two replies, quarrels left alone, events recognised."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant.case import Case, Earlier, Event, Kind, Said, State
from assistant.config import load
from assistant.desk import Desk
from assistant.errors import Refused
from assistant.platforms.replay import Replay
from assistant.store import Store, open_store
from assistant.store.lanes import lanes
from assistant.store.work import pending
from assistant.testing import FakeChat, Step
from tests.people import press
from tests.showing import Screen
from tests.staff_cases import ANNA as COLLEAGUE
from tests.staff_cases import NOON, PIET, card, case_in
from tests.test_triage import ANNA, MONDAY, ScriptedLLM, add, arrive, held, says, triaged
from tests.test_triage import reply as reply_of

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
QUESTION = "Wat kost een nieuw paspoort?"
ANSWER = "dat kost 80 euro zei je toch, waarom vraag je dat nog?"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


async def answered(store: Store, times: int, *, then: str = "En wat kost een rijbewijs?") -> Case:
    """Return a case we answered so many times, with one more post of the citizen."""
    id = await arrive(store, QUESTION)
    await triaged(store, id)
    for number in range(times):
        sent = reply_of(MONDAY).model_copy(update={"id": f"r{number}"})
        await add(
            store,
            id,
            Event(kind=Kind.PRESENTED, at=MONDAY),
            Event(kind=Kind.APPROVED, at=MONDAY, by=ANNA, reply=sent),
            Event(kind=Kind.SENDING, at=MONDAY, attempt=1),
            Event(kind=Kind.SENT, at=MONDAY),
        )
        await arrive(store, f"{then} {number}", id=f"q{number}", parent="p1")
        await store.redis.delete(store.keys.work + "draft")
        await triaged(store, id)
    return await held(store, id)


async def test_after_two_replies_a_personal_contact_is_advised(store: Store) -> None:
    once, twice = await answered(store, 1), None
    assert once.triage is not None
    assert once.triage.advice == "answer"
    await store.redis.flushdb()
    await store.start()

    twice = await answered(store, 2)

    assert twice.triage is not None
    found = twice.triage
    assert (found.advice, found.rule, found.pointer) == ("hand_over", 7, "contact-gemeente")
    assert "2 keer" in found.reason
    assert (await pending(store))["draft"] == 0
    assert not any("2 keer" in each for each in card(twice, organisation=WATERSTAD).warnings)


async def test_the_contact_is_the_organisations_own_text(store: Store) -> None:
    case = await answered(store, 2)
    await add(store, case.id, Event(kind=Kind.PRESENTED, at=MONDAY))
    platforms = {
        ("replay", "@gemeentewaterstad"): Replay("@gemeentewaterstad", replies=Path("unused"))
    }
    desk = Desk(store, WATERSTAD, platforms=platforms, clock=lambda: MONDAY)

    editor = await desk.editor(press(case.id, "pointer", by="U01ANNA"))

    contact = next(each for each in WATERSTAD.answers if each.id == "contact-gemeente")
    assert contact.short in editor.text


async def test_what_is_grave_stays_grave_after_two_replies(store: Store) -> None:
    case = await answered(store, 2, then="ik wil dood")

    assert case.triage is not None
    assert (case.triage.label, case.triage.rule) == ("self_harm", 9)


# Quarrels


INSULT = Said(author="@bep", text="Jij bent ook zo'n idioot, ga toch wonen in het bos")
CALM = Said(author="@bep", text="Volgens mij is dat 80 euro tegenwoordig")
OURS = Said(
    author="@gemeentewaterstad", text="Goedemorgen, idioot vinden wij geen mooi woord", ours=True
)
SELF = Said(author="@Piet", text="Wat een stelletje idioten hier")
SELF_BY_ID = Said(author="a1", text="Wat een stelletje idioten hier")


@pytest.mark.parametrize(
    ("above", "text", "left"),
    [
        ((SELF, INSULT), ANSWER, True),
        ((INSULT,), ANSWER, True),
        ((CALM,), ANSWER, False),
        ((INSULT, OURS), ANSWER, False),
        ((INSULT, SELF), ANSWER, False),
        ((INSULT, SELF_BY_ID), ANSWER, False),
        ((INSULT,), QUESTION, False),
        ((), ANSWER, False),
    ],
    ids=["both", "one", "calm", "to us", "to oneself", "by id", "to nobody", "alone"],
)
async def test_citizens_who_quarrel_are_left_to_it(
    store: Store, above: tuple[Said, ...], text: str, *, left: bool
) -> None:
    id = await arrive(store, text, above=above, parent="x1")

    case = await triaged(store, id, model=ScriptedLLM(says()))

    assert case.triage is not None
    assert ("tekeer" in case.triage.reason) is left
    if left:
        assert (case.triage.advice, case.triage.rule) == ("leave", 4)
        assert "idioot" in case.triage.reason


async def test_danger_in_a_quarrel_is_danger(store: Store) -> None:
    id = await arrive(store, "je huis staat in brand, idioot", above=(INSULT,), parent="x1")

    case = await triaged(store, id)

    assert case.triage is not None
    assert case.triage.label == "emergency"


# The colleague who helped before


def facts(case: Case) -> dict[str, str]:
    """Return a card's facts."""
    return {each.label: each.value for each in card(case).facts}


def test_who_helped_before_is_offered_the_case_first() -> None:
    before = (Earlier(case="c0", at=NOON, helped_by=COLLEAGUE),)
    case = case_in(State.OPEN, earlier=before)

    assert facts(case)["Eerst voor"] == "Anna Bakker"
    assert "Eerst voor" not in facts(case.model_copy(update={"owner": PIET}))
    assert "Eerst voor" not in facts(case_in(State.SENT, earlier=before))
    gone = (Earlier(case="c0", at=NOON, helped_by=PIET),)  # works here no more
    assert "Eerst voor" not in facts(case_in(State.OPEN, earlier=gone))


# One event


BRIDGE = "De brug bij de haven staat al een uur open, wat is er aan de hand?"


async def flood(store: Store, people: int, *, start: int = 0) -> list[str]:
    """Have so many citizens write nearly the same; return their cases."""
    cases = []
    for number in range(start, start + people):
        cases.append(
            await arrive(
                store, f"{BRIDGE} {number}", id=f"b{number}", root=f"b{number}", author=f"a{number}"
            )
        )
        await triaged(store, cases[-1])
    return cases


async def test_posts_about_one_thing_are_counted_on_the_card(store: Store) -> None:
    cases = await flood(store, 3)

    last = await held(store, cases[-1])

    assert last.triage is not None
    assert last.triage.alike is not None
    assert set(last.triage.alike.cases) == set(cases[:2])
    shown = card(last, organisation=WATERSTAD)
    assert ("Over hetzelfde", "3 berichten in een uur") in [
        (each.label, each.value) for each in shown.facts
    ]
    assert (await held(store, cases[0])).triage.alike is None  # type: ignore[union-attr]


async def test_from_five_authors_the_supervisors_are_told_once(store: Store) -> None:
    await flood(store, 4)
    assert "C0TOEZICHT" not in await lanes(store)

    await flood(store, 4, start=4)

    assert (await lanes(store))["C0TOEZICHT"] == 1


async def test_the_card_links_to_the_others_about_the_same(store: Store) -> None:
    screen = Screen(store, organisation=WATERSTAD)
    screen.clock.now = MONDAY
    [earlier] = await flood(store, 1)
    await screen.quiet()
    [later] = await flood(store, 1, start=1)

    await screen.quiet()

    first, second = screen.card(earlier), screen.card(later)
    assert first.card is not None
    assert second.card is not None
    [link] = second.card.related
    assert (link.title, link.url) == ("zaak 1", await screen.chat.permalink(first.at))
    assert first.card.related == ()


async def test_a_card_that_is_gone_from_the_chat_is_not_linked(store: Store) -> None:
    def gone(method: str, channel: str) -> Step:
        return Refused("message_not_found") if method == "permalink" else "ok"

    screen = Screen(store, organisation=WATERSTAD, chat=FakeChat(fault=gone))
    screen.clock.now = MONDAY
    await flood(store, 1)
    await screen.quiet()
    [later] = await flood(store, 1, start=1)

    await screen.quiet()

    second = screen.card(later).card
    assert second is not None
    assert second.related == ()
