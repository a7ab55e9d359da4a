"""Reading what is new on a server: those who address us, and what our account says itself."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from assistant.errors import BadInput, TryAgain
from assistant.platforms import Arrival, Gap, Quarantined, Told
from assistant.platforms.mastodon.parse import ABOVE, parse, record
from assistant.platforms.mastodon.wire import Unwilling, Wire

PAGE = 80
"""Records in one call at most; a server that gives fewer at a time is read on until it is empty."""

BACK = 125
"""Pages that are gone back at most, to find where to begin."""

FIRST = timedelta(days=7)
"""How far back a first reading goes: older posts have had their answer, or had better not."""

TYPES = {"mention": "new", "quote": "new", "update": "edited"}
"""Notifications that may be a post for us, and what each tells of it."""

REMEMBERED = 500
"""Conversations whose top is remembered, for those in which many answer at once."""


class Mark(NamedTuple):
    """The last record of a list that was read, and when it was made."""

    id: str
    at: datetime


class Place(NamedTuple):
    """How far the notifications and our own posts were read."""

    notes: Mark | None = None
    own: Mark | None = None

    def cursor(self) -> str:
        """Return the place as the store keeps it."""
        marks = [[each.id, each.at.isoformat()] if each else None for each in self]
        return json.dumps(marks)


def place_of(cursor: str | None) -> Place:
    """Read a cursor; one that is not ours says nothing."""
    with suppress(ValueError, TypeError):
        notes, own = json.loads(cursor or "")
        return Place(_mark(notes), _mark(own))
    return Place()


def _mark(kept: Any) -> Mark | None:
    if kept is None:
        return None
    id, at = kept
    return Mark(str(id), datetime.fromisoformat(at))


class Feed(NamedTuple):
    """A list of the server's, newest first, in pages; `ids` stand in its path."""

    path: str
    ids: tuple[str, ...]
    params: tuple[tuple[str, str], ...]


NOTES = Feed(
    "/api/v1/notifications",
    (),
    (
        *(("types[]", each) for each in TYPES),
        # Without it Mastodon 4.3 hides what strangers write in private.
        ("include_filtered", "true"),
    ),
)


