"""Where an address stands in a text: street, number and postcode as people write them."""

import re
from collections.abc import Iterator

from assistant.numerals import DUTCH

_POSTCODE = r"[1-9]\d{3}\s?(?!SA|SD|SS)[A-Z]{2}\b"
_NUMBER = r"\d{1,4}(?:-?[a-zA-Z]\b|\s[A-Z]\b|-\d{1,3}\b|\s?-?(?:hs|huis|bis|rood|zw)\b)?(?![^\W_])"
_SAID = "|".join((*sorted(DUTCH, key=len, reverse=True), "één", r"honderd\w*"))
_CALLED = r"(?:(?:huis)?(?:nummer|nr\.?)|no\.?)"
"""What stands before a house number that is called so."""
_MONTHS = (
    *("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september"),
    *("oktober", "november", "december"),
)
_UP_TO = r"(?:\s?(?:-|–|/|t/m|tot(?: en met)?)\s?\d{1,2}(?:[.:]\d\d)?)?"
_NO_MEASURE = (
    r"(?![\d%:.,/]*\d|\s?(?:%|€|(?:[xe]|de|ste|uur|minuten|min|dag|dagen|werkdagen|week|weken|maand"
    r"|maanden|jaar|jaren|keer|maal|meter|m2?|km|cm|euro|personen|mensen|bomen|auto'?s|huizen"
    r"|woningen|lantaarns?|containers?|procent|graden|nacht|nachten|avond|avonden|kramen|velden"
    r"|plekken|plaatsen|parkeerplaatsen|rijstrook|rijstroken|rijbanen)\b)"
    rf"|{_UP_TO}\s?(?:uur|(?i:{'|'.join(_MONTHS)})|feb|mrt|apr|aug|sept?|okt|nov|dec)\b)"
)
"""No house number: a count, a date, or hours, alone or up to another one."""
_NO_STREET = (
    r"(?!(?i:snelweg|rijksweg|autoweg|onderweg|halverweg|(?:fiets|voet|bos|loop)pad|rijbaan"
    r"|(?:landings|start|kunst|ijs|atletiek|loop)baan|(?:\w{0,20}b|st|stadsst)rand|\w{0,20}(?:[aou]|(?<!wet)e)ring"
    r"|(?:sport|voetbal|speel|trap|hockey|tennis)veld|zomerkamp|hemelvaart|scheepvaart)\b)"
)
"""Words that end as a street does and are none."""
_STREET_END = (
    r"straat|str\.|laan|weg|plein|gracht|kade|dijk|singel|hof|pad|dreef|steeg|markt|park|plantsoen"
    r"|boulevard|wal|brink|erf|vaart|haven|werf|baan|ring|weide|akker|veld|kamp|hoek|donk|horst|gaarde"
    r"|tuin|zoom|rand|bos|meent|waard|oever|molen|hoeve|vest|stede|hage|duin|wetering|zijde|poort"
    r"|(?:straat|laan|plein|weg|hof|pad)je"
)
_STREET = (
    r"(?:(?:(?<!\w)[A-ZÀ-Þ][\w.'’-]{0,30}\s+(?:van|de|der|den|ten|ter|het|'t)\s+(?:de\s+|der\s+|den\s+)?"
    r"|(?:Lange|Korte|Oude|Nieuwe|Grote|Kleine|Hoge|Lage|Eerste|Tweede|Derde|Sint|Prins|Prinses"
    r"|Koningin|Koning|Graaf|Burgemeester|Pastoor|Professor|1e|2e|3e)\s+)"
    rf"?{_NO_STREET}[A-ZÀ-Þ](?:[\w'’-]{{0,30}}\w)??(?:{_STREET_END})"
    r"|(?<!\w)(?:Markt|Plein|Brink|Singel|Dijk|Kade|Gracht|Haven|Dam)"
    r"|(?<!\w)(?:Laan|Plein|Weg|Hof|Park|Kade|Dijk)\s+(?:van\s+)?(?:de\s+|der\s+|het\s+|den\s+)?"
    r"[A-ZÀ-Þ]\w{1,30}(?:\s[A-ZÀ-Þ]\w{1,30})?"
    rf"|(?<!\w){_NO_STREET}"
    r"[a-zà-ÿ]{3,30}(?:straat|laan|weg|plein|gracht|kade|dijk|singel|dreef|steeg|pad|markt))"
)
_ADDRESS = re.compile(
    rf"{_STREET}[\s,]{{1,3}}(?:{_CALLED}\s*)?(?!(?:19|20)\d\d\b){_NUMBER}{_NO_MEASURE}"
    rf"(?:[\s,]{{1,3}}{_POSTCODE})?"
)
# A quarter or farm has no street's ending, but a number with a postcode tells what it is.
_NAMED_NUMBER = re.compile(
    r"\b[A-ZÀ-Þ][\w'’-]{1,30}(?:\s[A-ZÀ-Þ][\w'’-]{1,30}){0,2}\s(?!(?:19|20)\d\d\b)"
    rf"{_NUMBER}[\s,(]{{1,3}}{_POSTCODE}"
)
_NO_YEAR = "".join(rf"(?<!(?i:{month})\s)" for month in _MONTHS)
"""Capitals after the year of a date are words: "12 MAART 2026 OM 20 UUR"."""
_POSTCODE_NUMBER = re.compile(
    rf"{_NO_YEAR}\b{_POSTCODE}(?:(?:[\s,]{{0,3}}|-)(?:{_CALLED}\s*)?{_NUMBER}{_NO_MEASURE})?"
)
_LOWER_POSTCODE_NUMBER = re.compile(
    rf"\b[1-9]\d{{3}}(?:\s?[a-z]{{2}}[\s,]{{1,3}}{_CALLED}\s*\d{{1,4}}[a-z]?\b"
    rf"|(?![kmc]m|k[gw]|[mg]b|ml|eu)[a-z]{{2}}[\s,]{{1,3}}{_NUMBER}{_NO_MEASURE})"
)
_SAID_NUMBER = re.compile(
    rf"{_STREET}[\s,]{{1,3}}(?:{_CALLED}\s(?:{_SAID})|(?!(?:een|één)\s)(?:{_SAID})\s(?:hs|bis|rood|zwart|huis))\b"
)
_ENGLISH = re.compile(
    r"(?<!\w)(?<!(?i:week)\s)(?:(?:Flat|Apartment|Apt\.?|Unit)\s\w{1,4},?\s)?(?!(?:19|20)\d\d\b)"
    r"\d{1,4}[A-Za-z]?\s(?:[A-Z][\w'’-]{1,30}\s){1,2}"
    r"(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Court|Drive|Square|Way|Close|Place|Gardens|Terrace|Row)\b"
)
# Where somebody may live by a street nobody knows the ending of: "aan Veenmolen 31".
_MAYBE = re.compile(
    r"(?i:(?<!\w)(?:aan|op|in|bij|naar|rond|rondom|langs|tegenover|naast|voor|adres|woont|woon|wonen|at)\s"
    r"(?:(?:de|het|den|'t)\s)?)"
    r"(?P<place>(?!(?i:artikel|kamer|zaal|loket|balie|fase|perron|wijk|lijn|bus|tram|week|stap|groep|deel"
    r"|nummer|pagina|blz|bijlage|punt|versie|ronde|zone|gate|hal|stand|vak|afrit|tarief|categorie|klas"
    r"|gebouw|ingang|uitgang|blok|spoor|verdieping|etage|vraag|formulier|hoofdstuk|sector|poort|code"
    r"|kwartaal|besluit|veld|terrein|parkeerterrein|station|brand|\w{2,5}dag"
    rf"|level|room|step|phase)\b)[A-ZÀ-Þ][\w'’-]{{2,30}}(?:\s[A-ZÀ-Þ][\w'’-]{{2,30}})?[\s,]{{1,2}}"
    rf"(?:{_CALLED}\s*)?(?!(?:19|20)\d\d\b){_NUMBER}{_NO_MEASURE})"
)


def find_addresses(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, certain) of each address in `text`; they may overlap.

    A postcode alone, and a number behind a name that may be a street, are not certain.
    """
    for pattern in (_ADDRESS, _NAMED_NUMBER, _LOWER_POSTCODE_NUMBER, _SAID_NUMBER, _ENGLISH):
        for match in pattern.finditer(text):
            yield *match.span(), True
    for match in _POSTCODE_NUMBER.finditer(text):
        yield *match.span(), re.fullmatch(_POSTCODE, match[0]) is None
    for match in _MAYBE.finditer(text):
        yield *match.span("place"), False
