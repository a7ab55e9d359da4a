"""Loopback servers of the bench, each a process of its own: a Slack with people, and a model."""

import asyncio
import hashlib
import hmac
import itertools
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from assistant.words import Words
from tests.model_server import completion, example

SECRET = "a-signing-secret-of-the-bench"
TEAM, PERSON, OTHERS = "T1", "U01ANNA", ("U07SAMIRA", "U08TOON", "U01ANNA")
EDIT, CLAIM, EDITOR = "luister:editor:edit", "luister:act:claim", "luister:editor"
BODY = (
    "Wat vervelend dat u hier last van hebt. Wij kijken er graag naar. U kunt het ons laten weten "
    "via waterstad.example/melden, dan ziet u ook wanneer een collega ermee aan de slag gaat."
)
REASON = "Dit klopt, ik heb het nagekeken."
SUGGESTION = f"*{Words('nl').say('desk.slack_suggestion')}*"
PATIENT, NOTHING_HAPPENS, AGAIN = 1.0, 10.0, 5
"""Seconds a person waits for a suggestion before writing without one, and for the editor to open
and its text to go before pressing once more; and how often they press."""


def signed(body: bytes) -> dict[str, str]:
    """Return the headers Slack sends with `body` (docs.slack.dev, verifying requests)."""
    now = str(int(time.time()))
    sent = hmac.new(SECRET.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": now,
        "x-slack-signature": f"v0={sent}",
    }


