"""What is sent for a reply, and how it is known again when a server shows it."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from assistant.case import Reply, Visibility, handle_key
from assistant.checks import graphemes
from assistant.platforms.mastodon.instance import Instance

NAME = 60
"""Signs kept free for the citizen's name in a private message."""

_WIDTHS: Sequence[Visibility] = ("direct", "private", "unlisted", "public")

_MENTION = re.compile(r"(?<![=/\w])@(\w+(?:[.-]+\w+)*)(?:@([\w.-]+\w))?")


def post_of(reply: Reply, *, warning: str, numbers: Instance) -> dict[str, Any]:
    """Return the text of a reply and what goes with it, under the citizen's content warning."""
    text = to_whom(reply)
    shown = _fitting(warning, numbers.characters - numbers.length(text))
    return {
        "status": text,
        "spoiler_text": shown,
        "sensitive": bool(shown),
        # Where the account's own setting is Markdown, a `^AB` would be no `^AB`.
        "content_type": "text/plain",
        **({"language": reply.language} if reply.language else {}),
    }


def to_whom(reply: Reply) -> str:
    """Return the text that is sent: in private it reaches only those it names."""
    handle = (reply.handle or "").removeprefix("@")
    named = {handle_key(each[0]) for each in _MENTION.finditer(reply.text)}
    if reply.visibility != "direct" or not handle or handle_key(handle) in named:
        return reply.text
    return f"@{handle} {reply.text}"


def narrower(one: Visibility, other: Visibility) -> Visibility:
    """Return the one that fewer may read."""
    return min(one, other, key=_WIDTHS.index)


def canonical(text: str, *, host: str) -> str:
    """Return `text` in the one form in which what was typed and what is shown are compared.

    A server at `host` leaves its own name out of mentions and writes names as they were chosen.
    """

    def bare(match: re.Match[str]) -> str:
        own = match[2] is None or match[2].casefold() == host.casefold()
        return (f"@{match[1]}" if own else match[0]).casefold()

    return " ".join(unicodedata.normalize("NFC", _MENTION.sub(bare, text)).split())


def _fitting(warning: str, room: int) -> str:
    """Cut a warning to what a post has room for: it counts with the text."""
    while graphemes(warning) > max(room, 0):
        warning = warning[: max(room, 0)] if len(warning) > 2 * room else warning[:-1]
    return warning
