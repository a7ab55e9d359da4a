"""Suggest a reply, from approved answers only; without a model word for word or not at all."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache

from assistant.aliases import spoken, with_learned
from assistant.answers import Answer, Hit, Index, sure
from assistant.case import Case, Draft, Event, Kind, State
from assistant.clean import clean
from assistant.config import Organisation
from assistant.draft.address import form_of_address
from assistant.draft.keeping import foundation, still_fits
from assistant.draft.model import written_by
from assistant.draft.parts import answers_to
from assistant.ground import road_of
from assistant.llms import LLM
from assistant.occasion import SPOKEN, Occasion, draft_of, edition, greeted, occasion_of, verbatim
from assistant.platforms import Platform
from assistant.rules import PEOPLE, SENSITIVE, quiet, read, register_of
from assistant.store import Decision, Delivery, Store, Work
from assistant.store.aliases import learned
from assistant.words import Words

MOST = 5
"""Answers a draft may lean on (issue: Answers and drafts)."""
NAMED = 3
"""Answers named beside an empty box."""
DRAFTABLE: frozenset[State] = frozenset({State.TRIAGED, State.OPEN})


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
        organisation=with_learned(organisation, spoken(await learned(store), case.post.text)),
        model=model,
        platform=platform,
        words=words,
        now=clock(),
    )

    def decide(held: Case | None) -> Decision:
        if held is None or not _wanted(held) or edition(held) != edition(case):
            return Decision()
        event = Event(kind=Kind.DRAFTED, at=clock(), draft=written)
        # A card still on its way shows the draft by itself, at the hour that suits.
        if held.state is State.TRIAGED:
            return Decision(events=(event,))
        lane = organisation.channel(held.department, held.official)
        return Decision(events=(event,), work=(Work(lane=lane),))

    command = f"draft:{edition(case)}"
    await store.decide(case_id, decide, command=command, ack=ack, now=clock())


def unheard(reason: str) -> None:
    """Leave it at that: people see the draft there is instead."""


async def suggest(
    case: Case,
    *,
    organisation: Organisation,
    model: LLM | None,
    platform: Platform,
    words: Words,
    now: datetime,
    turned_down: Callable[[str], None] = unheard,
) -> Draft | None:
    """Return a suggestion for `case` as it stands, None where none is wanted; records nothing.

    `turned_down` is told each reason why a text of the model was not used.
    """
    if not _wanted(case) or case.triage is None:
        return None
    on = occasion_of(case, organisation=organisation, platform=platform, words=words, now=now)
    hits = nearest(case, organisation=organisation, now=now)
    both = _both(on)
    founded = foundation(case, case.triage, hits, both)
    kept = still_fits(case, founded, organisation=organisation, platform=platform)
    if kept is not None:
        return kept
    written = await _written(on, hits, both, model=model, turned_down=turned_down)
    return written.model_copy(update={"founded": founded})


@lru_cache(maxsize=2)
def index_of(organisation: Organisation, today: date) -> Index:
    """Return the approved answers still valid on `today`, indexed once a day."""
    return Index(organisation.answers, today=today)


def _may_be_general(on: Occasion) -> bool:
    """Say whether a text may be suggested that was not found by what the post says.

    A pointer or a line that fits any post would stand under one that should get none as well. A
    colleague who labelled the post has read it.
    """
    if on.triage.by == PEOPLE:
        return True
    register = register_of(on.organisation, on.organisation.local(on.now).date())
    own = on.organisation.own
    return quiet(read(on.case.post, text=on.case.waiting, own=own, register=register))


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
    both: tuple[Answer, ...],
    *,
    model: LLM | None,
    turned_down: Callable[[str], None] = unheard,
) -> Draft:
    if on.triage.body is not None:
        return _to_body(on) or _empty(on, hits)
    found = (_as_approved(on, both) if both else None) or _word_for_word(on, hits)
    # Sources make a model's text no surer than the post: it stands only where ours might.
    if found is None and not _may_be_general(on):
        return draft_of(on, "", origin="held", sources=_near(hits))
    if model is not None and hits:
        by_model = await written_by(on, hits, model=model, turned_down=turned_down)
        if by_model is not None:
            return by_model
    if found is not None:
        return found
    return _pointing(on) or _template(on, hits) or _empty(on, hits)


def nearest(case: Case, *, organisation: Organisation, now: datetime) -> tuple[Hit, ...]:
    """Return at most five answers for the newest post: the department's own first, then all."""
    index = index_of(organisation, organisation.local(now).date())
    text = clean(case.post.text)
    department = case.department or (case.triage.department if case.triage else None)
    own = index.find(text, department=department, top=MOST) if department else ()
    known = {each.answer.id for each in own}
    rest = tuple(each for each in index.find(text, top=MOST) if each.answer.id not in known)
    return (*own, *rest)[:MOST]


def _word_for_word(on: Occasion, hits: tuple[Hit, ...]) -> Draft | None:
    """Return an approved answer as it stands, where the match is sure."""
    found = sure(_ranked(hits))
    return _as_approved(on, (found.answer,)) if found else None


def _pointing(on: Occasion) -> Draft | None:
    """Return the approved pointer that shows the road of the post's label."""
    answer = road_of(on.case, organisation=on.organisation, now=on.now)
    return _as_approved(on, (answer,)) if answer else None


def _both(on: Occasion) -> tuple[Answer, ...]:
    """Return the two answers to a post that asks two things, whichever department's they are.

    Each is approved by its owner, and whoever sends it stands for the organisation: a citizen who
    asks both in one post is not sent to two counters. What shows a road goes with nothing else.
    """
    index = index_of(on.organisation, on.organisation.local(on.now).date())
    roads = {each.answer for each in on.organisation.pointers}
    return answers_to(clean(on.case.post.text), index, apart=roads)


def _as_approved(on: Occasion, answers: tuple[Answer, ...]) -> Draft | None:
    """Return approved answers as they stand, in the citizen's language and where they fit."""
    if any(each.language != on.triage.language for each in answers):
        return None
    text = verbatim(on, answers)
    ids = tuple(each.id for each in answers)
    return draft_of(on, text, origin="answer", sources=ids) if text else None


def _to_body(on: Occasion) -> Draft | None:
    """Return the fixed line that names the other body and its door; never a model's (rule 3)."""
    body = on.organisation.body(on.triage.body)
    form = form_of_address(on.case.post.text)
    if body is None or on.triage.language not in SPOKEN:
        return None
    line = on.words.say(f"draft.body_{form}_{on.triage.language}", body=body.name, door=body.door)
    text = greeted(on, line)
    return draft_of(on, text, origin="template") if on.fits(text) else None


def _ranked(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda each: -each.score))


def _template(on: Occasion, hits: tuple[Hit, ...]) -> Draft | None:
    """Return a neutral line that asks the citizen for a private message, unless it is one."""
    line = on.said(f"template_{form_of_address(on.case.post.text)}")
    if line is None or on.case.post.visibility == "direct":
        return None
    text = greeted(on, line)
    return draft_of(on, text, origin="template", sources=_near(hits)) if on.fits(text) else None


def _empty(on: Occasion, hits: tuple[Hit, ...]) -> Draft:
    return draft_of(on, "", origin="empty", sources=_near(hits))


def _near(hits: tuple[Hit, ...]) -> tuple[str, ...]:
    """Return the answers to look at where none is sure."""
    return tuple(each.answer.id for each in _ranked(hits)[:NAMED])
