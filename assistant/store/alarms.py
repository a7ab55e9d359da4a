"""What is to be called out about a case later: a wait that is over, a term about to end."""

from collections.abc import Iterator
from datetime import datetime

from assistant.case import FINISHED, Case, Kind, State
from assistant.store import Work

WAITING: frozenset[State] = frozenset({State.NEW, State.TRIAGED, State.OPEN})


def alarms(case: Case) -> Iterator[tuple[Kind, datetime]]:
    """Yield what is still to be called out about a case, and when."""
    waits = case.triage and case.triage.advice == "wait" and case.triage.wait_until
    if waits and not case.woken and case.state in WAITING:
        yield Kind.WOKEN, waits
    if case.term and not case.reminded and case.state not in FINISHED:
        yield Kind.REMINDED, case.term.remind


def next_alarm(case: Case, *, now: datetime) -> tuple[Work, ...]:
    """Return work for the first alarm after `now`: a case has one timer, which sets the next."""
    first = min((at for _, at in alarms(case) if at > now), default=None)
    return (Work(step="wake", at=first),) if first else ()
