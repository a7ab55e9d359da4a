"""What a reply to a case is checked against, the same at drafting, at each edit and at sending."""

from collections.abc import Callable
from datetime import datetime

from assistant.answers import Answer
from assistant.case import Case, Draft
from assistant.checks import Ground
from assistant.config import Organisation
from assistant.platforms import AnswersPrivately, Platform


def sources(organisation: Organisation, ids: tuple[str, ...]) -> tuple[Answer, ...]:
    """Return the approved answers with these ids, in this order; unknown ones are left out."""
    known = {each.id: each for each in organisation.answers}
    return tuple(known[id] for id in ids if id in known)


POINTER = "pointer:"
"""Begins the id of what an editor starts from when a colleague chose a pointer."""


def pointer_of(draft: str | None, *, organisation: Organisation) -> Answer | None:
    """Return the approved pointer the text with this draft's id began from, if it was one."""
    if draft is None or not draft.startswith(POINTER):
        return None
    return next(iter(sources(organisation, (draft.removeprefix(POINTER),))), None)


def road_of(case: Case, *, organisation: Organisation, now: datetime) -> Answer | None:
    """Return the approved pointer to the road of the case's label, if it still is valid."""
    id = case.triage.pointer if case.triage else None
    return next(iter(valid(organisation, (id,) if id else (), now=now)), None)


def valid(organisation: Organisation, ids: tuple[str, ...], *, now: datetime) -> tuple[Answer, ...]:
    """Return those of the approved answers with these ids that have not expired."""
    today = organisation.local(now).date()
    return tuple(each for each in sources(organisation, ids) if each.valid_until >= today)


def lapsed(organisation: Organisation, ids: tuple[str, ...], *, now: datetime) -> tuple[str, ...]:
    """Return those of the ids of approved answers whose answer has expired, or is no more."""
    standing = {each.id for each in valid(organisation, ids, now=now)}
    return tuple(each for each in ids if each not in standing)


def others(case: Case, *, organisation: Organisation, now: datetime) -> tuple[Answer, ...]:
    """Return the valid approved answers a colleague may choose instead of the suggestion.

    In the case's language first, then those near the post, then the department's own, by title.
    """
    draft, triage = case.draft, case.triage
    near = draft.sources if draft else ()
    stands = near if draft and draft.origin == "answer" else ()
    ids = tuple(each.id for each in organisation.answers if each.id not in stands)
    return tuple(
        sorted(
            valid(organisation, ids, now=now),
            key=lambda each: (
                triage is not None and each.language != triage.language,
                each.id not in near,
                each.department != case.department,
                each.title.casefold(),
            ),
        )
    )


def outdated(case: Case) -> bool:
    """Say whether the suggestion is for an earlier post of a case that now asks for none."""
    draft, triage = case.draft, case.triage
    if draft is None or triage is None:
        return False
    return draft.revision < case.revision and triage.advice != "answer"


def lasting(case: Case, *, organisation: Organisation, now: datetime) -> Draft | None:
    """Return the case's suggestion; None once an answer that its text leans on has expired.

    None too where it was made for an earlier post and the advice is not to answer any more: a text
    beside "leave it" says the opposite of it.
    """
    draft = case.draft
    if draft is None or outdated(case):
        return None
    if not draft.text:
        return draft
    known = sources(organisation, draft.sources)
    return draft if known == valid(organisation, draft.sources, now=now) else None


def ground_of(
    case: Case,
    *,
    organisation: Organisation,
    platform: Platform,
    initials: str,
    cited: tuple[str, ...],
    private: bool = False,
) -> Ground:
    """Return the ground of a reply to `case` that cites the approved answers `cited`.

    `private` is a reply that reaches this citizen and nobody else.
    """
    answers = sources(organisation, cited)
    own = organisation.own
    return Ground(
        post=case.post.text,
        language=case.triage.language if case.triage else organisation.language,
        sources=tuple(f"{each.short}\n{each.long}" for each in answers),
        links=(*(url for each in answers for url in each.sources), *_doors(organisation)),
        own=own,
        hosts=own.hosts,
        limit=measure_of(platform, private=private)[0],
        private=private,
        handle=case.post.handle,
        initials=initials,
    )


def measure_of(platform: Platform, *, private: bool) -> tuple[int, Callable[[str], int]]:
    """Return how long a reply may be on `platform`, and how that counts a text."""
    if private and isinstance(platform, AnswersPrivately):
        return platform.private_limit, platform.private_length
    return platform.limit, platform.length


def _doors(organisation: Organisation) -> tuple[str, ...]:
    """Return the pages of other bodies: whoever configured them stands for them."""
    return tuple(each.url for each in organisation.bodies if each.url)
