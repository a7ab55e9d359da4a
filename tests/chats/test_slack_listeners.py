"""What people do in Slack, through the real bolt, against a Desk and a Slack on loopback."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from assistant.card import Card, Choice, Digest, Editor, Form
from assistant.chats import Message, Press, Presser, Submission, Verdict
from assistant.chats.slack import Slack, until_lost, views
from assistant.chats.slack.api import Api, quiet_logger
from assistant.chats.slack.listeners import Listeners, bolt_app
from assistant.errors import (
    Doubtful,
    Misconfigured,
    NotAllowed,
    Refused,
    StoreUnavailable,
    TryAgain,
)
from assistant.words import Words
from tests.chats.slack_server import TEAM, TOKEN, SlackServer, slack_server

NL = Words("nl")
ALICE = Presser(chat_user="U01")
EDITOR = Editor(
    case="c1",
    revision=2,
    draft="d1",
    title="Antwoord",
    post="Wanneer?",
    text="Morgen ^AB",
    limit=500,
    hint="",
    text_label="Antwoord",
    submit="Versturen",
)
FORM = Form(
    case="c1",
    version=3,
    action="close",
    title="Sluiten",
    submit="Sluit",
    choices=(Choice(value="spam", label="Spam"),),
    text_label="Toelichting",
    text_required=True,
)
CARD = Card(
    case="c1",
    version=3,
    title="Zaak",
    summary="Nieuw <!channel>",
    author="@j",
    source="Mastodon",
    url=None,
    time="nu",
    post="Hallo",
)


class FakeDesk:
    """A Desk that notes what it is asked, after an optional wait, and answers as told."""

    def __init__(self) -> None:
        self.presses: list[Press] = []
        self.submissions: list[Submission] = []
        self.error: Exception | None = None
        self.told: str | Editor | None = None
        self.verdict = Verdict(outcome="queued")
        self.hold = asyncio.Event()
        self.hold.set()
        self.recorded = asyncio.Event()

    async def _record(self) -> None:
        await self.hold.wait()
        if self.error is not None:
            raise self.error
        self.recorded.set()

    async def press(self, press: Press) -> str | Editor | None:
        await self._record()
        self.presses.append(press)
        return self.told

    async def form(self, press: Press) -> Form:
        await self._record()
        self.presses.append(press)
        return FORM

    async def editor(self, press: Press) -> Editor:
        await self._record()
        self.presses.append(press)
        return EDITOR

    async def submit(self, submission: Submission) -> Verdict:
        await self._record()
        self.submissions.append(submission)
        return self.verdict

    def say(self, key: str, **values: object) -> str:
        return NL.say(key, **values)


class Counter:
    """A Desk, a Slack and the listeners between them."""

    def __init__(self, *, slack: SlackServer, app: AsyncApp, desk: FakeDesk) -> None:
        self.slack, self.app, self.desk = slack, app, desk

    async def press(self, action: str = "luister:act:claim", **more: Any) -> None:
        """Press a button; it must be acknowledged."""
        status, answer = await self.dispatch(_pressed(action, **more))
        assert (status, answer) == (200, None)

    async def submit(self, view: views.View, **values: Any) -> Any:
        """Send a modal in; what bolt answers Slack."""
        status, answer = await self.dispatch(_submission(view, **values))
        assert status == 200
        return answer

    async def dispatch(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Let bolt handle a payload as Socket Mode brings it."""
        answer = await self.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        return answer.status, json.loads(answer.body) if answer.body else None

    async def whisper(self) -> str:
        """Wait for something only the presser sees."""
        (said,) = await self.slack.called("chat.postEphemeral")
        assert (said["channel"], said["user"]) == ("C01", "U01")
        return str(said["blocks"][0]["text"]["text"])

    async def window(self) -> views.View:
        """Wait for what the window shows after it was loading."""
        (update,) = await self.slack.called("views.update")
        assert (update["view_id"], update["hash"]) == ("V01", "h1")
        view: views.View = update["view"]
        return view


def _user(**user: Any) -> dict[str, Any]:
    return {"id": "U01", "team_id": TEAM, **user}


def _pressed(action: str, *, value: str = "c1:3", **user: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": _user(**user),
        "channel": {"id": "C01"},
        "trigger_id": "T1",
        "actions": [{"type": "button", "block_id": "b", "action_id": action, "value": value}],
    }


