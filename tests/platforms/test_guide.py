"""docs/adding-a-platform.md is true: its code is the toy's, and the contract holds the toy."""

import re
from pathlib import Path

import pytest

TOY = Path(__file__).parent / "toy"
GUIDE = (Path(__file__).parents[2] / "docs" / "adding-a-platform.md").read_text("utf-8")
CODE = dict(re.findall(r"^```python (\S+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))


def lines(code: str) -> list[str]:
    """Return the lines of a module, wherever the module and those it needs lie."""
    code = code.replace("tests.platforms.toy.account", "assistant.config")
    code = code.replace("tests.platforms.toy.guestbook", "assistant.platforms.guestbook")
    # Imports are sorted by where they lie.
    return sorted(code.splitlines())


@pytest.mark.parametrize(
    ("place", "file"),
    [
        ("assistant/platforms/guestbook.py", "guestbook.py"),
        ("tests/platforms/world_guestbook.py", "world_guestbook.py"),
    ],
)
def test_the_guide_shows_the_toy_that_the_contract_accepts(place: str, file: str) -> None:
    assert lines(CODE[place]) == lines((TOY / file).read_text("utf-8"))


def test_the_guide_shows_the_toys_table() -> None:
    assert CODE["assistant/config/accounts.py"] in (TOY / "account.py").read_text("utf-8")


def test_a_platform_takes_less_than_a_hundred_lines() -> None:
    adapter = CODE["assistant/platforms/guestbook.py"].splitlines()
    assert len([each for each in adapter if each.strip()]) < 100


def test_the_guide_names_what_is_there() -> None:
    root = Path(__file__).parents[2]
    for link in re.findall(r"\]\(([^)#:]+)\)", GUIDE):
        assert (root / "docs" / link).exists(), link
    for name in re.findall(r"`((?:assistant|tests)/[\w/]+\.py)`", GUIDE):
        assert (root / name).exists(), name
