"""What a reply may not contain: pure checks on its text, run on every draft, edit and sending."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Protocol

import regex

from assistant.checks.facts import unsourced
from assistant.checks.findings import (
    IN_PRIVATE,
    SEVERITY,
    Finding,
    Ground,
    Severity,
    approved_spans,
    finding,
)
from assistant.checks.links import unknown_links
from assistant.checks.phrases import (
    irony,
    mixed_address,
    opinions,
    politics,
    promises,
    wrong_language,
)
from assistant.checks.plain import hard_words, initials, long_sentences, no_greeting
from assistant.checks.private import hidden_characters, mentions, personal_data, third_persons
from assistant.checks.tone import TONES, tones

__all__ = [
    "CHECKS",
    "IN_PRIVATE",
    "SEVERITY",
    "Finding",
    "Ground",
    "Severity",
    "check",
    "graphemes",
]


class Check(Protocol):
    """Looks at a reply's text and yields what it finds."""

    def __call__(self, text: str, *, ground: Ground) -> Iterable[Finding]:
        """Yield findings whose places are in `text`."""
        ...


# Cheapest first.
CHECKS: tuple[Check, ...] = (
    initials,
    no_greeting,
    hidden_characters,
    mentions,
    mixed_address,
    irony,
    politics,
    opinions,
    promises,
    long_sentences,
    hard_words,
    unknown_links,
    third_persons,
    wrong_language,
    unsourced,
    personal_data,
)

_ORDER: tuple[Severity, ...] = ("block", "confirm", "hint")
_GRAPHEME = regex.compile(r"\X")


def graphemes(text: str) -> int:
    """Return how many signs a reader sees in `text`: an emoji family is one (Unicode UAX 29)."""
    if max(text, default="") < "\u0300":
        return len(text) - text.count("\r\n")
    return len(_GRAPHEME.findall(text))


def check(
    text: str, *, ground: Ground, length: Callable[[str], int] = graphemes
) -> tuple[Finding, ...]:
    """Return all findings on `text`, blocks first, then confirms and hints, each in text order.

    `length` counts as the platform does. A sentence that is word for word one of the cited
    answers' needs no confirmation: it was approved when the answer was.
    """
    found = [one for look in CHECKS for one in look(text, ground=ground)]
    listed = [one.start for one in found if one.code in TONES]
    # Words of a list say more than the sentence they stand in.
    found += [
        one
        for one in tones(text, ground=ground)
        if not any(one.start <= start < one.end for start in listed)
    ]
    found += too_long(text, limit=ground.limit, length=length)
    covered = (*approved_spans(text, ground), *_blocked(found))
    kept = [one for one in found if one.severity == "block" or not _inside(one, covered)]
    kept = [_in_private(one) for one in kept] if ground.private else kept
    return tuple(sorted(kept, key=lambda one: (_ORDER.index(one.severity), one.start, one.end)))


def _in_private(one: Finding) -> Finding:
    return one.model_copy(update={"severity": "confirm"}) if one.code in IN_PRIVATE else one


def _blocked(found: list[Finding]) -> list[tuple[int, int]]:
    """Where nothing need be asked any more; how long a text is says nothing about its words."""
    blocks = (one for one in found if one.severity == "block" and one.code != "too_long")
    return [(one.start, one.end) for one in blocks]


def _inside(one: Finding, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(start <= one.start < one.end <= end for start, end in spans)


def too_long(text: str, *, limit: int, length: Callable[[str], int]) -> list[Finding]:
    """The platform would refuse it, or cut it off: points at what is too much."""
    count = length(text)
    if count <= limit:
        return []
    fitting = bisect_right(range(len(text)), limit, key=lambda size: length(text[:size])) - 1
    return [finding("too_long", text, fitting, len(text), count=count, limit=limit)]