def _submission(view: views.View, **values: Any) -> dict[str, Any]:
    state = {name: {name: value} for name, value in values.items()}
    return {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": _user(),
        "view": {**view, "id": "V01", "state": {"values": state}},
    }


def _typed(text: str | None) -> dict[str, Any]:
    return {"type": "plain_text_input", "value": text}


def _editor_view(editor: Editor = EDITOR) -> views.View:
    return views.editor_view(editor, nonce="n1", channel="C01", words=NL)


def _client(slack: SlackServer, session: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(
        token=TOKEN,
        base_url=f"{slack.url}/api/",
        session=session,
        retry_handlers=[],
        logger=quiet_logger(),
    )


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """A Slack on loopback."""
    async with slack_server() as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The one HTTP session, with a patience no test waits for."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


@pytest.fixture
async def counter(slack: SlackServer, session: aiohttp.ClientSession) -> AsyncIterator[Counter]:
    """The listeners at work; an act may take a tenth of a second."""
    desk, api = FakeDesk(), Api(_client(slack, session))
    listeners = Listeners(desk=desk, api=api, words=NL, team=TEAM, patience=0.1)
    app = bolt_app(AsyncWebClient(session=session), signing_secret="")
    listeners.register(app)
    yield Counter(slack=slack, app=app, desk=desk)
    desk.hold.set()
    await listeners.parting()


Connect = Callable[..., Slack]


@pytest.fixture
def connect(slack: SlackServer, session: aiohttp.ClientSession) -> Connect:
    """Make a Slack adapter on the loopback server."""

    def make(**more: Any) -> Slack:
        options = {"signing_secret": "s3cret", "base_url": f"{slack.url}/api/"} | more
        return Slack(session=session, token=TOKEN, words=NL, **options)

    return make


@pytest.fixture
def chat(connect: Connect) -> Slack:
    """A Slack adapter that only posts."""
    return connect()


# --- pressing ---------------------------------------------------------------------------------


async def test_press_is_acknowledged_after_it_is_recorded(counter: Counter) -> None:
    await counter.press()
    assert counter.desk.presses == [Press(by=ALICE, case="c1", version=3, action="claim")]
    assert not counter.slack.of("chat.postEphemeral")


async def test_what_the_desk_says_is_whispered(counter: Counter) -> None:
    counter.desk.told = "Al van <Bob>."
    await counter.press()
    assert await counter.whisper() == "Al van <Bob>."
    assert counter.slack.of("chat.postEphemeral")[0]["text"] == "Al van &lt;Bob&gt;."


async def test_refusal_is_whispered_in_words(counter: Counter) -> None:
    counter.desk.error = NotAllowed("editor.limit", limit=7)
    await counter.press()
    assert await counter.whisper() == NL.say("editor.limit", limit=7)


@pytest.mark.parametrize("error", [StoreUnavailable("x"), RuntimeError("een burger")])
async def test_unknown_outcome_is_told_as_not_confirmed(
    counter: Counter, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    counter.desk.error = error
    await counter.press()
    assert await counter.whisper() == NL.say("desk.slack_not_confirmed")
    assert type(error).__name__ in caplog.text
    assert "een burger" not in caplog.text


async def test_slow_press_is_not_confirmed_yet_goes_on(counter: Counter) -> None:
    counter.desk.hold.clear()
    await counter.press()
    assert await counter.whisper() == NL.say("desk.slack_not_confirmed")
    assert counter.desk.presses == []
    counter.desk.hold.set()
    await asyncio.wait_for(counter.desk.recorded.wait(), 5)
    assert len(counter.desk.presses) == 1


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("somebody:else", "c1:3"),
        ("luister:act:explode", "c1:3"),
        ("luister:act:claim", "c1"),
        ("luister:act:claim", ""),
    ],
)
async def test_what_is_not_ours_is_acknowledged_and_left(
    counter: Counter, action: str, value: str
) -> None:
    await counter.press(action, value=value)
    assert counter.desk.presses == []


async def test_three_deliveries_of_one_press_are_the_same_press(counter: Counter) -> None:
    await asyncio.gather(*(counter.press() for _ in range(3)))
    assert len(counter.desk.presses) == 3
    assert len(set(counter.desk.presses)) == 1


