"""Both languages say the same things, and every sentence the code asks for exists."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from assistant.card import ActionId
from assistant.case import Advice, CloseReason, Label, Origin, State, Visibility
from assistant.checks import SEVERITY
from assistant.language import LANGUAGES
from assistant.rules.judging import CAREFUL

PACKAGE = Path(__file__).parent.parent / "assistant"
TABLES = {
    each: tomllib.loads((PACKAGE / "words" / f"{each}.toml").read_text("utf-8"))
    for each in ("nl", "en")
}
WORDS = {
    language: {f"{section}.{name}": text for section, names in table.items()
               for name, text in names.items()}
    for language, table in TABLES.items()
}  # fmt: skip
KEY = re.compile(rf"(?:{'|'.join(TABLES['nl'])})\.[a-z0-9_]*")
SPOKEN = ("labels", "card", "thread")
"""Sections whose keys stand in full in the code, or begin with a full word there."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@cache
def _calls() -> tuple[tuple[str, str, bool, frozenset[str] | None], ...]:
    """Return (where, key or its beginning, whole, names given) for each key in the sources.

    Names are None where the key stands alone or its call passes `**values` on.
    """
    return tuple(
        each
        for path in sorted(PACKAGE.rglob("*.py"))
        for each in _keys(ast.parse(path.read_text("utf-8")), path.relative_to(PACKAGE).as_posix())
    )


def _keys(tree: ast.AST, path: str) -> Iterator[tuple[str, str, bool, frozenset[str] | None]]:
    given: dict[int, frozenset[str] | None] = {}
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _says(node.func):
            names = [each.arg for each in node.keywords]
            known = None if None in names else frozenset(each for each in names if each)
            given[id(node.args[0])] = known
        start: ast.AST = node
        if isinstance(node, ast.JoinedStr):
            start = node.values[0]
            parts |= {id(each) for each in node.values}
        key = start.value if isinstance(start, ast.Constant) and id(node) not in parts else None
        if isinstance(key, str) and KEY.fullmatch(key):
            whole = start is node and not key.endswith(("_", "."))
            yield f"{path}:{getattr(node, 'lineno', 0)}", key, whole, given.get(id(node))


def _says(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("say", "NotAllowed")


def test_both_languages_have_the_same_keys() -> None:
    assert WORDS["nl"].keys() == WORDS["en"].keys()
    assert list(TABLES["nl"]) == list(TABLES["en"])


@pytest.mark.parametrize("language", list(WORDS))
def test_no_sentence_is_empty(language: str) -> None:
    assert [key for key, text in WORDS[language].items() if not text.strip()] == []


def test_both_languages_have_the_same_placeholders() -> None:
    nl, en = WORDS["nl"], WORDS["en"]
    assert [key for key in nl if placeholders(nl[key]) != placeholders(en.get(key, ""))] == []


def test_every_sentence_the_code_asks_for_exists() -> None:
    assert len(_calls()) > 100
    missing = [
        f"{where}: {key}"
        for where, key, whole, _ in _calls()
        if not (key in WORDS["nl"] if whole else any(each.startswith(key) for each in WORDS["nl"]))
    ]
    assert missing == []


def test_every_placeholder_is_given_a_value() -> None:
    lacking = [
        f"{where}: {each}: {sorted(placeholders(text) - names)}"
        for where, key, whole, names in _calls()
        if names is not None and not key.endswith(".")
        for each, text in WORDS["nl"].items()
        if (each == key if whole else each.startswith(key)) and placeholders(text) - names
    ]
    assert lacking == []


def test_no_sentence_about_a_case_is_left_that_nobody_says() -> None:
    wholes = {key for _, key, whole, _ in _calls() if whole}
    starts = tuple(key for _, key, whole, _ in _calls() if not whole)
    unsaid = [
        key
        for key in WORDS["nl"]
        if key.startswith(SPOKEN) and key not in wholes and not key.startswith(starts)
    ]
    assert unsaid == []


@pytest.mark.parametrize(
    ("start", "codes"),
    [
        ("labels.", get_args(Label)),
        ("card.state_", tuple(State)),
        ("card.advice_", get_args(Advice)),
        ("card.origin_", get_args(Origin)),
        ("thread.drafted_", get_args(Origin)),
        ("card.rule_", tuple(map(str, range(1, 13)))),
        ("triage.careful_", (*CAREFUL, "staff")),
        ("card.close_", get_args(CloseReason)),
        ("card.action_", set(get_args(ActionId))),
        ("card.seen_", set(get_args(Visibility)) - {"public"}),
        ("card.language_", LANGUAGES),
        ("thread.check_", [code for code, kind in SEVERITY.items() if kind == "confirm"]),
    ],
)
def test_every_code_has_words(start: str, codes: tuple[str, ...]) -> None:
    assert [code for code in codes if start + code not in WORDS["nl"]] == []


def test_colleagues_are_called_je_and_things_have_one_name() -> None:
    wrong = re.compile(r"(?i)\b(u|uw|burgers?|klant\w*|ticket\w*|bewoners?|tweets?)\b")
    said = {key: text for key, text in WORDS["nl"].items() if key.startswith(SPOKEN)}
    allowed = {"thread.check_mixed_address"}
    assert [key for key, text in said.items() if wrong.search(text) and key not in allowed] == []
