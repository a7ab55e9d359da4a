"""What the product makes of one post: its own triage, search, draft and checks."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from pydantic import BaseModel

from assistant.case import Advice, Case, Draft, Event, Frozen, Kind, Label, Origin, Post, evolve
from assistant.checks import check
from assistant.checks.findings import approved_spans, sentences
from assistant.config import Organisation
from assistant.draft import nearest, suggest
from assistant.errors import ModelUnusable
from assistant.evaluate.rows import Row
from assistant.ground import ground_of
from assistant.llms import LLM, Outcome
from assistant.platforms import Platform
from assistant.prompts import Prompt
from assistant.triage import understand
from assistant.words import Words

T = TypeVar("T", bound=BaseModel)

NEAR = 3
"""Approved answers a colleague sees beside a post, as on the card."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What posts are tried with: an organisation, a platform's limits, a model or none."""

    organisation: Organisation
    platform: Platform
    words: Words
    model: LLM | None
    clock: Callable[[], datetime]


class Tried(Frozen):
    """What became of one post: labels, ids, codes and numbers, never a text.

    `likely` is the department suggested where none is named.

    `origin` None means that no draft was asked for; `offered` that one with a text was. `codes`
    are what the checks say of that text, `turned_down` why texts of the model were not used, and
    `unusable` why it gave none. Of the draft's `sentences`, `verbatim` are the sources' own.
    `pointer` says that the draft is the road its label has, not an answer that was searched for.
    """

    id: str
    label: Label
    advice: Advice
    department: str | None
    likely: str | None = None
    sure: bool
    language: str
    near: tuple[str, ...]
    origin: Origin | None = None
    offered: bool = False
    sources: tuple[str, ...] = ()
    pointer: bool = False
    codes: tuple[str, ...] = ()
    turned_down: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    sentences: int = 0
    verbatim: int = 0
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass
class _Counted:
    """A model that counts what it is asked and what that cost."""

    model: LLM
    calls: int = 0
    tokens: int = 0
    unusable: list[str] = field(default_factory=list)

    async def ask(
        self, schema: type[T], *, prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> Outcome[T]:
        self.calls += 1
        try:
            outcome = await self.model.ask(schema, prompt=prompt, values=values, deadline=deadline)
        except ModelUnusable as error:
            self.unusable.append(str(error))
            raise
        self.tokens += outcome.tokens_in + outcome.tokens_out
        return outcome


async def tried(row: Row, *, bench: Bench) -> Tried:
    """Take one post through triage, search, draft and checks, as a case of its own."""
    began = time.perf_counter()
    model = _Counted(bench.model) if bench.model else None
    case = _case(row, bench=bench)
    triage, _ = await understand(
        case,
        organisation=bench.organisation,
        model=model,
        words=bench.words,
        clock=bench.clock,
        random=Random(row.id),
    )
    case = evolve(case, Event(kind=Kind.TRIAGED, at=bench.clock(), triage=triage), id=case.id)
    near = nearest(case, organisation=bench.organisation, now=bench.clock())
    turned_down: list[str] = []
    draft = await suggest(
        case,
        organisation=bench.organisation,
        model=model,
        platform=bench.platform,
        words=bench.words,
        now=bench.clock(),
        turned_down=turned_down.append,
    )
    return Tried(
        id=row.id,
        label=triage.label,
        advice=triage.advice,
        department=case.department,
        likely=case.likely,
        sure=triage.sure,
        language=triage.language,
        near=tuple(each.answer.id for each in near[:NEAR]),
        turned_down=tuple(turned_down),
        calls=model.calls if model else 0,
        tokens=model.tokens if model else 0,
        unusable=tuple(model.unusable) if model else (),
        seconds=time.perf_counter() - began,
        **(_looked_at(draft, case, bench=bench) if draft else {}),
    )


def _case(row: Row, *, bench: Bench) -> Case:
    """Return the case one post makes that mentions us in public, by somebody nobody knows."""
    now = bench.clock()
    post = Post(
        platform=bench.platform.name,
        account=bench.platform.account,
        id=row.id,
        root=row.id,
        text=row.text,
        created_at=now,
        addressed="mention",
    )
    return evolve(None, Event(kind=Kind.RECEIVED, at=now, post=post), id=row.id)


def _looked_at(draft: Draft, case: Case, *, bench: Bench) -> dict[str, Any]:
    ground = ground_of(
        case,
        organisation=bench.organisation,
        platform=bench.platform,
        initials="",
        cited=draft.sources,
    )
    found = check(draft.text, ground=ground, length=bench.platform.length) if draft.text else ()
    serious = dict.fromkeys(each.code for each in found if each.severity != "hint")
    # A link is no sentence: code adds it, and a check of its own knows where it may lead.
    said = [draft.text[a:b] for a, b in sentences(draft.text)] if draft.text else []
    return {
        "origin": draft.origin,
        "offered": bool(draft.text),
        "sources": draft.sources,
        "pointer": case.triage is not None and draft.sources == (case.triage.pointer,),
        "codes": tuple(serious),
        "sentences": sum(not each.startswith("https://") for each in said),
        "verbatim": len(approved_spans(draft.text, ground)) if draft.text else 0,
    }
