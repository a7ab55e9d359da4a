"""X through its API v2: mentions, replies, quotes, direct messages; one reply, or a doubt told."""

import asyncio
import json
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ValidationError

from assistant.case import Post, Remote, Reply, handle_key
from assistant.config import XAccount
from assistant.errors import BadInput, Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.platforms import Around, Arrival, Candidate, Cost, Look, Told
from assistant.platforms.x.length import DIRECT_LIMIT, LIMIT, bare, length
from assistant.platforms.x.oauth import AGAIN, PATH, Tokens
from assistant.platforms.x.parsing import Event, XPost, message_url, parse, plain, text_of
from assistant.platforms.x.prices import Purse, cost
from assistant.platforms.x.reading import Reader
from assistant.platforms.x.records import Run, Source, merge, record
from assistant.platforms.x.terms import notices
from assistant.platforms.x.webhook import Webhook
from assistant.platforms.x.wire import TIMEOUT, Wire

__all__ = ["HookedX", "X", "notices", "opened", "parse"]

_TIMELINE = Source("looks", "post_read")


@asynccontextmanager
async def opened(account: XAccount, around: Around) -> AsyncIterator["X"]:
    """Yield the account; X is asked nothing before the first call."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=jar) as session:
        kind = HookedX if account.webhook_variable else X
        made = kind(account, around=around, session=session)
        try:
            yield made
        finally:
            await made.settled()


class X:
    """One account on X, read every so many seconds."""

    name = "x"
    limit = LIMIT
    looks_at = 100
    private_limit = DIRECT_LIMIT

    def __init__(
        self, account: XAccount, *, around: Around, session: aiohttp.ClientSession
    ) -> None:
        self.account = account.handle
        self.every: float | None = account.every
        self._account = account
        self._keep = around.keep
        self._clock = around.clock
        self._tokens = Tokens(
            session,
            url=account.service.rstrip("/") + PATH,
            client=(account.client_id, around.secrets[account.variable]),
            first=around.secrets[account.refresh_variable],
            keep=around.keep,
            clock=around.clock,
        )
        base = account.service.rstrip("/")
        self._wire = Wire(session, base=base, tokens=self._tokens, clock=around.clock)
        self._purse = Purse(account, keep=around.keep, clock=around.clock)
        self._reader = Reader(
            account, wire=self._wire, purse=self._purse, keep=around.keep, clock=around.clock
        )
        self._me: str | None = None
        # An edit gives a post another id, under which its answers stand; the last look told it.
        self._newest: dict[str, str] = {}

    async def settled(self) -> None:
        """Return once nothing is under way that must not be broken off."""
        await self._tokens.settled()

    def length(self, text: str) -> int:
        """Count by X's weights; see length.py."""
        return length(text)

    def private_length(self, text: str) -> int:
        """Count characters."""
        return len(text)

    def private_to(self, post: Post) -> bool:
        """Say whether direct messages are on, and the author is not known to take none."""
        if not self._account.direct or post.author is None:
            return False
        return post.visibility == "direct" or post.author not in self._reader.closed

    def cost(self, text: str) -> Cost:
        """Return what a reply costs by the table; unknown with a link unless the table says."""
        return cost(text, account=self._account)

    def parse(self, raw: str) -> Arrival:
        """Read one record; see parsing.py."""
        enterprise = self._account.plan == "enterprise"
        return parse(raw, account=self.account, now=self._clock(), enterprise=enterprise)

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield what is new; see reading.py."""
        async for told in self._reader.read(cursor, await self._own_id()):
            yield told

    async def look(self, post: Post) -> Look:
        """Read the post again; a direct message can neither be changed nor taken back from us."""
        if post.visibility == "direct":
            return Look(standing="unchanged")
        answer = await self._wire.call("look", path={"id": post.id})
        data = answer.get("data")
        if isinstance(data, dict):
            newest = _versions(data)[-1]
            if newest != data.get("id"):
                answer = await self._wire.call("look", path={"id": newest})
            await self._purse.spend_reads({"post_read": {post.id, newest}})
        return self._stands(post, answer.get("data"), answer, await self._own_id())

    async def looks(self, posts: Sequence[Post]) -> tuple[Look, ...]:
        """Read several posts again in one call, and once more those that were edited."""
        public = [each for each in posts if each.visibility != "direct"]
        if not public:
            return tuple(Look(standing="unchanged") for _ in posts)
        if await self._purse.fits(self._account.prices.post_read, most=len(public)) < len(public):
            raise TryAgain("the day's budget for X is spent: posts are not looked at again today")
        answer = await self._many([each.id for each in public])
        found = _found(answer)
        edited = {id: _versions(each)[-1] for id, each in found.items()}
        if newer := [new for id, new in edited.items() if new != id]:
            found |= _found(await self._many(newer))
        me = await self._own_id()
        return tuple(
            Look(standing="unchanged")
            if each.visibility == "direct"
            else self._stands(each, found.get(edited.get(each.id, "")), answer, me)
            for each in posts
        )

    async def _many(self, ids: Sequence[str]) -> dict[str, Any]:
        answer = await self._wire.call("looks", query={"ids": ",".join(dict.fromkeys(ids))})
        await self._purse.spend_reads({"post_read": set(_found(answer))})
        return answer

    def _stands(self, post: Post, data: Any, answer: dict[str, Any], me: str) -> Look:
        if not isinstance(data, dict):
            return _missing(post, answer)
        run = Run()
        merge(run.includes, answer)
        if data.get("id") != post.id:
            self._newest[post.id] = str(data.get("id"))
        try:
            now = self.parse(json.dumps(record(_TIMELINE, run, data, me))).post
        except BadInput:
            raise TryAgain("look: X's answer is none") from None
        if now.barred:
            return Look(standing="barred", post=now)
        return Look(standing="unchanged" if now.text == post.text else "edited", post=now)

    async def reply(self, reply: Reply) -> Remote:
        """Post it under its target, or send it to its author as a direct message."""
        if reply.visibility == "direct":
            return await self._send(reply)
        target = self._newest.get(reply.target, reply.target)
        body = {"text": reply.text, "reply": {"in_reply_to_tweet_id": target}}
        answer = await self._wire.call("reply", body=body)
        await _counted(self._purse.spend_reply(reply.text))
        id = _made(answer, "id")
        return Remote(id=id, url=f"https://x.com/{handle_key(self.account)}/status/{id}")

    async def _send(self, reply: Reply) -> Remote:
        if reply.author is None:
            raise Refused("send: nobody is known to write to")
        answer = await self._wire.call(
            "send", path={"participant_id": reply.author}, body={"text": reply.text}
        )
        await _counted(self._purse.spend_message())
        id, conversation = _made(answer, "dm_event_id"), _made(answer, "dm_conversation_id")
        return Remote(id=id, url=message_url(conversation, id))

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        """Return our posts under the target, or our direct messages to its author.

        X puts mentions in front of a reply by itself; a text that differs by those alone is given
        in the reply's own words.
        """
        if reply.visibility == "direct":
            return await self._sent_to(reply)
        query = {"max_results": "100", "since_id": reply.target}
        path = {"id": await self._own_id()}
        answer = await self._wire.call("own", path=path, query=query)
        posts = [XPost.model_validate(each) for each in _dicts(answer) if _readable(XPost, each)]
        await self._purse.spend_reads({"post_read": {each.id for each in posts}})
        same = partial(_alike, reply.text)
        return tuple(
            Candidate(
                remote=Remote(
                    id=each.id, url=f"https://x.com/{handle_key(self.account)}/status/{each.id}"
                ),
                text=same(text_of(each)),
            )
            for each in posts
            if each.to("replied_to") in (reply.target, self._newest.get(reply.target))
        )

    async def _sent_to(self, reply: Reply) -> tuple[Candidate, ...]:
        path = {"participant_id": reply.author or ""}
        answer = await self._wire.call("direct_with", path=path, query={"max_results": "100"})
        events = [Event.model_validate(each) for each in _dicts(answer) if _readable(Event, each)]
        await self._purse.spend_reads({"dm_read": {each.id for each in events}})
        me = await self._own_id()
        return tuple(
            Candidate(
                remote=Remote(id=each.id, url=message_url(each.dm_conversation_id, each.id)),
                text=_alike(reply.text, plain(each.text, each.entities)),
            )
            for each in events
            if each.sender_id == me and int(each.id) > int(reply.target)
        )

    async def take_back(self, remote: Remote) -> None:
        """Delete a reply; a direct message then goes from our side only, which is refused here."""
        if remote.url and "/messages/" in remote.url:
            raise Refused("X deletes a direct message on our side only: the citizen keeps it")
        try:
            await self._wire.call("delete", path={"id": remote.id})
        except (Barred, Doubtful, TryAgain):
            raise
        except Refused as error:
            if "not there" not in str(error):
                raise

    async def introduce(self) -> tuple[str, ...]:
        """Return who we are on X and what the account may do; Barred when it is another's token."""
        id = await self._own_id(ask=True)
        scopes = await self._wire.scopes()
        may = [told for scope, told in _SCOPES.items() if scope in scopes]
        lacks = [scope for scope in _SCOPES if scope not in scopes and self._wants(scope)]
        return (
            f"{self.account} on X is user {id}; plan: {self._account.plan}.",
            f"{self.account} on X may {', '.join(may) or 'do nothing'}.",
            *((f"{self.account} on X lacks {', '.join(lacks)}: {AGAIN}.",) if lacks else ()),
            *notices(self._account),
        )

    def _wants(self, scope: str) -> bool:
        return self._account.direct or not scope.startswith("dm.")

    async def _own_id(self, *, ask: bool = False) -> str:
        """Return our own user id, asked of X once and kept; Barred when the token is another's."""
        if not ask:
            self._me = self._me or await self._keep.get("me")
            if self._me:
                return self._me
        user = (await self._wire.call("me")).get("data")
        if not isinstance(user, dict) or not isinstance(user.get("id"), str):
            raise TryAgain("me: X's answer is none")
        if handle_key(str(user.get("username"))) != handle_key(self.account):
            raise Barred(f"the tokens belong to another account than {self.account}: {AGAIN}")
        id: str = user["id"]
        await self._purse.spend_reads({"user_read": {id}})
        self._me = id
        await self._keep.put("me", id)
        return id


