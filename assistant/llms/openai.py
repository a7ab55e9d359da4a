"""OpenAI and everything that speaks its chat.completions: Azure v1, vLLM, llama.cpp, Ollama."""

import asyncio
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple
from urllib.parse import urlsplit

import openai
from pydantic import SecretStr

from assistant.errors import Misconfigured, ModelUnusable
from assistant.llms import CallReport, Outcome, Reason, State, T
from assistant.llms._wire import Completion, Manner, read_completion, read_value
from assistant.llms.limits import Limits
from assistant.prompts import Prompt
from assistant.retry import Sleep, retry_after, retrying

log = logging.getLogger(__name__)

ATTEMPTS = 3

_VENDORS = re.compile(r"(^|\.)openai\.(azure\.)?com$")
# llama-cpp-python answers 500 to a schema it does not know, others 400 or 422.
_FORMAT = re.compile(r"response_format|json_schema|json_object|grammar|sampler", re.IGNORECASE)
_LIMIT = re.compile(r"max_(completion_)?tokens")
_UNPRINTABLE = re.compile(r"[^\w.:/@-]", re.ASCII)


class _Request(NamedTuple, Generic[T]):
    system: str
    user: str
    schema: type[T]
    most: int
    deadline: float

    @property
    def size(self) -> int:
        return len(self.system) + len(self.user)


class _Tally:
    """What one `ask` has cost so far."""

    def __init__(self, model: str) -> None:
        self.began = time.perf_counter()
        self.model = model
        self.attempts = self.tokens_in = self.tokens_out = 0
        self.request_id: str | None = None

    def count(self, completion: Completion, *, said: int, heard: int) -> None:
        """Add the usage the server reports, or an estimate of 4 characters a token."""
        usage = completion.usage
        self.tokens_in += usage.prompt_tokens if usage else said // 4
        self.tokens_out += usage.completion_tokens if usage else heard // 4
        self.model = _plain(completion.model) or self.model

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def facts(self) -> dict[str, Any]:
        """Give the fields that `Outcome` and `CallReport` share."""
        return {
            "model": self.model,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "seconds": self.seconds,
            "attempts": self.attempts,
            "request_id": self.request_id,
        }


class Endpoint(NamedTuple):
    """Where which model is asked; `effort` says in its own words how long it may think."""

    base_url: str
    model: str
    hosts: tuple[str, ...]
    effort: str | None = None


