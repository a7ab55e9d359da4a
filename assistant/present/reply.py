"""The lower half of a card: how the case stands, what is suggested or sent, what can be done."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from assistant.aliases import teachable
from assistant.amendable import acts_on
from assistant.answers import Answer as Approved
from assistant.card import Action, ActionId, Answer, Fact, Offer, Opens, Source, Suggestion
from assistant.case import FINISHED, Case, Draft, State
from assistant.ground import lasting, others, road_of, sources, valid
from assistant.personal import surely_personal
from assistant.platforms import Costs
from assistant.present import sent
from assistant.present.wording import View, coded, day, origin_by, place_of
from assistant.rules import OFTEN, TO_AND_FRO
from assistant.variants import wishes


def facts(view: View) -> Iterator[Fact]:
    """Yield the short labelled lines; what is not known has none."""
    owner = view.case.owner
    for label, value in (
        ("card.fact_status", _status(view)),
        ("card.fact_cost", _cost(view)),
        ("card.fact_amended", sent.amended(view) if view.case.state is not State.SENT else None),
        ("card.fact_place", _place(view)),
        ("card.fact_likely", _likely(view)),
        ("card.fact_body", _body(view)),
        ("card.fact_pointer", _pointer(view)),
        ("card.fact_term", _term(view)),
        ("card.fact_owner", owner.name if owner else None),
        ("card.fact_waits", _waits(view)),
        ("card.fact_language", _language(view)),
        ("card.fact_alike", _alike(view)),
        ("card.fact_first", _first(view)),
        ("card.fact_earlier", _earlier(view)),
        ("card.fact_answered", _answered(view)),
    ):
        if value:
            yield Fact(label=view.say(label), value=value)


def _status(view: View) -> str:
    if view.case.state is State.SENT and view.case.taken_back:
        return view.say("card.state_taken_back")
    state = view.say(f"card.state_{view.case.state}")
    if view.case.state is not State.CLOSED or not view.case.reason:
        return state
    reason = coded("card.close_", view.case.reason, words=view.words)
    return view.say("card.closed_because", state=state, reason=reason)


def _place(view: View) -> str:
    case = view.case
    return place_of(
        case.department, case.official, organisation=view.organisation, words=view.words
    )


def _likely(view: View) -> str | None:
    """Return the department it is probably for, while it can be given to it."""
    likely = view.organisation.department(view.case.likely)
    return likely.name if likely and view.case.state in (State.OPEN, State.FAILED) else None


def _body(view: View) -> str | None:
    """Return the other body whose subject this is, with its door."""
    body = view.organisation.body(view.case.triage.body if view.case.triage else None)
    return view.say("card.body", name=body.name, door=body.door) if body else None


def _pointer(view: View) -> str | None:
    """Return the approved pointer a colleague may choose to send."""
    found = road_of(view.case, organisation=view.organisation, now=view.now)
    return found.title if found else None


def _term(view: View) -> str | None:
    """Return the last day of the term that runs."""
    term = view.case.term
    if term is None:
        return None
    return view.say("card.term", day=day(term.ends, words=view.words, today=view.today))


def _waits(view: View) -> str | None:
    triage = view.case.triage
    if triage is None or triage.wait_until is None or triage.wait_until <= view.now:
        return None
    return view.moment(triage.wait_until)


def _language(view: View) -> str | None:
    """Return the post's language, and what its author says it is in where that is another."""
    triage, tagged = view.case.triage, view.case.post.language
    if triage is None:
        return None
    language = coded("card.language_", triage.language, words=view.words)
    if tagged in (None, triage.language):
        return language
    said = coded("card.language_", tagged or "", words=view.words)
    return view.say("card.language_tagged", language=language, tagged=said)


def _cost(view: View) -> str | None:
    """Return what the text that stands ready costs, by the dated list of prices."""
    case, platform = view.case, view.platform
    if platform is None or not isinstance(platform, Costs) or case.state not in _READY:
        return None
    waits = case.reply if case.state is not State.OPEN else None
    text = waits.text if waits else case.draft.text if case.draft else ""
    cost = platform.cost(text)
    if cost.dollars is None:
        return view.say("card.cost_unknown", as_of=cost.as_of)
    key = "card.cost_link" if cost.link else "card.cost"
    return view.say(key, dollars=f"{cost.dollars:f}", as_of=cost.as_of)


_READY = frozenset({State.OPEN, State.APPROVAL, State.QUEUED, State.FAILED})


def _alike(view: View) -> str | None:
    """Return how many posts say nearly the same."""
    alike = view.case.triage.alike if view.case.triage else None
    return view.say("card.alike", count=alike.count) if alike else None


def _first(view: View) -> str | None:
    """Return the colleague who helped this citizen before, while nobody has taken the case on."""
    case = view.case
    if case.owner is not None or case.state not in (State.TRIAGED, State.OPEN):
        return None
    helped = [each for each in case.earlier if each.helped_by]
    last = max(helped, key=lambda each: each.at, default=None)
    person = view.organisation.person(last.helped_by.chat_user) if last and last.helped_by else None
    return person.name if person else None


