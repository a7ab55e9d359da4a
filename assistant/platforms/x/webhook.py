"""The webhook of the X Activity API: proves that it is ours, and wakes the reader."""

import asyncio
import base64
import hmac
from collections import deque
from collections.abc import Iterable
from hashlib import sha256

from aiohttp import web
from pydantic import SecretStr

from assistant.case import handle_key

HEADER = "x-twitter-webhooks-signature"

REMEMBERED = 1000
"""Signatures kept to know a repeated call by: X's own carry no time."""


def signed(secret: str, content: bytes) -> str:
    """Return X's signature over raw bytes with the app's consumer secret."""
    digest = hmac.new(secret.encode(), content, sha256).digest()
    return "sha256=" + base64.b64encode(digest).decode()


class Webhook:
    """Where X tells that something happened; what it tells is read through the API, never here."""

    def __init__(self, handle: str, *, secret: SecretStr) -> None:
        self._path = f"/platforms/x/{handle_key(handle)}"
        self._secret = secret
        self._stir = asyncio.Event()
        self._seen: deque[bytes] = deque(maxlen=REMEMBERED)

    async def stirred(self) -> None:
        """Return once X told of something."""
        await self._stir.wait()
        self._stir.clear()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        return (web.get(self._path, self._challenged), web.post(self._path, self._told))

    async def _challenged(self, request: web.Request) -> web.Response:
        """Answer X's challenge (CRC), by which it checks that we know the secret."""
        token = request.query.get("crc_token", "")
        if not token:
            raise web.HTTPBadRequest
        answer = signed(self._secret.get_secret_value(), token.encode("utf-8", "replace"))
        return web.json_response({"response_token": answer})

    async def _told(self, request: web.Request) -> web.Response:
        right = signed(self._secret.get_secret_value(), await request.read()).encode()
        given = request.headers.get(HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(right, given):
            raise web.HTTPUnauthorized
        # The same call again is X not sure of us, or somebody who overheard it.
        if right not in self._seen:
            self._seen.append(right)
            self._stir.set()
        return web.Response()
