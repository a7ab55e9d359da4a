"""The questions before an act: why close, to whom, where does the reply stand."""

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from assistant.card import Choice, Form
from assistant.case import Advice, Case, CloseReason, Label, Wish
from assistant.config import Organisation
from assistant.ground import others
from assistant.language import LANGUAGES
from assistant.present.wording import coded
from assistant.words import Words


def close_form(case: Case, *, version: int, words: Words) -> Form:
    """Return the question why a case is closed."""
    return Form(
        case=case.id,
        version=version,
        action="close",
        title=words.say("card.form_close"),
        submit=words.say("card.action_close"),
        choice_label=words.say("card.form_close_choice"),
        choices=tuple(
            Choice(value=reason, label=words.say(f"card.close_{reason}"))
            for reason in get_args(CloseReason)
        ),
        text_label=words.say("card.form_close_text"),
    )


def hand_over_form(case: Case, *, version: int, organisation: Organisation, words: Words) -> Form:
    """Return the question to whom a case goes: everywhere but where it is.

    A choice is `dep:ID`, `off:INDEX` (of the configured officials) or `triage`.
    """
    here = _here(case, organisation)
    places = [
        *(Choice(value=f"dep:{each.id}", label=each.name) for each in organisation.departments),
        *(
            Choice(value=f"off:{index}", label=each.name)
            for index, each in enumerate(organisation.officials)
        ),
        Choice(value="triage", label=words.say("card.triage")),
    ]
    return Form(
        case=case.id,
        version=version,
        action="hand_over",
        title=words.say("card.form_hand_over"),
        submit=words.say("card.action_hand_over"),
        choice_label=words.say("card.form_hand_over_choice"),
        choices=tuple(each for each in places if each.value != here),
        text_label=words.say("card.form_hand_over_text"),
    )


def relabel_form(case: Case, *, version: int, words: Words) -> Form:
    """Return the question what a post is and what to do with it; as it stands is chosen already."""
    found = case.triage
    return Form(
        case=case.id,
        version=version,
        action="relabel",
        title=words.say("card.form_relabel"),
        submit=words.say("card.action_relabel"),
        choice_label=words.say("card.form_relabel_label"),
        choices=tuple(
            Choice(value=each, label=words.say(f"labels.{each}")) for each in get_args(Label)
        ),
        chosen=found.label if found else None,
        second_label=words.say("card.form_relabel_advice"),
        second_choices=tuple(
            Choice(value=each, label=words.say(f"card.advice_{each}")) for each in get_args(Advice)
        ),
        second_chosen=found.advice if found else None,
        text_label=words.say("card.form_relabel_text"),
    )


def rewrite_form(case: Case, *, version: int, wishes: Sequence[Wish], words: Words) -> Form:
    """Return the question how the suggestion should be rewritten, in one of the ways `wishes`.

    A choice is a Wish; that for another language is `language:CODE`.
    """
    spoken = case.triage.language if case.triage else None
    tongues = [each for each in LANGUAGES if each != spoken] if "language" in wishes else []
    values = [*(each for each in wishes if each != "language"), *map("language:{}".format, tongues)]
    # In words of one's own only a model rewrites; without one the form says what there is.
    free = "own" in wishes
    return Form(
        case=case.id,
        version=version,
        action="rewrite",
        title=words.say("card.form_rewrite"),
        submit=words.say("card.action_rewrite"),
        choice_label=words.say(f"card.form_rewrite_{'choice' if free else 'approved'}"),
        choices=tuple(_wish(each, words) for each in values),
        text_label=words.say("card.form_rewrite_text") if free else None,
    )


def _wish(value: str, words: Words) -> Choice:
    wish, _, code = value.partition(":")
    language = coded("card.language_", code, words=words) if code else ""
    return Choice(value=value, label=words.say(f"card.wish_{wish}", language=language))


def pick_form(
    case: Case, *, version: int, organisation: Organisation, words: Words, now: datetime
) -> Form:
    """Return the question which approved answer a colleague wants instead; a choice is its id."""
    return Form(
        case=case.id,
        version=version,
        action="pick",
        title=words.say("card.form_pick"),
        submit=words.say("card.form_pick_submit"),
        choice_label=words.say("card.form_pick_choice"),
        choices=tuple(
            Choice(value=each.id, label=each.title)
            for each in others(case, organisation=organisation, now=now)
        ),
    )


def _here(case: Case, organisation: Organisation) -> str:
    for index, each in enumerate(organisation.officials):
        if each.name == case.official:
            return f"off:{index}"
    return f"dep:{case.department}" if organisation.department(case.department) else "triage"


def take_back_form(case: Case, *, version: int, words: Words) -> Form:
    """Return the question why a reply is taken back."""
    return Form(
        case=case.id,
        version=version,
        action="take_back",
        title=words.say("card.form_take_back"),
        submit=words.say("card.action_take_back"),
        text_label=words.say("card.form_take_back_text"),
        text_required=True,
    )


def found_form(case: Case, *, version: int, words: Words) -> Form:
    """Return the question where the reply stands that nobody was sure of."""
    return Form(
        case=case.id,
        version=version,
        action="found",
        title=words.say("card.form_found"),
        submit=words.say("card.form_found_submit"),
        text_label=words.say("card.form_found_text"),
        text_required=True,
    )
