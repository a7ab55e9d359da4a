"""Names of private persons, as far as their surroundings give them away."""

import re
from collections.abc import Iterator

from assistant.lists import listed

FIRST_NAMES = listed("first_names.txt")
"""Common in the Netherlands; a name outside the list is found only by what stands around it."""

NOBODY = listed("not_names.txt")
"""Words that follow a greeting or a signature without being anybody's name."""

_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-ŽА-ЯІЇЄҐ](?:[^\W\d_]|['’](?=[^\W\d_]))+(?:-[A-ZÀ-Þ][^\W\d_]+)*"
_DUTCH = frozenset({"van", "de", "der", "den", "ten", "ter", "te", "het", "in"})
PARTICLES = _DUTCH | {"von", "di", "da", "dos", "el", "al", "ben", "bin", "la", "le"}
"""Words inside a name that are no name by themselves."""
_PARTICLE = rf"(?i:{'|'.join(sorted(PARTICLES))}|'t|’t)"
_SURNAME = rf"(?:{_PARTICLE}[ ]+){{0,3}}{_CAPITAL}"
_LETTERS = r"(?:(?:[A-Z]\.){1,4}[ ]?)"
_NAME = rf"(?:{_LETTERS}{_SURNAME}|{_CAPITAL})(?:[ ]+{_LETTERS}?{_SURNAME}){{0,3}}"
_NAMES = rf"{_NAME}(?: (?:en|&|and) {_NAME})?"
_LOWER = (
    rf"(?:[^\W\d_]\. ?){{0,3}}(?:(?:{_PARTICLE}) ){{0,3}}[^\W\d_]{{2,}}"
    rf"(?: (?:(?:{_PARTICLE}) ){{0,3}}[^\W\d_]+)?"
)
_PLACE_END = (
    r"(?:straat|laan|weg|plein|gracht|kade|dijk|singel|hof|pad|dreef|steeg|markt|park|plantsoen|brug"
    r"|school|college|huis|tunnel|stadion|arena|hal|zaal|museum|kerk|fonds)"
)
_PLACE = rf"(?i:[^\W\d_]*{_PLACE_END})\b"
# "Anne Frank" is a person, "Anne Frank school" a place.
_NO_PLACE = rf"(?![^\W\d_]| +{_PLACE})"
_END = r"[ .!,]*(?:$|\n)"
_GAP = r"[\s,:!.–-]{1,4}"

_TITLES = "mevrouw meneer mijnheer heer juf juffrouw meester miss"
_CLOSE = (
    "buurman buurvrouw buurjongen buurmeisje overbuurman overbuurvrouw bovenbuurman "
    "bovenbuurvrouw onderbuurman onderbuurvrouw benedenbuurman benedenbuurvrouw neighbour "
    "dokter huisarts doctor notaris advocaat rechter imam dominee pastoor rabbijn zuster boer "
    "boerin tante oom opa oma aunt uncle zoon zoontje dochter dochtertje zus zusje zusjes "
    "zussen broer broertje broertjes broers neef neefje nicht nichtje gebroeders familie "
    "kleinzoon kleindochter son daughter brother sister moeder vader mother father conciërge "
    "schipper chauffeur"
)
"""Who lives near, is kin, or is met in confidence: a name after it is always a private person's."""
_ROLES = (
    "collega colleague vriend vriendin man vrouw partner echtgenoot echtgenote wijkagent agent "
    "inspecteur handhaver boa beheerder behandelaar voorzitter penningmeester consulent "
    "coördinator eigenaar eigenares eigenaresse ondernemer onderneemster bewoner bewoonster "
    "huurder huurster verhuurder verhuurster aanvrager aanvraagster melder meldster "
    "vergunninghouder vergunninghoudster initiatiefnemer organisator leraar lerares docent "
    "directeur directrice projectleider contactpersoon uitvoerder vrijwilliger vrijwilligster "
    "trainer coach owner tenant applicant"
)
"""What somebody is or does: a name after it may be a colleague's, or a company's."""
_OFFICES = (
    "wethouder burgemeester minister premier staatssecretaris raadslid commissaris gedeputeerde "
    "fractievoorzitter gemeentesecretaris griffier alderman mayor councillor"
)
_PORTFOLIO = (
    r"(?:Zorg|Wonen|Verkeer|Financi|Sociale|Cultuur|Sport|Onderwijs|Econom|Duurzaam|Klimaat|Mobiliteit"
    r"|Ruimte|Jeugd|Participatie|Openbare|Welzijn|Milieu|Volkshuis|Bouw|Groen|Water|Energie|Grond|Werk"
    r"|Inkomen|Binnen|Handhaving|Veiligheid|Natuur|Landbouw|Justitie|Defensie|Buiten)"
)
"""What an alderman or a minister is for, and no name."""

_APART = r", (?=[^,.!?\n]{2,40},)"
"""Between commas: "the owner, Ann Smith, knows"."""

# What introduces a name: how it begins, what comes between, the name. The code says whose it is.
_INTRODUCED = (
    (
        "greeting",
        (
            "hoi hallo hello hey hi hé ha dag beste geachte lieve dear goedemorgen goedemiddag "
            "goedenavond goedendag goeiemorgen goeiemiddag goeienavond goeiendag goede goeden good"
        ),
        rf"(?: ?(?:morgen|middag|avond|dag|morning|afternoon|evening))?,? +(?P<name>{_NAME})",
    ),
    (
        "signature",
        (
            "groet groeten groetjes mvg gr grt grtz hoogachtend liefs regards cheers sincerely "
            "faithfully truly wishes afzender getekend"
        ),
        rf"(?: van)?{_GAP}(?P<name>{_NAMES}|{_LOWER}(?={_END}))",
    ),
    ("signature", "m w", rf"\.(?:v\.)?g\.?{_GAP}(?P<name>{_NAMES}|{_LOWER}(?={_END}))"),
    (
        "signature",
        "bedankt dank dankjewel dankuwel thanks thank",
        rf"(?: (?:je|u|you))?(?: wel)?[\s,!.]{{1,3}}(?P<name>{_NAME}){_END}",
    ),
    ("signature", "mijn my", rf" (?:naam|name) (?:is|luidt):? (?P<name>{_NAME})"),
    ("signature", "ik i", rf"(?:'m| ben| am| heet) (?P<name>{_NAME})"),
    ("private", "mevr mw dhr mr mrs ms drs dr ing ir prof", rf"\.? +(?P<name>{_NAME}|{_SURNAME})"),
    ("private", _TITLES, rf" +(?P<name>{_NAME}|{_SURNAME})"),
    ("private", _CLOSE, rf"(?: |{_APART})(?:heet |heette )?(?P<name>{_NAME}){_NO_PLACE}"),
    ("small", f"{_TITLES} {_CLOSE}", r" (?P<name>[a-zà-ÿ]{3,})(?!\w)"),
    ("person", _ROLES, rf"(?: |: |{_APART})(?:heet |heette )?(?P<name>{_NAME}){_NO_PLACE}"),
    ("person", f"{_ROLES} {_CLOSE}", rf" (?:is|was) (?P<name>{_CAPITAL} +{_SURNAME}){_NO_PLACE}"),
    ("signature", "genaamd heet", rf" (?P<name>{_NAME})"),
    (
        "office",
        _OFFICES,
        rf" +(?!{_PORTFOLIO}|(?:van|in|te) [A-Z])(?P<name>{_NAME}|{_SURNAME}){_NO_PLACE}",
    ),
)
_BY_WORD: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _code, _words, _rest in _INTRODUCED:
    for _word in _words.split():
        _BY_WORD.setdefault(_word, []).append((_code, re.compile(_rest)))

INTRODUCES = frozenset(_BY_WORD)
"""Words of greeting and of address, after which a name may follow."""

_ABBREVIATED = frozenset({"ing", "ms", "ir", "dr", "mr"})
"""Titles that in capitals are a bank, a program, a firm."""
_SURNAMES = frozenset({"boer", "meester", "heer", "zoon", "man", "vrouw", "broer", "schipper"})
_OF_A_SURNAME = re.compile(r"\b(?:de|den|der|van)\s$")
"""As in "Piet de Boer Transport"."""
_KNOWN = re.compile(
    r"\b(?:Albert Heijn|Jan Linders|Dirk van den Broek|Sint Maarten|Max Havelaar|Anne Frank"
    r"|Vincent van Gogh|Johan Cruijff|Willem van Oranje|Willem de Zwijger|Koning Willem-Alexander"
    r"|Gedeputeerde Staten)\b"
)
"""Shops, places and people of history that bear somebody's name."""
ALSO_WORDS = frozenset(
    {
        "Amber",
        "Anders",
        "Bas",
        "Elke",
        "Els",
        "Fleur",
        "Iris",
        "Jade",
        "Jasmijn",
        "Job",
        "Kris",
        "Lex",
    }
    | {"Lies", "Lieve", "Max", "Mees", "Merel", "Roman", "Roos", "Servet", "Toon", "Viola", "Wil"}
)
"""First names that at the beginning of a sentence are as often an ordinary word."""
SMALL_NAMES = (
    frozenset(map(str.lower, FIRST_NAMES - ALSO_WORDS))
    - NOBODY.union(*map(listed, ("goes_on.txt", "short_words.txt")))
    - {"ben", "ton", "ernst", "frank", "trees", "taco", "mina"}
)
"""First names that in small letters are no other word."""

_WORD = re.compile(r"[^\W\d_]+")
_LAST_LINE = re.compile(rf"[\s][-–—~] ?(?P<name>{_NAME})\s*$")
_OPENS = re.compile(r"(?:^|[\n,.!?]|@[\w.@-]+)\s*$")
_PAIR = re.compile(
    rf"(?=[A-ZÀ-ÞĀ-ŽА-Я])(?<![\w@#/.-])(?P<name>{_CAPITAL}[ ]+{_SURNAME}){_NO_PLACE}"
)
_INITIALS = re.compile(rf"(?<![\w@#/.-])(?P<name>(?:[A-Z]\.){{1,4}} ?{_SURNAME}){_NO_PLACE}")
_GOES_ON = re.compile(r"[^\W_][,)’'\"]* $")
_BEGINS = re.compile(r"(?:^|[.!?…:\n])\s*$")
_ARTICLE = re.compile(r"(?i)\b(?:de|een|onze|jullie)\s$")
_THEN_PLACE = re.compile(rf"(?: +(?:van|de|der|den|het|ten|ter|{_CAPITAL})){{0,3}} +{_PLACE}")
_SINGLE = re.compile(
    rf"(?<![\w@#/.-])(?P<name>{_CAPITAL})(?P<rest>(?: {_SURNAME})?,? [a-z].{{0,40}})"
)
_WHO = re.compile(
    rf"(?: {_SURNAME})?,? (?:de|het|onze|uw|je|jouw|jullie|mijn)"
    rf" (?:{'|'.join(f'{_CLOSE} {_ROLES}'.split())})\b"
)
_AT_HOME = re.compile(
    r" (?:van|uit|op|bij) (?:(?:huis)?(?:nummer|nr\.?) ?\d|(?:de )?(?:overkant|buren)\b"
    r"|boven\b|beneden\b|hiernaast\b|hierachter\b"
    r"|(?:de|het) [A-ZÀ-Þ]\w*(?:straat|laan|weg|plein|hof|kade|dreef)\b)"
)
_AT_WORK = re.compile(
    r" (?:van|uit|op|bij) (?:de|het|ons|onze)"
    r" \w*(?:balie|receptie|loket|ploeg|team|administratie|kassa|afdeling)\b"
)
_DOES = re.compile(
    r" (?:heeft|is|was|had|gaat|ging|komt|kwam|belt|belde|weet|wist|woont|woonde|werkt|zegt|zei"
    r"|stond|doet|deed|kan|wil|zal|moet|mag|regelt|helpt|en [A-ZÀ-Þ]|has|was|lives|works|said)\b"
)
_AFTER_OFFICE = re.compile(rf"(?i)(?:{_OFFICES.replace(' ', '|')}|minister-president) +$")
_ENDS_AS_PLACE = re.compile(rf"(?i:{_PLACE_END})$")
_ENDS_AS_STREET = re.compile(
    r"\w(?:straat|laan|weg|plein|gracht|kade|singel|pad|dreef|steeg|plantsoen|school|college|tunnel|park)$"
)
"""After a title, where "Hoogendijk" and "Van der Laan" are people."""


def find_names(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (code, start, end) of each name in `text`; they may overlap.

    Code `greeting` is whoever is addressed, `signature` whoever writes, `private` a neighbour, a
    relative or whoever has a title, `person` anybody else; `first` is a first name inside a
    sentence, that may also name a thing, `perhaps` a run of capitalised words that may as well be
    a club or a company, and `office` the holder of a public one: a person, but no private one.
    """
    for word in _WORD.finditer(text):
        for code, rest in _BY_WORD.get(word[0].casefold(), ()):
            match = rest.match(text, word.end())
            if match and _introduces(code, word, text):
                yield from _somebody(code, match)
    last_line = _LAST_LINE.search(text, max(0, len(text) - 60))
    if last_line:
        yield from _somebody("signature", last_line)
    for match in _INITIALS.finditer(text) if "." in text else ():
        yield from _somebody("person", match)
    famous = [each.span() for each in _KNOWN.finditer(text)]
    for code, start, end in (*_pairs(text), *_singles(text)):
        if not any(a <= start and end <= b for a, b in famous):
            yield code, start, end


def _introduces(code: str, word: re.Match[str], text: str) -> bool:
    """Say whether `word` is what it seems: a greeting that opens, a title that is no name."""
    said, start = word[0], word.start()
    if code == "greeting":
        return _opens(text, start)
    if said.isupper() and said.casefold() in _ABBREVIATED:
        return text[word.end() :].lstrip(". ")[:2].isupper()
    surname = said[0].isupper() and said.casefold() in _SURNAMES
    return not (surname and _OF_A_SURNAME.search(text, max(0, start - 5), start))


def _singles(text: str) -> Iterator[tuple[str, int, int]]:
    """First names in a sentence, and any name of which is said who or where somebody is."""
    for word in _WORD.finditer(text):
        start, end = word.span()
        if not word[0][0].isupper() or not word[0][1:].islower():
            continue
        before, known = text[max(0, start - 12) : start], word[0] in FIRST_NAMES
        inside = _GOES_ON.search(before) is not None
        sure = known and word[0] not in ALSO_WORDS
        if (inside and not _ARTICLE.search(before)) or (sure and _BEGINS.search(before)):
            told = _AT_HOME.match(text, end) or _WHO.match(text, end)
            if told and word[0].casefold() not in NOBODY:
                yield "private" if known else "person", start, end
            elif known and (_AT_WORK.match(text, end) or (not inside and _DOES.match(text, end))):
                yield "first", start, end
        if known and inside and _THEN_PLACE.match(text, end) is None:
            yield "first", start, end


def _pairs(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _PAIR.finditer(text):
        first, *_, last = match["name"].split()
        before = text[max(0, match.start() - 30) : match.start()]
        if (
            NOBODY.isdisjoint({first.casefold(), last.casefold()})
            and not _KNOWN.search(match["name"])
            and not _ENDS_AS_PLACE.search(match["name"])
            and not _AFTER_OFFICE.search(before)
        ):
            doubtful = _ARTICLE.search(before) or (first in ALSO_WORDS and _BEGINS.search(before))
            sure = first in FIRST_NAMES and not doubtful
            yield "person" if sure else "perhaps", *match.span("name")


def _opens(text: str, start: int) -> bool:
    """Say whether a greeting at `start` opens a text or sentence: "de beste Jansen" greets not."""
    return _OPENS.search(text, max(0, start - 60), start) is not None


def _somebody(code: str, match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the name of `match`, unless it is an ordinary word or a place."""
    if code == "small":
        if match["name"] in SMALL_NAMES:
            yield "private", *match.span("name")
        return
    said = re.sub(r"(?:[A-Z]\.)+", " ", match["name"]).casefold().split()
    words = [word for word in said if word not in _DUTCH]
    place = _ENDS_AS_STREET if code in ("private", "office") else _ENDS_AS_PLACE
    if words and words[0] not in NOBODY and not place.search(words[-1]):
        yield code, *match.span("name")
