"""The competence register: whose door it is, what may not be told yet, and when to be stricter."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Kind, State
from assistant.checks import check
from assistant.config import Body, Elections, NotPublic, Organisation, Triaging, load
from assistant.evaluate.figures import ANSWERED
from assistant.evaluate.rows import half_of, read_rows
from assistant.ground import ground_of
from assistant.platforms.replay import Replay
from assistant.rules import Reading, Register, Verdict, judge
from assistant.store import Store, open_store
from assistant.words import Words
from tests.staff_cases import card, case_in, triage
from tests.test_draft import drafted, written
from tests.test_triage import ScriptedLLM, arrive, says, triaged

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
EVAL = Path(__file__).parent / "eval"
TODAY = date(2026, 11, 20)
TAX = "Wanneer moet ik de waterschapsbelasting betalen?"
BOARD = Body(name="the water board", subjects=("canal*",), url="https://board.example/report")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


def verdict(text: str, *, today: date = TODAY, **changes: Any) -> Verdict:
    """Return what the rules say of `text` in a Waterstad with these tables."""
    town = WATERSTAD.model_copy(update=changes)
    register = Register(town, today=today)
    return judge(Reading(text=text, addressed="mention", own=town.own, register=register))


def test_a_question_of_another_bodys_names_that_body() -> None:
    found = verdict(TAX)

    assert (found.advice, found.rule, found.body) == ("answer", 3, "Waterschap Rijn en Plas")
    assert "waterschapsbelasting" in found.reason(Words("nl"))
    assert verdict(TAX, bodies=()).body is None


def test_a_question_no_rule_knows_is_not_pointed_to_another_body() -> None:
    found = verdict("Waterschapsbelasting, Ausländer?")

    assert (found.advice, found.why, found.body) == ("hand_over", "asked", None)


def test_a_star_in_a_bodys_words_stands_for_any_ending() -> None:
    assert verdict("Waar kan ik de canalside melden?", bodies=(BOARD,)).body == BOARD.name
    assert verdict("Waar kan ik de canalside melden?", bodies=()).body is None


@pytest.mark.parametrize(
    "text",
    [
        "brand in de flat, de politie doet geen aangifte",
        "stelletje idioten, waar is die aangifte?",
        "Ik maak bezwaar tegen mijn waterschapsbelasting",
        "wat vindt de gemeente van de waterschapsbelasting?",
    ],
)
def test_another_bodys_subject_outweighs_no_stop_label(text: str) -> None:
    found = verdict(text)

    assert found.advice != "answer"
    assert found.body is None


def test_grief_about_something_of_ours_stays_ours() -> None:
    text = "Mijn rijbewijs is al drie weken te laat en zo kan ik geen aangifte doen. Belachelijk"

    assert verdict(text).body is None
    assert verdict(text).department == "burgerzaken"


def test_between_two_bodies_a_person_chooses() -> None:
    found = verdict("Bij wie meld ik dat de stroomstoring de watermeter raakt?")

    assert (found.advice, found.sure, found.body) == ("hand_over", False, None)


async def test_the_card_and_the_draft_point_to_that_body_without_a_model(store: Store) -> None:
    id = await arrive(store, TAX)
    case = await triaged(store, id)
    model = ScriptedLLM({"reply": "Dat weet ik niet.", "sources": ("A1",), "note": None})

    case = await drafted(store, id, model=model)

    assert model.asked == []
    text = (
        "Goedemorgen! Hiervoor kunt u terecht bij Waterschap Rijn en Plas: "
        "https://www.rijnenplas.example/melden"
    )
    assert (written(case).text, written(case).origin) == (text, "template")


@pytest.mark.parametrize("body", WATERSTAD.bodies, ids=lambda body: str(body.name))
async def test_no_check_stops_the_line_to_a_body(store: Store, body: Body) -> None:
    id = await arrive(store, "Waar moet ik zijn?")
    case = await triaged(store, id)
    assert case.triage is not None
    found = case.triage.model_copy(update={"body": body.name, "advice": "answer"})
    platform = Replay("@gemeentewaterstad", replies=Path("unused"))
    ground = ground_of(
        case.model_copy(update={"triage": found}),
        organisation=WATERSTAD,
        platform=platform,
        initials="AB",
        cited=(),
    )
    text = Words("nl").say("draft.body_formal_nl", body=body.name, door=body.door)

    told = check(f"@piet Goedemorgen! {text} ^AB", ground=ground, length=platform.length)

    assert [each.code for each in told if each.severity != "hint"] == []


async def test_a_body_that_was_taken_out_of_the_file_leaves_an_empty_box(store: Store) -> None:
    id = await arrive(store, TAX)
    await triaged(store, id)

    case = await drafted(store, id, organisation=WATERSTAD.model_copy(update={"bodies": (BOARD,)}))

    assert written(case).origin == "empty"


def test_the_card_names_the_body_and_its_door() -> None:
    case = case_in(State.OPEN).model_copy(update={"triage": triage(body=BOARD.name)})
    shown = card(case, organisation=_with(BOARD))

    assert ("Andere instantie", "the water board, https://board.example/report") in [
        (each.label, each.value) for each in shown.facts
    ]


def _with(*bodies: Body) -> Organisation:
    return WATERSTAD.model_copy(update={"bodies": bodies})


def test_a_bodys_number_is_no_personal_data_and_its_door_of_last_resort() -> None:
    police = Body(name="the police", subjects=("theft",), phone="0900-8844")

    assert "0900-8844" in _with(police).own.phones
    assert police.door == "0900-8844"


HALL = NotPublic(name="Hall", subjects=("sporthal",), until=date(2027, 1, 1))


def test_what_is_not_public_yet_is_agreed_first() -> None:
    text = "Waar komt de nieuwe sporthal te staan?"
    found = verdict(text, not_public=(HALL,))

    assert (found.advice, found.rule, found.sure) == ("hand_over", 6, True)
    assert "sporthal" in found.reason(Words("nl"))
    assert verdict(text, not_public=()).rule != 6


def test_from_its_first_public_day_a_subject_may_be_told() -> None:
    text = "Waar komt de nieuwe sporthal te staan?"

    assert verdict(text, not_public=(HALL,), today=date(2026, 12, 31)).rule == 6
    assert verdict(text, not_public=(HALL,), today=date(2027, 1, 1)).rule != 6
    assert verdict(text, not_public=(HALL.model_copy(update={"until": None}),)).rule == 6


NEAR = Elections.model_validate({"from": date(2026, 11, 1), "until": date(2026, 11, 30)})
POLICY = "Wie heeft die drempel in onze straat bedacht, wie heeft dat besloten?"


def test_before_an_election_what_sounds_like_policy_is_left_alone() -> None:
    found = verdict(POLICY, elections=NEAR)

    assert (found.label, found.advice, found.rule) == ("political", "leave", 4)
    assert "verkiezingen" in found.reason(Words("nl"))
    assert verdict("Wat kost een nieuw paspoort?", elections=NEAR).advice == "answer"


@pytest.mark.parametrize(
    ("day", "near"),
    [
        (date(2026, 10, 31), False),
        (date(2026, 11, 1), True),
        (date(2026, 11, 30), True),
        (date(2026, 12, 1), False),
    ],
)
def test_the_period_begins_and_ends_on_its_days(day: date, *, near: bool) -> None:
    found = verdict(POLICY, elections=NEAR, today=day)

    assert (found.why == "elections") is near
    assert found.advice != "answer"


def test_a_subject_outweighs_what_many_answers_of_another_department_say_in_passing() -> None:
    answers = tuple(
        each.model_copy(update={"long": f"{each.long} Kijk ook bij de windmolen."})
        if each.department == "afval"
        else each
        for each in WATERSTAD.answers
    )
    departments = tuple(
        each.model_copy(update={"subjects": (*each.subjects, "windmolen")})
        if each.id == "wegen"
        else each
        for each in WATERSTAD.departments
    )
    town = WATERSTAD.model_copy(update={"departments": departments, "answers": answers})

    assert Register(town, today=TODAY).subject("Van wie is de windmolen?").likely == "wegen"


def test_for_most_posts_the_first_department_is_the_right_one() -> None:
    rows = read_rows(sorted(EVAL.glob("posts_*.jsonl")))
    ours = [
        row
        for row in rows
        if half_of(row.id) == "tuning" and row.department and row.label in ANSWERED
    ]
    register = Register(WATERSTAD, today=TODAY)

    right = [register.subject(row.text).likely == row.department for row in ours]

    assert len(right) > 250
    assert sum(right) / len(right) > 0.83


PASSPORT_OR_MOVE = "Moet ik voor de parkeervergunning ook mijn aanslag betalen?"


@pytest.mark.parametrize(("confidence", "sure"), [(0.5, True), (1.0, False)])
def test_below_the_confidence_the_rules_leave_the_department_open(
    confidence: float, *, sure: bool
) -> None:
    found = verdict(PASSPORT_OR_MOVE, triage=Triaging(confidence=confidence))

    assert (found.department is not None) is sure
    assert found.sure is sure


@pytest.mark.parametrize(
    ("confidence", "said", "sure"),
    [
        (0.55, "low", False),
        (0.55, "medium", True),
        (0.65, "medium", False),
        (0.65, "high", True),
        (0.95, "high", False),
    ],
)
async def test_a_model_less_sure_than_configured_leaves_it_to_triage(
    store: Store, confidence: float, said: str, *, sure: bool
) -> None:
    town = WATERSTAD.model_copy(update={"triage": Triaging(confidence=confidence)})
    id = await arrive(store, "Wat kost een nieuw paspoort?")

    case = await triaged(store, id, model=ScriptedLLM(says(confidence=said)), organisation=town)

    assert case.triage is not None
    assert case.triage.sure is sure
    assert [each.kind for each in await store.events(id)] == [Kind.RECEIVED, Kind.TRIAGED]
