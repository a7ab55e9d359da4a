"""The thread of a card: what happened, in words, one line for each event."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assistant.case import (
    FINISHED,
    MOVES,
    Case,
    Draft,
    Event,
    Kind,
    Reply,
    Rewriting,
    State,
    evolve,
)
from assistant.config import Organisation
from assistant.differing import differing
from assistant.ground import pointer_of
from assistant.present.citizen import URGENT
from assistant.present.wording import coded, day, meant_for, origin_by, place_of, short, triage_by
from assistant.words import Words

POST = 600
"""Characters of a citizen's post in a line; the card and the platform have the whole."""

SILENT: frozenset[Kind] = frozenset({Kind.PRESENTED, Kind.UNQUOTED})
"""What needs no line: the card itself shows it."""

ALOUD: frozenset[Kind] = frozenset(
    {Kind.WOKEN, Kind.REMINDED, Kind.SURFACED, Kind.HIDDEN, Kind.AMEND_FAILED}
)
"""What the channel hears of whenever it happens."""


@dataclass(frozen=True, kw_only=True)
class _Told:
    """An event with what it takes to tell it; `before` is the case as it found it."""

    event: Event
    before: Case | None
    drafts: Mapping[str, Draft]
    words: Words
    organisation: Organisation

    def say(self, key: str, **values: object) -> str:
        return self.words.say(key, **values)

    def place(self, department: str | None, official: str | None) -> str:
        return place_of(department, official, organisation=self.organisation, words=self.words)

    @property
    def who(self) -> str:
        """The person as recorded at the time."""
        by = self.event.by
        return self.say("thread.person", name=by.name, initials=by.initials) if by else "—"


def lines_of(
    events: Sequence[Event], *, start: int, words: Words, organisation: Organisation
) -> tuple[str, ...]:
    """Return a line for each event from `events[start]` on; SILENT ones have none.

    `events` are all events of a case, in order. A line begins with the local time, and with the
    date where the day is another than that of the line before.
    """
    lines: list[str] = []
    case: Case | None = None
    drafts: dict[str, Draft] = {}
    last = None
    for at, event in enumerate(events):
        told = _Told(
            event=event, before=case, drafts=drafts, words=words, organisation=organisation
        )
        case = evolve(case, event, id=case.id if case else "-")
        if event.draft:
            drafts[event.draft.id] = event.draft
        if event.kind in SILENT:
            continue
        local = organisation.local(event.at)
        if at >= start:
            time = f"{local:%H:%M}"
            if local.date() != last:
                time = words.say("card.moment", day=day(local, words=words), time=time)
            lines.append(words.say("thread.line", time=time, text=" ".join(_sentences(told))))
        last = local.date()
    return tuple(lines)


def broadcast(events: Sequence[Event], *, start: int) -> bool:
    """Return whether the channel must hear of events[start:], and not the thread only.

    It must when a citizen's post re-opened a case that was done, when it turns out that somebody
    may be in danger, when a wait is over, when a term is about to end, when a reply given up on
    stands there after all or one that was sent is seen by nobody, and when one could not be taken
    back or corrected.
    """
    state: State | None = None
    danger = False
    for at, event in enumerate(events):
        again = event.kind is Kind.RECEIVED and state in FINISHED
        # A post that came while a reply was under way re-opens the case by itself afterwards.
        again = again or (event.kind is Kind.REOPENED and event.by is None)
        was, danger = danger, event.triage.label in URGENT if event.triage else danger
        if at >= start and (again or (danger and not was) or event.kind in ALOUD):
            return True
        state = MOVES[event.kind][state]
    return False


def _sentences(told: _Told) -> Iterator[str]:
    yield _TELL[told.event.kind](told)
    waited = told.before and told.before.state in (State.APPROVAL, State.QUEUED)
    if waited and told.event.kind in _CANCELS:
        yield told.say("thread.cancelled")
    if told.event.expired:
        yield told.say("thread.expired", ids=", ".join(told.event.expired))
    if told.event.note:
        yield told.say("thread.note", note=_whole(told.event.note))


_CANCELS = (Kind.RECEIVED, Kind.EDITED, Kind.DELETED, Kind.ELSEWHERE, Kind.BARRED)


def _received(told: _Told) -> str:
    key = "thread.received_again" if told.before else "thread.received"
    return told.say(key, text=_post(told))


def _post(told: _Told) -> str:
    text = short(told.event.post.text, limit=POST) if told.event.post else ""
    return text or told.say("card.empty_post")


def _triaged(told: _Told) -> str:
    triage = told.event.triage
    assert triage is not None
    return told.say(
        "thread.triaged",
        label=told.say(f"labels.{triage.label}"),
        place=meant_for(triage, organisation=told.organisation, words=told.words),
        advice=told.say(f"card.advice_{triage.advice}"),
        rule=triage.rule,
        says=told.say(f"card.rule_{triage.rule}"),
        reason=short(triage.reason, limit=POST).rstrip(". "),
        by=triage_by(triage.by, words=told.words),
    )


