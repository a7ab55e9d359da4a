"""A person wants a reply that was sent to be gone, or to say something else."""

from datetime import datetime

from assistant.amendable import Act, acts_on, four_eyes
from assistant.case import Actor, Case, Event, Kind, Reply
from assistant.chats import Press
from assistant.config import Organisation
from assistant.errors import NotAllowed
from assistant.platforms import Platform
from assistant.store import Decision, Work


def standing(case: Case, act: Act, *, platform: Platform, organisation: Organisation) -> Reply:
    """Return the reply that `act` is about; raises NotAllowed, saying why it cannot be done."""
    if act in acts_on(case, platform=platform, organisation=organisation):
        return case.sent[-1]
    if case.amending:
        raise NotAllowed("desk.amending")
    if not case.sent or case.taken_back:
        raise NotAllowed("desk.nothing_stands")
    if act == "correct" and four_eyes(case, organisation=organisation):
        raise NotAllowed("desk.correct_four_eyes")
    raise NotAllowed("desk.cannot_amend", source=case.platform.capitalize())


def taking_back(sent: Reply, press: Press, actor: Actor, now: datetime, *, lane: str) -> Decision:
    """Return the act on the exact text that stands; raises NotAllowed without a reason."""
    note = (press.text or "").strip()
    if not note:
        raise NotAllowed("desk.give_reason")
    event = Event(
        kind=Kind.TAKE_BACK,
        at=now,
        by=actor,
        reply_id=sent.origin,
        text=sent.text,
        note=note,
    )
    return Decision(events=(event,), work=(Work(step="amend"), Work(lane=lane)))


def correcting(correction: Reply, now: datetime, *, lane: str) -> Decision:
    """Return the act with the exact text that is to stand instead."""
    event = Event(
        kind=Kind.CORRECT,
        at=now,
        by=correction.by,
        reply_id=correction.origin,
        reply=correction,
    )
    return Decision(events=(event,), work=(Work(step="amend"), Work(lane=lane)))
