"""How much a text is like those that are to be kept apart, learned from labelled texts."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from assistant.answers import tells

SHORTEST, LONGEST = 3, 5
"""Letters in a piece of a word; with these Dutch compounds and inflections share most pieces."""
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


def pieces_of(words: Iterable[str]) -> tuple[str, ...]:
    """Return the pieces of all words in alphabetical order, each once.

    In order because sums of floats depend on it, and training must give the same bytes each time.
    """
    return tuple(sorted({piece for word in words for piece in pieces(word)}))


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What training found: of each piece in how many texts it stood, and what it speaks for.

    `weights` are hundredths of the natural logarithm of how much likelier a piece is in the texts
    that are to be kept apart. Above `threshold` a person looks first; above `quiet`, which is
    lower, nothing general is suggested.
    """

    posts: int
    threshold: float
    quiet: float
    seen: Mapping[str, int]
    weights: Mapping[str, int]

    @cached_property
    def rarity(self) -> Mapping[str, float]:
        """How much a piece tells: the rarer, the more (inverse document frequency)."""
        return {piece: math.log(self.posts / seen) for piece, seen in self.seen.items()}

    @cached_property
    def _telling(self) -> Mapping[str, tuple[float, float]]:
        """Of each piece the square of its rarity, and what it says in all."""
        weights = self.weights
        return {piece: (rare * rare, rare * weights[piece]) for piece, rare in self.rarity.items()}

    def score(self, plain: str, *, ours: frozenset[str] = frozenset()) -> float:
        """Return how much a text's folded words are like those that are to be kept apart.

        Above 0 more than like the others. Words of our own subjects (`ours`) never speak for
        silence: whoever names a passport in a rage names one in a question as well.
        """
        told = frozenset().union(*map(pieces, self._counting(plain, ours)))
        known = [each for piece in told if (each := self._telling.get(piece)) is not None]
        # Summed exactly, so that the order of a set makes no difference.
        length = math.sqrt(math.fsum(square for square, _ in known))
        return math.fsum(said for _, said in known) / (100 * length) if length else 0.0

    def hears(self, plain: str, *, ours: frozenset[str]) -> bool:
        """Say whether a text is too much like those that are to be kept apart."""
        return self.score(plain, ours=ours) > self.threshold

    def told(self, plain: str, *, ours: frozenset[str]) -> tuple[str, ...]:
        """Return the words to show a reader, at most TOLD, that speak most for silence.

        The strongest first. There may be none: little words and those the search skips weigh in
        the score, yet say nothing to whoever reads them.
        """
        said = {
            word: self._said(word)
            for word in self._counting(plain, ours)
            if len(word) > LITTLE and tells(word)
        }
        speak = [word for word, weight in said.items() if weight > 0]
        return tuple(sorted(speak, key=lambda word: (-said[word], word))[:TOLD])

    def _said(self, word: str) -> float:
        return sum(self.rarity.get(each, 0) * self.weights.get(each, 0) for each in pieces(word))

    def _counting(self, plain: str, ours: frozenset[str]) -> tuple[str, ...]:
        words = dict.fromkeys(words_of(plain))
        if not ours:
            return tuple(words)
        return tuple(word for word in words if word not in ours or self._said(word) <= 0)


@cache
def ear(name: str) -> Likeness:
    """Return what `python -m tests.eval.train` learned to hear; read once, when first needed."""
    table = json.loads((files("assistant") / "lists" / f"ear_{name}.json").read_text("utf-8"))
    return Likeness(
        posts=table["posts"],
        threshold=table["threshold"],
        quiet=table["quiet"],
        seen={piece: seen for piece, (seen, _) in table["pieces"].items()},
        weights={piece: weight for piece, (_, weight) in table["pieces"].items()},
    )
