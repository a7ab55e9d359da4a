"""What a server says of itself: its numbers, and what it is able to do."""

import re
from typing import Any, NamedTuple

from assistant.checks import graphemes

# A link as Mastodon finds it: a scheme, a name with a dot, and ASCII or letters behind it. What
# it would not take for a link counts sign by sign, so here too little is safer than too much.
_URL = re.compile(
    r"(?<![\w@#$/])https?://[^\W_](?:[\w-]*\w)?(?:\.[^\W_](?:[\w-]*\w)?)+(?::\d+)?"
    r"(?:[/?#](?:[\w\-.~%!$&'*+,;:=@|/#?\[\]()]*[\w\-~%$&*+=|/#@])?)?"
)
_REMOTE = re.compile(r"(?<![=/\w])(@\w+(?:[.-]+\w+)*)@[\w.-]+\w")
_MAJOR = re.compile(r"^(\d+)\.")


class Instance(NamedTuple):
    """A server's numbers; the defaults are Mastodon's.

    `keyed` says whether a repeated Idempotency-Key is known to be harmless; `streaming` is where
    its event streams are, where that is another place.
    """

    characters: int = 500
    per_url: int = 23
    version: str = ""
    keyed: bool = False
    streaming: str | None = None

    def length(self, text: str) -> int:
        """Count graphemes, each link as `per_url`, a mention without its server."""
        bare, links = _URL.subn("", _REMOTE.sub(r"\1", text))
        return graphemes(bare) + links * self.per_url


def instance_of(told: dict[str, Any]) -> Instance:
    """Read /api/v2/instance or /api/v1/instance; what is missing or odd has its default."""
    statuses = _dict(_dict(told.get("configuration")).get("statuses"))
    urls = _dict(_dict(told.get("configuration")).get("urls")) or _dict(told.get("urls"))
    version = told.get("version") if isinstance(told.get("version"), str) else ""
    most = statuses.get("max_characters", told.get("max_toot_chars"))
    return Instance(
        characters=_number(most, 500),
        per_url=_number(statuses.get("characters_reserved_per_url"), 23),
        version=str(version)[:80],
        keyed=_keyed(str(version), str(told.get("source_url", ""))),
        streaming=_over_http(urls.get("streaming", urls.get("streaming_api"))),
    )


def _keyed(version: str, source: str) -> bool:
    """Say whether this is Mastodon itself: others write its version and leave out the key.

    "0.17.3" is GoToSocial, "2.7.2 (compatible; Akkoma 3.10)" a server that speaks the API only.
    """
    major = _MAJOR.match(version)
    own = major is not None and int(major[1]) >= 2 and "compatible" not in version
    return own and "gotosocial" not in source.casefold()


def _over_http(address: Any) -> str | None:
    """Return where server-sent events are, from the WebSocket's address."""
    if not isinstance(address, str) or not re.match(r"^(ws|http)s?://[^/\s]+", address):
        return None
    return re.sub(r"^ws", "http", address).rstrip("/")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) and 0 < value < 1_000_000 else default
