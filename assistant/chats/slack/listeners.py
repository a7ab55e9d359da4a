"""What people do in Slack reaches the Desk here; each act is acknowledged once it is recorded."""

import asyncio
import logging
import re
import secrets
import traceback
from collections.abc import Coroutine, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from assistant.card import ActionId, Editor
from assistant.chats import Desk, Press, Presser, Submission, Verdict
from assistant.chats.slack import views
from assistant.chats.slack.api import Api, People, quiet_logger
from assistant.chats.slack.blocks import clip, escaped, plain, section, shown
from assistant.errors import Conflict, LuisterError, NotAllowed, Refused, StoreUnavailable
from assistant.words import Words

_log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds an act may take: Slack gives three for an acknowledgement, and wants one of them."""

_PARTING = 5.0
_ERROR = 1000

_OURS = re.compile("luister:(act|editor|form):([a-z_]+)")
_ANY = re.compile(".*", re.DOTALL)

Body = Mapping[str, Any]
T = TypeVar("T")


NOT_CONFIRMED, NOT_OPENED = "desk.slack_not_confirmed", "desk.slack_not_opened"


class _Told(Exception):
    """An act that came to nothing, as far as we know, with the sentence for who did it."""


class _Button(NamedTuple):
    """A pressed button of ours: what it opens, and on which case and version."""

    opens: str
    action: ActionId
    case: str
    version: int
    channel: str

    def press(self, by: Presser) -> Press:
        return Press(by=by, case=self.case, version=self.version, action=self.action)


def _button(body: Body) -> _Button | None:
    pressed = body["actions"][0]
    found = _OURS.fullmatch(pressed.get("action_id", ""))
    case, _, version = pressed.get("value", "").rpartition(":")
    if not found or found[2] not in get_args(ActionId) or not version.isdecimal():
        return None
    channel = (body.get("channel") or {}).get("id", "")
    return _Button(found[1], found[2], case, int(version), channel)  # type: ignore[arg-type]


def bolt_app(client: AsyncWebClient, *, signing_secret: str) -> AsyncApp:
    """Return an app without listeners; `client` is only what bolt would use by itself."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Whether the token is good was asked at the start; no act waits for that again.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    return AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=signing_secret,
        logger=quiet_logger(),
        # Otherwise bolt looks only every 10 ms whether a listener acknowledged.
        process_before_response=True,
        attaching_conversation_kwargs_enabled=False,
    )


