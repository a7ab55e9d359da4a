"""The fold: what each kind of event makes of a case."""

from collections.abc import Callable, Mapping
from typing import Any

from assistant.case.moves import FINISHED, MOVES, Kind, State
from assistant.case.parts import Alias, Amendment, Outside, Reply
from assistant.case.whole import Case, Event
from assistant.errors import LuisterError


class IllegalMove(LuisterError):
    """The table has no such move from this state."""


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
    if case and not _fits_sent(case, event):
        raise IllegalMove(f"{event.kind} is about another reply than one that stands")
    if case and not _fits_taught(case, event):
        raise IllegalMove(f"{event.kind} is about other words than those offered or taught")
    if case and event.kind is Kind.ERASED and case.amending:
        raise IllegalMove("a reply is being taken back or corrected")
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
    moved = {} if event.kind in _ASIDE else {"updated_at": event.at}
    return case.model_copy(update={"state": after, **moved, **_CHANGES[event.kind](case, event)})


_ASIDE = frozenset({Kind.TAUGHT, Kind.UNTAUGHT, Kind.UNQUOTED})
"""What stands beside the life of a case: its retention runs on as before."""


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


def _fits_sent(case: Case, event: Event) -> bool:
    """Say whether what `event` tells of a sent reply can be so: one act at a time, on the newest.

    What was taken back is gone: nothing more is done with it.
    """
    if event.kind in (Kind.AMENDED, Kind.AMEND_FAILED):
        amendment = case.amendment
        return case.amending and amendment is not None and amendment.reply == event.reply_id
    if event.kind not in (Kind.HIDDEN, Kind.TAKE_BACK, Kind.CORRECT):
        return True
    if not case.sent or case.sent[-1].origin != event.reply_id:
        return False
    return event.kind is Kind.HIDDEN or not (case.amending or case.taken_back)


def _fits_taught(case: Case, event: Event) -> bool:
    """Say whether `event` teaches just what was offered, or takes back what this case taught."""
    if event.kind is Kind.TAUGHT:
        return _said(event.alias) is not None and _said(event.alias) == _said(case.offered)
    return event.kind is not Kind.UNTAUGHT or event.alias in case.taught


def _said(alias: Alias | None) -> tuple[str, str] | None:
    return (alias.answer, alias.phrase) if alias else None


Change = dict[str, Any]


_FORGOTTEN: Change = {
    "triage": None,
    "earlier": (),
    "draft": None,
    "rewriting": None,
    "offered": None,
    "owner": None,
    "labelled_by": None,
    "reply": None,
    "sent": (),
    "remote": None,
    "hidden": None,
    "outside": None,
    "amendment": None,
    "withdrawn": (),
    "answered": 0,
    "reason": None,
    "been": (),
    "given": False,
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
        "offered": None,
        "woken": False,
    }
    if done:
        change |= {
            "draft": None,
            "rewriting": None,
            "reason": None,
            "outside": None,
            "labelled_by": None,
            "reopened": case.reopened + 1,
        }
    return change


def _replaced(case: Case, event: Event) -> Change:
    """An edit or a deletion puts the post as it is now in the place of the old one."""
    change = _barred(case, event) | {"revision": case.revision + 1, "offered": None}
    if event.kind is Kind.DELETED:
        change["draft"] = None
    return change


def _barred(case: Case, event: Event) -> Change:
    """What may be answered, or is quoted, changes nothing a person or a model has to read again."""
    assert event.post is not None
    new = event.post
    return {"posts": tuple(new if each.id == new.id else each for each in case.posts)}


def _triaged(case: Case, event: Event) -> Change:
    assert event.triage is not None
    # A term that runs goes on, whatever else the citizen writes.
    term = case.term or event.triage.term
    change: Change = {"triage": event.triage, "earlier": event.earlier, "term": term}
    # A late label never moves a card people already have.
    if case.state in (State.NEW, State.TRIAGED):
        change |= {"department": event.triage.department, "official": event.triage.official}
        change |= {"given": False}
    return change


def _relabelled(case: Case, event: Event) -> Change:
    """A person's word counts at once; what was suggested stays only where it may be sent."""
    assert event.triage is not None
    change: Change = {
        "triage": event.triage,
        "term": event.triage.term,
        "labelled_by": event.by,
        "relabelled": case.relabelled + 1,
        "woken": False,
        "reminded": case.reminded and case.term == event.triage.term,
    }
    return change if event.triage.advice == "answer" else change | {"draft": None}


