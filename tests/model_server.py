"""A loopback server that speaks chat.completions and misbehaves on demand, keeping every byte."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import web


class Received(NamedTuple):
    """One request as it arrived."""

    raw: bytes
    headers: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        """The request's body, decoded."""
        body: dict[str, Any] = json.loads(self.raw)
        return body


Behaviour = Callable[["ModelServer", web.Request, Received], Awaitable[web.StreamResponse]]


class ModelServer:
    """Answers each request with the next scripted behaviour; the last one repeats.

    Use as `async with ModelServer(ok()) as server:`; `server.url` is the base URL, and
    `server.requests` holds what arrived.
    """

    def __init__(self, *script: Behaviour) -> None:
        self.requests: list[Received] = []
        self.closing = asyncio.Event()
        self._script = script or (ok(),)
        self._begun = 0
        app = web.Application()
        app.router.add_post("/{base:v1|openai/v1}/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        self._site: web.TCPSite | None = None

    def script(self, *script: Behaviour) -> None:
        """Replace what is still to come."""
        self._script, self._begun = script, 0

    @property
    def root(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return f"{self.root}/v1"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._site.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        received = Received(await request.read(), dict(request.headers))
        self.requests.append(received)
        behaviour = self._script[min(self._begun, len(self._script) - 1)]
        self._begun += 1
        return await behaviour(self, request, received)


def ok(
    value: dict[str, Any] | None = None, *, usage: tuple[int, int] | None = (11, 7)
) -> Behaviour:
    """Answer `value`, or the plainest value that fits the request's schema."""

    def body(received: Received) -> dict[str, Any]:
        answer = example(_schema(received.json)) if value is None else value
        return completion(json.dumps(answer), usage=usage)

    return _json(body)


def says(
    content: str | None,
    *,
    finish: str = "stop",
    refusal: str | None = None,
    usage: tuple[int, int] | None = (11, 7),
) -> Behaviour:
    """Answer exactly this content, with this finish reason or refusal."""
    return _json(lambda _: completion(content, finish=finish, refusal=refusal, usage=usage))


def body(value: Any) -> Behaviour:
    """Answer 200 with this JSON, whatever it is."""
    return _json(lambda _: value)


def error(status: int, *, headers: dict[str, str] | None = None, **detail: Any) -> Behaviour:
    """Answer an HTTP error with `detail` as the error object."""

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        return web.json_response({"error": detail}, status=status, headers=headers)

    return answer


def text(content: str, *, content_type: str = "text/html", status: int = 200) -> Behaviour:
    """Answer bare text: an HTML page of some gateway, or JSON that breaks off."""

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        return web.Response(text=content, content_type=content_type, status=status)

    return answer


def echo(status: int) -> Behaviour:
    """Answer an error that quotes the post and the key, as careless servers do."""

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        quoted = f"{received.json['messages']} {received.headers['Authorization']}"
        return web.json_response({"error": {"message": quoted}}, status=status)

    return answer


def silence() -> Behaviour:
    """Answer nothing for as long as the server lives."""

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        await server.closing.wait()
        return web.Response()

    return answer


def cut() -> Behaviour:
    """Promise a thousand bytes, send some, and hang up."""

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        response.content_type = "application/json"
        await response.prepare(request)
        await response.write(b'{"choices": [')
        assert request.transport is not None
        request.transport.close()
        return response

    return answer


def redirect(url: str) -> Behaviour:
    """Send the caller to another server, with its body."""

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(url)

    return answer


def completion(
    content: str | None,
    *,
    finish: str = "stop",
    refusal: str | None = None,
    usage: tuple[int, int] | None = (11, 7),
) -> dict[str, Any]:
    """Give a chat completion as such servers send it."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    whole: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "loopback-1",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
    }
    if usage:
        spent, made = usage
        whole["usage"] = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": 0}
    return whole


def example(schema: dict[str, Any], *, root: dict[str, Any] | None = None) -> Any:
    """Give the plainest value that fits a JSON schema of the kind pydantic makes."""
    root = root or schema
    if "$ref" in schema:
        return example(root["$defs"][schema["$ref"].rpartition("/")[2]], root=root)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], root=root)
    if schema.get("type") == "object":
        return {key: example(each, root=root) for key, each in schema["properties"].items()}
    plain = {"string": "tekst", "integer": 1, "number": 1.0, "boolean": True, "array": []}
    return plain.get(schema.get("type", ""))


def _json(make: Callable[[Received], Any]) -> Behaviour:
    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        return web.json_response(make(received), headers={"x-request-id": "req_loopback_1"})

    return answer


def _schema(request: dict[str, Any]) -> dict[str, Any]:
    asked = request.get("response_format", {})
    named = asked.get("json_schema", asked).get("schema")
    if named is None:
        system = request["messages"][0]["content"]
        named = json.loads(system[system.rindex("\n{") :])
    schema: dict[str, Any] = named
    return schema
