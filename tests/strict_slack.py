"""A Slack as strict as the real one, on loopback, before the local Slack that forgives all.

    async with strict_slack(local.url, scopes=..., bot_token=..., app_token=...) as slack:
        client = AsyncWebClient(token=..., base_url=slack.url + "/api/")

Leaving the block raises StrictSlackViolations when the app did what the real Slack refuses.
"""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from tests.strict.api import DROPPED, Api
from tests.strict.delivery import Delivery, HttpDoor
from tests.strict.events import Events
from tests.strict.ledger import Ack, Call, Refusal, Violation

__all__ = ["DROPPED", "StrictSlack", "StrictSlackViolations", "strict_slack"]


class StrictSlackViolations(AssertionError):
    """The run did what the real Slack refuses; the message lists it all."""


class StrictSlack:
    """The running proxy: what it noted, and the knobs for faults."""

    def __init__(self, api: Api, *, events: Events, delivery: Delivery) -> None:
        self._api, self._events, self._delivery = api, events, delivery
        self._hooks: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Its address: give `url + "/api/"` to slack_sdk."""
        return self._api.url

    @property
    def violations(self) -> list[Violation]:
        """What the app did that the real Slack refuses."""
        return self._api.ledger.violations

    @property
    def calls(self) -> list[Call]:
        """Every Web API call, in order."""
        return self._api.ledger.calls

    @property
    def acks(self) -> list[Ack]:
        """Every acknowledgement, with the time it took."""
        return self._api.ledger.acks

    async def acknowledged(self, count: int, *, seconds: float = 5) -> list[Ack]:
        """Wait until there were so many acknowledgements; all of them."""
        ledger = self._api.ledger
        async with asyncio.timeout(seconds):
            while len(ledger.acks) < count:
                ledger.acked.clear()
                await ledger.acked.wait()
        return ledger.acks

    @property
    def refused(self) -> int:
        """How many calls were answered 429."""
        return self._api.buckets.refused

    @property
    def lost(self) -> int:
        """How many events and interactions were never acknowledged."""
        return self._delivery.lost

    def take(self) -> list[str]:
        """The rules broken so far, which this run expected: they no longer fail it."""
        rules = [violation.rule for violation in self.violations]
        self.violations.clear()
        return rules

    def slow(self, method: str, seconds: float) -> None:
        """Let every call of `method` wait so long before it is done (0: no more)."""
        self._api.slow(method, seconds)

    def fail(self, method: str, how: str | int, *, count: int = 1) -> None:
        """Let the next calls fail: an error code, an HTTP status, or DROPPED."""
        self._api.fail(method, how, count=count)

    def ratelimit(self, channel: str, retry_after: int) -> None:
        """Refuse messages to `channel` with 429 for so many seconds."""
        self._api.ratelimit(channel, retry_after)

    def drop_every(self, posts: int) -> None:
        """Lose the answer of every so many-th chat.postMessage (0: of none)."""
        self._api.drop_every = posts

    def copies(self, kind: str, count: int) -> None:
        """Bring everything of a kind (events_api, interactive, slash_commands) so many times."""
        self._delivery.copies[kind] = count

    def person(self, user: str, **fields: Any) -> None:
        """Let users.info say more of a user: `is_restricted=True`, `team_id="T0OTHER"`."""
        self._api.people[user] = fields

    async def disconnect(self) -> None:
        """Ask the app to connect anew, as Slack does every few hours."""
        await self._api.socket.disconnect()

    async def submit(self, user: str, *, view_id: str, values: Mapping[str, Any]) -> Any:
        """Submit an open modal as `user`; the app's answer.

        For what local-slack cannot show: two people with an editor open at the same time.
        """
        return await self._events.submit(user, view_id=view_id, values=values)

    def open_views(self) -> dict[str, dict[str, Any]]:
        """The modals that are open, by their id."""
        return self._api.views.open()

    async def hook(self, request: web.Request) -> web.Response:
        """A response URL: five uses, and the rules of a message."""
        name, args = request.match_info["name"], await request.json()
        self._hooks[name] += 1
        try:
            self._check_hook(name, args)
        except Refusal as refusal:
            self._api.ledger.violation(refusal.rule or refusal.error, refusal.detail)
            return web.json_response(refusal.answer, status=404)
        await self._api.respond(name, args)
        return web.Response(text="ok")

    def _check_hook(self, name: str, args: Mapping[str, Any]) -> None:
        if self._hooks[name] > 5:
            raise Refusal("used_url", rule="response_url", detail="used more than 5 times")
        if not args.get("delete_original"):
            self._api.check_message(args)

    def report(self) -> None:
        """Raise StrictSlackViolations when there is a violation."""
        if self.violations:
            lines = [f"{each.rule}: {each.detail}" for each in self.violations]
            raise StrictSlackViolations("\n".join(lines))


def _routes(slack: StrictSlack, *, api: Api, events: Events) -> web.Application:
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_route("*", "/api/{method}", api.handle)
    app.router.add_get("/link/{ticket}", api.socket.serve)
    app.router.add_post("/hook/{name}", slack.hook)
    app.router.add_post("/slack/events", events.request)
    return app


@contextlib.asynccontextmanager
async def _serving(app: web.Application, listening: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def _connect(api: Api, *, events: Events, delivery: Delivery, socket_mode: bool) -> None:
    """Follow local-slack: its screen, and its envelopes in Socket Mode."""
    delivery.start(events.screen(api.session, f"{api.upstream}/ui"))
    if socket_mode:
        ready = asyncio.Event()
        url = (await api.forward("apps.connections.open", {}))["url"]
        delivery.start(events.listen(api.session, url, ready=ready))
        async with asyncio.timeout(5):
            await ready.wait()


@contextlib.asynccontextmanager
async def strict_slack(
    upstream: str,
    *,
    scopes: Collection[str],
    bot_token: str,
    app_token: str,
    subscribed: Collection[str] | None = None,
    allowed: Collection[str] = (),
    listening: socket.socket | None = None,
    events_to: str | None = None,
    signing_secret: str = "",
    tiers: Mapping[str, int] | None = None,
    drop_every: int = 50,
) -> AsyncIterator[StrictSlack]:
    """Stand before the local Slack at `upstream` until the block ends.

    `scopes` and `subscribed` are the manifest's bot scopes and bot events (None: all events).
    For HTTP events let the local Slack's request URL be `/slack/events` at `listening`, and
    `events_to` the app's own. `tiers` limits methods to so many calls a minute. Rules in
    `allowed` are no violation. Raises StrictSlackViolations at the end when there was any.
    """
    listening = listening or socket.create_server(("127.0.0.1", 0))
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        api = Api(
            upstream,
            session=session,
            scopes=scopes,
            tokens=(bot_token, app_token),
            tiers=tiers or {},
            drop_every=drop_every,
        )
        api.ledger.allowed.update(allowed)
        api.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        http = HttpDoor(session, url=events_to, secret=signing_secret) if events_to else None
        delivery = Delivery(api.ledger, http or api.socket)
        events = Events(api, delivery=delivery, subscribed=subscribed)
        slack = StrictSlack(api, events=events, delivery=delivery)
        app = _routes(slack, api=api, events=events)
        await stack.enter_async_context(_serving(app, listening))
        stack.push_async_callback(delivery.stop)
        await api.start()
        await _connect(api, events=events, delivery=delivery, socket_mode=http is None)
        yield slack
    slack.report()