class Listeners:
    """Slack's side of the counter: `register` it with an app and people can press."""

    def __init__(
        self, *, desk: Desk, api: Api, words: Words, team: str, patience: float = PATIENCE
    ) -> None:
        self._desk = desk
        self._api = api
        self._words = words
        self._team = team
        self._patience = patience
        self._people = People(api)
        self._running: set[asyncio.Task[Any]] = set()

    def register(self, app: AsyncApp) -> None:
        """Let `app` bring what people do here; what is not ours is acknowledged and left."""
        app.view(views.EDITOR)(self._sent)
        app.view(views.FORM)(self._answered)
        app.action(_ANY)(self._pressed)

    async def parting(self) -> None:
        """Let what is under way come to its end, for a few seconds."""
        if self._running:
            await asyncio.wait(self._running, timeout=_PARTING)

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        button = _button(body)
        if button is None:
            return await ack()
        if button.opens != "act":
            # Nothing is recorded by opening a window, so nothing needs to be waited for.
            self._spawn(self._open(button, body))
            return await ack()
        try:
            told = await self._in_time(self._press(button, body))
        except _Told as instead:
            told = str(instead)
        assert not isinstance(told, Editor)
        self._whisper(told, channel=button.channel, body=body)
        return await ack()

    async def _press(self, button: _Button, body: Body) -> str | Editor | None:
        return await self._desk.press(button.press(await self._presser(body)))

    async def _open(self, button: _Button, body: Body) -> None:
        """Open a window while Slack still lets us, then put in it what was asked for."""
        loading = views.loading_view(self._words)
        try:
            opened = await self._api.call("views.open", trigger_id=body["trigger_id"], view=loading)
            try:
                view = await self._settled(self._window(button, body), else_say=NOT_OPENED)
            except _Told as told:
                view = views.told_view(self._words.say("editor.cannot"), str(told), self._words)
            where = {"view_id": opened["view"]["id"], "hash": opened["view"]["hash"]}
            await self._api.call("views.update", **where, view=view)
        except LuisterError as error:
            _report(error)
            self._whisper(self._desk.say(NOT_OPENED), channel=button.channel, body=body)

    async def _window(self, button: _Button, body: Body) -> views.View:
        press = button.press(await self._presser(body))
        if button.opens == "form":
            form = await self._desk.form(press)
            return views.form_view(form, channel=button.channel, words=self._words)
        return self._fresh(await self._desk.editor(press), channel=button.channel)

    def _fresh(self, editor: Editor, *, channel: str) -> views.View:
        """Return an editor nobody sent in yet."""
        nonce = secrets.token_urlsafe(12)
        return views.editor_view(editor, nonce=nonce, channel=channel, words=self._words)

    async def _sent(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        typed = views.read_editor(body["view"])
        if not typed.text:
            return await self._at(ack, views.TEXT, self._words.say("editor.empty"))
        if typed.asked and not typed.reason:
            return await self._at(ack, views.REASON, self._words.say("editor.no_reason"))
        try:
            act = self._submit(typed, body)
            verdict = await self._in_time(act, else_say="editor.not_confirmed")
        except _Told as told:
            return await self._at(ack, views.TEXT, str(told))
        return await self._judged(ack, verdict, typed=typed, body=body)

    async def _submit(self, typed: views.Typed, body: Body) -> Verdict:
        return await self._desk.submit(
            Submission(
                by=await self._presser(body),
                view=typed.nonce,
                case=typed.case,
                revision=typed.revision,
                draft=typed.draft,
                text=typed.text,
                reason=typed.reason or None,
                corrects=typed.corrects,
                reader=typed.reader,
            )
        )

    async def _judged(
        self, ack: AsyncAck, verdict: Verdict, *, typed: views.Typed, body: Body
    ) -> BoltResponse:
        if verdict.outcome == "errors":
            return await self._at(ack, views.TEXT, verdict.told or "")
        if verdict.outcome == "confirm":
            assert verdict.editor is not None
            view = views.editor_view(
                verdict.editor, nonce=typed.nonce, channel=typed.channel, words=self._words
            )
            return await ack(response_action="update", view=view)
        self._whisper(verdict.told, channel=typed.channel, body=body)
        return await ack(response_action="clear")

    async def _answered(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse:
        filled = views.read_form(body["view"])
        inputs = {block.get("block_id") for block in body["view"]["blocks"]}
        if views.CHOICE in inputs and filled.choice is None:
            return await self._at(ack, views.CHOICE, self._words.say("editor.no_choice"))
        if views.SECOND in inputs and filled.second is None:
            return await self._at(ack, views.SECOND, self._words.say("editor.no_choice"))
        if filled.text_required and filled.text is None:
            return await self._at(ack, views.NOTE, self._words.say("editor.no_text"))
        try:
            told = await self._in_time(self._fill(filled, body))
        except _Told as instead:
            last = views.NOTE if views.NOTE in inputs else views.CHOICE
            return await self._at(ack, last, str(instead))
        if isinstance(told, Editor):
            view = self._fresh(told, channel=filled.channel)
            return await ack(response_action="update", view=view)
        self._whisper(told, channel=filled.channel, body=body)
        return await ack(response_action="clear")

    async def _fill(self, filled: views.Filled, body: Body) -> str | Editor | None:
        return await self._desk.press(
            Press(
                by=await self._presser(body),
                case=filled.case,
                version=filled.version,
                action=filled.action,
                choice=filled.choice,
                second=filled.second,
                text=filled.text,
            )
        )

    async def _at(self, ack: AsyncAck, block: str, told: str) -> BoltResponse:
        return await ack(response_action="errors", errors={block: clip(shown(told), _ERROR)})

    async def _presser(self, body: Body) -> Presser:
        user = body["user"]
        team = user.get("team_id") or (body.get("team") or {}).get("id")
        if team != self._team:
            return Presser(chat_user=user["id"], foreign=True)
        return Presser(chat_user=user["id"], guest=await self._people.is_guest(user["id"]))

    async def _in_time(self, act: Coroutine[Any, Any, T], *, else_say: str = NOT_CONFIRMED) -> T:
        """Wait for an act as long as Slack's patience allows; the act itself goes on after that.

        Raises _Told with what to tell the person where it failed or took longer: then too it is
        unknown what was recorded.
        """
        task = self._spawn(self._settled(act, else_say=else_say))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done:
            _log.warning("slack: an act was not recorded within %s s", self._patience)
            raise _Told(self._desk.say(else_say))
        return task.result()

    async def _settled(self, act: Coroutine[Any, Any, T], *, else_say: str) -> T:
        try:
            return await act
        except Exception as error:  # the loop round every act: a person always gets an answer
            raise _Told(self._sentence(error, else_say=else_say)) from None

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and not isinstance(error, _Told):
            _report(error)

    def _sentence(self, error: Exception, *, else_say: str) -> str:
        """What to tell the person; anything not understood counts as not confirmed."""
        if isinstance(error, NotAllowed):
            return self._desk.say(error.why, **error.values)
        _report(error)
        if isinstance(error, Refused):
            return self._desk.say("desk.slack_refused", reason=error)
        return self._desk.say(else_say)

    def _whisper(self, told: str | None, *, channel: str, body: Body) -> None:
        """Say something only the person who pressed can see."""
        if told and channel:
            self._spawn(self._post_whisper(told, channel=channel, user=body["user"]["id"]))

    async def _post_whisper(self, told: str, *, channel: str, user: str) -> None:
        try:
            await self._api.call(
                "chat.postEphemeral",
                channel=channel,
                user=user,
                text=escaped(told),
                blocks=[section(plain(told))],
            )
        except LuisterError as error:
            _report(error)


def _report(error: Exception) -> None:
    """Log what went wrong without the error's own words, which may quote a citizen."""
    expected = (StoreUnavailable, Conflict)
    if isinstance(error, LuisterError) and not isinstance(error, expected):
        _log.warning("slack: %s: %s", type(error).__name__, error)
        return
    frames = (
        "" if isinstance(error, expected) else "".join(traceback.format_tb(error.__traceback__))
    )
    _log.warning("slack: %s\n%s", type(error).__name__, frames)
