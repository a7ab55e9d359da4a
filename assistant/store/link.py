"""The wire to Redis: no retries of its own, scripts by their hash, errors translated."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from assistant.errors import StoreUnavailable

SOCKET_TIMEOUT = 3.0
"""Seconds for one command; a person's act must be answered within 3 s (Slack)."""

BLOCK = 2.0
"""Seconds a reader waits for work; its client's time-out is longer (research: redis-py raises)."""


def _scripts() -> dict[str, str]:
    text = (files(__package__) / "store.lua").read_text("utf-8")
    parts = re.split(r"^---- (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


class _Pool(ConnectionPool):
    """Connections that stay closed once they are: the SDK would open them again on demand."""

    closed = False

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        if not self.closed:
            await super().ensure_connection(connection)
        if self.closed:  # perhaps while it connected
            await connection.disconnect()
            raise NoConnection("closed")


def client(url: str, *, timeout: float = SOCKET_TIMEOUT, decode: bool = True) -> Any:
    """Return a client that never repeats a command by itself: a repeat could write twice."""
    pool = _Pool.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        decode_responses=decode,
        max_connections=200,
    )
    return Redis.from_pool(pool)


async def close(*clients: Any) -> None:
    """Close clients for good, with every connection; who is cancelled meanwhile ends after that.

    Whoever still asks one of them gets StoreUnavailable.
    """
    for each in clients:
        each.connection_pool.closed = True
    # Each by itself: one that fails must not leave the others open.
    closing = asyncio.gather(*(each.aclose() for each in clients), return_exceptions=True)
    try:
        await asyncio.shield(closing)
    finally:
        await closing


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn every error of the SDK into StoreUnavailable, whose message names no value."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the store did not answer: {type(error).__name__}") from error
    # The SDK sends with asyncio.wait_for, which on Python 3.11 loses a cancellation that comes as
    # the sending ends (python/cpython issue 86296); a run told to stop would go on for ever.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Scripts:
    """The scripts of store.lua, each sent by its hash and again in full when Redis forgot it."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._texts = _scripts()
        self._hashes = {
            name: sha1(text.encode(), usedforsecurity=False).hexdigest()
            for name, text in self._texts.items()
        }

    async def __call__(self, name: str, keys: Sequence[str], *args: Any) -> Any:
        async with translated():
            try:
                return await self._redis.evalsha(self._hashes[name], len(keys), *keys, *args)
            except NoScriptError:
                return await self._redis.eval(self._texts[name], len(keys), *keys, *args)


async def ensure_group(redis: Any, stream: str, group: str) -> None:
    """Make the consumer group when it is not there yet (also after a restart without data)."""
    try:
        await redis.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
