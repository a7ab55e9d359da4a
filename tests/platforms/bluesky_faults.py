"""What stands between an adapter and a Bluesky server: it counts calls, and breaks them."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tests.platforms.bluesky_network import listening
from tests.platforms.contract import AFTER, QUESTION, Fault

SESSIONS = ("com.atproto.server.createSession", "com.atproto.server.refreshSession")
NOTIFICATIONS = "app.bsky.notification.listNotifications"
# A server may quote what it refuses; nobody may quote the server.
SAID = {"error": "AuthenticationRequired", "message": QUESTION}
RESET = {"ratelimit-limit": "30", "ratelimit-remaining": "0", "ratelimit-policy": "30;w=300"}


class Between:
    """A relay to a server at `upstream`; `after` is awaited once a write was carried out."""

    def __init__(
        self, upstream: str, *, after: Callable[[str, Any, Any], Awaitable[None]] | None = None
    ) -> None:
        self.upstream = upstream
        self.fault: Fault | None = None
        self.only: str | None = None
        """A method that alone meets the fault."""
        self.calls: list[str] = []
        self.nonsense: list[dict[str, Any]] = []
        """Rows that stand among the notifications."""
        self._after = after

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve; yield the URL that adapters are given."""
        app = web.Application()
        app.router.add_route("*", "/xrpc/{method}", self._call)
        async with aiohttp.ClientSession() as self._session, listening(app) as url:
            yield url

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append(method)
        fault = self.fault if self.only in (None, method) else None
        writes = request.method == "POST" and method not in SESSIONS
        if fault and fault != "timeout_after_accept":
            return broken(fault)
        answer = await self._forward(request, method)
        if fault and writes:
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _forward(self, request: web.Request, method: str) -> web.Response:
        kept = ("Authorization", "Content-Type")
        raw = await request.read()
        async with self._session.request(
            request.method,
            f"{self.upstream}/xrpc/{method}",
            params=request.query,
            data=raw or None,
            headers={key: request.headers[key] for key in kept if key in request.headers},
        ) as got:
            body = await got.json()
            headers = {key: got.headers[key] for key in got.headers if key.lower() in LIMITS}
            status = got.status
        # It names the server's own address, past which nothing could be counted.
        body.pop("didDoc", None)
        if method == NOTIFICATIONS and status == 200 and "cursor" not in request.query:
            body["notifications"] = [*self.nonsense[::-1], *body["notifications"]]
        if request.method == "POST" and status == 200 and self._after and method not in SESSIONS:
            await self._after(method, json.loads(raw) if raw else {}, body)
        return web.json_response(body, status=status, headers=headers)


LIMITS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after")


def broken(fault: Fault) -> web.Response:
    """Return the answer of a server with this fault."""
    limited = {"error": "RateLimitExceeded", "message": QUESTION}
    reset = RESET | {"ratelimit-reset": str(int(time.time()) + AFTER)}
    answers: Mapping[str, Callable[[], web.Response]] = {
        "401": lambda: web.json_response(SAID, status=401),
        "429": lambda: web.json_response(limited, status=429),
        "429 with after": lambda: web.json_response(limited, status=429, headers=reset),
        "500": lambda: web.json_response({"error": "InternalServerError"}, status=500),
        "html": lambda: web.Response(text=f"<h1>{QUESTION}</h1>", content_type="text/html"),
        "malformed": lambda: web.json_response({"this": ["is", "no", QUESTION]}),
    }
    return answers[fault]()
