"""Dutch numbers in words."""

import re

_SMALL = "een twee drie vier vijf zes zeven acht negen"
_TEENS = "tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien"
_TENS = "twintig dertig veertig vijftig zestig zeventig tachtig negentig"

DUTCH: dict[str, int] = {
    word: number for number, word in enumerate(f"{_SMALL} {_TEENS}".split(), 1)
} | {ten: 10 * tens for tens, ten in enumerate(_TENS.split(), 2)}
DUTCH |= {
    f"{small}{'ën' if small.endswith('e') else 'en'}{ten}": 10 * tens + number
    for tens, ten in enumerate(_TENS.split(), 2)
    for number, small in enumerate(_SMALL.split(), 1)
}

_WORD = "|".join(sorted(DUTCH, key=len, reverse=True))
_LARGE = re.compile(
    rf"(?:(?P<thousands>{_WORD})?(?P<thousand>duizend)(?:en)?)?"
    rf"(?:(?P<hundreds>{_WORD})?(?P<hundred>honderd)(?:en)?)?(?P<rest>{_WORD})?"
)


def count(word: str) -> int | None:
    """Return what `word`, in small letters, counts up to a hundred thousand; None for another."""
    said = _LARGE.fullmatch(word)
    if not (word and said):
        return None
    times = ((1000, "thousand"), (100, "hundred"))
    large = sum(DUTCH.get(said[f"{name}s"], 1) * size for size, name in times if said[name])
    return large + DUTCH.get(said["rest"], 0)
