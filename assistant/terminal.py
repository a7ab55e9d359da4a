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


class Progress:
    """One line on standard error that says how far long work is; silent without a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = 0.0
        self._on = sys.stderr.isatty()

    def __call__(self, done: int, all: int) -> None:
        now = time.monotonic()
        if self._on and (now - self._shown > 0.1 or done == all):
            self._shown = now
            print(f"\r{self._label} {done:,} of {all:,}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """End the line."""
        if self._on and self._shown:
            print(file=sys.stderr)
