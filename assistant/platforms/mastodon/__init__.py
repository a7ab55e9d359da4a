"""Mastodon, and every server that speaks its API: notifications in, replies by a key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from assistant.config import MastodonAccount
from assistant.errors import LuisterError
from assistant.platforms import Around
from assistant.platforms.mastodon.account import Mastodon
from assistant.platforms.mastodon.parse import parse
from assistant.platforms.mastodon.wire import CALL, Wire

__all__ = ["opened", "parse"]


@asynccontextmanager
async def opened(
    account: MastodonAccount, around: Around, *, call: float = CALL
) -> AsyncIterator[Mastodon]:
    """Open the account and ask the server's numbers; a server that is away is asked later.

    `call` is how many seconds one call may take.
    """
    async with aiohttp.ClientSession() as session:
        wire = Wire(
            session,
            server=account.server,
            token=around.secrets[account.variable],
            clock=around.clock,
            call=call,
        )
        made = Mastodon(account, wire=wire, clock=around.clock)
        with suppress(LuisterError):
            await made.instance()
        try:
            yield made
        finally:
            made.aclose()
