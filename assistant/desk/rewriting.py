"""A person asks for another version of the suggestion."""

from datetime import datetime
from typing import get_args

from assistant.case import Actor, Case, Event, Kind, Rewriting, Wish
from assistant.chats import Press
from assistant.errors import NotAllowed
from assistant.language import LANGUAGES
from assistant.store import Decision, Work


def wished(case: Case, press: Press, actor: Actor, now: datetime, *, lane: str) -> Decision:
    """Return the wish as an event, and the work that follows from it; see `present.rewrite_form`.

    Raises NotAllowed where there is no suggestion, no wish, or a wish of one's own without words.
    """
    if case.draft is None or not case.draft.text:
        raise NotAllowed("desk.nothing_to_rewrite")
    kind, _, language = (press.choice or "").partition(":")
    wish = next((each for each in get_args(Wish) if each == kind), None)
    words = (press.text or "").strip() or None
    if wish is None or (wish == "language" and language not in LANGUAGES):
        raise NotAllowed("desk.choose_wish")
    if wish == "own" and words is None:
        raise NotAllowed("desk.say_wish")
    asked = Rewriting(
        draft=case.draft.id,
        wish=wish,
        language=language or None,
        words=words if wish == "own" else None,
    )
    event = Event(kind=Kind.REWRITE, at=now, by=actor, rewriting=asked)
    return Decision(events=(event,), work=(Work(lane=lane), Work(step="rewrite")))