@pytest.mark.parametrize("kind", ["is_restricted", "is_ultra_restricted"])
async def test_guest_is_told_apart(counter: Counter, kind: str) -> None:
    counter.slack.answers["users.info"] = [{"user": {"id": "U01", kind: True}}]
    await counter.press()
    assert counter.desk.presses[0].by == Presser(chat_user="U01", guest=True)


async def test_who_is_a_guest_is_asked_once(counter: Counter) -> None:
    await counter.press()
    await counter.press()
    assert len(counter.slack.of("users.info")) == 1


async def test_person_of_another_workspace_is_told_apart(counter: Counter) -> None:
    await counter.press(team_id="T0OTHER")
    assert counter.desk.presses[0].by == Presser(chat_user="U01", foreign=True)
    assert not counter.slack.of("users.info")


async def test_nobody_acts_while_it_is_unknown_who_is_a_guest(counter: Counter) -> None:
    missing = {"ok": False, "error": "missing_scope", "needed": "users:read"}
    counter.slack.answers["users.info"] = [missing]
    await counter.press()
    assert "users:read" in await counter.whisper()
    assert counter.desk.presses == []


# --- windows ----------------------------------------------------------------------------------


async def test_editor_opens_loading_and_is_then_filled(counter: Counter) -> None:
    counter.desk.hold.clear()
    await counter.press("luister:editor:edit")
    (opened,) = await counter.slack.called("views.open")
    assert opened["trigger_id"] == "T1"
    assert "submit" not in opened["view"]
    counter.desk.hold.set()
    view = await counter.window()
    about = json.loads(view["private_metadata"])
    nonce = about.pop("nonce")
    kept = {"case": "c1", "revision": 2, "draft": "d1", "corrects": None}
    assert about == kept | {"channel": "C01"}
    assert view == views.editor_view(EDITOR, nonce=nonce, channel="C01", words=NL)


async def test_two_editors_have_two_nonces(counter: Counter) -> None:
    await asyncio.gather(*(counter.press("luister:editor:edit") for _ in range(2)))
    updates = await counter.slack.called("views.update", count=2)
    nonces = {json.loads(each["view"]["private_metadata"])["nonce"] for each in updates}
    assert len(nonces) == 2


async def test_form_opens_loading_and_is_then_filled(counter: Counter) -> None:
    await counter.press("luister:form:close")
    assert await counter.window() == views.form_view(FORM, channel="C01", words=NL)
    assert counter.desk.presses == [Press(by=ALICE, case="c1", version=3, action="close")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotAllowed("editor.limit", limit=7), NL.say("editor.limit", limit=7)),
        (StoreUnavailable("x"), NL.say("desk.slack_not_opened")),
    ],
)
async def test_window_says_why_not(counter: Counter, error: Exception, told: str) -> None:
    counter.desk.error = error
    await counter.press("luister:editor:edit")
    assert await counter.window() == views.told_view("Dit kan nu niet", told, NL)


@pytest.mark.parametrize("method", ["views.open", "views.update"])
async def test_window_that_does_not_open_is_told(counter: Counter, method: str) -> None:
    counter.slack.answers[method] = [{"ok": False, "error": "expired_trigger_id"}]
    await counter.press("luister:editor:edit")
    assert await counter.whisper() == NL.say("desk.slack_not_opened")


# --- sending ----------------------------------------------------------------------------------


async def test_sent_text_is_submitted_as_typed(counter: Counter) -> None:
    counter.desk.verdict = Verdict(outcome="queued", told="Gaat zo weg.")
    answer = await counter.submit(_editor_view(), text=_typed("Dag :+1:\r\n^AB "))
    assert answer == {"response_action": "clear"}
    assert counter.desk.submissions == [
        Submission(
            by=ALICE, view="n1", case="c1", revision=2, draft="d1", text="Dag 👍\n^AB", reason=None
        )
    ]
    assert await counter.whisper() == "Gaat zo weg."


async def test_untouched_text_is_what_that_view_showed(counter: Counter) -> None:
    await counter.submit(_editor_view(), text=_typed(None))
    assert counter.desk.submissions[0].text == "Morgen ^AB"


async def test_empty_text_is_an_error_and_not_submitted(counter: Counter) -> None:
    answer = await counter.submit(_editor_view(), text=_typed(" \n"))
    assert answer == {"response_action": "errors", "errors": {"text": NL.say("editor.empty")}}
    assert counter.desk.submissions == []


