"""What a check says, and what it checks a reply against."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from assistant.personal import Own

Severity = Literal["block", "confirm", "hint"]

SEVERITY: dict[str, Severity] = {
    "too_long": "block",
    "hidden": "block",
    "bsn": "block",
    "iban": "block",
    "card": "block",
    "document": "block",
    "phone": "block",
    "email": "block",
    "address": "block",
    "plate": "block",
    "birth_date": "block",
    "mention": "block",
    "third_person": "block",
    "link_unknown": "block",
    "link_disguised": "block",
    "link_shortened": "block",
    "other_initials": "block",
    "maybe_personal": "confirm",
    "case_number": "confirm",
    "named_person": "confirm",
    "link_unsourced": "confirm",
    "unsourced": "confirm",
    "promise": "confirm",
    "opinion": "confirm",
    "political": "confirm",
    "irony": "confirm",
    "language": "confirm",
    "mixed_address": "confirm",
    "no_initials": "confirm",
    "long_sentence": "hint",
    "hard_word": "hint",
    "no_greeting": "hint",
}
"""What each code does: block stops, confirm asks for a reason, hint only tells."""

IN_PRIVATE: frozenset[str] = frozenset(
    {"iban", "phone", "email", "address", "plate", "birth_date", "third_person"}
)
"""What is stopped in public and only asked about in a reply to one citizen (house rule 8).

A BSN, a card or a document number is nothing for a social network at all.
"""


class Finding(BaseModel):
    """One thing a check points at: text[start:end] is `words`.

    `checks.<code>` in the words files is its sentence; `words` and `values` fill it in.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    severity: Severity
    start: int
    end: int
    words: str
    values: dict[str, str | int] = {}


class Ground(BaseModel):
    """What a reply is checked against.

    `post` and `language` are the citizen's; `sources` the full texts of the cited approved
    answers and `links` their links; `hosts` the hosts a link may go to besides our own; `limit`
    the platform's, in what its `length` counts; `handle` the citizen's, which may be mentioned;
    `initials` those of whoever signs, without the ^. `private` says that the reply reaches this
    citizen and nobody else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    post: str
    language: str
    sources: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    own: Own = Own()
    hosts: tuple[str, ...] = ()
    limit: int
    handle: str | None = None
    initials: str = ""
    private: bool = False


def finding(code: str, text: str, start: int, end: int, **values: str | int) -> Finding:
    """Return the finding `code` on text[start:end], with the severity its code has."""
    return Finding(
        code=code,
        severity=SEVERITY[code],
        start=start,
        end=end,
        words=text[start:end],
        values=values,
    )


def tokens(text: str) -> str:
    """Return the words of `text` in lower case between single spaces, to look for words in."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return f" {words} "


@lru_cache(maxsize=256)
def sourced(sources: tuple[str, ...]) -> str:
    """Return the words of all `sources`, as `tokens`; kept, for they are the same at each edit."""
    return "\n".join(map(tokens, sources))


def said_in(words: str, spoken: str) -> bool:
    """Say whether `words` stand one after the other in `spoken`, which are `tokens`."""
    return tokens(words) in spoken


GREETING = re.compile(
    r"(?i)^(?:\s|@[\w.@-]++|[^\w\s@])*+(?:hoi|hallo|hello|hey|hi|hé|ha|dag|beste|geachte|lieve|dear"
    r"|goede(?:morgen|middag|navond|ndag)|goeie(?:morgen|middag|navond|ndag)|welkom|moin|ahoi"
    r"|(?:goede|good)\s(?:morgen|middag|morning|afternoon|evening)|merhaba|selam|bonjour|salut"
    r"|guten\s(?:tag|morgen|abend)|hola|buenos\sd[ií]as|ciao|buongiorno|ol[áa]|bom\sdia|cześć"
    r"|dzień\sdobry|salam|bună|вітаю|привіт|добрий\sдень|مرحبا|السلام\sعليكم)(?!\w)"
    r"(?:(?:\s(?:(?-i:[A-ZÀ-Þ])[\w'’.-]*|van|de|der|den|ten|ter|heer|mevrouw|meneer|mevr\.|dhr\."
    r"|beste|en|allemaal|buurtbewoners?|inwoners?|@\S+|\w+(?=[,!]))){0,5}[ ]?[,!.\n])?"
)
"""A greeting with whoever is greeted, after the mentions a reply begins with."""

_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+(?=\s|$)|$)", re.MULTILINE)
_INITIALS = re.compile(r"\s*\^\w{1,5}\s*$")


def sentences(text: str) -> Iterable[tuple[int, int]]:
    """Yield the (start, end) of each sentence of `text`, without greeting and initials."""
    greeting = GREETING.match(text)
    signed = _INITIALS.search(text)
    start = greeting.end() if greeting else 0
    stop = signed.start() if signed else len(text)
    for match in _SENTENCE.finditer(text, start, max(start, stop)):
        yield match.span()


@lru_cache(maxsize=256)
def _source_sentences(sources: tuple[str, ...]) -> frozenset[str]:
    return frozenset(tokens(text[a:b]) for text in sources for a, b in sentences(text))


def approved_spans(text: str, ground: Ground) -> tuple[tuple[int, int], ...]:
    """Return where sentences of `text` stand that are word for word a cited answer's.

    Whole sentences only: "you get it back" does not follow from "you get it back unless …".
    """
    known = _source_sentences(ground.sources)
    return tuple((a, b) for a, b in sentences(text) if tokens(text[a:b]) in known)
