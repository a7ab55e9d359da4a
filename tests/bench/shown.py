"""What the brain is held to, in one go: `python -m tests.bench.shown [tuning|test]`.

Silence errors without a model and with one that always says "answer", what the checks let through,
and false alarms on posts and reports of others. The test half is for reporting: whoever tunes
leaves it alone.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from assistant.commands.evaluating import measured
from assistant.evaluate.figures import Figures, figures
from assistant.evaluate.rows import Row, half_of, labels_of, read_rows
from assistant.evaluate.telling import told
from assistant.store import utcnow
from tests.bench import bench_checks
from tests.eval import replies

ROOT = Path(__file__).parent.parent.parent
WATERSTAD = ROOT / "examples" / "waterstad"
EVAL = ROOT / "tests" / "eval"
OTHERS = ROOT.parent / "shared" / "data"


def tweets() -> tuple[Row, ...]:
    """Return real posts, grouped by whether somebody called them harmful or blaming."""
    harmful = read_rows([OTHERS / "posts_nl.jsonl"], by="harmful")
    blaming = read_rows([OTHERS / "posts_nl.jsonl"], by="attention")
    return tuple(
        row.model_copy(
            update={
                "group": "harmful or blaming"
                if row.group == "1" or "blame" in other.group
                else "neither"
            }
        )
        for row, other in zip(harmful, blaming, strict=True)
    )


def reports() -> tuple[Row, ...]:
    """Return real reports on public space."""
    rows = read_rows([OTHERS / "meldingen_nl.jsonl"], by="hoofdcategorie")
    return tuple(row.model_copy(update={"group": "reports"}) for row in rows)


def harmless() -> tuple[Row, ...]:
    """Return sentences that quote hatred in order to condemn it."""
    rows = read_rows([OTHERS / "abuse_nl.csv"], by="functionality")
    return tuple(
        row for row in rows if row.group.startswith("counter_") and row.group.endswith("_nh")
    )


def labelled(half: str) -> tuple[Row, ...]:
    """Return our own posts of one half."""
    rows = read_rows([*sorted(EVAL.glob("posts_*.jsonl")), EVAL / "answers.jsonl"])
    return tuple(row for row in rows if half in ("all", half_of(row.id)))


def of(rows: Sequence[Row], *, model: str = "off") -> Figures:
    """Measure one set of posts."""
    found = asyncio.run(measured(rows, folder=WATERSTAD, model=model, now=utcnow()))
    return figures(rows, found, second=labels_of(EVAL / "second.jsonl"))


def main(half: str) -> None:
    """Print every figure, and why one is missing."""
    for title, model in (
        ("without a model", "off"),
        ("with a model that says: answer", "scripted"),
    ):
        print(f"== Our own posts, {half} half, {title}\n")
        print(told(of(labelled(half), model=model), ids=False), end="\n\n")
    print(f"== The checks, on replies written without knowing them, {half} half\n")
    print(replies.told(half), end="\n\n")
    for title, rows in _of_others():
        print(f"== {title}\n")
        if not OTHERS.is_dir():
            print(f"left out: there is no {OTHERS}\n")
            continue
        print(told(of(rows()), ids=False), end="\n\n")
    print("== Time of a check\n")
    bench_checks.main()


def _of_others() -> Iterator[tuple[str, Callable[[], tuple[Row, ...]]]]:
    yield "Real posts of 2020: for how many would a draft be offered?", tweets
    yield "Real reports on public space: how many are wrongly held back?", reports
    yield "Hatred quoted in order to condemn it: how many are wrongly held back?", harmless


if __name__ == "__main__":
    main(next(iter(sys.argv[1:]), "tuning"))
