"""Slack: cards as Block Kit messages, the editor as a modal, over Socket Mode or signed HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant.card import Card, Digest
from assistant.chats import Desk, Message
from assistant.chats.slack.api import BASE_URL, TIMEOUT, Api, quiet_logger
from assistant.chats.slack.blocks import Block, card_blocks, digest_blocks, escaped, line_blocks
from assistant.chats.slack.listeners import PATIENCE, Listeners, bolt_app
from assistant.errors import Misconfigured, Refused, TryAgain
from assistant.words import Words

PATH = "/slack/events"
"""Where Slack sends signed HTTP; the manifest names it."""

_EVENT = "luister"
_PAGE, _PAGES = 100, 3
_CONNECT_SECONDS = 20.0
_CLOSE_SECONDS = 8


class Slack:
    """One workspace: what Luister posts there, and people's presses brought to the Desk."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        token: str,
        words: Words,
        app_token: str | None = None,
        signing_secret: str | None = None,
        base_url: str = BASE_URL,
        patience: float = PATIENCE,
    ) -> None:
        """Raise Misconfigured when there is neither an app token nor a signing secret."""
        if not app_token and not signing_secret:
            raise Misconfigured(
                "SLACK_APP_TOKEN: give the app-level token (xapp-…) for Socket Mode, or "
                "SLACK_SIGNING_SECRET for signed HTTP"
            )
        self._session = session
        self._base_url = base_url
        self._api = Api(self._client(token))
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._words = words
        self._patience = patience
        self._app: AsyncApp | None = None
        self.listening = False

    def _client(self, token: str | None) -> AsyncWebClient:
        return AsyncWebClient(
            token=token,
            base_url=self._base_url,
            session=self._session,
            logger=quiet_logger(),
            retry_handlers=[],  # its own retries post a card twice
        )

    async def post_card(self, channel: str, card: Card, *, mark: str) -> Message:
        """Post a card; see Chat."""
        blocks = card_blocks(card, self._words)
        return await self._post(channel, text=card.summary, blocks=blocks, mark=mark)

    async def update_card(self, message: Message, card: Card) -> None:
        """Draw a card anew; see Chat. Refused("message_not_found") when it is gone."""
        text = card.summary if card.stub is None else card.stub
        await self._update(message, text=text, blocks=card_blocks(card, self._words))

    async def post_digest(self, channel: str, digest: Digest, *, mark: str) -> Message:
        """Post a digest; see Chat."""
        blocks = digest_blocks(digest, self._words)
        return await self._post(channel, text=digest.title, blocks=blocks, mark=mark)

    async def update_digest(self, message: Message, digest: Digest) -> None:
        """Draw a digest anew; see Chat. Refused("message_not_found") when it is gone."""
        blocks = digest_blocks(digest, self._words)
        await self._update(message, text=digest.title, blocks=blocks)

    async def post_lines(
        self, thread: Message, lines: tuple[str, ...], *, mark: str, broadcast: bool
    ) -> Message:
        """Post lines in a thread, `broadcast` also in the channel; see Chat."""
        return await self._post(
            thread.channel,
            text="\n".join(lines),
            blocks=line_blocks(lines),
            mark=mark,
            thread_ts=thread.ts,
            reply_broadcast=broadcast,
        )

    async def post_note(self, channel: str, text: str, *, mark: str) -> Message:
        """Post a plain message; see Chat."""
        return await self._post(channel, text=text, blocks=line_blocks([text]), mark=mark)

    async def _post(
        self, channel: str, *, text: str, blocks: list[Block], mark: str, **more: Any
    ) -> Message:
        answer = await self._api.call(
            "chat.postMessage",
            channel=channel,
            text=escaped(text),
            blocks=blocks,
            metadata={"event_type": _EVENT, "event_payload": {"mark": mark}},
            parse="none",
            unfurl_links=False,
            unfurl_media=False,
            **more,
        )
        return Message(channel=answer["channel"], ts=answer["ts"])

    async def _update(self, message: Message, *, text: str, blocks: list[Block]) -> None:
        # Left out, `parse` becomes "client" on an update (docs.slack.dev, chat.update), which
        # makes links and mentions of plain text; left out, `metadata` stays.
        await self._api.call(
            "chat.update",
            channel=message.channel,
            ts=message.ts,
            text=escaped(text),
            blocks=blocks,
            parse="none",
        )

    async def find(self, channel: str, *, mark: str, thread: Message | None) -> Message | None:
        """Return our message that carries `mark`; looks at the newest 300 of the channel."""
        name = "conversations.replies" if thread else "conversations.history"
        where = {"ts": thread.ts} if thread else {}
        cursor = ""
        for _ in range(_PAGES):
            try:
                page = await self._api.call(
                    name,
                    channel=channel,
                    limit=_PAGE,
                    include_all_metadata=True,
                    **where,
                    **({"cursor": cursor} if cursor else {}),
                )
            except Refused as refused:
                if "thread_not_found" in str(refused):
                    return None  # somebody deleted the card, and its thread with it
                raise
            for message in page["messages"]:
                if _mark(message) == mark:
                    return Message(channel=channel, ts=message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return None

    async def permalink(self, message: Message) -> str | None:
        """Return the message's address, or None when it is gone."""
        try:
            found = await self._api.call(
                "chat.getPermalink", channel=message.channel, message_ts=message.ts
            )
        except Refused:
            return None
        return str(found["permalink"])

    async def delete(self, message: Message) -> None:
        """Take a message away; see Chat."""
        try:
            await self._api.call("chat.delete", channel=message.channel, ts=message.ts)
        except Refused as refused:
            if str(refused) != "message_not_found":
                raise

    def routes(self) -> list[web.RouteDef]:
        """Return what the app's web server must serve: nothing in Socket Mode."""
        return [] if self._app_token else [web.post(PATH, self._signed)]

    async def _signed(self, request: web.Request) -> web.Response:
        if self._app is None:
            return web.Response(status=503)  # Slack tries again; people see that it did not work
        answer = await self._app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    async def introduce(self) -> tuple[str, ...]:
        """Return who we are there, in a sentence; raises Refused when the token is wrong."""
        me = await self._api.call("auth.test")
        return (f"Signed in to the workspace {me.get('team')} as {me.get('user')}.",)

    async def run(self, desk: Desk) -> None:
        """Listen to people until cancelled; what is under way then comes to its end.

        Raises Refused when the tokens are wrong and TryAgain when the connection is lost: call
        it again.
        """
        team = (await self._api.call("auth.test"))["team_id"]
        listeners = Listeners(
            desk=desk, api=self._api, words=self._words, team=team, patience=self._patience
        )
        app = bolt_app(self._client(None), signing_secret=self._signing_secret or "")
        listeners.register(app)
        self._app = app
        try:
            if self._app_token:
                await self._listen(app, self._app_token, listeners=listeners)
            else:
                self.listening = True
                await asyncio.Event().wait()
        finally:
            self.listening = False
            self._app = None
            await listeners.parting()

    async def _listen(self, app: AsyncApp, token: str, *, listeners: Listeners) -> None:
        handler = AsyncSocketModeHandler(app, token)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                # connect() by itself asks again for ever with a token that is wrong.
                handler.client.wss_uri = await handler.client.issue_new_wss_url()
                await handler.client.connect()  # type: ignore[no-untyped-call]
            self.listening = True
            await until_lost(handler.client.is_connected)
        except SlackApiError as error:
            code = error.response.get("error", "no whole answer")
            raise Refused(f"apps.connections.open: {code}: check SLACK_APP_TOKEN") from None
        except (TimeoutError, aiohttp.ClientError) as error:
            raise TryAgain(f"Socket Mode: no connection ({type(error).__name__})") from None
        finally:
            await listeners.parting()
            await _close(handler)


async def until_lost(
    is_connected: Callable[[], Awaitable[bool]], *, every: float = 1, patience: float = 30
) -> NoReturn:
    """Raise TryAgain when there was no connection for `patience` seconds, looking each `every`.

    The SDK restores a lost connection itself, but may try the same one-time address for ever.
    """
    lost = 0.0
    while lost < patience:
        await asyncio.sleep(every)
        lost = 0.0 if await is_connected() else lost + every
    raise TryAgain("Socket Mode: connection lost")


async def _close(handler: AsyncSocketModeHandler) -> None:
    client = handler.client
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    # The SDK only asks its tasks to stop, and waits for ever for a server that is gone.
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await client.close()  # type: ignore[no-untyped-call]
            await asyncio.gather(*filter(None, tasks), return_exceptions=True)
    for task in filter(None, tasks):
        task.cancel()


def _mark(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != _EVENT or not message.get("bot_id"):
        return None
    mark: str | None = (metadata.get("event_payload") or {}).get("mark")
    return mark


@asynccontextmanager
async def open_slack(
    *,
    token: str,
    words: Words,
    app_token: str | None = None,
    signing_secret: str | None = None,
    base_url: str = BASE_URL,
) -> AsyncIterator[Slack]:
    """Give a Slack with its one HTTP session, closed at the end of the block."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        yield Slack(
            session=session,
            token=token,
            words=words,
            app_token=app_token,
            signing_secret=signing_secret,
            base_url=base_url,
        )
