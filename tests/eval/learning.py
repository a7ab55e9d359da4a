"""Complement naive Bayes over words and their pieces: what tells some texts from others."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from assistant.likeness import Likeness

LISTS = Path(__file__).parent.parent.parent / "assistant" / "lists"
LEAST = 2
"""Texts a piece must stand in: what stands in one alone would tell that text."""
SMOOTHING = 0.3
FOLDS = 10

Pieces = tuple[str, ...]


def fold_of(id: str) -> int:
    """Return the tenth a text is tried in, by a hash of its id."""
    return sha256(b"f" + id.encode()).digest()[0] % FOLDS


def trained(apart: Sequence[Pieces], other: Sequence[Pieces]) -> Likeness:
    """Return the weights that tell the texts `apart` from the `other` ones, each as its pieces."""
    counted = Counter(piece for text in (*apart, *other) for piece in text)
    seen = {piece: count for piece, count in sorted(counted.items()) if count >= LEAST}
    posts = len(apart) + len(other)
    rarity = {piece: math.log(posts / count) for piece, count in seen.items()}
    one, two = _shares(apart, rarity), _shares(other, rarity)
    weights = {piece: round(100 * math.log(one[piece] / two[piece])) for piece in seen}
    return Likeness(posts=posts, threshold=0.0, quiet=0.0, seen=seen, weights=weights)


def _shares(texts: Sequence[Pieces], rarity: dict[str, float]) -> dict[str, float]:
    """Return each piece's share of what these texts say, every text weighing the same."""
    total = dict.fromkeys(rarity, SMOOTHING)
    for text in texts:
        known = [piece for piece in text if piece in rarity]
        length = math.sqrt(sum(rarity[piece] ** 2 for piece in known)) or 1.0
        for piece in known:
            total[piece] += rarity[piece] / length
    whole = sum(total.values())
    return {piece: count / whole for piece, count in total.items()}


def above_share(share: float, scores: Iterable[float]) -> float:
    """Return the score that at most this share of `scores` is above."""
    high = sorted(scores, reverse=True)
    return round(high[int(share * len(high))], 3)


def file_of(name: str) -> Path:
    """Return where the ear of this name is kept."""
    return LISTS / f"ear_{name}.json"


def written(ear: Likeness) -> str:
    """Return the file's text: a piece a line, so that a change shows what moved."""
    lines = ",\n".join(
        f"{json.dumps(piece, ensure_ascii=False)}:[{seen},{ear.weights[piece]}]"
        for piece, seen in sorted(ear.seen.items())
    )
    limits = f'"posts":{ear.posts},"threshold":{ear.threshold},"quiet":{ear.quiet}'
    return f'{{{limits},"pieces":{{\n{lines}\n}}}}\n'
