"""Train what Luister hears beside its lists: `python -m tests.eval.train` writes it all anew.

The second ear of triage learns from the tuning half and from `practice.jsonl`, posts that serve
for nothing else; the ear for the tone of a reply from `tone.jsonl`. Prints what each would miss of
texts it was not trained on.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.case import Label
from assistant.checks.tone import TONES
from assistant.clean import clean
from assistant.config import load
from assistant.evaluate.rows import Row, half_of, read_rows
from assistant.likeness import Likeness, pieces_of
from assistant.rules.phrases import words
from tests.eval.learning import FOLDS, Pieces, above_share, file_of, fold_of, trained, written

HERE = Path(__file__).parent
PRACTICE = HERE / "practice.jsonl"
TONE = HERE / "tone.jsonl"
WATERSTAD = HERE.parent.parent / "examples" / "waterstad"

SILENT: tuple[Label, ...] = ("emergency", "self_harm", "abuse", "legal", "political", "opinion")
ANSWERABLE: tuple[Label, ...] = ("question", "complaint", "report")
NEITHER: tuple[Label, ...] = ("thanks", "spam")
"""What asks for nothing, so that small talk is not taken for something grave."""
HELD = 0.35
"""Share of answerable posts the second ear may hand to a person first."""
GENERAL = 0.6
"""Share of answerable posts for which no general line is suggested: it would fit any post."""
ASKED = 0.01
"""Share of fine sentences each tone may be asked about."""
FINE = "fine"
"""A sentence of a reply with no such tone."""
CURVE = (0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6)
MOST = 30_000
"""Pieces that are kept of the posts; twice as many told them apart hardly better."""
MOST_OF_TONE = 12_000

Scores = Sequence[tuple[str, dict[str, float]]]
"""Of each text the label it has, and the shares an ear gave that was trained without its fold."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A labelled text as an ear hears it; `fold` is the tenth it is tried in, None if never."""

    label: str
    plain: str
    pieces: Pieces
    fold: int | None


def sample(label: str, text: str, *, fold: int | None) -> Sample:
    plain = words(text)
    return Sample(label=label, plain=plain, pieces=pieces_of(plain), fold=fold)


def samples() -> tuple[Sample, ...]:
    """Return the posts of the tuning half and those to practise on that are to be told apart."""
    tuning = [row for row in read_rows(sorted(HERE.glob("posts_*.jsonl"))) if _is_tuning(row)]
    rows: list[tuple[Row, int | None]] = [(row, fold_of(row.id)) for row in tuning]
    rows += [(row, None) for row in read_rows([PRACTICE])]
    # As the rules read a post: our own name in it says nothing.
    account = re.compile(rf"(?i){re.escape(load(WATERSTAD).accounts[0].handle)}(?!\w)")
    return tuple(
        sample(str(row.label), account.sub(" ", clean(row.text)), fold=fold)
        for row, fold in rows
        if row.label in (*SILENT, *ANSWERABLE, *NEITHER)
    )


def _is_tuning(row: Row) -> bool:
    return half_of(row.id) == "tuning"


def tone_samples() -> tuple[Sample, ...]:
    """Return the sentences of replies; the label is a tone, or `fine`."""
    rows = map(json.loads, TONE.read_text("utf-8").splitlines())
    return tuple(sample(row["code"] or FINE, row["text"], fold=fold_of(row["id"])) for row in rows)


def taught(texts: Sequence[Sample], *, most: int, without: int = FOLDS) -> Likeness:
    """Return the ear for these texts as it is trained without one fold of them."""
    heard = [each for each in texts if each.fold != without]
    return trained([each.pieces for each in heard], [each.label for each in heard], most=most)


def held_out(texts: Sequence[Sample], *, most: int) -> Scores:
    """Return of each text that has a fold what an ear says that was trained without it.

    The rules have no part in it: their lists know these posts already.
    """
    found: list[tuple[str, dict[str, float]]] = []
    for fold in range(FOLDS):
        ear = taught(texts, most=most, without=fold)
        found += [(each.label, ear.shares(each.plain)) for each in texts if each.fold == fold]
    return found


def silent(shares: dict[str, float]) -> float:
    """Return how much a post is like those that may get no draft, if not like what asks nothing."""
    apart = sum(shares[label] for label in SILENT)
    return apart / (apart + sum(shares[label] for label in ANSWERABLE))


def threshold_for(held: float, scored: Sequence[tuple[str, float]]) -> float:
    """Return the score that at most a share `held` of the answerable posts is above."""
    return above_share(held, (score for label, score in scored if label in ANSWERABLE))


def curve(scored: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Yield a line for each share held back: what is missed of each label, what each costs."""
    yield " | ".join(("held back", "above", *SILENT, *ANSWERABLE))
    for held in CURVE:
        threshold = threshold_for(held, scored)
        above = Counter(label for label, score in scored if score > threshold)
        of = Counter(label for label, _ in scored)
        missed = (f"{1 - above[label] / of[label]:.0%}" for label in SILENT)
        cost = (f"{above[label] / of[label]:.0%}" for label in ANSWERABLE)
        yield " | ".join((f"{held:.0%}", f"{threshold:.2f}", *missed, *cost))


def silence(tell: Callable[[str], None]) -> Likeness:
    """Return the second ear of triage."""
    posts = samples()
    scored = [(label, silent(shares)) for label, shares in held_out(posts, most=MOST)]
    for line in curve(scored):
        tell(line)
    limits = {"held": threshold_for(HELD, scored), "general": threshold_for(GENERAL, scored)}
    return replace(taught(posts, most=MOST), limits=limits)


def tone(tell: Callable[[str], None]) -> Likeness:
    """Return the ear for the tone of a reply."""
    said = tone_samples()
    scored = held_out(said, most=MOST_OF_TONE)
    limits: dict[str, float] = {}
    for code in TONES:
        limits[code] = above_share(ASKED, (each[code] for label, each in scored if label == FINE))
        of_code = [each[code] > limits[code] for label, each in scored if label == code]
        heard = sum(of_code) / len(of_code)
        tell(f"{code}: {heard:.0%} heard, {ASKED:.0%} of fine sentences asked about")
    return replace(taught(said, most=MOST_OF_TONE), limits=limits)


def main() -> None:
    for name, ear in (("silence", silence(print)), ("tone", tone(print))):
        file_of(name).write_text(written(ear), "utf-8")


if __name__ == "__main__":
    main()
