"""Bring a case back to people when its time has come: a wait that is over, a term that ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

from assistant.case import Case, Event, State
from assistant.config import Organisation
from assistant.store import Decision, Delivery, Store, Work
from assistant.store.alarms import alarms, next_alarm

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
        return Decision(events=events, work=((lane,) if events else ()) + next_alarm(case, now=now))

    await store.decide(case_id, decide, ack=ack, now=now)
