"""The model layer, through the real openai SDK, against a loopback server that misbehaves."""

import asyncio
import json
import logging
import re
import socket
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from assistant.errors import Misconfigured, ModelUnusable
from assistant.llms import LLM, CallReport, Outcome, Reason, State
from assistant.llms._wire import strict_schema
from assistant.llms.limits import Limits
from assistant.llms.openai import Endpoint, OpenAIModel
from assistant.prompts import Prompt, parse_prompt
from assistant.retry import retry_after, retrying
from tests import model_server as serve
from tests.model_server import ModelServer

KEY = "sk-geheim-123"
POST = "Mijn BSN is 123456782, bel me, tante Truus"


class Verdict(BaseModel):
    """What the model is asked for here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Literal["question", "complaint"]
    reason: str
    sources: tuple[str, ...]
    note: str | None


GOOD: dict[str, Any] = {"label": "question", "reason": "omdat", "sources": ["A1"], "note": None}

PROMPT = parse_prompt(
    """+++
name = "proef"
version = "3"
inputs = ["post", "sources"]
max_output_tokens = 99
+++
# system
Beoordeel. Bronnen: {{ sources }}
# user
{{ post }}
""",
    path="proef/prompt.md",
)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Sleeps(list[float]):
    """A sleep that only writes down how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Bench:
    """A model under test with everything it was given."""

    def __init__(self, server: ModelServer, *, url: str = "", **options: Any) -> None:
        self.server = server
        self.reports: list[CallReport] = []
        self.sleeps = Sleeps()
        given: dict[str, Any] = {
            "api_key": SecretStr(KEY),
            "mask": lambda text: text,
            "observe": self.reports.append,
            "sleep": self.sleeps,
        }
        endpoint = Endpoint(url or server.url, "proefmodel", ("127.0.0.1",))
        self.model = OpenAIModel(endpoint, **(given | options))

    async def ask(
        self, *, prompt: Prompt = PROMPT, deadline: float = 20.0, **values: str
    ) -> Outcome[Verdict]:
        llm: LLM = self.model
        filled = {"post": POST, "sources": "A1: bel 14 0123"} | values
        return await llm.ask(Verdict, prompt=prompt, values=filled, deadline=deadline)

    def state(self) -> State:
        return self.model.state

    async def fail(self, *, deadline: float = 20.0) -> ModelUnusable:
        with pytest.raises(ModelUnusable) as caught:
            await self.ask(deadline=deadline)
        return caught.value


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as running:
        yield running


@pytest.fixture
async def bench(server: ModelServer) -> AsyncIterator[Bench]:
    made = Bench(server)
    yield made
    await made.model.aclose()


async def test_an_answer_comes_with_what_it_cost(bench: Bench) -> None:
    bench.server.script(serve.ok(GOOD))
    outcome = await bench.ask()
    assert outcome.value == Verdict(label="question", reason="omdat", sources=("A1",), note=None)
    assert outcome.prompt == PROMPT.label
    assert (outcome.model, outcome.request_id) == ("loopback-1", "req_loopback_1")
    assert (outcome.tokens_in, outcome.tokens_out, outcome.attempts) == (11, 7, 1)
    assert 0 < outcome.seconds < 20
    assert [each.outcome for each in bench.reports] == ["ok"]
    assert bench.state() == "up"


async def test_the_request_is_the_plainest_every_server_takes(bench: Bench) -> None:
    await bench.ask()
    request = bench.server.requests[0].json
    assert set(request) == {"model", "messages", "max_tokens", "response_format"}
    assert request["max_tokens"] == 99
    assert request["model"] == "proefmodel"
    assert [each["role"] for each in request["messages"]] == ["system", "user"]
    asked = request["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"] is True
    assert asked["json_schema"]["schema"] == strict_schema(Verdict)
    assert bench.server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


WRAPPED = {
    "fenced": f"```json\n{json.dumps(GOOD)}\n```",
    "prose": f"Hier is het:\n{json.dumps(GOOD)}\nGraag gedaan.",
    "raw line end in a string": json.dumps(GOOD).replace("omdat", "om\ndat"),
    "half an emoji": json.dumps(GOOD).replace("omdat", "om\\ud83ddat"),
}


