"""The webhook's world: a gateway that pushes what citizens do until it is recorded."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from assistant.case import Barred
from assistant.config import WebhookAccount
from assistant.platforms import Around
from assistant.platforms.webhook import Webhook, webhook
from assistant.platforms.webhook.signing import Signer
from tests.core import START
from tests.platforms.contract import AFTER, Doing, Fault, Stands

VARIABLE = "WEBHOOK_SECRET"
SECRET = SecretStr("whsec_bGlzdGVuIGZpcnN0LCB0aGVuIHRhbGssIGx1aXN0ZXI=")
SIGNER = Signer(SECRET, variable=VARIABLE)
CAN = ("look", "find", "take_back", "correct", "private")

SAMPLES = (
    json.dumps(
        {
            "event": "new",
            "id": "p1",
            "text": "When will the bins be emptied?",
            "created_at": "2026-11-20T12:00:00Z",
            "addressed": "mention",
        }
    ),
    json.dumps(
        {
            "event": "edited",
            "id": "p2",
            "text": "And the paper?",
            "author": "1007",
            "handle": "Henk de Burger",
            "created_at": "2026-11-20T13:00:00+01:00",
            "in_reply_to": "p1",
            "conversation": "c1",
            "addressed": "reply",
            "visibility": "unlisted",
            "language": "nl-NL",
            "warning": "a dead bird",
            "images": [{"alt": "a bin", "url": "https://social.example/p2.jpg"}],
            "url": "https://social.example/p2",
            "above": [{"author": "Gemeente", "text": "On Tuesday.", "ours": True}],
            "may_reply": False,
            "reason": "blocked",
        }
    ),
    '{"event": "deleted", "id": "p3"}',
)

SKIPS: dict[str, str] = {}

_html = partial(web.Response, text="<html>Welcome</html>", content_type="text/html")
FAULTS: Mapping[Fault, Callable[[], web.Response]] = {
    "401": partial(web.json_response, {}, status=401),
    "429": partial(web.json_response, {}, status=429),
    "429 with after": partial(
        web.json_response, {}, status=429, headers={"Retry-After": str(AFTER)}
    ),
    "500": partial(_html, status=500),
    "html": _html,
    "malformed": partial(web.json_response, {"went": ["well"]}),
}
"""What the gateway answers to everything meanwhile."""


def account(**changes: Any) -> WebhookAccount:
    """Return the account of a gateway that can do everything."""
    values = {
        "platform": "webhook",
        "handle": "@town",
        "name": "square",
        "reply_url": "https://gateway.example/luister",
        "can": CAN,
    }
    return WebhookAccount.model_validate(values | changes)


def around() -> Around:
    """Return what the adapter is opened with; its memory it never uses."""
    keep: Any = None
    return Around(secrets={VARIABLE: SECRET}, keep=keep, clock=lambda: START)


class WebhookWorld:
    """A gateway; it pushes all it ever heard to each process, as one whose memory was lost does."""

    many = 50
    allowed = (0.0, 1.0)
    ways = ("mention", "reply", "quote")
    bars = ("replies_closed", "blocked", "account_gone", "protected", "not_summoned")
    shows = frozenset({"warning", "language", "images"})

    def __init__(self, stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.can: Sequence[str] = CAN
        self.fault: Fault | None = None
        self._stack = stack
        self._session = session
        self._posts: dict[str, dict[str, Any] | None] = {}
        self._heard: list[dict[str, Any]] = []
        self._replies: dict[str, dict[str, Any]] = {}
        self._newest: tuple[Webhook, str] | None = None
        self._pushing: asyncio.Task[None] | None = None

    # Citizens

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            if each.event == "deleted":
                self._posts[each.id] = None
                self._heard.append({"event": "deleted", "id": each.id})
                continue
            above = self._posts.get(each.parent or "") or {}
            line = {"author": above.get("handle"), "text": above.get("text")}
            self._put(
                event=each.event,
                id=each.id,
                text=each.text,
                author=each.author,
                handle=each.author.title(),
                in_reply_to=each.parent,
                conversation=above.get("conversation", each.id),
                addressed=each.addressed,
                visibility=each.visibility,
                warning=each.warning,
                language=each.language,
                images=[image.model_dump() for image in each.images],
                above=[*above["above"], line] if above else [],
            )
        await self._push()

    async def ours(self, id: str, *, under: str, text: str) -> None:
        above = self._posts[under] or {}
        self._put(
            event="new",
            id=id,
            text=text,
            in_reply_to=under,
            conversation=above["conversation"],
            addressed=None,
            ours=True,
        )
        await self._push()

    async def noise(self, about: str) -> None:
        """A gateway has no word for what is no post."""

    async def nonsense(self) -> None:
        self._heard.append({"event": "new", "id": 7})
        await self._push()

    async def bar(self, id: str, how: Barred) -> None:
        post = self._posts[id] or {}
        self._put(**post | {"event": "edited", "may_reply": False, "reason": how})
        await self._push()

    def _put(self, **post: Any) -> None:
        post.setdefault("created_at", (START + timedelta(seconds=len(self._heard))).isoformat())
        self._posts[post["id"]] = post
        self._heard.append(post)

    # The way to Luister

    async def platform(self) -> Webhook:
        made = webhook(account(reply_url=self.url), around(), self._session)
        app = web.Application()
        app.add_routes(made.routes())
        server = TestServer(app)
        await server.start_server()
        self._stack.push_async_callback(server.close)
        self._stack.push_async_callback(self.quiet)
        self._newest = (made, str(server.make_url("/platforms/webhook/square")))
        if self._heard:
            await self._push()
        return made

    async def _push(self) -> None:
        """Begin to push everything to the newest process; return once it has it in hand."""
        await self.quiet()
        if self._newest is not None:
            made, url = self._newest
            self._pushing = asyncio.create_task(self._pushed(url, list(self._heard)))
            await made.stirred()

    async def _pushed(self, url: str, posts: list[dict[str, Any]]) -> None:
        body = json.dumps({"posts": posts}).encode()
        headers = SIGNER.headers(body, id=f"push-{len(posts)}", now=START)
        async with self._session.post(url, data=body, headers=headers) as response:
            assert response.status in (200, 400)

    async def quiet(self) -> None:
        """Push no more."""
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.wait({self._pushing})

    # The way back

    @asynccontextmanager
    async def broken(self, fault: Fault) -> AsyncIterator[None]:
        self.fault = fault
        yield
        self.fault = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Do what Luister asks, after a look at its signature."""
        body = await request.read()
        if SIGNER.sender(request.headers, body, now=START) is None:
            return web.json_response({}, status=401)
        asked = json.loads(body)
        self.asked.append({**asked, "headers": request.headers})
        if self.fault and (wrong := FAULTS.get(self.fault)):
            return wrong()
        told = self._done(asked)
        if self.fault == "timeout_after_accept" and asked["do"] not in ("look", "find"):
            assert request.transport is not None
            request.transport.close()
        return web.json_response(told)

    def _done(self, asked: dict[str, Any]) -> Any:
        match asked["do"]:
            case "introduce":
                return {"can": self.can, "version": "1.0"}
            case "look":
                return {"post": self._posts[asked["id"]]}
            case "find":
                under = [each for each in self._replies.values() if each["under"] == asked["under"]]
                return {"replies": [{"id": each["id"], "text": each["text"]} for each in under]}
            case "take_back":
                self._replies = {
                    key: each for key, each in self._replies.items() if each["id"] != asked["id"]
                }
                return {"done": True}
            case "correct":
                for each in self._replies.values():
                    each["text"] = asked["text"] if each["id"] == asked["id"] else each["text"]
                return {"done": True}
        known = self._replies.setdefault(
            asked["key"], {**asked, "id": f"r{len(self._replies) + 1}"}
        )
        return {"id": known["id"], "url": f"https://social.example/{known['id']}"}

    # What the suite asks

    def id(self, label: str) -> str:
        return f"@town/{label}"

    async def standing(self) -> Sequence[Stands]:
        return [
            Stands(
                text=each["text"],
                under=self.id(each["under"]),
                visibility=each["visibility"],
            )
            for each in self._replies.values()
        ]

    async def calls(self) -> int:
        return len(self.asked)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[WebhookWorld]:
    """Yield a gateway on 127.0.0.1."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        made = WebhookWorld(stack, session)
        app = web.Application()
        app.router.add_post("/luister", made.handle)
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        made.url = str(server.make_url("/luister"))
        yield made
