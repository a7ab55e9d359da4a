"""What the commands print: counts that read well."""

import pytest

from assistant.terminal import counted


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 cases"), (1, "1 case"), (2, "2 cases"), (2000, "2,000 cases")],
)
def test_one_is_no_plural(number: int, told: str) -> None:
    assert counted(number, "case") == told


def test_a_plural_without_s_is_given() -> None:
    assert counted(1, "person", many="people") == "1 person"
    assert counted(3, "person", many="people") == "3 people"
