"""A few lines of Slack's Web API on loopback: notes each call and answers as the test says."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
Answer = Json | web.StreamResponse | Callable[[web.Request], Awaitable[web.StreamResponse]]

TEAM, BOT, TOKEN = "T01TEST", "U0BOT", "xoxb-secret-token"

_USUAL: dict[str, Json] = {
    "auth.test": {"team_id": TEAM, "user_id": BOT},
    "chat.postMessage": {"channel": "C01", "ts": "1.000100"},
    "users.info": {"user": {"id": "U01"}},
    "views.open": {"view": {"id": "V01", "hash": "h1"}},
}


class SlackServer:
    """What Slack was asked, and what it answers next: `answers[method]` first, then the usual."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.acks: list[Json] = []
        self.url = ""
        self._called = asyncio.Condition()
        self._sockets: list[web.WebSocketResponse] = []

    def of(self, method: str) -> list[Json]:
        """The arguments of each call of `method` so far."""
        return [arguments for name, arguments in self.calls if name == method]

    async def called(self, method: str, *, count: int = 1) -> list[Json]:
        """Wait until `method` was called so often."""
        async with asyncio.timeout(5), self._called:
            await self._called.wait_for(lambda: len(self.of(method)) >= count)
        return self.of(method)

    async def send(self, envelope: Json) -> Json:
        """Bring an envelope over Socket Mode; the acknowledgement."""
        async with asyncio.timeout(5), self._called:
            await self._called.wait_for(lambda: self._sockets)
            before = len(self.acks)
            await self._sockets[-1].send_json(envelope)
            await self._called.wait_for(lambda: len(self.acks) > before)
        return self.acks[-1]

    async def api(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        method = request.match_info["method"]
        arguments = dict(request.query) if request.method == "GET" else await _json(request)
        async with self._called:
            self.calls.append((method, arguments))
            self._called.notify_all()
        answer: Any = self.answers[method].pop(0) if self.answers[method] else {"ok": True}
        if callable(answer):
            made: web.StreamResponse = await answer(request)
            return made
        if isinstance(answer, web.StreamResponse):
            return answer
        if method == "apps.connections.open" and answer.get("ok", True):
            answer = {"url": self.url.replace("http", "ws") + "/socket"}
        return web.json_response({"ok": True, **_USUAL.get(method, {}), **answer})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one Socket Mode connection."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with self._called:
            self._sockets.append(socket)
            self._called.notify_all()
        async for message in socket:
            async with self._called:
                self.acks.append(json.loads(message.data))
                self._called.notify_all()
        return socket


async def _json(request: web.Request) -> Json:
    body = await request.text()
    return dict(json.loads(body)) if body.startswith("{") else {}


@asynccontextmanager
async def slack_server() -> AsyncIterator[SlackServer]:
    """Run it until the block ends."""
    slack = SlackServer()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.api)
    app.router.add_get("/socket", slack.socket)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    slack.url = f"http://127.0.0.1:{server.port}"
    try:
        yield slack
    finally:
        await server.close()
