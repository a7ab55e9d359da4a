"""What Luister asks of a model: one method, one answer that fits a schema, or `ModelUnusable`.

To add a provider: one file beside this one with a class that keeps `LLM`, passes every value
through `mask`, keeps the deadline, reports each call, and raises nothing but `ModelUnusable`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from assistant.prompts import Prompt

T = TypeVar("T", bound=BaseModel)

State = Literal["up", "degraded", "budget"]


class Reason(StrEnum):
    """Why a model gave nothing usable: the whole message of a `ModelUnusable`."""

    BREAKER = "breaker"  # not asked: it failed too often just now
    BUDGET = "budget"  # not asked: today's tokens are spent
    DEADLINE = "deadline"
    CONNECTION = "connection"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    SERVER = "server"  # 5xx
    REJECTED = "rejected"  # another 4xx or a redirect: key, model name, request
    MALFORMED = "malformed"  # HTML, half JSON: not the answer of a chat API
    EMPTY = "empty"
    REFUSAL = "refusal"
    FILTERED = "filtered"  # a content filter: perhaps abuse, let a person look
    TRUNCATED = "truncated"
    SCHEMA = "schema"  # the answer does not fit the schema


class Outcome(BaseModel, Generic[T]):
    """A usable answer and what it cost; `prompt` is name@version+sha."""

    model_config = ConfigDict(frozen=True)

    value: T
    model: str
    prompt: str
    tokens_in: int
    tokens_out: int
    seconds: float
    attempts: int
    request_id: str | None


class CallReport(BaseModel):
    """One call for metrics and log, answered or not: numbers and names, never a text."""

    model_config = ConfigDict(frozen=True)

    model: str
    prompt: str
    outcome: Literal["ok"] | Reason
    tokens_in: int
    tokens_out: int
    seconds: float
    attempts: int
    request_id: str | None


class LLM(Protocol):
    """A language model behind one method."""

    async def ask(
        self, schema: type[T], *, prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> Outcome[T]:
        """Fill `prompt` with the masked `values` and give an answer that fits `schema`.

        Takes at most `deadline` seconds, retries included. Raises `ModelUnusable` with a
        `Reason`; the caller goes on without a model.
        """
        ...
