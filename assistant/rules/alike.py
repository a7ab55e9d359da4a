"""What makes two posts nearly the same: the MinHash of the 4-grams of their folded words."""

from functools import cache
from hashlib import blake2b
from zlib import crc32

from assistant.rules.phrases import words

GRAM = 4
NUMBERS = 24
"""Numbers in a signature: with 24 the share that agrees is off by 0.1 (one standard deviation)."""
LEAST = 16
"""4-grams a post must have: of "bedankt voor alles" there are many that mean nothing together."""
_PRIME = (1 << 61) - 1


def signature(text: str) -> tuple[int, ...]:
    """Return numbers of which two texts share about as many as they share of their 4-grams.

    Empty where the text is too short to compare. Mentions and links do not count (Broder, 1997,
    "On the resemblance and containment of documents").
    """
    spoken = [each for each in words(text).split() if each != "/" and not each.startswith("@")]
    line = " ".join(spoken)
    grams = {crc32(line[at : at + GRAM].encode()) for at in range(len(line) - GRAM + 1)}
    if len(grams) < LEAST:
        return ()
    return tuple(
        min((factor * each + term) % _PRIME for each in grams) & 0xFFFFFFFF
        for factor, term in _orders()
    )


@cache
def _orders() -> tuple[tuple[int, int], ...]:
    """Return what puts the 4-grams in NUMBERS different orders, the same in every process."""
    digests = (blake2b(bytes([number]), digest_size=16).digest() for number in range(NUMBERS))
    return tuple(
        (int.from_bytes(each[:8]) % _PRIME | 1, int.from_bytes(each[8:]) % _PRIME)
        for each in digests
    )