class Slack:
    """Answers every method at once, and, while `pressing`, has a person answer every card."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.samples: dict[str, Any] = {}
        self.acks: dict[str, list[float]] = defaultdict(list)
        self.trouble: Counter[str] = Counter()
        self.pressing = True
        self.target = ""
        self.open: dict[str, dict[str, Any]] = {}
        self.kept: list[str] = []
        self._numbers = itertools.count(1)
        self._suggested: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._sent: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._triggers: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """Return the web application: Slack's methods, and the bench's own controls."""
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/api/{method}", self._method)
        app.router.add_get("/api/{method}", self._method)
        app.router.add_post("/bench/{control}", self._control)
        return app

    async def _method(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await request.json() if request.can_read_body else dict(request.query)
        name = f"{method} {kind_of(arguments)}".strip()
        self.calls[name] += 1
        # The fullest stands for all: floors are measured with the same bytes.
        if len(arguments.get("blocks", ())) >= len(self.samples.get(name, {}).get("blocks", ())):
            self.samples[name] = arguments
        return web.json_response({"ok": True} | self._answer(method, arguments))

    def _answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        ts = arguments.get("ts") or f"{1_700_000_000 + number}.000100"
        view = {"id": arguments.get("view_id") or f"V{number}", "hash": "h"}
        answer: dict[str, Any] = {}
        match method:
            case "auth.test":
                answer = {"team_id": TEAM, "user_id": "U0BOT", "bot_id": "B1"}
            case "users.info":
                answer = {"user": {"id": arguments.get("user"), "is_restricted": False}}
            case "chat.postMessage" | "chat.update":
                self._looked_at(arguments, ts)
                answer = {"channel": arguments["channel"], "ts": ts}
            case "views.open":
                self._triggers[view["id"]] = self._triggers.pop(arguments["trigger_id"], "")
                answer = {"view": view}
            case "views.update":
                self._window(arguments)
                answer = {"view": view}
            case "chat.getPermalink":
                place = f"{arguments['channel']}/{arguments['message_ts']}"
                answer = {"permalink": f"https://slack.example/{place}"}
            case "conversations.history" | "conversations.replies":
                answer = {"messages": []}
        return answer

    def _looked_at(self, arguments: dict[str, Any], ts: str) -> None:
        """A person sees a message: a card that can be answered is."""
        blocks = arguments.get("blocks", [])
        buttons = [each for block in blocks for each in block.get("elements", [])]
        edit = next((each for each in buttons if each.get("action_id") == EDIT), None)
        if edit is None:
            return
        case = edit["value"].partition(":")[0]
        if any(each.get("text") == SUGGESTION for each in buttons):
            self._suggested[case].set()
        first = case not in self.open
        self.open[case] = {"channel": arguments["channel"], "ts": ts, "value": edit["value"]}
        self.open[case]["blocks"] = blocks
        if first and self.pressing:
            self.go(self._answer_card(case))

    def go(self, work: Any) -> None:
        """Start `work` beside the rest and keep it alive."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_card(self, case: str) -> None:
        try:
            async with asyncio.timeout(PATIENT):
                await self._suggested[case].wait()
        except TimeoutError:
            self.trouble["no suggestion yet"] += 1
        for _ in range(AGAIN):
            trigger = f"trigger-{next(self._numbers)}"
            self._triggers[trigger] = case
            await self.press(case, EDIT, by=PERSON, trigger=trigger)
            try:
                async with asyncio.timeout(NOTHING_HAPPENS):
                    await self._sent[case].wait()
                return
            except TimeoutError:
                self.trouble["pressed once more"] += 1

    async def press(
        self,
        case: str,
        action: str,
        *,
        by: str,
        trigger: str = "t",
        value: str = "",
        name: str = "editor",
    ) -> None:
        """Press a button of the card of `case` as Slack would tell it."""
        at = self.open[case]
        place = {"channel_id": at["channel"], "message_ts": at["ts"]}
        button = {"action_id": action, "block_id": "b", "type": "button", "action_ts": "1.2"}
        body = {
            "type": "block_actions",
            "user": {"id": by, "username": "anna", "team_id": TEAM},
            "api_app_id": "A1",
            "token": "x",
            "team": {"id": TEAM, "domain": "waterstad"},
            "trigger_id": trigger,
            "container": {"type": "message", **place},
            "channel": {"id": at["channel"], "name": "afval"},
            "message": {"type": "message", "bot_id": "B1", "ts": at["ts"], "blocks": at["blocks"]},
            "state": {"values": {}},
            "response_url": "https://hooks.slack.invalid/x",
            "actions": [button | {"value": value or at["value"]}],
        }
        await self._send(body, name=name)

    def _window(self, arguments: dict[str, Any]) -> None:
        view = arguments["view"]
        if view.get("callback_id") == EDITOR:
            if case := self._triggers.pop(arguments["view_id"], ""):
                self.go(self._submit(arguments["view_id"], view, case=case))
        else:
            self.trouble[json.dumps(view["blocks"][0]["text"], ensure_ascii=False)] += 1

    async def _submit(self, id: str, view: dict[str, Any], *, case: str, reason: str = "") -> None:
        """Type, and press Send; where the check asks for a reason, give one."""
        element = next(each for each in view["blocks"] if each.get("block_id") == "text")["element"]
        values = {"text": {"text": {"type": "plain_text_input"}}}
        values["text"]["text"]["value"] = typed(element.get("initial_value", ""))
        if reason:
            values["reason"] = {"reason": {"type": "plain_text_input", "value": reason}}
        body = {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "waterstad"},
            "user": {"id": PERSON, "username": "anna", "team_id": TEAM},
            "api_app_id": "A1",
            "token": "x",
            "trigger_id": "t",
            "view": view | {"id": id, "hash": "h", "state": {"values": values}},
            "response_urls": [],
        }
        answer = await self._send(body, name="submit")
        action = answer.get("response_action")
        if action == "update" and not reason:
            await self._submit(id, answer["view"], case=case, reason=REASON)
        elif action == "clear":
            self._sent[case].set()
        else:
            self.trouble[f"submit: {json.dumps(answer, ensure_ascii=False)}"[:300]] += 1

    async def _send(self, body: Mapping[str, Any], *, name: str) -> dict[str, Any]:
        raw = ("payload=" + quote(json.dumps(body))).encode()
        self.samples.setdefault(f"signed {name}", raw.decode())
        began = time.perf_counter()
        assert self._session is not None
        async with self._session.post(self.target, data=raw, headers=signed(raw)) as answer:
            content = await answer.read()
        self.acks[name].append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            self.trouble[f"{name}: HTTP {answer.status}"] += 1
        return json.loads(content) if content.startswith(b"{") else {}

    async def _control(self, request: web.Request) -> web.Response:
        asked = await request.json()
        match request.match_info["control"]:
            case "target":
                self._session = self._session or aiohttp.ClientSession()
                self.target, self.pressing = asked["target"], True
            case "rest":
                self.pressing = False
                self.open.clear()
            case "keep":
                self.kept, self.pressing = list(self.open), True
            case "reset":
                self.calls.clear()
                self.acks.clear()
                self.trouble.clear()
            case "storm":
                await self._storm(asked["rate"], asked["seconds"])
            case "fire":
                await self._fire(asked["url"], asked["body"], asked["times"], asked["at_once"])
        told = {
            "calls": self.calls,
            "samples": self.samples,
            "acks": self.acks,
            "trouble": self.trouble,
        }
        return web.json_response(told)

    async def _storm(self, rate: int, seconds: float) -> None:
        """Press `rate` buttons a second on cards left open: by turns a claim and an editor."""
        cases, people = itertools.cycle(self.kept), itertools.cycle(OTHERS)
        presses = []
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0, began + number / rate - time.perf_counter()))
            case, by = next(cases), next(people)
            if number % 2:
                act = self.press(case, CLAIM, by=by, value=f"{case}:{number}", name="storm claim")
            else:
                act = self.press(case, EDIT, by=by, trigger=f"storm-{number}", name="storm editor")
            presses.append(asyncio.create_task(act))
        await asyncio.gather(*presses)

    async def _fire(self, url: str, body: str, times: int, at_once: int) -> None:
        """Post the same signed body `times` times, `at_once` at a time."""
        raw, left = body.encode(), iter(range(times))
        headers = signed(raw)

        async def one_by_one() -> None:
            assert self._session is not None
            for _ in left:
                async with self._session.post(url, data=raw, headers=headers) as answer:
                    assert answer.status == 200, answer.status

        await asyncio.gather(*(one_by_one() for _ in range(at_once)))