class OpenAIModel:
    """One endpoint; `mask` sees every value before it can enter a request."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        api_key: SecretStr,
        mask: Callable[[str], str],
        observe: Callable[[CallReport], None] = lambda report: None,
        limits: Limits | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Raises `Misconfigured` when the host of the base URL is not among the hosts."""
        host = _allowed_host(endpoint.base_url, endpoint.hosts)
        vendor = _VENDORS.search(host) is not None
        self._model = endpoint.model
        self._mask = mask
        self._observe = observe
        self._limits = limits or Limits()
        self._sleep = sleep
        self._manner = Manner(shape=0, limit="max_completion_tokens" if vendor else "max_tokens")
        # Others may refuse a key they do not know; `store` keeps posts out of OpenAI's own store.
        self._extra: dict[str, Any] = {"store": False} if vendor else {}
        if endpoint.effort is not None:
            self._extra["reasoning_effort"] = endpoint.effort
        self._client = _client(endpoint.base_url, api_key)

    @property
    def state(self) -> State:
        """Say `up`, `degraded` (breaker open) or `budget` (today's tokens are spent)."""
        return self._limits.state

    async def ask(
        self, schema: type[T], *, prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> Outcome[T]:
        """Keep `LLM.ask`: one answer that fits `schema` within `deadline` seconds."""
        tally = _Tally(self._model)
        failed: Reason | None = None
        try:
            value = await self._within_limits(
                self._request(schema, prompt, values, deadline), tally
            )
        except ModelUnusable as exc:
            failed = Reason(str(exc))
        self._tell(CallReport(prompt=prompt.label, outcome=failed or "ok", **tally.facts()))
        if failed:
            raise ModelUnusable(failed)
        return Outcome[T](value=value, prompt=prompt.label, **tally.facts())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _request(
        self, schema: type[T], prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> _Request[T]:
        """Build the only texts a request is made of; every value passes the mask here."""
        masked = {name: self._mask(value) for name, value in values.items()}
        system, user = prompt.render(**masked)
        return _Request(system, user, schema, prompt.max_output_tokens, deadline)

    async def _within_limits(self, request: _Request[T], tally: _Tally) -> T:
        trial = self._limits.enter()
        try:
            value = await self._answered(request, tally)
        except ModelUnusable as exc:
            self._limits.leave(Reason(str(exc)), tokens=tally.tokens, trial=trial)
            raise
        else:
            self._limits.leave(None, tokens=tally.tokens, trial=trial)
            return value
        finally:
            # Also where the caller broke it off, which says nothing about the endpoint.
            self._limits.release(trial=trial)

    async def _answered(self, request: _Request[T], tally: _Tally) -> T:
        try:
            async with asyncio.timeout(request.deadline):
                content = await self._negotiated(request, tally)
        except TimeoutError:
            failed = Reason.DEADLINE
        except openai.OpenAIError as exc:
            failed = _reason(exc)
        else:
            completion = read_completion(content)
            tally.count(completion, said=request.size, heard=len(content))
            return read_value(completion, request.schema)
        # Raised out here: an SDK's error quotes the server, which may quote the post or the key.
        raise ModelUnusable(failed)

    async def _negotiated(self, request: _Request[T], tally: _Tally) -> bytes:
        """Ask, more plainly each time the endpoint refuses the manner; remember what it took."""
        manner = self._manner
        while True:
            try:
                content = await self._tried(request, manner, tally)
            except openai.APIStatusError as exc:
                if (plainer := _adapted(manner, exc)) is None:
                    raise
                manner = plainer
            else:
                self._manner = manner
                return content

    async def _tried(self, request: _Request[T], manner: Manner, tally: _Tally) -> bytes:
        async for attempt in retrying(
            attempts=ATTEMPTS,
            within=request.deadline - tally.seconds,
            retry_on=_transient,
            asked=_asked,
            sleep=self._sleep,
        ):
            with attempt:
                tally.attempts += 1
                return await self._sent(request, manner, tally)
        raise AssertionError("tenacity raises the last error")

    async def _sent(self, request: _Request[T], manner: Manner, tally: _Tally) -> bytes:
        response = await self._client.chat.completions.with_raw_response.create(
            model=self._model,
            messages=[
                {"role": "system", "content": manner.system(request.system, request.schema)},
                {"role": "user", "content": request.user},
            ],
            extra_body=manner.body(request.schema, most=request.most) | self._extra,
            timeout=request.deadline,
        )
        tally.request_id = _plain(response.request_id or "") or None
        return response.content

    def _tell(self, report: CallReport) -> None:
        log.info(
            "model call outcome=%s prompt=%s model=%s tokens_in=%d tokens_out=%d seconds=%.3f "
            "attempts=%d request_id=%s",
            *(report.outcome, report.prompt, report.model, report.tokens_in, report.tokens_out),
            *(report.seconds, report.attempts, report.request_id),
        )
        self._observe(report)


def _client(base_url: str, api_key: SecretStr) -> openai.AsyncOpenAI:
    # Ambient headers would go to whatever server is configured, and nobody would see it.
    if "OPENAI_CUSTOM_HEADERS" in os.environ:
        raise Misconfigured("OPENAI_CUSTOM_HEADERS: unset it; Luister sends no headers from it")
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key.get_secret_value() or "none",
        admin_api_key="",
        max_retries=0,
        # A redirect leaves the allowed host; a proxy from the environment may carry TLS only.
        http_client=openai.DefaultAioHttpClient(
            follow_redirects=False, trust_env=base_url.startswith("https:")
        ),
    )
    client.organization = client.project = None
    return client


def _allowed_host(base_url: str, hosts: tuple[str, ...]) -> str:
    parts = urlsplit(base_url)
    host, allowed = parts.hostname or "", sorted(each.lower() for each in hosts)
    if parts.scheme not in ("http", "https") or parts.username or not host:
        raise Misconfigured("model.base_url: must look like https://host/v1, without a password")
    if host not in allowed:
        raise Misconfigured(f"model.base_url: {host!r} is not in model.allowed_hosts {allowed}")
    return host


def _said(exc: openai.APIStatusError) -> str:
    return f"{exc.param} {json.dumps(exc.body, default=str)}"


def _adapted(manner: Manner, exc: openai.APIStatusError) -> Manner | None:
    """Give the manner to try after this refusal, or None when it is about something else."""
    if exc.status_code in (400, 422) and _LIMIT.search(_said(exc)):
        return manner.other_limit()
    return manner.simpler() if _refuses_format(exc) else None


def _refuses_format(exc: openai.APIStatusError) -> bool:
    return exc.status_code in (400, 422, 500) and _FORMAT.search(_said(exc)) is not None


def _transient(exc: BaseException) -> bool:
    if isinstance(exc, openai.APIStatusError):
        busy = exc.status_code in (408, 409, 429) or exc.status_code >= 500
        return busy and not _refuses_format(exc) and not _out_of_quota(exc)
    return isinstance(exc, openai.APIConnectionError)


def _out_of_quota(exc: openai.APIStatusError) -> bool:
    return "insufficient_quota" in (exc.code, exc.type)


def _asked(exc: BaseException) -> float | None:
    if not isinstance(exc, openai.APIStatusError):
        return None
    return retry_after(exc.response.headers, now=datetime.now(UTC))


def _reason(exc: openai.OpenAIError) -> Reason:
    if not isinstance(exc, openai.APIStatusError):
        return Reason.CONNECTION
    if exc.code == "content_filter":
        return Reason.FILTERED
    if exc.status_code == 429:
        return Reason.QUOTA if _out_of_quota(exc) else Reason.RATE_LIMITED
    return Reason.SERVER if exc.status_code >= 500 else Reason.REJECTED


def _plain(text: str) -> str:
    return _UNPRINTABLE.sub("", text)[:80]
