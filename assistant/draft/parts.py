"""A post that asks two things: its parts, and the approved answers to all of them."""

from collections.abc import Container

from assistant.answers import Answer, Index, sure, tells
from assistant.rules.phrases import words

MOST = 2
"""Answers in one reply: three short ones have no room on any platform but the widest."""


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_JOINING = ("en", "and")

_ASIDE = _listed(
    """aan af also alvast and aub bedankt beste bij dag dan dank daarnaast dankjewel dankuwel en
    gemeente goedemorgen goedemiddag goedenavond gr graag groet groeten groetjes hallo hello hey hi
    hoi i ik in know like me met mvg naar nog ook op per please svp thank thanks to tot twee van
    vanaf verder voor vraag vraagje vraagjes vragen vriendelijke want weten wil would you"""
)
"""Words around a question that are none of it: greetings, thanks and what leads up to it."""

_ASKING = _listed(
    """bestaat are can could do does doet gaat gaan geldt hebben hebt heb heeft how is kan komen
    komt krijg krijgen kun kunnen kunt ligt mag may moet moeten mogen must should staat wanneer
    wat weet welk welke what when where which who why wie will word worden wordt zijn zit"""
)
_ASKING_STARTS = ("waar", "hoe")

_BACK = _listed(
    """dat deze dezelfde die dit eentje erbij erin ermee ervan ervoor haar hem hetzelfde hij it
    ook that them these they this those ze zij zoiets zulke also"""
)
"""Words by which a part leans on what was said before it."""
_BACK_STARTS = ("daar", "hier")


def parts_of(text: str) -> tuple[str, ...]:
    """Return the sentences of `text` that say something, cut where "and" begins a question.

    Each is in folded words, as the rules read a text.
    """
    heard: list[list[str]] = []
    for sentence in words(text).split("/"):
        heard.append([])
        said = [each for each in sentence.split() if not each.startswith("@")]
        for at, word in enumerate(said):
            if word in _JOINING and _asks(said[at + 1 :]):
                heard.append([])
            else:
                heard[-1].append(word)
    return tuple(" ".join(each) for each in heard if any(map(_tells, each)))


def answers_to(text: str, index: Index, *, apart: Container[str]) -> tuple[Answer, ...]:
    """Return the answers to the two things that `text` asks, in its order; else none.

    Every part must ask, stand by itself, name the subject of an answer and surely find that one: a
    short part finds much by chance (measured in docs/design-notes.md). An answer whose id is
    `apart` goes with no other.
    """
    parts = parts_of(text)
    if len(parts) != MOST:
        return ()
    found = tuple(each for each in (_answer_to(part, index) for part in parts) if each)
    different = len({each.id for each in found}) == MOST
    return found if different and not any(each.id in apart for each in found) else ()


def _answer_to(part: str, index: Index) -> Answer | None:
    said = part.split()
    if not _asks(said) or _leans(said):
        return None
    found = sure(index.find(part, top=2))
    return found.answer if found and index.names(part, found.answer) else None


def _tells(word: str) -> bool:
    return word not in _ASIDE and not word.isdigit() and tells(word)


def _asks(said: list[str]) -> bool:
    """Say whether these words begin a question."""
    first = next(iter(_led(said)), "")
    return first in _ASKING or first.startswith(_ASKING_STARTS)


def _leans(said: list[str]) -> bool:
    """Say whether these words mean nothing without what was said before them."""
    return any(each in _BACK or each.startswith(_BACK_STARTS) for each in _led(said))


def _led(said: list[str]) -> list[str]:
    """Return the words from the first that is not just leading up to a question."""
    start = next((at for at, each in enumerate(said) if each not in _ASIDE), len(said))
    return said[start:]
