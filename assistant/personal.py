"""Where personal data stands in a text: one finder for masking and for the checks."""

import re
from collections.abc import Iterator
from typing import Literal

import phonenumbers
from pydantic import BaseModel, ConfigDict
from stdnum import iban as iban_rule
from stdnum import luhn
from stdnum.nl import bsn as bsn_rule

from assistant.addresses import find_addresses
from assistant.clean import fold
from assistant.names import find_names
from assistant.numerals import DUTCH
from assistant.plates import find_plates

Kind = Literal[
    "bsn",
    "iban",
    "card",
    "document",
    "phone",
    "email",
    "address",
    "plate",
    "handle",
    "name",
    "birth_date",
    "case_number",
]


class Own(BaseModel):
    """The organisation's own contact points, which are never personal data.

    E-mail addresses at one of `hosts`, or below it, are own too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Personal(BaseModel):
    """One piece of personal data at text[start:end]; `certain` when it can hardly be else."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    start: int
    end: int
    certain: bool


# Lengths of the countries whose numbers are met here, from the SWIFT IBAN registry.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "NL DK FI", 19: "SI", 20: "LU AT EE LT", 21: "CH LV HR LI",
        22: "DE GB IE BG", 24: "ES RO CZ SK SE", 25: "PT", 26: "TR", 27: "FR IT GR MC",
        28: "PL HU CY", 29: "UA", 31: "MT",
    }.items()
    for country in countries.split()
}  # fmt: skip
_IBAN = re.compile(r"(?<![^\W_])([A-Za-z]) ?([A-Za-z])[ .-]?\d ?\d(?=(?:[ .-]?[A-Za-z0-9]){11})")
_SIGNS = re.compile(r"(?:[ .-]?[A-Za-z0-9])+")
_AT_SIGN = re.compile(r"@|[\[({](?:at|apenstaartje)|\s(?:at|apenstaartje)\s")
_EMAIL = re.compile(
    r"(?<![\w.+%@-])[\w.+%'-]{1,64}(?:@|\s?[\[({](?:at|apenstaartje)[\])}]\s?)"
    r"[\w-]+(?:(?:\.|\s?[\[({](?:dot|punt)[\])}]\s?)[\w-]+)+"
)
_SPACED_EMAIL = re.compile(
    r"(?i)(?<![\w.+%@-])[\w.+%'-]{1,64}\s?(?:@|\sat\s|\sapenstaartje\s)\s?[\w-]+"
    r"(?:\s?(?:\.|\spunt\s|\sdot\s)\s?[\w-]+){0,3}\s?(?:\.|\spunt\s|\sdot\s)\s?"
    r"(?:nl|com|org|net|eu|be|de|info|example)\b"
)
_MOBILE = re.compile(
    r"(?<![\w+])(?:\+31|0031|[\[(]?0)[ .()/-]{0,3}6[\])]?(?:[ .()/-]{0,2}\d){8}(?!\d)"
)
_DIGITS = {"nul": "0"} | {word: str(number) for word, number in DUTCH.items()}
"""Numbers in letters as people read a telephone number aloud."""
_SPELLED = re.compile(
    rf"(?i)(?<!\w)(?:nul|0\d?)(?:\W{{1,3}}(?:{'|'.join(sorted(_DIGITS, key=len, reverse=True))}"
    r"|\d{1,4})){3,9}(?!\w)"
)
_LETTERED = re.compile(r"(?<!\w)0\d?\W{1,3}[^\W\d_]")
NATIONAL = 10
"""Digits of a Dutch number with its area code."""
_LONG_NUMBER = re.compile(r"\d(?:[ ()/.-]{0,3}\d){7}")
_NEAR_BSN = re.compile(r"(?i)\bbsn|burger\s?service|\bsofi|citizen service number")
_NINE = re.compile(r"(?<![\d.,€-])(?<!\+)\d(?:[ .-]?\d){8}(?![\d€]|[.,-]\d)")
_EIGHT_OR_NINE = re.compile(r"(?<!\d)\d(?:[ .-]{0,2}\d){7,8}(?!\d)")
_CARD = re.compile(r"(?<![\d-])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{4}(?![\d-])")
_NINE_SIGNS = re.compile(r"[A-NP-Z0-9]{8}\d")
_DOCUMENT = re.compile(
    r"(?i:paspoort|id-?kaart|identiteits(?:kaart|bewijs)|rijbewijs|document|passport)\w*[\s:]{1,3}"
    r"(?:(?i:is|nr|nummer|number)\.?[\s:]{1,3})?(?-i:([A-NP-Z]{2}[A-NP-Z0-9]{6}\d|\d{10}))\b"
)
_MONTHS = r"(?:jan|feb|mrt|maa|apr|mei|jun|jul|aug|sep|okt|nov|dec|march|may|oct)[a-z]{0,7}\.?"
_DATE = (
    rf"\d{{1,2}}[-/. ]{{1,2}}(?:\d{{1,2}}|{_MONTHS})[-/. ]{{1,2}}(?:\d{{4}}|['’]?\d\d)"
    rf"|\d{{4}}-\d\d-\d\d|{_MONTHS}\s\d{{1,2}},?\s\d{{4}}"
)
_BIRTH = re.compile(
    r"(?i)\b(?:geboren|geb\.?|geboorte\w*|verjaar\w*|jarig|levenslicht|born|birth\w*)\b\D{0,15}?"
    rf"(?P<date>{_DATE})\b"
)
_OF_BIRTH = re.compile(
    rf"(?i)(?<!\d)(?P<date>{_DATE})\b[^.!?\d]{{0,25}}"
    r"\b(?:geboren|geboorte\w*|geboortedag|verjaar\w*|jarig|born|birth\w*)\b"
)
# "Geboren voor 1 januari 2008" says who may come, and is nobody's birthday.
_COHORT = re.compile(
    r"(?i)\b(?:voor|na|vanaf|tot|tussen|sinds|before|after|between|since|until)\s$"
)
_CASE = re.compile(
    r"(?i:zaak|dossier|meldings?|aanvraag|kenmerk|klant|relatie|aanslag|vordering|case|reference)"
    r"[- ]?(?i:nummers?|nr\.?|number|id)?(?:\s(?i:is|was))?[:# ]{0,3}"
    r"(?!\d{1,4}[-/]\d{1,2}[-/]\d{1,4}\b)"
    r"(?<![A-Za-z0-9])(?=[\w/.-]*\d{4})([A-Z]{0,4}[-/.]?\d[\d/.-]{3,}\d)\b"
)
_FIVE_SIGNS = re.compile(r"\d[\d/.-]{3,}\d")
_HANDLE = re.compile(
    r"@(?<![\w/@]@)(?<!\w\.@)(?:\s(?=\w{1,30}_\w))?\w(?:[\w.-]*\w)?(?:@\w(?:[\w.-]*\w)?)?"
)
_NETWORK = re.compile(r"(?i)(?:x|twitter|facebook|instagram|linkedin|tiktok|bsky)\.(?:com|app)/")
_PROFILE = re.compile(
    r"(?i)\b(?:https?://)?(?:[\w-]+\.)?(?:x|twitter|facebook|instagram|linkedin|tiktok|bsky)\."
    r"(?:com|app)/[^\s)\]]+|\bhttps?://[\w.-]+/@[^\s)\]]+"
)


