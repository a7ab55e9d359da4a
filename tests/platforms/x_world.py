"""What tests of X share: an account, its memory, and adapters against the stand-in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import SecretStr

from assistant.config import XAccount
from assistant.errors import StoreUnavailable, TryAgain
from assistant.platforms import Around
from assistant.platforms.x import X, opened
from tests.platforms.x_server import CLIENT, XServer

SECRETS = {
    "X_CLIENT_SECRET": SecretStr(CLIENT[1]),
    "X_REFRESH_TOKEN": SecretStr("refresh-0"),
    "X_CONSUMER_SECRET": SecretStr("consumer-secret"),
}


class Memory:
    """Keeps what an adapter remembers, unless `full`; `stuck` lets nobody hold a name."""

    stuck = False
    full = False

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, name: str) -> str | None:
        return self.held.get(name)

    async def put(self, name: str, value: str) -> None:
        if self.full:
            raise StoreUnavailable("the store is away")
        self.held[name] = value

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        if self.stuck:
            raise TryAgain(f"{name} is held by another process")
        async with self._locks.setdefault(name, asyncio.Lock()):
            yield


def account(server: XServer, **changes: Any) -> XAccount:
    """Return our account on this X."""
    values: dict[str, Any] = {
        "platform": "x",
        "handle": "@town",
        "plan": "pay_per_use",
        "client_id": CLIENT[0],
        "service": server.url,
        "daily_budget": Decimal(1000),
    }
    return XAccount(**values | changes)


class Opening:
    """Opens adapters on one X that share their memory, as processes do; closes them all."""

    def __init__(self, server: XServer, clock: Callable[[], datetime], memory: Memory) -> None:
        self.server = server
        self.memory = memory
        self._clock = clock
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def __call__(self, **changes: Any) -> X:
        around = Around(secrets=SECRETS, keep=self.memory, clock=self._clock)
        return await self._stack.enter_async_context(
            opened(account(self.server, **changes), around)
        )
