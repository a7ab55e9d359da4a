"""How much a post is like those that may get no draft, learned from labelled posts."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

SHORTEST, LONGEST = 3, 5
"""Letters in a piece of a word; with these Dutch compounds and inflections share most pieces."""
TOLD = 3


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


def pieces_of(words: Iterable[str]) -> tuple[str, ...]:
    """Return the pieces of all words in alphabetical order, each once.

    In order because sums of floats depend on it, and training must give the same bytes each time.
    """
    return tuple(sorted({piece for word in words for piece in pieces(word)}))


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What training found: of each piece in how many posts it stood, and what it speaks for.

    `weights` are hundredths of the natural logarithm of how much likelier a piece is where silence
    was right. Above `threshold` a person looks first.
    """

    posts: int
    threshold: float
    seen: Mapping[str, int]
    weights: Mapping[str, int]

    @cached_property
    def rarity(self) -> Mapping[str, float]:
        """How much a piece tells: the rarer, the more (inverse document frequency)."""
        return {piece: math.log(self.posts / seen) for piece, seen in self.seen.items()}

    def score(self, plain: str, *, ours: frozenset[str] = frozenset()) -> float:
        """Return how much a post's folded words are like those that may get no draft.

        Above 0 more than like the others. Words of our own subjects (`ours`) never speak for
        silence: whoever names a passport in a rage names one in a question as well.
        """
        rarity = self.rarity
        told = [piece for piece in pieces_of(self._counting(plain, ours)) if piece in rarity]
        length = math.sqrt(sum(rarity[piece] ** 2 for piece in told))
        said = sum(rarity[piece] * self.weights[piece] for piece in told)
        return said / (100 * length) if length else 0.0

    def hears(self, plain: str, *, ours: frozenset[str]) -> tuple[str, ...]:
        """Return the words that speak most for silence, the strongest first, or none.

        None when the post is not too much like those that may get no draft.
        """
        if self.score(plain, ours=ours) <= self.threshold:
            return ()
        counting = self._counting(plain, ours)
        return tuple(sorted(counting, key=lambda word: (-self._said(word), word))[:TOLD])

    def _said(self, word: str) -> float:
        return sum(self.rarity.get(each, 0) * self.weights.get(each, 0) for each in pieces(word))

    def _counting(self, plain: str, ours: frozenset[str]) -> tuple[str, ...]:
        words = dict.fromkeys(words_of(plain))
        return tuple(word for word in words if word not in ours or self._said(word) <= 0)


@cache
def learned() -> Likeness:
    """Return what `python -m tests.eval.train` learned; read once, when first needed."""
    table = json.loads((files("assistant") / "lists" / "likeness.json").read_text("utf-8"))
    return Likeness(
        posts=table["posts"],
        threshold=table["threshold"],
        seen={piece: seen for piece, (seen, _) in table["pieces"].items()},
        weights={piece: weight for piece, (_, weight) in table["pieces"].items()},
    )
