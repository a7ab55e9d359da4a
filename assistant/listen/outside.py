"""Take in what our own accounts write: an answer given outside Luister ends the case it answers."""

from datetime import datetime

from assistant.case import Case, Event, Kind, Post, Remote, handle_key
from assistant.ours import OUTSIDE, by_luister, claims_of, under_way
from assistant.platforms import Arrival
from assistant.store import Decision, Store, Work
from assistant.store.intake import held_by


def by_us(post: Post) -> bool:
    """Say whether the account that reads also wrote the post."""
    return handle_key(post.account) in {
        handle_key(each or "") for each in (post.author, post.handle)
    }


async def take_ours(store: Store, arrival: Arrival, *, now: datetime) -> bool:
    """Record an answer our account gave without Luister; say whether it was one.

    What Luister sent is known by its place, or by its text while that place is not written down.
    What else our accounts write, change or take away by hand is nothing to a case.
    """
    post = arrival.post
    if arrival.event != "new" or await held_by(store, *_places(post, post.id, post.url)):
        return False
    case = await _answered(store, post)
    if case is None:
        return False
    remote = Remote(id=post.id, url=post.url)
    event = Event(kind=Kind.ELSEWHERE, at=now, text=post.text, remote=remote)
    claims = claims_of(post.platform, remote, OUTSIDE)

    def decide(held: Case | None) -> Decision:
        if held is None or held.erased or by_luister(held, post.text):
            return Decision()
        # Should it prove to be ours all the same, its place must still be free to be written down.
        free = () if under_way(held) else claims
        # Triage shows what changed where nothing is left to label.
        return Decision(events=(event,), work=(Work(step="triage"),), remotes=free)

    command = f"elsewhere:{store.mark(post.platform, post.id)}"
    recorded = await store.decide(case, decide, command=command, now=now)
    told = recorded.case.outside if recorded.case else None
    return not recorded.repeated and told is not None and told.remote == remote


async def _answered(store: Store, post: Post) -> str | None:
    """Return the case of the post above this one; in a chain of our own, of the thread's first."""
    if post.parent is None:
        return None
    known = await store.seen(store.mark(post.platform, post.parent))
    if known is None and await held_by(store, *_places(post, post.parent)):
        known = await store.seen(store.mark(post.platform, post.root))
    return known[0] if known else None


def _places(post: Post, *names: str | None) -> tuple[str, ...]:
    return tuple(f"{post.platform}:{each}" for each in names if each)
