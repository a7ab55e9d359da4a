"""A stand-in Mastodon for tests: mastodon_mock, one a process, with a way in for each world.

The way in passes calls on, counts those of our account, and brings about what the stand-in
cannot: faults by the letter of the contract, records no parser understands.
"""

import asyncio
import atexit
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any, Literal

import aiohttp
import uvicorn
from aiohttp import web
from fastapi import FastAPI
from mastodon_mock.app import create_app
from mastodon_mock.config import MastodonMockConfig, SeedAccount, SeedConfig
from mastodon_mock.db.models import OAuthApp, OAuthToken
from sqlalchemy import update

from tests.platforms.contract import AFTER, Fault

TOKEN = "token-town"
SCOPES = ["read", "write:statuses"]


class Server:
    """The stand-in in a thread of its own."""

    def __init__(self) -> None:
        seed = SeedConfig(accounts=[SeedAccount(username="town", access_token=TOKEN)])
        self._media = TemporaryDirectory()
        self.config = MastodonMockConfig(
            url_scheme="http", seed=seed, media_storage_path=self._media.name
        )
        self.config.streaming.heartbeat_seconds = 0.2
        self.app: FastAPI = create_app(self.config)
        settings = uvicorn.Config(
            self.app,
            host="127.0.0.1",
            port=0,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            self._thread.join(0.01)

    def stop(self) -> None:
        """Stop it."""
        self._server.should_exit = True
        self._thread.join(5)
        self._media.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"


@cache
def server() -> Server:
    """Return this process's stand-in, started the first time."""
    made = Server()
    made.start()
    atexit.register(made.stop)
    return made


FAULTS: dict[Fault, tuple[int, str]] = {
    "401": (401, '{"error": "The access token is invalid"}'),
    "429": (429, '{"error": "Too many requests"}'),
    "429 with after": (429, '{"error": "Too many requests"}'),
    "500": (500, '{"error": "Something went wrong"}'),
    "html": (200, "<!DOCTYPE html><html><body>Back soon</body></html>"),
    "malformed": (200, '{"unexpected": ["shape"]}'),
}


Trouble = Literal["429", "503", "malformed", "unheard", "unanswered"]
"""What goes wrong with one call; the last two are time-outs, before and after it was done."""

EFFECTS: Mapping[Any, Mapping[str, Any]] = {
    "429": {"type": "ratelimit", "headers": {"Retry-After": "0.2"}},
    "503": {"type": "status", "status": 503},
    "malformed": {"type": "malformed"},
}
"""The stand-in's own fault injection."""


class WayIn:
    """The address that adapters and citizens use."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self.fault: Fault | None = None
        self.trouble: Callable[[web.Request], Trouble | None] = lambda request: None
        self.calls = 0
        self.paths: list[str] = []
        self.spoilt: set[str] = set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass a call on, or let it meet the fault that holds."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return await self._passed(request)
        self.calls += 1
        self.paths.append(f"{request.method} {request.path}")
        if self.fault == "timeout_after_accept":
            response = await self._passed(request)
            if request.method != "GET":
                assert request.transport is not None
                request.transport.abort()
            return response
        if self.fault is not None:
            status, body = FAULTS[self.fault]
            kind = "text/html" if self.fault == "html" else "application/json"
            headers = {}
            if self.fault == "429 with after":
                anew = datetime.now(UTC) + timedelta(seconds=AFTER)
                headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0",
                           "X-RateLimit-Reset": anew.isoformat()}  # fmt: skip
            return web.Response(status=status, text=body, content_type=kind, headers=headers)
        return await self._troubled(request, self.trouble(request))

    async def _troubled(self, request: web.Request, trouble: Trouble | None) -> web.StreamResponse:
        """Pass a call on, into the stand-in's own faults or past the caller's patience."""
        if trouble in EFFECTS:
            match = {"methods": [request.method], "path": request.path}
            server().app.state.fault_store.add(
                {"match": match, "effect": EFFECTS[trouble], "count": 1}
            )
        if trouble != "unheard":
            response = await self._passed(request)
        if trouble in ("unheard", "unanswered"):
            await asyncio.sleep(60)  # the caller goes away long before that
        return response

    async def _passed(self, request: web.Request) -> web.StreamResponse:
        kept = ("Authorization", "Content-Type", "Idempotency-Key")
        headers = {key: request.headers[key] for key in kept if key in request.headers}
        async with self._client.request(
            request.method,
            server().url + request.path_qs,
            data=await request.read(),
            headers=headers,
        ) as response:
            if response.content_type == "text/event-stream":
                return await self._streamed(request, response)
            body = await response.read()
        if self.spoilt and request.path == "/api/v1/notifications":
            body = self._spoil(body)
        told = ("Content-Type", "Retry-After")
        headers = {key: response.headers[key] for key in told if key in response.headers}
        return web.Response(status=response.status, body=body, headers=headers)

    async def _streamed(
        self, request: web.Request, response: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        async for chunk in response.content.iter_any():
            await stream.write(chunk)
        return stream

    def _spoil(self, body: bytes) -> bytes:
        rows: Any = json.loads(body)
        for each in rows if isinstance(rows, list) else ():
            if each["status"] and each["status"]["id"] in self.spoilt:
                each["status"]["account"] = "nobody"
        return json.dumps(rows).encode()


def _give_the_token_an_app() -> None:
    """On Mastodon every token is an app's; the stand-in's own come without."""
    with server().app.state.session_factory() as db:
        app = OAuthApp(client_id="luister", client_secret="", name="Luister", scopes=SCOPES)
        db.add(app)
        db.flush()
        db.execute(update(OAuthToken).values(app_id=app.id, scopes=SCOPES))
        db.commit()


@asynccontextmanager
async def way_in() -> AsyncIterator[WayIn]:
    """Yield a way in to an empty stand-in."""
    async with aiohttp.ClientSession() as client:
        await asyncio.to_thread(server)
        async with client.post(server().url + "/api/v1/_mock/reset") as response:
            assert response.status == 200
        _give_the_token_an_app()
        made = WayIn(client)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", made.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        made.url = f"http://{host}:{port}"
        server().config.domain = f"{host}:{port}"
        try:
            yield made
        finally:
            await runner.cleanup()
