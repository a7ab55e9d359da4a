"""A social platform in a process of its own; every reply it accepts is a line in a file."""

import asyncio
import json
import os
import random
import socket
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from tests.faults.loopback import serve

Mode = Literal["key", "look_up", "neither"]
MODES: tuple[Mode, ...] = ("key", "look_up", "neither")

PAUSE = (0.002, 0.02)
"""Seconds before and after the moment a reply is stored: a kill may fall in either."""


class Platform:
    """Keeps citizens' posts as a feed and our replies in `accepted`."""

    def __init__(self, mode: Mode, accepted: Path, *, seed: int, faults: bool) -> None:
        self._mode = mode
        self._accepted = accepted
        self._random = random.Random(seed)
        self._faults = faults
        self._feed: list[dict[str, Any]] = []
        self._late: list[dict[str, Any]] = []
        self._standing: dict[str, dict[str, Any]] = {}
        self._replies: list[dict[str, Any]] = []
        self._keys: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/citizen", self.citizen),
            web.get("/feed", self.feed),
            web.get("/look", self.look),
            web.post("/reply", self.reply),
            web.get("/replies", self.replies),
        ]

    async def citizen(self, request: web.Request) -> web.Response:
        """Somebody writes, edits or deletes; the platform tells it again, also much later."""
        arrival = await request.json()
        self._standing[arrival["id"]] = arrival
        self._feed.append(arrival)
        if self._happens(0.2):
            self._late += [arrival] * 4
        while self._late and self._happens(0.4):
            self._feed.append(self._late.pop(self._random.randrange(len(self._late))))
        return web.json_response({})

    async def feed(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        return web.json_response(self._feed[after : after + 50])

    async def look(self, request: web.Request) -> web.Response:
        if self._happens(0.02):
            return web.json_response({}, status=503)
        return web.json_response(self._standing.get(request.query["id"], {}))

    async def reply(self, request: web.Request) -> web.StreamResponse:
        """Store a reply unless the dice say otherwise; nothing is stored twice for a known key."""
        body, key = await request.json(), request.headers["Idempotency-Key"]
        if self._happens(0.03):
            return web.json_response({}, status=429, headers={"Retry-After": "0.2"})
        await self._pause()
        if self._happens(0.03):
            return web.json_response({}, status=500)
        if self._mode == "key" and key in self._keys:
            return web.json_response({"id": self._keys[key]})
        id = f"r{len(self._replies) + 1}"
        self._keys[key] = id
        self._store({"id": id, "key": key, **body})
        await self._pause()
        if self._happens(0.05):
            return cut(request)
        return web.json_response({"id": id})

    def _store(self, row: dict[str, Any]) -> None:
        self._replies.append(row)
        with self._accepted.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    async def replies(self, request: web.Request) -> web.Response:
        if self._mode == "neither":
            return web.json_response({}, status=404)
        if self._happens(0.03):
            return web.json_response({}, status=503)
        target = request.query["target"]
        return web.json_response([row for row in self._replies if row["target"] == target])

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.uniform(*PAUSE))

    def _happens(self, chance: float) -> bool:
        return self._faults and self._random.random() < chance


def cut(request: web.Request) -> web.StreamResponse:
    """Close the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def main(at: socket.socket, mode: Mode, accepted: Path, seed: int, faults: bool) -> None:
    """Serve what connects to `at` until killed."""
    serve(Platform(mode, accepted, seed=seed, faults=faults).routes(), at=at)
