"""The text an editor begins with, and what it leans on."""

from collections.abc import Sequence
from typing import NamedTuple

from assistant.answers import Answer
from assistant.case import Case, Event
from assistant.ground import POINTER


class Beginning(NamedTuple):
    """What an editor begins with: the whole text, and the id of what it came from."""

    text: str
    draft: str | None


def beginning(case: Case, *, initials: str, pointer: Answer | None) -> Beginning:
    """Return the text a person goes on with: the `pointer` they asked for, else what there is."""
    if pointer is not None:
        text = outgoing(case, pointer.pointing, initials=initials)
        return Beginning(text, POINTER + pointer.id)
    if case.unsent:
        text = signed(case.unsent.text, was=case.unsent.by.initials, now=initials)
        return Beginning(text, case.unsent.draft)
    draft = case.draft
    text = outgoing(case, draft.text if draft else "", initials=initials)
    return Beginning(text, draft.id if draft else None)


def outgoing(case: Case, body: str, *, initials: str) -> str:
    """Return the whole text as it would go out: mention, `body`, initials.

    A link stands in `body` already; nothing is added after Send.
    """
    handle = case.post.handle
    mention = f"@{handle.removeprefix('@')} " if handle and " " not in handle else ""
    return f"{mention}{body}".rstrip() + f" ^{initials}"


def signed(text: str, *, was: str, now: str) -> str:
    """Return `text` with the initials at its end replaced by those of whoever goes on with it."""
    return text.removesuffix("^" + was) + "^" + now if text.endswith("^" + was) else text


def cited(events: Sequence[Event], draft: str | None) -> tuple[str, ...]:
    """Return the sources of what a text began from, be it a suggestion or a pointer.

    Looked up in all that happened to the case: a suggestion that came since proves nothing in a
    text that began from another, and takes nothing from it.
    """
    for each in reversed(events):
        if each.draft and each.draft.id == draft:
            return each.draft.sources
        if each.triage and each.triage.pointer and draft == POINTER + each.triage.pointer:
            return (each.triage.pointer,)
    return ()
