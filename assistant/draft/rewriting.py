"""Rewrite a suggestion as a colleague wishes: the same sources, the same checks, a new version."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from random import SystemRandom

from pydantic import BaseModel, ConfigDict

from assistant.case import Case, Draft, Event, Kind, Origin, Rewriting, State, Wish
from assistant.checks.links import find_links
from assistant.clean import clean
from assistant.config import Organisation
from assistant.draft.address import FORMS, Form, form_of_address
from assistant.draft.model import DEADLINE, objections_to
from assistant.errors import ModelUnusable
from assistant.ground import sources
from assistant.llms import LLM
from assistant.occasion import Occasion, linked, occasion_of
from assistant.platforms import Platform
from assistant.prompts import Prompt, fence, load_prompts, new_mark
from assistant.store import Decision, Delivery, Store, Work
from assistant.variants import variant
from assistant.words import Words

_UNGUESSABLE = SystemRandom()

WISHES: Mapping[Wish, str] = {
    "shorter": "Maak de tekst korter.",
    "longer": "Maak de tekst uitgebreider, met wat de inwoner nodig heeft uit de antwoorden.",
    "simpler": "Maak de tekst eenvoudiger: kortere zinnen en makkelijker woorden.",
    "warmer": "Maak de tekst vriendelijker en persoonlijker.",
    "formal": "Maak de tekst formeler en spreek de inwoner aan met u.",
    "familiar": "Maak de tekst losser en spreek de inwoner aan met je.",
    "language": "Schrijf de tekst in de taal met code {language}.",
    "own": "{words}",
}
"""What the model is told of each wish; in Dutch, as the prompts are."""

_ADDRESSED: Mapping[Wish, Form] = {"formal": "formal", "familiar": "familiar"}


class ModelRewrite(BaseModel):
    """What the model is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reply: str


async def rewrite(
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
    """Record the suggestion rewritten as asked, or that no usable text came of it.

    A case that moved on meanwhile, or got another suggestion, keeps what it has.
    """
    case = (await store.load(case_id)).case
    platform = platforms.get((case.platform, case.account)) if case else None
    asked = case.rewriting if case else None
    if case is None or platform is None or asked is None or not _stands(case, asked):
        await store.decide(case_id, lambda held: Decision(), ack=ack, now=clock())
        return
    assert case.draft is not None
    on = occasion_of(
        case,
        organisation=organisation,
        platform=platform,
        words=words,
        now=clock(),
        language=asked.language,
    )
    written = await _rewritten(on, case.draft, asked, model=model)

    def decide(held: Case | None) -> Decision:
        if held is None or held.rewriting != asked or not _stands(held, asked):
            return Decision()
        event = Event(kind=Kind.REWRITE_FAILED, at=clock())
        if written is not None:
            event = Event(kind=Kind.DRAFTED, at=clock(), draft=written)
        lane = organisation.channel(held.department, held.official)
        return Decision(events=(event,), work=(Work(lane=lane),))

    await store.decide(case_id, decide, ack=ack, now=clock())


def _stands(case: Case, asked: Rewriting) -> bool:
    """Say whether the suggestion that was to be rewritten is still the one people see."""
    return (
        case.state is State.OPEN
        and case.triage is not None
        and case.draft is not None
        and case.draft.id == asked.draft
        and case.answerable
    )


async def _rewritten(
    on: Occasion, draft: Draft, asked: Rewriting, *, model: LLM | None
) -> Draft | None:
    """Return the model's version, failing that the approved variant where that was asked for."""
    by_model = await _by_model(on, draft, asked, model=model) if model else None
    if by_model is not None:
        return by_model
    text = variant(on, draft, asked.wish)
    return _version(draft, asked, text=text, origin="answer") if text else None


async def _by_model(on: Occasion, draft: Draft, asked: Rewriting, *, model: LLM) -> Draft | None:
    try:
        outcome = await model.ask(
            ModelRewrite,
            prompt=_prompt(),
            values=_values(on, draft, asked, mark=new_mark(_UNGUESSABLE)),
            deadline=DEADLINE,
        )
    except ModelUnusable:
        return None
    text = clean(outcome.value.reply)
    if any(objections_to(on, text, draft.sources, told=_prompt())):
        return None
    # A suggestion that came with its links keeps them.
    for each in sources(on.organisation, draft.sources):
        text = linked(on, text, each) if each.page in draft.text else text
    by = f"{outcome.model} {outcome.prompt}"
    return _version(draft, asked, text=text, origin="model", by=by)


def _version(draft: Draft, asked: Rewriting, *, text: str, origin: Origin, by: str = "") -> Draft:
    """Return the next version: another id, so that an editor knows which one it began with.

    The id stands in the audit chain for good, so nothing of the text goes into it.
    """
    made = f"{draft.id}:{asked.wish}"
    return draft.model_copy(
        update={
            "id": sha256(made.encode()).hexdigest()[:16],
            "text": text,
            "origin": origin,
            "by": by,
            "wish": asked.wish,
            "kept": False,
        }
    )


def _values(on: Occasion, draft: Draft, asked: Rewriting, *, mark: str) -> dict[str, str]:
    said = WISHES[asked.wish].format(language=asked.language, words=clean(asked.words or ""))
    form = _ADDRESSED.get(asked.wish) or form_of_address(on.case.post.text)
    answers = sources(on.organisation, draft.sources)
    return {
        "organisation": on.organisation.organisation.name,
        "wish": said,
        "language": on.triage.language,
        "form_of_address": FORMS[form],
        "limit": str(on.room - 60),
        "sources": "\n\n".join(
            f"A{number}. {each.title}\n{each.short}\n{each.long}"
            for number, each in enumerate(answers, start=1)
        ),
        "text": fence(_without_links(draft.text), mark),
        "mark": mark,
    }


def _without_links(text: str) -> str:
    """Return `text` without its links: the model may write none, and code puts them back."""
    kept, at = [], 0
    for link in find_links(text):
        kept.append(text[at : link.start])
        at = link.end
    return "".join([*kept, text[at:]]).strip()


@cache
def _prompt() -> Prompt:
    return load_prompts()["rewrite"]
