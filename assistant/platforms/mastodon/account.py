"""One account on a server that speaks Mastodon's API: reads, looks, answers."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from assistant.case import Post, Remote, Reply, handle_key
from assistant.config import MastodonAccount
from assistant.errors import BadInput, Barred, Doubtful, Refused, TryAgain
from assistant.platforms import Arrival, Candidate, Look, Told
from assistant.platforms.mastodon.instance import Instance, instance_of
from assistant.platforms.mastodon.parse import (
    Account,
    Status,
    account_of,
    language_of,
    parse,
    status_of,
    text_of,
    width_of,
)
from assistant.platforms.mastodon.reading import Reader
from assistant.platforms.mastodon.stream import Stream
from assistant.platforms.mastodon.wire import ABSENT, Unwilling, Wire
from assistant.platforms.mastodon.writing import NAME, canonical, narrower, post_of, to_whom

SEEN_FOR = timedelta(minutes=1)
"""How long what a look found need not be asked again: a reply is always looked before."""

BATCH = 20
"""Posts in one call at most (Mastodon: app/controllers/api/v1/statuses_controller.rb)."""

KEY_LIFE = timedelta(hours=1)
"""How long Mastodon keeps an Idempotency-Key (app/services/post_status_service.rb)."""

SCOPES = {
    "notifications": ("read", "read:notifications"),
    "posts": ("read", "read:statuses"),
    "accounts": ("read", "read:accounts"),
    "blocks": ("read", "read:follows"),
    "replies": ("write", "write:statuses"),
}
"""What the token must be allowed, by any one of these scopes."""


class Mastodon:
    """Reads by polling, woken by a stream where there is one; answers with a key where it counts.

    Nothing here is asked of the network before the first call; until the server told its numbers
    they are Mastodon's own, and a repeat is not trusted.
    """

    name = "mastodon"
    looks_at = BATCH

    def __init__(
        self, account: MastodonAccount, *, wire: Wire, clock: Callable[[], datetime]
    ) -> None:
        self.account = account.handle
        self.every: float | None = account.every
        self._server = account.server
        self._wire = wire
        self._clock = clock
        self._learn(Instance())
        self._told: Instance | None = None
        self._us: Account | None = None
        self._many = True
        self._seen: dict[str, tuple[datetime, Status]] = {}
        self._reader = Reader(wire, account=account.handle, me=self._me, clock=clock)
        self._stream = Stream(wire, instance=self.instance)

    def length(self, text: str) -> int:
        """Count graphemes, links and mentions as the server does."""
        return self._numbers.length(text)

    def private_length(self, text: str) -> int:
        """Count as in public: a private message is a post that few may read."""
        return self.length(text)

    def private_to(self, post: Post) -> bool:
        """Say whether there is a name to write to."""
        return bool(post.author and post.handle)

    def parse(self, raw: str) -> Arrival:
        """Read one record as it came."""
        return parse(raw, account=self.account, now=self._clock())

    def aclose(self) -> None:
        """Close the stream."""
        self._stream.close()

    async def instance(self) -> Instance:
        """Return the server's numbers, asking for them once; raises as every call does."""
        if self._told is None:
            self._told = instance_of(await self._about())
            self._learn(self._told)
        return self._told

    async def _about(self) -> dict[str, Any]:
        """Return what the server says of itself; nothing where it says nothing to anybody."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            with suppress(Unwilling):
                told = await self._wire.ask(path)
                if not isinstance(told.get("version"), str):
                    raise TryAgain(f"GET {path}: the answer has another shape")
                return told
        return {}

    async def _known(self) -> None:
        """Ask for the server's numbers where that is still owed; without them all else goes on."""
        with suppress(TryAgain):
            await self.instance()

    def _learn(self, numbers: Instance) -> None:
        self._numbers = numbers
        self.limit = numbers.characters
        self.private_limit = numbers.characters - NAME
        # Where the server leaves out the key a repeat is another reply.
        self.key_life = KEY_LIFE if numbers.keyed else timedelta()

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield mentions, replies, quotes and private messages, then our own posts."""
        await self._known()
        async for told in self._reader.arrivals(cursor):
            yield told

    async def stirred(self) -> None:
        """Return when the stream tells of a notification; without a stream never."""
        await self._stream.stirred()

    async def _me(self) -> str:
        if self._us is None:
            told = await self._wire.ask("/api/v1/accounts/verify_credentials")
            try:
                us = account_of(told)
            except BadInput as error:
                raise TryAgain(f"verify_credentials: {error}") from error
            if _name(us.acct) != _name(self.account):
                raise Barred("the access token belongs to another account than the configured one")
            self._us = us
        return self._us.id

    async def look(self, post: Post) -> Look:
        """Read the citizen's post again."""
        return (await self.looks((post,)))[0]

    async def looks(self, posts: Sequence[Post]) -> tuple[Look, ...]:
        """Read up to `looks_at` posts again: in one call where the server can, else one by one."""
        if not posts:
            return ()
        await self._known()
        found = await self._statuses([each.id for each in posts])
        now = self._clock()
        fresh = {id: each for id, each in self._seen.items() if each[0] > now - SEEN_FOR}
        self._seen = fresh | {id: (now, each) for id, each in found.items()}
        blocked = await self._blocked_by({each.author for each in posts if each.author})
        return tuple(self._look(each, found.get(each.id), blocked) for each in posts)

    def _look(self, post: Post, status: Status | None, blocked: frozenset[str]) -> Look:
        # Who blocks us also hides their posts from us: those are not deleted.
        if post.author in blocked:
            barred = post.model_copy(update={"barred": "blocked"})
            return Look(standing="barred", post=barred)
        if status is None:
            return Look(standing="deleted")
        text = _readable(status)
        newest = post.model_copy(
            update={
                "text": text,
                "warning": status.spoiler_text or None,
                "language": language_of(status.language),
                "edited": post.edited or text != post.text,
            }
        )
        return Look(standing="unchanged" if text == post.text else "edited", post=newest)

    async def _statuses(self, ids: Sequence[str]) -> dict[str, Status]:
        """Return the posts that are there, by their ids."""
        found: dict[str, Status] = {}
        if self._many and len(ids) > 1:
            try:
                params = [("id[]", each) for each in ids]
                rows = await self._wire.list("/api/v1/statuses", params=params)
            except Unwilling as error:
                if error.status not in ABSENT:
                    raise
                self._many = False
            else:
                found = {each.id: each for each in map(_status, rows)}
        # A list may leave out more than what is gone; only the post itself says so.
        for id in ids:
            if id not in found and (status := await self._status(id)) is not None:
                found[id] = status
        return found

    async def _status(self, id: str) -> Status | None:
        """Return a post; None when it is gone."""
        try:
            return _status(await self._wire.ask("/api/v1/statuses/*", id))
        except Unwilling as error:
            if error.status in (404, 410):
                return None
            raise

    async def _blocked_by(self, authors: Iterable[str]) -> frozenset[str]:
        """Return which of these citizens block us; none where the server does not tell."""
        params = [("id[]", each) for each in sorted(authors)]
        if not params:
            return frozenset()
        try:
            rows = await self._wire.list("/api/v1/accounts/relationships", params=params)
        except Unwilling:
            return frozenset()
        return frozenset(
            str(each.get("id"))
            for each in rows
            if isinstance(each, dict) and each.get("blocked_by") is True
        )

    async def reply(self, reply: Reply) -> Remote:
        """Post the reply under its target, as narrow as that and with its content warning."""
        target = await self._target(reply.target)
        data = post_of(reply, warning=target.spoiler_text or "", numbers=self._numbers) | {
            "in_reply_to_id": reply.target,
            "visibility": narrower(reply.visibility, width_of(target)),
        }
        return _remote(await self._wire.tell("POST", "/api/v1/statuses", data=data, key=reply.key))

    async def _target(self, id: str) -> Status:
        """Return the post that is answered: who may read it, and its content warning."""
        at, target = self._seen.get(id, (None, None))
        if target is None or at is None or at < self._clock() - SEEN_FOR:
            target = await self._status(id)
        if target is None:
            raise Refused("the post is no longer there")
        return target

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        """Return our posts that stand right under the reply's target."""
        me = await self._me()
        try:
            told = await self._wire.ask("/api/v1/statuses/*/context", reply.target)
        except Unwilling as error:
            if error.status in (404, 410):
                return ()
            raise
        rows = told.get("descendants")
        if not isinstance(rows, list):
            raise TryAgain("context: the answer has another shape")
        return tuple(
            Candidate(remote=Remote(id=each.id, url=each.url), text=self._as_typed(each, reply))
            for each in _readables(rows)
            if each.account.id == me and each.in_reply_to_id == reply.target
        )

    def _as_typed(self, status: Status, reply: Reply) -> str:
        """Return our post as it was typed: as `reply`'s own text where it says the same.

        A server writes mentions in its own way: it leaves out its own name and lower case.
        """
        shown = _readable(status, hrefs=False)
        host = urlsplit(self._server).hostname or ""
        same = canonical(shown, host=host) == canonical(to_whom(reply), host=host)
        return reply.text if same else shown

    async def take_back(self, remote: Remote) -> None:
        """Delete our post; one that is gone already is fine."""
        try:
            await self._wire.tell("DELETE", "/api/v1/statuses/*", remote.id)
        except Unwilling as error:
            if error.status not in (404, 410):
                raise

    async def correct(self, reply: Reply, remote: Remote) -> None:
        """Change our post's text where it stands, and see that the server shows the new one."""
        held = await self._status(remote.id)
        if held is None:
            raise Refused("the reply is no longer there")
        if self._as_typed(held, reply) == reply.text:
            return
        data = post_of(reply, warning=held.spoiler_text or "", numbers=self._numbers)
        told = await self._wire.tell("PUT", "/api/v1/statuses/*", remote.id, data=data)
        try:
            shown = status_of(told)
        except BadInput as error:
            raise Doubtful(f"PUT /api/v1/statuses/*: {error}") from error
        if self._as_typed(shown, reply) != reply.text:
            raise Refused("the server goes on showing the old text")

    async def introduce(self) -> tuple[str, ...]:
        """Ask who we are and what the token may do; read one notification."""
        await self._me()
        numbers = await self.instance()
        await self._wire.list("/api/v1/notifications", params=[("limit", "1")])
        key = "keeps" if numbers.keyed else "is not known to keep"
        return (
            f"Signed in as {self.account} on {self._server}, version {numbers.version or '?'}.",
            f"A post has at most {numbers.characters} signs, a link counts {numbers.per_url}.",
            f"The server {key} a reply's key, by which a repeat is harmless.",
            await self._allowed(),
        )

    async def _allowed(self) -> str:
        try:
            told = await self._wire.ask("/api/v1/apps/verify_credentials")
        except Unwilling:
            told = {}
        scopes = told.get("scopes")
        if not isinstance(scopes, list):
            return "The server does not say what the token may do; it may read notifications."
        lacks = [what for what, either in SCOPES.items() if not set(either) & set(map(str, scopes))]
        if lacks:
            return f"The token lacks a scope for: {', '.join(lacks)}."
        return "The token may read notifications, posts and accounts, and write replies."


def _name(handle: str) -> str:
    return handle_key(handle).partition("@")[0]


def _status(told: Any) -> Status:
    try:
        return status_of(told)
    except BadInput as error:
        raise TryAgain(f"the post cannot be read: {error}") from error


def _readables(rows: Iterable[Any]) -> list[Status]:
    """Return those of a conversation that can be read; what others wrote there is no trouble."""
    found = []
    for each in rows:
        try:
            found.append(status_of(each))
        except BadInput:
            continue
    return found


def _readable(status: Status, *, hrefs: bool = True) -> str:
    try:
        return text_of(status, hrefs=hrefs)
    except BadInput as error:
        raise TryAgain(f"the post cannot be read: {error}") from error


def _remote(told: Any) -> Remote:
    try:
        status = status_of(told)
    except BadInput as error:
        raise Doubtful(f"POST /api/v1/statuses: {error}") from error
    return Remote(id=status.id, url=status.url)
