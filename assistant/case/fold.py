"""Events, and the case they fold to."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import model_validator

from assistant.case.moves import FINISHED, HUMAN, MOVES, NAMED, Kind, State
from assistant.case.parts import (
    Actor,
    Draft,
    Earlier,
    Frozen,
    MaybePrivate,
    Post,
    Remote,
    Reply,
    Term,
    Triage,
)
from assistant.errors import LuisterError


class Event(Frozen):
    """One thing that happened to a case; which parts it carries follows from its kind."""

    kind: Kind
    at: datetime
    by: Actor | None = None
    post: Post | None = None
    triage: Triage | None = None
    earlier: tuple[Earlier, ...] = ()
    draft: Draft | None = None
    reply: Reply | None = None
    reply_id: str | None = None
    text: MaybePrivate = None
    attempt: int | None = None
    remote: Remote | None = None
    department: str | None = None
    official: str | None = None
    reason: str | None = None
    note: MaybePrivate = None

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


class IllegalMove(LuisterError):
    """The table has no such move from this state."""


class Case(Frozen):
    """A case as its events made it; every field follows from them."""

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
    draft: Draft | None = None
    owner: Actor | None = None
    reply: Reply | None = None
    sent: tuple[Reply, ...] = ()
    remote: Remote | None = None
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
    def answerable(self) -> bool:
        """Rule 1: only a post addressed to us, and still there, is answered."""
        post = self.post
        return not (self.erased or post.deleted or post.barred) and post.addressed is not None


def evolve(case: Case | None, event: Event, *, id: str) -> Case:
    """Return the case after `event`; `id` is the case's id.

    Pure, and blind to what private fields hold, so that it folds sealed and open events alike.
    Raises IllegalMove where MOVES has no such move.
    """
    before = case.state if case else None
    after = MOVES[event.kind].get(before)
    if after is None:
        raise IllegalMove(f"{event.kind} is no move from {before}")
    if case and case.erased and event.kind not in _AFTER_ERASING:
        raise IllegalMove(f"{event.kind} is no move of an erased case")
    if case and event.kind in _ABOUT_REPLY and not _same_reply(case, event):
        raise IllegalMove(f"{event.kind} is about another reply or text than the approved one")
    if case is None:
        assert event.post is not None
        post = event.post
        return Case(
            id=id,
            state=after,
            platform=post.platform,
            account=post.account,
            posts=(post,),
            created_at=event.at,
            updated_at=event.at,
        )
    update = {"state": after, "updated_at": event.at, **_CHANGES[event.kind](case, event)}
    return case.model_copy(update=update)


_AFTER_ERASING = frozenset({Kind.RECEIVED, Kind.ERASED})
"""Nothing of the citizen's is left to act on, until they write again."""

_ABOUT_REPLY = frozenset(
    {
        Kind.SENDING,
        Kind.POSTPONED,
        Kind.SENT,
        Kind.DOUBTED,
        Kind.FOUND,
        Kind.CONFIRMED,
        Kind.DENIED,
    }
)


def _same_reply(case: Case, event: Event) -> bool:
    """Say whether `event` cites no other reply or text than a person approved: sent = approved."""
    reply = case.reply
    if reply is None:
        return False
    return event.reply_id in (None, reply.id) and event.text in (None, reply.text)


Change = dict[str, Any]


_FORGOTTEN: Change = {
    "triage": None,
    "earlier": (),
    "draft": None,
    "owner": None,
    "reply": None,
    "sent": (),
    "remote": None,
    "answered": 0,
    "reason": None,
    "been": (),
    "term": None,
    "reminded": False,
}


def _received(case: Case, event: Event) -> Change:
    if case.erased:
        again = {"posts": (event.post,), "erased": False, "revision": case.revision + 1}
        return again | _FORGOTTEN
    done = case.state in FINISHED
    change: Change = {
        "posts": (*case.posts, event.post),
        "revision": case.revision + 1,
        "woken": False,
    }
    if done:
        change |= {"draft": None, "reason": None, "reopened": case.reopened + 1}
    return change


