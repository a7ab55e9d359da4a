"""Where an address stands in a text: street, number and postcode as people write them."""

import re
from collections.abc import Iterator

from assistant.housenumber import MONTHS, Reading, reads_as
from assistant.lists import listed
from assistant.numerals import DUTCH

_POSTCODE = r"[1-9]\d{3}\s?(?!SA|SD|SS)[A-Z]{2}\b"
_NUMBER = r"\d{1,4}(?:-?[a-zA-Z]\b|\s[A-Z]\b|-\d{1,3}\b|\s?-?(?:hs|huis|bis|rood|zw)\b)?(?![^\W_])"
_SAID = "|".join((*sorted(DUTCH, key=len, reverse=True), "één", r"honderd\w*"))
_CALLED = r"(?:(?:huis)?(?:nummer|nr\.?)|no\.?)"
"""What stands before a house number that is called so."""
_HOUSE = rf"(?P<called>{_CALLED}\s*)?(?P<number>(?!(?:19|20)\d\d\b){_NUMBER})"
_NO_STREETS = listed("not_streets.txt")
_NO_STREET = re.compile(r"(?i).*(?:schildpad|blokkade|brand|[aou]ring|(?<!wet)ering)")
"""Words that end as a street does and are none: those listed, and all that end so."""
_SURE_END = (
    r"straat|str\.?|laan|weg|plein|gracht|kade|dijk|singel|hof|pad|dreef|steeg|plantsoen|markt"
    r"|(?:straat|laan|plein|weg|hof|pad)je|laantje|strjitte|leane|dyk|paad"
)
"""Endings that few other words have: in small letters too they make a street."""
_LIKELY_END = (
    r"park|boulevard|wal|brink|erf|vaart|haven|werf|baan|ring|weide|akker|veld|kamp|hoek|donk|horst"
    r"|gaarde|tuin|zoom|rand|bos|meent|waard|oever|molen|hoeve|vest|stede|hage|duin|wetering|zijde"
    r"|poort"
)
_STREET = re.compile(
    rf"[A-ZÀ-Þ].*(?i:{_SURE_END}|{_LIKELY_END})"
    r"|(?P<bare>Markt|Plein|Brink|Singel|Dijk|Kade|Gracht|Haven|Dam)"
    rf"|(?P<small>[a-zà-ÿ].{{2,30}}(?:(?:{_SURE_END})|(?P<likely>{_LIKELY_END})))"
)
"""The last word of a street's name, which may be the only one."""
_FIRST_WORDS = re.compile(
    r"(?<!\w)(?:(?!(?:Op|In|Aan|Bij|Van|Voor|Naar|Langs|Over|Achter|Naast|Rond|Uit|Door)\s)"
    r"[A-ZÀ-Þ][\w.'’-]{0,30}\s+(?:van|de|der|den|ten|ter|het|'t)\s+(?:de\s+|der\s+|den\s+)?"
    r"|(?:Lange|Korte|Oude|Nieuwe|Grote|Kleine|Hoge|Lage|Eerste|Tweede|Derde|Sint|Prins|Prinses"
    r"|Koningin|Koning|Graaf|Burgemeester|Pastoor|Professor|1e|2e|3e)\s+)$"
)
_LANE_OF = re.compile(
    r"(?<!\w)(?:Laan|Plein|Weg|Hof|Park|Kade|Dijk)\s+(?:van\s+)?(?:de\s+|der\s+|het\s+|den\s+)?"
    r"(?:[A-ZÀ-Þ]\w{1,30}\s)?$"
)
"""What begins a name whose last word is no street's: "Laan van Meerdervoort"."""
_OPENS = re.compile(r"(?:^|[.!?:\n])\s*$")
_NUMBERED = re.compile(
    r"(?<!\w)(?P<word>[^\W\d_](?:[^\W\d_]|['’.-](?=[^\W\d_])){1,40}\.?)[\s,]{0,3}"
    rf"(?:{_HOUSE}(?P<code>[\s,]{{1,3}}{_POSTCODE})?"
    rf"|{_CALLED}\s(?:{_SAID})\b|(?!(?:een|één)\s)(?:{_SAID})\s(?:hs|bis|rood|zwart|huis)\b)"
)
_ANY_STREET = re.compile(r"(?i)\b(?:een|geen|elke?|iedere?|per|welke|zo['’]n)\s(?:[a-z]+e?\s)?$")
"""Before a word in small letters: no street by name, but one of many."""
# A quarter or farm has no street's ending, but a number with a postcode tells what it is.
_NAMED_NUMBER = re.compile(
    r"\b[A-ZÀ-Þ][\w'’-]{1,30}(?:\s[A-ZÀ-Þ][\w'’-]{1,30}){0,2}\s(?!(?:19|20)\d\d\b)"
    rf"{_NUMBER}[\s,(]{{1,3}}{_POSTCODE}"
)
_NO_YEAR = "".join(rf"(?<!(?i:{month})\s)" for month in MONTHS)
"""Capitals after the year of a date are words: "12 MAART 2026 OM 20 UUR"."""
_POSTCODE_NUMBER = re.compile(rf"{_NO_YEAR}\b(?P<code>{_POSTCODE})(?:(?:[\s,]{{0,3}}|-){_HOUSE})?")
_LOWER_POSTCODE_NUMBER = re.compile(
    rf"\b[1-9]\d{{3}}(?:\s?[a-z]{{2}}[\s,]{{1,3}}(?={_CALLED})"
    rf"|(?![kmc]m|k[gw]|[mg]b|ml|eu)[a-z]{{2}}[\s,]{{1,3}}){_HOUSE}"
)
_NO_THING = (
    r"(?!\s(?i:light|lamp|lantern|sign|bin|tree|bench|crossing|corner|marking|work|closure|name|market"
    r"|part(?:y|ies)|pole|post|camera|sweeper|cleaner)(?:e?s)?\b)"
)
"""As in "3 broken street lights", also where somebody gave it capitals."""
_ENGLISH = re.compile(
    r"(?<!\w)(?<!(?i:week)\s)(?:(?:Flat|Apartment|Apt\.?|Unit)\s\w{1,4},?\s)?(?!(?:19|20)\d\d\b)"
    r"\d{1,4}[A-Za-z]?\s(?:[A-Z][\w'’-]{1,30}\s){1,2}"
    r"(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Court|Drive|Square|Way|Close|Place|Gardens|Terrace|Row)\b"
    rf"{_NO_THING}"
)
_SMALL_ENGLISH = re.compile(
    r"(?i:(?<!\w)(?:at|near|outside|opposite|live on|address is)\s)"
    r"(?P<place>\d{1,4}[a-z]?\s[a-z]{3,30}\s"
    rf"(?:street|road|lane|avenue|drive|close|terrace)\b){_NO_THING}"
)
_SMALL = re.compile(
    r"(?<!\w)(?P<place>(?:(?:laan|plein|hof|singel)\svan\s(?:de\s|der\s|het\s|den\s)?[a-zà-ÿ]{3,30}"
    r"|(?:oude|nieuwe|lange|korte|hoge|lage|grote|kleine)\s(?:gracht|dijk|kade|haven|markt|weg))"
    rf"\s{{1,2}}{_HOUSE})"
)
# Where somebody may live by a street nobody knows the ending of: "aan Veenmolen 31".
_MAYBE = re.compile(
    r"(?i:(?<!\w)(?:aan|op|in|bij|naar|rond|rondom|langs|tegenover|naast|voor|adres|woont|woon|wonen|at)\s"
    r"(?:(?:de|het|den|'t)\s)?)"
    r"(?P<place>(?!(?i:artikel|kamer|zaal|loket|balie|fase|perron|wijk|lijn|bus|tram|week|stap|groep|deel"
    r"|nummer|pagina|blz|bijlage|punt|versie|ronde|zone|gate|hal|stand|vak|afrit|tarief|categorie|klas"
    r"|gebouw|ingang|uitgang|blok|spoor|verdieping|etage|vraag|formulier|hoofdstuk|sector|poort|code"
    r"|kwartaal|besluit|veld|terrein|parkeerterrein|station|brand|\w{2,5}dag"
    rf"|level|room|step|phase)\b)[A-ZÀ-Þ][\w'’-]{{2,30}}(?:\s[A-ZÀ-Þ][\w'’-]{{2,30}})?[\s,]{{1,2}}{_HOUSE})"
)
_LIVES = re.compile(
    r"(?i)(?<!\w)(?:woon|woont|wonen|wonend|woonachtig|adres)\s(?:(?:is|ik|wij|we|al|nu|zelf|hier|daar)\s){0,2}"
    r"(?:(?:aan|op|in|bij|te)\s)?(?:(?:de|het|den|'t)\s)?(?-i:(?P<place>(?:(?:van|de|der|den|[a-zà-ÿ]{4,30})\s)?"
    r"(?!(?:nummer|kamer|blok|flat|etage|verdieping|wijk|nog|maar|pas|ongeveer|bijna|ruim|circa|sinds|slechts)\s)"
    rf"[a-zà-ÿ][a-zà-ÿ'’-]{{3,30}}\s{{1,2}}{_HOUSE}))"
)
"""Who says where somebody lives needs no street's ending and no capitals."""


