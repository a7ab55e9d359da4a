"""Take back or correct a reply that was sent, as a person asked; the only caller of either."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from assistant.case import Amendment, Case, Event, Kind
from assistant.config import Organisation
from assistant.errors import Barred, Doubtful, Refused, TryAgain
from assistant.ground import lapsed
from assistant.platforms import Corrects, Platform, TakesBack
from assistant.store import Decision, Delivery, Store, Work
from assistant.store.connections import failed, source_of

log = logging.getLogger(__name__)

CALL = 10.0
"""Seconds one call to a platform may take; far below the lease of the work, which is 30 s."""

TRIES_FOR = timedelta(minutes=10)
"""How long passing errors are waited out before a person is told that it did not succeed."""

SHORTEST = timedelta(seconds=5)


async def amend(
    store: Store,
    id: str,
    ack: Delivery,
    *,
    organisation: Organisation,
    platforms: Mapping[tuple[str, str], Platform],
    clock: Callable[[], datetime],
    counted: Callable[[str], None] = lambda outcome: None,
    call: float = CALL,
) -> None:
    """Do what is asked with a sent reply, and record what came of it.

    Both acts may be repeated without harm, so a doubt is simply tried again.
    """
    case = (await store.load(id)).case
    if case is None or case.erased or case.amendment is None or not case.amending:
        return
    amendment = case.amendment
    error: Exception | None = None
    try:
        async with asyncio.timeout(call):
            await _do(platforms.get((case.platform, case.account)), amendment)
    except (TryAgain, Doubtful, Refused, TimeoutError) as raised:
        error = raised
    now = clock()
    age = now - amendment.at
    if error is not None and not isinstance(error, Refused) and age < TRIES_FOR:
        log.warning("amend case=%s waits: %s", id, type(error).__name__)
        await _later(store, id, ack, _pause(age, error), now=now)
        return
    if isinstance(error, Barred):
        await failed(store, source_of(case), "sending", str(error), grave=True, now=now)
    told = _outcome(amendment, error, organisation=organisation, now=now)
    counted(str(told.kind))
    await _record(store, case, told, ack, organisation=organisation)


def _outcome(
    amendment: Amendment, error: Exception | None, *, organisation: Organisation, now: datetime
) -> Event:
    """Return what became of it; a platform's own words may quote the citizen: they are a note."""
    if error is None:
        leans = amendment.correction.sources if amendment.correction else ()
        expired = lapsed(organisation, leans, now=now)
        return Event(kind=Kind.AMENDED, at=now, reply_id=amendment.reply, expired=expired)
    reasons = ((Barred, "connection"), (Refused, "refused"), (TryAgain, "gave_up"))
    return Event(
        kind=Kind.AMEND_FAILED,
        at=now,
        reply_id=amendment.reply,
        reason=next((code for kind, code in reasons if isinstance(error, kind)), "unknown"),
        note=str(error) if isinstance(error, Refused) else None,
    )


async def _do(platform: Platform | None, amendment: Amendment) -> None:
    if platform is None:
        raise Refused("the account is no longer configured")
    if amendment.correction is None and isinstance(platform, TakesBack):
        await platform.take_back(amendment.remote)
    elif amendment.correction is not None and isinstance(platform, Corrects):
        await platform.correct(amendment.correction, amendment.remote)
    else:
        raise Refused("the platform cannot do this")


async def _record(
    store: Store, case: Case, event: Event, ack: Delivery, *, organisation: Organisation
) -> None:
    """Record what became of this very act; another one asked since has its own work."""

    def decide(held: Case | None) -> Decision:
        same = held is not None and not held.erased and held.amendment == case.amendment
        if held is None or not same:
            return Decision()
        lane = organisation.channel(held.department, held.official)
        return Decision(events=(event,), work=(Work(lane=lane),))

    await store.decide(case.id, decide, ack=ack, now=event.at)


async def _later(store: Store, id: str, ack: Delivery, pause: timedelta, *, now: datetime) -> None:
    again = Decision(work=(Work(step="amend", at=now + pause),))
    await store.decide(id, lambda _: again, ack=ack, now=now)


def _pause(age: timedelta, error: Exception) -> timedelta:
    """Return how long to wait: what the platform asked, else as long again as it has lasted."""
    asked = error.after if isinstance(error, TryAgain) else None
    return timedelta(seconds=asked) if asked is not None else max(SHORTEST, age)
