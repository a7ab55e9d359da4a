"""Posts to measure with: labelled ones as tests/eval/README.md says, or others' as they are."""

import csv
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from assistant.case import Frozen, Label
from assistant.errors import Misconfigured

Half = Literal["tuning", "test", "all"]

NO_ANSWER = "none"
"""What `answer` says of a post that no approved answer fits."""

IDS = ("id", "case_id")
"""What the id is called, by us and by others; a row without one is known by its number."""

MOST_TOLD = 20
"""Mistakes told of one file; a file of another form has one in every line."""


class Row(Frozen):
    """One post and what people say of it; `group` is what others call it, in their own words.

    `answer` is the id of the approved answer that fits, NO_ANSWER, or None where nobody said.
    """

    id: str
    text: str
    label: Label | None = None
    department: str | None = None
    language: str | None = None
    answer: str | None = None
    group: str = ""


def half_of(id: str) -> Half:
    """Return the half a post belongs to: the test half when the first byte of its hash is odd."""
    return "test" if sha256(id.encode()).digest()[0] % 2 else "tuning"


def read_rows(files: Sequence[Path], *, by: str | None = None) -> tuple[Row, ...]:
    """Read posts from JSON Lines or CSV files; a row with an id seen before adds to that row.

    With `by` the rows are others': grouped by that column, their labels left alone. Raises
    Misconfigured with the mistakes, each with its file and line, quoting no post.
    """
    joined: dict[str, tuple[str, dict[str, Any]]] = {}
    mistakes: list[str] = []
    for file in files:
        for place, row in _records(file, mistakes):
            id = next((str(row[name]) for name in IDS if row.get(name)), place)
            _, known = joined.setdefault(id, (place, {}))
            known.update(row)
    rows = [_row(place, id, row, by, mistakes) for id, (place, row) in joined.items()]
    if not rows and not mistakes:
        mistakes.append(f"{files[0]}: holds no posts")
    Misconfigured.raise_any(mistakes[:MOST_TOLD])
    return tuple(row for row in rows if row is not None)


def labels_of(file: Path) -> dict[str, Label]:
    """Read a second labelling: id and label a line."""
    mistakes: list[str] = []
    found = {
        str(row.get("id")): _row(place, str(row.get("id")), {**row, "text": ""}, None, mistakes)
        for place, row in _records(file, mistakes)
    }
    Misconfigured.raise_any(mistakes[:MOST_TOLD])
    return {id: row.label for id, row in found.items() if row and row.label}


def _records(file: Path, mistakes: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each record with its file and line."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(f"{file}: cannot be read as UTF-8 text ({type(error).__name__})")
        return
    if file.suffix == ".csv":
        for number, found in enumerate(csv.DictReader(text.splitlines()), start=2):
            yield f"{file}:{number}", {key: value for key, value in found.items() if value}
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            yield f"{file}:{number}", row
        else:
            mistakes.append(f"{file}:{number}: no JSON object")


def _row(
    place: str, id: str, row: dict[str, Any], by: str | None, mistakes: list[str]
) -> Row | None:
    known = ("text",) if by else ("text", "label", "department", "language", "answer")
    values = {name: row[name] for name in known if row.get(name) is not None}
    try:
        return Row(id=id, group=str(row.get(by, "") if by else ""), **values)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            what = "missing" if each["type"] == "missing" else "not as tests/eval/README.md says"
            mistakes.append(f"{place}: {'.'.join(map(str, each['loc']))}: {what}")
        return None