def find_addresses(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, certain) of each address in `text`; they may overlap.

    A postcode alone, a number behind a name that may be a street, and a number that may be an
    hour, a date or a count, are not certain.
    """
    yield from _streets(text)
    for pattern in (_NAMED_NUMBER, _ENGLISH):
        yield from ((*match.span(), True) for match in pattern.finditer(text))
    for match in _LOWER_POSTCODE_NUMBER.finditer(text):
        if _reads(match, text) == "house":
            yield *match.span(), True
    for match in _POSTCODE_NUMBER.finditer(text):
        numbered = match["number"] is not None and _reads(match, text) == "house"
        yield match.start(), match.end() if numbered else match.end("code"), numbered
    for pattern in (_MAYBE, _LIVES, _SMALL):
        for match in pattern.finditer(text):
            if _reads(match, text) == "house":
                yield *match.span("place"), False
    yield from ((*match.span("place"), False) for match in _SMALL_ENGLISH.finditer(text))


def _streets(text: str) -> Iterator[tuple[int, int, bool]]:
    for match in _NUMBERED.finditer(text):
        word = match["word"]
        street = None if _NO_STREET.fullmatch(word) else _STREET.fullmatch(word)
        start = _begin(match, street, text[max(0, match.start() - 80) : match.start()])
        if start is None:
            continue
        named = match["code"] or not match["number"]
        said = "house" if named else _reads(match, text, start)
        doubtful = street is not None and (street["bare"] or street["likely"])
        if said == "house" or (said == "perhaps" and not doubtful):
            likely = street is not None and street["likely"]
            yield start, match.end(), said == "house" and not likely


def _begin(match: re.Match[str], street: re.Match[str] | None, before: str) -> int | None:
    """Return where the street begins whose last word `match` found, or None for no street."""
    word, start = match["word"], match.start()
    if street is None:
        lane = _LANE_OF.search(before) if word[0].isupper() else None
        return start - len(lane[0]) if lane else None
    if word.casefold() in _NO_STREETS and (street["small"] or _OPENS.search(before)):
        return None
    if street["small"]:
        return None if _ANY_STREET.search(before) else start
    first = _FIRST_WORDS.search(before)
    return start - len(first[0]) if first else start


def _reads(match: re.Match[str], text: str, start: int | None = None) -> Reading:
    """Say what the number of `match` is, whose place begins at `start`; a "nr" is a house's."""
    begin = match.start() if start is None else start
    before, after = text[max(0, begin - 20) : begin], text[match.end("number") :][:80]
    return "house" if match["called"] else reads_as(match["number"], before=before, after=after)