class Reader:
    """Reads one account's notifications, then its own posts, each from where it left off."""

    def __init__(
        self,
        wire: Wire,
        *,
        account: str,
        me: Callable[[], Awaitable[str]],
        clock: Callable[[], datetime],
    ) -> None:
        self._wire = wire
        self._account = account
        self._me = me
        self._clock = clock
        self._given: tuple[str | None, Place] = (None, Place())
        self._above: dict[str, list[Any]] = {}

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield what is new since `cursor`, oldest first: citizens' posts, then our own.

        In that order an answer given outside finds the case of the post it answers.
        """
        me = await self._me()
        known, further = self._given
        # What was no post for us moves no cursor, and is not read again all the same.
        place = further if cursor == known else place_of(cursor)
        async for row in self._rows(NOTES, place.notes):
            if isinstance(row, Gap):
                yield row
                continue
            place = place._replace(notes=_at(row) or place.notes)
            async for told in self._note(row, me, place):
                yield told
                cursor = place.cursor()
            self._given = (cursor, place)
        own = Feed("/api/v1/accounts/*/statuses", (me,), (("exclude_reblogs", "true"),))
        async for row in self._rows(own, place.own):
            if isinstance(row, Gap):
                continue  # of what we said ourselves nothing is lost that a citizen waits for
            place = place._replace(own=_at(row) or place.own)
            yield self._parsed(record(row, me=me), _id(row), place)
            cursor = place.cursor()
            self._given = (cursor, place)

    async def _note(self, row: Any, me: str, place: Place) -> AsyncIterator[Told]:
        """Yield the post of a notification, if it is one for us."""
        kind = row.get("type") if isinstance(row, dict) else None
        event = TYPES.get(kind) if isinstance(kind, str) else "new"
        status = row.get("status") if isinstance(kind, str) else row
        # A notification whose post is gone has none.
        if event is None or (status is None and row is not None):
            return
        above = await self._conversation(status)
        told = self._parsed(record(status, me=me, event=event, above=above), _id(row), place)
        # We are told of edits to all that we boosted; most of that is not for us.
        if event == "new" or (isinstance(told, Arrival) and told.post.addressed):
            yield told

    def _parsed(self, raw: str, where: str, place: Place) -> Arrival | Quarantined:
        cursor = place.cursor()
        try:
            arrival = parse(raw, account=self._account, now=self._clock())
        except BadInput as error:
            return Quarantined(where=where, reason=str(error), raw=raw, cursor=cursor)
        return arrival.model_copy(update={"cursor": cursor})

    async def _conversation(self, status: Any) -> list[Any]:
        """Return the top of a post's conversation and the newest posts above it, oldest first."""
        parent = status.get("in_reply_to_id") if isinstance(status, dict) else None
        if not parent or not status.get("id"):
            return []
        known = self._above.get(str(parent))
        if known is None:
            try:
                told = await self._wire.ask(
                    "/api/v1/statuses/*/context", str(status["id"]), reading=True
                )
            except Unwilling:
                return []  # taken back in the meantime
            above = told.get("ancestors")
            above = above if isinstance(above, list) else []
            known = [*above[:1], *above[1:][-ABOVE:]]
            self._above[str(parent)] = known
            if len(self._above) > REMEMBERED:
                del self._above[next(iter(self._above))]
        return known

    async def _rows(self, feed: Feed, mark: Mark | None) -> AsyncIterator[Any]:
        """Yield the records after `mark`, oldest first, and a Gap where some may be lost."""
        page: list[Any] | None = await self._after(feed, mark) if mark else None
        if page is None:
            begin, gap = await self._begin(feed, mark)
            if gap is not None:
                yield gap
            page = await self._page(feed, ("min_id", begin)) if begin else []
        while page:
            for row in reversed(page):
                yield row
            page = await self._page(feed, ("min_id", _newest(page)))

    async def _after(self, feed: Feed, mark: Mark) -> list[Any] | None:
        """Return the page after `mark`; None when the server does not know that place.

        A server that was moved or restored has begun its numbers anew: then nothing comes after
        the mark, and yet its newest record is younger.
        """
        try:
            page = await self._page(feed, ("min_id", mark.id))
        except Unwilling as error:
            if error.status in (401, 403):
                raise
            return None
        if page:
            return page
        newest = next(map(_at, await self._page(feed, ("limit", "1"))), None)
        return [] if newest is None or newest.at <= mark.at else None

    async def _begin(self, feed: Feed, mark: Mark | None) -> tuple[str, Gap | None]:
        """Go back page by page to what was read, or far enough; return the place before that."""
        until = mark.at if mark else self._clock() - FIRST
        page, oldest = await self._page(feed), None
        for _ in range(BACK):
            for row in page:
                at = _at(row)
                if at is not None and at.at <= until:
                    return at.id, None
                oldest = at or oldest
            if not page or oldest is None:
                break
            page = await self._page(feed, ("max_id", oldest.id))
        if oldest is None:
            return "", None
        # Below every id there is a place of zeros, in numbers and in GoToSocial's letters.
        begin = _newest(page) if page else "0" * len(oldest.id)
        lost = mark is not None or bool(page)
        gap = Gap(since=until, until=oldest.at, reason="the server no longer knows our place")
        return begin, gap if lost else None

    async def _page(self, feed: Feed, *more: tuple[str, str]) -> list[Any]:
        limit = () if ("limit", "1") in more else (("limit", str(PAGE)),)
        params = (*feed.params, *limit, *more)
        page = await self._wire.list(feed.path, *feed.ids, params=params, reading=True)
        if page and not any(map(_at, page)):
            raise TryAgain("the server's list has another shape")
        return page


def _at(row: Any) -> Mark | None:
    """Return the place of a record; None for one that has none."""
    try:
        id, at = row["id"], datetime.fromisoformat(row["created_at"])
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return Mark(str(id), at if at.tzinfo else at.replace(tzinfo=UTC))


def _newest(page: list[Any]) -> str:
    return next(at.id for at in map(_at, page) if at is not None)


def _id(row: Any) -> str:
    at = _at(row)
    return f"record {at.id}" if at else "a record without an id"
