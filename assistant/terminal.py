"""Tables and progress for people at a terminal."""

import sys
import time
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under a head, columns as wide as their widest value."""
    cells = [[str(value) for value in row] for row in (head, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    cells.insert(1, ["─" * width for width in widths])
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def counted(number: int, one: str, *, many: str | None = None) -> str:
    """Return "1 case" or "2,000 cases"; without `many` the plural is `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """Return text from outside as a terminal may show it: nothing in it can act or hide."""
    return "".join(each if each.isprintable() or each == "\n" else "�" for each in text)


class Progress:
    """One line on standard error that says how far long work is; silent without a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._text = ""
        self._shown = 0.0
        self._on = sys.stderr.isatty()

    def __call__(self, done: int, all: int) -> None:
        self._text = f"\r{self._label} {done:,} of {all:,}"
        now = time.monotonic()
        if self._on and now - self._shown > 0.1:
            self._shown = now
            print(self._text, end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Show where it ended, and end the line."""
        if self._on and self._text:
            print(self._text, file=sys.stderr, flush=True)
            self._text = ""
