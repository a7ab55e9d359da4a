"""The question before an act, as the case stands."""

from collections.abc import Mapping
from datetime import datetime

from assistant.card import ActionId, Form
from assistant.case import Case
from assistant.config import Organisation
from assistant.desk.rewriting import offered
from assistant.errors import NotAllowed
from assistant.platforms import Platform
from assistant.present import (
    close_form,
    found_form,
    hand_over_form,
    pick_form,
    relabel_form,
    rewrite_form,
    take_back_form,
)
from assistant.words import Words

_ALONE = {
    "close": close_form,
    "found": found_form,
    "relabel": relabel_form,
    "take_back": take_back_form,
}
"""Questions that need to know nothing but the case."""


def question(
    action: ActionId,
    case: Case,
    *,
    version: int,
    organisation: Organisation,
    platforms: Mapping[tuple[str, str], Platform],
    words: Words,
    now: datetime,
) -> Form:
    """Return the form of `action`; raises NotAllowed where there is nothing to choose."""
    if action in _ALONE:
        return _ALONE[action](case, version=version, words=words)
    if action == "rewrite":
        asks = offered(case, organisation=organisation, platforms=platforms, words=words, now=now)
        return rewrite_form(case, version=version, wishes=asks, words=words)
    if action == "pick":
        form = pick_form(case, version=version, organisation=organisation, words=words, now=now)
        if not form.choices:
            raise NotAllowed("desk.choose_answer")
        return form
    return hand_over_form(case, version=version, organisation=organisation, words=words)
