"""What the last look before a sending means for it."""

from collections.abc import Sequence
from datetime import datetime

from assistant.case import Event, Kind, Post, Reply
from assistant.platforms import AnswersPrivately, Look, Platform

MOVED = (Kind.EDITED, Kind.DELETED, Kind.BARRED)


def moved(target: Post, look: Look | None, *, now: datetime) -> Event | None:
    """Return the event that cancels the sending: the citizen's post moved, or is unseen."""
    if look is None:
        return Event(kind=Kind.FAILED, at=now, reason="gave_up")
    if look.standing == "deleted":
        gone = target.model_copy(update={"deleted": True})
        return Event(kind=Kind.DELETED, at=now, post=gone)
    if look.standing == "edited" and look.post is not None:
        new = target.model_copy(update={"text": look.post.text, "edited": True})
        return Event(kind=Kind.EDITED, at=now, post=new)
    if look.standing == "barred" and look.post and look.post.barred:
        barred = target.model_copy(update={"barred": look.post.barred})
        return Event(kind=Kind.BARRED, at=now, post=barred)
    if look.standing == "barred":
        return Event(kind=Kind.FAILED, at=now, reason="replies_closed")
    return None


def stopped(told: Event, reply: Reply) -> Event:
    """Return the event that ends an attempt surely not made, because the citizen's post moved."""
    why = told.post.barred if told.post and told.kind is Kind.BARRED else None
    return Event(kind=Kind.FAILED, at=told.at, reply_id=reply.id, reason=why or str(told.kind))


def overtaken(events: Sequence[Event], reply: Reply) -> str | None:
    """Return what makes a person think again about a reply of which nothing is out yet.

    That is an edit of the post since the reply was approved, or an answer by another hand of ours.
    """
    approved = max(at for at, each in enumerate(events) if each.kind is Kind.APPROVED)
    for each in events[approved:]:
        if each.kind is Kind.ELSEWHERE:
            return "answered_elsewhere"
        if each.kind is Kind.EDITED and each.post and each.post.id == reply.target:
            return "edited"
    return None


def in_private(target: Post, platform: Platform) -> bool:
    """Say whether what is meant for the citizen alone can still reach them so.

    What could be written to in private at Send may not be any more: the gateway's ability, a
    permission or the citizen's consent may have gone while the reply waited.
    """
    if target.visibility == "direct":
        return True
    return isinstance(platform, AnswersPrivately) and platform.private_to(target)