async def test_check_error_stands_at_the_text(counter: Counter) -> None:
    counter.desk.verdict = Verdict(outcome="errors", told="Te lang: 501 van 500.")
    answer = await counter.submit(_editor_view(), text=_typed("x"))
    assert answer == {"response_action": "errors", "errors": {"text": "Te lang: 501 van 500."}}


async def test_confirm_shows_the_editor_again_with_the_same_nonce(counter: Counter) -> None:
    asking = EDITOR.model_copy(update={"text": "Zeker!", "asks": ("Belofte.",)})
    counter.desk.verdict = Verdict(outcome="confirm", editor=asking)
    answer = await counter.submit(_editor_view(), text=_typed("Zeker!"))
    assert answer == {"response_action": "update", "view": _editor_view(asking)}
    # The answer to what was asked, with the text untouched, which local-slack sends as null.
    counter.desk.verdict = Verdict(outcome="queued")
    without = await counter.submit(answer["view"], text=_typed(None), reason=_typed(None))
    assert without["errors"] == {"reason": NL.say("editor.no_reason")}
    await counter.submit(answer["view"], text=_typed(None), reason=_typed("Staat vast"))
    first, second = counter.desk.submissions
    assert (second.text, second.reason, second.view) == ("Zeker!", "Staat vast", first.view)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotAllowed("editor.limit", limit=7), NL.say("editor.limit", limit=7)),
        (StoreUnavailable("x"), NL.say("editor.not_confirmed")),
        (RuntimeError("x"), NL.say("editor.not_confirmed")),
    ],
)
async def test_text_stays_when_sending_did_not_work(
    counter: Counter, error: Exception, told: str
) -> None:
    counter.desk.error = error
    answer = await counter.submit(_editor_view(), text=_typed("Ja"))
    assert answer == {"response_action": "errors", "errors": {"text": told}}


async def test_slow_send_is_not_confirmed_goes_on_and_can_be_repeated(counter: Counter) -> None:
    counter.desk.hold.clear()
    answer = await counter.submit(_editor_view(), text=_typed("Ja"))
    assert answer["errors"] == {"text": NL.say("editor.not_confirmed")}
    counter.desk.hold.set()
    await asyncio.wait_for(counter.desk.recorded.wait(), 5)
    assert await counter.submit(_editor_view(), text=_typed("Ja")) == {"response_action": "clear"}
    first, second = counter.desk.submissions
    assert first == second


# --- forms ------------------------------------------------------------------------------------


async def test_form_is_pressed_with_what_was_filled_in(counter: Counter) -> None:
    counter.desk.told = "Gesloten."
    view = views.form_view(FORM, channel="C01", words=NL)
    chosen = {"type": "static_select", "selected_option": {"value": "spam"}}
    answer = await counter.submit(view, choice=chosen, note=_typed("Reclame"))
    assert answer == {"response_action": "clear"}
    pressed = Press(by=ALICE, case="c1", version=3, action="close", choice="spam", text="Reclame")
    assert counter.desk.presses == [pressed]
    assert await counter.whisper() == "Gesloten."


@pytest.mark.parametrize(
    ("choice", "note", "block", "key"),
    [(None, "x", "choice", "editor.no_choice"), ({"value": "spam"}, " ", "note", "editor.no_text")],
)
async def test_form_needs_what_it_asks(
    counter: Counter, choice: Any, note: str, block: str, key: str
) -> None:
    view = views.form_view(FORM, channel="C01", words=NL)
    answer = await counter.submit(view, choice={"selected_option": choice}, note=_typed(note))
    assert answer == {"response_action": "errors", "errors": {block: NL.say(key)}}
    assert counter.desk.presses == []


async def test_form_with_two_choices_is_pressed_with_both(counter: Counter) -> None:
    choices = (Choice(value="answer", label="Ja"),)
    two = FORM.model_copy(update={"second_choices": choices, "text_required": False})
    view = views.form_view(two, channel="C01", words=NL)
    first = {"selected_option": {"value": "spam"}}
    answer = await counter.submit(view, choice=first, second={"selected_option": None})
    assert answer["errors"] == {"second": NL.say("editor.no_choice")}
    await counter.submit(view, choice=first, second={"selected_option": {"value": "answer"}})
    [pressed] = counter.desk.presses
    assert (pressed.choice, pressed.second) == ("spam", "answer")


