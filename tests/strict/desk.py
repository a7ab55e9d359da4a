"""A small app with which the strict Slack's own tests try it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant.localslack import LocalSlack, local_slack
from tests.slack_ui import Slack, slack_people, town_workspace
from tests.strict_slack import StrictSlack, strict_slack

SCOPES = frozenset({"chat:write", "channels:history", "channels:read", "users:read"})
ROADS = "C01ROADS"
Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: Any) -> Json:
    return {"type": "section", "text": plain(text), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "action_id": "edit", "text": plain("Edit"), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "block_id": "card", "elements": list(elements)}


def text_input(**more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "text", **more}
    return {"type": "input", "block_id": "reply", "label": plain("Reply"), "element": element}


def modal(*blocks: Json, **more: Any) -> Json:
    texts = {"title": plain("Reply"), "submit": plain("Send")}
    return {"type": "modal", "callback_id": "editor", **texts, "blocks": list(blocks), **more}


EDITOR = modal(text_input(initial_value="Thanks"))


def strict(local: LocalSlack, **knobs: Any) -> contextlib.AbstractAsyncContextManager[StrictSlack]:
    tokens = {"bot_token": local.bot_token, "app_token": local.app_token}
    return strict_slack(local.url, **{"scopes": SCOPES, **tokens, **knobs})


def client_of(slack: StrictSlack, token: str) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=f"{slack.url}/api/", retry_handlers=[])


@dataclass
class Desk:
    """A small app on Socket Mode; `on` says what it does with each kind of request."""

    slack: StrictSlack
    local: LocalSlack
    got: list[Json] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)  # what the retry headers said
    submit: Callable[[Any, Json], Awaitable[None]] | None = None
    delay: float = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> AsyncApp:
        app = AsyncApp(
            client=client_of(self.slack, self.local.bot_token),
            signing_secret=self.local.signing_secret,
            process_before_response=True,
        )
        for register in (app.action("edit"), app.view("editor"), app.event("message")):
            register(self.take)
        app.view_closed("editor")(self.take)
        return app

    async def take(self, ack: Any, body: Json, request: AsyncBoltRequest) -> None:
        self.got.append(body)
        self.tries += request.headers.get("x-slack-retry-num", ["-"])
        self.heard.set()
        await asyncio.sleep(self.delay)
        if body["type"] == "view_submission" and self.submit:
            await self.submit(ack, body)
        else:
            await ack()

    @contextlib.asynccontextmanager
    async def connected(self, *, connections: int = 1) -> AsyncIterator["Desk"]:
        web_client = client_of(self.slack, self.local.app_token)
        handlers = [
            AsyncSocketModeHandler(self.app(), self.local.app_token, web_client=web_client)
            for _ in range(connections)
        ]
        try:
            for handler in handlers:
                await handler.connect_async()  # type: ignore[no-untyped-call]
            yield self
        finally:
            for handler in handlers:
                await handler.close_async()  # type: ignore[no-untyped-call]

    async def click(self, people: Slack) -> str:
        """A click on a card of ours; its trigger id."""
        await client_of(self.slack, self.local.bot_token).chat_postMessage(
            channel=ROADS, text="card", blocks=[actions(button())]
        )
        card = (await people.messages(ROADS))[-1]
        await people.click(card, "edit", user="U01ALICE")
        return str(self.got[-1]["trigger_id"])


async def error_of(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


@contextlib.asynccontextmanager
async def http_desk(folder: Path) -> AsyncIterator[tuple[Desk, Slack]]:
    """Local Slack, strict Slack and a desk that gets signed HTTP requests."""
    front, door = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    ports = [each.getsockname()[1] for each in (front, door)]
    workspace = town_workspace(request_url=f"http://127.0.0.1:{ports[0]}/slack/events")
    events_to = f"http://127.0.0.1:{ports[1]}/slack/events"
    async with (
        local_slack(workspace, state=folder) as local,
        strict(
            local, listening=front, events_to=events_to, signing_secret=local.signing_secret
        ) as slack,
        slack_people(local.url) as people,
    ):
        desk = Desk(slack, local)
        runner = web.AppRunner(desk.app().server(port=1, host="127.0.0.1").web_app)
        await runner.setup()
        await web.SockSite(runner, door).start()
        try:
            yield desk, people
        finally:
            await runner.cleanup()
