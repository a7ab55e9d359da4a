"""What a reply to a case is checked against, the same at drafting, at each edit and at sending."""

from assistant.answers import Answer
from assistant.case import Case
from assistant.checks import Ground
from assistant.config import Organisation
from assistant.platforms import Platform


def sources(organisation: Organisation, ids: tuple[str, ...]) -> tuple[Answer, ...]:
    """Return the approved answers with these ids, in this order; unknown ones are left out."""
    known = {each.id: each for each in organisation.answers}
    return tuple(known[id] for id in ids if id in known)


def ground_of(
    case: Case,
    *,
    organisation: Organisation,
    platform: Platform,
    initials: str,
    cited: tuple[str, ...],
) -> Ground:
    """Return the ground of a reply to `case` that cites the approved answers `cited`."""
    answers = sources(organisation, cited)
    own = organisation.own
    return Ground(
        post=case.post.text,
        language=case.triage.language if case.triage else organisation.language,
        sources=tuple(f"{each.short}\n{each.long}" for each in answers),
        links=(*(url for each in answers for url in each.sources), *_doors(organisation)),
        own=own,
        hosts=own.hosts,
        limit=platform.limit,
        handle=case.post.handle,
        initials=initials,
    )


def _doors(organisation: Organisation) -> tuple[str, ...]:
    """Return the pages of other bodies: whoever configured them stands for them."""
    return tuple(each.url for each in organisation.bodies if each.url)
