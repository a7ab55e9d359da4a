"""How a text or a place on a platform is known again as a reply of ours."""

import unicodedata

from assistant.case import Case, Remote, State

OUTSIDE = "outside"
"""Holds the place of an answer given outside Luister, so that no reply is taken to stand there."""

_UNDER_WAY = (State.SENDING, State.IN_DOUBT)


def normal(text: str) -> str:
    """Return `text` as two servers would still agree on it: NFC, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def claims_of(platform: str, remote: Remote | None, holder: str) -> tuple[tuple[str, str], ...]:
    """Return the marks by which no other reply can be taken for this one: its id and its link.

    `holder` is the reply's id, or OUTSIDE.
    """
    if remote is None:
        return ()
    marks = dict.fromkeys((remote.id, remote.url or remote.id))
    return tuple((f"{platform}:{each}", holder) for each in marks)


def by_luister(case: Case, text: str) -> bool:
    """Say whether `text` is a reply of this case that stands or is under way.

    One that only waits is not: no attempt was made, so another hand must have sent the same words.
    """
    replies = list(case.sent)
    if case.reply is not None and case.state in _UNDER_WAY:
        replies.append(case.reply)
    if case.amendment is not None and case.amendment.correction is not None:
        replies.append(case.amendment.correction)
    return normal(text) in {normal(each.text) for each in replies}
