"""Mastodon: the calls a server allows, and its stream, which only wakes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from assistant.errors import Barred, TryAgain
from assistant.platforms import Platform, Stirs
from assistant.platforms.mastodon import opened
from assistant.platforms.mastodon.wire import AFTER, CALLS, LONGEST, RESERVED, SPAN, Pace
from tests.core import Clock
from tests.platforms.contract import read
from tests.platforms.mastodon_stand import MASTODON, Said, stand
from tests.platforms.world_mastodon import settings

NOTES = "GET /api/v1/notifications"
NOW = "Fri, 20 Nov 2026 12:00:00 GMT"


def limits(left: int, anew: str = "2026-11-20T12:02:00.123Z") -> dict[str, str]:
    """Return Mastodon's headers about calls."""
    return {
        "X-RateLimit-Limit": "300",
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": anew,
        "Date": NOW,
    }


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, AFTER),
        (limits(0), 120.123),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "999999"}, LONGEST),
        ({"Retry-After": "-3"}, 0.1),
        ({"Retry-After": "soon"}, AFTER),
        (limits(0, "2026-11-20T11:59:00Z"), 0.1),
        (limits(0, "1795000000"), AFTER),
        ({"X-RateLimit-Reset": "2026-11-20T12:02:00Z", "Date": "today"}, AFTER),
        ({"Retry-After": "nan"}, AFTER),
    ],
)
async def test_too_many_calls_says_when(headers: dict[str, str], after: float) -> None:
    """By the server's own clock: ours may be wrong."""
    said = Said({"error": "Too many requests"}, 429, headers)
    async with stand({NOTES: said}) as (_, platform):
        with pytest.raises(TryAgain) as error:
            await read(platform)
    assert error.value.after == pytest.approx(after)


async def test_calls_that_are_left_are_left_to_answering() -> None:
    clock = Clock()
    verified = Said({"id": "1", "acct": "town"}, 200, limits(CALLS // RESERVED))
    answers: dict[str, Any] = {"GET /api/v1/accounts/verify_credentials": verified}
    async with stand(answers, clock=clock) as (server, platform):
        with pytest.raises(TryAgain) as error:
            await read(platform)
        assert error.value.after == pytest.approx(120.123)
        assert not server.of(NOTES)
        server.answers["GET /api/v1/accounts/1/statuses"] = []
        clock.ahead(seconds=121)
        assert await read(platform) == []


def use_up(pace: Pace, *, reading: bool) -> tuple[int, float | None]:
    """Call as often as is allowed; return how often that was, and the seconds to stay away."""
    for made in range(CALLS + 1):
        try:
            pace.step(reading=reading)
        except TryAgain as error:
            return made, error.after
    raise AssertionError("more calls than are allowed")


def test_no_more_calls_than_published_in_any_five_minutes() -> None:
    clock = Clock()
    pace, made = Pace(clock), list[datetime]()
    while clock() < Clock()() + 3 * SPAN:
        for reading in (True, False):
            count, after = use_up(pace, reading=reading)
            made += [clock()] * count
            assert after is not None
            assert 0 < after <= SPAN.total_seconds()
        clock.ahead(seconds=13)
    for at in made:
        assert sum(at <= other < at + SPAN for other in made) <= CALLS


def test_reading_stops_before_answering_does() -> None:
    pace = Pace(Clock())
    assert use_up(pace, reading=True)[0] == CALLS - CALLS // RESERVED
    assert use_up(pace, reading=False)[0] == CALLS // RESERVED


class Streams:
    """A server whose stream says what a test wants."""

    def __init__(self) -> None:
        self.status = 200
        self.opened = 0
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def instance(self, request: web.Request) -> web.Response:
        return web.json_response(MASTODON)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.opened += 1
        if self.status != 200:
            return web.json_response({"error": "x"}, status=self.status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while (chunk := await self.chunks.get()) is not None:
            await response.write(chunk)
        return response


@asynccontextmanager
async def streaming() -> AsyncIterator[tuple[Streams, Platform]]:
    """Yield such a server and the adapter."""
    made, app = Streams(), web.Application()
    app.router.add_get("/api/v2/instance", made.instance)
    app.router.add_get("/api/v1/streaming/user/notification", made.stream)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with opened(*settings(f"http://{host}:{port}")) as platform:
            yield made, platform
    finally:
        await runner.cleanup()


async def quiet(platform: Stirs) -> bool:
    """Say whether nothing stirs, for as long as a test wants to wait."""
    waiting = asyncio.ensure_future(platform.stirred())
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return not done


async def test_an_event_stirs_and_a_sign_of_life_does_not() -> None:
    async with streaming() as (server, platform), asyncio.timeout(20):
        assert isinstance(platform, Stirs)
        await platform.stirred()  # just connected: something may have come before
        server.chunks.put_nowait(b":thump\n\n")
        assert await quiet(platform)
        server.chunks.put_nowait(b"event: notifi")
        assert await quiet(platform)
        server.chunks.put_nowait(b'cation\ndata: {"id": "1"}\n\n')
        await platform.stirred()
        assert await quiet(platform)
        server.chunks.put_nowait(b"data: event: none\n" + b"x" * 100_000)
        assert await quiet(platform)
        assert server.opened == 1


@pytest.mark.parametrize("status", [400, 404, 501])
async def test_a_server_without_a_stream_is_never_asked_again(status: int) -> None:
    async with streaming() as (server, platform):
        assert isinstance(platform, Stirs)
        server.status = status
        assert await quiet(platform)
        assert await quiet(platform)
        assert server.opened == 1


async def test_a_stream_that_worked_and_fails_is_told_and_opened_again() -> None:
    async with streaming() as (server, platform), asyncio.timeout(20):
        assert isinstance(platform, Stirs)
        await platform.stirred()
        server.chunks.put_nowait(None)
        with pytest.raises(TryAgain):
            await platform.stirred()
        server.status = 404
        with pytest.raises(TryAgain, match="no longer there"):
            await platform.stirred()
        server.status = 200
        await platform.stirred()


@pytest.mark.parametrize(("status", "error"), [(401, Barred), (429, TryAgain), (503, TryAgain)])
async def test_a_stream_that_is_refused_says_why(status: int, error: type[Exception]) -> None:
    async with streaming() as (server, platform):
        assert isinstance(platform, Stirs)
        server.status = status
        with pytest.raises(error):
            await platform.stirred()


async def test_a_stream_has_the_place_the_server_names() -> None:
    elsewhere = {**MASTODON, "configuration": {"urls": {"streaming": "ws://127.0.0.1:9"}}}
    async with stand({"GET /api/v2/instance": elsewhere}) as (_, platform):
        assert isinstance(platform, Stirs)
        with pytest.raises(TryAgain):
            await platform.stirred()