class HookedX(X):
    """One account on X whose app calls us when something happens."""

    def __init__(
        self, account: XAccount, *, around: Around, session: aiohttp.ClientSession
    ) -> None:
        super().__init__(account, around=around, session=session)
        assert account.webhook_variable is not None
        self._webhook = Webhook(account.handle, secret=around.secrets[account.webhook_variable])

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the webhook's routes; see webhook.py."""
        return self._webhook.routes()

    async def stirred(self) -> None:
        """Return once the webhook was called."""
        await self._webhook.stirred()


_SCOPES = {
    "tweet.read": "read posts",
    "users.read": "read who wrote them",
    "tweet.write": "reply and take back",
    "dm.read": "read direct messages",
    "dm.write": "send direct messages",
    "offline.access": "stay connected",
}
"""What Luister asks for; the last two but one only with `direct`."""


async def _counted(spending: Awaitable[None]) -> None:
    """Write down what a sent reply cost; it stands, so what fails here must not look like a no."""
    with suppress(LuisterError, TimeoutError):
        async with asyncio.timeout(1):
            await spending


def _missing(post: Post, answer: dict[str, Any]) -> Look:
    """Say how a post stands that X gives no text of, by the problem it tells."""
    told = answer.get("errors")
    problems = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    # Several posts may be asked for at once; a problem names the one it is about.
    mine = [each for each in problems if _about(each) in (None, post.id)]
    kinds = {str(each.get("type")).rpartition("/")[2] for each in mine}
    details = " ".join(str(each.get("detail")) for each in mine).casefold()
    if "suspended" in details or "resource-unavailable" in kinds:
        return Look(standing="barred", post=post.model_copy(update={"barred": "account_gone"}))
    # Who blocked us is told like who hides from all; X does not say which of the two it is.
    if "not-authorized-for-resource" in kinds:
        return Look(standing="barred", post=post.model_copy(update={"barred": "protected"}))
    if "resource-not-found" in kinds:
        return Look(standing="deleted")
    raise TryAgain("look: X does not say how the post stands")


