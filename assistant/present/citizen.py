"""The upper half of a card: the citizen's post, and what Luister makes of it."""

from collections.abc import Iterator

from assistant.case import FINISHED, Case, Label, Triage
from assistant.clean import visible
from assistant.present.wording import View, coded, place_of, short, triage_by
from assistant.rules import PEOPLE

URGENT: frozenset[Label] = frozenset({"emergency", "self_harm", "abuse"})


def title(view: View) -> str:
    """Return what the post is and who it is for."""
    case, triage = view.case, view.case.triage
    place = place_of(
        case.department, case.official, organisation=view.organisation, words=view.words
    )
    label = view.say(f"labels.{triage.label}" if triage else "card.unlabelled")
    return view.say("card.title", label=label, place=place)


def urgent(case: Case) -> bool:
    """Return whether somebody may be in danger and nothing was done yet.

    What is only like abuse raises no alarm: no rule has heard that it threatens anybody.
    """
    triage = case.triage
    if triage is None or case.state in FINISHED:
        return False
    return triage.label in URGENT and (triage.sure or triage.label != "abuse")


def author(view: View) -> str:
    """Return the citizen's handle, or that there is none."""
    return short(view.case.post.handle or "") or view.say("card.anonymous")


def post(view: View) -> str:
    """Return the newest post's text unchanged, or a placeholder where nothing is to be seen."""
    text = view.case.post.text
    return text if visible(text).strip() else view.say("card.empty_post")


def notes(view: View) -> Iterator[str]:
    """Yield what to know about the post; why it cannot be answered comes first."""
    case, newest = view.case, view.case.post
    if newest.deleted:
        yield view.say("card.note_deleted")
    elif case.gone:
        yield view.say("card.note_gone")
    elif newest.addressed is None:
        yield view.say("card.note_not_addressed")
    elif newest.barred:
        reason = coded("card.reason_", newest.barred, words=view.words)
        yield view.say("card.note_barred", reason=reason)
    if newest.visibility != "public":
        yield view.say(f"card.seen_{newest.visibility}")
    if newest.edited:
        draft = case.draft
        kept = draft is not None and draft.kept and draft.revision == case.revision
        yield view.say("card.note_edited_kept" if kept else "card.note_edited")
    if earlier := case.posts.index(newest):
        key = "card.note_earlier_one" if earlier == 1 else "card.note_earlier"
        yield view.say(key, count=earlier)


def _by(view: View, triage: Triage) -> str:
    """Return who says so: a colleague by name, else the rules or a model."""
    colleague = view.case.labelled_by if triage.by == PEOPLE else None
    if colleague:
        return view.say("card.by_person", name=colleague.name)
    return triage_by(triage.by, words=view.words)


def advice(view: View) -> str | None:
    """Return what to do, by which house rule, why, and who says so."""
    triage = view.case.triage
    if triage is None:
        return None
    return view.say(
        "card.advice",
        advice=view.say(f"card.advice_{triage.advice}"),
        rule=triage.rule,
        says=view.say(f"card.rule_{triage.rule}"),
        reason=short(triage.reason, limit=300).rstrip(". "),
        by=_by(view, triage),
    )
