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
    ("signature", "genaamd heet", rf" (?P<name>{_NAME})"),
    (
        "person",
        (
            "mevrouw mevr mw meneer mijnheer dhr heer juf meester buurman buurvrouw mr mrs ms miss "
            "drs dr ing ir prof"
        ),
        rf"\.? +(?P<name>{_NAME}|{_SURNAME}){_NO_PLACE}",
    ),
    (
        "person",
        (
            "dokter huisarts doctor notaris advocaat rechter imam dominee pastoor rabbijn zuster "
            "boer boerin tante oom opa oma aunt uncle collega colleague zoon zoontje dochter "
            "dochtertje zus zusje zusjes zussen broer broertje broertjes broers neef neefje nicht "
            "nichtje gebroeders familie kleinzoon kleindochter son daughter brother sister "
            "neighbour vriend vriendin man vrouw partner echtgenoot echtgenote conciërge schipper "
            "wijkagent agent inspecteur handhaver boa chauffeur beheerder behandelaar voorzitter "
            "penningmeester trainer coach consulent coördinator"
        ),
        rf" +(?P<name>{_NAME}){_NO_PLACE}",
    ),
)
_BY_WORD: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _code, _words, _rest in _INTRODUCED:
    for _word in _words.split():
        _BY_WORD.setdefault(_word, []).append((_code, re.compile(_rest)))

INTRODUCES = frozenset(_BY_WORD)
"""Words of greeting and of address, after which a name may follow."""

_WORD = re.compile(r"[^\W\d_]+")
_LAST_LINE = re.compile(rf"[\s][-–—~] ?(?P<name>{_NAME})\s*$")
_OPENS = re.compile(r"(?:^|[\n,.!?]|@[\w.@-]+)\s*$")
_PAIR = re.compile(
    rf"(?=[A-ZÀ-ÞĀ-ŽА-Я])(?<![\w@#/.-])(?P<name>{_CAPITAL}[ ]+{_SURNAME}){_NO_PLACE}"
)
_INITIALS = re.compile(rf"(?<![\w@#/.-])(?P<name>(?:[A-Z]\.){{1,4}} ?{_SURNAME}){_NO_PLACE}")
_GOES_ON = re.compile(r"[^\W_][,)’'\"]* $")
_THEN_PLACE = re.compile(rf"(?: +(?:van|de|der|den|het|ten|ter|{_CAPITAL})){{0,3}} +{_PLACE}")
_AFTER_OFFICE = re.compile(
    r"(?i)(?:wethouder|burgemeester|minister(?:-president)?|staatssecretaris|raadslid|commissaris)"
    r" +$"
)
_ENDS_AS_PLACE = re.compile(rf"(?i:{_PLACE_END})$")


def find_names(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (code, start, end) of each name in `text`; they may overlap.

    Code `greeting` is whoever is addressed, `signature` whoever writes, `person` anybody else;
    `first` is a first name inside a sentence, that may also name a thing, and `perhaps` a run of
    capitalised words that may as well be a club or a company.
    Holders of a public office ("wethouder Jansen") are not private persons and are left out.
    """
    for word in _WORD.finditer(text):
        for code, rest in _BY_WORD.get(word[0].casefold(), ()):
            match = rest.match(text, word.end())
            if match and (code != "greeting" or _opens(text, word.start())):
                yield from _somebody(code, match)
    last_line = _LAST_LINE.search(text, max(0, len(text) - 60))
    if last_line:
        yield from _somebody("signature", last_line)
    for match in _INITIALS.finditer(text) if "." in text else ():
        yield from _somebody("person", match)
    yield from _pairs(text)
    for word in _WORD.finditer(text):
        if word[0] in FIRST_NAMES and _inside(text, *word.span()):
            yield "first", *word.span()


def _inside(text: str, start: int, end: int) -> bool:
    """Say whether a sentence goes on at `start`, and goes on after it with no street or school."""
    before = _GOES_ON.search(text, max(0, start - 5), start)
    return before is not None and _THEN_PLACE.match(text, end) is None


def _pairs(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _PAIR.finditer(text):
        first, *_, last = match["name"].split()
        if (
            NOBODY.isdisjoint({first.casefold(), last.casefold()})
            and not _ENDS_AS_PLACE.search(match["name"])
            and not _AFTER_OFFICE.search(text, max(0, match.start() - 30), match.start())
        ):
            yield "person" if first in FIRST_NAMES else "perhaps", *match.span("name")


def _opens(text: str, start: int) -> bool:
    """Say whether a greeting at `start` opens a text or sentence: "de beste Jansen" greets not."""
    return _OPENS.search(text, max(0, start - 60), start) is not None


def _somebody(code: str, match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the name of `match`, unless it is an ordinary word or a place."""
    words = [word for word in match["name"].casefold().split() if word not in _DUTCH]
    if words and words[0] not in NOBODY and not _ENDS_AS_PLACE.search(words[-1]):
        yield code, *match.span("name")
