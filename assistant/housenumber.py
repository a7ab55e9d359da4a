"""Whether a number behind a street is a house's: what stands around it tells."""

import re
from itertools import takewhile
from typing import Literal

from assistant.lists import listed

Reading = Literal["house", "perhaps", "other"]
EMERGENCY = 112

MONTHS = (
    *("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september"),
    *("oktober", "november", "december"),
)
_UNIT = (
    r"(?:%|€|(?:[xe]|uur|uren|minuut|minuten|min|dag|dagen|werkdagen|week|weken|maand|maanden|jaar"
    r"|keer|maal|meter|m2?|km|cm|mm|ton|kilo|kg|liter|euro|cent|man|stuks|procent|graden|nacht|avond"
    r"|hoog|miljoen|miljard|duizend|honderd|hours?|minutes|days?|weeks?|years?|times|percent)\b)"
)
_UP_TO = r"(?:\s?(?:-|–|/|t/m|tot(?: en met)?|à|of)\s?\d{1,3}(?:[.:]\d\d)?)?"
_MEASURE = re.compile(
    rf"[\d%:.,/]*\d|{_UP_TO}\s?{_UNIT}|-(?:\d|(?!(?:hs|huis|bis|zw)\b)[a-z]{{2}})"
)
"""A time, a term, an amount; 12-05-2026 and "30-zone" too."""
_SOME_OF = r"\s(?:van (?:de|die|deze|onze|jullie)(?! (?:week|maand|nacht))|op de \d)\b"
_FEW = re.compile(_SOME_OF)
_ONE = re.compile(rf"{_SOME_OF}|\s(?:groot|grote|hele|en al)\b")
"""As in "one of the neighbours" and "one great mess"."""
_CALLED = re.compile(r",?\s(?:ge)?bel")
_MONTH = re.compile(
    rf"(?i)(?:\s?en\s\d{{1,2}}|{_UP_TO})\s?(?:{'|'.join(MONTHS)}|jan|feb|mrt|apr|aug|sept?|okt|nov|dec)\b"
)
_DAYS = re.compile(
    rf"(?i)\s?(?:-|–|/|t/m|tot|of|en)\s?\d|\s?\w+\.?\s(?:{'|'.join(MONTHS)}|\d{{4}})\b"
)
"""Of a date that can be nothing else: from one day to another, or with its year."""
_HOUR = re.compile(
    r"\s?[uU]\b\.?(?P<you>\s(?:kunt?|krijgt|ontvangt|hebt|heeft|had|bent|was|moet|mag|wilt?|zult?|zal"
    r"|ziet|vindt|woont|staat|komt|gaat|hoeft|betaalt|meldt|belt)\b)?"
)
"""Eight o'clock is "20 u"; in "20 u krijgt" somebody may be addressed."""
_ARTICLE = re.compile(r"(?i)(?<!aan )\b(?:de|het|'t|deze|die|dit|dat|onze)\s$")
_WORD = r"[\w’'-]"
_COUNTED = re.compile(
    rf"{_UP_TO}\s(?:(?!(?:de|die|deze|je|we|ze|me|te|onze|alle|hele|elke|welke|hoe|mede)\s)[a-zà-ÿ]+e\s"
    r"|(?:extra|dode|open|houten|stalen|gratis|nieuw|klein|fout|verkeerd|slecht|half)\s){0,2}"
    rf"(?!(?:{'|'.join(listed('goes_on.txt'))})\b)"
    rf"(?:(?P<known>{_WORD}*(?:{'|'.join(listed('counted.txt'))}|jes|[’']s))"
    rf"|[a-zà-ÿ]{_WORD}*(?:en|s))(?!{_WORD})"
)
"""What is counted, known or by its plural alone; a verb or a preposition can end as one does."""


def reads_as(number: str, *, before: str, after: str) -> Reading:
    """Say what a number behind a street is, from what stands before the street and after both.

    `perhaps` where an hour, a date or a count would be written so too.
    """
    value = int("".join(takewhile(str.isdecimal, number)))
    if _MEASURE.match(after) or re.fullmatch(r"\d+[xX]", number):
        return "other"
    if re.search(r"\d ?[a-zA-Z]", number):
        return _lettered(number, value, after)
    counts = (_hour, _date, _count)
    return next((said for each in counts if (said := each(value, before, after))), "house")


def _lettered(number: str, value: int, after: str) -> Reading:
    """A house number with a letter: "20u" is an hour, and "3e keer" a turn."""
    if number[-1] in "uU":
        return _hour(value, "", f" u{after}") or "house"
    return "perhaps" if re.match(r"\d+e$", number) and re.match(r"\s[a-z]", after) else "house"


def _hour(value: int, before: str, after: str) -> Reading | None:
    match = _HOUR.match(after) if value <= 24 else None
    return None if match is None else "perhaps" if match["you"] else "other"


def _date(value: int, before: str, after: str) -> Reading | None:
    if not 1 <= value <= 31 or not _MONTH.match(after):
        return None
    return "other" if _ARTICLE.search(before) or _DAYS.match(after) else "perhaps"


def _count(value: int, before: str, after: str) -> Reading | None:
    few = {1: _ONE, EMERGENCY: _CALLED}.get(value, _FEW if value <= 10 else None)
    if few and few.match(after):
        return "other"
    match = _COUNTED.match(after) if value > 1 else None
    return None if match is None else "other" if match["known"] else "perhaps"
