"""Plain language and good form: long sentences, hard words, greeting and initials."""

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files

from assistant.checks.findings import GREETING, Finding, Ground, finding, sentences

LONGEST_SENTENCE = 18
"""Words. Plain Dutch has 12 on average and 18 at most; a longer one is a hint, not a fault."""

HARD_WORDS: dict[str, str] = {
    word: plain
    for words in tomllib.loads(
        (files("assistant") / "lists" / "hard_words.toml").read_text("utf-8")
    ).values()
    for word, plain in words.items()
}
_BY_FIRST_WORD: dict[str, list[str]] = {}
for _hard in sorted(HARD_WORDS, key=len, reverse=True):
    _BY_FIRST_WORD.setdefault(_hard.split()[0], []).append(_hard)
_SIGNED = re.compile(r"(?:\^[^\W\d_]{2,4}[.!]?\s*)+$")
_SIGN = re.compile(r"\^([^\W\d_]+)")
_WORD = re.compile(r"\w[\w'’.-]*")


def long_sentences(text: str, *, ground: Ground) -> Iterator[Finding]:
    """A sentence over 18 words is read twice by many, and not at all by some."""
    for start, end in sentences(text):
        count = len(_WORD.findall(text, start, end))
        if count > LONGEST_SENTENCE:
            yield finding("long_sentence", text, start, end, count=count)


def hard_words(text: str, *, ground: Ground) -> Iterator[Finding]:
    """An official word with an everyday one beside it; each is told once."""
    told: set[str] = set()
    for match in _WORD.finditer(text):
        start = match.start()
        for hard in _BY_FIRST_WORD.get(match[0].casefold(), ()):
            end = start + len(hard)
            here = text[start:end].casefold() == hard and not text[end : end + 1].isalnum()
            if here and hard not in told:
                told.add(hard)
                yield finding("hard_word", text, start, end, plain=HARD_WORDS[hard])


def no_greeting(text: str, *, ground: Ground) -> Iterator[Finding]:
    """A person writes to a person."""
    if not GREETING.match(text):
        yield finding("no_greeting", text, 0, 0)


def initials(text: str, *, ground: Ground) -> Iterator[Finding]:
    """Whoever sends signs, and nobody in another's name (house rule 12)."""
    if not ground.initials:
        return
    signed = _SIGNED.search(text)
    signs = _SIGN.finditer(text, signed.start()) if signed else ()
    others = [each for each in signs if each[1].upper() != ground.initials]
    for each in others:
        yield finding("other_initials", text, *each.span(), initials=ground.initials)
    if not others and not text.rstrip().endswith(f"^{ground.initials}"):
        yield finding("no_initials", text, len(text), len(text), initials=ground.initials)
