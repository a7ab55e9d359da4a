"""Renews X's access token once, as one of several processes: URL of the store, of X, a token."""

import asyncio
import sys
from datetime import UTC, datetime

import aiohttp
from pydantic import SecretStr

from assistant.platforms.x.oauth import PATH, Tokens
from assistant.store import open_store
from assistant.store.kept import Kept
from tests.platforms.x_server import CLIENT


async def renew(store_url: str, url: str, first: str) -> None:
    """Print the access token once there is one."""
    async with open_store(store_url, "town") as store, aiohttp.ClientSession() as session:
        tokens = Tokens(
            session,
            url=url + PATH,
            client=(CLIENT[0], SecretStr(CLIENT[1])),
            first=SecretStr(first),
            keep=Kept(store, "x:@town", secret=SecretStr("hush")),
            clock=lambda: datetime.now(UTC),
        )
        # Both begin when the other is there too.
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print((await tokens.access()).access.get_secret_value(), flush=True)


if __name__ == "__main__":
    asyncio.run(renew(*sys.argv[1:]))
