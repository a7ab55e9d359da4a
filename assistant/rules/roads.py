"""What follows from a label and an advice: how long to wait, which road, which term."""

from datetime import datetime, time, timedelta

from assistant.case import Term, Triage
from assistant.config import Organisation
from assistant.rules.register import Register

PAUSE = timedelta(hours=2)
"""How long the advice `wait` waits, ended at an opening time."""


CONTACT = "contact"
TO_AND_FRO = 7
"""The house rule against endless to and fro: its road is a personal contact."""


def with_wait(found: Triage, *, organisation: Organisation, now: datetime) -> Triage:
    """Return `found` with the time at which the advice to wait is over."""
    if found.advice != "wait":
        return found
    until = organisation.opening(found.department, now + PAUSE)
    return found.model_copy(update={"wait_until": until})


def with_road(
    found: Triage,
    *,
    text: str,
    arrived: datetime,
    organisation: Organisation,
    register: Register,
) -> Triage:
    """Return `found` with the pointer its label has in the configuration, if any, and its term.

    `text` decides where a label has more than one road. The term counts from the day of `arrived`
    on the organisation's clock; the reminder comes when the department opens on its day.
    """
    label = CONTACT if found.rule == TO_AND_FRO else found.label
    pointer = register.pointer(label, text=text, language=found.language)
    if pointer is None:
        return found.model_copy(update={"pointer": None, "term": None})
    term, local = None, organisation.local(arrived)
    if pointer.days is not None:
        ends = local.date() + timedelta(days=pointer.days)
        morning = datetime.combine(ends - timedelta(days=pointer.remind), time(), local.tzinfo)
        term = Term(ends=ends, remind=organisation.opening(found.department, morning))
    return found.model_copy(update={"pointer": pointer.answer, "term": term})
