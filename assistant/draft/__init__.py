"""Suggest a reply, from approved answers only; without a model word for word or not at all."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from hashlib import sha256
from random import SystemRandom
from typing import Literal

from pydantic import BaseModel, ConfigDict

from assistant.answers import Answer, Hit, Index, sure
from assistant.case import Case, Draft, Event, Kind, State, Triage
from assistant.checks import check
from assistant.checks.findings import tokens
from assistant.checks.links import find_links
from assistant.clean import clean
from assistant.config import Organisation
from assistant.draft.address import FORMS, form_of_address
from assistant.errors import ModelUnusable
from assistant.ground import ground_of, road_of
from assistant.llms import LLM, Outcome
from assistant.platforms import Platform
from assistant.prompts import Prompt, fence, load_prompts, new_mark
from assistant.rules import SENSITIVE
from assistant.store import Decision, Delivery, Store, Work
from assistant.words import Words

DEADLINE = 20.0
"""Seconds the model has; the card stands already and the draft follows by update."""
SIGNED = 20
"""Characters kept free for the mention and the initials the editor adds."""
MOST = 5
"""Answers a draft may lean on (issue: Answers and drafts)."""
NAMED = 3
"""Answers named beside an empty box."""
DRAFTABLE: frozenset[State] = frozenset({State.TRIAGED, State.OPEN})

_UNGUESSABLE = SystemRandom()


class ModelDraft(BaseModel):
    """What the model is asked for: a reply, and which of A1..A5 it used.

    Lengths are judged afterwards: most servers cannot hold a model to them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reply: str
    sources: tuple[Literal["A1", "A2", "A3", "A4", "A5"], ...]
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What a draft for one case is made with."""

    case: Case
    triage: Triage
    organisation: Organisation
    platform: Platform
    words: Words
    now: datetime

    @property
    def room(self) -> int:
        """How long a suggestion may be, by the platform's count."""
        handle = self.case.post.handle
        mention = f"@{handle.removeprefix('@')} " if handle else ""
        return self.platform.limit - SIGNED - self.platform.length(mention)

    def fits(self, text: str) -> bool:
        return self.platform.length(text) <= self.room

    def said(self, key: str) -> str | None:
        """Return a sentence in the citizen's language, None where we have no words in it."""
        if self.triage.language not in SPOKEN:
            return None
        return self.words.say(f"draft.{key}_{self.triage.language}")


SPOKEN: frozenset[str] = frozenset({"nl", "en", "de", "fr"})
"""Languages a greeting and the templates exist in."""


async def draft(
    store: Store,
    case_id: str,
    ack: Delivery | None,
    *,
    organisation: Organisation,
    model: LLM | None,
    platforms: Mapping[tuple[str, str], Platform],
    words: Words,
    clock: Callable[[], datetime],
) -> None:
    """Record one suggestion per revision for a case whose advice is `answer`, and show it.

    A case that moved on meanwhile keeps what it has: a late draft is dropped.
    """
    case = (await store.load(case_id)).case
    platform = platforms.get((case.platform, case.account)) if case else None
    if case is None or platform is None or not _wanted(case):
        await store.decide(case_id, lambda held: Decision(), ack=ack, now=clock())
        return
    written = await suggest(
        case,
        organisation=organisation,
        model=model,
        platform=platform,
        words=words,
        now=clock(),
    )

    def decide(held: Case | None) -> Decision:
        if held is None or not _wanted(held) or _edition(held) != _edition(case):
            return Decision()
        event = Event(kind=Kind.DRAFTED, at=clock(), draft=written)
        # A card still on its way shows the draft by itself, at the hour that suits.
        if held.state is State.TRIAGED:
            return Decision(events=(event,))
        lane = organisation.channel(held.department, held.official)
        return Decision(events=(event,), work=(Work(lane=lane),))

    command = f"draft:{_edition(case)}"
    await store.decide(case_id, decide, command=command, ack=ack, now=clock())


def _unheard(reason: str) -> None:
    """Leave it at that: people see the draft there is instead."""


async def suggest(
    case: Case,
    *,
    organisation: Organisation,
    model: LLM | None,
    platform: Platform,
    words: Words,
    now: datetime,
    turned_down: Callable[[str], None] = _unheard,
) -> Draft | None:
    """Return a suggestion for `case` as it stands, None where none is wanted; records nothing.

    `turned_down` is told each reason why a text of the model was not used.
    """
    if not _wanted(case) or case.triage is None:
        return None
    on = Occasion(
        case=case,
        triage=case.triage,
        organisation=organisation,
        platform=platform,
        words=words,
        now=now,
    )
    hits = nearest(case, organisation=organisation, now=now)
    return await _written(on, hits, model=model, turned_down=turned_down)


@lru_cache(maxsize=2)
def index_of(organisation: Organisation, today: date) -> Index:
    """Return the approved answers still valid on `today`, indexed once a day."""
    return Index(organisation.answers, today=today)


def _edition(case: Case) -> str:
    """Return what a draft is made once for: the posts, a fresh start, and people's corrections."""
    return f"{case.revision}.{case.reopened}.{case.relabelled}"


def _wanted(case: Case) -> bool:
    if case.state not in DRAFTABLE or case.gone or not case.answerable:
        return False
    # A colleague may advise to answer what is sensitive; then they write it themselves.
    if case.triage is None or case.triage.advice != "answer" or case.triage.label in SENSITIVE:
        return False
    return case.draft is None or case.draft.revision < case.revision


