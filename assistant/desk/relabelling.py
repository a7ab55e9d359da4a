"""A person says what a post is and what to do with it, better than Luister did."""

from datetime import datetime
from typing import get_args

from assistant.case import Actor, Advice, Case, Event, Kind, Label, Triage, evolve
from assistant.chats import Press
from assistant.config import Organisation
from assistant.errors import NotAllowed
from assistant.rules import (
    ADVICE,
    PEOPLE,
    SENSITIVE,
    read,
    register_of,
    with_likely,
    with_road,
    with_wait,
)
from assistant.store import Decision, Work
from assistant.store.alarms import next_alarm
from assistant.words import Words


def relabelled(
    case: Case,
    press: Press,
    actor: Actor,
    now: datetime,
    *,
    organisation: Organisation,
    words: Words,
) -> Decision:
    """Return the correction as an event, with the draft and the alarm that follow from it.

    `press` carries the label and the advice. Nothing is recorded where both stood there already. A
    sensitive label gets no draft, also where this person advises to answer: they write themselves.
    Raises NotAllowed where one of the two is missing.
    """
    label = next((each for each in get_args(Label) if each == press.choice), None)
    advice = next((each for each in get_args(Advice) if each == press.second), None)
    if label is None or advice is None:
        raise NotAllowed("desk.choose_label")
    assert case.triage is not None
    if (label, advice) == (case.triage.label, case.triage.advice):
        return Decision()
    note = (press.text or "").strip() or None
    reason = note or words.say("triage.corrected")
    said = {"label": label, "advice": advice, "rule": ADVICE[label][1], "reason": reason}
    found = Triage.model_validate(
        case.triage.model_dump() | said | {"by": PEOPLE, "sure": True, "wait_until": None}
    )
    found = _followed(case, found, now, organisation=organisation)
    event = Event(kind=Kind.RELABELLED, at=now, by=actor, triage=found, note=note)
    after = evolve(case, event, id=case.id)
    work = [Work(lane=organisation.channel(case.department, case.official))]
    if advice == "answer" and label not in SENSITIVE and after.draft is None:
        work.append(Work(step="draft"))
    return Decision(events=(event,), work=(*work, *next_alarm(after, now=now)))


def _followed(case: Case, found: Triage, now: datetime, *, organisation: Organisation) -> Triage:
    """Return `found` with what follows from its label and advice, as triage gives it.

    That is the time to wait, the road, and the department it is probably for.
    """
    register = register_of(organisation, organisation.local(now).date())
    reading = read(case.post, text=case.waiting, own=organisation.own, register=register)
    found = with_likely(with_wait(found, organisation=organisation, now=now), reading)
    return with_road(
        found,
        text=case.waiting,
        arrived=case.post.created_at,
        organisation=organisation,
        register=register,
    )
