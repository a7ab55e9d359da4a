"""One account on Bluesky: what it reads, how its posts stand, and what it writes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from assistant.case import Post, Remote, Reply
from assistant.checks import graphemes
from assistant.config import BlueskyAccount
from assistant.errors import BadInput, Doubtful, Refused, TryAgain
from assistant.platforms import Arrival, Candidate, Look, Told
from assistant.platforms.bluesky.client import Client, Unwilling
from assistant.platforms.bluesky.parse import parse, raw, url_of
from assistant.platforms.bluesky.reading import BATCH, Reader, missing, posts
from assistant.platforms.bluesky.record import POSTS, dress, record_of
from assistant.platforms.bluesky.stream import Stream

LIMIT = 300
"""Graphemes of a post at most (app.bsky.feed.post)."""

BYTES = 10
"""Bytes a grapheme may take on average: a post holds 3,000 bytes at most."""

SHOWN = (0.0, 0.2, 0.3, 0.5, 1.0, 2.0)
"""Pauses in seconds before each look whether readers see what was written (measured: 1 s)."""

FULL_ACCESS = "com.atproto.access"
"""The scope of a session that was opened with the account's own password."""


class Bluesky:
    """Reads by polling, woken by a stream where there is one; writes by a record key of ours."""

    name = "bluesky"
    limit = LIMIT
    looks_at = BATCH
    key_life = timedelta(days=36500)
    """A record keeps its key for ever: the same key again is the same record."""

    def __init__(
        self,
        account: BlueskyAccount,
        *,
        client: Client,
        stream: Stream | None,
        clock: Callable[[], datetime],
        shown: Sequence[float] = SHOWN,
    ) -> None:
        self.account = account.handle
        self.every: float | None = account.every
        self._service = account.service
        self._client = client
        self._stream = stream
        self._clock = clock
        self._shown = shown
        self._reader = Reader(client, account=account.handle, clock=clock)

    def length(self, text: str) -> int:
        """Count graphemes; a text that is too long only in bytes counts as much as its bytes do."""
        return max(graphemes(text), -(-len(text.encode()) // BYTES))

    def parse(self, raw: str) -> Arrival:
        """Read one record as it came."""
        return parse(raw, account=self.account, now=self._clock())

    def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield mentions, replies and quotes, and our own answers, oldest first."""
        return self._reader.arrivals(cursor)

    async def stirred(self) -> None:
        """Return when the stream tells of us; without a stream never."""
        if self._stream is None:
            await asyncio.Event().wait()
        else:
            await self._stream.about(await self._client.me())

    async def look(self, post: Post) -> Look:
        """Read the citizen's post again."""
        return (await self.looks((post,)))[0]

    async def looks(self, posts_: Sequence[Post]) -> tuple[Look, ...]:
        """Read up to `looks_at` posts again in one call; one more for each that is not there."""
        views = await posts(self._client, [each.id for each in posts_])
        return tuple([await self._look(each, views.get(each.id)) for each in posts_])

    async def _look(self, post: Post, view: dict[str, Any] | None) -> Look:
        found: dict[str, Any] | str = view or await missing(self._client, post.id)
        if found == "deleted":
            return Look(standing="deleted")
        if isinstance(found, str):
            barred = post.model_copy(update={"barred": found})
            return Look(standing="barred", post=barred)
        try:
            now = self.parse(raw(found, me=await self._client.me(), reason=None)).post
        except BadInput as error:
            raise TryAgain(f"the post cannot be read: {error}") from error
        told = ("text", "barred", "warning", "images", "language")
        newest = post.model_copy(update={key: getattr(now, key) for key in told})
        if now.barred:
            return Look(standing="barred", post=newest)
        edited = now.text != post.text
        return Look(standing="edited" if edited else "unchanged", post=newest)

    async def reply(self, reply: Reply) -> Remote:
        """Write the reply under its own record key: the same again changes nothing."""
        found = await posts(self._client, [reply.target])
        if reply.target not in found:
            raise Refused(f"the post cannot be answered: {await self._why_not(reply.target)}")
        record = await record_of(reply, target=found[reply.target], resolve=self._resolve)
        told = await self._put(reply.record_key, record)
        if not isinstance(told.get("uri"), str):
            raise Doubtful("com.atproto.repo.putRecord: the answer names no record")
        return Remote(id=told["uri"], url=url_of(told["uri"], self.account))

    async def _why_not(self, uri: str) -> str:
        found = await missing(self._client, uri)
        if isinstance(found, dict):
            raise TryAgain("the post is there only at times")
        return found

    async def _put(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        return await self._client.tell(
            "com.atproto.repo.putRecord",
            {"repo": await self._client.me(), "collection": POSTS, "rkey": key, "record": record},
        )

    async def _resolve(self, handle: str) -> str | None:
        try:
            told = await self._client.ask("com.atproto.identity.resolveHandle", handle=handle)
        except Unwilling:
            return None
        did = told.get("did")
        return did if isinstance(did, str) else None

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        """Return our record with the reply's own key, and what readers see of us in the thread."""
        found: dict[str, str] = {}
        held = await self._held(reply.record_key)
        if held is not None:
            found[held[0]] = str(held[1].get("text"))
        me = await self._client.me()
        for view in await self._under(reply.target):
            if _dict(view.get("author")).get("did") == me:
                found[str(view.get("uri"))] = str(_dict(view.get("record")).get("text"))
        return tuple(
            Candidate(remote=Remote(id=uri, url=url_of(uri, self.account)), text=text)
            for uri, text in found.items()
        )

    async def _held(self, key: str) -> tuple[str, dict[str, Any]] | None:
        """Return the id and the record that our repository holds under `key`."""
        try:
            told = await self._client.ask(
                "com.atproto.repo.getRecord",
                repo=await self._client.me(),
                collection=POSTS,
                rkey=key,
            )
        except Unwilling as error:
            if error.code == "RecordNotFound":
                return None
            raise
        if not isinstance(told.get("uri"), str) or not isinstance(told.get("value"), dict):
            raise TryAgain("com.atproto.repo.getRecord: the answer holds no record")
        return told["uri"], told["value"]

    async def _under(self, uri: str) -> list[dict[str, Any]]:
        """Return the replies readers see under a post; none under one they do not see."""
        try:
            page = await self._client.ask(
                "app.bsky.feed.getPostThread", uri=uri, depth=1, parentHeight=0
            )
        except Unwilling as error:
            if error.code == "NotFound":
                return []
            raise
        rows = _dict(page.get("thread")).get("replies")
        return [_dict(_dict(row).get("post")) for row in rows] if isinstance(rows, list) else []

    async def visible(self, reply: Reply, remote: Remote) -> bool:
        """Say whether the reply stands in its thread; raises TryAgain until readers have it."""
        for pause in self._shown:
            await asyncio.sleep(pause)
            if await posts(self._client, [remote.id]):
                break
        else:
            raise TryAgain("the reply is not among what readers are shown yet")
        return any(view.get("uri") == remote.id for view in await self._under(reply.target))

    async def take_back(self, remote: Remote) -> None:
        """Delete the record; one that is gone already is fine."""
        data = {"repo": await self._client.me(), "collection": POSTS, "rkey": _key(remote)}
        await self._client.tell("com.atproto.repo.deleteRecord", data)

    async def correct(self, reply: Reply, remote: Remote) -> None:
        """Put the new text in the record's place, or leave the old where readers keep seeing that.

        Bluesky's own readers may ignore a record that changes (their AppView decides).
        """
        held = await self._held(_key(remote))
        if held is None:
            raise Refused("the reply is no longer there")
        old = held[1]
        kept = {key: value for key, value in old.items() if key not in ("facets", "langs")}
        new = {**kept, "text": reply.text, **await dress(reply, resolve=self._resolve)}
        await self._put(_key(remote), new)
        for pause in self._shown:
            await asyncio.sleep(pause)
            view = (await posts(self._client, [remote.id])).get(remote.id, {})
            if _dict(view.get("record")).get("text") == reply.text:
                return
        await self._put(_key(remote), old)
        raise Refused("Bluesky goes on showing readers the old text")

    async def introduce(self) -> tuple[str, ...]:
        """Log in and read one list; say who we are and what the account may do."""
        me = await self._client.me()
        await self._client.ask("app.bsky.notification.listNotifications", limit=1)
        told = [
            f"Signed in as {self.account} ({me}) on {self._service}.",
            "May read notifications and posts, and write, correct and delete replies.",
        ]
        if self._client.scope == FULL_ACCESS:
            told.append("Uses the account's own password; an app password can be withdrawn alone.")
        return tuple(told)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _key(remote: Remote) -> str:
    return remote.id.rsplit("/", 1)[-1]
