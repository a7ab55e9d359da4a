"""How X counts a reply: weighted, by X's own rules (twitter-text 3)."""

import re

LIMIT = 280
DIRECT_LIMIT = 10_000

# "@mentions that auto-populate at the start of a reply do not count" (docs.x.com, counting
# characters); a handle has at most 15 characters.
_LEADING = re.compile(r"^(?:@\w{1,15}\s+)+", re.ASCII)


def length(text: str) -> int:
    """Return the weighted length of a reply: links 23, emoji and CJK 2, mentions in front 0."""
    # Takes a quarter of a second to import.
    from twitter_text import parse_tweet  # type: ignore[import-untyped]

    weighted: int = parse_tweet(bare(text)).weightedLength
    return weighted


def bare(text: str) -> str:
    """Return a reply without the mentions in front, which X puts there by itself."""
    return _LEADING.sub("", text)


def links(text: str) -> tuple[str, ...]:
    """Return what X takes for links."""
    from twitter_text import extract_urls

    return tuple(extract_urls(text))
