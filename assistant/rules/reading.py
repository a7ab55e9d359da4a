"""A post as the rules read it."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from assistant.case import Addressed, Label, Post, Said, handle_key
from assistant.clean import clean
from assistant.likeness import ear
from assistant.personal import Own, Personal, find_personal
from assistant.rules.phrases import sign, words
from assistant.rules.register import Named, Register, Subject
from assistant.rules.verdict import ADVICE, SENSITIVE

LIKE = 0.5
"""A label's share from which a post is like it: more than like all others together."""
_STARRED = re.compile(r"\w\*+\w")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One post: its text, how it addresses us, what stood above it, and what we answer for."""

    text: str
    addressed: Addressed | None
    own: Own
    register: Register
    writer: frozenset[str] = frozenset()
    above: tuple[Said, ...] = ()

    @cached_property
    def all_words(self) -> str:
        """The folded words between single spaces, `/` where a sentence ends."""
        return words(self.text)

    @cached_property
    def plain(self) -> str:
        """The words without the sayings that only sound alarming."""
        return sign("innocent").sub("…", self.all_words)

    @cached_property
    def _shares(self) -> dict[Label, float]:
        return cast("dict[Label, float]", ear("silence").shares(self.all_words))

    @cached_property
    def silence(self) -> float:
        """How much it is like posts that may get no draft: 0 not at all, 1 wholly.

        Against those that may be answered: that it asks for nothing is for the rules to say.
        """
        apart = sum(share for label, share in self._shares.items() if label in SENSITIVE)
        among = sum(share for label, share in self._shares.items() if ADVICE[label][0] == "answer")
        return apart / (apart + among)

    @cached_property
    def like(self) -> Label:
        """The label of the posts that may get no draft it is most like."""
        return max(
            (each for each in self._shares if each in SENSITIVE), key=self._shares.__getitem__
        )

    @cached_property
    def likest(self) -> Label | None:
        """The label of the posts it is most like, None where it is like none in particular."""
        label = max(self._shares, key=self._shares.__getitem__)
        return label if self._shares[label] > LIKE else None

    def heard(self, name: str) -> tuple[str, ...]:
        """Return what of the list `name` stands in the post."""
        return tuple(each[0] for each in sign(name).finditer(self.plain))

    def opens(self, name: str) -> tuple[str, ...]:
        """Return what of the list `name` opens a sentence of the post."""
        plain = self.plain
        found = sign(name).finditer(plain)
        return tuple(each[0] for each in found if plain[: each.start()].rstrip()[-1:] in ("", "/"))

    @cached_property
    def asks(self) -> bool:
        """Whether there is a question mark, in any script."""
        return any(each in self.text for each in "?？؟¿")

    @cached_property
    def quarrel(self) -> tuple[str, ...]:
        """The heated words above this post where it is written to another citizen, not to us."""
        before = self.above[-1] if self.above else None
        if before is None or before.ours or before.author is None:
            return ()
        if handle_key(before.author) in self.writer:
            return ()
        lists = ("abuse.threat", "abuse.insult", "political.sure")
        said = [words(each.text) for each in self.above if not each.ours]
        return tuple(
            found[0] for text in said for name in lists for found in sign(name).finditer(text)
        )

    @cached_property
    def starred(self) -> tuple[str, ...]:
        """Words with asterisks inside: swearing, disguised."""
        return tuple(_STARRED.findall(self.text))

    @cached_property
    def subject(self) -> Subject:
        """Whose subject it is about."""
        return self.register.subject(self.text)

    @cached_property
    def officials(self) -> tuple[tuple[str, str], ...]:
        """Each official the post names, with how it calls them."""
        return self._named(self.register.officials)

    @cached_property
    def bodies(self) -> tuple[tuple[str, str], ...]:
        """Each other body whose subject the post names, with the words."""
        return self._named(self.register.bodies)

    @cached_property
    def not_public(self) -> tuple[tuple[str, str], ...]:
        """Each subject the post names that is not public yet, with the words."""
        return self._named(self.register.not_public)

    def _named(self, known: Named) -> tuple[tuple[str, str], ...]:
        found = ((name, called.search(self.plain)) for name, called in known)
        return tuple((name, match[0]) for name, match in found if match)

    @cached_property
    def personal(self) -> tuple[Personal, ...]:
        return find_personal(self.text, own=self.own)

    @cached_property
    def others(self) -> tuple[str, ...]:
        """The neighbours and relatives of whom the post tells name and surname."""
        names = [each for each in self.personal if each.kind == "name"]
        return tuple(
            found[0]
            for each in names
            if " " in self.text[each.start : each.end]
            for before in (words(self.text[: each.start]),)
            for found in sign("personal_data.relation").finditer(before)
            if found.end() == len(before) - 1
        )


def read(post: Post, *, text: str | None = None, own: Own, register: Register) -> Reading:
    """Return the reading of `post`; `text` replaces its own, as when several posts wait."""
    account = re.escape(post.account.removeprefix("@"))
    shown = re.sub(rf"(?i)@{account}(?!\w)", " ", clean(post.text if text is None else text))
    return Reading(
        text=shown,
        addressed=post.addressed,
        own=own,
        register=register,
        # Above a post most platforms know people by handle, a gateway may by its own ids.
        writer=frozenset(handle_key(each) for each in (post.handle, post.author) if each),
        above=post.above,
    )
