"""The server's stream of notifications, where it has one: only to be woken by."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from assistant.errors import TryAgain
from assistant.platforms.mastodon.instance import Instance
from assistant.platforms.mastodon.wire import Unwilling, Wire

PATH = "/api/v1/streaming/user/notification"

CALM = 30.0
"""Seconds in which a stream that opens again and again stirs only once for that."""


class Stream:
    """Server-sent events, kept open from one wait to the next so that none is missed."""

    def __init__(self, wire: Wire, *, instance: Callable[[], Awaitable[Instance]]) -> None:
        self._wire = wire
        self._instance = instance
        self._open: aiohttp.ClientResponse | None = None
        self._line = b""
        self._worked = False
        self._absent = False
        self._stirred_at: float | None = None

    async def stirred(self) -> None:
        """Return at the next event, and once connected: something may have come before.

        Where the server has no stream it never returns; raises TryAgain for one that broke.
        """
        while self._open is None:
            if self._absent:
                await asyncio.Event().wait()
            if await self._connect() and self._is_news():
                return
        while not self._event(await self._more(self._open)):
            pass

    async def _connect(self) -> bool:
        server = (await self._instance()).streaming
        try:
            self._open = await self._wire.events(server, PATH)
        except Unwilling as error:
            if self._worked:
                raise TryAgain("the stream is no longer there") from error
            self._absent = True
            return False
        self._line, self._worked = b"", True
        return True

    def _is_news(self) -> bool:
        """Say whether it is long ago that a connection stirred."""
        now = asyncio.get_running_loop().time()
        calm = self._stirred_at is not None and now < self._stirred_at + CALM
        self._stirred_at = self._stirred_at if calm else now
        return not calm

    async def _more(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            data = await response.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.close()
            raise TryAgain(f"the stream: {type(error).__name__}") from error
        if not data:
            self.close()
            raise TryAgain("the stream has ended")
        return data

    def _event(self, data: bytes) -> bool:
        """Say whether an event begins in what came; the rest of its lines tell us nothing."""
        *lines, last = (self._line + data).split(b"\n")
        # Of a line that is not whole yet its beginning is enough.
        self._line = last[:100]
        return any(each.startswith(b"event:") for each in lines)

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None