def _about(problem: dict[str, Any]) -> str | None:
    return str(problem.get("resource_id") or problem.get("value") or "") or None


def _versions(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the ids a post has had, its newest last."""
    told = data.get("edit_history_post_ids") or data.get("edit_history_tweet_ids")
    ids = [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
    return tuple(ids) or (str(data.get("id")),)


def _found(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(each.get("id")): each for each in _dicts(answer)}


def _dicts(answer: dict[str, Any]) -> list[dict[str, Any]]:
    told = answer.get("data")
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _readable(shape: type[BaseModel], data: dict[str, Any]) -> bool:
    try:
        shape.model_validate(data)
    except ValidationError:
        return False
    return True


def _made(answer: dict[str, Any], key: str) -> str:
    """Return the id of what was made; without one nobody knows whether it was."""
    data = answer.get("data")
    id = data.get(key) if isinstance(data, dict) else None
    if not isinstance(id, str) or not id:
        raise Doubtful(f"X's answer holds no {key}")
    return id


def _alike(ours: str, theirs: str) -> str:
    """Return the text as we gave it, where it is ours, else without the mentions in front."""
    return ours if _words(ours) == _words(theirs) else bare(theirs)


def _words(text: str) -> list[str]:
    # X writes a link in full, and adds to a bare host what makes it a link.
    links = re.sub(r"https?://", "", unicodedata.normalize("NFC", bare(text + " ")))
    return [each.rstrip("/") for each in links.split()]
