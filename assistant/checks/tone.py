"""Promises, opinions, politics and irony in words that no list knows, by what is learned."""

from collections.abc import Iterator
from functools import lru_cache

from assistant.checks.findings import Finding, Ground, finding, sentences
from assistant.checks.links import find_links
from assistant.likeness import ear, words_of
from assistant.rules.phrases import words

TONES = ("promise", "opinion", "political", "irony")
STEM = 6
"""Letters that make two words one here: "vergunning" and "vergunningen"."""
TELLING = 4
"""Letters from which a word tells what a sentence is about."""
FEWEST = 3
"""Telling words below which a sentence has no tone to speak of."""
RESTATED = 0.5
"""Share of a sentence's words that stand in a source: above it the source was said again."""


def tones(text: str, *, ground: Ground) -> Iterator[Finding]:
    """Sentences that sound like what house rules 4 and 11 leave out, though no list says so."""
    said = _stems(ground.sources)
    spoken = _without_links(text)
    for start, end in sentences(text):
        plain = words(spoken[start:end])
        if _says_nothing_new(plain, said):
            continue
        shares, limits = ear("tone").shares(plain), ear("tone").limits
        above, code = max((shares[code] - limits[code], code) for code in TONES)
        if above > 0:
            yield finding(code, text, start, end)


def _says_nothing_new(plain: str, said: frozenset[str]) -> bool:
    stems = [word[:STEM] for word in words_of(plain) if len(word) >= TELLING]
    return len(stems) < FEWEST or sum(stem in said for stem in stems) >= RESTATED * len(stems)


@lru_cache(maxsize=256)
def _stems(sources: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word[:STEM] for text in sources for word in words_of(words(text)))


def _without_links(text: str) -> str:
    for link in find_links(text):
        text = text[: link.start] + " " * (link.end - link.start) + text[link.end :]
    return text
