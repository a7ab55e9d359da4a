"""A suggestion that an edit leaves standing, because all it was made from is still the same."""

from assistant.answers import Answer, Hit, sure
from assistant.case import Case, Draft, Triage
from assistant.checks import check
from assistant.config import Organisation
from assistant.draft.address import form_of_address
from assistant.ground import ground_of
from assistant.platforms import Platform


def foundation(case: Case, triage: Triage, hits: tuple[Hit, ...], both: tuple[Answer, ...]) -> str:
    """Return what a suggestion for `case` is made from, the post's own words aside.

    Two posts with the same foundation ask for the same suggestion: what they are, in which
    language and tone, how much they ask, whose they are, and which approved answers are found for
    them, the best first, and for the two things they ask (`both`).
    """
    ranked = tuple(sorted(hits, key=lambda each: -each.score))
    best = sure(ranked)
    parts = (
        triage.label,
        triage.advice,
        triage.language,
        form_of_address(case.post.text),
        case.department or triage.department,
        case.official or triage.official,
        triage.body,
        triage.pointer,
        best.answer.id if best else None,
        ",".join(each.answer.id for each in ranked),
        ",".join(each.id for each in both),
        case.post.text.count("?"),
        # A post more is no edit: it may ask for something more.
        len(case.posts),
    )
    return "|".join("-" if each is None else str(each) for each in parts)


def still_fits(
    case: Case, founded: str, *, organisation: Organisation, platform: Platform
) -> Draft | None:
    """Return the suggestion as it goes on for the edited post, None where a new one is needed."""
    draft = case.draft
    if draft is None or not draft.text or not case.post.edited or draft.founded != founded:
        return None
    ground = ground_of(
        case,
        organisation=organisation,
        platform=platform,
        initials="",
        cited=draft.sources,
    )
    found = check(draft.text, ground=ground, length=platform.length)
    if any(each.severity == "block" for each in found):
        return None
    return draft.model_copy(update={"revision": case.revision, "kept": True})
