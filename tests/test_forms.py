"""Stubs, digest lines and the questions before an act."""

from typing import get_args

import pytest

from assistant.case import CloseReason, State
from assistant.present import close_form, digest_line, found_form, hand_over_form, stub_of
from assistant.words import Words
from tests.staff_cases import NOON, ORGANISATION, card, case_in, post


@pytest.mark.parametrize(
    ("to", "told"),
    [("Parkeren", "Overgedragen aan Parkeren"), ("", "Gaat verder in een nieuwe kaart")],
)
def test_a_stub_says_where_the_case_went_and_keeps_no_citizen_s_data(to: str, told: str) -> None:
    url = "https://chat.example/1"
    shown = stub_of(
        case_in(State.OPEN),
        version=8,
        organisation=ORGANISATION,
        words=Words("nl"),
        now=NOON,
        to=to,
        url=url,
    )
    assert (shown.stub, shown.stub_url, shown.summary, shown.version) == (told, url, told, 8)
    assert shown.actions == ()
    assert not any(part in shown.model_dump_json() for part in ("@jan", "Wanneer", "afspraak"))


@pytest.mark.parametrize("standing", [True, False])
def test_a_digest_line_is_short_and_has_a_button_while_it_stands(standing: bool) -> None:
    case = case_in(State.OPEN, posts=(post(text="lang " * 100),))
    line = digest_line(
        case, organisation=ORGANISATION, words=Words("nl"), now=NOON, standing=standing
    )
    assert line.text.startswith("Vraag · Afval · 10:41: lang lang")
    assert line.text.endswith("…")
    assert (line.action.id if line.action else None) == ("open" if standing else None)


def test_closing_asks_for_one_of_the_reasons() -> None:
    form = close_form(case_in(State.OPEN), version=3, words=Words("nl"))
    assert tuple(each.value for each in form.choices) == get_args(CloseReason)
    assert (form.action, form.version, form.text_required) == ("close", 3, False)
    shown = card(case_in(State.CLOSED))
    assert "afgesloten: niet voor ons" in [each.value for each in shown.facts]


@pytest.mark.parametrize(
    ("department", "official", "values"),
    [
        ("afval", None, ["dep:parkeren", "off:0", "triage"]),
        (None, None, ["dep:afval", "dep:parkeren", "off:0"]),
        (None, "Burgemeester Vos", ["dep:afval", "dep:parkeren", "triage"]),
    ],
)
def test_a_case_can_be_handed_to_everybody_but_who_has_it(
    department: str | None, official: str | None, values: list[str]
) -> None:
    form = hand_over_form(
        case_in(State.OPEN, department=department, official=official),
        version=3,
        organisation=ORGANISATION,
        words=Words("nl"),
    )
    assert [each.value for each in form.choices] == values
    named = {"off:0": "Burgemeester Vos", "dep:afval": "Afval", "triage": "Triage"}
    assert all(named.get(each.value, each.label) == each.label for each in form.choices)


def test_where_a_reply_stands_asks_for_its_link() -> None:
    form = found_form(case_in(State.IN_DOUBT), version=3, words=Words("nl"))
    assert (form.action, form.text_required, form.choices) == ("found", True, ())
    assert form.text_label