async def test_a_form_may_go_on_in_the_editor(counter: Counter) -> None:
    counter.desk.told = EDITOR
    view = views.form_view(
        FORM.model_copy(update={"action": "pick", "text_label": None, "text_required": False}),
        channel="C01",
        words=NL,
    )
    nonces = set()
    for _ in range(2):
        answer = await counter.submit(view, choice={"selected_option": {"value": "spam"}})
        assert answer["response_action"] == "update"
        assert answer["view"]["blocks"] == _editor_view()["blocks"]
        nonces.add(views.read_editor(answer["view"] | {"state": {"values": {}}}).nonce)
    assert len(nonces) == 2
    assert not counter.slack.of("chat.postEphemeral")


async def test_form_stays_when_it_did_not_work(counter: Counter) -> None:
    counter.desk.error = StoreUnavailable("x")
    view = views.form_view(
        FORM.model_copy(update={"text_label": None, "text_required": False}),
        channel="C01",
        words=NL,
    )
    answer = await counter.submit(view, choice={"selected_option": {"value": "spam"}})
    assert answer["errors"] == {"choice": NL.say("desk.slack_not_confirmed")}


# --- posting ----------------------------------------------------------------------------------


async def test_card_is_posted_with_its_mark_and_nothing_unfolds(
    chat: Slack, slack: SlackServer
) -> None:
    assert await chat.post_card("C01", CARD, mark="m1") == Message(channel="C01", ts="1.000100")
    (posted,) = slack.of("chat.postMessage")
    blocks = posted.pop("blocks")
    assert blocks[0]["text"]["text"] == "Zaak"
    assert posted == {
        "channel": "C01",
        "text": "Nieuw &lt;!channel&gt;",
        "metadata": {"event_type": "luister", "event_payload": {"mark": "m1"}},
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }


async def test_thread_lines_and_notes(chat: Slack, slack: SlackServer) -> None:
    there = Message(channel="C01", ts="1.0")
    await chat.post_lines(there, ("Een <!here>", "Twee"), mark="l1", broadcast=True)
    await chat.post_note("C02", "wortel 00ff", mark="n1")
    lines, note = slack.of("chat.postMessage")
    assert (lines["thread_ts"], lines["reply_broadcast"]) == ("1.0", True)
    assert [each["text"]["text"] for each in lines["blocks"]] == ["Een <!here>", "Twee"]
    assert "thread_ts" not in note
    assert note["text"] == "wortel 00ff"


async def test_updates_keep_their_place(chat: Slack, slack: SlackServer) -> None:
    there = Message(channel="C01", ts="1.0")
    await chat.update_card(there, CARD.model_copy(update={"stub": "Weg."}))
    await chat.update_digest(there, Digest(id="d", title="Twee", lines=()))
    card, digest = slack.of("chat.update")
    assert (card["channel"], card["ts"], card["text"]) == ("C01", "1.0", "Weg.")
    assert (digest["text"], digest["parse"]) == ("Twee", "none")
    await chat.post_digest("C01", Digest(id="d", title="Twee", lines=()), mark="d1")
    assert slack.of("chat.postMessage")[0]["text"] == "Twee"


def _marked(mark: str, ts: str, **more: Any) -> dict[str, Any]:
    metadata = {"event_type": "luister", "event_payload": {"mark": mark}}
    return {"ts": ts, "bot_id": "B1", "metadata": metadata, **more}


async def test_find_looks_page_by_page(chat: Slack, slack: SlackServer) -> None:
    forged = _marked("m1", "9.0", bot_id=None)
    slack.answers["conversations.history"] = [
        {"messages": [forged, {"ts": "8.0"}], "response_metadata": {"next_cursor": "p2"}},
        {"messages": [_marked("m2", "7.0"), _marked("m1", "6.0")]},
    ]
    assert await chat.find("C01", mark="m1", thread=None) == Message(channel="C01", ts="6.0")
    assert slack.of("conversations.history")[1]["cursor"] == "p2"
    assert slack.of("conversations.history")[0]["include_all_metadata"] == "1"


async def test_find_stops_after_three_pages(chat: Slack, slack: SlackServer) -> None:
    more = {"messages": [], "response_metadata": {"next_cursor": "x"}}
    slack.answers["conversations.replies"] = [more] * 9
    there = Message(channel="C01", ts="1.0")
    assert await chat.find("C01", mark="m1", thread=there) is None
    assert [each["ts"] for each in slack.of("conversations.replies")] == ["1.0"] * 3


