"""Mastodon: the calls a server allows, and its stream, which only wakes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from assistant.case import Remote
from assistant.errors import Barred, TryAgain
from assistant.platforms import Arrival, Platform, Stirs, TakesBack
from assistant.platforms.mastodon import opened
from assistant.platforms.mastodon.wire import AFTER, LIMITS, LONGEST, RESERVED, Kind, Pace, Wire
from tests.core import START, Clock
from tests.platforms.contract import read
from tests.platforms.mastodon_stand import MASTODON, TOWN, Said, mention, pages, recorded, stand
from tests.platforms.world_mastodon import settings

NOTES = "GET /api/v1/notifications"
STARTED = START.isoformat()
CALLS, SPAN = LIMITS["any"]
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


def use_up(pace: Pace, *kinds: Kind, reading: bool) -> tuple[int, float | None]:
    """Call as often as is allowed; return how often that was, and the seconds to stay away."""
    for made in range(CALLS + 1):
        try:
            pace.step(*kinds, reading=reading)
        except TryAgain as error:
            return made, error.after
    raise AssertionError("more calls than are allowed")


@pytest.mark.parametrize("kind", LIMITS)
def test_no_more_calls_than_published_in_any_stretch_of_time(kind: Kind) -> None:
    calls, span = LIMITS[kind]
    clock = Clock()
    pace, made = Pace(clock), list[datetime]()
    while clock() < Clock()() + 3 * span:
        for reading in (True, False):
            count, after = use_up(pace, *({kind} - {"any"}), reading=reading)
            made += [clock()] * count
            assert after is not None
            assert 0 < after <= span.total_seconds()
        clock.ahead(seconds=37)
    assert len(made) > calls
    for at in made:
        assert sum(at <= other < at + span for other in made) <= calls


def test_reading_stops_before_answering_does() -> None:
    pace = Pace(Clock())
    assert use_up(pace, reading=True)[0] == CALLS - CALLS // RESERVED
    assert use_up(pace, reading=False)[0] == CALLS // RESERVED


async def read_every(platform: Platform, seconds: float, *, clock: Clock) -> None:
    """Read again and again, until the adapter says that it is too often."""
    cursor = None
    while True:
        for each in await read(platform, cursor):
            cursor = each.cursor if isinstance(each, Arrival) else cursor
        clock.ahead(seconds=seconds)


async def test_pages_are_counted_as_such() -> None:
    """Two pages every five seconds are few calls, and yet more than a server gives pages."""
    clock = Clock()
    own = recorded("context")["ancestors"][1]
    answers = {
        NOTES: pages([mention(1)]),
        f"GET /api/v1/accounts/{TOWN}/statuses": pages([own | {"created_at": STARTED}]),
    }
    async with stand(answers, clock=clock) as (server, platform):
        with pytest.raises(TryAgain, match="published"):
            await read_every(platform, 5.5, clock=clock)
        paged = [each for each in server.asked if {"min_id", "max_id"} & {*dict(each.params)}]
    assert len(paged) == LIMITS["paging"][0]


async def test_deletions_are_counted_as_such() -> None:
    async with stand({"DELETE /api/v1/statuses/1": {}}) as (server, platform):
        assert isinstance(platform, TakesBack)
        for _ in range(LIMITS["deleting"][0]):
            await platform.take_back(Remote(id="1"))
        with pytest.raises(TryAgain, match="published"):
            await platform.take_back(Remote(id="1"))
        assert len(server.of("DELETE /api/v1/statuses/1")) == LIMITS["deleting"][0]


class Streams:
    """A server whose stream says what a test wants."""

    def __init__(self) -> None:
        self.status = 200
        self.opened = 0
        self.url = ""
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
    made.url = f"http://{host}:{port}"
    try:
        async with opened(*settings(made.url)) as platform:
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
        # One that opens again and again is no news each time; what it says is.
        assert await quiet(platform)
        server.chunks.put_nowait(b"event: notification\n")
        await platform.stirred()
        assert server.opened == 3


@pytest.mark.parametrize(("status", "error"), [(401, Barred), (429, TryAgain), (503, TryAgain)])
async def test_a_stream_that_is_refused_says_why(status: int, error: type[Exception]) -> None:
    async with streaming() as (server, platform):
        assert isinstance(platform, Stirs)
        server.status = status
        with pytest.raises(error):
            await platform.stirred()


async def test_a_token_never_leaves_https() -> None:
    """Whatever address the server names for its stream."""
    async with aiohttp.ClientSession() as session:
        wire = Wire(session, server="https://127.0.0.1:9", token=SecretStr("s3cret"), clock=Clock())
        async with streaming() as (server, _):
            with pytest.raises(TryAgain):
                await wire.events(server.url, "/api/v1/streaming/user/notification")
            assert server.opened == 0


async def test_a_stream_has_the_place_the_server_names() -> None:
    elsewhere = {**MASTODON, "configuration": {"urls": {"streaming": "ws://127.0.0.1:9"}}}
    async with stand({"GET /api/v2/instance": elsewhere}) as (_, platform):
        assert isinstance(platform, Stirs)
        with pytest.raises(TryAgain):
            await platform.stirred()
