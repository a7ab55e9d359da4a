"""Say what a post is and what to do with it: rules first, then the model, the stricter one wins."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from random import Random, SystemRandom
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from assistant import language
from assistant.case import (
    Advice,
    Alike,
    Case,
    Earlier,
    Event,
    Kind,
    Label,
    Post,
    State,
    Triage,
    evolve,
)
from assistant.clean import clean
from assistant.config import Organisation
from assistant.errors import ModelUnusable
from assistant.language import detect
from assistant.likeness import ear
from assistant.llms import LLM, Outcome
from assistant.prompts import Prompt, fence, load_prompts, new_mark
from assistant.rules import (
    ADVICE,
    DANGER,
    PEOPLE,
    SENSITIVE,
    Reading,
    Verdict,
    after_often,
    judge,
    read,
    register_of,
    signature,
    stricter,
    with_likely,
    with_road,
    with_wait,
)
from assistant.store import URGENT, Decision, Delivery, Store, Work
from assistant.store.alarms import next_alarm
from assistant.store.echoes import echoes, first
from assistant.store.lanes import Note, notify
from assistant.triage.waking import COMING, wake
from assistant.words import Words

__all__ = ["ModelTriage", "combine", "triage", "understand", "wake", "warm"]

DEADLINE = 5.0
"""Seconds the model has, so that the card stands within 10 s of record (design: Brain)."""
EVENT = 5
"""Different authors from which near-identical posts are told to the supervisors as one event."""
EARLIER = 3
LOOKED_AT = 10
"""Earlier cases read to find EARLIER ones that were not erased: a citizen may have hundreds."""
SUBJECTS = 30
"""Subjects of a department a model is told, the first: it knows what else belongs to them."""
RULED = "rules"
"""Who said so, when no model had a part in it."""
TRIAGED: frozenset[State] = COMING | {State.OPEN}
LABELLED: frozenset[State] = frozenset({State.SENDING, State.IN_DOUBT, State.FAILED})
"""Here a new post changes the label only: what goes out, and where the case is, stays."""
_UNGUESSABLE = SystemRandom()


Confidence = Literal["low", "medium", "high"]
CONFIDENCE: Mapping[Confidence, float] = {"low": 0.3, "medium": 0.6, "high": 0.9}
"""How the model's word counts against the configured confidence: numbers of its own are noise."""


def _known(code: Any) -> Any:
    """Return a language's code, `und` (ISO 639-2: undetermined) for what is none."""
    return code if isinstance(code, str) and re.fullmatch("[a-z]{2}", code) else "und"


