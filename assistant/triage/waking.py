"""Bring a case back to people when its time has come: a wait that is over, a term that ends."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from assistant.case import FINISHED, Case, Event, Kind, State
from assistant.config import Organisation
from assistant.store import Decision, Delivery, Store, Work

AGAIN = timedelta(minutes=1)
"""When a case whose card does not stand yet is looked at again."""
COMING: frozenset[State] = frozenset({State.NEW, State.TRIAGED})
"""The card is on its way, for the hour that suits; nothing may call people before it."""


async def wake(
    store: Store,
    case_id: str,
    ack: Delivery | None,
    *,
    organisation: Organisation,
    clock: Callable[[], datetime],
) -> None:
    """Record what is due of a case, show it aloud, and set the next alarm."""
    now = clock()

    def decide(case: Case | None) -> Decision:
        if case is None:
            return Decision()
        due = [kind for kind, at in alarms(case) if at <= now]
        if due and case.state in COMING:
            # Card and alarm may come at the same opening time: first the card, then the reminder.
            return Decision(work=(Work(step="wake", at=now + AGAIN),))
        events = tuple(Event(kind=kind, at=now) for kind in due)
        lane = Work(lane=organisation.channel(case.department, case.official))
        later = (at for _, at in alarms(case) if at > now)
        return Decision(events=events, work=((lane,) if events else ()) + next_alarm(later))

    await store.decide(case_id, decide, ack=ack, now=now)


def alarms(case: Case) -> Iterator[tuple[Kind, datetime]]:
    """Yield what is still to be called out about a case, and when."""
    waits = case.triage and case.triage.advice == "wait" and case.triage.wait_until
    if waits and not case.woken and case.state in COMING | {State.OPEN}:
        yield Kind.WOKEN, waits
    if case.term and not case.reminded and case.state not in FINISHED:
        yield Kind.REMINDED, case.term.remind


def next_alarm(times: Iterator[datetime]) -> tuple[Work, ...]:
    """Return the work for the first of `times`: a case has one alarm, which sets the next."""
    first = min(times, default=None)
    return (Work(step="wake", at=first),) if first else ()
