"""What goes over the wire to a chat.completions API and comes back, without any SDK's classes."""

import json
import re
from functools import cache
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.errors import ModelUnusable
from assistant.llms import Reason

T = TypeVar("T", bound=BaseModel)

# Servers refuse, ignore or mis-generate these: OpenAI rejects `default`, vLLM with xgrammar lets
# raw line ends into any string with a length, llama.cpp ignores bounds of floats. Our own
# validation keeps them all.
_DROPPED = re.compile(
    r"title|default|examples|min\w+|max\w+|exclusive\w+|multipleOf|pattern|format|uniqueItems"
)
_MAPS = frozenset({"properties", "$defs"})

_SAID = "\n\nAntwoord met alleen één JSON-object, zonder tekst eromheen, volgens dit JSON-schema:\n"


class Manner(NamedTuple):
    """How an endpoint wants to be asked: the shape of the answer and the token limit's name."""

    shape: int
    limit: str
    swapped: bool = False

    def body(self, schema: type[BaseModel], *, most: int) -> dict[str, Any]:
        """Give the part of the request that differs from server to server."""
        limit = {self.limit: most}
        shape = _SHAPES[self.shape](schema)
        return limit | ({"response_format": shape} if shape else {})

    def system(self, text: str, schema: type[BaseModel]) -> str:
        """Give the system text, with the schema in words where the request cannot force it."""
        if self.shape == 0:
            return text
        return text + _SAID + json.dumps(strict_schema(schema), ensure_ascii=False)

    def simpler(self) -> "Manner | None":
        """Give the next plainer shape, or None when this is the plainest."""
        return self._replace(shape=self.shape + 1) if self.shape + 1 < len(_SHAPES) else None

    def other_limit(self) -> "Manner | None":
        """Give the same with the token limit's other name, or None when both were tried."""
        name = "max_tokens" if self.limit == "max_completion_tokens" else "max_completion_tokens"
        return None if self.swapped else self._replace(limit=name, swapped=True)


def _json_schema(schema: type[BaseModel]) -> dict[str, Any] | None:
    named = {"name": schema.__name__, "strict": True, "schema": strict_schema(schema)}
    return {"type": "json_schema", "json_schema": named}


def _json_object(schema: type[BaseModel]) -> dict[str, Any] | None:
    return {"type": "json_object", "schema": strict_schema(schema)}


def _prompt_only(schema: type[BaseModel]) -> dict[str, Any] | None:
    return None


_SHAPES = (_json_schema, _json_object, _prompt_only)


@cache  # pydantic takes half a millisecond to write one, at every call
def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON schema every server takes: closed objects, all required, no bounds."""
    strict: dict[str, Any] = _strict(schema.model_json_schema())
    return strict


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: {name: _strict(each) for name, each in value.items()}
        if key in _MAPS
        else _strict(value)
        for key, value in node.items()
        if not _DROPPED.fullmatch(key)
    }
    if "properties" in kept:
        kept |= {"required": list(kept["properties"]), "additionalProperties": False}
    return kept


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Message(_Part):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Part):
    message: _Message
    finish_reason: str | None = None


class _Usage(_Part):
    prompt_tokens: int
    completion_tokens: int


class Completion(_Part):
    """The part of a chat completion that is used."""

    choices: tuple[_Choice, ...]
    model: str = ""
    usage: _Usage | None = None


def read_completion(content: bytes) -> Completion:
    """Read a response's bytes; HTML, half JSON and other shapes are `ModelUnusable`."""
    try:
        return Completion.model_validate_json(content)
    except ValidationError:
        failed = ModelUnusable(Reason.MALFORMED)
    # Raised out here, so that no traceback carries pydantic's quotation of the model's text.
    raise failed


def read_value(completion: Completion, schema: type[T]) -> T:
    """Read the answer in a completion, lenient about its wrapping and strict about its content.

    Raises `ModelUnusable` for no answer, a refusal, a filter, a truncation, another shape.
    """
    if not completion.choices:
        raise ModelUnusable(Reason.EMPTY)
    choice = completion.choices[0]
    if choice.message.refusal:
        raise ModelUnusable(Reason.REFUSAL)
    if choice.finish_reason == "content_filter":
        raise ModelUnusable(Reason.FILTERED)
    if choice.finish_reason == "length":
        raise ModelUnusable(Reason.TRUNCATED)
    return _parsed(choice.message.content or "", schema)


def _parsed(text: str, schema: type[T]) -> T:
    try:
        # Weaker servers put a fence or prose around the object and raw line ends into its strings.
        loose = json.loads(text[text.index("{") : text.rindex("}") + 1], strict=False)
        # Half a surrogate pair, as of an emoji cut in two, is valid JSON and no text.
        plain = json.dumps(loose, ensure_ascii=False).encode("utf-8", "replace")
        return schema.model_validate_json(plain, strict=True)
    except (ValueError, RecursionError):
        failed = ModelUnusable(Reason.SCHEMA)
    raise failed
