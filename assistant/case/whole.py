"""Events, and the case they fold to."""

from datetime import datetime
from typing import Self

from pydantic import model_validator

from assistant.case.moves import HUMAN, NAMED, Kind, State
from assistant.case.parts import (
    Actor,
    Alias,
    Amendment,
    Draft,
    Earlier,
    Frozen,
    MaybePrivate,
    Outside,
    Post,
    Remote,
    Reply,
    Rewriting,
    Term,
    Triage,
)


class Event(Frozen):
    """One thing that happened to a case; which parts it carries follows from its kind.

    `expired` are the cited answers that were valid at Send and no more when the text went out;
    `gone` are the commitments whose values were deleted with it.
    """

    kind: Kind
    at: datetime
    by: Actor | None = None
    post: Post | None = None
    triage: Triage | None = None
    earlier: tuple[Earlier, ...] = ()
    draft: Draft | None = None
    rewriting: Rewriting | None = None
    alias: Alias | None = None
    reply: Reply | None = None
    reply_id: str | None = None
    text: MaybePrivate = None
    attempt: int | None = None
    remote: Remote | None = None
    department: str | None = None
    official: str | None = None
    reason: str | None = None
    note: MaybePrivate = None
    expired: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.kind in NAMED and self.by is None:
            raise ValueError(f"{self.kind} needs the person who did it")
        if self.kind in HUMAN and not self.seen_text:
            raise ValueError(f"{self.kind} needs the exact text that person saw")
        return self

    @property
    def seen_text(self) -> str | None:
        """The exact text a HUMAN act was about."""
        return self.reply.text if self.reply else self.text


class Case(Frozen):
    """A case as its events made it; every field follows from them.

    `remote` is where the newest of `sent` stands, and `hidden` why nobody sees it there;
    `withdrawn` are the ids of those that were taken back; `outside` is the newest answer given
    outside Luister. `given` says that a person chose who has it. `offered` are words a colleague
    may teach the search, `taught` those it learned from this case.
    """

    id: str
    state: State
    platform: str
    account: str
    posts: tuple[Post, ...]
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    triage: Triage | None = None
    earlier: tuple[Earlier, ...] = ()
    department: str | None = None
    official: str | None = None
    been: tuple[str, ...] = ()
    given: bool = False
    draft: Draft | None = None
    rewriting: Rewriting | None = None
    offered: Alias | None = None
    taught: tuple[Alias, ...] = ()
    owner: Actor | None = None
    labelled_by: Actor | None = None
    relabelled: int = 0
    reply: Reply | None = None
    sent: tuple[Reply, ...] = ()
    remote: Remote | None = None
    hidden: str | None = None
    outside: Outside | None = None
    amendment: Amendment | None = None
    withdrawn: tuple[str, ...] = ()
    attempt: int = 0
    attempt_at: datetime | None = None
    first_attempt_at: datetime | None = None
    outstanding: bool = False
    answered: int = 0
    woken: bool = False
    term: Term | None = None
    reminded: bool = False
    reason: str | None = None
    erased: bool = False
    reopened: int = 0

    @property
    def post(self) -> Post:
        """The newest post that stands and addresses us, else that stands, else the newest."""
        standing = [each for each in reversed(self.posts) if not each.deleted]
        ours = [each for each in standing if each.addressed is not None]
        return (*ours, *standing, self.posts[-1])[0]

    @property
    def waiting(self) -> str:
        """The texts that wait for an answer: a threat in the post before the last still counts."""
        texts = [each.text for each in self.posts[self.answered :] if not each.deleted]
        return "\n".join(texts) or self.post.text

    @property
    def gone(self) -> bool:
        """Whether the citizen took back every post we have not answered."""
        pending = self.posts[self.answered :] or self.posts
        return all(each.deleted for each in pending)

    @property
    def newer_than_reply(self) -> bool:
        """Whether the citizen wrote again after the post the reply answers."""
        if self.reply is None:
            return False
        ids = [each.id for each in self.posts]
        return any(not each.deleted for each in self.posts[ids.index(self.reply.target) + 1 :])

    @property
    def amending(self) -> bool:
        """Whether a reply is to be taken back or corrected and that is not done yet."""
        return self.amendment is not None and self.amendment.state == "asked"

    @property
    def taken_back(self) -> bool:
        """Whether the newest reply that was sent does not stand any more."""
        return bool(self.sent) and self.sent[-1].origin in self.withdrawn

    @property
    def standing(self) -> tuple[Reply, ...]:
        """The replies citizens can read, oldest first."""
        return tuple(each for each in self.sent if each.origin not in self.withdrawn)

    @property
    def unsent(self) -> Reply | None:
        """What a colleague wrote and nobody sent: undone, given back, failed."""
        reply = self.reply
        if reply is None or any(each.origin == reply.id for each in self.sent):
            return None
        return reply

    @property
    def likely(self) -> str | None:
        """The department this is probably for while nobody has it; none that gave it back.

        None too where the citizen took back what waits: there is nothing left to give.
        """
        guess = self.triage.likely if self.triage else None
        taken = self.department is not None or self.official is not None
        return None if taken or self.gone or guess in self.been else guess

    @property
    def answerable(self) -> bool:
        """Rule 1: only a post addressed to us, and still there, is answered."""
        post = self.post
        return not (self.erased or post.deleted or post.barred) and post.addressed is not None
