"""What gateways push: checked, queued, and answered only once it is recorded."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from aiohttp import web

from assistant.platforms import Arrival, Quarantined
from assistant.platforms.webhook.parse import opened_up
from assistant.platforms.webhook.signing import Signer

PATIENCE = 8.0
"""Seconds until posts must be recorded; senders commonly give up after 10 to 30."""

AGAIN = 10
"""Seconds after which a sender may try again."""

SIZE = 2**19
"""Bytes of one call: a hundred long posts."""

ROOM = 1000
"""Posts that may wait at once."""

REMEMBERED = 10_000
"""Calls that are known again; an older one proves harmless in the store, by its posts' ids."""


@dataclass(eq=False)
class _Waiting:
    told: Arrival | Quarantined
    recorded: asyncio.Future[None]


class Inbox:
    """Posts between the HTTP call that brought them and the reader who records them."""

    def __init__(
        self,
        account: str,
        *,
        signer: Signer,
        clock: Callable[[], datetime],
        patience: float = PATIENCE,
    ) -> None:
        self._account = account
        self._signer = signer
        self.now = clock
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._some = asyncio.Event()
        self._known: OrderedDict[bytes, int] = OrderedDict()

    async def receive(self, request: web.Request) -> web.Response:
        """Answer a call with a Push.

        200 only after all of it was recorded; 400 with the places of what is wrong, after that was
        quarantined and the rest recorded; 401, 413 and 503 with nothing taken.
        """
        try:
            async with asyncio.timeout(self._patience):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        if len(body) > SIZE:
            raise web.HTTPRequestEntityTooLarge(max_size=SIZE, actual_size=len(body))
        now = self.now()
        id = self._signer.sender(request.headers, body, now=now)
        if id is None:
            return _said(401, error="the signature, its time or the secret is wrong")
        return await self._answer(id, body, now=now)

    async def _answer(self, id: str, body: bytes, *, now: datetime) -> web.Response:
        # One id with another body is a sender's mistake, which must not cost a citizen's post.
        mark = sha256(id.encode() + b"." + body).digest()
        if mark in self._known:
            return _said(200, recorded=self._known[mark])
        told = list(opened_up(body, where=id, account=self._account, now=now))
        if not await self._recorded(told):
            return _said(503, error="nobody takes posts in right now: send this again")
        wrong = [each for each in told if isinstance(each, Quarantined)]
        count = len(told) - len(wrong)
        if wrong:
            said = [f"{_place(each)}{each.reason}" for each in wrong]
            return _said(400, recorded=count, mistakes=said)
        self._known[mark] = count
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return _said(200, recorded=count)

    async def _recorded(self, told: list[Arrival | Quarantined]) -> bool:
        """Queue these; say whether they were all recorded in time."""
        if len(self._queue) + len(told) > ROOM:
            return False
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(each, loop.create_future()) for each in told]
        self._queue.extend(waiting)
        self._some.set()
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.gather(*(each.recorded for each in waiting))
        except TimeoutError:
            return False
        finally:
            for each in waiting:
                self._drop(each)
        return True

    def _drop(self, each: _Waiting) -> None:
        with suppress(ValueError):
            self._queue.remove(each)
        if not self._queue:
            self._some.clear()

    async def arrivals(self) -> AsyncIterator[Arrival | Quarantined]:
        """Yield what waits; one that was not recorded is yielded again next time."""
        while self._queue:
            first = self._queue[0]
            yield first.told
            self._drop(first)
            if not first.recorded.done():
                first.recorded.set_result(None)

    async def stirred(self) -> None:
        """Return as soon as something waits."""
        await self._some.wait()


def _place(each: Quarantined) -> str:
    """Return which post of the call it is, with a colon, where it is one."""
    _, _, number = each.where.rpartition(", ")
    return f"{number}: " if number.startswith("posts.") else ""


def _said(status: int, **told: object) -> web.Response:
    headers = {"Retry-After": str(AGAIN)} if status == 503 else None
    return web.json_response(told, status=status, headers=headers)
