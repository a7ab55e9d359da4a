"""Where a Dutch number plate stands in a text, however it is written."""

import re
from collections.abc import Iterator

from assistant.lists import listed

LAYOUTS = (
    *("LL DD DD", "DD DD LL", "DD LL DD", "LL DD LL", "LL LL DD", "DD LL LL", "DD LLL D"),
    *("D LLL DD", "LL DDD L", "L DDD LL", "LLL DD L", "L DD LLL", "D LL DDD", "DDD LL D"),
)
"""Letters and digits of the fourteen series (RDW "sidecodes"); mopeds have the same."""

_MARK = r"(?: ?- ?|[ .•]|)"
_SPELLED = "|".join(
    layout.replace(" ", _MARK).replace("L", "[A-Za-z]").replace("D", r"\d") for layout in LAYOUTS
)
_ANY = re.compile(
    r"(?<![^\W_])(?<![^\W_]-)(?=[A-Za-z0-9]{1,4}(?:[ .•-])|[A-Za-z0-9]{6}(?![^\W_]))"
    rf"(?:{_SPELLED})(?![^\W_])(?!-[^\W_])"
)
_MIXED = re.compile(
    r"(?<![\w-])(?=[\d-]*[A-Z])(?=[A-Z-]*\d)(?=[A-Z0-9-]*(?:\d[A-Z]|[A-Z]\d))"
    r"[A-Z0-9]{2}-[A-Z0-9]{2}-[A-Z0-9]{2}(?![\w-])"
)
"""As a plate in no series: mistyped, or of abroad."""
_DIGIT = re.compile(r"\d")
_CALLED = re.compile(
    r"(?i)(?:kenteken\w*|nummer(?:plaat|bord)|\bplates?)\W{1,3}(?:\w+\W{1,2}){0,3}$"
)
_BY_VEHICLE = re.compile(
    r"(?i)\b(?:auto|wagen|scooter|brommer|motor|bus|busje|bestelbus|bestelauto|vrachtwagen|vrachtauto|taxi"
    r"|aanhanger|aanhangwagen|camper|caravan|snorfiets|bromfiets|voertuig|car)\W{1,3}(?:\w+\W){0,3}$"
)
_WORDS = listed("short_words.txt")
"""Of two or three letters; that a plate spells one is a chance of its own."""
_UNITS = frozenset(
    (
        "km",
        "kg",
        "cm",
        "mm",
        "ml",
        "gb",
        "mb",
        "tb",
        "st",
        "mrt",
        "jr",
        "mnd",
        "hz",
        "kw",
        "wk",
        "pp",
    )
)
_VOWEL = re.compile(r"(?i)[aeiou]")
"""No plate since 1978 has one."""
_EVENT = re.compile(
    r"(?i)[a-z]{2}(?:19|20)\d\d|[a-z]*[aeiou][a-z]*(?<=[a-z]{4})\d\d|\d\d(?=[a-z]{4})[a-z]*[aeiou][a-z]*"
)
"""WK2026, WEEK38, 12MEEL: a word with a number."""


def find_plates(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, certain) of each plate in `text`; they may overlap.

    Certain is only what is called a plate or stands by a vehicle: anything else may be a code.
    """
    at = 0 if _DIGIT.search(text) else len(text)
    while match := _ANY.search(text, at):
        before, after = text[max(0, match.start() - 60) : match.start()], text[match.end() :][:2]
        called = _CALLED.search(before) is not None
        named = called or _BY_VEHICLE.search(before) is not None
        plate = _is_plate(match[0], called=called, named=named)
        at = match.start() + 1  # in "auto 12 AB 34" the word is no part of it
        if plate and not _goes_on(match[0], before, after):
            yield *match.span(), named
            at = match.end()
    for match in _MIXED.finditer(text):
        yield *match.span(), False


def _is_plate(words: str, *, called: bool, named: bool) -> bool:
    """Say whether `words`, spelled as a plate, are no amount, no date and not "3 van 12"."""
    marks = [each.strip() for each in re.findall(r"[^A-Za-z0-9]+", words)]
    alike = len(marks) != 1 and len(set(marks)) <= 1
    plain = not marks or "-" in marks
    if _speaks(words, dashed="-" in marks):
        return called and (plain or words.isupper())
    if called or (named and plain and (alike or words.isupper())):
        return True
    if not alike or _EVENT.fullmatch(words):
        return False
    return "-" in marks or words.isupper() or (words.islower() and not _VOWEL.search(words))


def _speaks(words: str, *, dashed: bool) -> bool:
    """Say whether the letters are words: the plainer a plate is written, the fewer are."""
    letters = re.findall(r"[a-z]+", words.casefold())
    said = [each for each in letters if each in _WORDS]
    sure = [each for each in said if each in _UNITS or _VOWEL.search(each)]
    if dashed:
        return sure == letters and words[0].isdigit() and words[-1].isdigit()
    told = sure if words.isupper() else said
    alone = all(each in told or len(each) == 1 for each in letters)
    return bool(told) and (alone or any(map(_VOWEL.search, told)))


def _goes_on(words: str, before: str, after: str) -> bool:
    """Say whether the digits of a spaced plate go on outside it, as a telephone number's do."""
    if not re.search(r"[ .]", words):
        return False
    return bool(
        (words[0].isdigit() and re.search(r"\d[ .]$", before))
        or (words[-1].isdigit() and re.match(r"[ .]\d", after))
    )
