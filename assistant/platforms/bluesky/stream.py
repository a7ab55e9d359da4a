"""A stream of Bluesky as a hint that something may have arrived: Jetstream, or a server's own."""

import asyncio
from typing import Any

import aiohttp

from assistant.errors import Refused, TryAgain

INDEXED = 1.0
"""Seconds after a post in which its notification is usually there (0.4 measured on an idle server);
what comes later waits for the next reading."""

SILENCE = 30.0
"""Seconds without an answer to a ping after which a stream counts as broken."""

LARGEST = 2**23
"""Bytes of one message at most; a server's own stream sends whole batches of a repository."""


class Stream:
    """One connection, made when first needed and kept between two waits.

    It understands nothing of what passes: a message that holds our DID, as JSON or as CBOR, is
    about us.
    """

    def __init__(self, url: str, *, settle: float = INDEXED) -> None:
        self._url = url
        self._settle = settle
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def about(self, did: str) -> None:
        """Return once something about `did` has passed; raises TryAgain, Refused."""
        sign = did.encode()
        socket = self._socket or await self._connected()
        while True:
            message = await socket.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._socket = None
                await socket.close()
                raise TryAgain("the stream was cut")
            if sign in _bytes(message.data):
                await asyncio.sleep(self._settle)
                return

    async def aclose(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    async def _connected(self) -> aiohttp.ClientWebSocketResponse:
        self._session = self._session or aiohttp.ClientSession()
        try:
            self._socket = await self._session.ws_connect(
                self._url, heartbeat=SILENCE, max_msg_size=LARGEST
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in (401, 403, 404):
                raise Refused(f"the stream was refused: {error.status}") from error
            raise TryAgain(f"the stream was refused: {error.status}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TryAgain(f"no stream: {type(error).__name__}") from error
        return self._socket


def _bytes(data: Any) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data)