def _replaced(case: Case, event: Event) -> Change:
    """An edit or a deletion puts the post as it is now in the place of the old one."""
    assert event.post is not None
    new = event.post
    posts = tuple(new if each.id == new.id else each for each in case.posts)
    change: Change = {"posts": posts, "revision": case.revision + 1}
    if event.kind is Kind.DELETED:
        change["draft"] = None
    return change


def _triaged(case: Case, event: Event) -> Change:
    assert event.triage is not None
    # A term that runs goes on, whatever else the citizen writes.
    term = case.term or event.triage.term
    change: Change = {"triage": event.triage, "earlier": event.earlier, "term": term}
    # A late label never moves a card people already have.
    if case.state in (State.NEW, State.TRIAGED):
        change |= {"department": event.triage.department, "official": event.triage.official}
    return change


def _handed_over(case: Case, event: Event) -> Change:
    been = (*case.been, case.department) if case.department else case.been
    return {
        "department": event.department,
        "official": event.official,
        "owner": None,
        "been": tuple(dict.fromkeys(been)),
    }


def _queued(case: Case, event: Event) -> Change:
    return {
        "reply": event.reply,
        "attempt": 0,
        "attempt_at": None,
        "first_attempt_at": None,
        "outstanding": False,
        "reason": None,
        "remote": None,
    }


def _sending(case: Case, event: Event) -> Change:
    return {
        "attempt": event.attempt,
        "attempt_at": event.at,
        "first_attempt_at": case.first_attempt_at or event.at,
        "outstanding": True,
    }


def _sent(case: Case, event: Event) -> Change:
    assert case.reply is not None
    target = next(
        (at for at, each in enumerate(case.posts, start=1) if each.id == case.reply.target),
        len(case.posts),
    )
    return {
        "sent": _with(case.sent, case.reply),
        "remote": event.remote,
        "answered": max(target, case.answered),
        "reason": None,
    }


def _surfaced(case: Case, event: Event) -> Change:
    """A reply nobody counted on any more stands on the platform."""
    assert event.reply is not None
    return {"sent": _with(case.sent, event.reply), "remote": event.remote}


def _with(sent: tuple[Reply, ...], reply: Reply) -> tuple[Reply, ...]:
    """Return the replies that stand, with `reply` once: it may have surfaced before it was told."""
    return sent if any(each.id == reply.id for each in sent) else (*sent, reply)


def _because(case: Case, event: Event) -> Change:
    return {"reason": event.reason}


def _reopened(case: Case, event: Event) -> Change:
    return {"draft": None, "reason": None, "woken": False, "reopened": case.reopened + 1}


_CHANGES: Mapping[Kind, Callable[[Case, Event], Change]] = {
    Kind.RECEIVED: _received,
    Kind.EDITED: _replaced,
    Kind.DELETED: _replaced,
    Kind.TRIAGED: _triaged,
    Kind.DRAFTED: lambda case, event: {"draft": event.draft},
    Kind.PRESENTED: lambda case, event: {},
    Kind.WOKEN: lambda case, event: {"woken": True},
    Kind.REMINDED: lambda case, event: {"reminded": True},
    Kind.CLAIMED: lambda case, event: {"owner": event.by},
    Kind.HANDED_OVER: _handed_over,
    Kind.SUBMITTED: _queued,
    Kind.RETURNED: _because,
    Kind.APPROVED: _queued,
    Kind.UNDONE: lambda case, event: {},
    Kind.SENDING: _sending,
    Kind.POSTPONED: lambda case, event: {"outstanding": False},
    Kind.SENT: _sent,
    Kind.FAILED: _because,
    Kind.DOUBTED: _because,
    Kind.FOUND: _sent,
    Kind.CONFIRMED: _sent,
    Kind.DENIED: _because,
    Kind.SURFACED: _surfaced,
    Kind.CLOSED: _because,
    Kind.REOPENED: _reopened,
    Kind.ERASED: lambda case, event: {"erased": True, "draft": None},
}
