"""Look whether citizens see a reply that a platform took, where it may show it to nobody."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from assistant.case import Case, Event, Kind
from assistant.config import Organisation
from assistant.errors import Doubtful, Refused, TryAgain
from assistant.platforms import MayHide, Platform
from assistant.store import Decision, Delivery, Store, Work

log = logging.getLogger(__name__)

CALL = 10.0
"""Seconds one call to a platform may take."""

MOMENTS = (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=3))
"""When to look, counted from the sending: an index is seconds behind, seldom minutes."""


async def appear(
    store: Store,
    id: str,
    ack: Delivery,
    *,
    organisation: Organisation,
    platforms: Mapping[tuple[str, str], Platform],
    clock: Callable[[], datetime],
    call: float = CALL,
) -> None:
    """Look once; unseen at the last of MOMENTS, it is recorded that nobody sees the reply."""
    case = (await store.load(id)).case
    platform = platforms.get((case.platform, case.account)) if case else None
    if case is None or platform is None or not _stands(case):
        return
    if not isinstance(platform, MayHide):
        return
    now, seen = clock(), await _seen(case, platform, call=call)
    since = now - (case.attempt_at or now)
    next_look = next((each for each in MOMENTS if each > since), None)
    if seen or (seen is None and next_look is None):
        return
    if next_look is not None:
        again = Decision(work=(Work(step="appear", at=now + (next_look - since)),))
        await store.decide(id, lambda _: again, ack=ack, now=now)
        return
    why = await _why(case, platform, call=call)
    event = Event(kind=Kind.HIDDEN, at=now, reply_id=case.sent[-1].origin, reason=why)

    def decide(held: Case | None) -> Decision:
        if held is None or not _stands(held) or held.sent[-1].origin != event.reply_id:
            return Decision()
        lane = organisation.channel(held.department, held.official)
        return Decision(events=(event,), work=(Work(lane=lane),))

    await store.decide(id, decide, ack=ack, now=now)


async def _seen(case: Case, platform: MayHide, *, call: float) -> bool | None:
    """Say whether citizens see the newest reply; None where that could not be looked at."""
    assert case.remote is not None
    try:
        async with asyncio.timeout(call):
            return await platform.visible(case.sent[-1], case.remote)
    except (TryAgain, Doubtful, Refused, TimeoutError) as error:
        log.warning("appear case=%s was not seen to: %s", case.id, type(error).__name__)
        return None


def _stands(case: Case) -> bool:
    """Say whether the newest reply is believed to stand where everybody sees it."""
    believed = bool(case.sent) and case.remote is not None and case.hidden is None
    return believed and not (case.erased or case.taken_back)


async def _why(case: Case, platform: Platform, *, call: float) -> str:
    """Return what bars our answers to the post now, if anything does."""
    target = next((each for each in case.posts if each.id == case.sent[-1].target), case.post)
    try:
        async with asyncio.timeout(call):
            look = await platform.look(target)
    except (TryAgain, Doubtful, Refused, TimeoutError):
        return "unknown"
    return (look.post.barred if look.post else None) or "unknown"
