"""Reading what is new on Bluesky: mentions, replies, quotes, and what our account says itself."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from assistant.case import Barred
from assistant.errors import BadInput, TryAgain
from assistant.platforms import Quarantined, Told
from assistant.platforms.bluesky.client import Client, Unwilling
from assistant.platforms.bluesky.parse import moment, parse, raw

PAGE = 100
"""Notifications, or posts of a feed, in one call at most."""

BATCH = 25
"""Posts in one call at most (app.bsky.feed.getPosts)."""

ABOVE = 10
"""Posts of the conversation above that are read."""

OVERLAP = timedelta(minutes=5)
"""What is read again before the cursor: servers take posts in a little out of order."""

DEEP, DEEP_EVERY = timedelta(days=1), 600.0
"""Notifications stand where their author's clock puts them, so a post may appear far back in the
list: at the start and every ten minutes a whole day is listed again."""

FIRST = timedelta(days=7)
"""How far back a first reading goes: older posts have had their answer, or had better not."""

REMEMBERED = 20_000
"""Posts known to have been passed on; the store knows the others by their ids."""

REASONS = ("mention", "reply", "quote")
IGNORED = frozenset(
    (
        "like",
        "repost",
        "follow",
        "starterpack-joined",
        "verified",
        "unverified",
        "like-via-repost",
        "repost-via-repost",
        "subscribed-post",
        "contact-match",
    )
)
"""Notifications that ask no answer; a server that knows no filter sends them too."""


class _Found(NamedTuple):
    """Something in a list: when (as the server orders it), what, why it is told to us."""

    at: datetime
    uri: str
    reason: str | None
    view: dict[str, Any]

    @property
    def whole(self) -> bool:
        """Say whether it names a post that can be read."""
        return self.reason in REASONS and self.uri.startswith("at://")


class Reader:
    """Reads one account's notifications and its own feed; remembers what it passed on."""

    def __init__(self, client: Client, *, account: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._account = account
        self._clock = clock
        self._passed: dict[str, datetime] = {}
        self._above: dict[str, dict[str, Any] | None] = {}
        self._deepest: float | None = None

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield what is new since `cursor` (a time of the server's), oldest first."""
        known = moment(cursor)
        mark, since = known or self._clock() - FIRST, self._since(known)
        me = await self._client.me()
        found = {each.uri: each async for each in self._own(me, since=since)}
        async for each in self._noted(since=since):
            found.setdefault(each.uri, each)
        # Lists come newest first; of two at the same moment the later listed was written earlier.
        fresh = [each for each in found.values() if not self._was_passed(each.uri, known)][::-1]
        fresh.sort(key=lambda each: each.at)
        for start in range(0, len(fresh), BATCH):
            batch = fresh[start : start + BATCH]
            for each, told in zip(batch, await self._told(batch, me=me), strict=True):
                mark = max(mark, each.at)
                if told is not None:
                    yield told.model_copy(update={"cursor": mark.isoformat()})
                self._pass(each.uri, mark)

    def _since(self, known: datetime | None) -> datetime:
        if known is None:
            return self._clock() - FIRST
        now = asyncio.get_running_loop().time()
        if self._deepest is not None and now < self._deepest + DEEP_EVERY:
            return known - OVERLAP
        self._deepest = now
        return known - DEEP

    def _was_passed(self, uri: str, known: datetime | None) -> bool:
        """Say whether it was passed on and recorded: then the cursor is where we put it."""
        at = self._passed.get(uri)
        return at is not None and known is not None and at <= known

    def _pass(self, uri: str, mark: datetime) -> None:
        self._passed.pop(uri, None)
        self._passed[uri] = mark
        if len(self._passed) > REMEMBERED:
            del self._passed[next(iter(self._passed))]

    async def _noted(self, *, since: datetime) -> AsyncIterator[_Found]:
        method = "app.bsky.notification.listNotifications"
        async for row in self._listed(method, "notifications", since=since, reasons=[*REASONS]):
            if row.get("reason") not in IGNORED:
                yield self._found(row, reason=str(row.get("reason")))

    async def _own(self, me: str, *, since: datetime) -> AsyncIterator[_Found]:
        """Yield our own account's answers, also those given in another program."""
        rows = self._listed(
            "app.bsky.feed.getAuthorFeed",
            "feed",
            since=since,
            actor=me,
            filter="posts_with_replies",
        )
        async for row in rows:
            view = row.get("post")
            # A row with a reason is a repost, or a post pinned to the top.
            if isinstance(view, dict) and "reason" not in row and _parent(view):
                yield self._found(view, reason=None)

    def _found(self, view: dict[str, Any], *, reason: str | None) -> _Found:
        uri = view.get("uri")
        if not isinstance(uri, str):
            uri = sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()[:16]
        return _Found(moment(view.get("indexedAt")) or self._clock(), uri, reason, view)

    async def _listed(
        self, method: str, key: str, *, since: datetime, **params: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the rows of a list, newest first, down to `since`, page after page."""
        cursor: str | None = None
        while True:
            further = {"cursor": cursor} if cursor else {}
            page = await self._client.ask(method, limit=PAGE, **params, **further)
            rows, before = page.get(key), cursor
            if not isinstance(rows, list):
                raise TryAgain(f"{method}: the answer has no {key}")
            times = [moment(page.get("cursor"))]
            for row in (each for each in rows if isinstance(each, dict)):
                at = moment(_time(row))
                times.append(at if "reason" not in row or key == "notifications" else None)
                if at is None or at >= since:
                    yield row
            cursor = page.get("cursor")
            if not isinstance(cursor, str) or cursor == before:
                return
            if min((each for each in times if each), default=since) < since:
                return

    async def _told(self, batch: Sequence[_Found], *, me: str) -> list[Told | None]:
        views = await posts(self._client, [each.uri for each in batch if each.whole])
        await self._climb(views.values())
        return [await self._one(each, views.get(each.uri), me=me) for each in batch]

    async def _one(self, found: _Found, view: dict[str, Any] | None, *, me: str) -> Told | None:
        """Read one found post; None where it is gone before we had it."""
        barred: Barred | None = None
        if view is None and found.whole:
            gone = await missing(self._client, found.uri)
            if gone == "deleted":
                return None
            view, barred = (gone, None) if isinstance(gone, dict) else (None, gone)
        view = view or found.view
        text = raw(view, me=me, reason=found.reason, above=self._chain(view), barred=barred)
        try:
            return parse(text, account=self._account, now=self._clock())
        except BadInput as error:
            return Quarantined(where=found.uri, reason=str(error), raw=text)

    async def _climb(self, views: Iterable[dict[str, Any]]) -> None:
        """Read what stands above these posts, one level of all of them at a time."""
        if len(self._above) > REMEMBERED // 10:
            self._above.clear()
        wanted = {_parent(each) for each in views}
        for _ in range(ABOVE):
            asked = [each for each in wanted if each and each not in self._above]
            if not asked:
                return
            got = await posts(self._client, asked)
            self._above.update({uri: got.get(uri) for uri in asked})
            wanted = {_parent(each) for each in got.values()}

    def _chain(self, view: dict[str, Any]) -> list[dict[str, Any]]:
        chain: list[dict[str, Any]] = []
        uri = _parent(view)
        while uri and len(chain) < ABOVE and (above := self._above.get(uri)):
            chain.append(above)
            uri = _parent(above)
        return chain[::-1]


def _time(row: dict[str, Any]) -> Any:
    view = row.get("post")
    return view.get("indexedAt") if isinstance(view, dict) else row.get("indexedAt")


def _parent(view: dict[str, Any]) -> str | None:
    """Return the id of the post that this one answers."""
    found: Any = view
    for key in ("record", "reply", "parent", "uri"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) and re.match(r"at://", found) else None


async def posts(client: Client, uris: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the posts that are there and that we may see, by their ids."""
    asked, found = list(dict.fromkeys(uris)), {}
    for start in range(0, len(asked), BATCH):
        page = await client.ask("app.bsky.feed.getPosts", uris=asked[start : start + BATCH])
        rows = page.get("posts")
        if not isinstance(rows, list):
            raise TryAgain("app.bsky.feed.getPosts: the answer has no posts")
        found.update(
            {each["uri"]: each for each in rows if isinstance(each, dict) and "uri" in each}
        )
    return found


async def missing(client: Client, uri: str) -> dict[str, Any] | Barred | Literal["deleted"]:
    """Say why `posts` had none of this id; the post itself when it is there after all."""
    try:
        page = await client.ask("app.bsky.feed.getPostThread", uri=uri, depth=0, parentHeight=0)
        thread = page.get("thread")
        kind = thread.get("$type") if isinstance(thread, dict) else None
        if kind == "app.bsky.feed.defs#blockedPost":
            return "blocked"
        if isinstance(thread, dict) and isinstance(thread.get("post"), dict):
            post: dict[str, Any] = thread["post"]
            return post
    except Unwilling as error:
        if error.code != "NotFound":
            raise
    try:
        await client.ask("app.bsky.actor.getProfile", actor=uri.split("/")[2])
    except Unwilling:
        return "account_gone"
    return "deleted"