@pytest.mark.parametrize("content", WRAPPED.values(), ids=WRAPPED.keys())
async def test_a_carelessly_wrapped_answer_is_read(bench: Bench, content: str) -> None:
    bench.server.script(serve.says(content))
    assert (await bench.ask()).value.label == "question"


# What a server did, the reason told, and how many requests it took.
FAILURES: dict[str, tuple[serve.Behaviour, Reason, int]] = {
    "html page": (serve.text("<html>Bad gateway</html>"), Reason.MALFORMED, 1),
    "html called json": (
        serve.text("<html></html>", content_type="application/json"),
        Reason.MALFORMED,
        1,
    ),
    "half json": (
        serve.text('{"choices": [{"mess', content_type="application/json"),
        Reason.MALFORMED,
        1,
    ),
    "json of something else": (serve.body(["a"]), Reason.MALFORMED, 1),
    "choices null": (serve.body({"choices": None}), Reason.MALFORMED, 1),
    "empty list": (serve.body({"choices": []}), Reason.EMPTY, 1),
    "half an answer": (serve.says('{"label": "quest'), Reason.SCHEMA, 1),
    "no content": (serve.says(None), Reason.SCHEMA, 1),
    "free text": (serve.says("Dat weet ik niet."), Reason.SCHEMA, 1),
    "nested without end": (serve.says("{" * 50_000 + "}"), Reason.SCHEMA, 1),
    "unknown label": (serve.ok(GOOD | {"label": "answer"}), Reason.SCHEMA, 1),
    "wrong type": (serve.ok(GOOD | {"reason": 7}), Reason.SCHEMA, 1),
    "one field too many": (serve.ok(GOOD | {"extra": 1}), Reason.SCHEMA, 1),
    "one field too few": (serve.ok({"label": "question"}), Reason.SCHEMA, 1),
    "refusal": (serve.says(None, refusal=POST), Reason.REFUSAL, 1),
    "truncated": (serve.says(json.dumps(GOOD), finish="length"), Reason.TRUNCATED, 1),
    "filtered answer": (serve.says("", finish="content_filter"), Reason.FILTERED, 1),
    "filtered post": (serve.error(400, code="content_filter"), Reason.FILTERED, 1),
    "wrong key": (serve.error(401, message=f"Incorrect key {KEY}"), Reason.REJECTED, 1),
    "no such model": (serve.error(404, message="model"), Reason.REJECTED, 1),
    "bad request": (serve.error(400, message="?"), Reason.REJECTED, 1),
    "out of quota": (serve.error(429, code="insufficient_quota"), Reason.QUOTA, 1),
    "too many requests": (serve.error(429, message="slow down"), Reason.RATE_LIMITED, 3),
    "server error": (serve.error(500, message="oops"), Reason.SERVER, 3),
    "html error page": (serve.text("<html>502</html>", status=502), Reason.SERVER, 3),
    "cut off": (serve.cut(), Reason.CONNECTION, 3),
    "error that quotes everything": (serve.echo(400), Reason.REJECTED, 1),
}


