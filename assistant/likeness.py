"""What a text is most like, learned from labelled texts."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from assistant.answers import tells

SHORTEST, LONGEST = 3, 4
"""Letters in a piece of a word; with these Dutch compounds and inflections share most pieces."""
WHOLE = 2
"""How many times as much as a piece a word counts, and two words that stand side by side."""
TOLD = 3
LITTLE = 3
"""Letters of words not worth showing: "wel", "ich", "the"; a "bus" goes with them."""


def pieces(word: str) -> frozenset[str]:
    """Return a folded word whole, as `=word`, and its pieces, `^` and `$` being its two ends."""
    ends = f"^{word}$"
    found = {
        ends[at : at + length]
        for length in range(SHORTEST, LONGEST + 1)
        for at in range(len(ends) - length + 1)
    }
    return frozenset((*found, f"={word}"))


def words_of(plain: str) -> list[str]:
    """Return the words of a folded text, without the marks where a sentence ends."""
    return [word for word in plain.split() if word != "/"]


def pieces_of(plain: str) -> tuple[str, ...]:
    """Return all that a folded text is heard by, in alphabetical order, each once.

    That is its words, their pieces, and each two words side by side. In order because sums of
    floats depend on it, and the same text must always score the same.
    """
    spoken = words_of(plain)
    found = {piece for word in set(spoken) for piece in pieces(word)}
    return tuple(sorted(found | {f"{one} {two}" for one, two in pairwise(spoken)}))


def rarity(piece: str, *, seen: int, posts: int) -> float:
    """Return how much a piece tells: the rarer, the more (inverse document frequency)."""
    whole = piece.startswith("=") or " " in piece
    return math.log(posts / seen) * (WHOLE if whole else 1)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Weights of a multinomial logistic regression, and the limits that were chosen for it.

    `pieces` holds of each piece how many of the `posts` it stood in, and in hundredths what it says
    for each of the `labels`; `start` is what each label has before anything is heard.
    """

    labels: tuple[str, ...]
    start: tuple[int, ...]
    limits: Mapping[str, float]
    posts: int
    pieces: Mapping[str, tuple[int, tuple[int, ...]]]

    def shares(self, plain: str) -> dict[str, float]:
        """Return of each label the share of folded texts like this one that bear it; 1 in all."""
        known = [
            (rarity(piece, seen=seen, posts=self.posts), weights)
            for piece in pieces_of(plain)
            if (held := self.pieces.get(piece)) is not None
            for seen, weights in (held,)
        ]
        length = math.sqrt(sum(rare * rare for rare, _ in known)) or 1.0
        says = [
            (start + sum(rare * weights[at] for rare, weights in known) / length) / 100
            for at, start in enumerate(self.start)
        ]
        most = max(says)
        odds = [math.exp(each - most) for each in says]
        return {label: each / sum(odds) for label, each in zip(self.labels, odds, strict=True)}

    def told(self, plain: str, label: str) -> tuple[str, ...]:
        """Return the words to show a reader, at most TOLD, that speak most for a label.

        The strongest first. There may be none: little words and those the search skips weigh in
        the shares, yet say nothing to whoever reads them.
        """
        at = self.labels.index(label)
        said = {
            word: self._said(word, at)
            for word in words_of(plain)
            if len(word) > LITTLE and tells(word)
        }
        speak = [word for word, weight in said.items() if weight > 0]
        return tuple(sorted(speak, key=lambda word: (-said[word], word))[:TOLD])

    def _said(self, word: str, at: int) -> float:
        held = ((each, self.pieces.get(each)) for each in sorted(pieces(word)))
        return sum(
            rarity(piece, seen=found[0], posts=self.posts) * found[1][at]
            for piece, found in held
            if found is not None
        )


@cache
def ear(name: str) -> Likeness:
    """Return what `python -m tests.eval.train` learned to hear; read once, when first needed."""
    table = json.loads((files("assistant") / "lists" / f"ear_{name}.json").read_text("utf-8"))
    return Likeness(
        labels=tuple(table["labels"]),
        start=tuple(table["start"]),
        limits=table["limits"],
        posts=table["posts"],
        pieces={
            piece: (seen, tuple(weights)) for piece, (seen, *weights) in table["pieces"].items()
        },
    )
