"""The strict Slack's Web API: refuses what the real one refuses, local-slack does the rest."""

import asyncio
import contextlib
import json
import time
from collections.abc import Collection, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from multidict import MultiMapping

from tests.strict.delivery import SocketDoor
from tests.strict.history import History
from tests.strict.ledger import (
    Buckets,
    Call,
    Ledger,
    RateLimited,
    Refusal,
    Triggers,
)
from tests.strict.rules import (
    MESSAGE_BLOCK_CHARACTERS,
    MESSAGE_BLOCKS,
    MESSAGE_TEXT,
    SCOPES,
    block_characters,
    block_problems,
    view_problems,
)
from tests.strict.views import Views

DROPPED = "dropped"
_JSON_FIELDS = ("blocks", "attachments", "view", "metadata", "files")
_MESSAGES = frozenset({"chat.postMessage", "chat.postEphemeral", "chat.update"})
_PEOPLE = frozenset({"users.info", "users.list", "users.lookupByEmail"})
_INSIDE = _MESSAGES | {"conversations.history", "conversations.replies", "chat.delete"}


class Api:
    """Every Web API method: checked, paced, failed on purpose, then done by local-slack."""

    def __init__(
        self,
        upstream: str,
        *,
        session: aiohttp.ClientSession,
        scopes: Collection[str],
        tokens: tuple[str, str],
        tiers: Mapping[str, int],
        drop_every: int,
    ) -> None:
        self.url = ""
        self.ledger = Ledger()
        self.drop_every = drop_every
        self.buckets, self.triggers = Buckets(self.ledger), Triggers(self.ledger)
        self.socket = SocketDoor()
        self.views, self.history = Views(), History()
        self.people: dict[str, dict[str, Any]] = {}
        self.upstream, self.session = upstream, session
        self._scopes, self._tiers = frozenset(scopes), tiers
        self._bot_token, self._app_token = tokens
        self._slow: dict[str, float] = {}
        self._failing: dict[str, list[str | int]] = {}
        self._posted = 0
        self._unread: set[tuple[str, str]] = set()
        self._bot = ""

    def slow(self, method: str, seconds: float) -> None:
        """Let every call of `method` wait so long before it is done (0: no more)."""
        self._slow[method] = seconds

    def fail(self, method: str, how: str | int, *, count: int = 1) -> None:
        """Let the next calls fail: an error code, an HTTP status, or DROPPED (done, but the
        answer is lost)."""
        self._failing.setdefault(method, []).extend([how] * count)

    def ratelimit(self, channel: str, retry_after: int) -> None:
        """Refuse messages to `channel` with 429 for so many seconds."""
        self.buckets.close(f"chat.postMessage {channel}", seconds=retry_after)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One Web API call, as Slack would answer it."""
        method, args = request.match_info["method"], await _arguments(request)
        channel = str(args.get("channel", args.get("channel_id", "")))
        note = Call(method, channel, time.monotonic())
        try:
            answer = await self._answer(method, args, token=_token(request, args))
        except Refusal as refusal:
            if refusal.rule:
                self.ledger.violation(refusal.rule, f"{method}: {refusal.detail}")
            answer = refusal.answer
        except RateLimited as limited:
            self.ledger.calls.append(Call(method, channel, note.at, "ratelimited"))
            headers = {"Retry-After": str(limited.seconds)}
            body = {"ok": False, "error": "ratelimited"}
            return web.json_response(body, status=429, headers=headers)
        error = answer.get("error")
        self.ledger.calls.append(Call(method, channel, note.at, error))
        return self._sent(request, method, answer)

    def _sent(
        self, request: web.Request, method: str, answer: dict[str, Any]
    ) -> web.StreamResponse:
        if status := answer.pop("_status", None):
            return web.Response(status=status, text="<html>unavailable</html>")
        if answer.pop("_dropped", False) and request.transport:
            request.transport.abort()
        return web.json_response(answer)

    async def _answer(self, method: str, args: dict[str, Any], *, token: str) -> dict[str, Any]:
        self._authorise(method, token)
        if method == "apps.connections.open":
            return {"ok": True, "url": self.url.replace("http", "ws", 1) + self.socket.ticket()}
        if per_minute := self._tiers.get(method):
            self.buckets.take(method, burst=per_minute, per_second=per_minute / 60)
        await self._permit(method, args)
        planned = self._failing.get(method) or [""]
        how = planned.pop(0)
        if seconds := self._slow.get(method):
            await asyncio.sleep(seconds)
        if isinstance(how, int):
            return {"ok": False, "error": f"http_{how}", "_status": how}
        if how and how != DROPPED:
            raise Refusal(how)
        answer = await self._done(method, args)
        return answer | ({"_dropped": True} if how == DROPPED else {})

    def _authorise(self, method: str, token: str) -> None:
        if token not in (self._bot_token, self._app_token):
            raise Refusal("invalid_auth", rule="token", detail="a wrong token")
        if (token == self._app_token) != (method == "apps.connections.open"):
            raise Refusal("not_allowed_token_type", rule="token", detail="the other token")
        if method not in SCOPES:
            raise Refusal("unknown_method", rule="method", detail="not in the table of scopes")

    async def _permit(self, method: str, args: Mapping[str, Any]) -> None:
        channel = await self._channel(str(args.get("channel", "")))
        private = "groups" if channel.get("is_private") else "channels"
        kind = "im" if channel.get("is_im") else private
        needed = SCOPES[method].format(kind=kind).split()
        if needed and not self._scopes.intersection(needed):
            raise Refusal("missing_scope", rule="scope", detail=needed[0], needed=needed[0])
        public = method == "chat.postMessage" and "chat:write.public" in self._scopes
        if method in _INSIDE and channel and not public and self._bot not in channel["members"]:
            raise Refusal("channel_not_found" if kind == "groups" else "not_in_channel")

    async def _channel(self, name: str) -> dict[str, Any]:
        """The conversation called `name` (an id, or #name), or {} when there is none."""
        if not name:
            return {}
        async with self.session.get(f"{self.upstream}/_control/state") as answer:
            state = await answer.json()
        plain = name.removeprefix("#")
        found = [each for each in state["channels"] if plain in (each["id"], each["name"])]
        return dict(found[0]) if found else {}

    async def forward(self, method: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Let the local Slack do it."""
        headers = {"Authorization": f"Bearer {self._bot_token}"}
        url = f"{self.upstream}/api/{method}"
        async with self.session.post(url, json=dict(args), headers=headers) as answer:
            return dict(await answer.json())

    async def respond(self, name: str, args: Mapping[str, Any]) -> None:
        """Let the local Slack act on a response URL."""
        url = f"{self.upstream}/_hooks/response/{name}"
        async with self.session.post(url, json=dict(args)):
            pass

    async def _done(self, method: str, args: dict[str, Any]) -> dict[str, Any]:
        if method in _MESSAGES:
            self.check_message(args)
        if method.startswith("views."):
            return await self._view_call(method, args)
        if method == "chat.postMessage":
            return await self._post(args)
        if method == "chat.update":
            return await self._update(args)
        answer = await self.forward(method, args)
        return await self._completed(method, args, answer) if answer["ok"] else answer

    async def _completed(
        self, method: str, args: dict[str, Any], answer: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what local-slack's answer lacks."""
        if method in ("conversations.history", "conversations.replies"):
            self._unread = {each for each in self._unread if each[0] != args["channel"]}
            return self.history.page(answer, args, replies=method.endswith("replies"))
        for user in answer.get("members", [answer.get("user")]) if method in _PEOPLE else ():
            user.update(self.people.get(user["id"], {}))
        if method in ("conversations.info", "conversations.list"):
            for channel in answer.get("channels", [answer.get("channel")]):
                known = await self._channel(channel["id"])
                channel["is_member"] = self._bot in known["members"]
        return answer

    def check_message(self, args: Mapping[str, Any]) -> None:
        """Raise Refusal where Slack would not take this message."""
        text, blocks = str(args.get("text") or ""), args.get("blocks") or []
        if not (text or blocks or args.get("attachments")):
            raise Refusal("no_text", rule="no_text", detail="neither text nor blocks")
        if len(text) > MESSAGE_TEXT:
            raise Refusal("msg_too_long", rule="text", detail=f"{len(text)} characters")
        _refuse(block_problems(blocks, most=MESSAGE_BLOCKS))
        if (size := block_characters(blocks)) > MESSAGE_BLOCK_CHARACTERS:
            raise Refusal("msg_blocks_too_long", rule="blocks", detail=f"{size} characters")
        metadata = args.get("metadata")
        if metadata and not {"event_type", "event_payload"} <= set(metadata):
            raise Refusal("invalid_metadata_format", rule="metadata", detail="its keys")

    async def _post(self, args: dict[str, Any]) -> dict[str, Any]:
        self.buckets.take(f"chat.postMessage {args['channel']}", burst=3, per_second=1)
        same = (str(args["channel"]), json.dumps(args, sort_keys=True))
        if same in self._unread:
            self.ledger.violation("blind_repeat", "posted again without looking for it first")
        answer = await self.forward("chat.postMessage", args)
        if not answer["ok"]:
            return answer
        if "metadata" in args:
            self.history.keep(answer["channel"], answer["ts"], metadata=args["metadata"])
        self._posted += 1
        if self.drop_every and self._posted % self.drop_every == 0:
            self._unread.add(same)
            answer["_dropped"] = True
        return answer

    async def _update(self, args: dict[str, Any]) -> dict[str, Any]:
        if "blocks" not in args and (old := await self._blocks(args)):
            # Slack keeps the blocks that an update leaves out; local-slack erases them.
            self.ledger.violation("update_without_blocks", "chat.update leaves the old blocks")
            args["blocks"] = old
        answer = await self.forward("chat.update", args)
        if answer["ok"] and "metadata" in args:
            self.history.keep(answer["channel"], answer["ts"], metadata=args["metadata"])
        return answer

    async def _blocks(self, args: Mapping[str, Any]) -> Any:
        """The blocks that a message has now."""
        url = f"{self.upstream}/_control/messages/{args.get('channel')}"
        async with self.session.get(url) as answer:
            messages = (await answer.json())["messages"]
        return next((each.get("blocks") for each in messages if each["ts"] == args.get("ts")), None)

    async def _view_call(self, method: str, args: dict[str, Any]) -> dict[str, Any]:
        content = args.get("view") or {}
        _refuse(view_problems(content), error="invalid_arguments")
        if method == "views.publish":
            answer = await self.forward(method, args)
            self.views.homes[args["user_id"]] = answer["view"]
            return answer
        if method == "views.update":
            return await self._update_view(args, content)
        self.triggers.use(str(args.get("trigger_id")))
        shown = self.views.new(content, below=self.views.top() if method == "views.push" else None)
        answer = await self.forward(method, {**args, "view": self.views.inward(shown, content)})
        if not answer["ok"]:
            return answer
        self.views.opened(shown, upstream=answer["view"]["id"], alone=method == "views.open")
        return {"ok": True, "view": self.views.outward(shown)}

    async def _update_view(self, args: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        shown = self.views.find(args.get("view_id"), external=args.get("external_id"))
        if shown is None:
            raise Refusal("not_found")
        if args.get("hash") and args["hash"] != shown.hash:
            raise Refusal("hash_conflict")
        upstream = shown.upstream
        if not shown.hidden:
            view = self.views.inward(shown, content)
            ids = {"view_id": await self.views.upstream_id(shown), "view": view}
            upstream = (await self.forward("views.update", ids))["view"]["id"]
        self.views.changed(shown, content, upstream=upstream)
        return {"ok": True, "view": self.views.outward(shown)}

    async def start(self) -> None:
        """Learn who the bot is."""
        self._bot = (await self.forward("auth.test", {}))["user_id"]


def _refuse(problems: list[str], *, error: str = "invalid_blocks") -> None:
    if problems:
        more = {"response_metadata": {"messages": problems}}
        raise Refusal(error, rule="blocks", detail="; ".join(problems), **more)


def _token(request: web.Request, args: Mapping[str, Any]) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ") or str(args.get("token", ""))


async def _arguments(request: web.Request) -> dict[str, Any]:
    """The call's arguments, sent in any of the ways Slack takes."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        args |= await request.json()
    elif request.can_read_body:
        fields: MultiMapping[Any] = await request.post()
        args |= dict(fields)
    for name in _JSON_FIELDS:
        if isinstance(args.get(name), str):
            with contextlib.suppress(ValueError):
                args[name] = json.loads(args[name])
    return args