def _picked(case: Case, event: Event) -> Change:
    """A colleague chose another answer, also in the place of what one wrote and nobody sent."""
    return {"draft": event.draft, "rewriting": None, "reply": None, "offered": event.alias}


def _taught(case: Case, event: Event) -> Change:
    assert event.alias is not None
    return {"offered": None, "taught": (*case.taught, event.alias)}


def _untaught(case: Case, event: Event) -> Change:
    return {"taught": tuple(each for each in case.taught if each != event.alias)}


def _handed_over(case: Case, event: Event) -> Change:
    been = (*case.been, case.department) if case.department else case.been
    return {
        "department": event.department,
        "official": event.official,
        "owner": None,
        "been": tuple(dict.fromkeys(been)),
        "given": event.department is not None or event.official is not None,
    }


def _queued(case: Case, event: Event) -> Change:
    return {
        "reply": event.reply,
        "rewriting": None,
        "attempt": 0,
        "attempt_at": None,
        "first_attempt_at": None,
        "outstanding": False,
        "reason": None,
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
        "hidden": None,
        "amendment": case.amendment if case.amending else None,
    }


def _surfaced(case: Case, event: Event) -> Change:
    """A reply nobody counted on any more stands on the platform."""
    assert event.reply is not None
    return {"sent": _with(case.sent, event.reply), "remote": event.remote, "hidden": None}


def _with(sent: tuple[Reply, ...], reply: Reply) -> tuple[Reply, ...]:
    """Return the replies that stand, with `reply` once: it may have surfaced before it was told."""
    return sent if any(each.origin == reply.id for each in sent) else (*sent, reply)


def _elsewhere(case: Case, event: Event) -> Change:
    assert event.text is not None
    change: Change = {"outside": Outside(text=event.text, remote=event.remote, at=event.at)}
    if MOVES[Kind.ELSEWHERE][case.state] is not case.state:
        change |= {"reason": "answered_elsewhere"}
    return change


def _amending(case: Case, event: Event) -> Change:
    assert event.reply_id is not None
    assert event.by is not None
    assert case.remote is not None
    amendment = Amendment(
        reply=event.reply_id,
        remote=case.remote,
        by=event.by,
        at=event.at,
        correction=event.reply,
    )
    return {"amendment": amendment}


def _amended(case: Case, event: Event) -> Change:
    """What stands now is the correction; a reply that was taken back is remembered as sent."""
    amendment = case.amendment
    assert amendment is not None
    change: Change = {"amendment": amendment.model_copy(update={"state": "done"})}
    correction = amendment.correction
    if correction is None:
        change["withdrawn"] = (*case.withdrawn, amendment.reply)
    else:
        change["sent"] = tuple(
            correction if each.origin == amendment.reply else each for each in case.sent
        )
    return change


def _not_amended(case: Case, event: Event) -> Change:
    assert case.amendment is not None
    update = {"state": "failed", "reason": event.reason}
    return {"amendment": case.amendment.model_copy(update=update)}


def _because(case: Case, event: Event) -> Change:
    return {"reason": event.reason}


def _reopened(case: Case, event: Event) -> Change:
    return {
        "draft": None,
        "rewriting": None,
        "offered": None,
        "reason": None,
        "outside": None,
        "woken": False,
        "reopened": case.reopened + 1,
    }


_CHANGES: Mapping[Kind, Callable[[Case, Event], Change]] = {
    Kind.RECEIVED: _received,
    Kind.EDITED: _replaced,
    Kind.DELETED: _replaced,
    Kind.TRIAGED: _triaged,
    Kind.RELABELLED: _relabelled,
    Kind.DRAFTED: lambda case, event: {"draft": event.draft, "rewriting": None},
    Kind.REWRITE: lambda case, event: {"rewriting": event.rewriting},
    Kind.REWRITE_FAILED: lambda case, event: {"rewriting": None},
    Kind.PICKED: _picked,
    Kind.TAUGHT: _taught,
    Kind.UNTAUGHT: _untaught,
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
    Kind.HIDDEN: lambda case, event: {"hidden": event.reason or "unknown"},
    Kind.ELSEWHERE: _elsewhere,
    Kind.BARRED: _barred,
    Kind.TAKE_BACK: _amending,
    Kind.CORRECT: _amending,
    Kind.AMENDED: _amended,
    Kind.AMEND_FAILED: _not_amended,
    Kind.CLOSED: _because,
    Kind.REOPENED: _reopened,
    Kind.UNQUOTED: _barred,
    # What the case taught goes with the citizen whose words it was.
    Kind.ERASED: lambda case, event: {
        "erased": True,
        "draft": None,
        "offered": None,
        "taught": (),
    },
}
