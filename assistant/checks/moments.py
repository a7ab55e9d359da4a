"""Times that are said without a number: moments, seasons and feasts, parts, turns."""

import re
from collections.abc import Iterable, Iterator, Mapping


def _by_word(said: Mapping[str, str]) -> dict[str, str]:
    """Return of each word what it says; `said` has the words of each meaning, between commas."""
    return {word: meaning for meaning, words in said.items() for word in words.split(",")}


MOMENTS = _by_word(
    {
        "today": "vandaag,today",
        "tomorrow": "morgen,morgenochtend,morgenmiddag,morgenavond,tomorrow",
        "after tomorrow": "overmorgen,the day after tomorrow",
        "yesterday": "gisteren,yesterday",
        "before yesterday": "eergisteren,the day before yesterday",
        "this morning": "vanmorgen,vanochtend,this morning",
        "this afternoon": "vanmiddag,this afternoon",
        "tonight": "vanavond,vannacht,deze avond,tonight,this evening",
        "this week": "deze week,this week",
        "next week": "volgende week,komende week,next week,coming week",
        "last week": "vorige week,afgelopen week,last week",
        "this month": "deze maand,this month",
        "next month": "volgende maand,komende maand,next month",
        "last month": "vorige maand,afgelopen maand,last month",
        "this quarter": "dit kwartaal,this quarter",
        "next quarter": "volgend kwartaal,komend kwartaal,next quarter",
        "this year": "dit jaar,this year",
        "next year": "volgend jaar,komend jaar,next year",
        "last year": "vorig jaar,afgelopen jaar,last year",
        "noon": "het middaguur,noon",
        "midnight": "middernacht,midnight",
    }
)
PERIODS = _by_word(
    {
        "weekend": "weekend,weekeinde,weekends",
        "spring": "voorjaar,lente,spring",
        "summer": "zomer,summer",
        "autumn": "najaar,herfst,autumn",
        "winter": "winter",
        "holiday": "vakantie,zomervakantie,herfstvakantie,kerstvakantie,meivakantie,"
        "voorjaarsvakantie,holiday,holidays",
        "christmas": "kerst,kerstmis,christmas",
        "easter": "pasen,easter",
        "whitsun": "pinksteren,whitsun",
        "king's day": "koningsdag",
        "new year": "oud en nieuw,jaarwisseling,new year",
    }
)
EVERY = _by_word(
    {
        "day": "dagelijks,daily",
        "week": "wekelijks,weekly",
        "month": "maandelijks,monthly",
        "year": "jaarlijks,yearly,annually",
        "quarter": "elk kwartaal,ieder kwartaal,quarterly",
    }
)
FREE = ("gratis", "kosteloos", "free of charge", "for free", "at no cost")
_UNITS = {"dag": "day", "week": "week", "maand": "month", "jaar": "year"}
_TURNS = r"(?:elke?|iedere?|every|each|eens per|[eé][eé]n keer per|1 keer per|om de|once an?|per)"
_UNIT = "dag|day|week|maand|month|jaar|year"


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_WHEN = (
    r"voor|vóór|na|tot|tegen|rond|sinds|vanaf|tijdens|in|met|op|at|dit|deze|komende?|aanstaande?|volgende?"
    r"|afgelopen|vorige?|elke?|iedere?|before|by|after|during|over|around|until|this|next|last|every"
)
_END = r"eind|einde|begin|halverwege|loop|end|start|beginning|middle"
SAID = (
    rf"(?P<moment>(?<!goede )(?<!goeden)(?<!goeie )(?:{_any(MOMENTS)})\b)"
    rf"|(?P<period>(?:{_WHEN})\s(?:(?:het|de|dit|deze|komende?|the|next)\s)?(?:{_any(PERIODS)})\b)"
    rf"|(?P<part_of>(?:{_END})\s(?:(?:van|of)\s)?(?:de|het|the|dit|deze|this|volgende?|komende?|next)\s"
    r"(?:week|maand|month|jaar|year|dag|day|ochtend|middag|avond)\b)"
    rf"|(?P<every>(?:{_any(EVERY)})\b|(?!per\s){_TURNS}\s(?:{_UNIT})\b)"
    rf"|(?P<free>(?:{_any(FREE)})\b)"
)
"""Alternatives of one pattern, each with a name in READERS."""


def _moment(words: str) -> set[str]:
    moment = MOMENTS[" ".join(words.lower().split())]
    clock = {"noon": {"time 12:0"}, "midnight": {"time 24:0", "time 0:0"}}
    return {moment} | clock.get(moment, set())


def _period(words: str) -> set[str]:
    low = words.lower()
    return {f"period {PERIODS[max((word for word in PERIODS if low.endswith(word)), key=len)]}"}


def _part_of(words: str) -> set[str]:
    first, *between, last = words.lower().split()
    place = {"eind": "end", "einde": "end", "loop": "course", "begin": "start"}.get(first, first)
    near = {"volgende": "next", "komende": "next", "deze": "this", "dit": "this"}
    said = next((near.get(word, word) for word in between if word in (*near, *near.values())), "")
    unit = _UNITS.get(last, last)
    return {f"{place} of {unit}"} | ({f"{said} {unit}"} if said else set())


def _every(words: str) -> set[str]:
    low = words.lower()
    unit = EVERY.get(low) or _UNITS.get(low.split()[-1], low.split()[-1])
    return {f"every {unit}"}


READERS = {
    "moment": _moment,
    "period": _period,
    "part_of": _part_of,
    "every": _every,
    "free": lambda _: {"euro 0"},
}
FIRST_WORDS = frozenset(
    word.split()[0]
    for word in (
        *MOMENTS,
        *EVERY,
        *FREE,
        *f"{_WHEN}|{_END}".replace("?", "").split("|"),
        *("elk", "ieder", "komend", "aanstaand", "volgend", "vorig"),
        *("each", "eens", "om", "once", "één", "eén"),
    )
)
"""What any of them can begin with."""


def told(text: str) -> Iterator[str]:
    """Yield what a source in small letters tells of such times, read generously."""
    for word in re.findall(rf"\b(?:{_any(PERIODS)})\b", text):
        yield f"period {PERIODS[word]}"
    if re.search(r"\b(?:zaterdag|zondag|saturday|sunday)", text):
        yield "period weekend"
    for unit in re.findall(rf"\b{_TURNS}\s({_UNIT})\b", text):
        yield f"every {_UNITS.get(unit, unit)}"
    if re.search(
        r"\b(?:gratis|kosteloos|free|geen (?:extra )?kosten|kost(?:en)? (?:u |je )?niets"
        r"|niets? (?:te )?betalen|zonder kosten|no (?:charge|cost|fee))\b",
        text,
    ):
        yield "euro 0"
