"""X's world: the stand-in of x_server.py, with citizens on it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from assistant.case import Addressed, Barred
from assistant.platforms.x import HookedX, X
from assistant.platforms.x.limits import ENDPOINTS
from assistant.platforms.x.webhook import HEADER, signed
from tests.core import Clock
from tests.platforms.contract import Doing, Fault, Shows, Stands, World
from tests.platforms.x_server import AFTER, US, XServer
from tests.platforms.x_world import SECRETS, Memory, Opening

POST: dict[str, Any] = {
    "id": "1991500000000000000",
    "text": "@town When will the bins be emptied? https://t.co/a",
    "author_id": "2001",
    "conversation_id": "1991500000000000000",
    "created_at": "2026-11-20T12:00:00.000Z",
    "lang": "nl",
    "edit_history_post_ids": ["1991500000000000000"],
    "entities": {
        "mentions": [{"start": 0, "end": 5, "username": "town", "id": US}],
        "urls": [{"start": 6, "end": 9, "url": "https://t.co/a", "expanded_url": "https://x.y/z"}],
    },
}
ANSWER = {
    **POST,
    "id": "1991500000000000009",
    "in_reply_to_user_id": US,
    "referenced_posts": [{"type": "replied_to", "id": "1991500000000000004"}],
    "attachments": {"media_keys": ["3_1"]},
    "possibly_sensitive": True,
}
OURS = {"id": "1991500000000000004", "text": "Tuesday.", "author_id": US}
MESSAGE = {
    "id": "1991500000000000007",
    "text": "My number is 12.",
    "event_type": "MessageCreate",
    "sender_id": "2001",
    "dm_conversation_id": "1001-2001",
    "created_at": "2026-11-20T12:00:00.000Z",
}
PEOPLE = [{"id": "2001", "username": "henk"}, {"id": US, "username": "town"}]
PICTURE = {"media_key": "3_1", "type": "photo", "alt_text": "a bin", "url": "https://x.y/1.jpg"}

SAMPLES = (
    json.dumps({"me": US, "post": POST, "includes": {"users": PEOPLE}}),
    json.dumps(
        {
            "me": US,
            "post": ANSWER,
            "includes": {"users": PEOPLE, "posts": [OURS], "media": [PICTURE]},
        }
    ),
    json.dumps({"me": US, "event": MESSAGE, "includes": {"users": PEOPLE}}),
)

SKIPS: dict[str, str] = {}

_HIDDEN = {"protected": "not-authorized-for-resource", "account_gone": "resource-unavailable"}


class XWorld:
    """What citizens do on the stand-in can be read at once."""

    many = 250
    # A source may be read 300 times in a quarter of an hour; there are several.
    allowed = (300.0, 900.0)
    ways: Sequence[Addressed] = ("mention", "reply", "quote")
    # Who blocked us looks like who hides from all, and who may reply is fixed by a post's author
    # from the start.
    bars: Sequence[Barred] = ("protected", "account_gone")
    shows: frozenset[Shows] = frozenset({"warning", "language", "images"})

    def __init__(self, server: XServer, opening: Opening, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        self._opening = opening
        self._ids: dict[str, str] = {}
        self._hooks: list[str] = []
        self._runners: list[web.AppRunner] = []

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            if each.event == "deleted":
                self._tweet(each.id).gone = True
            elif each.event == "edited":
                self.server.edit(self._ids[each.id], f"@town {each.text}")
            else:
                self._ids[each.id] = self._posted(each)
        await self._told()

    def _posted(self, doing: Doing) -> str:
        server, author = self.server, self.server.person(doing.author)
        media = [
            {"media_key": f"3_{server.number()}", "type": "photo", "url": "https://x.y/1.jpg"}
            | ({"alt_text": each.alt} if each.alt else {})
            for each in doing.images
        ]
        about: dict[str, Any] = {
            "sensitive": doing.warning is not None,
            "lang": doing.language,
            "media": media,
        }
        if doing.parent:
            return server.post(author, f"@town {doing.text}", parent=self._now(doing), **about)
        if doing.addressed == "reply":
            ours = server.post(US, "The bins are emptied on Monday.")
            return server.post(author, f"@town {doing.text}", parent=ours, **about)
        if doing.addressed == "quote":
            ours = server.post(US, "The bins are emptied on Monday.")
            link = f"https://x.com/town/status/{ours}"
            return server.post(author, f"{doing.text} {link}", quoted=ours, **about)
        named = "@town " if doing.addressed == "mention" else ""
        return server.post(author, named + doing.text, **about)

    def _now(self, doing: Doing) -> str:
        """Return the id of what is answered; an answer of ours is known by its own id."""
        parent = doing.parent or ""
        found = self.server.at(self._ids.get(parent, parent))
        return found.id if found else parent

    def _tweet(self, label: str) -> Any:
        return self.server.at(self._ids[label])

    async def ours(self, id: str, *, under: str, text: str) -> None:
        self._ids[id] = self.server.post(US, f"@henk {text}", parent=self._ids[under])

    async def noise(self, about: str) -> None:
        tweet = self._tweet(about)
        fan = self.server.person("fan")
        self.server.post(fan, f"RT @henk: {tweet.versions[-1][1]}", shared=tweet.id)

    async def nonsense(self) -> None:
        self.server.strange.append({"id": self.server.number(), "text": ["not", "a", "text"]})

    async def bar(self, id: str, how: Barred) -> None:
        self._tweet(id).hidden = _HIDDEN[how]

    def broken(self, fault: Fault) -> AbstractAsyncContextManager[None]:
        return self._broken(fault)

    @asynccontextmanager
    async def _broken(self, fault: Fault) -> AsyncIterator[None]:
        self.server.fault = fault
        yield
        self.server.fault = None
        if fault.startswith("429"):
            # Whoever was asked to wait does.
            self.clock.ahead(seconds=2 * AFTER + 1)

    async def platform(self) -> X:
        made = await self._opening(direct=True, webhook_variable="X_CONSUMER_SECRET")
        assert isinstance(made, HookedX)
        app = web.Application()
        app.add_routes(made.routes())
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._hooks.append(f"http://127.0.0.1:{runner.addresses[0][1]}/platforms/x/town")
        return made

    async def _told(self) -> None:
        """Call every webhook, as X does for a mention."""
        told = json.dumps({"data": {"event_type": "post.mention.create"}, "at": str(self.clock())})
        content = (told + self.server.number()).encode()
        secret = SECRETS["X_CONSUMER_SECRET"].get_secret_value()
        async with aiohttp.ClientSession() as session:
            for hook in self._hooks:
                headers = {HEADER: signed(secret, content)}
                async with session.post(hook, data=content, headers=headers) as answer:
                    assert answer.status == 200

    def id(self, label: str) -> str:
        return self._ids[label]

    async def standing(self) -> Sequence[Stands]:
        return tuple(self._standing())

    def _standing(self) -> Iterator[Stands]:
        for tweet in self.server.tweets.values():
            if tweet.author == US and tweet.parent and not tweet.gone:
                above = self.server.at(tweet.parent)
                hidden = f"@{self.server.people[above.author]} " if above else ""
                text = tweet.versions[-1][1].removeprefix(hidden)
                yield Stands(text=text, under=above.versions[0][0] if above else None)
        for each in self.server.messages:
            if each["sender_id"] == US:
                yield Stands(text=each["text"], under=None, visibility="direct")

    async def calls(self) -> int:
        return sum(self.server.calls[name] for name in ENDPOINTS)

    async def close(self) -> None:
        """Stop listening."""
        await asyncio.gather(*(each.cleanup() for each in self._runners))


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Yield a world with an X of its own; nothing in it may break X's description of its API."""
    clock = Clock()
    async with XServer(clock) as server, Opening(server, clock, Memory()) as opening:
        made = XWorld(server, opening, clock)
        try:
            yield made
        finally:
            await made.close()
        assert server.wrong == []
        assert server.exceeded == []