@pytest.mark.parametrize(("behaviour", "reason", "requests"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_a_reason_code_and_nothing_else(
    bench: Bench,
    caplog: pytest.LogCaptureFixture,
    behaviour: serve.Behaviour,
    reason: Reason,
    requests: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.server.script(behaviour)
    failed = await bench.fail()
    assert str(failed) == reason
    assert len(bench.server.requests) == requests
    assert [each.outcome for each in bench.reports] == [reason]
    assert bench.reports[0].attempts == requests
    shown = "".join(traceback.format_exception(failed)) + caplog.text
    assert not re.search("Truus|123456782|geheim", shown)


async def test_silence_ends_at_the_deadline(bench: Bench) -> None:
    bench.server.script(serve.silence())
    began = asyncio.get_running_loop().time()
    assert str(await bench.fail(deadline=0.3)) == Reason.DEADLINE
    assert 0.25 < asyncio.get_running_loop().time() - began < 3
    assert len(bench.server.requests) == 1


async def test_one_deadline_covers_every_attempt(server: ModelServer) -> None:
    bench = Bench(server, sleep=asyncio.sleep)
    server.script(serve.error(503), serve.silence())
    began = asyncio.get_running_loop().time()
    await bench.fail(deadline=1.0)
    assert asyncio.get_running_loop().time() - began < 4
    await bench.model.aclose()


async def test_nobody_listening(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        lonely = Bench(bench.server, url=url)
        assert str(await lonely.fail()) == Reason.CONNECTION
        assert lonely.reports[0].attempts == 3
        await lonely.model.aclose()


async def test_a_passing_trouble_is_tried_three_times_in_all(bench: Bench) -> None:
    bench.server.script(serve.error(503), serve.cut(), serve.ok(GOOD))
    assert (await bench.ask()).attempts == 3
    assert len(bench.server.requests) == 3
    assert len(bench.sleeps) == 2


async def test_the_sdk_retries_nothing_by_itself(bench: Bench) -> None:
    bench.server.script(serve.error(500, headers={"x-should-retry": "true"}))
    await bench.fail()
    assert len(bench.server.requests) == 3
    counts = {each.headers.get("x-stainless-retry-count") for each in bench.server.requests}
    assert counts == {"0"}


async def test_retry_after_is_kept(bench: Bench) -> None:
    bench.server.script(serve.error(429, headers={"Retry-After": "7"}), serve.ok(GOOD))
    await bench.ask()
    assert bench.sleeps == [7.0]


async def test_retry_after_past_the_deadline_ends_it_at_once(bench: Bench) -> None:
    bench.server.script(serve.error(429, headers={"Retry-After": "30"}))
    assert str(await bench.fail(deadline=20)) == Reason.RATE_LIMITED
    assert (len(bench.server.requests), bench.sleeps) == (1, [])


REFUSALS = {
    "400": serve.error(400, message="'response_format' of type 'json_schema' is not supported"),
    "422": serve.error(422, message="x", param="response_format.json_schema"),
    "500": serve.error(500, message="Input should be 'text' or 'json_object'", loc="x"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_refused_schema_is_asked_more_plainly_and_remembered(
    bench: Bench, refusal: serve.Behaviour
) -> None:
    bench.server.script(refusal, serve.ok(GOOD), serve.ok(GOOD))
    assert (await bench.ask()).attempts == 2
    await bench.ask()
    kinds = [each.json["response_format"]["type"] for each in bench.server.requests]
    assert kinds == ["json_schema", "json_object", "json_object"]
    assert bench.server.requests[1].json["response_format"]["schema"] == strict_schema(Verdict)
    assert bench.sleeps == []


async def test_the_last_step_is_the_schema_in_words(bench: Bench) -> None:
    bench.server.script(REFUSALS["400"], REFUSALS["400"], serve.ok())
    assert (await bench.ask()).value.label == "question"
    last = bench.server.requests[-1].json
    assert "response_format" not in last
    assert json.dumps(strict_schema(Verdict)) in last["messages"][0]["content"]


async def test_an_endpoint_that_refuses_every_shape_is_given_up(bench: Bench) -> None:
    bench.server.script(REFUSALS["500"])
    assert str(await bench.fail()) == Reason.SERVER
    assert len(bench.server.requests) == 3


async def test_a_plainer_manner_that_failed_too_is_not_remembered(bench: Bench) -> None:
    bench.server.script(REFUSALS["400"], serve.error(400, message="?"), serve.ok(GOOD))
    await bench.fail()
    await bench.ask()
    assert bench.server.requests[-1].json["response_format"]["type"] == "json_schema"


async def test_the_token_limit_is_called_by_its_other_name_once(bench: Bench) -> None:
    refused = serve.error(400, message="Unsupported parameter", param="max_tokens")
    bench.server.script(refused, serve.ok(GOOD), serve.ok(GOOD), refused)
    await bench.ask()
    await bench.ask()
    names = [[key for key in each.json if key.startswith("max_")] for each in bench.server.requests]
    assert names == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]
    await bench.fail()
    assert len(bench.server.requests) == 4


async def test_openai_itself_is_asked_not_to_store() -> None:
    model = OpenAIModel(
        Endpoint("https://api.openai.com/v1", "m", ("api.openai.com",)),
        api_key=SecretStr(KEY),
        mask=str,
    )
    assert model._extra == {"store": False}
    assert model._manner.limit == "max_completion_tokens"
    assert KEY not in repr(vars(model))
    await model.aclose()


async def test_every_value_is_masked_on_the_wire(server: ModelServer) -> None:
    bench = Bench(server, mask=lambda text: re.sub(r"\d{9}", "[bsn]", text))
    server.script(REFUSALS["400"], serve.error(503), REFUSALS["400"], serve.ok(GOOD))
    await bench.ask(post=POST, sources="A1: 987654321 {{ post }}")
    await bench.model.aclose()
    assert len(server.requests) == 4
    for request in server.requests:
        assert not re.search(rb"123456782|987654321", request.raw)
        assert request.raw.count(b"[bsn]") == 2
        assert b"{{ post }}" in request.raw


async def test_a_mask_that_breaks_sends_nothing(server: ModelServer) -> None:
    def broken(text: str) -> str:
        raise RuntimeError("mask")

    bench = Bench(server, mask=broken)
    with pytest.raises(RuntimeError, match="mask"):
        await bench.ask()
    assert server.requests == []
    await bench.model.aclose()


async def test_no_log_line_and_no_report_holds_a_text(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.server.script(serve.ok(GOOD))
    await bench.ask()
    lines = [each for each in caplog.records if each.name == "assistant.llms.openai"]
    assert len(lines) == 1
    assert "outcome=ok prompt=proef@3+" in lines[0].getMessage()
    assert not re.search("Truus|123456782|geheim|omdat|14 0123", caplog.text)
    assert not re.search("Truus|geheim|omdat", bench.reports[0].model_dump_json())


async def test_the_environment_reroutes_nothing(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ModelServer() as thief:
        monkeypatch.setenv("OPENAI_BASE_URL", thief.url)
        monkeypatch.setenv("HTTP_PROXY", thief.url.removesuffix("/v1"))
        monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-other")
        bench = Bench(server)
        await bench.ask()
        await bench.model.aclose()
        assert thief.requests == []
    assert "other" not in str(server.requests[0].headers)


async def test_ambient_headers_are_a_mistake(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Copy-To: elsewhere")
    with pytest.raises(Misconfigured, match="OPENAI_CUSTOM_HEADERS"):
        Bench(server)


async def test_a_redirect_is_not_followed(bench: Bench) -> None:
    async with ModelServer() as other:
        bench.server.script(serve.redirect(f"{other.url}/chat/completions"))
        assert str(await bench.fail()) == Reason.REJECTED
        assert other.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com.evil.example/v1",
        "https://evil.example/v1?x=model.example",
        "https://model.example:pw@evil.example/v1",
        "https://user@model.example/v1",
        "ftp://model.example/v1",
        "model.example/v1",
        "",
    ],
)
def test_a_host_outside_the_list_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"model\.base_url"):
        OpenAIModel(
            Endpoint(url, "m", ("model.example", "api.openai.com")),
            api_key=SecretStr(KEY),
            mask=str,
        )


async def test_the_breaker_opens_rests_and_closes(server: ModelServer) -> None:
    clock = Clock()
    bench = Bench(server, limits=Limits(clock=clock))
    server.script(serve.text("<html>"))
    for _ in range(5):
        assert str(await bench.fail()) == Reason.MALFORMED
    assert bench.state() == "degraded"
    assert str(await bench.fail()) == Reason.BREAKER
    assert len(server.requests) == 5
    clock.now += 60
    assert str(await bench.fail()) == Reason.MALFORMED
    assert str(await bench.fail()) == Reason.BREAKER
    clock.now += 60
    server.script(serve.ok(GOOD))
    await bench.ask()
    await bench.ask()
    assert bench.state() == "up"
    assert bench.reports[-3].outcome == Reason.BREAKER
    await bench.model.aclose()


async def test_only_one_call_tries_whether_it_is_well_again(server: ModelServer) -> None:
    clock = Clock()
    bench = Bench(server, limits=Limits(clock=clock))
    server.script(serve.text("<html>"))
    for _ in range(5):
        await bench.fail()
    clock.now += 60
    server.script(serve.ok(GOOD))
    answers = await asyncio.gather(*(bench.ask() for _ in range(4)), return_exceptions=True)
    assert [str(each) for each in answers if isinstance(each, ModelUnusable)] == ["breaker"] * 3
    await bench.model.aclose()


async def test_a_try_broken_off_leaves_room_for_another(server: ModelServer) -> None:
    clock = Clock()
    bench = Bench(server, limits=Limits(clock=clock))
    server.script(serve.text("<html>"))
    for _ in range(5):
        await bench.fail()
    clock.now += 60
    server.script(serve.silence())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.ask(), 0.2)
    server.script(serve.ok(GOOD))
    await bench.ask()
    assert bench.state() == "up"
    await bench.model.aclose()


async def test_posts_the_model_dislikes_do_not_open_the_breaker(bench: Bench) -> None:
    bench.server.script(serve.error(400, code="content_filter"))
    for _ in range(8):
        assert str(await bench.fail()) == Reason.FILTERED
    assert bench.state() == "up"


def test_old_failures_do_not_count() -> None:
    clock = Clock()
    limits = Limits(clock=clock)
    for _ in range(20):
        limits.leave(Reason.SERVER, trial=limits.enter())
        clock.now += 15.1
    assert limits.state == "up"


async def test_a_spent_budget_asks_nothing_until_tomorrow(server: ModelServer) -> None:
    days = [date(2026, 11, 22)]
    bench = Bench(server, limits=Limits(daily_tokens=30, today=lambda: days[-1]))
    server.script(serve.ok(GOOD))
    await bench.ask()
    assert bench.state() == "up"
    await bench.ask()
    assert bench.state() == "budget"
    assert str(await bench.fail()) == Reason.BUDGET
    assert len(server.requests) == 2
    days.append(date(2026, 11, 23))
    await bench.ask()
    assert bench.state() == "up"
    await bench.model.aclose()


async def test_a_useless_answer_costs_budget_too(server: ModelServer) -> None:
    bench = Bench(server, limits=Limits(daily_tokens=10))
    server.script(serve.says("nee"))
    assert str(await bench.fail()) == Reason.SCHEMA
    assert bench.state() == "budget"
    await bench.model.aclose()


async def test_a_server_that_reports_no_usage_is_not_free(bench: Bench) -> None:
    bench.server.script(serve.ok(GOOD, usage=None))
    outcome = await bench.ask()
    assert outcome.tokens_in > 10
    assert outcome.tokens_out > 10


class Inner(BaseModel):
    """A part with every keyword some server dislikes."""

    title: str = Field(default="x", min_length=1, max_length=9, pattern="a")
    score: float = Field(ge=0, le=1, multiple_of=0.1)


class Outer(BaseModel):
    """A whole with parts."""

    parts: list[Inner] = Field(min_length=1, max_length=3)
    maximum: int | None = Field(default=None, description="blijft")
    day: date


def test_the_strict_schema_closes_requires_and_drops_bounds() -> None:
    schema = strict_schema(Outer)
    inner = schema["$defs"]["Inner"]
    assert schema["required"] == ["parts", "maximum", "day"]
    assert inner["required"] == ["title", "score"]
    assert schema["additionalProperties"] is inner["additionalProperties"] is False
    assert inner["properties"] == {"title": {"type": "string"}, "score": {"type": "number"}}
    assert schema["properties"]["parts"] == {"items": {"$ref": "#/$defs/Inner"}, "type": "array"}
    assert schema["properties"]["maximum"]["description"] == "blijft"
    assert schema["properties"]["day"] == {"type": "string"}


async def test_retrying_raises_the_last_error_itself() -> None:
    sleeps = Sleeps()
    tries = iter("abcd")

    async def fail() -> None:
        raise KeyError(next(tries))

    with pytest.raises(KeyError, match="c"):
        await retrying(within=60, retry_on=lambda _: True, sleep=sleeps)(fail)
    assert len(sleeps) == 2
    assert all(0 <= each <= 4 for each in sleeps)


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", None),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, now=NOON) == seconds