async def test_permalink_of_what_is_gone_is_none(chat: Slack, slack: SlackServer) -> None:
    slack.answers["chat.getPermalink"] = [
        {"permalink": "https://s.example/p1"},
        {"ok": False, "error": "message_not_found"},
    ]
    there = Message(channel="C01", ts="1.0")
    assert await chat.permalink(there) == "https://s.example/p1"
    assert await chat.permalink(there) is None


async def test_deleting_what_is_gone_is_fine(chat: Slack, slack: SlackServer) -> None:
    slack.answers["chat.delete"] = [
        {"ok": False, "error": "message_not_found"},
        {"ok": False, "error": "cant_delete_message"},
    ]
    await chat.delete(Message(channel="C01", ts="1.0"))
    with pytest.raises(Refused, match="cant_delete_message"):
        await chat.delete(Message(channel="C01", ts="1.0"))


# --- refusals of Slack ------------------------------------------------------------------------


async def _cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _never(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


def _no(error: str, **more: str) -> dict[str, Any]:
    return {"ok": False, "error": error, **more}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (_no("channel_not_found"), Refused, "no channel C01.*invite"),
        (_no("not_in_channel"), Refused, "not in channel C01: invite"),
        (_no("is_archived"), Refused, "C01 is archived"),
        (_no("missing_scope", needed="chat:write"), Refused, "lacks the scope chat:write"),
        (_no("invalid_auth"), Refused, "bot token is wrong"),
        (_no("invalid_blocks"), Refused, "invalid_blocks"),
        (_no("msg_blocks_too_long"), Refused, "longer than Slack takes"),
        (_no("message_not_found"), Refused, "^message_not_found$"),
        (_no("something_new"), Refused, "something_new"),
        (web.Response(status=404, text="<h1>?"), Refused, "HTTP 404"),
        (_no("ratelimited"), TryAgain, "rate limited"),
        (_no("fatal_error"), Doubtful, "fatal_error"),
        (web.Response(status=503, text="<h1>", content_type="text/html"), Doubtful, "HTTP 503"),
        (web.Response(text="<h1>", content_type="text/html"), Doubtful, "HTTP 200"),
        (web.Response(text="ok"), Doubtful, "no whole answer"),
        (web.Response(text='{"ok', content_type="application/json"), Doubtful, "HTTP 200"),
        (_cut, Doubtful, "ServerDisconnectedError"),
    ],
)
async def test_refusals_say_what_to_do(
    chat: Slack,
    slack: SlackServer,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    error: type[Exception],
    says: str,
) -> None:
    slack.answers["chat.postMessage"] = [answer]
    with caplog.at_level(logging.DEBUG), pytest.raises(error, match=says) as caught:
        await chat.post_card("C01", CARD, mark="m1")
    assert len(slack.of("chat.postMessage")) == 1, "nothing may be retried by itself"
    assert caught.value.__cause__ is None
    assert TOKEN not in caplog.text + str(caught.value)
    assert CARD.post not in caplog.text


async def test_rate_limit_says_how_long(chat: Slack, slack: SlackServer) -> None:
    limited = web.json_response(_no("ratelimited"), status=429, headers={"Retry-After": "17"})
    slack.answers["chat.postMessage"] = [limited]
    with pytest.raises(TryAgain) as caught:
        await chat.post_card("C01", CARD, mark="m1")
    assert caught.value.after == 17


async def test_no_answer_is_doubtful(slack: SlackServer) -> None:
    slack.answers["chat.postMessage"] = [_never]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as hasty:
        chat = Slack(
            session=hasty, token=TOKEN, words=NL, signing_secret="s", base_url=f"{slack.url}/api/"
        )
        with pytest.raises(Doubtful, match="Timeout"):
            await chat.post_card("C01", CARD, mark="m1")


async def test_reading_without_an_answer_may_be_tried_again(
    chat: Slack, slack: SlackServer
) -> None:
    slack.answers["conversations.history"] = [_cut, _cut]  # aiohttp itself reads once more
    with pytest.raises(TryAgain):
        await chat.find("C01", mark="m1", thread=None)


async def test_refused_connection_is_surely_not_done(
    connect: Connect, unused_tcp_port: int
) -> None:
    chat = connect(base_url=f"http://127.0.0.1:{unused_tcp_port}/api/")
    with pytest.raises(TryAgain, match="cannot be reached"):
        await chat.post_card("C01", CARD, mark="m1")


# --- listening --------------------------------------------------------------------------------