def kind_of(arguments: Mapping[str, Any]) -> str:
    """Tell a card from a line in a thread; other calls have no kind."""
    if "blocks" not in arguments:
        return ""
    return "card" if any(each["type"] == "header" for each in arguments["blocks"]) else "line"


def typed(text: str) -> str:
    """Return what a person makes of the editor's text: a few words more, or all of them."""
    start, _, initials = text.rpartition("^")
    body = start if len(start) > 60 else f"{start}{BODY} "
    return f"{body.rstrip()} Fijne dag! ^{initials}"


class Model:
    """A chat.completions endpoint that answers at once and always the same sensible thing."""

    VALUES: Mapping[str, Any] = {
        "label": "question",
        "advice": "answer",
        "language": "nl",
        "confidence": "high",
        "reason": "Het is een vraag over ons eigen werk.",
        "reply": "Hallo! Vervelend. U kunt dit bij ons regelen; hieronder staat hoe dat gaat.",
        "sources": ["A1"],
        "note": None,
    }

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.samples: dict[str, Any] = {}
        self._departments = itertools.count()

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/bench/{control}", self._control)
        return app

    async def _complete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        shape = asked["response_format"]["json_schema"]
        self.calls[shape["name"]] += 1
        self.samples.setdefault(shape["name"], asked)
        answer = example(shape["schema"])
        answer |= {name: value for name, value in self.VALUES.items() if name in answer}
        return web.json_response(completion(json.dumps(answer, ensure_ascii=False)))

    async def _control(self, request: web.Request) -> web.Response:
        if request.match_info["control"] == "reset":
            self.calls.clear()
        return web.json_response({"calls": self.calls, "samples": self.samples})


async def serve(make: Callable[[], web.Application]) -> None:
    """Serve on a free port, print it, and go on until told to stop."""
    runner = web.AppRunner(make(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


SERVERS: Mapping[str, Callable[[], Awaitable[None]]] = {
    "slack": lambda: serve(lambda: Slack().app()),
    "model": lambda: serve(lambda: Model().app()),
}

if __name__ == "__main__":
    asyncio.run(SERVERS[sys.argv[1]]())  # type: ignore[arg-type]
