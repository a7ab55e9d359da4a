"""What became of a reply that was sent: who sees it, who took it back or corrected it."""

from collections.abc import Iterator

from assistant.card import Answer
from assistant.case import Outside, State
from assistant.present.wording import View, coded, short


def answer(view: View) -> Answer:
    """Return the reply that was sent as it stands now; no link to what does not stand any more."""
    case = view.case
    sent = case.sent[-1]
    url = None if case.taken_back or case.remote is None else case.remote.url
    return Answer(text=sent.text, status=" ".join(_status(view)), url=url)


def _status(view: View) -> Iterator[str]:
    case = view.case
    if not case.taken_back:
        yield view.say(
            "card.answer_sent",
            name=case.sent[-1].by.name if case.reply is None else case.reply.by.name,
            # The attempt, not the last event: a citizen's later edit moves `updated_at`.
            sent=view.moment(case.attempt_at or case.updated_at),
        )
        if case.sent[-1].visibility == "direct":
            yield view.say("card.answer_private")
    if (told := amended(view)) is not None:
        yield view.say("card.answer_amended", told=told)


def amended(view: View) -> str | None:
    """Return what was asked for the newest sent reply, by whom and when; None if it failed."""
    amendment = view.case.amendment
    if amendment is None or amendment.state == "failed":
        return None
    act = "correct" if amendment.correction else "take_back"
    at, name = view.moment(amendment.at), amendment.by.name
    return view.say(f"card.{act}_{amendment.state}", name=name, at=at)


def outside(view: View, told: Outside) -> Answer:
    """Return the answer one of us gave outside Luister, which ended the case."""
    status = view.say("card.answer_outside", at=view.moment(told.at))
    return Answer(text=told.text, status=status, url=told.remote.url if told.remote else None)


def warnings(view: View) -> Iterator[str]:
    """Yield what is not as it should be with a reply that was sent."""
    case = view.case
    if case.hidden and not case.taken_back:
        reason = coded("card.reason_", case.hidden, words=view.words)
        yield view.say("card.warning_hidden", reason=reason)
    amendment = case.amendment
    if amendment is not None and amendment.state == "failed":
        key = "card.warning_not_corrected" if amendment.correction else "card.warning_not_taken"
        reason = coded("card.reason_", amendment.reason or "unknown", words=view.words)
        yield view.say(key, reason=reason, source=view.source)
    if case.outside is not None and case.state is not State.CLOSED:
        yield view.say("card.warning_outside", text=short(case.outside.text))
