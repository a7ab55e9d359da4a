"""Checks on what a public reply may not show: personal data, other people, hidden characters."""

import re
from collections.abc import Iterator

from assistant.checks.findings import GREETING, Finding, Ground, finding, said_in, sourced, tokens
from assistant.clean import hidden
from assistant.names import find_names
from assistant.personal import Personal, find_handles, find_personal

# A number of ours that looks like a person's stands in an answer; a BSN or card never does.
NEVER_APPROVED = frozenset({"bsn", "card", "document"})
_OTHERS = ("private", "person", "office", "first", "perhaps")
"""How surely a name is somebody else's, the surest first."""
_CALLED = re.compile(r"(?:^|[,!.]\s*)(?:(?:de\s)?[^\W\d_]+\.?\s)?$")
_SO = re.compile(r"\s*(?:[,!.?^]|$)")
"""A name alone between commas or dots may be the citizen's: "Dank u wel, mevrouw Smit."."""


def hidden_characters(text: str, *, ground: Ground) -> Iterator[Finding]:
    """Nobody can approve what nobody can see; a hidden character can also carry hidden text."""
    for start, end in hidden(text):
        yield finding("hidden", text, start, end, count=end - start)


def personal_data(text: str, *, ground: Ground) -> Iterator[Finding]:
    """Personal data stays private (house rule 8), other than our own or an approved answer's."""
    for found in find_personal(text, own=ground.own, names=False):
        if found.kind != "handle" and not _approved(found, text, ground):
            yield finding(_code(found), text, found.start, found.end)


def _approved(found: Personal, text: str, ground: Ground) -> bool:
    if found.kind in NEVER_APPROVED and found.certain:
        return False
    return said_in(text[found.start : found.end], sourced(ground.sources))


def _code(found: Personal) -> str:
    return found.kind if found.certain or found.kind == "case_number" else "maybe_personal"


def mentions(text: str, *, ground: Ground) -> Iterator[Finding]:
    """A reply is to one citizen: a mention of anybody else draws them in."""
    for start, end in find_handles(text):
        words = text[start:end]
        if not _same_handle(words, ground.handle) and not said_in(words, sourced(ground.sources)):
            yield finding("mention", text, start, end)


def _same_handle(one: str, other: str | None) -> bool:
    """Say whether a mention is of the citizen with the handle `other`.

    Without a host it is somebody on our own server, so it is never a citizen of another one: they
    would read what was meant for the citizen, a private message too.
    """
    if other is None:
        return False
    name, _, host = one.lstrip("@").casefold().partition("@")
    other_name, _, other_host = other.lstrip("@").casefold().partition("@")
    return name == other_name and (host == other_host or not other_host)


def third_persons(text: str, *, ground: Ground) -> Iterator[Finding]:
    """The citizen's own name may be in the greeting; nobody else's belongs in a public reply.

    A neighbour's, a relative's, whatever follows a title, and a name taken over from the post is
    stopped; one from elsewhere may be a street or a club.
    """
    greeting = GREETING.match(text)
    greeted = greeting.end() if greeting else 0
    post, known = tokens(ground.post), sourced(ground.sources) + _signed(ground.post)
    for start, end, code in _others(text):
        words = text[start:end]
        if start < greeted or said_in(words, known):
            continue
        taken_over = said_in(words, post)
        private = code == "private" and not _may_be_called(text, start, end)
        if private or (taken_over and code in ("private", "person")):
            yield finding("third_person", text, start, end)
        elif taken_over or code != "perhaps":
            yield finding("named_person", text, start, end)


def _may_be_called(text: str, start: int, end: int) -> bool:
    """Say whether the name at text[start:end] may be of whoever is answered."""
    return bool(_CALLED.search(text, max(0, start - 30), start) and _SO.match(text, end))


def _others(text: str) -> list[tuple[int, int, str]]:
    """Return where others are named, each once and in full, and how surely it is a person."""
    found = [one for one in find_names(text) if one[0] in _OTHERS]
    kept: list[tuple[int, int, str]] = []
    for _, start, end in sorted(found, key=lambda one: (one[1] - one[2], one)):
        if all(end <= a or b <= start for a, b, _ in kept):
            inside = {code for code, a, b in found if start <= a < b <= end}
            kept.append((start, end, next(code for code in _OTHERS if code in inside)))
    return kept


def _signed(post: str) -> str:
    """Return the names the citizen signed with, as `tokens`."""
    return "\n".join(tokens(post[a:b]) for code, a, b in find_names(post) if code == "signature")