class ModelTriage(BaseModel):
    """What the model is asked to say of a post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label
    department: str
    language: Annotated[str, BeforeValidator(_known)]
    advice: Advice
    confidence: Confidence
    reason: str


async def triage(
    store: Store,
    case_id: str,
    ack: Delivery | None,
    *,
    organisation: Organisation,
    model: LLM | None,
    words: Words,
    clock: Callable[[], datetime],
    random: Random = _UNGUESSABLE,
) -> None:
    """Label what waits in the case, record it once per revision and ask for what follows.

    A case that is done, that the citizen took back, or of which only something else changed (a
    thread was closed, say) has its card shown again and no more.
    """
    case = (await store.load(case_id)).case
    if case is None or not _needs_label(case):
        await _only_show(store, case_id, ack, organisation=organisation, clock=clock)
        return
    command = _command(case)
    # Asked before the model is: a second delivery must not cost a second call.
    if case.triage and (await store.load(case_id, command=command)).repeated:
        await _only_show(store, case_id, ack, organisation=organisation, clock=clock)
        return
    found, urgent = await understand(
        case, organisation=organisation, model=model, words=words, clock=clock, random=random
    )
    earlier = await _earlier(store, case)
    now = clock()
    alike = await _alike(store, case, organisation=organisation, now=now)
    found = found.model_copy(update={"alike": alike})

    def decide(held: Case | None) -> Decision:
        if held is None or not _needs_label(held) or held.revision != case.revision:
            # A newer post has its own triage on the way; this one only lets go of its work.
            return _showing(held, organisation=organisation)
        event = Event(kind=Kind.TRIAGED, at=now, triage=found, earlier=earlier)
        after = evolve(held, event, id=held.id)
        work = _work(held, after, urgent=urgent, organisation=organisation, now=now)
        return Decision(events=(event,), work=work)

    await store.decide(case_id, decide, command=command, ack=ack, now=now)


async def understand(
    case: Case,
    *,
    organisation: Organisation,
    model: LLM | None,
    words: Words,
    clock: Callable[[], datetime],
    random: Random = _UNGUESSABLE,
) -> tuple[Triage, bool]:
    """Return what the case is and what to do with it, and whether that is urgent.

    Records nothing: the step records it, and `luister eval` counts it.
    """
    register = register_of(organisation, organisation.local(clock()).date())
    reading = read(case.post, text=case.waiting, own=organisation.own, register=register)
    verdict = judge(reading)
    # What the citizen took back is not for anybody outside; our own rules may still hear danger.
    asked = None if case.gone else model
    said = await _ask(reading, organisation=organisation, model=asked, random=random)
    found = combine(verdict, said, reading=reading, organisation=organisation, words=words)
    found = after_often(_no_milder(found, case), case, words=words)
    found = with_likely(found, reading)
    found = with_wait(found, organisation=organisation, now=clock())
    found = with_road(
        found,
        text=reading.text,
        arrived=case.post.created_at,
        organisation=organisation,
        register=register,
    )
    return found, verdict.urgent or _is_calamity(found)


def _needs_label(case: Case) -> bool:
    if case.gone and case.state is not State.NEW:
        return False
    return case.state in TRIAGED | LABELLED


def _is_calamity(found: Triage) -> bool:
    """Say whether the model saw danger the rules did not hear."""
    return found.by != RULED and found.label in DANGER


def _command(case: Case) -> str:
    # A case that a person opens again is new again, at the same revision; and one that only got
    # a label while its reply was under way still needs its draft once it is open.
    act = "triage" if case.state in TRIAGED else "label"
    return f"{act}:{case.revision}.{case.reopened}"


def warm(organisation: Organisation, *, now: datetime) -> None:
    """Make the expressions, the register and the language model now: seconds, but only once."""
    language.warm()
    ear("silence")
    ear("tone")
    account = organisation.accounts[0].handle
    nothing = Post(
        platform="", account=account, id="", root="", text="x", created_at=now, addressed="mention"
    )
    register = register_of(organisation, organisation.local(now).date())
    judge(read(nothing, own=organisation.own, register=register))


@cache
def _prompt() -> Prompt:
    return load_prompts()["triage"]


def combine(
    verdict: Verdict,
    said: Outcome[ModelTriage] | None,
    *,
    reading: Reading,
    organisation: Organisation,
    words: Words,
) -> Triage:
    """Return the stricter of the rules' and the model's word as one Triage.

    The model may be stricter, see danger where the rules are unsure, and name a department where
    they found none; nothing it says turns a sensitive label into `answer` or makes the advice more
    lenient.
    """
    default = organisation.language
    triage = Triage(
        label=verdict.label,
        department=verdict.department if verdict.sure else None,
        official=verdict.official,
        language=detect(reading.text, default=default),
        advice=verdict.advice,
        rule=verdict.rule,
        reason=verdict.reason(words),
        sure=verdict.sure,
        by=RULED,
        body=verdict.body,
    )
    return triage if said is None else _joined(triage, said, organisation=organisation)


def _no_milder(found: Triage, case: Case) -> Triage:
    """Return `found`, or what a colleague said of this conversation where that was stricter."""
    said = case.triage
    theirs = said is not None and said.by == PEOPLE and case.labelled_by is not None
    if said is None or not theirs or not stricter(said.advice, found.advice):
        return found
    kept = ("label", "advice", "rule", "reason", "by")
    return found.model_copy(update={name: getattr(said, name) for name in kept})


def _joined(rules: Triage, said: Outcome[ModelTriage], *, organisation: Organisation) -> Triage:
    model = said.value
    update: dict[str, object] = {}
    department = organisation.department(model.department)
    advice, rule = ADVICE[model.label]
    if stricter(model.advice, advice):
        advice = model.advice
    danger = model.label in DANGER and not rules.sure
    if danger or (stricter(advice, rules.advice) and rules.label not in SENSITIVE):
        update = {"label": model.label, "advice": advice, "rule": rule, "by": said.prompt}
        update["reason"] = clean(model.reason, limit=300)
    if CONFIDENCE[model.confidence] < organisation.triage.confidence:
        return rules.model_copy(update=update | {"sure": False, "department": None})
    if rules.department is None and rules.official is None and department is not None:
        update |= {"department": department.id, "sure": True}
    if not rules.sure and model.confidence == "high":
        update["language"] = model.language if model.language != "und" else rules.language
    return rules.model_copy(update=update)


async def _ask(
    reading: Reading,
    *,
    organisation: Organisation,
    model: LLM | None,
    random: Random,
) -> Outcome[ModelTriage] | None:
    if model is None:
        return None
    mark = new_mark(random)
    values = {
        "organisation": organisation.organisation.name,
        "departments": _departments(organisation),
        "labels": ", ".join(ADVICE),
        "post": fence(reading.text, mark),
        "mark": mark,
    }
    try:
        return await model.ask(ModelTriage, prompt=_prompt(), values=values, deadline=DEADLINE)
    except ModelUnusable:
        return None


def _departments(organisation: Organisation) -> str:
    return "\n".join(
        f"- {each.id}: {', '.join(each.subjects[:SUBJECTS])}" for each in organisation.departments
    )


async def _earlier(store: Store, case: Case) -> tuple[Earlier, ...]:
    """Return the citizen's newest other cases, with who helped them then."""
    author = case.post.author
    if author is None:
        return ()
    ids = await store.cases_of(case.platform, "author", author)
    newest = await store.newest([id for id in ids if id != case.id], most=LOOKED_AT)
    loaded = [(await store.load(id)).case for id in newest]
    others = [each for each in loaded if each and not each.erased][:EARLIER]
    return tuple(
        Earlier(
            case=each.id,
            at=each.updated_at,
            helped_by=each.sent[-1].by if each.sent else None,
        )
        for each in others
    )


