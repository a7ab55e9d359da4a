"""`luister export`: what colleagues corrected, as labelled cases without names."""

import argparse
import json
from typing import Any

from assistant.case import Case, Event, Kind, evolve
from assistant.config import Organisation
from assistant.mask import mask
from assistant.opening import opened

CORRECTIONS = frozenset({Kind.RELABELLED, Kind.HANDED_OVER})
"""What tells that a label, an advice or a department was wrong."""


async def export(args: argparse.Namespace) -> int:
    """Print a labelled case a line, the one that moved last at the end."""
    async with opened(args.config) as (organisation, store):
        for id in await store.ids():
            row = labelled(await store.events(id), id=id, organisation=organisation)
            if row is not None:
                print(json.dumps(row, ensure_ascii=False))
    return 0


def labelled(
    events: tuple[Event, ...], *, id: str, organisation: Organisation
) -> dict[str, Any] | None:
    """Return a case as its last correction left it, None where nobody corrected or all is erased.

    The form is that of tests/eval: id, text, label, department, language; and the advice, with the
    initials of who corrected. The text is what waited for an answer then, masked as for a model.
    """
    case: Case | None = None
    found: tuple[Case, str] | None = None
    for event in events:
        case = evolve(case, event, id=id)
        if event.kind in CORRECTIONS and event.by is not None:
            found = case, event.by.initials
        elif event.kind is Kind.ERASED:
            found = None
    if found is None or found[0].triage is None:
        return None
    at, initials = found
    assert at.triage is not None
    return {
        "id": id,
        "text": mask(at.waiting, own=organisation.own),
        "label": at.triage.label,
        "department": at.department,
        "language": at.triage.language,
        "advice": at.triage.advice,
        "corrected_by": initials,
    }
