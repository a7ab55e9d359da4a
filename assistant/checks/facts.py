"""Numbers, dates, times, amounts and durations of a reply, each to be found in a cited source."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from assistant.checks import moments
from assistant.checks.findings import Finding, Ground, finding
from assistant.checks.links import find_links
from assistant.clean import fold
from assistant.numerals import DUTCH, count
from assistant.personal import national

_TENS_EN = "twenty thirty forty fifty sixty seventy eighty ninety"
COUNTS: dict[str, float] = {
    word: number
    for first, words in (
        (1, "één two three four five six seven eight nine ten eleven twelve thirteen fourteen"),
        (1, "a one"),
        (15, "fifteen sixteen seventeen eighteen nineteen"),
    )
    for number, word in enumerate(words.split(), first)
}
COUNTS |= DUTCH | {ten: 10 * number for number, ten in enumerate(_TENS_EN.split(), 2)}
COUNTS |= {"one": 1, "an": 1, "half": 0.5, "halve": 0.5, "anderhalf": 1.5, "anderhalve": 1.5}
LARGE = ("honderd", "duizend", "miljoen", "miljard", "hundred", "thousand", "million", "billion")
"""Words ending so must stand in the source as they are: they are not worked out."""

ORDINALS = {
    word: number
    for words in (
        "eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde",
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    )
    for number, word in enumerate(words.split(), 1)
}
UNITS = {
    word: unit
    for unit, words in {
        "minute": "minuut minuten minute minutes min",
        "hour": "uur uren hour hours",
        "day": "dag dagen day days kalenderdagen etmaal",
        "workday": "werkdag werkdagen workday workdays",
        "week": "week weken weeks wk",
        "month": "maand maanden month months",
        "year": "jaar jaren year years",
        "metre": "meter m metre metres meters",
        "kilometre": "kilometer km kilometre kilometres",
        "kilo": "kilo kg kilogram",
        "litre": "liter litre litres",
        "square": "m2 m²",
        "cube": "m3 m³ kuub",
    }.items()
    for word in words.split()
}
AS_MANY = {"week": (7, "day"), "year": (12, "month")}
"""A fortnight is fourteen days; one day is not said as hours."""
MONTHS = {
    name: month
    for names in (
        "januari februari maart april mei juni juli augustus september oktober november december",
        "january february march april may june july august september october november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "jan feb mar apr may jun jul aug sept oct nov dec",
    )
    for month, name in enumerate(names.split(), 1)
}
DAYS = {
    name: day
    for names in (
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "monday tuesday wednesday thursday friday saturday sunday",
    )
    for day, name in enumerate(names.split())
}
SHORT_DAYS = {"ma": 0, "di": 1, "wo": 2, "do": 3, "vr": 4, "za": 5, "zo": 6}
PARTS = (
    *("helft", "kwart", "driekwart", "kwartier", "kwartiertje", "halfuur", "halfuurtje", "uurtje"),
    *("dozijn", "tientje", "handvol", "tientallen", "honderden", "duizenden", "dozen", "dozens"),
)
"""Numbers that are said without a number."""
FRACTIONS = {"helft": 2, "derde": 3, "third": 3, "kwart": 4, "quarter": 4, "driekwart": "3/4"}
DAY_ENDS = ("s", "en", "ochtend", "middag", "avond", "nacht")
ALWAYS_KNOWN = ("112", "113", "0800-0113", "0900-8844")
"""Emergency, suicide prevention and police: no source is needed to name them."""


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_NUM = r"(?:\d{1,3}(?:[.,\u00a0 ]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,2})?(?!\d))"
_SAID = _any(word for word, n in COUNTS.items() if n != 1 or word == "één")
_DAY = r"\d{1,2}(?:e|ste|st|nd|rd|th)?"
_MONTH = rf"(?:{_any(MONTHS)})\b\.?"
_YEAR = r"(?:,?\s(?:19|20)\d\d)?"
_LARGE = r"(?:\s?(?:miljoen|miljard|duizend|million|billion|thousand|mln|mld)\b\.?)?"
_ARTICLE_AFTER = (
    r"binnen|over|na|voor|gedurende|ongeveer|circa|duurt|duren|in|within|after|for|about|takes"
    r"|lasts"
)
_CLOCK = r"(?:[01]?\d|2[0-4])"

# In order of precedence, those that begin with a digit or sign before those that begin with a
# word; each name has its reader in READERS.
_FACT = re.compile(
    r"(?i)(?=[\d€+])(?<![\w.,])(?:"
    r"(?P<phone>(?:(?:\+31|0031|0)(?:[ ().-]{0,2}\d){8,9}"
    r"|0[89]00[ -]?\d(?:[ -]?\d){3,6}|14 ?0\d{2,4})(?![\w-]))"
    rf"|(?P<amount>€\s?{_NUM}(?:,-+)?{_LARGE}"
    rf"|{_NUM}(?:,-+)?{_LARGE}\s?(?:€|euro\b|eur\b|cents?\b)(?:\s\d\d\b(?!\s?\w))?)"
    rf"|(?P<percent>{_NUM}\s?(?:%|procent\b|percent\b))"
    r"|(?P<numeric_date>(?<![/-])(?:\d{4}-\d{1,2}-\d{1,2}"
    r"|\d{1,2}(?P<mark>[-/.])\d{1,2}(?P=mark)(?:20)?\d\d"
    rf"|\d{{1,2}}[-/](?:0?[1-9]|1[0-2])(?!\s?(?:{_any(UNITS)}|euro|procent|%)))(?![\w/-]))"
    rf"|(?P<named_date>{_DAY}\s(?:of\s)?{_MONTH}{_YEAR})"
    rf"|(?P<time>(?<!:)(?:{_CLOCK}:[0-5]\d(?!\d)(?:\s?(?:uur|u|h|am|pm)\b)?"
    rf"|{_CLOCK}\.[0-5]\d\s?(?:uur|u|h|am|pm)\b"
    r"|(?:0?[1-9]|1[0-2])\s?(?:am|pm|a\.m\.|p\.m\.)(?!\w)))"
    rf"|(?P<duration>{_NUM}[ -]?(?:(?:working|business)\s(?=days?\b))?(?:{_any(UNITS)})(?!\w))"
    r"|(?P<number>\d{1,3}(?:[.,\u00a0 ]\d{3})+(?![\w.,]\d)|\d+[.,]\d{1,2}(?!\w)|\d\w*))"
    r"|(?=[a-zé])(?<!\w)(?:"
    rf"(?P<said_amount>euro?\s?{_NUM})"
    rf"|(?P<large>[^\W\d_]{{0,30}}(?:{'|'.join(LARGE)})(?:(?:en)?(?:{_any(DUTCH)}))?\b"
    rf"(?:\s(?:euro|{_any(UNITS)})\b)?)"
    rf"|(?P<said_date>{_MONTH}\s{_DAY}\b(?!\s?(?:{_any(UNITS)})\b){_YEAR})"
    rf"|(?P<within>(?:{_ARTICLE_AFTER})\s(?:een|één|a|an|one)\s(?:{_any(UNITS)})\b"
    r"|(?:binnen het uur|within the hour)\b)"
    rf"|(?P<month>(?:in|vanaf|tot|eind|begin|half|halverwege|medio|rond|since|from|until|by|van)\s(?:{_any(MONTHS)})\b)"
    rf"|(?P<weekday>(?:{_any(DAYS)})(?:{_any(DAY_ENDS)})?\b)"
    rf"|{moments.SAID}"
    rf"|(?P<few>(?:paar|enkele|aantal|few|couple of)\s(?:euro|{_any(UNITS)})\b)"
    rf"|(?P<half>half\s(?:{_any(word for word, n in DUTCH.items() if n <= 12)})\b)"
    rf"|(?P<part>(?:{_any(PARTS)})\b|(?:eerste|tweede|derde|vierde|laatste)\skwartaal\b"
    r"|(?:derde\s(?:van|deel)|third\sof|quarter\sof|half\sprice)\b)"
    rf"|(?P<said>(?:{_SAID})\b"
    rf"(?:\s(?:euro|cents?|(?:(?:working|business)\s)?(?:{_any(UNITS)}))\b)?)"
    r"|(?P<code>[^\W\d_]{1,12}\d\w*))"
)
_WORD = re.compile(r"(?P<number>[^\W\d_]{0,12}\d\w*|[€+])|[^\W\d_]+")
_TELLING = (
    frozenset(
        word.split()[0]
        for word in (
            *MONTHS,
            *COUNTS,
            *DAYS,
            *(f"{day}{end}" for day in DAYS for end in DAY_ENDS),
            *PARTS,
            *ORDINALS,
            *("laatste", "quarter", "paar", "enkele", "aantal", "few", "couple"),
            "euro",
            "eur",
        )
    )
    | frozenset(
        (
            _ARTICLE_AFTER
            + "|vanaf|tot|eind|begin|half|halverwege|medio|rond|since|from|until|by|van"
        ).split("|")
    )
    | moments.FIRST_WORDS
)
"""Words a fact can begin with: only there is it looked for."""

_LIST_NUMBER = re.compile(r"(?m)^\s*\d{1,2}[.)]\s|\d\ufe0f?\u20e3")
_DAY_END = re.compile(rf"(?<=g|y)(?:{_any(DAY_ENDS)})$")
_MARKS = frozenset("@#^")
_TOKEN = re.compile(r"\S+")


class Fact(NamedTuple):
    """text[start:end] states something; a source states it too when it has one of `keys`."""

    start: int
    end: int
    keys: frozenset[str]


def _value(words: str) -> float:
    """Read a number as Dutch or English writes it: 1.250,50 and 1,250.50 and twelve."""
    match = re.search(_NUM, words)
    if match is None:
        return float(next((COUNTS[w] for w in words.lower().split() if w in COUNTS), 0))
    digits = re.sub(r"\s", "", match[0])
    whole, mark, cents = re.fullmatch(r"(.*?)(?:([.,])(\d{1,2}))?", digits).groups()  # type: ignore[union-attr]
    return float(f"{re.sub(r'[.,]', '', whole)}.{cents or 0}" if mark else re.sub(r"\D", "", whole))


def _amount(words: str) -> set[str]:
    low = words.lower()
    value = _value(low)
    cents = re.search(r"\d\s?(?:euro|€)\s(\d\d)$", low)
    for word, times in (("mil", 1e6), ("ml", 1e6), ("duizend", 1e3), ("thousand", 1e3)):
        value *= times if word in low and "mld" not in low and "miljard" not in low else 1
    value *= 1e9 if re.search(r"mld|miljard|billion", low) else 0.01 if "cent" in low else 1
    return {f"euro {value + (int(cents[1]) / 100 if cents else 0):g}"}


def _numeric_date(words: str) -> set[str]:
    parts = [int(part) for part in re.split(r"[-/.]", words)]
    if re.match(r"\d{4}", words):
        parts.reverse()
    day, month, *year = parts
    return {f"date {month}-{day}" + (f"-{year[0] % 100}" if year else "")}


def _named_date(words: str) -> set[str]:
    name = next(word for word in re.findall(r"[^\W\d_]+", words.lower()) if word in MONTHS)
    day, *year = re.findall(r"\d+", words)
    return {f"date {MONTHS[name]}-{int(day)}" + (f"-{int(year[0]) % 100}" if year else "")}


def _time(words: str) -> set[str]:
    hour, *minutes = map(int, re.findall(r"\d+", words))
    low = words.lower()
    if re.search(r"p\.?m", low) and hour < 12:
        hour += 12
    return {f"time {hour}:{minutes[0] if minutes else 0}"}


def _duration(words: str) -> set[str]:
    *said, unit = re.findall(r"[\d.,]+|[^\W\d_]+[²³23]?", words.lower())
    name = UNITS[unit] if {"working", "business"}.isdisjoint(said) else "workday"
    value = _value(" ".join(said))
    also = {f"time {value:g}:0"} if name == "hour" else set[str]()
    if name in AS_MANY:
        times, other = AS_MANY[name]
        also |= {f"{other} {value * times:g}"}
    return {f"{name} {value:g}"} | also


def _number(words: str) -> set[str]:
    ordinal = re.fullmatch(r"(?i)(\d+)(?:e|de|ste|st|nd|rd|th)", words)
    if ordinal:
        return {f"{int(ordinal[1])}"}
    if re.fullmatch(r"[\d.,\s]+", words):
        clock = re.fullmatch(r"(\d{1,2})\.([0-5]\d)", words)
        also = {f"time {int(clock[1])}:{int(clock[2])}"} if clock else set[str]()
        return {f"{_value(words):.10g}"} | also
    return {words.casefold()}


def _said(words: str) -> set[str]:
    """A number in letters; alone it must be two or more, and "ten" is also "ten slotte"."""
    first, *rest = words.lower().split()
    if rest:
        return _duration(words) if rest[-1] in UNITS else _amount(words)
    return {f"{COUNTS[first]:g}"} if COUNTS[first] >= 2 and first != "ten" else set()


def _large(words: str) -> set[str]:
    """A number in letters of a hundred and up; what it cannot read must be said just so."""
    first, *rest = words.casefold().split()
    number = count(first) or {"hundred": 100, "thousand": 1000}.get(first)
    if number is None:
        return {words.casefold()}
    if not rest:
        return {first, f"{number}"}
    return _duration(f"{number} {rest[0]}") if rest[0] in UNITS else {f"euro {number}"}


def _part(words: str) -> set[str]:
    first = words.casefold().split()[0]
    return {words.casefold()} | ({f"fraction {FRACTIONS[first]}"} if first in FRACTIONS else set())


READERS: dict[str, Callable[[str], set[str]]] = {
    "phone": lambda words: {f"phone {national(words)}"},
    "amount": _amount,
    "percent": lambda words: {f"percent {_value(words):g}"},
    "numeric_date": _numeric_date,
    "named_date": _named_date,
    "said_amount": _amount,
    "large": _large,
    "half": lambda words: {f"half {COUNTS[words.lower().split()[1]]:g}"},
    "part": _part,
    "said_date": _named_date,
    "within": lambda words: _duration(re.sub(r"(?i) (?:het|the) ", " een ", words)),
    "said": _said,
    "code": _number,
    "time": _time,
    "duration": _duration,
    "month": lambda words: {f"month {MONTHS[words.lower().split()[1]]}"},
    "weekday": lambda words: {f"weekday {DAYS[_DAY_END.sub('', words.lower())]}"},
    "few": lambda words: {f"few {UNITS.get(words.lower().split()[-1], 'euro')}"},
    "number": _number,
} | moments.READERS


def find_facts(text: str) -> Iterator[Fact]:
    """Yield what `text` states in numbers; links, mentions, tags and initials state nothing."""
    plain = _stating(fold(text))
    done = 0
    for word in _WORD.finditer(plain):
        low = word[0].lower()
        told = word["number"] or low in _TELLING or any(large in low for large in LARGE)
        match = _FACT.match(plain, word.start()) if told and word.start() >= done else None
        if match:
            done = match.end()
            kind = next(name for name in READERS if match[name] is not None)
            keys = READERS[kind](match[0])
            if keys:
                yield Fact(match.start(), done, frozenset(keys))


def _stating(text: str) -> str:
    """Blank out links, addresses, mentions, tags, initials and list numbers."""
    spans = [(link.start, link.end) for link in find_links(text)]
    spans += [word.span() for word in _TOKEN.finditer(text) if not _MARKS.isdisjoint(word[0])]
    spans += [number.span() for number in _LIST_NUMBER.finditer(text)]
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


@lru_cache(maxsize=256)
def stated(texts: tuple[str, ...]) -> frozenset[str]:
    """Return all that `texts` state, read generously: it may only make fewer findings."""
    keys: set[str] = set()
    for text in texts:
        plain = fold(text)
        for fact in find_facts(plain):
            keys |= fact.keys
        keys |= {f"{int(digits)}" for digits in re.findall(r"\d+", plain)}
        keys |= {f"phone {national(digits)}" for digits in re.findall(r"[\d() +-]{3,}", plain)}
        keys |= set(_by_word(plain.casefold())) | set(_clock(plain))
        keys |= set(moments.told(plain.casefold()))
    return frozenset(keys | {key.rpartition("-")[0] for key in keys if key.count("-") == 2})


def _clock(text: str) -> Iterator[str]:
    """Times on the clock, in the afternoon also as people say them: 20.00 is eight o'clock."""
    yield from (f"fraction {part}" for part in re.findall(r"(?<![\d/])1/([2-4])(?![\d/])", text))
    for hour, minute in re.findall(r"(?<!\d)(\d{1,2})[.:]([0-5]\d)(?!\d)", text):
        for said in {int(hour), int(hour) - 12 if int(hour) > 12 else int(hour)}:
            yield f"time {said}:{int(minute)}"
            yield f"{said}"
            if minute == "30":
                yield f"half {said % 12 + 1}"


