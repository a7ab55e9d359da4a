"""X: tokens that work once, the webhook's signature, and what is said before connecting."""

import asyncio
import base64
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from assistant.accounts import OPENERS
from assistant.config import XAccount
from assistant.errors import Barred, StoreUnavailable, TryAgain
from assistant.platforms import Around, Serves, Stirs
from assistant.platforms.x import X, notices
from assistant.platforms.x.webhook import HEADER, Webhook, signed
from tests.core import Clock
from tests.platforms.x_server import CLIENT, XServer
from tests.platforms.x_world import SECRETS, Memory, Opening, account

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def clock() -> Clock:
    """Everybody's clock."""
    return Clock()


@pytest.fixture
async def x(clock: Clock) -> AsyncIterator[XServer]:
    """An X."""
    async with XServer(clock) as server:
        yield server
        assert server.wrong == []


@pytest.fixture
async def opening(x: XServer, clock: Clock) -> AsyncIterator[Opening]:
    """Opens adapters that share a memory."""
    async with Opening(x, clock, Memory()) as made:
        yield made


@asynccontextmanager
async def listening(*routes: web.RouteDef) -> AsyncIterator[str]:
    """Serve routes; yield their address."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def read(platform: X) -> None:
    """Read all there is."""
    async for _ in platform.arrivals(None):
        pass


async def test_a_token_is_renewed_in_time_and_the_new_refresh_token_kept(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    platform = await opening()
    for _ in range(3):
        await read(platform)
        clock.ahead(hours=2)
    assert x.calls["token"] == 3
    # Another process, later, goes on with what was kept; the first refresh token is long dead.
    await read(await opening())
    assert x.calls["token"] == 4
    assert json.loads(opening.memory.held["token"])["refresh"] == x.refresh


async def test_two_adapters_share_one_renewal(x: XServer, opening: Opening) -> None:
    both = [await opening() for _ in range(4)]
    await asyncio.gather(*(read(each) for each in both))
    assert x.calls["token"] == 1
    # X ends the token early: the first to notice renews it, the others take what is kept.
    x.access = {"another"}
    await asyncio.gather(*(read(each) for each in both))
    assert x.calls["token"] == 2


async def test_two_processes_never_use_a_refresh_token_twice(store_url: str) -> None:
    clock = Clock()
    clock.now = datetime.now(UTC)
    async with XServer(clock) as x:
        command = (sys.executable, "-m", "tests.platforms.x_renewing", store_url, x.url, x.refresh)
        pipe = asyncio.subprocess.PIPE
        several = [
            await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
            for _ in range(2)
        ]
        for each in several:
            assert each.stdout is not None
            assert await each.stdout.readline() == b"ready\n"
        said = await asyncio.gather(*(each.communicate(b"\n") for each in several))
        assert x.calls["token"] == 1
        assert {out.decode().strip() for out, _ in said} == x.access


async def test_a_renewal_goes_on_when_whoever_asked_gives_up(x: XServer, opening: Opening) -> None:
    """What X gave and nobody took would be the end of the account."""
    platform = await opening()
    x.at_ease.clear()
    reading = asyncio.create_task(read(platform))
    async with asyncio.timeout(10):
        while not x.calls["token"]:
            await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    x.at_ease.set()
    await platform.settled()
    assert json.loads(opening.memory.held["token"])["refresh"] == x.refresh
    await read(await opening())
    assert x.calls["token"] == 1


async def test_a_token_that_could_not_be_kept_is_used_and_kept_later(
    x: XServer, opening: Opening, clock: Clock
) -> None:
    platform = await opening()
    opening.memory.full = True
    with pytest.raises(StoreUnavailable):
        await read(platform)
    opening.memory.full = False
    await read(platform)
    assert x.calls["token"] == 1
    clock.ahead(hours=3)
    await read(platform)
    assert x.calls["token"] == 2
    assert json.loads(opening.memory.held["token"])["refresh"] == x.refresh


async def test_a_refresh_token_nobody_takes_says_what_to_do(x: XServer, opening: Opening) -> None:
    x.refresh = "another"
    with pytest.raises(Barred, match="authorise the account anew") as barred:
        await read(await opening())
    assert "refresh-0" not in str(barred.value)


async def test_a_token_x_never_takes_bars_the_account(x: XServer, opening: Opening) -> None:
    platform = await opening()
    await read(platform)
    x.fault = "401"
    for _ in range(2):
        with pytest.raises(Barred):
            await read(platform)
    x.fault = None
    await read(platform)


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, "{}"), (200, "<html>"), (200, "[]"), (200, '{"access_token": 5}'), (302, "")],
)
async def test_a_token_server_in_trouble_is_tried_again(
    clock: Clock, status: int, content: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=content, headers={"Retry-After": "9"})

    server = XServer(clock)
    async with (
        listening(web.post("/2/oauth2/token", answer)) as server.url,
        Opening(server, clock, Memory()) as opening,
    ):
        platform = await opening()
        with pytest.raises(TryAgain):
            await read(platform)


async def test_what_is_kept_and_cannot_be_read_begins_anew(x: XServer, opening: Opening) -> None:
    opening.memory.held |= {"token": "{", "spent": '{"day": 5}'}
    await read(await opening())
    assert x.calls["token"] == 1


async def test_the_tokens_of_another_account_bar_this_one(x: XServer, opening: Opening) -> None:
    x.people["1001"] = "village"
    with pytest.raises(Barred, match="another account than @town"):
        await read(await opening())


async def test_an_account_introduces_itself_and_says_what_it_lacks(
    x: XServer, opening: Opening
) -> None:
    x.scopes = "tweet.read users.read offline.access"
    said = " ".join(await (await opening(direct=True)).introduce())
    for each in ("user 1001", "pay_per_use", "may read posts", "lacks tweet.write, dm.read"):
        assert each in said
    assert "Enterprise plan" in said


# The webhook


def test_the_signature_is_x_s_own() -> None:
    """HMAC-SHA256 (RFC 4231, test case 2), as X writes it."""
    vector = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    wanted = "sha256=" + base64.b64encode(bytes.fromhex(vector)).decode()
    assert signed("Jefe", b"what do ya want for nothing?") == wanted


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Webhook, str]]:
    """A webhook and where it listens."""
    webhook = Webhook("@Town", secret=SecretStr("consumer-secret"))
    async with listening(*webhook.routes()) as url:
        yield webhook, url + "/platforms/x/town"


async def test_x_s_challenge_is_answered(hook: tuple[Webhook, str]) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(hook[1], params={"crc_token": "a-token"}) as answer:
            told = await answer.json()
        digest = hmac.new(b"consumer-secret", b"a-token", sha256).digest()
        assert told == {"response_token": "sha256=" + base64.b64encode(digest).decode()}
        async with session.get(hook[1]) as answer:
            assert answer.status == 400


async def test_only_x_wakes_the_reader_and_each_call_once(hook: tuple[Webhook, str]) -> None:
    webhook, url = hook
    content = b'{"data": {"event_type": "post.mention.create"}}'
    right = signed("consumer-secret", content)
    calls: tuple[tuple[dict[str, str], bytes, int, bool], ...] = (
        ({}, content, 401, False),
        ({HEADER: "sha256=é"}, content, 401, False),
        ({HEADER: signed("another", content)}, content, 401, False),
        ({HEADER: right}, content + b" ", 401, False),
        ({HEADER: right}, content, 200, True),
        ({HEADER: right}, content, 200, False),  # overheard and played again
        ({HEADER: signed("consumer-secret", b"more")}, b"more", 200, True),
    )
    async with aiohttp.ClientSession() as session:
        for headers, body, status, wakes in calls:
            stirred = asyncio.create_task(webhook.stirred())
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == status
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert stirred.done() == wakes
            stirred.cancel()


async def test_without_a_secret_there_is_no_webhook(x: XServer, opening: Opening) -> None:
    polling = await opening()
    assert not isinstance(polling, Serves)
    assert not isinstance(polling, Stirs)
    hooked = await opening(webhook_variable="X_CONSUMER_SECRET")
    assert isinstance(hooked, Serves)
    assert isinstance(hooked, Stirs)
    assert {each.method for each in hooked.routes()} >= {"GET", "POST"}


# What is configured


def table(**changes: object) -> XAccount:
    """Return an account as a file would give it."""
    given = {"platform": "x", "handle": "@town", "client_id": "c", "plan": "pay_per_use"}
    return XAccount.model_validate({**given, "daily_budget": 10, **changes})


def test_a_plan_is_named_and_pay_per_use_has_a_budget() -> None:
    with pytest.raises(ValidationError, match="plan"):
        XAccount.model_validate({"platform": "x", "handle": "@t", "client_id": "c"})
    with pytest.raises(ValidationError, match="daily_budget"):
        table(daily_budget=None)
    assert table(plan="enterprise", daily_budget=None).daily_budget is None


def test_what_to_know_before_connecting() -> None:
    said = " ".join(notices(table()))
    for each in ("Government Use", "Enterprise", "mentioned it or quoted", "2026-08-22", "$10"):
        assert each in said
    assert "pay_per_use" in said
    enterprise = " ".join(notices(table(plan="enterprise", daily_budget=None)))
    assert "must name your organisation" in enterprise
    assert "exempt" in enterprise
    prices = {"as_of": "2027-01-01", "mention_read": 0.25}
    changed = " ".join(notices(table(prices=prices)))
    assert "2027-01-01" in changed
    assert "$0.25" in changed


async def test_each_variable_and_address_is_used(x: XServer, clock: Clock) -> None:
    names = {"variable": "MY_SECRET", "refresh_variable": "MY_REFRESH"}
    made = account(x, **names, webhook_variable="MY_HOOK", every=30.0)
    assert made.variables == ("MY_SECRET", "MY_REFRESH", "MY_HOOK")
    secrets = dict(zip(made.variables, SECRETS.values(), strict=True))
    around = Around(secrets=secrets, keep=Memory(), clock=clock)
    async with OPENERS["x"](made, around) as platform:
        assert platform.every == 30
        assert isinstance(platform, X)
        await read(platform)
        assert isinstance(platform, Serves)
    assert x.calls["token"] == x.calls["mentions"] == 1
    wrong = made.model_copy(update={"client_id": CLIENT[0] + "x"})
    async with OPENERS["x"](wrong, Around(secrets=secrets, keep=Memory(), clock=clock)) as platform:
        assert isinstance(platform, X)
        with pytest.raises(Barred):
            await read(platform)


def test_prices_are_exact() -> None:
    made = table(prices={"user_read": 0.1}, daily_budget=0.3)
    assert (made.prices.user_read, made.daily_budget) == (Decimal("0.1"), Decimal("0.3"))
    assert timedelta(seconds=made.every) == timedelta(minutes=1)
