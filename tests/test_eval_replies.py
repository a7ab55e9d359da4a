"""What the checks must stop whatever else changes, on replies written without knowing them."""

import pytest

from assistant.checks import SEVERITY
from assistant.config import load
from tests.eval.replies import WATERSTAD, Reply, alarms, replies

PERSONAL = ("bsn", "iban", "phone", "email", "address", "plate", "birth_date")
SURE = ("iban", "phone", "email")
"""Kinds of which each one is stopped, where the others may be something else as well."""
TUNING = replies("tuning")


def of(code: str) -> tuple[Reply, ...]:
    return tuple(one for one in TUNING if one.code == code)


def test_each_names_a_check_and_the_words_that_are_wrong() -> None:
    everything = replies("all")
    assert len({one.id for one in everything}) == len(everything)
    for one in everything:
        assert one.code is None or one.code in SEVERITY
        assert one.code is None or (one.words and one.words in one.text)


@pytest.mark.parametrize("code", [*PERSONAL, "hidden", "link_unknown", "unsourced", "language"])
def test_nothing_of_this_kind_goes_out_unseen(code: str) -> None:
    assert of(code)
    assert [one.id for one in of(code) if not one.severities] == []


@pytest.mark.parametrize("code", SURE)
def test_what_can_be_nothing_else_is_stopped(code: str) -> None:
    asked = [one.id for one in of(code) if "block" not in one.severities]
    assert len(asked) <= len(of(code)) // 10


def test_approved_answers_raise_no_alarm() -> None:
    tried, found = alarms(load(WATERSTAD))
    assert tried > 150
    assert found == ()
