"""A person chooses another approved answer, and may teach the search by which words to find it."""

from datetime import datetime
from hashlib import sha256

from assistant.aliases import known, phrase_of, teachable, teaches
from assistant.answers import Answer
from assistant.case import Actor, Alias, Case, Draft, Event, Kind
from assistant.chats import Press
from assistant.config import Organisation
from assistant.errors import NotAllowed
from assistant.ground import others
from assistant.occasion import Occasion, draft_of, edition, greeted, occasion_of, verbatim
from assistant.platforms import Platform
from assistant.store import Decision, Work
from assistant.words import Words


def picked(
    case: Case,
    press: Press,
    actor: Actor,
    now: datetime,
    *,
    organisation: Organisation,
    platform: Platform,
    words: Words,
) -> Decision:
    """Return the choice as an event: the answer word for word, and the words it may be found by.

    Raises NotAllowed where the answer is none to choose (any more).
    """
    choices = others(case, organisation=organisation, now=now)
    answer = next((each for each in choices if each.id == press.choice), None)
    if answer is None:
        raise NotAllowed("desk.choose_answer")
    on = occasion_of(
        case,
        organisation=organisation,
        platform=platform,
        words=words,
        now=now,
        # It greets in the answer's language, whatever the citizen's is.
        language=answer.language,
    )
    event = Event(
        kind=Kind.PICKED,
        at=now,
        by=actor,
        draft=_word_for_word(on, answer),
        alias=_offer(case, answer, actor, now),
    )
    lane = organisation.channel(case.department, case.official)
    return Decision(events=(event,), work=(Work(lane=lane),))


def _word_for_word(on: Occasion, answer: Answer) -> Draft:
    """Return the long variant where it fits with greeting and link, else the short one."""
    fitting = verbatim(on, (answer,), long=True) or verbatim(on, (answer,))
    text = fitting or greeted(on, answer.short)
    draft = draft_of(on, text, origin="answer", sources=(answer.id,))
    # The id says which text an editor began with; nothing of the citizen's goes into it.
    made = f"{on.case.id}:{edition(on.case)}:{answer.id}"
    return draft.model_copy(update={"id": sha256(made.encode()).hexdigest()[:16]})


def _offer(case: Case, answer: Answer, actor: Actor, now: datetime) -> Alias | None:
    """Return what may be taught: nothing where the answer was found already, or has the words."""
    draft = case.draft
    found = draft is not None and draft.origin == "model" and answer.id in draft.sources
    phrase = phrase_of(case.post.text) if teaches(case) and not found else None
    if phrase is None or known(answer, phrase):
        return None
    if any((each.answer, each.phrase) == (answer.id, phrase) for each in case.taught):
        return None
    return Alias(answer=answer.id, phrase=phrase, by=actor, at=now)


def taught(case: Case, actor: Actor, now: datetime, *, lane: str) -> Decision:
    """Return that the words on the card are taught; nothing once they are."""
    offered = teachable(case)
    if offered is None:
        return Decision()
    alias = offered.model_copy(update={"by": actor, "at": now})
    event = Event(kind=Kind.TAUGHT, at=now, by=actor, alias=alias)
    return Decision(events=(event,), work=(Work(lane=lane),))
