"""Record one arrival: each post once, in the case it belongs to."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from assistant.case import Case, Event, Kind, Post, handle_key
from assistant.errors import Conflict, Doubtful, StoreUnavailable, TryAgain, place_of
from assistant.listen.outside import by_us, take_ours
from assistant.platforms import Arrival
from assistant.store import Decision, Recorded, Seen, Store, Work
from assistant.store.intake import Kept, quarantine, release
from assistant.store.quoted import speakers

log = logging.getLogger(__name__)

Taken = Literal[
    "new", "follow_up", "edited", "deleted", "repeat", "quarantined", "ours", "elsewhere"
]
PASSING = (TryAgain, Doubtful, Conflict, StoreUnavailable)
"""What mends itself: wait and read on from the cursor, which has not moved."""
KINDS = {"new": Kind.RECEIVED, "edited": Kind.EDITED, "deleted": Kind.DELETED}


async def take(store: Store, arrival: Arrival, *, now: datetime) -> Taken:
    """Record one arrival and return what it was.

    The same post again is a `repeat`, also with a text it had before: reading a file again must
    not play its edits back and forth. Who edits a post back to an earlier text is found out by the
    look before a sending. The same id with another text and no edit is `quarantined`; an edit or
    deletion of a post we never had is taken as new, or is nothing to us. A post by our own account
    is `elsewhere` when it answers a case without Luister, else `ours`.
    """
    post = arrival.post
    if by_us(post):
        return "elsewhere" if await take_ours(store, arrival, now=now) else "ours"
    known = await store.seen(store.mark(post.platform, post.id))
    if known is None and await _read_on_another_server(store, arrival):
        return "repeat"
    if arrival.event == "new":
        return await _take_new(store, arrival, known=known, now=now)
    if known is None:
        if arrival.event == "deleted":
            return "repeat"
        return await _take_new(store, arrival, known=None, now=now)
    return await _take_change(store, arrival, case=known[0], texts=known[1], now=now)


async def _take_new(
    store: Store, arrival: Arrival, *, known: tuple[str, tuple[str, ...]] | None, now: datetime
) -> Taken:
    post = arrival.post
    mark = store.mark(post.platform, post.id)
    if known is None:
        thread, members = await _thread(store, arrival)
        also = tuple(_everywhere(store, arrival))
        seen = Seen(post=mark, text=post.text, new=True, also=also, thread=thread, members=members)
        key = (post.platform, thread, post.author or f"anonymous:{mark}")
        recorded = await _record(store, key, post, _received(post, seen=seen, now=now), now=now)
        if recorded.seen is None:
            return "new" if recorded.version == 1 else "follow_up"
        if await store.seen(mark) is None:  # read by its other name at this very moment
            return "repeat"
        known = recorded.seen
    if store.hash("text", post.text) in known[1]:
        return "repeat"
    return await _keep(store, arrival, reason="the same id arrived with another text", now=now)


def _everywhere(store: Store, arrival: Arrival) -> Iterator[str]:
    """Yield the mark of the name by which a post is known on every server, if it has one."""
    if arrival.everywhere:
        yield store.mark(arrival.post.platform, "everywhere", arrival.everywhere)


async def _read_on_another_server(store: Store, arrival: Arrival) -> bool:
    """Say whether another of our accounts has read the post on another server.

    That server tells of its edits and its deletion too.
    """
    return any([await store.seen(each) for each in _everywhere(store, arrival)])


async def _record(
    store: Store, key: tuple[str, ...], post: Post, received: Decision, *, now: datetime
) -> Recorded:
    """Record a new post in the case it belongs to, which is the one with this `key`.

    It is the case of whichever of our accounts the conversation came to first: who addresses two
    gets one answer. What only another account may read is a case of that account.
    """

    def unread(held: Case | None) -> bool:
        public = post.visibility in ("public", "unlisted")
        return held is not None and held.account != post.account and not public

    def decide(held: Case | None) -> Decision:
        # Told on the very case it is recorded in: the other account may begin it at this moment.
        return Decision() if unread(held) else received

    recorded = await store.decide(store.case_id(*key), decide, now=now)
    if not unread(recorded.case):
        return recorded
    own = store.case_id(*key, post.account)
    return await store.decide(own, lambda _: received, now=now)


async def retry(
    store: Store, kept: Kept, *, parse: Callable[[str], Awaitable[Arrival]], now: datetime
) -> Taken:
    """Take in a record from the quarantine and remove it there; return what it was.

    A post whose id had come with another text is taken as an edit: who retries it wants that.
    Raises BadInput when it still cannot be read.
    """
    try:
        arrival = Arrival.model_validate_json(kept.raw)
    except ValidationError:
        arrival = await parse(kept.raw)
    post = arrival.post
    known = await store.seen(store.mark(post.platform, post.id))
    if arrival.event == "new" and known and store.hash("text", post.text) not in known[1]:
        arrival = arrival.model_copy(update={"event": "edited"})
    taken = await take(store, arrival, now=now)
    if taken != "quarantined":  # its other text came at this very moment: the record is kept
        await release(store, kept.id)
    return taken


async def _keep(store: Store, arrival: Arrival, *, reason: str, now: datetime) -> Taken:
    await quarantine(
        store,
        source=f"{arrival.post.platform}:{arrival.post.account}",
        where="a post's id",
        reason=reason,
        raw=arrival.model_dump_json(),
        now=now,
    )
    return "quarantined"


async def _thread(store: Store, arrival: Arrival) -> tuple[str, tuple[str, ...]]:
    """Return the mark of the arrival's thread, and the posts that are thereby known to be in it.

    A follow-up seen before its root names the root's thread by its parent; when the root comes it
    finds that mark waiting and joins, and so does a root that proves to be a reply itself.
    """
    post = arrival.post
    own = store.mark(post.platform, post.id)
    parent = store.mark(post.platform, post.parent) if post.parent else None
    members = tuple(each for each in (own, parent) if each)
    known = await store.threads(members)
    named = store.mark(post.platform, arrival.conversation) if arrival.conversation else None
    return next((each for each in known if each), named or parent or own), members


def _received(post: Post, *, seen: Seen, now: datetime) -> Decision:
    event = Event(kind=Kind.RECEIVED, at=now, post=post)
    names = tuple(
        (post.platform, kind, value)
        for kind, value in (
            ("author", post.author),
            ("handle", handle_key(post.handle) if post.handle else None),
        )
        if value
    )
    # Triage also shows the change where the state leaves nothing to triage.
    citizens = (*names, *speakers(post))
    return Decision(events=(event,), seen=seen, citizens=citizens, work=(Work(step="triage"),))


async def _take_change(
    store: Store, arrival: Arrival, *, case: str, texts: tuple[str, ...], now: datetime
) -> Taken:
    post = arrival.post
    mark = store.mark(post.platform, post.id)
    kind = KINDS[arrival.event]
    if kind is Kind.EDITED and store.hash("text", post.text) in texts:
        return "repeat"

    def decide(held: Case | None) -> Decision:
        old = next((each for each in held.posts if each.id == post.id), None) if held else None
        # Erased, or taken back already: there is nothing of the citizen's left to change.
        if held is None or old is None or old.deleted:
            return Decision()
        changed = old.model_copy(update=_changes(old, post, kind))
        seen = Seen(post=mark, text=changed.text, new=False, before=texts, thread="")
        # The last look before a sending may have told of this edit already.
        if changed.text == old.text and kind is Kind.EDITED:
            return Decision(seen=seen)
        event = Event(kind=kind, at=now, post=changed)
        return Decision(events=(event,), seen=seen, work=(Work(step="triage"),))

    before = (await store.load(case)).version
    recorded = await store.decide(case, decide, now=now)
    return "repeat" if recorded.version == before else arrival.event


def _changes(old: Post, new: Post, kind: Kind) -> dict[str, object]:
    if kind is Kind.DELETED:
        return {"deleted": True}
    return {"text": new.text, "edited": True, "url": new.url or old.url}


async def take_or_keep(store: Store, arrival: Arrival, *, now: datetime) -> Taken:
    """Take in one arrival; what nobody foresaw in it must not stop those after it."""
    try:
        return await take(store, arrival, now=now)
    except PASSING:
        raise
    except Exception as error:  # the net of one arrival: a person looks in the quarantine
        where = place_of(error)
        log.error("listen %s quarantined an arrival: %s", arrival.post.platform, where)
        return await _keep(store, arrival, reason=where, now=now)


def tally() -> tuple[Counter[Taken], Callable[[Taken], None]]:
    """Return a counter and the function that counts in it."""
    counter: Counter[Taken] = Counter()

    def count(taken: Taken) -> None:
        counter[taken] += 1

    return counter, count