def _emails(text: str) -> Iterator[Personal]:
    if _AT_SIGN.search(text):
        for pattern in (_EMAIL, _SPACED_EMAIL):
            for match in pattern.finditer(text):
                yield _at("email", match)


def _ibans(text: str) -> Iterator[Personal]:
    for match in _IBAN.finditer(text):
        signs = _SIGNS.match(text, match.start())
        length = _IBAN_LENGTHS.get((match[1] + match[2]).upper(), 0)
        end = _nth_sign(signs[0] if signs else "", length)
        words = text[match.start() : match.start() + end]
        if not end or text[match.start() + end :][:1].isalnum():
            continue
        valid = iban_rule.is_valid(words, check_country=False)
        if valid or re.match(r"(?i)NL\d\d[\W_]?[A-Z]{4}[\d\W_]+$", words):
            yield Personal(kind="iban", start=match.start(), end=match.start() + end, certain=valid)


def _nth_sign(words: str, count: int) -> int:
    """Return how far to read in `words` for `count` letters and digits; 0 when there are fewer."""
    places = [place for place, sign in enumerate(words, 1) if sign.isalnum()]
    return places[count - 1] if 0 < count <= len(places) else 0


def _named_bsns(text: str) -> Iterator[Personal]:
    """A number near the word: a citizen service number, if mistyped not a certain one."""
    for word in _NEAR_BSN.finditer(text) if _LONG_NUMBER.search(text) else ():
        start = max(0, word.start() - 20)
        for match in _EIGHT_OR_NINE.finditer(text, start, word.end() + 40):
            valid = bsn_rule.is_valid(re.sub(r"\D", "", match[0]))
            yield _at("bsn", match, certain=valid)


def _bare_bsns(text: str) -> Iterator[Personal]:
    """Nine digits passing the 11-test: 9.03 % of random numbers pass, so never certain."""
    for match in _NINE.finditer(text) if _LONG_NUMBER.search(text) else ():
        if bsn_rule.is_valid(re.sub(r"\D", "", match[0])):
            yield _at("bsn", match, certain=False)


def _cards(text: str) -> Iterator[Personal]:
    for match in _CARD.finditer(text) if _LONG_NUMBER.search(text) else ():
        if luhn.is_valid(re.sub(r"\D", "", match[0])):
            yield _at("card", match)


def _documents(text: str) -> Iterator[Personal]:
    for match in _DOCUMENT.finditer(text) if _NINE_SIGNS.search(text) else ():
        yield _at("document", match, group=1)


_OF_A_PERSON = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.VOIP,
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
        phonenumbers.PhoneNumberType.PAGER,
        phonenumbers.PhoneNumberType.UNKNOWN,
    }
)


