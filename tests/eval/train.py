"""Train what Luister hears beside its lists: `python -m tests.eval.train` writes it all anew.

The second ear of triage learns from the tuning half and from `practice.jsonl`, posts that serve
for nothing else; the ears for the tone of a reply from `tone.jsonl`. Prints what each would miss
of texts it was not trained on.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from assistant.case import Label
from assistant.checks.tone import TONES
from assistant.clean import clean
from assistant.config import load
from assistant.evaluate.rows import Row, half_of, read_rows
from assistant.likeness import Likeness, pieces_of, words_of
from assistant.rules import Register
from assistant.rules.phrases import words
from tests.eval.learning import FOLDS, Pieces, above_share, file_of, fold_of, trained, written

HERE = Path(__file__).parent
PRACTICE = HERE / "practice.jsonl"
TONE = HERE / "tone.jsonl"
WATERSTAD = HERE.parent.parent / "examples" / "waterstad"

SILENT: tuple[Label, ...] = ("emergency", "self_harm", "abuse", "legal", "political", "opinion")
ANSWERABLE: tuple[Label, ...] = ("question", "complaint", "report")
HELD = 0.35
"""Share of answerable posts the second ear may hand to a person first."""
GENERAL = 0.6
"""Share of answerable posts for which no general line is suggested: it would fit any post."""
ASKED = 0.02
"""Share of fine sentences each tone may be asked about."""
FINE = "fine"
"""A sentence of a reply with no such tone."""
CURVE = (0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A labelled text as an ear hears it; `fold` is the tenth it is tried in, None if never."""

    label: str
    plain: str
    pieces: Pieces
    fold: int | None


def sample(label: str, text: str, *, fold: int | None) -> Sample:
    plain = words(text)
    return Sample(label=label, plain=plain, pieces=pieces_of(words_of(plain)), fold=fold)


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
        if row.label in (*SILENT, *ANSWERABLE)
    )


def _is_tuning(row: Row) -> bool:
    return half_of(row.id) == "tuning"


def silence(posts: Sequence[Sample], *, without: int = FOLDS) -> Likeness:
    """Return the second ear as it is trained without one fold of the posts."""
    heard = [post for post in posts if post.fold != without]
    return trained(
        [post.pieces for post in heard if post.label in SILENT],
        [post.pieces for post in heard if post.label in ANSWERABLE],
    )


def held_out(posts: Sequence[Sample]) -> tuple[tuple[str, float], ...]:
    """Return each post's label and its score by an ear that was trained without its fold.

    The rules have no part in it: their lists know these posts already. The subjects are those of
    the example, whatever the day.
    """
    ours = Register(load(WATERSTAD), today=date.max).own_words
    found: list[tuple[str, float]] = []
    for fold in range(FOLDS):
        ear = silence(posts, without=fold)
        found += [
            (post.label, ear.score(post.plain, ours=ours)) for post in posts if post.fold == fold
        ]
    return tuple(found)


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


def tone_samples() -> tuple[Sample, ...]:
    """Return the sentences of replies; the label is a tone, or `fine`."""
    rows = map(json.loads, TONE.read_text("utf-8").splitlines())
    return tuple(sample(row["code"] or FINE, row["text"], fold=fold_of(row["id"])) for row in rows)


def tone(code: str, said: Sequence[Sample], *, without: int = FOLDS) -> Likeness:
    """Return the ear for one tone of a reply as it is trained without one fold."""
    heard = [each for each in said if each.fold != without]
    return trained(
        [each.pieces for each in heard if each.label == code],
        [each.pieces for each in heard if each.label == FINE],
    )


def tone_scores(code: str, said: Sequence[Sample]) -> tuple[list[float], list[float]]:
    """Return the scores of sentences of this tone and of fine ones, each by an ear without it."""
    of_tone: list[float] = []
    of_fine: list[float] = []
    for fold in range(FOLDS):
        ear = tone(code, said, without=fold)
        for each in said:
            if each.fold == fold and each.label in (code, FINE):
                (of_tone if each.label == code else of_fine).append(ear.score(each.plain))
    return of_tone, of_fine


def tone_ear(code: str, said: Sequence[Sample]) -> tuple[Likeness, float]:
    """Return the ear for one tone, and the share it hears of sentences it does not know."""
    of_tone, of_fine = tone_scores(code, said)
    threshold = above_share(ASKED, of_fine)
    heard = sum(score > threshold for score in of_tone) / len(of_tone)
    return replace(tone(code, said), threshold=threshold, quiet=threshold), heard


def main() -> None:
    posts = samples()
    scored = held_out(posts)
    for line in curve(scored):
        print(line)
    ear = replace(
        silence(posts),
        threshold=threshold_for(HELD, scored),
        quiet=threshold_for(GENERAL, scored),
    )
    file_of("silence").write_text(written(ear), "utf-8")
    said = tone_samples()
    for code in TONES:
        of_code, heard = tone_ear(code, said)
        print(f"{code}: {heard:.0%} heard, {ASKED:.0%} of fine sentences asked about")
        file_of(code).write_text(written(of_code), "utf-8")


if __name__ == "__main__":
    main()
