"""What a model may suggest: from named sources only, and nothing a check would even ask about."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from random import SystemRandom
from typing import Literal

from pydantic import BaseModel, ConfigDict

from assistant.answers import Answer, Hit
from assistant.case import Draft
from assistant.checks import check
from assistant.checks.findings import tokens
from assistant.checks.links import find_links
from assistant.clean import clean
from assistant.draft.address import FORMS, form_of_address
from assistant.errors import ModelUnusable
from assistant.ground import ground_of
from assistant.llms import LLM, Outcome
from assistant.occasion import Occasion, draft_of, linked
from assistant.prompts import Prompt, fence, load_prompts, new_mark

DEADLINE = 20.0
"""Seconds the model has; the card stands already and the draft follows by update."""

_UNGUESSABLE = SystemRandom()


class ModelDraft(BaseModel):
    """What the model is asked for: a reply, and which of A1..A5 it used.

    Lengths are judged afterwards: most servers cannot hold a model to them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reply: str
    sources: tuple[Literal["A1", "A2", "A3", "A4", "A5"], ...]
    note: str | None = None


async def written_by(
    on: Occasion, hits: tuple[Hit, ...], *, model: LLM, turned_down: Callable[[str], None]
) -> Draft | None:
    """Return the model's draft when it leans on sources and no check stops it, else None."""
    named = {f"A{number}": each.answer for number, each in enumerate(hits, start=1)}
    try:
        outcome = await model.ask(
            ModelDraft,
            prompt=_prompt(),
            values=_values(on, named, mark=new_mark(_UNGUESSABLE)),
            deadline=DEADLINE,
        )
    except ModelUnusable:
        return None
    cited = tuple(dict.fromkeys(outcome.value.sources))
    used = tuple(named[each] for each in cited if each in named)
    text = clean(outcome.value.reply)
    ids = tuple(each.id for each in used)
    sourced = bool(used) and len(used) == len(cited)
    objections = tuple(objections_to(on, text, ids, told=_prompt())) if sourced else ("no_source",)
    for each in objections:
        turned_down(each)
    if objections:
        return None
    text = linked(on, text, used[0])
    return draft_of(on, text, origin="model", sources=ids, by=_by(outcome))


def objections_to(
    on: Occasion, text: str, sources: tuple[str, ...], *, told: Prompt
) -> Iterator[str]:
    """Yield why a model's text may not even be suggested: our own reasons and checks' codes.

    A colleague may have reasons for a promise or a number no source states; a model has none.
    `told` is the prompt it was given.
    """
    if not text:
        yield "empty"
        return
    if find_links(text):
        yield "link"
    if _MARKUP.search(text):
        yield "markup"
    if _repeats(on, text, told=told):
        yield "repeats"
    if not on.fits(text):
        yield "no_room"
    ground = ground_of(
        on.case,
        organisation=on.organisation,
        platform=on.platform,
        initials="",
        cited=sources,
    )
    found = check(text, ground=ground, length=on.platform.length)
    yield from dict.fromkeys(each.code for each in found if each.severity != "hint")


def _by(outcome: Outcome[ModelDraft]) -> str:
    return f"{outcome.model} {outcome.prompt}"


def _values(on: Occasion, named: Mapping[str, Answer], *, mark: str) -> dict[str, str]:
    return {
        "organisation": on.organisation.organisation.name,
        "label": on.triage.label,
        "language": on.triage.language,
        "form_of_address": FORMS[form_of_address(on.case.post.text)],
        "limit": str(on.room - 60),
        "sources": "\n\n".join(
            f"[{name}] {each.title}\n{each.short}\n{each.long}" for name, each in named.items()
        ),
        "post": fence(clean(on.case.post.text), mark),
        "mark": mark,
    }


QUOTED = 6
"""Words in a row that a text shares with what the model was told, before it is a quotation."""

_MARKUP = re.compile(r"<[!@#/\w]")


def _repeats(on: Occasion, text: str, *, told: Prompt) -> bool:
    """Say whether the text repeats the prompt or the post, as a post may have asked for."""
    heard = _runs(told.system) | _runs(told.user) | _runs(on.case.post.text)
    return not heard.isdisjoint(_runs(text))


@lru_cache(maxsize=16)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    heard = tokens(text).split()
    return frozenset(zip(*(heard[at:] for at in range(QUOTED)), strict=False))


@cache
def _prompt() -> Prompt:
    return load_prompts()["draft"]