def _phones(text: str) -> Iterator[Personal]:
    """Valid numbers that can be a person's: 0800, 0900, 088 and 14… are desks'.

    VALID and not POSSIBLE, which takes case numbers for telephone numbers.
    """
    for match in _SPELLED.finditer(text) if "nul" in text.lower() or _LETTERED.search(text) else ():
        said = (_DIGITS.get(word.lower(), word) for word in re.findall(r"\w+", match[0]))
        if len("".join(said)) == NATIONAL:
            yield _at("phone", match)
    if not _LONG_NUMBER.search(text):
        return
    for match in _MOBILE.finditer(text):
        yield _at("phone", match)
    for found in phonenumbers.PhoneNumberMatcher(text, "NL", phonenumbers.Leniency.VALID):
        dialled = found.raw_string.startswith(("0", "+", "("))
        if dialled and phonenumbers.number_type(found.number) in _OF_A_PERSON:
            yield Personal(kind="phone", start=found.start, end=found.end, certain=True)


def _addresses(text: str) -> Iterator[Personal]:
    for start, end, certain in find_addresses(text):
        yield Personal(kind="address", start=start, end=end, certain=certain)


def _plates(text: str) -> Iterator[Personal]:
    for start, end, certain in find_plates(text):
        yield Personal(kind="plate", start=start, end=end, certain=certain)


def _birth_dates(text: str) -> Iterator[Personal]:
    for pattern in (_BIRTH, _OF_BIRTH):
        for match in pattern.finditer(text):
            start, end = match.span("date")
            if not _COHORT.search(text, max(0, start - 10), start):
                yield Personal(kind="birth_date", start=start, end=end, certain=True)


def _case_numbers(text: str) -> Iterator[Personal]:
    for match in _CASE.finditer(text) if _FIVE_SIGNS.search(text) else ():
        yield _at("case_number", match, group=1, certain=False)


def _handles(text: str) -> Iterator[Personal]:
    if "@" in text or _NETWORK.search(text):
        for pattern in (_PROFILE, _HANDLE):
            for match in pattern.finditer(text):
                yield _at("handle", match)


def _names(text: str) -> Iterator[Personal]:
    for code, start, end in find_names(text):
        if code not in ("perhaps", "office"):
            yield Personal(kind="name", start=start, end=end, certain=False)


# In order of precedence: where two overlap, the first one stands.
FINDERS = (
    _emails,
    _ibans,
    _phones,
    _named_bsns,
    _cards,
    _documents,
    _birth_dates,
    _addresses,
    _plates,
    _handles,
    _case_numbers,
    _bare_bsns,
)


def _at(kind: Kind, match: re.Match[str], *, group: int = 0, certain: bool = True) -> Personal:
    return Personal(kind=kind, start=match.start(group), end=match.end(group), certain=certain)


def find_personal(text: str, *, own: Own, names: bool = True) -> tuple[Personal, ...]:
    """Return the personal data in `text`, in order and without overlap, leaving out `own`.

    Without `names` the search is three times as fast.
    """
    plain = fold(text)
    taken: list[Personal] = []
    for finder in (*FINDERS, _names) if names else FINDERS:
        for found in finder(plain):
            if all(found.end <= other.start or other.end <= found.start for other in taken):
                taken.append(found)
    kept = [found for found in taken if not is_own(found.kind, text[found.start : found.end], own)]
    return tuple(sorted(kept, key=lambda found: found.start))


def surely_personal(text: str, *, own: Own) -> bool:
    """Say whether `text` surely holds personal data; names aside, and a handle is no secret."""
    found = find_personal(text, own=own, names=False)
    return any(each.certain and each.kind != "handle" for each in found)


def find_handles(text: str) -> tuple[tuple[int, int], ...]:
    """Return the (start, end) of each mention of an account in `text`, e-mail addresses aside."""
    return tuple(match.span() for match in _HANDLE.finditer(fold(text)))


def is_own(kind: Kind, words: str, own: Own) -> bool:
    """Say whether `words` are one of the organisation's own contact points."""
    if kind == "email":
        host = words.rpartition("@")[2].casefold()
        below = any(host == h.casefold() or host.endswith(f".{h.casefold()}") for h in own.hosts)
        return below or words.casefold() in map(str.casefold, own.emails)
    if kind == "phone":
        return national(words) in map(national, own.phones)
    if kind == "address":
        return any(f" {_spelled(words)} " in f" {_spelled(known)} " for known in own.addresses)
    return False


def national(phone: str) -> str:
    """Return the digits of a Dutch telephone number as dialled inside the country."""
    digits = re.sub(r"\D", "", fold(phone).replace("(0)", ""))
    return re.sub(r"^(?:0031|31(?=\d{9}$))", "0", digits)


def _spelled(address: str) -> str:
    joined = re.sub(r"\b(\d{4})\s?([A-Za-z]{2})\b", r"\1\2", address)
    return " ".join(re.findall(r"\w+", joined.casefold()))