async def _written(
    on: Occasion,
    hits: tuple[Hit, ...],
    *,
    model: LLM | None,
    turned_down: Callable[[str], None] = _unheard,
) -> Draft:
    if on.triage.body is not None:
        return _to_body(on) or _empty(on, hits)
    if model is not None and hits:
        by_model = await _by_model(on, hits, model=model, turned_down=turned_down)
        if by_model is not None:
            return by_model
    return _word_for_word(on, hits) or _template(on, hits) or _empty(on, hits)


def nearest(case: Case, *, organisation: Organisation, now: datetime) -> tuple[Hit, ...]:
    """Return at most five answers for the newest post: the department's own first, then all."""
    index = index_of(organisation, organisation.local(now).date())
    text = clean(case.post.text)
    department = case.department or (case.triage.department if case.triage else None)
    own = index.find(text, department=department, top=MOST) if department else ()
    known = {each.answer.id for each in own}
    rest = tuple(each for each in index.find(text, top=MOST) if each.answer.id not in known)
    return (*own, *rest)[:MOST]


async def _by_model(
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
    objections = tuple(_objections(on, text, ids)) if sourced else ("no_source",)
    for each in objections:
        turned_down(each)
    if objections:
        return None
    text = _linked(on, text, used[0])
    return _draft(on, text, origin="model", sources=ids, by=_by(outcome))


def _objections(on: Occasion, text: str, sources: tuple[str, ...]) -> Iterator[str]:
    """Yield why a model's text may not even be suggested: our own reasons and checks' codes.

    A colleague may have reasons for a promise or a number no source states; a model has none.
    """
    if not text:
        yield "empty"
        return
    if find_links(text):
        yield "link"
    if _MARKUP.search(text):
        yield "markup"
    if _repeats(on, text):
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


def _repeats(on: Occasion, text: str) -> bool:
    """Say whether the text repeats the prompt or the post, as a post may have asked for."""
    told = _runs(_prompt().system) | _runs(_prompt().user) | _runs(on.case.post.text)
    return not told.isdisjoint(_runs(text))


@lru_cache(maxsize=16)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    heard = tokens(text).split()
    return frozenset(zip(*(heard[at:] for at in range(QUOTED)), strict=False))


def _word_for_word(on: Occasion, hits: tuple[Hit, ...]) -> Draft | None:
    """Return an approved answer as it stands, where the match is sure or its label has a road."""
    found = sure(_ranked(hits))
    answer = found.answer if found else None
    if answer is None:
        answer = road_of(on.case, organisation=on.organisation, now=on.now)
    if answer is None or answer.language != on.triage.language:
        return None
    text = _greeted(on, answer.short)
    if not on.fits(text):
        return None
    return _draft(on, _linked(on, text, answer), origin="answer", sources=(answer.id,))


def _to_body(on: Occasion) -> Draft | None:
    """Return the fixed line that names the other body and its door; never a model's (rule 3)."""
    body = on.organisation.body(on.triage.body)
    form = form_of_address(on.case.post.text)
    if body is None or on.triage.language not in SPOKEN:
        return None
    line = on.words.say(f"draft.body_{form}_{on.triage.language}", body=body.name, door=body.door)
    text = _greeted(on, line)
    return _draft(on, text, origin="template") if on.fits(text) else None


def _ranked(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda each: -each.score))


def _template(on: Occasion, hits: tuple[Hit, ...]) -> Draft | None:
    """Return a neutral line that asks the citizen for a private message, unless it is one."""
    line = on.said(f"template_{form_of_address(on.case.post.text)}")
    if line is None or on.case.post.visibility == "direct":
        return None
    text = _greeted(on, line)
    return _draft(on, text, origin="template", sources=_near(hits)) if on.fits(text) else None


def _empty(on: Occasion, hits: tuple[Hit, ...]) -> Draft:
    return _draft(on, "", origin="empty", sources=_near(hits))


def _near(hits: tuple[Hit, ...]) -> tuple[str, ...]:
    """Return the answers to look at where none is sure."""
    return tuple(each.answer.id for each in _ranked(hits)[:NAMED])


def _draft(
    on: Occasion,
    text: str,
    *,
    origin: Literal["model", "answer", "template", "empty"],
    sources: tuple[str, ...] = (),
    by: str = "",
) -> Draft:
    revision = on.case.revision
    made = f"{on.case.id}:{_edition(on.case)}"
    return Draft(
        id=sha256(made.encode()).hexdigest()[:16],
        text=text,
        origin=origin,
        sources=sources,
        by=by,
        revision=revision,
    )


def _greeted(on: Occasion, text: str) -> str:
    """Begin with a greeting for the time of day, in the citizen's language."""
    hour = on.organisation.local(on.now).hour
    time = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    greeting = on.said(f"greeting_{time}")
    return f"{greeting} {text}" if greeting else text


def _linked(on: Occasion, text: str, answer: Answer) -> str:
    """Add the answer's first source where it fits and is not there already."""
    if not answer.sources or answer.sources[0] in text:
        return text
    longer = f"{text} {answer.sources[0]}"
    return longer if on.fits(longer) else text


@cache
def _prompt() -> Prompt:
    return load_prompts()["draft"]
