"""Learn what tells labelled texts apart: multinomial logistic regression over their pieces."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from assistant.likeness import Likeness, rarity

LISTS = Path(__file__).parent.parent.parent / "assistant" / "lists"
LEAST = 2
"""Texts a piece must stand in: what stands in one alone would tell that text."""
PENALTY = 15.0
"""How little large weights cost (scikit-learn's C), chosen by the curve of `train.py`."""
FOLDS = 10

Pieces = tuple[str, ...]


def fold_of(id: str) -> int:
    """Return the tenth a text is tried in, by a hash of its id."""
    return sha256(b"f" + id.encode()).digest()[0] % FOLDS


def trained(texts: Sequence[Pieces], labels: Sequence[str], *, most: int) -> Likeness:
    """Return the weights that tell `labels` apart, each text given as its pieces.

    At most `most` pieces are kept, those that tell most texts most; the weights are learned anew
    from these. Every label weighs the same, however many texts bear it.
    """
    ear = _fitted(texts, labels)
    if len(ear.pieces) <= most:
        return ear
    kept = frozenset(sorted(ear.pieces, key=lambda piece: (-_moves(ear, piece), piece))[:most])
    return _fitted([tuple(each for each in text if each in kept) for text in texts], labels)


def _fitted(texts: Sequence[Pieces], labels: Sequence[str]) -> Likeness:
    counting = CountVectorizer(analyzer=_as_it_is, binary=True, min_df=LEAST)
    counted = counting.fit_transform(texts)
    names: list[str] = list(counting.get_feature_names_out())
    seen: list[int] = np.asarray(counted.sum(axis=0)).ravel().tolist()
    rare = [
        rarity(piece, seen=each, posts=len(texts)) for piece, each in zip(names, seen, strict=True)
    ]
    found = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=1000, tol=1e-3)
    found.fit(normalize(counted.multiply(rare).tocsr()), labels)
    weights: list[list[int]] = np.rint(100 * found.coef_.T).astype(int).tolist()
    return Likeness(
        labels=tuple(map(str, found.classes_)),
        start=tuple(np.rint(100 * found.intercept_).astype(int).tolist()),
        limits={},
        posts=len(texts),
        pieces={
            piece: (count, tuple(each))
            for piece, count, each in zip(names, seen, weights, strict=True)
        },
    )


def _as_it_is(pieces: Pieces) -> Pieces:
    return pieces


def _moves(ear: Likeness, piece: str) -> float:
    """Return how much a piece moves what is said of all texts together."""
    seen, weights = ear.pieces[piece]
    return rarity(piece, seen=seen, posts=ear.posts) * seen * (max(weights) - min(weights))


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
        f"{json.dumps(piece, ensure_ascii=False)}:{_dumped([seen, *weights])}"
        for piece, (seen, weights) in sorted(ear.pieces.items())
    )
    head = ",\n".join(
        f'"{name}":{_dumped(value)}'
        for name, value in (
            ("labels", ear.labels),
            ("start", ear.start),
            ("limits", dict(ear.limits)),
            ("posts", ear.posts),
        )
    )
    return f'{{{head},\n"pieces":{{\n{lines}\n}}}}\n'


def _dumped(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