async def _alike(
    store: Store, case: Case, *, organisation: Organisation, now: datetime
) -> Alike | None:
    """Return who else writes the same now; tell the supervisors once when it is one event."""
    post = case.post
    if case.gone or post.addressed is None:
        return None
    marks = signature(post.text)
    author = post.author or case.id
    found = await echoes(store, case=case.id, author=author, signature=marks, now=now)
    if found and found.authors >= EVENT and await first(store, marks):
        values = {"count": str(found.authors), "cases": ", ".join((case.id, *found.cases))}
        note = Note(key="desk.alike", values=values)
        await notify(store, organisation.supervisors_channel, note, now=now)
    return found


def _work(
    case: Case, after: Case, *, urgent: bool, organisation: Organisation, now: datetime
) -> tuple[Work, ...]:
    """Show it now, or at opening time; draft for `answer`; wake for `wait` and for a term."""
    work: list[Work] = []
    opened = case.state not in COMING
    lane = organisation.channel(after.department, after.official)
    if urgent:
        work.append(Work(lane=lane, rank=URGENT))
    else:
        at = now if opened else organisation.opening(after.department, now)
        work.append(Work(lane=lane, at=at if at > now else None))
    if case.state in LABELLED:
        return tuple(work)
    advised = after.triage is not None and after.triage.advice == "answer"
    if advised and case.answerable and not case.gone:
        work.append(Work(step="draft"))
    return (*work, *next_alarm(after, now=now))


async def _only_show(
    store: Store,
    case_id: str,
    ack: Delivery | None,
    *,
    organisation: Organisation,
    clock: Callable[[], datetime],
) -> None:
    await store.decide(
        case_id, lambda held: _showing(held, organisation=organisation), ack=ack, now=clock()
    )


def _showing(case: Case | None, *, organisation: Organisation) -> Decision:
    if case is None or case.state in COMING:
        return Decision()
    return Decision(work=(Work(lane=organisation.channel(case.department, case.official)),))
