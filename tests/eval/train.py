"""Train the second ear on the tuning half: `python -m tests.eval.train` writes its weights anew.

Complement naive Bayes over words and their pieces; prints what it would miss of posts it was not
trained on, at each share of answerable posts it would hold back.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from assistant.case import Label
from assistant.clean import clean
from assistant.config import load
from assistant.evaluate.rows import half_of, read_rows
from assistant.rules import Register
from assistant.rules.likeness import Likeness, pieces_of, words_of
from assistant.rules.phrases import words

HERE = Path(__file__).parent
WATERSTAD = HERE.parent.parent / "examples" / "waterstad"
WEIGHTS = HERE.parent.parent / "assistant" / "lists" / "likeness.json"

SILENT: tuple[Label, ...] = ("emergency", "self_harm", "abuse", "legal", "political", "opinion")
ANSWERABLE: tuple[Label, ...] = ("question", "complaint", "report")
LEAST = 2
"""Posts a piece must stand in: what stands in one alone would tell that post."""
SMOOTHING = 0.3
FOLDS = 10
HELD = 0.4
"""Share of answerable posts the ear may hold back; above it the curve gains little."""
CURVE = (0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A labelled post as the ear hears it; `fold` is the tenth it is tried in."""

    label: Label
    plain: str
    pieces: tuple[str, ...]
    fold: int


def samples() -> tuple[Sample, ...]:
    """Return the posts of the tuning half that are to be told apart."""
    rows = read_rows(sorted(HERE.glob("posts_*.jsonl")))
    # As the rules read a post: our own name in it says nothing.
    account = re.compile(rf"(?i){re.escape(load(WATERSTAD).accounts[0].handle)}(?!\w)")
    texts = {row.id: words(account.sub(" ", clean(row.text))) for row in rows}
    return tuple(
        Sample(
            label=row.label,
            plain=texts[row.id],
            pieces=pieces_of(words_of(texts[row.id])),
            fold=sha256(b"f" + row.id.encode()).digest()[0] % FOLDS,
        )
        for row in rows
        if half_of(row.id) == "tuning" and row.label in (*SILENT, *ANSWERABLE)
    )


def trained(posts: Sequence[Sample], *, threshold: float = 0.0) -> Likeness:
    """Return the weights that tell the silent posts from the answerable ones."""
    counted = Counter(piece for post in posts for piece in post.pieces)
    seen = {piece: count for piece, count in sorted(counted.items()) if count >= LEAST}
    rarity = {piece: math.log(len(posts) / count) for piece, count in seen.items()}
    silent = _shares([post for post in posts if post.label in SILENT], rarity)
    other = _shares([post for post in posts if post.label in ANSWERABLE], rarity)
    weights = {piece: round(100 * math.log(silent[piece] / other[piece])) for piece in seen}
    return Likeness(posts=len(posts), threshold=threshold, seen=seen, weights=weights)


def _shares(posts: Sequence[Sample], rarity: dict[str, float]) -> dict[str, float]:
    """Return each piece's share of what these posts say, every post weighing the same."""
    total = dict.fromkeys(rarity, SMOOTHING)
    for post in posts:
        known = [piece for piece in post.pieces if piece in rarity]
        length = math.sqrt(sum(rarity[piece] ** 2 for piece in known)) or 1.0
        for piece in known:
            total[piece] += rarity[piece] / length
    whole = sum(total.values())
    return {piece: count / whole for piece, count in total.items()}


def held_out(posts: Sequence[Sample]) -> tuple[tuple[Label, float], ...]:
    """Return each post's label and its score by an ear that was trained without its fold.

    The rules have no part in it: their lists know these posts already. The subjects are those of
    the example, whatever the day.
    """
    ours = Register(load(WATERSTAD), today=date.max).own_words
    found: list[tuple[Label, float]] = []
    for fold in range(FOLDS):
        ear = trained([post for post in posts if post.fold != fold])
        found += [
            (post.label, ear.score(post.plain, ours=ours)) for post in posts if post.fold == fold
        ]
    return tuple(found)


def threshold_for(held: float, scored: Sequence[tuple[Label, float]]) -> float:
    """Return the score that at most a share `held` of the answerable posts is above."""
    scores = sorted((score for label, score in scored if label in ANSWERABLE), reverse=True)
    return round(scores[int(held * len(scores))], 3)


def curve(scored: Sequence[tuple[Label, float]]) -> Iterator[str]:
    """Yield a line for each share held back: what is missed of each label, what each costs."""
    yield " | ".join(("held back", "above", *SILENT, *ANSWERABLE))
    for held in CURVE:
        threshold = threshold_for(held, scored)
        above = Counter(label for label, score in scored if score > threshold)
        of = Counter(label for label, _ in scored)
        missed = (f"{1 - above[label] / of[label]:.0%}" for label in SILENT)
        cost = (f"{above[label] / of[label]:.0%}" for label in ANSWERABLE)
        yield " | ".join((f"{held:.0%}", f"{threshold:.2f}", *missed, *cost))


def written(ear: Likeness) -> str:
    """Return the file's text: a piece a line, so that a change shows what moved."""
    lines = ",\n".join(
        f"{json.dumps(piece, ensure_ascii=False)}:[{seen},{ear.weights[piece]}]"
        for piece, seen in sorted(ear.seen.items())
    )
    return f'{{"posts":{ear.posts},"threshold":{ear.threshold},"pieces":{{\n{lines}\n}}}}\n'


def main() -> None:
    posts = samples()
    scored = held_out(posts)
    for line in curve(scored):
        print(line)
    ear = replace(trained(posts), threshold=threshold_for(HELD, scored))
    WEIGHTS.write_text(written(ear), "utf-8")


if __name__ == "__main__":
    main()
