"""The text an editor begins with, and what it leans on."""

from typing import NamedTuple

from assistant.answers import Answer
from assistant.case import Case
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
    draft = case.draft.id if case.draft else None
    if case.unsent:
        was = case.unsent.by.initials
        return Beginning(signed(case.unsent.text, was=was, now=initials), draft)
    suggestion = case.draft.text if case.draft else ""
    return Beginning(outgoing(case, suggestion, initials=initials), draft)


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


def cited(case: Case, draft: str | None) -> tuple[str, ...]:
    """Return the sources of what the text began from; another suggestion's prove nothing."""
    if draft and case.triage and draft == f"{POINTER}{case.triage.pointer}":
        return (draft.removeprefix(POINTER),)
    return case.draft.sources if case.draft and case.draft.id == draft else ()
