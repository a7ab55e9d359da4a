"""A citizen's conversation with us: posts, events, the table of states and moves, the fold."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assistant.errors import LuisterError

PRIVATE = "private"
"""Marks a field as a citizen's data: it enters the audit chain only as a commitment."""

Private = Annotated[str, PRIVATE]
MaybePrivate = Annotated[str | None, PRIVATE]

ERASED = "∅"
"""What stands where erased data stood."""

Addressed = Literal["mention", "reply", "quote", "direct"]
Visibility = Literal["public", "unlisted", "private", "direct"]
Advice = Literal["answer", "wait", "leave", "hand_over"]
Label = Literal[
    "question",
    "complaint",
    "report",
    "thanks",
    "opinion",
    "political",
    "official",
    "legal",
    "emergency",
    "self_harm",
    "abuse",
    "personal_data",
    "spam",
]
Origin = Literal["model", "answer", "template", "empty"]
CloseReason = Literal["no_answer_needed", "not_for_us", "answered_elsewhere", "spam", "other"]


class Frozen(BaseModel):
    """A value that never changes once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Post(Frozen):
    """One post of a citizen, as its platform's parser understood it.

    `addressed` says how it addresses us; without it nothing can be queued for the post. `root` is
    the first post of the thread. `author` is the platform's opaque id; None means anonymous.
    """

    platform: str
    account: str
    id: Private
    root: Private
    parent: MaybePrivate = None
    author: MaybePrivate = None
    handle: MaybePrivate = None
    text: Private
    created_at: datetime
    addressed: Addressed | None
    visibility: Visibility = "public"
    url: MaybePrivate = None
    deleted: bool = False
    edited: bool = False


class Actor(Frozen):
    """A colleague as they were called at the time of the act."""

    chat_user: str
    name: str
    initials: str


class Earlier(Frozen):
    """An earlier case of the same citizen: which, when, and who helped."""

    case: str
    at: datetime
    helped_by: Actor | None = None


class Triage(Frozen):
    """What a post is and what to do with it; `rule` is the house rule's number (DOMAIN.md, 1-12).

    `reason` is one sentence and may quote the post. `sure` False sends it to the triage channel.
    """

    label: Label
    department: str | None
    official: str | None = None
    language: str
    advice: Advice
    rule: Annotated[int, Field(ge=1, le=12)]
    reason: Private
    sure: bool = True
    by: str
    wait_until: datetime | None = None


class Draft(Frozen):
    """A suggestion and where it comes from; `sources` are ids of approved answers.

    `by` is `model prompt@version+sha` for a model's text and empty otherwise. `revision` is the
    case's revision it was written for.
    """

    id: str
    text: Private
    origin: Origin
    sources: tuple[str, ...] = ()
    by: str = ""
    revision: int


class Reply(Frozen):
    """The one reply of one Send: the exact whole text, and what makes its sending repeatable.

    `key`, `record_key` and `created_at` are derived from `id` before the first try. `sources` are
    the approved answers it leans on; `overruled` the codes of the checks sent in spite of, with the
    person's reason.
    """

    id: str
    target: Private
    text: Private
    key: str
    record_key: str
    created_at: datetime
    due: datetime
    by: Actor
    approved_by: Actor | None = None
    sources: tuple[str, ...] = ()
    draft: str | None = None
    overruled: tuple[str, ...] = ()
    overrule_reason: MaybePrivate = None


class Remote(Frozen):
    """Where a reply stands on the platform."""

    id: Private
    url: MaybePrivate = None


def handle_key(handle: str) -> str:
    """Return a handle as indexes know it: without @, in lower case."""
    return handle.removeprefix("@").casefold()


_TID = "234567abcdefghijklmnopqrstuvwxyz"


def reply_id(command: str, case: str) -> str:
    """Return the id of the reply one Send of one case makes; the same Send gives the same id."""
    return sha256(f"{case}:{command}".encode()).hexdigest()[:24]


def record_key(id: str, created_at: datetime) -> str:
    """Return a valid TID (atproto: 13 sortable base-32 characters) for a reply.

    Its 53 bits of microseconds come from `created_at`, its 10 bits of clock from the reply's id.
    """
    clock = int(sha256(id.encode()).hexdigest()[:4], 16) & 0x3FF
    number = (int(created_at.timestamp() * 1_000_000) << 10) | clock
    return "".join(_TID[(number >> shift) & 31] for shift in range(60, -1, -5))


class State(StrEnum):
    """Where a case stands."""

    NEW = "new"
    TRIAGED = "triaged"
    OPEN = "open"
    APPROVAL = "approval"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    CLOSED = "closed"


class Kind(StrEnum):
    """What happened."""

    RECEIVED = "received"
    EDITED = "edited"
    DELETED = "deleted"
    TRIAGED = "triaged"
    DRAFTED = "drafted"
    PRESENTED = "presented"
    WOKEN = "woken"
    CLAIMED = "claimed"
    HANDED_OVER = "handed_over"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    UNDONE = "undone"
    SENDING = "sending"
    POSTPONED = "postponed"
    SENT = "sent"
    FAILED = "failed"
    DOUBTED = "doubted"
    FOUND = "found"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    CLOSED = "closed"
    REOPENED = "reopened"
    ERASED = "erased"


_S = State
_STAY: dict[State | None, State] = {state: state for state in State}
MOVES: Mapping[Kind, Mapping[State | None, State]] = {
    # A citizen's post cancels what waits, never what is under way, and re-opens what was done.
    Kind.RECEIVED: {
        **_STAY,
        None: _S.NEW,
        _S.APPROVAL: _S.OPEN,
        _S.QUEUED: _S.OPEN,
        _S.SENT: _S.NEW,
        _S.CLOSED: _S.NEW,
    },
    Kind.EDITED: {**_STAY, _S.APPROVAL: _S.OPEN, _S.QUEUED: _S.OPEN},
    Kind.DELETED: {**_STAY, _S.APPROVAL: _S.OPEN, _S.QUEUED: _S.OPEN},
    Kind.TRIAGED: {_S.NEW: _S.TRIAGED, _S.TRIAGED: _S.TRIAGED, _S.OPEN: _S.OPEN},
    Kind.DRAFTED: {_S.TRIAGED: _S.TRIAGED, _S.OPEN: _S.OPEN},
    Kind.PRESENTED: {_S.TRIAGED: _S.OPEN},
    Kind.WOKEN: {_S.OPEN: _S.OPEN},
    Kind.CLAIMED: {_S.OPEN: _S.OPEN},
    Kind.HANDED_OVER: {_S.OPEN: _S.OPEN, _S.FAILED: _S.FAILED},
    Kind.SUBMITTED: {_S.OPEN: _S.APPROVAL, _S.FAILED: _S.APPROVAL},
    Kind.RETURNED: {_S.APPROVAL: _S.OPEN},
    Kind.APPROVED: {_S.OPEN: _S.QUEUED, _S.APPROVAL: _S.QUEUED, _S.FAILED: _S.QUEUED},
    Kind.UNDONE: {_S.QUEUED: _S.OPEN},
    Kind.SENDING: {_S.QUEUED: _S.SENDING, _S.SENDING: _S.SENDING},
    # The platform surely took nothing; the same reply is tried again later.
    Kind.POSTPONED: {_S.SENDING: _S.SENDING},
    Kind.SENT: {_S.SENDING: _S.SENT},
    Kind.FAILED: {_S.QUEUED: _S.FAILED, _S.SENDING: _S.FAILED},
    Kind.DOUBTED: {_S.SENDING: _S.IN_DOUBT},
    Kind.FOUND: {_S.SENDING: _S.SENT, _S.IN_DOUBT: _S.SENT},
    Kind.CONFIRMED: {_S.IN_DOUBT: _S.SENT},
    Kind.DENIED: {_S.IN_DOUBT: _S.OPEN},
    Kind.CLOSED: {_S.OPEN: _S.CLOSED, _S.FAILED: _S.CLOSED},
    Kind.REOPENED: {_S.SENT: _S.NEW, _S.CLOSED: _S.NEW},
    # Never while a reply is under way: its outcome must be known before its traces go.
    Kind.ERASED: {
        state: _S.CLOSED for state in State if state not in (_S.SENDING, _S.IN_DOUBT, _S.QUEUED)
    },
}

HUMAN: frozenset[Kind] = frozenset({Kind.SUBMITTED, Kind.APPROVED, Kind.CONFIRMED, Kind.DENIED})
"""Moves only a named person makes, on the exact text that person saw."""

NAMED: frozenset[Kind] = HUMAN | {
    Kind.CLAIMED,
    Kind.HANDED_OVER,
    Kind.RETURNED,
    Kind.UNDONE,
    Kind.CLOSED,
}
"""Moves that need a person, with or without a text."""

FINISHED: frozenset[State] = frozenset({State.SENT, State.CLOSED})


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
    reason: str | None = None
    erased: bool = False
    reopened: int = 0

    @property
    def post(self) -> Post:
        """The newest post that still stands, else the newest of all."""
        return next((each for each in reversed(self.posts) if not each.deleted), self.posts[-1])

    @property
    def gone(self) -> bool:
        """Whether the citizen took back every post we have not answered."""
        pending = self.posts[self.answered :] or self.posts
        return all(each.deleted for each in pending)

    @property
    def unanswered(self) -> bool:
        """Whether a post stands that no sent reply was written for."""
        return any(not each.deleted for each in self.posts[self.answered :])

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
        return not self.erased and not self.post.deleted and self.post.addressed is not None


def evolve(case: Case | None, event: Event, *, id: str) -> Case:
    """Return the case after `event`; `id` is the case's id.

    Pure, and blind to what private fields hold, so that it folds sealed and open events alike.
    Raises IllegalMove where MOVES has no such move.
    """
    before = case.state if case else None
    after = MOVES[event.kind].get(before)
    if after is None:
        raise IllegalMove(f"{event.kind} is no move from {before}")
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
    change: Change = {"triage": event.triage, "earlier": event.earlier}
    # A late label never moves a card people already have.
    if case.state is not State.OPEN:
        change |= {"department": event.triage.department, "official": event.triage.official}
    return change


def _handed_over(case: Case, event: Event) -> Change:
    return {"department": event.department, "official": event.official, "owner": None}


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
        "sent": (*case.sent, case.reply),
        "remote": event.remote,
        "answered": max(target, case.answered),
        "reason": None,
    }


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
    Kind.CLOSED: _because,
    Kind.REOPENED: _reopened,
    Kind.ERASED: lambda case, event: {"erased": True, "draft": None},
}
