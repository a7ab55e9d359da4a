"""Look again, on a timer, at the posts of open cases: edited, deleted, or closed to answers."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from assistant.case import Case, Event, Kind, Post, State
from assistant.errors import Barred, LuisterError, Refused, StoreUnavailable, TryAgain, place_of
from assistant.platforms import Costs, Look, LooksAtMany, Platform
from assistant.store import Decision, Store, Work
from assistant.store.connections import failed, well

log = logging.getLogger(__name__)

ROUND = 30.0
"""Seconds between two rounds."""

CALLS = 5
"""Calls in a round at most: 150 in 15 minutes, half of what X and a third of what Mastodon allow
for looking, with the rest left for reading and answering."""

CASES = 200
"""Cases of which a round reads the posts, the ones that moved last first."""

POSTS = 3
"""Posts of one case, the newest."""

SHARE = 8
"""A post is looked at again after an eighth of its age."""

SOONEST = timedelta(minutes=2)
LATEST = timedelta(days=30)
PAID = timedelta(days=1)
"""Where looking costs money only younger posts are looked at, from an hour on each time their age
has doubled: six times in all."""

OPEN = (
    State.NEW,
    State.TRIAGED,
    State.OPEN,
    State.APPROVAL,
    State.QUEUED,
    State.FAILED,
    State.IN_DOUBT,
)
"""What a citizen's change still matters to; while a reply is being sent, sending itself looks."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A post of a case that is due to be looked at."""

    case: str
    post: Post

    @property
    def key(self) -> tuple[str, str]:
        return self.case, self.post.id


class Follower:
    """Looks again at the posts of one account.

    When each was looked at lies in this process: a new one begins anew, within the same bounds.
    """

    def __init__(self, store: Store, platform: Platform, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._platform = platform
        self._clock = clock
        self._source = f"{platform.name}:{platform.account}"
        self._looked: dict[tuple[str, str], datetime] = {}
        self._next: dict[str, datetime] = {}
        self._stumbled: set[tuple[str, str]] = set()
        self._seen_at: datetime | None = None

    async def run(self, *, every: float = ROUND) -> None:
        """Go round for ever; trouble is noted and waited out, it never raises."""
        while True:
            wait = every
            try:
                await self.round()
            except StoreUnavailable as error:
                log.warning("follow %s waits: %s", self._source, error)
            except LuisterError as error:
                wait = max((error.after if isinstance(error, TryAgain) else None) or 0.0, every)
                log.warning("follow %s waits %.0f s: %s", self._source, wait, error)
                await self._failed(str(error), grave=isinstance(error, Refused))
            except Exception as error:  # the loop's one net: a bad record must not end it
                log.error("follow %s: %s", self._source, place_of(error))
                await self._failed(place_of(error), grave=False)
            await asyncio.sleep(wait)

    async def _failed(self, reason: str, *, grave: bool) -> None:
        with suppress(StoreUnavailable):
            now = self._clock()
            await failed(self._store, self._source, "looking", reason, grave=grave, now=now)

    async def round(self) -> int:
        """Look at what is due, as far as the calls of one round go; return how many changed.

        Raises what the platform raises; what was looked at before that is recorded.
        """
        due, changed = await self._due(), 0
        size = self._platform.looks_at if isinstance(self._platform, LooksAtMany) else 1
        for start in range(0, min(len(due), CALLS * size), size):
            batch = due[start : start + size]
            # What the platform stumbles over waits behind the others in the next round.
            self._stumbled |= {each.key for each in batch}
            for target, look in zip(batch, await self._looks(batch), strict=True):
                changed += await self._record(target, look)
                self._looked[target.key] = self._clock()
                self._stumbled.discard(target.key)
        if due:
            await well(self._store, self._source, "looking", now=self._clock())
        return changed

    async def _looks(self, batch: Sequence[Target]) -> Sequence[Look]:
        try:
            if isinstance(self._platform, LooksAtMany):
                return await self._platform.looks([each.post for each in batch])
            return [await self._platform.look(each.post) for each in batch]
        except Barred:
            raise
        except Refused as error:
            log.warning("follow %s: a look was refused: %s", self._source, error)
            return [Look(standing="unchanged")] * len(batch)

    async def _due(self) -> list[Target]:
        """Return what is due, in the cases that moved last first."""
        now, since = self._clock(), self._seen_at
        open_now = await self._store.ids(*OPEN)
        moved = set(await self._store.ids(*OPEN, since=since)) if since else set(open_now)
        self._seen_at = now
        self._forget(set(open_now))
        asked = [id for id in reversed(open_now) if id in moved or self._next.get(id, now) <= now]
        found: list[Target] = []
        for id in asked[:CASES]:
            case = (await self._store.load(id)).case
            if case is None or (case.platform, case.account) != self._account:
                self._next[id] = now + LATEST
                continue
            posts = [each for each in case.posts if not each.deleted][-POSTS:]
            times = [(self._at(id, each), each) for each in posts]
            found += [Target(case=id, post=each) for at, each in times if at and at <= now]
            self._next[id] = min((at for at, _ in times if at), default=now + LATEST)
        return sorted(found, key=lambda each: each.key in self._stumbled)

    @property
    def _account(self) -> tuple[str, str]:
        return self._platform.name, self._platform.account

    def _at(self, case: str, post: Post) -> datetime | None:
        """Return when a post is to be looked at next; None when no more."""
        looked = self._looked.get((case, post.id), post.created_at)
        age = max(looked - post.created_at, timedelta())
        paid = isinstance(self._platform, Costs)
        if age > (PAID if paid else LATEST):
            return None
        return looked + (max(age, timedelta(hours=1)) if paid else max(age / SHARE, SOONEST))

    def _forget(self, open_now: set[str]) -> None:
        """Forget what was looked at in cases that are done."""
        self._looked = {key: at for key, at in self._looked.items() if key[0] in open_now}
        self._stumbled = {key for key in self._stumbled if key[0] in open_now}
        self._next = {case: at for case, at in self._next.items() if case in open_now}

    async def _record(self, target: Target, look: Look) -> bool:
        """Record what a look told; say whether that was news."""
        now = self._clock()
        news = False

        def decide(held: Case | None) -> Decision:
            nonlocal news
            old = _post_of(held, target.post.id) if held else None
            event = _told(old, look, now=now) if old and held and held.state in OPEN else None
            news = event is not None
            if event is None:
                return Decision()
            return Decision(events=(event,), work=(Work(step="triage"),))

        await self._store.decide(target.case, decide, now=now)
        return news


def _post_of(case: Case, id: str) -> Post | None:
    return next((each for each in case.posts if each.id == id and not each.deleted), None)


def _told(old: Post, look: Look, *, now: datetime) -> Event | None:
    """Return the event by which the post as it was becomes the post as it is."""
    new = look.post
    if look.standing == "deleted":
        return Event(kind=Kind.DELETED, at=now, post=old.model_copy(update={"deleted": True}))
    if new is None:
        return None
    if new.text != old.text:
        edited = {"text": new.text, "edited": True, "url": new.url or old.url}
        edited |= {"warning": new.warning, "images": new.images, "barred": new.barred}
        return Event(kind=Kind.EDITED, at=now, post=old.model_copy(update=edited))
    if new.barred != old.barred:
        return Event(kind=Kind.BARRED, at=now, post=old.model_copy(update={"barred": new.barred}))
    return None