def _relabelled(told: _Told) -> str:
    triage, before = told.event.triage, told.before
    assert triage is not None
    assert before is not None
    assert before.triage is not None
    return told.say(
        "thread.relabelled",
        who=told.who,
        label=told.say(f"labels.{triage.label}"),
        advice=told.say(f"card.advice_{triage.advice}"),
        old_label=told.say(f"labels.{before.triage.label}"),
        old_advice=told.say(f"card.advice_{before.triage.advice}"),
    )


def _drafted(told: _Told) -> str:
    draft = told.event.draft
    assert draft is not None
    if draft.kept:
        return told.say("thread.drafted_kept")
    if draft.wish is not None:
        asked = told.before.rewriting if told.before else None
        wish = _wish(told, asked) if asked else ""
        key = "thread.rewritten" if draft.origin == "model" else "thread.rewritten_answer"
        by, ids, text = origin_by(draft.by), ", ".join(draft.sources), _whole(draft.text)
        return told.say(key, wish=wish, by=by, id=ids, text=text)
    return told.say(
        f"thread.drafted_{draft.origin}",
        by=origin_by(draft.by),
        id=", ".join(draft.sources),
        text=_whole(draft.text),
    )


def _rewrite(told: _Told) -> str:
    asked = told.event.rewriting
    assert asked is not None
    key = "thread.rewrite_own" if asked.words else "thread.rewrite"
    words = short(asked.words or "", limit=POST)
    return told.say(key, who=told.who, wish=_wish(told, asked), words=words)


def _picked(told: _Told) -> str:
    draft = told.event.draft
    assert draft is not None
    return told.say("thread.picked", who=told.who, id=draft.sources[0], text=_whole(draft.text))


def _learned(key: str) -> Callable[[_Told], str]:
    """Tell which words belong to which answer, or no more."""

    def tell(told: _Told) -> str:
        alias = told.event.alias
        assert alias is not None
        return told.say(key, who=told.who, phrase=short(alias.phrase), id=alias.answer)

    return tell


def _wish(told: _Told, asked: Rewriting) -> str:
    code = asked.language
    language = coded("card.language_", code, words=told.words) if code else ""
    return told.say(f"card.wish_{asked.wish}", language=language)


def _whole(text: str) -> str:
    """Return `text` with its further lines indented, so that none can pass for a line of ours."""
    return text.replace("\n", "\n    ")


def _handed_over(told: _Told) -> str:
    assert told.before is not None
    return told.say(
        "thread.handed_over",
        old=told.place(told.before.department, told.before.official),
        new=told.place(told.event.department, told.event.official),
        who=told.who,
    )


def _submitted(told: _Told) -> str:
    return _written(told, "thread.submitted")


def _approved(told: _Told) -> str:
    """One person pressed Send, or a second one approved what another wrote and was told of."""
    reply = told.event.reply
    assert reply is not None
    if reply.approved_by is None:
        return _written(told, "thread.pressed_send")
    return told.say("thread.approved", who=told.who, author=reply.by.name)


def _written(told: _Told, key: str) -> str:
    reply = told.event.reply
    assert reply is not None
    change = " ".join((_change(told), *_private(told, reply), *_overruled(told, reply)))
    return told.say(key, who=told.who, change=change, text=_whole(reply.text))


def _private(told: _Told, reply: Reply) -> Iterator[str]:
    if reply.visibility == "direct":
        yield told.say("thread.private")


def _overruled(told: _Told, reply: Reply) -> Iterator[str]:
    if not reply.overruled:
        return
    checks = ", ".join(coded("thread.check_", each, words=told.words) for each in reply.overruled)
    reason = (reply.overrule_reason or "—").rstrip(". ")
    yield told.say("thread.overruled", checks=checks, reason=_whole(reason))


def _change(told: _Told) -> str:
    """Return what the person changed in the suggestion the reply began from."""
    reply = told.event.reply
    assert reply is not None
    draft = told.drafts.get(reply.draft or "")
    if pointer := pointer_of(reply.draft, organisation=told.organisation):
        text, thing = pointer.pointing, told.say("thread.pointer", id=pointer.id)
    elif draft is None or not draft.text.strip():
        return told.say("thread.change_none")
    else:
        text = draft.text
        thing = told.say("thread.draft" if draft.origin == "model" else "thread.suggestion")
    count = differing(text, reply.text)
    if count == 0:
        return told.say("thread.change_same", thing=thing)
    return told.say(
        "thread.change_one" if count == 1 else "thread.change", thing=thing, count=count
    )