@asynccontextmanager
async def _running(chat: Slack, desk: FakeDesk) -> AsyncIterator[None]:
    task = asyncio.create_task(chat.run(desk))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _served(chat: Slack) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(chat.routes())
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}/slack/events"
    finally:
        await server.close()


def _signed(body: str, *, secret: str = "s3cret") -> dict[str, str]:
    at = str(int(time.time()))
    sign = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": at,
        "x-slack-signature": f"v0={sign}",
    }


Post = Callable[..., Awaitable[int]]


async def test_signed_http_reaches_the_desk_and_unsigned_does_not(
    chat: Slack, slack: SlackServer, session: aiohttp.ClientSession
) -> None:
    desk = FakeDesk()
    body = "payload=" + quote_plus(json.dumps(_pressed("luister:act:claim")))
    async with _served(chat) as url:

        async def post(secret: str) -> int:
            async with session.post(url, data=body, headers=_signed(body, secret=secret)) as answer:
                return answer.status

        assert await post("s3cret") == 503, "nobody listens yet"
        async with _running(chat, desk):
            await slack.called("auth.test")
            while await post("wrong") == 503:  # between the answer to auth.test and listening
                await asyncio.sleep(0)
            assert await post("wrong") == 401
            assert desk.presses == []
            assert await post("s3cret") == 200
            assert len(desk.presses) == 1
        assert await post("s3cret") == 503


async def test_socket_mode_reaches_the_desk(connect: Connect, slack: SlackServer) -> None:
    desk = FakeDesk()
    chat = connect(app_token="xapp-secret")
    assert chat.routes() == []
    async with _running(chat, desk):
        await slack.called("apps.connections.open")
        press = {"type": "interactive", "envelope_id": "e1", "accepts_response_payload": True}
        acked = await slack.send({**press, "payload": _pressed("luister:act:claim")})
        assert acked["envelope_id"] == "e1"
        assert len(desk.presses) == 1
        empty = _submission(_editor_view(), text=_typed(" "))
        acked = await slack.send({**press, "envelope_id": "e2", "payload": empty})
        assert acked["payload"]["response_action"] == "errors"


async def test_act_under_way_is_finished_when_listening_ends(
    connect: Connect, slack: SlackServer
) -> None:
    desk = FakeDesk()
    desk.hold.clear()
    chat = connect(app_token="xapp-secret", patience=5)
    press = {"type": "interactive", "envelope_id": "e1", "payload": _pressed("luister:act:claim")}
    task = asyncio.create_task(chat.run(desk))
    await slack.called("apps.connections.open")
    acked = asyncio.create_task(slack.send(press))
    await slack.called("users.info")
    task.cancel()
    desk.hold.set()
    assert (await acked)["envelope_id"] == "e1"
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(desk.presses) == 1


async def test_wrong_tokens_are_refused_with_what_to_do(
    connect: Connect, slack: SlackServer
) -> None:
    slack.answers["auth.test"] = [_no("invalid_auth")]
    with pytest.raises(Refused, match="OAuth & Permissions"):
        await connect().run(FakeDesk())
    slack.answers["apps.connections.open"] = [_no("invalid_auth")]
    with pytest.raises(Refused, match="SLACK_APP_TOKEN"):
        await connect(app_token="xapp-wrong").run(FakeDesk())


async def test_neither_token_nor_secret_is_a_mistake(connect: Connect) -> None:
    with pytest.raises(Misconfigured, match="SLACK_APP_TOKEN"):
        connect(signing_secret=None)


async def test_connection_lost_for_long_ends_listening() -> None:
    states = iter([False, True, False, False, False])

    async def is_connected() -> bool:
        return next(states)

    with pytest.raises(TryAgain, match="lost"):
        await until_lost(is_connected, every=0.001, patience=0.003)
    assert list(states) == []


def test_sdk_lines_lose_what_they_hold(caplog: pytest.LogCaptureFixture) -> None:
    log = quiet_logger()
    assert not log.isEnabledFor(logging.INFO)
    error = ValueError("een burger")
    log.error("Failed to run a request listener: %s, session: s_1", error, exc_info=error)
    log.warning("Unhandled request ({'text': 'een burger'})")
    assert [record.getMessage() for record in caplog.records] == [
        "Failed to run a request listener (ValueError)",
        "Unhandled request",
    ]
    assert "een burger" not in caplog.text
