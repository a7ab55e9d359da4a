"""Bluesky, and every server that speaks its protocol: notifications in, replies by record key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from assistant.config import BlueskyAccount
from assistant.platforms import Around
from assistant.platforms.bluesky.parse import parse

if TYPE_CHECKING:
    from assistant.platforms.bluesky.account import Bluesky

__all__ = ["opened", "parse"]


@asynccontextmanager
async def opened(account: BlueskyAccount, around: Around) -> AsyncIterator["Bluesky"]:
    """Open the account; nothing is asked of the network before the first call."""
    # The SDK takes a second to load, which only those with an account here wait for.
    from assistant.platforms.bluesky.account import Bluesky
    from assistant.platforms.bluesky.client import Client
    from assistant.platforms.bluesky.stream import Stream

    client = Client(
        service=account.service,
        handle=account.handle,
        password=around.secrets[account.variable],
        variable=account.variable,
        keep=around.keep,
        clock=around.clock,
    )
    stream = Stream(account.stream) if account.stream else None
    try:
        yield Bluesky(account, client=client, stream=stream, clock=around.clock)
    finally:
        if stream:
            await stream.aclose()
        await client.aclose()
