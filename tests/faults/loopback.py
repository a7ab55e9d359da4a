"""The wire between the processes of a crash test: JSON over HTTP on this machine."""

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import aiohttp
from aiohttp import web

from assistant.errors import Doubtful, Refused, TryAgain

PATIENCE = 0.5
"""Seconds for one call; the leases of the crash tests are longer."""


def serve(routes: Iterable[web.RouteDef], *, at: socket.socket) -> None:
    """Serve what connects to `at` until the process is killed."""
    app = web.Application()
    app.add_routes(routes)
    asyncio.run(_serve(app, at))


async def _serve(app: web.Application, at: socket.socket) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, at).start()
    await asyncio.Event().wait()


def listening() -> socket.socket:
    """Return a socket that listens on this machine; a server in another process takes it over.

    A port that is only known to be free can be gone before the server has it.
    """
    return socket.create_server(("127.0.0.1", 0))


class Wire:
    """Calls one of the test's servers and tells errors apart by what surely happened."""

    def __init__(self, port: int, *, patience: float = PATIENCE) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._timeout = aiohttp.ClientTimeout(total=patience)

    async def get(self, path: str, **query: str) -> Any:
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        return await self._call("POST", path, json=body, headers=headers)

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.request(method, self._url + path, **options) as answer,
            ):
                raise_for(answer)
                return await answer.json()
        except aiohttp.ClientConnectorError as error:
            raise TryAgain("nobody listens") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Doubtful(type(error).__name__) from error


def raise_for(answer: aiohttp.ClientResponse) -> None:
    """Raise what a status other than success means for whoever called."""
    if answer.status == 429:
        raise TryAgain("429", after=float(answer.headers["Retry-After"]))
    if answer.status >= 500:
        raise Doubtful(str(answer.status))
    if answer.status >= 400:
        raise Refused(answer.reason or str(answer.status))
