"""A person answers the question where a reply stands that nobody is sure of."""

from datetime import datetime

from assistant.case import Actor, Case, Event, Kind, Remote
from assistant.chats import Press
from assistant.errors import NotAllowed
from assistant.store import Decision, Work


def settled(case: Case, press: Press, actor: Actor, now: datetime, *, lane: str) -> Decision:
    """Return what follows from the answer about the exact text on the card.

    Raises NotAllowed where the reply is said to be there without a link to it.
    """
    assert case.reply is not None
    text, id = case.reply.text, case.reply.id
    if press.action == "denied":
        event = Event(kind=Kind.DENIED, at=now, by=actor, text=text, reply_id=id)
        return Decision(events=(event,), work=(Work(step="triage"), Work(lane=lane)))
    link = (press.text or "").strip()
    if not link.startswith(("https://", "http://")) or any(map(str.isspace, link)):
        raise NotAllowed("desk.give_link")
    remote = Remote(id=link, url=link)
    event = Event(kind=Kind.CONFIRMED, at=now, by=actor, text=text, reply_id=id, remote=remote)
    events, then = [event], [Work(lane=lane)]
    if case.newer_than_reply:
        events.append(Event(kind=Kind.REOPENED, at=now))
        then.append(Work(step="triage"))
    # No later reply with the same words may be taken for this one.
    claim = (f"{case.platform}:{link}", id)
    return Decision(events=tuple(events), work=tuple(then), remotes=(claim,))
