"""A person asks for another version of the suggestion."""

from collections.abc import Mapping
from datetime import datetime

from assistant.case import Actor, Case, Event, Kind, Rewriting, Wish
from assistant.chats import Press
from assistant.config import Organisation
from assistant.errors import NotAllowed
from assistant.language import LANGUAGES
from assistant.platforms import Platform
from assistant.store import Decision, Work
from assistant.variants import rewritable, wishes
from assistant.words import Words


def wished(
    case: Case,
    press: Press,
    actor: Actor,
    now: datetime,
    *,
    organisation: Organisation,
    platforms: Mapping[tuple[str, str], Platform],
    words: Words,
) -> Decision:
    """Return the wish as an event, and the work that follows from it; see `present.rewrite_form`.

    Raises NotAllowed where there is nothing to rewrite, no wish that can be granted, or a wish of
    one's own without words.
    """
    granted = offered(case, organisation=organisation, platforms=platforms, words=words, now=now)
    assert case.draft is not None
    kind, _, language = (press.choice or "").partition(":")
    wish = next((each for each in granted if each == kind), None)
    own = (press.text or "").strip() or None
    if wish is None or (wish == "language" and language not in LANGUAGES):
        raise NotAllowed("desk.choose_wish")
    if wish == "own" and own is None:
        raise NotAllowed("desk.say_wish")
    asked = Rewriting(
        draft=case.draft.id,
        wish=wish,
        language=language or None,
        words=own if wish == "own" else None,
    )
    event = Event(kind=Kind.REWRITE, at=now, by=actor, rewriting=asked)
    lane = organisation.channel(case.department, case.official)
    return Decision(events=(event,), work=(Work(lane=lane), Work(step="rewrite")))


def offered(
    case: Case,
    *,
    organisation: Organisation,
    platforms: Mapping[tuple[str, str], Platform],
    words: Words,
    now: datetime,
) -> tuple[Wish, ...]:
    """Return what may be asked of the suggestion; raises NotAllowed where that is nothing."""
    if rewritable(case, organisation=organisation, now=now) is None:
        raise NotAllowed("desk.nothing_to_rewrite")
    platform = platforms.get((case.platform, case.account))
    found = wishes(case, organisation=organisation, platform=platform, words=words, now=now)
    if not found:
        raise NotAllowed("desk.no_model")
    return found
