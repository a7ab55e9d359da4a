"""A model that is as wrong as a model can be: it shows that the stricter verdict wins."""

import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from assistant.errors import ModelUnusable
from assistant.llms import Outcome, Reason
from assistant.prompts import Prompt

T = TypeVar("T", bound=BaseModel)

_FIRST = re.compile(r"\[A1\] .*\n(.*)")
_DEPARTMENT = re.compile(r"- (\S+):")


class Obliging:
    """Says of every post, in the highest confidence, that it is a question to be answered.

    It names the first department of all, and as a draft it copies the first source. Whatever the
    rules hold back must stay back with it; where they find nothing it decides, as wrong as it is.
    """

    async def ask(
        self, schema: type[T], *, prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> Outcome[T]:
        """Give the one answer it has to each prompt; raises ModelUnusable for one it lacks."""
        answers = {"triage": _judged, "draft": _written}
        answer = answers[prompt.name](values) if prompt.name in answers else {}
        try:
            value = schema.model_validate(answer)
        except ValidationError:
            raise ModelUnusable(Reason.SCHEMA) from None
        return Outcome(
            value=value,
            model="scripted",
            prompt=prompt.label,
            tokens_in=0,
            tokens_out=0,
            seconds=0.0,
            attempts=1,
            request_id=None,
        )


def _judged(values: Mapping[str, str]) -> dict[str, object]:
    first = _DEPARTMENT.search(values["departments"])
    return {
        "label": "question",
        "department": first[1] if first else "unknown",
        "language": "nl",
        "advice": "answer",
        "confidence": "high",
        "reason": "Dat kunnen wij gewoon beantwoorden.",
    }


def _written(values: Mapping[str, str]) -> dict[str, object]:
    first = _FIRST.search(values["sources"])
    return {"reply": f"Hallo, {first[1]}" if first else "", "sources": ("A1",), "note": None}
