"""A server that says exactly what a test wants it to, in Mastodon's or GoToSocial's words."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from assistant.platforms import Platform
from assistant.platforms.mastodon import opened
from tests.core import START, Clock
from tests.platforms.world_mastodon import settings

RECORDED = Path(__file__).parent / "recorded/mastodon"
TOWN = "109372843234000001"


def recorded(name: str) -> Any:
    """Return a recorded payload."""
    return json.loads(_text(name))


@cache
def _text(name: str) -> str:
    return (RECORDED / f"{name}.json").read_text("utf-8")


class Said(NamedTuple):
    """An answer of the server."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] | None = None


class Asked(NamedTuple):
    """A call that was made."""

    what: str
    params: list[tuple[str, str]]
    body: Any
    headers: dict[str, str]


MASTODON = {
    "domain": "social.waterstad.example",
    "version": "4.5.1",
    "source_url": "https://github.com/mastodon/mastodon",
    "configuration": {
        "urls": {"streaming": None},
        "statuses": {"max_characters": 500, "characters_reserved_per_url": 23},
    },
    "api_versions": {"mastodon": 7},
}
GOTOSOCIAL = {
    "domain": "town.example",
    "version": "0.19.1+git-5ee8c9c",
    "source_url": "https://codeberg.org/superseriousbusiness/gotosocial",
    "configuration": {
        "urls": {"streaming": "wss://town.example"},
        "statuses": {"max_characters": 5000, "characters_reserved_per_url": 25},
    },
}
Answers = dict[str, Any]


class Stand:
    """The server: `answers` by method and path, each a body, a Said, or a function of Asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self.answers: Answers = {
            "GET /api/v2/instance": MASTODON,
            "GET /api/v1/accounts/verify_credentials": {"id": TOWN, "acct": "town"},
            "GET /api/v1/notifications": [],
            f"GET /api/v1/accounts/{TOWN}/statuses": [],
            "GET /api/v1/accounts/relationships": [],
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Give what stands in `answers`, else say that there is no such thing."""
        what = f"{request.method} {request.path}"
        raw = await request.read()
        body = json.loads(raw) if raw else None
        asked = Asked(what, list(request.query.items()), body, dict(request.headers))
        self.asked.append(asked)
        found = self.answers.get(what, Said({"error": "Record not found"}, 404))
        found = found(asked) if callable(found) else found
        said = found if isinstance(found, Said) else Said(found)
        if isinstance(said.body, str):
            return web.Response(
                text=said.body, status=said.status, headers=said.headers, content_type="text/html"
            )
        return web.json_response(said.body, status=said.status, headers=said.headers)

    def of(self, what: str) -> list[Asked]:
        """Return the calls of one kind."""
        return [each for each in self.asked if each.what == what]


def pages(rows: list[Any], *, most: int = 80) -> Callable[[Asked], Any]:
    """Serve a list as Mastodon does, newest first; `rows` are oldest first and may grow."""

    def page(asked: Asked) -> Any:
        params = dict(asked.params)
        low, high = params.get("min_id"), params.get("max_id")
        kept = [
            each
            for each in rows
            if (low is None or _order(each["id"]) > _order(low))
            and (high is None or _order(each["id"]) < _order(high))
        ]
        limit = min(int(params.get("limit", 40)), most)
        chosen = kept[:limit] if low is not None else kept[-limit:]
        return chosen[::-1]

    return page


def _order(id: str) -> tuple[int, str]:
    """Order ids as a database does: numbers by size, GoToSocial's ULIDs by their letters."""
    return (int(id), "") if id.isdecimal() else (0, id)


def mention(number: int, *, at: datetime = START, id: str | None = None, **status: Any) -> Any:
    """Return a notification that somebody mentions us, with id and status id made of `number`."""
    note = recorded("mention")
    when = at.isoformat()
    note["id"], note["created_at"] = id or str(number), when
    note["status"] |= {"id": f"9{number:08}", "created_at": when} | status
    return note


@asynccontextmanager
async def stand(
    answers: Answers | None = None, *, clock: Callable[[], Any] | None = None
) -> AsyncIterator[tuple[Stand, Platform]]:
    """Yield a server and the adapter opened on it."""
    made = Stand()
    made.answers |= answers or {}
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    try:
        async with opened(*settings(made.url, clock=clock or Clock())) as platform:
            yield made, platform
    finally:
        await runner.cleanup()