def _by_word(text: str) -> Iterator[str]:
    """Months, weekdays and their ranges, and counts that a reply may write in another way."""
    words = re.findall(r"[^\W\d_]+", text)
    yield from (f"month {MONTHS[word]}" for word in words if word in MONTHS)
    yield from (f"{n:g}" for word in words if (n := COUNTS.get(word) or ORDINALS.get(word)))
    for unit in re.findall(rf"\b(?:een|één|a|an|one)\s({_any(UNITS)})\b", text):
        yield f"{UNITS[unit]} 1"
    days = DAYS | SHORT_DAYS
    span = rf"\b({_any(days)})\s?(?:t/m|tot en met|tot|-|–|through|to|until)\s?({_any(days)})\b"
    for first, last in re.findall(span, text):
        yield from (
            f"weekday {(days[first] + i) % 7}" for i in range((days[last] - days[first]) % 7 + 1)
        )
    yield from (f"weekday {SHORT_DAYS[word]}" for word in words if word in SHORT_DAYS)


def unsourced(text: str, *, ground: Ground) -> Iterator[Finding]:
    """What no approved source states is a promise nobody approved (house rule 11)."""
    ours = (*ground.own.phones, *ground.own.addresses, *ALWAYS_KNOWN)
    known = stated((*ground.sources, *ours))
    for fact in find_facts(text):
        if known.isdisjoint(fact.keys):
            yield finding("unsourced", text, fact.start, fact.end)
