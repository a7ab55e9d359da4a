"""What colleagues may ask of a suggestion; without a model its other approved variant, no more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, get_args

from assistant.case import Case, Draft, Wish
from assistant.config import Organisation
from assistant.ground import lasting, valid
from assistant.occasion import Occasion, occasion_of, verbatim
from assistant.platforms import Platform
from assistant.words import Words

_WITHOUT_MODEL: Final[Sequence[Wish]] = ("shorter", "longer")


def rewritable(case: Case, *, organisation: Organisation, now: datetime) -> Draft | None:
    """Return the suggestion with a text that the card of `case` shows, where one can be sent."""
    draft = lasting(case, organisation=organisation, now=now) if case.answerable else None
    return draft if draft and draft.text else None


def wishes(
    case: Case,
    *,
    organisation: Organisation,
    platform: Platform | None,
    words: Words,
    now: datetime,
) -> tuple[Wish, ...]:
    """Return how the suggestion of `case` can be rewritten: in any way where a model does it."""
    draft = rewritable(case, organisation=organisation, now=now)
    if draft is None:
        return ()
    if organisation.model is not None:
        return get_args(Wish)
    if platform is None or case.triage is None:
        return ()
    on = occasion_of(case, organisation=organisation, platform=platform, words=words, now=now)
    return tuple(each for each in _WITHOUT_MODEL if variant(on, draft, each))


def variant(on: Occasion, draft: Draft, wish: Wish) -> str | None:
    """Return the other approved variant of what `draft` says word for word, where `wish` is that.

    None for any other wish, and where the answers expired or the variant does not fit.
    """
    answers = valid(on.organisation, draft.sources, now=on.now)
    if wish not in _WITHOUT_MODEL or draft.origin != "answer" or len(answers) != len(draft.sources):
        return None
    short, long = (
        all(each in draft.text for each in said)
        for said in ([each.short for each in answers], [each.long for each in answers])
    )
    other = (short and not long) if wish == "longer" else long
    if not other or all(each.short == each.long for each in answers):
        return None
    spoken = on.triage.model_copy(update={"language": answers[0].language})
    return verbatim(replace(on, triage=spoken), answers, long=wish == "longer")
