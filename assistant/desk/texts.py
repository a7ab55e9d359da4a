"""The text an editor begins with, and what it leans on."""

from assistant.case import Case


def outgoing(case: Case, *, initials: str) -> str:
    """Return the whole text as it would go out: mention, suggestion, initials.

    The link stands in the suggestion already; nothing is added after Send.
    """
    handle = case.post.handle
    mention = f"@{handle.removeprefix('@')} " if handle and " " not in handle else ""
    body = case.draft.text if case.draft else ""
    return f"{mention}{body}".rstrip() + f" ^{initials}"


def signed(text: str, *, was: str, now: str) -> str:
    """Return `text` with the initials at its end replaced by those of whoever goes on with it."""
    return text.removesuffix("^" + was) + "^" + now if text.endswith("^" + was) else text


def cited(case: Case, draft: str | None) -> tuple[str, ...]:
    """Return the sources of the suggestion the text began from; another one's prove nothing."""
    return case.draft.sources if case.draft and case.draft.id == draft else ()