def _earlier(view: View) -> str | None:
    """Return who helped this citizen last; failing that, when they were here last."""
    helped = [each for each in view.case.earlier if each.helped_by]
    last = max(helped or view.case.earlier, key=lambda each: each.at, default=None)
    if last is None:
        return None
    if last.helped_by is None:
        return view.say("card.earlier_unhelped", day=view.day(last.at))
    return view.say("card.earlier_helped", name=last.helped_by.name, day=view.day(last.at))


def _answered(view: View) -> str | None:
    """Return the earlier replies of this case; the one on the card tells of itself."""
    on_card = view.case.sent[-1:] if view.case.state is State.SENT else ()
    earlier = [each for each in view.case.standing if each not in on_card]
    if not earlier:
        return None
    key = "card.answered_one" if len(earlier) == 1 else "card.answered"
    return view.say(key, count=len(earlier), name=earlier[-1].by.name)


def suggestion(view: View) -> Suggestion | None:
    """Return the suggested reply with its origin while people still decide what to send."""
    draft = lasting(view.case, organisation=view.organisation, now=view.now)
    if draft is None or view.case.state not in (State.TRIAGED, State.OPEN):
        return None
    return Suggestion(
        text=draft.text,
        origin=_origin(view, draft),
        length=view.platform.length(draft.text) if view.platform else len(draft.text),
        limit=view.platform.limit if view.platform else 0,
        sources=tuple(_sources(view, draft)),
        leans=draft.origin in ("model", "answer"),
    )


def _origin(view: View, draft: Draft) -> str:
    key = "answers" if draft.origin == "answer" and len(draft.sources) > 1 else draft.origin
    return view.say(f"card.origin_{key}", by=origin_by(draft.by))


def _sources(view: View, draft: Draft) -> Iterator[Source]:
    organisation = view.organisation
    known = {each.id: each for each in sources(organisation, draft.sources)}
    expired = known.keys() - {each.id for each in valid(organisation, tuple(known), now=view.now)}
    for cited in draft.sources:
        if cited in expired:
            continue
        if cited in known:
            each = known[cited]
            yield Source(id=cited, title=_titled(view, each), url=each.page or None)
        else:
            yield Source(id=cited, title=cited)


def _titled(view: View, source: Approved) -> str:
    """Return the answer's title, and whose it is where that is another department's."""
    department = view.organisation.department(source.department)
    if department is None or department.id == view.case.department:
        return source.title
    return view.say("card.source_of", title=source.title, department=department.name)


def answer(view: View) -> Answer | None:
    """Return the reply with a status that is true: a link only for what is really there."""
    case, reply = view.case, view.case.reply
    if case.state is State.SENT and case.sent:
        return sent.answer(view)
    if case.outside is not None and case.state is State.CLOSED:
        return sent.outside(view, case.outside)
    key = _answer_key(case)
    if reply is None or key is None:
        return None
    status = view.say(
        key,
        name=reply.by.name,
        source=view.source,
        attempt=case.attempt,
        due=f"{view.organisation.local(reply.due):%H:%M:%S}",
        reason=coded("card.reason_", case.reason or "unknown", words=view.words),
    )
    if reply.visibility == "direct":
        status = f"{status} {view.say('card.answer_private')}"
    return Answer(text=reply.text, status=status)


_ANSWER: Mapping[State, str] = {
    State.APPROVAL: "card.answer_approval",
    State.QUEUED: "card.answer_queued",
    State.SENDING: "card.answer_sending",
    State.FAILED: "card.answer_failed",
    State.IN_DOUBT: "card.answer_in_doubt",
}


def _answer_key(case: Case) -> str | None:
    if case.state is State.SENDING and case.attempt and not case.outstanding:
        return "card.answer_postponed"
    if case.state is State.OPEN and case.unsent:
        return "card.answer_back"
    return _ANSWER.get(case.state)


def warnings(view: View) -> Iterator[str]:
    """Yield what somebody could get wrong here, the worst first."""
    case = view.case
    if case.state is State.IN_DOUBT:
        yield view.say("card.warning_in_doubt", source=view.source)
    if case.state in _UNDER_WAY and case.newer_than_reply:
        yield view.say("card.warning_newer")
    yield from sent.warnings(view)
    if _personal_in_public(view):
        yield view.say("card.warning_personal")
    if case.term and case.reminded and case.state not in FINISHED:
        yield view.say("card.warning_term", day=day(case.term.ends, words=view.words))
    if case.state is not State.OPEN:
        return
    if case.woken:
        yield view.say("card.warning_woken")
    if len(case.standing) >= OFTEN and (case.triage is None or case.triage.rule != TO_AND_FRO):
        yield view.say("card.warning_often", count=len(case.standing))
    if case.triage and not case.triage.sure and not case.given:
        yield view.say("card.warning_unsure")
    yield from _draft_warnings(view)


