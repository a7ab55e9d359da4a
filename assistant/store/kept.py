"""What adapters remember beyond their own life, sealed with their own secret."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from assistant.errors import TryAgain
from assistant.store import Store
from assistant.store.link import translated

HELD = 30.0
"""Seconds a name is held at most; longer than any one call to a platform."""


class Kept:
    """The memory of one account; it keeps the Protocol `assistant.platforms.Keep`.

    Whoever reads the store without the account's secret reads nothing; with another secret there
    is nothing to read either, and the adapter begins anew.
    """

    def __init__(self, store: Store, source: str, *, secret: SecretStr) -> None:
        self._store = store
        self._source = source
        key = sha256(b"luister keep " + secret.get_secret_value().encode()).digest()
        self._seal = Fernet(base64.urlsafe_b64encode(key))

    async def get(self, name: str) -> str | None:
        """Return what was put under this name with this secret."""
        async with translated():
            found = await self._store.redis.hget(self._store.keys.kept, self._name(name))
        try:
            return self._seal.decrypt(found).decode() if found else None
        except InvalidToken:
            return None

    async def put(self, name: str, value: str) -> None:
        """Remember `value`."""
        sealed = self._seal.encrypt(value.encode()).decode()
        async with translated():
            await self._store.redis.hset(self._store.keys.kept, self._name(name), sealed)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Hold this name alone; raises TryAgain when somebody else does not let go of it."""
        lease, holder = self._store.keys.lease("kept:" + self._name(name)), secrets.token_hex(8)
        loop = asyncio.get_running_loop()
        end = loop.time() + HELD
        while not await self._store.script("hold", [lease], holder, int(HELD * 1000)):
            if loop.time() > end:
                raise TryAgain(f"{name} is held by another process")
            await asyncio.sleep(0.05)
        try:
            yield
        finally:
            await self._store.script("release", [lease], holder)

    def _name(self, name: str) -> str:
        return f"{self._source}:{name}"
