"""How a text or a place on a platform is known again as a reply of ours."""

import re
import unicodedata

from assistant.case import Case, Remote, State

OUTSIDE = "outside"
"""Holds the place of an answer given outside Luister, so that no reply is taken to stand there."""

_NO_WORDS = re.compile(r"@[\w.@-]+|https?://\S+|\S+…")


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

    One that only waits is not: nothing of it is out, so another hand must have sent the same words.
    Mentions and links are left aside: a platform may write them in its own way.
    """
    replies = list(case.sent)
    if case.reply is not None and under_way(case):
        replies.append(case.reply)
    if case.amendment is not None and case.amendment.correction is not None:
        replies.append(case.amendment.correction)
    return _words(text) in {_words(each.text) for each in replies}


def under_way(case: Case) -> bool:
    """Say whether a reply may be standing whose place nobody wrote down yet."""
    # Between two tries the platform surely took nothing.
    return case.state is State.IN_DOUBT or (case.state is State.SENDING and case.outstanding)


def _words(text: str) -> str:
    return normal(_NO_WORDS.sub(" ", text))
