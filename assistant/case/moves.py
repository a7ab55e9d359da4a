"""The table of states and moves, and which moves only a person makes."""

from collections.abc import Mapping
from enum import StrEnum


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
    RELABELLED = "relabelled"
    DRAFTED = "drafted"
    REWRITE = "rewrite"
    REWRITE_FAILED = "rewrite_failed"
    PICKED = "picked"
    TAUGHT = "taught"
    UNTAUGHT = "untaught"
    PRESENTED = "presented"
    WOKEN = "woken"
    REMINDED = "reminded"
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
    SURFACED = "surfaced"
    HIDDEN = "hidden"
    ELSEWHERE = "elsewhere"
    BARRED = "barred"
    TAKE_BACK = "take_back"
    CORRECT = "correct"
    AMENDED = "amended"
    AMEND_FAILED = "amend_failed"
    CLOSED = "closed"
    REOPENED = "reopened"
    UNQUOTED = "unquoted"
    ERASED = "erased"


_S = State
_STAY: dict[State | None, State] = {state: state for state in State}
_MAY_AMEND = (_S.NEW, _S.TRIAGED, _S.OPEN, _S.SENT, _S.CLOSED)
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
    # While a reply is under way only the label changes: an emergency must be seen at once.
    Kind.TRIAGED: {
        _S.NEW: _S.TRIAGED,
        _S.TRIAGED: _S.TRIAGED,
        _S.OPEN: _S.OPEN,
        _S.SENDING: _S.SENDING,
        _S.IN_DOUBT: _S.IN_DOUBT,
        _S.FAILED: _S.FAILED,
    },
    Kind.RELABELLED: {_S.OPEN: _S.OPEN, _S.FAILED: _S.FAILED},
    Kind.DRAFTED: {_S.TRIAGED: _S.TRIAGED, _S.OPEN: _S.OPEN},
    Kind.REWRITE: {_S.OPEN: _S.OPEN},
    Kind.REWRITE_FAILED: {_S.OPEN: _S.OPEN},
    Kind.PICKED: {_S.OPEN: _S.OPEN},
    # What a case taught the search stands beside its life.
    Kind.TAUGHT: _STAY,
    Kind.UNTAUGHT: _STAY,
    Kind.PRESENTED: {_S.TRIAGED: _S.OPEN},
    Kind.WOKEN: {_S.OPEN: _S.OPEN},
    # A term that ends is told wherever the case is still somebody's.
    Kind.REMINDED: {
        state: state for state in State if state not in (_S.NEW, _S.TRIAGED, _S.SENT, _S.CLOSED)
    },
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
    # A reply given up on stands there after all: another one that waits must be thought over.
    Kind.SURFACED: {**_STAY, _S.APPROVAL: _S.OPEN, _S.QUEUED: _S.OPEN},
    # The platform took our reply and shows it to nobody.
    Kind.HIDDEN: _STAY,
    # One of us answered outside Luister: what waits is not sent as well, what is under way ends by
    # itself.
    Kind.ELSEWHERE: {
        **_STAY,
        _S.NEW: _S.CLOSED,
        _S.TRIAGED: _S.CLOSED,
        _S.OPEN: _S.CLOSED,
        _S.APPROVAL: _S.CLOSED,
        _S.QUEUED: _S.CLOSED,
        _S.FAILED: _S.CLOSED,
    },
    # The platform takes no answer to a post any more, or takes one again.
    Kind.BARRED: {**_STAY, _S.APPROVAL: _S.OPEN, _S.QUEUED: _S.OPEN},
    # A reply that stands is taken back or corrected beside the life of the case; only what comes
    # of it may be told in any state.
    Kind.TAKE_BACK: {state: state for state in _MAY_AMEND},
    Kind.CORRECT: {state: state for state in _MAY_AMEND},
    Kind.AMENDED: _STAY,
    Kind.AMEND_FAILED: _STAY,
    Kind.CLOSED: {_S.OPEN: _S.CLOSED, _S.FAILED: _S.CLOSED},
    Kind.REOPENED: {_S.SENT: _S.NEW, _S.CLOSED: _S.NEW},
    # What an erased citizen said above a post of somebody else's case goes, and nothing else.
    Kind.UNQUOTED: _STAY,
    # Never while a reply is under way: its outcome must be known before its traces go.
    Kind.ERASED: {
        state: _S.CLOSED for state in State if state not in (_S.SENDING, _S.IN_DOUBT, _S.QUEUED)
    },
}

HUMAN: frozenset[Kind] = frozenset(
    {
        Kind.SUBMITTED,
        Kind.APPROVED,
        Kind.CONFIRMED,
        Kind.DENIED,
        Kind.TAKE_BACK,
        Kind.CORRECT,
    }
)
"""Moves only a named person makes, on the exact text that person saw."""

NAMED: frozenset[Kind] = HUMAN | {
    Kind.CLAIMED,
    Kind.RELABELLED,
    Kind.REWRITE,
    Kind.PICKED,
    Kind.TAUGHT,
    Kind.HANDED_OVER,
    Kind.RETURNED,
    Kind.UNDONE,
    Kind.CLOSED,
}
"""Moves that need a person, with or without a text."""

FINISHED: frozenset[State] = frozenset({State.SENT, State.CLOSED})
