"""Any other gateway: it pushes posts as JSON over signed HTTP and receives replies the same way."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Literal, cast

import aiohttp
from aiohttp import web

from assistant.case import Post, Remote, Reply
from assistant.checks import graphemes
from assistant.config import WebhookAccount
from assistant.platforms import Around, Arrival, Candidate, Look, Told
from assistant.platforms.webhook.inbound import PATIENCE, Inbox
from assistant.platforms.webhook.outbound import TIMEOUT, Gateway
from assistant.platforms.webhook.parse import bare, full, parse, post_of
from assistant.platforms.webhook.payload import (
    About,
    CorrectReply,
    Done,
    FindReplies,
    Found,
    Introduce,
    LookAt,
    Seen,
    SendReply,
    Sent,
    TakeBack,
)
from assistant.platforms.webhook.signing import Signer

__all__ = ["Webhook", "opened", "parse"]


class Webhook:
    """What every gateway can do; what only some can is a class each, below."""

    name = "webhook"
    pushed: Literal[True] = True
    # Reading asks nobody; this only bounds how long one pushed post may wait for the next reading.
    every: float | None = 2.0
    # What a gateway promises (docs/webhook.md); sending trusts a key for less than that.
    key_life = timedelta(hours=24)

    def __init__(self, account: WebhookAccount, *, inbox: Inbox, gateway: Gateway) -> None:
        self.account = account.handle
        self.limit = account.limit
        self._path = f"/platforms/webhook/{account.name}"
        self._can = account.can
        self._inbox = inbox
        self._gateway = gateway

    def routes(self) -> Iterable[web.RouteDef]:
        """Return where the gateway pushes to."""
        return (web.post(self._path, self._inbox.receive),)

    async def stirred(self) -> None:
        """Return as soon as something was pushed."""
        await self._inbox.stirred()

    def length(self, text: str) -> int:
        """Count signs as a reader sees them."""
        return graphemes(text)

    def parse(self, raw: str) -> Arrival:
        return parse(raw, account=self.account, now=self._inbox.now())

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield what was pushed and waits; the gateway remembers what it has yet to push."""
        async for each in self._inbox.arrivals():
            yield each

    async def look(self, post: Post) -> Look:
        """Ask the gateway; one that cannot tell has pushed every change it knows of."""
        if "look" not in self._can:
            return Look(standing="unchanged")
        seen = await self._gateway.ask(LookAt(id=bare(self.account, post.id)), Seen)
        if seen.post is None:
            return Look(standing="deleted")
        now = post_of(seen.post, account=self.account)
        if now.barred:
            return Look(standing="barred", post=now)
        return Look(standing="unchanged" if now.text == post.text else "edited", post=now)

    async def reply(self, reply: Reply) -> Remote:
        """Hand the reply to the gateway, which keeps each key once."""
        root, author = reply.root, reply.author
        asked = SendReply(
            key=reply.key,
            under=bare(self.account, reply.target),
            conversation=bare(self.account, root) if root else None,
            author=bare(self.account, author) if author else None,
            handle=reply.handle,
            visibility=reply.visibility,
            language=reply.language,
            text=reply.text,
            created_at=reply.created_at,
        )
        sent = await self._gateway.ask(asked, Sent, key=reply.key)
        return Remote(id=full(self.account, sent.id), url=sent.url)

    async def introduce(self) -> tuple[str, ...]:
        """Ask the gateway what it can do, and hold that against the account's table."""
        can = (await self._gateway.ask(Introduce(), About)).can
        told = ", ".join(sorted(can)) or "nothing"
        sentences = [
            f"The gateway of {self.account} answers and knows our signature.",
            f"Besides taking replies it can: {told}.",
        ]
        if lacking := sorted({*self._can} - {*can}):
            sentences.append(f"luister.toml says that it can {', '.join(lacking)}; it does not.")
        return tuple(sentences)


class Finds(Webhook):
    """A gateway that lists our replies under a post."""

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        asked = FindReplies(under=bare(self.account, reply.target))
        found = await self._gateway.ask(asked, Found)
        return tuple(
            Candidate(remote=Remote(id=full(self.account, each.id), url=each.url), text=each.text)
            for each in found.replies
        )


class TakesBack(Webhook):
    """A gateway that deletes a reply."""

    async def take_back(self, remote: Remote) -> None:
        await self._gateway.ask(TakeBack(id=bare(self.account, remote.id)), Done)


class Corrects(Webhook):
    """A gateway that changes a reply's text where it stands."""

    async def correct(self, reply: Reply, remote: Remote) -> None:
        asked = CorrectReply(id=bare(self.account, remote.id), text=reply.text)
        await self._gateway.ask(asked, Done)


class Private(Webhook):
    """A gateway by which a reply reaches one citizen and nobody else."""

    @property
    def private_limit(self) -> int:
        return self.limit

    def private_length(self, text: str) -> int:
        return graphemes(text)

    def private_to(self, post: Post) -> bool:
        return post.author is not None


ABILITIES: Mapping[str, type[Webhook]] = {
    "find": Finds,
    "take_back": TakesBack,
    "correct": Corrects,
    "private": Private,
}
"""What an account's table adds to a gateway, by its word in `can`; `look` adds no method."""


def webhook(
    account: WebhookAccount,
    around: Around,
    session: aiohttp.ClientSession,
    *,
    patience: float = PATIENCE,
) -> Webhook:
    """Return the adapter of a class that has just what this gateway can do."""
    secret = around.secrets[account.variable]
    signer = Signer(secret, variable=account.variable)
    inbox = Inbox(account.handle, signer=signer, clock=around.clock, patience=patience)
    gateway = Gateway(
        session,
        url=account.reply_url,
        signer=signer,
        variable=account.variable,
        clock=around.clock,
    )
    able = tuple(each for word, each in ABILITIES.items() if word in account.can)
    kind = cast("type[Webhook]", type("Webhook", able or (Webhook,), {}))
    return kind(account, inbox=inbox, gateway=gateway)


@asynccontextmanager
async def opened(account: WebhookAccount, around: Around) -> AsyncIterator[Webhook]:
    """Open the account; nothing is asked of the gateway before the first call."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        yield webhook(account, around, session)
