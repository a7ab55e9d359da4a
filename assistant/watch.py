"""Tell the supervisors, once, when a connection fails, when it is well again, and what was lost."""

from collections.abc import Callable
from datetime import datetime

from assistant.config import Organisation
from assistant.platforms import Gap
from assistant.store import Store
from assistant.store.connections import (
    Connection,
    change_connection,
    connections,
    forget_connection,
)
from assistant.store.lanes import Note, notify
from assistant.words import Words

KNOWN = ("reading", "sending", "looking", "stream", "token", "permission", "budget")
"""The parts that have words of their own; another is named as its adapter names it."""


async def settle(store: Store, organisation: Organisation, *, now: datetime) -> None:
    """Tell what has to be told about every connection; any number of processes may call this.

    A sentence is put in its lane before it is written down as told, and only once per spell of
    trouble: a crash in between repeats nothing and loses nothing.
    """
    for each in await connections(store):
        if each.due(now):
            await _tell(store, organisation, each, "watch.failed", now=now)
            await _change(store, each, _known)
        elif each.mended(now):
            await _tell(store, organisation, each, "watch.well", now=now)
            await over(store, each, now=now)


async def tidy(store: Store, organisation: Organisation) -> None:
    """Forget the connections of accounts that are ours no more; once, as a service starts."""
    ours = {f"{each.platform}:{each.handle}" for each in organisation.accounts}
    for each in await connections(store):
        if each.account not in ours:
            await forget_connection(store, each)


async def lost(
    store: Store, organisation: Organisation, account: str, gap: Gap, *, now: datetime
) -> bool:
    """Tell that posts of a stretch of time are lost to us; False when that was told before."""
    values = {
        "account": account,
        "since": organisation.local(gap.since).strftime("%d-%m-%Y %H:%M"),
        "until": organisation.local(gap.until).strftime("%d-%m-%Y %H:%M"),
        "reason": gap.reason,
    }
    once = f"gap:{account}:{gap.since.isoformat()}:{gap.until.isoformat()}"
    note = Note(key="watch.gap", values=values)
    return await notify(store, organisation.supervisors_channel, note, now=now, once=once)


async def _tell(
    store: Store, organisation: Organisation, each: Connection, key: str, *, now: datetime
) -> None:
    words = Words(organisation.language)
    assert each.bad_since is not None
    values = {
        "account": each.account,
        "part": words.say(f"watch.part_{each.part}") if each.part in KNOWN else each.part,
        "since": organisation.local(each.bad_since).strftime("%d-%m-%Y %H:%M"),
        "reason": each.reason,
    }
    note = Note(key=key, values=values)
    once = f"{each.episode}:{key}"
    await notify(store, organisation.supervisors_channel, note, now=now, once=once)


async def over(store: Store, seen: Connection, *, now: datetime) -> None:
    """Write down that the trouble is over; a part that failed just now begins another spell."""

    def change(held: Connection) -> Connection:
        if held.ok:
            more = {"spells": held.spells + 1, "calm_since": now}
            return held.calm().model_copy(update=more)
        return held.model_copy(update={"told": False, "bad_since": now})

    await _change(store, seen, change)


async def _change(
    store: Store, seen: Connection, change: Callable[[Connection], Connection]
) -> None:
    """Write down what was told, unless the part began another spell of trouble meanwhile."""
    await change_connection(
        store,
        seen.account,
        seen.part,
        lambda held: change(held) if held.episode == seen.episode else held,
    )


def _known(held: Connection) -> Connection:
    return held.model_copy(update={"told": True})