def _failed(told: _Told) -> str:
    code = told.event.reason or "unknown"
    return told.say("thread.failed", reason=coded("card.reason_", code, words=told.words))


def _hidden(told: _Told) -> str:
    code = told.event.reason or "unknown"
    return told.say("thread.hidden", reason=coded("card.reason_", code, words=told.words))


def _elsewhere(told: _Told) -> str:
    text = short(told.event.text or "", limit=POST) or told.say("card.empty_post")
    link = told.event.remote.url if told.event.remote else None
    if link is None:
        return told.say("thread.elsewhere", text=text)
    return told.say("thread.elsewhere_linked", text=text, link=link)


def _barred(told: _Told) -> str:
    code = told.event.post.barred if told.event.post else None
    if code is None:
        return told.say("thread.unbarred")
    return told.say("thread.barred", reason=coded("card.reason_", code, words=told.words))


def _take_back(told: _Told) -> str:
    return told.say("thread.take_back", who=told.who, text=_whole(told.event.text or ""))


def _correct(told: _Told) -> str:
    reply = told.event.reply
    assert reply is not None
    spite = "".join(f"{each} " for each in _overruled(told, reply))
    return told.say("thread.correct", who=told.who, spite=spite, text=_whole(reply.text))


def _amended(told: _Told) -> str:
    corrected = told.before and told.before.amendment and told.before.amendment.correction
    return told.say("thread.corrected" if corrected else "thread.taken_back")


def _amend_failed(told: _Told) -> str:
    corrected = told.before and told.before.amendment and told.before.amendment.correction
    key = "thread.not_corrected" if corrected else "thread.not_taken_back"
    code = told.event.reason or "unknown"
    return told.say(key, reason=coded("card.reason_", code, words=told.words))


def _closed(told: _Told) -> str:
    code = told.event.reason or "other"
    reason = coded("card.close_", code, words=told.words)
    return told.say("thread.closed", who=told.who, reason=reason)


def _reopened(told: _Told) -> str:
    key = "thread.reopened" if told.event.by else "thread.reopened_itself"
    return told.say(key, who=told.who)


def _plain(key: str) -> Callable[[_Told], str]:
    """Tell with a sentence that needs no more than the person and the attempt."""
    return lambda told: told.say(key, who=told.who, attempt=told.event.attempt or 1)


def _linked(key: str, without: str) -> Callable[[_Told], str]:
    """Tell with the reply's link, or with another sentence where the platform gave none."""

    def tell(told: _Told) -> str:
        remote = told.event.remote
        link = remote.url if remote else None
        return told.say(key if link else without, who=told.who, link=link)

    return tell


_TELL: Mapping[Kind, Callable[[_Told], str]] = {
    Kind.RECEIVED: _received,
    Kind.EDITED: lambda told: told.say("thread.edited", text=_post(told)),
    Kind.DELETED: _plain("thread.deleted"),
    Kind.TRIAGED: _triaged,
    Kind.RELABELLED: _relabelled,
    Kind.DRAFTED: _drafted,
    Kind.REWRITE: _rewrite,
    Kind.REWRITE_FAILED: _plain("thread.rewrite_failed"),
    Kind.PICKED: _picked,
    Kind.TAUGHT: _learned("thread.taught"),
    Kind.UNTAUGHT: _learned("thread.untaught"),
    Kind.WOKEN: _plain("thread.woken"),
    Kind.REMINDED: _plain("thread.reminded"),
    Kind.CLAIMED: _plain("thread.claimed"),
    Kind.HANDED_OVER: _handed_over,
    Kind.SUBMITTED: _submitted,
    Kind.RETURNED: _plain("thread.returned"),
    Kind.APPROVED: _approved,
    Kind.UNDONE: _plain("thread.undone"),
    Kind.SENDING: _plain("thread.sending"),
    Kind.POSTPONED: _plain("thread.postponed"),
    Kind.SENT: _linked("thread.sent", "thread.sent_no_link"),
    Kind.FAILED: _failed,
    Kind.DOUBTED: _plain("thread.doubted"),
    Kind.FOUND: _linked("thread.found", "thread.found_no_link"),
    Kind.CONFIRMED: _linked("thread.confirmed", "thread.confirmed_no_link"),
    Kind.DENIED: _plain("thread.denied"),
    Kind.SURFACED: _linked("thread.surfaced", "thread.surfaced_no_link"),
    Kind.HIDDEN: _hidden,
    Kind.ELSEWHERE: _elsewhere,
    Kind.BARRED: _barred,
    Kind.TAKE_BACK: _take_back,
    Kind.CORRECT: _correct,
    Kind.AMENDED: _amended,
    Kind.AMEND_FAILED: _amend_failed,
    Kind.CLOSED: _closed,
    Kind.REOPENED: _reopened,
    Kind.ERASED: _plain("thread.erased"),
}
