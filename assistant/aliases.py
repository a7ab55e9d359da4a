"""Words of citizens by which an approved answer is found, as colleagues taught them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from assistant.answers import Answer, tells
from assistant.case import Alias, Case
from assistant.checks.links import find_links
from assistant.clean import clean
from assistant.config import Organisation
from assistant.names import FIRST_NAMES, INTRODUCES, PARTICLES, find_names
from assistant.personal import Own, find_personal
from assistant.rules import ADVICE
from assistant.rules.phrases import words

MOST = 8
"""Words of a phrase: the subject, not the story."""

LONGEST = 72
"""Characters of a phrase, so that a card shows it whole."""

LETTERS = 36
"""Letters of a word; what is longer was not written by a person."""

_WORD = re.compile(r"[^\W_]+")
_HASHTAG = re.compile(r"#\w+")
_GOES_ON = frozenset(",'’-/&")
"""After these, as after a letter, a capital begins no sentence: it begins a name."""

SAID = 0.75
"""Share of a learned phrase's words that a post must say: among them are words of any subject."""

Span = tuple[int, int]


def with_learned(organisation: Organisation, learned: Iterable[tuple[str, Alias]]) -> Organisation:
    """Return `organisation` with what was learned among the aliases of its answers.

    To the search an alias is an alias, wherever it stands; one that stands twice counts once.
    """
    more: dict[str, list[str]] = defaultdict(list)
    for _, each in learned:
        more[each.answer].append(each.phrase)
    if not more:
        return organisation
    answers = tuple(
        _with(each, more[each.id]) if each.id in more else each for each in organisation.answers
    )
    return organisation.model_copy(update={"answers": answers})


def spoken(learned: Iterable[tuple[str, Alias]], text: str) -> tuple[tuple[str, Alias], ...]:
    """Return what was learned of which `text` says nearly all: a few words shared prove nothing."""
    said = set(words(text).split())
    return tuple(each for each in learned if _share_said(each[1].phrase, said) >= SAID)


def _share_said(phrase: str, said: set[str]) -> float:
    own = words(phrase).split()
    return sum(word in said for word in own) / len(own) if own else 0.0


def _with(answer: Answer, phrases: Iterable[str]) -> Answer:
    own = set(map(words, answer.aliases))
    new = {plain: each for each in phrases if (plain := words(each)) not in own}
    return answer.model_copy(update={"aliases": (*answer.aliases, *new.values())})


def known(answer: Answer, phrase: str) -> bool:
    """Say whether `phrase` stands among the answer's own aliases, however it is spelled."""
    return words(phrase) in map(words, answer.aliases)


def teaches(case: Case) -> bool:
    """Say whether the search may learn from this post.

    Only where answering is the rule, and nothing of what was said in private.
    """
    if case.triage is None or case.post.visibility not in ("public", "unlisted"):
        return False
    return ADVICE[case.triage.label][0] == "answer"


def teachable(case: Case) -> Alias | None:
    """Return the words a colleague may teach from this case, as they stand on its card."""
    return case.offered if teaches(case) else None


def phrase_of(text: str) -> str | None:
    """Return the telling words of a citizen's post, in its order; None where there are none.

    At most MOST words and LONGEST characters, in small letters: nothing the search skips, no link,
    mention, hashtag or number, and nothing that is, or looks like, somebody's name or data.
    """
    shown = clean(text)
    shown = shown.lower() if shown.isupper() else shown  # else every word looks like a name
    named = [*_personal(shown), *_named(shown)]
    away = [*named, *_linked(shown)]
    names = {word.casefold() for start, end in named for word in _WORD.findall(shown[start:end])}
    kept = [
        found[0]
        for found in _WORD.finditer(shown)
        if not any(start < found.end() and found.start() < end for start, end in away)
        and not _proper(found, shown, away)
        and found[0].casefold() not in names
        and _tells(found[0])
    ]
    phrase = " ".join(_best(list(dict.fromkeys(each.lower() for each in kept))))
    return phrase if phrase and not any(_personal(phrase)) else None


def _personal(text: str) -> Iterator[Span]:
    # Our own address or account says as little about a subject as a citizen's.
    return ((each.start, each.end) for each in find_personal(text, own=Own()))


def _named(text: str) -> Iterator[Span]:
    """Yield what may be a name, also where nobody troubled to write capitals."""
    yield from ((start, end) for _, start, end in find_names(text))
    raised = _WORD.sub(lambda found: found[0][0].upper() + found[0][1:], text)
    if len(raised) == len(text):
        people = (start for code, start, _ in find_names(raised) if code in ("private", "person"))
        yield from (_two_words(text, start) for start in people)
    # "ik jan de vries": raised, a word before a first name makes another pair with it.
    first = (each.start() for each in _WORD.finditer(text) if each[0].title() in FIRST_NAMES)
    yield from (_two_words(text, start) for start in first)


def _two_words(text: str, start: int) -> Span:
    """Return where a name without capitals ends: first and last name, and what stands between."""
    telling = (each.end() for each in _WORD.finditer(text, start) if _of_a_name(each[0]))
    return start, max(islice(telling, 2), default=len(text))


def _of_a_name(word: str) -> bool:
    return word.casefold() not in PARTICLES and tells(word)


def _linked(text: str) -> Iterator[Span]:
    yield from ((each.start, each.end) for each in find_links(text))
    yield from (each.span() for each in _HASHTAG.finditer(text))


def _proper(found: re.Match[str], text: str, away: Iterable[Span]) -> bool:
    """Say whether a word has the capital of a name: within a sentence, where others have none."""
    word, before = found[0], text[: found.start()].rstrip(" ")
    if not word[0].isupper() or (len(word) > 1 and word.isupper()):
        return False
    goes_on = before[-1:].isalnum() or before[-1:] in _GOES_ON
    return bool(before) and goes_on and not any(end == len(before) for _, end in away)


def _tells(word: str) -> bool:
    plain = 1 < len(word) <= LETTERS and word.lower().isalpha()
    about_people = word.title() in FIRST_NAMES or word.casefold() in INTRODUCES
    return plain and not about_people and _of_a_name(word)


def _best(found: list[str]) -> list[str]:
    """Return the words that tell most, in their order: in Dutch those are the longest."""
    most = sorted(found, key=len, reverse=True)[:MOST]
    while len(" ".join(most)) > LONGEST:
        most.pop()
    return [each for each in found if each in most]
