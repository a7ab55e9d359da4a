"""A chat in a process of its own: it keeps messages, loses answers and limits the rate."""

import random
import socket
import time
from typing import Any

from aiohttp import web

from tests.faults.loopback import serve
from tests.faults.platform_server import cut

APART = 0.01
"""Seconds between two posts in one channel below which it answers 429."""


class Room:
    """All messages of the workspace, by channel and time stamp."""

    def __init__(self, *, seed: int, faults: bool, ask: float) -> None:
        self._random = random.Random(seed)
        self._faults = faults
        self._ask = ask
        self._messages: dict[str, dict[str, Any]] = {}
        self._last: dict[str, float] = {}
        self._quiet: dict[str, float] = {}
        self._count = 0
        self._calls: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/post", self.post),
            web.post("/update", self.update),
            web.post("/delete", self.delete),
            web.get("/find", self.find),
            web.get("/all", self.all),
        ]

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Keep a message; one in twenty answers is lost afterwards."""
        message = await request.json()
        if (limited := self._limited(message["channel"])) is not None:
            return limited
        self._count += 1
        ts = f"{self._count:09d}"
        self._messages[ts] = message | {"ts": ts, "deleted": False}
        return self._answer(request, {"ts": ts})

    def _limited(self, channel: str) -> web.Response | None:
        now = time.monotonic()
        soon = now - self._last.get(channel, 0) < APART
        self._calls.append({"channel": channel, "at": now, "limited": soon})
        if soon:
            return web.json_response({}, status=429, headers={"Retry-After": str(self._ask)})
        self._last[channel] = now
        return None

    async def update(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        held = self._messages.get(body["ts"])
        if held is None or held["deleted"]:
            return web.Response(status=404, reason="message_not_found")
        held["body"] = body["body"]
        return self._answer(request, {})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        self._messages[(await request.json())["ts"]]["deleted"] = True
        return self._answer(request, {})

    async def find(self, request: web.Request) -> web.Response:
        query = request.query
        found = next(
            (
                each
                for each in self._messages.values()
                if each["mark"] == query["mark"]
                and each["channel"] == query["channel"]
                and (each["thread"] or "") == query["thread"]
                and not each["deleted"]
            ),
            None,
        )
        return web.json_response({"ts": found["ts"] if found else None})

    async def all(self, request: web.Request) -> web.Response:
        return web.json_response({"messages": list(self._messages.values()), "calls": self._calls})

    def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if self._faults and self._random.random() < 0.05:
            return cut(request)
        return web.json_response(body)


def main(at: socket.socket, seed: int, faults: bool, ask: float) -> None:
    """Serve what connects to `at` until killed."""
    serve(Room(seed=seed, faults=faults, ask=ask).routes(), at=at)