_UNDER_WAY = frozenset({State.SENDING, State.IN_DOUBT, State.FAILED})


def _draft_warnings(view: View) -> Iterator[str]:
    case, draft = view.case, view.case.draft
    if draft is None or case.triage is None or case.triage.advice != "answer":
        return
    if case.rewriting is not None:
        yield view.say("card.note_rewriting")
    if draft.revision != case.revision:
        yield view.say("card.warning_old_draft")
    if lasting(case, organisation=view.organisation, now=view.now) is None:
        yield view.say("card.warning_expired")
    # With a model configured, these two are what is left when it gives nothing usable.
    if view.organisation.model and draft.origin in ("answer", "empty"):
        yield view.say("card.warning_no_model")
    if draft.origin == "empty" and not draft.sources:
        yield view.say("card.warning_no_answer")


def _personal_in_public(view: View) -> bool:
    """Say whether a post anybody can read surely holds personal data; a handle is no secret."""
    case = view.case
    if case.state in FINISHED or case.post.visibility not in ("public", "unlisted"):
        return False
    if case.triage and case.triage.label == "personal_data":
        return True
    return surely_personal(case.post.text, own=view.organisation.own)


_OFFERED: Mapping[State, tuple[tuple[ActionId, Opens], ...]] = {
    State.OPEN: (
        ("edit", "editor"),
        ("pointer", "editor"),
        ("pick", "form"),
        ("rewrite", "form"),
        ("give", "nothing"),
        ("claim", "nothing"),
        ("close", "form"),
        ("hand_over", "form"),
        ("relabel", "form"),
    ),
    State.APPROVAL: (("approve", "nothing"), ("return", "nothing")),
    State.QUEUED: (("undo", "nothing"),),
    State.FAILED: (
        ("retry", "editor"),
        ("give", "nothing"),
        ("close", "form"),
        ("hand_over", "form"),
        ("relabel", "form"),
    ),
    State.IN_DOUBT: (("found", "form"), ("denied", "nothing")),
    State.CLOSED: (("reopen", "nothing"),),
}


def actions(view: View) -> Iterator[Action]:
    """Yield the buttons of this state; the editor only where an answer is possible at all."""
    case = view.case
    for each, opens in _OFFERED.get(case.state, ()):
        if each in _ONLY_IF and not _ONLY_IF[each](view):
            continue
        if opens != "editor" or case.answerable:
            yield _button(view, each, opens)
    for act in acts_on(case, platform=view.platform, organisation=view.organisation):
        yield _button(view, act, "editor" if act == "correct" else "form")
    if case.state is State.SENT and case.taken_back:
        yield _button(view, "reopen", "nothing")


def offer(view: View) -> Offer | None:
    """Return the citizen's words that can be taught, as they will be kept, and of which answer."""
    alias = teachable(view.case)
    known = sources(view.organisation, (alias.answer,)) if alias else ()
    if alias is None or not known:
        return None
    text = view.say("card.teach", phrase=alias.phrase, title=known[0].title)
    return Offer(text=text, action=_button(view, "teach", "nothing"))


_ABOUT_CASE = frozenset({"give", "claim", "close", "hand_over", "relabel", "reopen"})


def _button(view: View, action: ActionId, opens: Opens) -> Action:
    return Action(
        id=action,
        label=view.say(f"card.action_{action}", department=_likely(view)),
        about="case" if action in _ABOUT_CASE else "reply",
        style=_style(action, view.case),
        opens=opens,
    )


def _rewritable(view: View) -> bool:
    """Say whether there is a suggestion that can be rewritten in any way."""
    return bool(
        wishes(
            view.case,
            organisation=view.organisation,
            platform=view.platform,
            words=view.words,
            now=view.now,
        )
    )


def _pointed(view: View) -> bool:
    """Say whether there is a pointer to choose; where we answer, the suggestion holds it."""
    triage = view.case.triage
    return triage is not None and triage.advice != "answer" and _pointer(view) is not None


def _pickable(view: View) -> bool:
    """Say whether there is another approved answer to choose."""
    case, organisation = view.case, view.organisation
    return case.answerable and bool(others(case, organisation=organisation, now=view.now))


_ONLY_IF: Mapping[ActionId, Callable[[View], bool]] = {
    "give": lambda view: _likely(view) is not None,
    "pointer": _pointed,
    "pick": _pickable,
    "rewrite": _rewritable,
}


def _style(action: ActionId, case: Case) -> Literal["default", "primary", "danger"]:
    if action in ("undo", "take_back"):
        return "danger"
    advised = case.triage is not None and case.triage.advice == "answer"
    main = action in ("approve", "retry") or (action == "edit" and advised)
    return "primary" if main else "default"
