"""What local-slack tells its app, brought to the real app as the real Slack would."""

import asyncio
import itertools
import json
import time
from collections.abc import Collection, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from tests.strict.api import Api
from tests.strict.delivery import Delivery, parse_request
from tests.strict.rules import view_problems
from tests.strict.views import Shown

_KEPT = ("type", "state", "team_id", "app_id", "bot_id")
_TROUBLE = "We had some trouble connecting. Try again?"


class Events:
    """From local-slack's envelope or request to the app's answer, and back."""

    def __init__(self, api: Api, *, delivery: Delivery, subscribed: Collection[str] | None) -> None:
        self._api, self._delivery, self._subscribed = api, delivery, subscribed
        self._views = api.views
        self._numbers = itertools.count(1)

    async def listen(
        self, session: aiohttp.ClientSession, url: str, *, ready: asyncio.Event
    ) -> None:
        """Take every envelope of local-slack's socket `url`."""
        async with session.ws_connect(url, max_msg_size=0) as link:
            async for message in link:
                frame = json.loads(message.data)
                if frame["type"] == "hello":
                    ready.set()
                else:
                    self._delivery.start(self._envelope(link, frame))

    async def _envelope(self, link: aiohttp.ClientWebSocketResponse, frame: Any) -> None:
        answer = await self.treat(frame["type"], frame["payload"])
        await link.send_json({"envelope_id": frame["envelope_id"], "payload": answer})

    async def request(self, request: web.Request) -> web.Response:
        """Take a request that local-slack makes to its app's request URL."""
        kind, payload = parse_request(request.content_type, await request.text())
        return web.json_response(await self.treat(kind, payload))

    async def screen(self, session: aiohttp.ClientSession, url: str) -> None:
        """Follow which modals local-slack's screen shows."""
        async with session.ws_connect(url, max_msg_size=0) as link:
            async for message in link:
                frame = json.loads(message.data)
                if frame["t"] == "view":
                    self._views.screen(frame["stack"])
                elif frame["t"] == "init":
                    self._views.screen(frame["state"]["modalStack"])

    async def treat(self, kind: str, payload: dict[str, Any]) -> Any:
        """Bring it to the app; the answer local-slack should act on."""
        if kind == "events_api":
            if self._wanted(payload["event"]):
                self._delivery.start(self._delivery.bring(kind, payload))
            return None
        if "view" in payload and (shown := self._views.of(payload["view"])):
            return await self._about_view(shown, payload)
        acknowledged, answer = await self._delivery.bring(kind, self._outward(payload))
        return answer if acknowledged else None

    def _wanted(self, event: Mapping[str, Any]) -> bool:
        kind = str(event["type"])
        if kind == "message":
            kinds = {"im": "im", "group": "groups", "mpim": "mpim"}
            kind = f"message.{kinds.get(event.get('channel_type', ''), 'channels')}"
        return self._subscribed is None or kind in self._subscribed

    def _outward(self, payload: dict[str, Any]) -> dict[str, Any]:
        payload = dict(payload)
        self._api.triggers.given(payload.get("trigger_id", ""))
        if url := payload.get("response_url"):
            payload["response_url"] = f"{self._api.url}/hook/{url.rpartition('/')[2]}"
        user = payload.get("user")
        if isinstance(user, dict) and (team := self._api.people.get(user["id"], {}).get("team_id")):
            payload["user"] = {**user, "team_id": team}
        if payload.get("channel", {}) == {"id": "", "name": ""}:
            return self._from_home(payload)
        return payload

    def _from_home(self, payload: dict[str, Any]) -> dict[str, Any]:
        view = self._views.homes.get(payload["user"]["id"], {})
        for absent in ("channel", "message", "response_url"):
            payload.pop(absent, None)
        return {**payload, "container": {"type": "view", "view_id": view.get("id")}, "view": view}

    async def _about_view(self, shown: Shown, payload: dict[str, Any]) -> Any:
        seen = {name: payload["view"][name] for name in _KEPT if name in payload["view"]}
        outward = self._outward(payload) | {"view": self._views.outward(shown, from_slack=seen)}
        acknowledged, answer = await self._delivery.bring("interactive", outward)
        if payload["type"] == "view_closed":
            self._views.closed(shown)
        elif payload["type"] == "view_submission" and acknowledged:
            return self._submitted(shown, answer)
        elif payload["type"] == "view_submission":
            inputs = [each for each in shown.content["blocks"] if each["type"] == "input"]
            where = inputs[0].get("block_id", "") if inputs else ""
            return {"response_action": "errors", "errors": {where: _TROUBLE}}
        return answer

    def _submitted(self, shown: Shown, answer: Any) -> Any:
        action = answer.get("response_action") if isinstance(answer, dict) else None
        if action == "errors":
            self._check_errors(shown, answer["errors"])
        elif action in ("update", "push"):
            return {**answer, "view": self._replaced(shown, answer["view"], push=action == "push")}
        else:
            self._views.closed(shown, whole_stack=action == "clear")
        return answer

    def _check_errors(self, shown: Shown, errors: Mapping[str, str]) -> None:
        blocks = [each for each in shown.content["blocks"] if each["type"] == "input"]
        for unknown in errors.keys() - {each.get("block_id") for each in blocks}:
            self._api.ledger.violation("view_errors", f"{unknown} is no input block of the view")

    def _replaced(self, shown: Shown, content: dict[str, Any], *, push: bool) -> dict[str, Any]:
        for problem in view_problems(content):
            self._api.ledger.violation("blocks", f"view in an acknowledgement: {problem}")
        if push:
            above = self._views.new(content, below=shown)
            self._views.opened(above, upstream=None, alone=False)
            return self._views.inward(above, content)
        self._views.changed(shown, content)
        return self._views.inward(shown, content)

    async def submit(self, user: str, *, view_id: str, values: Mapping[str, Any]) -> Any:
        """Submit a modal that local-slack's only stack no longer shows; the app's answer.

        An input not in `values` is sent as the real Slack does: with its initial value.
        """
        shown = self._views.find(view_id)
        assert shown is not None, "this modal is not open"
        state = {"values": {**_untouched(shown.content["blocks"]), **values}}
        trigger = f"{time.time_ns()}.strict.{next(self._numbers)}"
        person = {"id": user, "name": user, "username": user, "team_id": "T01TEST"}
        payload = {"type": "view_submission", "user": person, "trigger_id": trigger}
        payload |= {"team": {"id": "T01TEST"}, "api_app_id": "A01APP", "response_urls": []}
        view = {"type": "modal", "state": state, "team_id": "T01TEST", "app_id": "A01APP"}
        return await self._about_view(shown, {**payload, "view": view})


def _untouched(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for block in blocks:
        if block["type"] == "input":
            element = block["element"]
            value: dict[str, Any] = {"type": element["type"]}
            if "select" in element["type"] or element["type"] == "radio_buttons":
                value["selected_option"] = element.get("initial_option")
            elif element["type"] == "checkboxes":
                value["selected_options"] = element.get("initial_options", [])
            else:
                value["value"] = element.get("initial_value")
            values[block["block_id"]] = {element["action_id"]: value}
    return values
