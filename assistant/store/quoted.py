"""What a citizen said above the posts of others: found again, and taken out with the citizen."""

import json
from collections.abc import Collection
from datetime import datetime

from assistant.case import Event, Kind, Post, Said, handle_key
from assistant.errors import Conflict
from assistant.store import Decision, Loaded, Store, Work
from assistant.store.ledger import forget_citizen, owe_rewrite
from assistant.store.link import translated
from assistant.store.vault import cited


def speakers(post: Post) -> tuple[tuple[str, ...], ...]:
    """Return the names under which the post's case is found by those who speak above it."""
    names = (each.author for each in post.above if each.author and not each.ours)
    return tuple((post.platform, "above", handle_key(each)) for each in names)


async def unquote(store: Store, citizens: Collection[tuple[str, ...]], *, now: datetime) -> None:
    """Take what these citizens (platform, kind, value) said out of the cases of others."""
    names = {(platform, "above", handle_key(value)) for platform, _, value in citizens}
    cases = {case for each in names for case in await store.cases_of(*each)}
    if cases:
        await owe_rewrite(store)
    for case in sorted(cases):
        version = None
        while version is None:
            version = await _unquoted(store, case, names, now=now)
        await forget_citizen(store, names, case=case, version=version)


async def _unquoted(
    store: Store, id: str, names: Collection[tuple[str, ...]], *, now: datetime
) -> int | None:
    """Record it for one case; return its version then, None when it moved meanwhile."""
    loaded = await store.load(id)
    if loaded.case is None or loaded.sealed is None or loaded.case.erased:
        return loaded.version
    theirs: set[Said] = set()
    events = []
    for post, sealed in zip(loaded.case.posts, loaded.sealed.posts, strict=True):
        kept = tuple(each for each in post.above if not _is_of(post, each, names))
        if kept != post.above:
            above = zip(post.above, sealed.above, strict=True)
            theirs |= {hidden for said, hidden in above if _is_of(post, said, names)}
            shorter = post.model_copy(update={"above": kept})
            events.append(Event(kind=Kind.UNQUOTED, at=now, post=shorter))
    if not events:
        return loaded.version
    gone = await _only_in(store, loaded, theirs)
    last = events.pop().model_copy(update={"gone": gone})
    # Triage has nothing to label anew: it shows the card as it is now.
    again = Work(step="triage")
    try:
        decision = Decision(events=(*events, last), work=(again,))
        return (await store.record(loaded, decision, now=now)).version
    except Conflict:
        return None


def _is_of(post: Post, said: Said, names: Collection[tuple[str, ...]]) -> bool:
    return not said.ours and (post.platform, "above", handle_key(said.author or "")) in names


async def _only_in(store: Store, loaded: Loaded, theirs: set[Said]) -> tuple[str, ...]:
    """Return the commitments of the sealed `theirs` that nothing else in the case's events names.

    The same words of somebody else have the same commitment, and stay.
    """
    async with translated():
        rows = await store.redis.lrange(store.keys.events(loaded.id), 0, -1)
    others: set[str] = set()
    for row in rows:
        event = Event.model_validate(json.loads(row)["event"])
        if event.post is not None:
            kept = tuple(each for each in event.post.above if each not in theirs)
            post = event.post.model_copy(update={"above": kept})
            event = event.model_copy(update={"post": post})
        others.update(cited(event))
    return tuple(sorted({name for each in theirs for name in cited(each)} - others))
