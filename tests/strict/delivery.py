"""How the strict Slack brings events and interactions to the app: one connection each, 3 seconds,
and again what was not acknowledged.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web

from tests.strict.ledger import Ledger

ACK_SECONDS = 3.0


def sign(secret: str, body: bytes) -> dict[str, str]:
    """The headers with which Slack signs a request (docs.slack.dev, verifying requests)."""
    now = str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={digest}"}


class SocketDoor:
    """Socket Mode: the app's connections, of which every envelope takes one."""

    def __init__(self) -> None:
        self._tickets: set[str] = set()
        self._turns = itertools.count()
        self._waiting: dict[str, tuple[web.WebSocketResponse, asyncio.Future[Any]]] = {}
        self._arrived = asyncio.Event()
        self.connections: list[web.WebSocketResponse] = []

    def ticket(self) -> str:
        """A path that opens one connection, as apps.connections.open answers it."""
        name = uuid.uuid4().hex
        self._tickets.add(name)
        return f"/link/{name}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection of the app, from hello to its end."""
        name = request.match_info["ticket"]
        if name not in self._tickets:
            return web.Response(status=403)
        self._tickets.remove(name)
        link = web.WebSocketResponse(timeout=1)
        await link.prepare(request)
        self.connections.append(link)
        hello = {"type": "hello", "num_connections": len(self.connections)}
        await link.send_json({**hello, "connection_info": {"app_id": "A01APP"}})
        self._arrived.set()
        try:
            async for message in link:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._acknowledged(json.loads(message.data))
        finally:
            self._gone(link)
        return link

    def _acknowledged(self, frame: Mapping[str, Any]) -> None:
        # Slack ignores what acknowledges nothing: of a connection it has closed, or twice.
        _, answer = self._waiting.pop(frame.get("envelope_id", ""), (None, None))
        if answer and not answer.done():
            answer.set_result(frame.get("payload"))

    def _gone(self, link: web.WebSocketResponse) -> None:
        self.connections.remove(link)
        for name, (its_link, answer) in list(self._waiting.items()):
            if its_link is link:
                del self._waiting[name]
                if not answer.done():
                    answer.set_exception(ConnectionError())

    async def _next_link(self) -> web.WebSocketResponse:
        try:
            async with asyncio.timeout(ACK_SECONDS):
                while not self.connections:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise ConnectionError from None
        return self.connections[next(self._turns) % len(self.connections)]

    async def bring(self, kind: str, payload: Any, *, again: int, reason: str) -> Any:
        """One envelope, until its acknowledgement; raises TimeoutError or ConnectionError."""
        link = await self._next_link()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        name = str(uuid.uuid4())
        self._waiting[name] = (link, answer)
        envelope = {"envelope_id": name, "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if kind == "events_api":
            envelope |= {"retry_attempt": again, "retry_reason": reason}
        await link.send_json(envelope)
        # Not cancelled by the time-out: a late acknowledgement still has to find its envelope.
        done, _ = await asyncio.wait({answer}, timeout=ACK_SECONDS)
        if not done:
            answer.add_done_callback(lambda late: late.exception())
            raise TimeoutError
        return answer.result()

    async def disconnect(self) -> None:
        """Tell the app to connect anew, as Slack does every few hours, and hang up."""
        for link in list(self.connections):
            await link.send_json({"type": "disconnect", "reason": "refresh_requested"})
            await link.close()


class HttpDoor:
    """Signed HTTP requests to the app's request URL."""

    def __init__(self, session: aiohttp.ClientSession, *, url: str, secret: str) -> None:
        self._session, self._url, self._secret = session, url, secret

    async def bring(self, kind: str, payload: Any, *, again: int, reason: str) -> Any:
        """One request, until its answer; raises TimeoutError or ConnectionError."""
        body, content = self._body(kind, payload)
        headers = {"Content-Type": content, **sign(self._secret, body)}
        if again:
            headers |= {"X-Slack-Retry-Num": str(again), "X-Slack-Retry-Reason": f"http_{reason}"}
        limit = aiohttp.ClientTimeout(total=ACK_SECONDS)
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=limit
            ) as answer:
                text = await answer.text()
        except aiohttp.ClientError:
            raise ConnectionError from None
        if answer.status >= 300:
            raise ConnectionError
        return _parsed(text)

    def _body(self, kind: str, payload: Any) -> tuple[bytes, str]:
        form = "application/x-www-form-urlencoded"
        if kind == "events_api":
            return json.dumps(payload).encode(), "application/json"
        if kind == "interactive":
            return urlencode({"payload": json.dumps(payload)}).encode(), form
        return urlencode(payload).encode(), form


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return {"text": text}


def parse_request(content_type: str, body: str) -> tuple[str, dict[str, Any]]:
    """Kind and payload of a request that local-slack makes to a request URL."""
    if content_type.startswith("application/json"):
        return "events_api", json.loads(body)
    fields = dict(parse_qsl(body, keep_blank_values=True))
    if "payload" in fields:
        return "interactive", json.loads(fields["payload"])
    return "slash_commands", fields


@dataclass
class Delivery:
    """Brings a payload through a door as often as it takes, or as a test wants."""

    ledger: Ledger
    door: SocketDoor | HttpDoor
    # Slack's are at once, 1 minute and 5 minutes; tests have no minutes.
    retries: tuple[float, ...] = (0.0, 1.0, 3.0)
    copies: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do it beside; `stop` cancels what is left."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.ledger.violation("broken", f"the strict Slack itself failed: {error!r}")

    async def stop(self) -> None:
        """End every delivery under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def bring(self, kind: str, payload: Any) -> tuple[bool, Any]:
        """Whether the app acknowledged, and what it answered (to the first copy)."""
        for _ in range(self.copies.get(kind, 1) - 1):
            self.start(self._insist(kind, payload))
        return await self._insist(kind, payload)

    async def _insist(self, kind: str, payload: Any) -> tuple[bool, Any]:
        reason = ""
        # Only events come again; who clicked sees an error and clicks once more.
        pauses = (0.0, *self.retries) if kind == "events_api" else (0.0,)
        for again, pause in enumerate(pauses):
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                answer = await self.door.bring(kind, payload, again=again, reason=reason)
            except TimeoutError:
                reason = "timeout"
                self.ledger.violation("late_ack", f"{kind}: none in {ACK_SECONDS} s")
            except ConnectionError:
                reason = "connection_failed"
            else:
                self.ledger.ack(kind, seconds=time.monotonic() - began)
                return True, answer
        self.lost += 1
        return False, None
