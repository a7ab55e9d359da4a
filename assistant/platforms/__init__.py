"""What a platform must offer Luister; extra abilities are extra Protocols, asked for by isinstance.

To add one: write `platforms/NAME.py` with a pure `parse` from its payload to `Arrival` and a class
with the four methods of `Platform`; name it in `app.py`; tests/test_platforms.py finds it there.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal, Protocol, runtime_checkable

from assistant.case import Frozen, Post, Remote, Reply

Standing = Literal["unchanged", "edited", "deleted", "closed"]


class Arrival(Frozen):
    """What a platform told us: a post that is new, edited or deleted, and where to go on reading.

    `conversation` is the platform's own id for the whole thread, where it has one. `cursor` is kept
    once the arrival is recorded.
    """

    event: Literal["new", "edited", "deleted"]
    post: Post
    conversation: str | None = None
    cursor: str | None = None


class Quarantined(Frozen):
    """Something that arrived and that no parser understood: kept, counted, never fatal.

    `where` says which record (a line number, an id); `reason` what is wrong with it, without
    quoting it; `raw` is the record itself.
    """

    where: str
    reason: str
    raw: str
    cursor: str | None = None


class Look(Frozen):
    """How a post stands on the platform right now; `post` is its newest form when it is there."""

    standing: Standing
    post: Post | None = None


class Candidate(Frozen):
    """A reply by one of our accounts that stands under a post."""

    remote: Remote
    text: str


class Platform(Protocol):
    """A place citizens write. Errors: TryAgain, Doubtful, Refused (see assistant.errors)."""

    name: str
    account: str
    limit: int

    def length(self, text: str) -> int:
        """Count `text` as the platform counts it."""
        ...

    def arrivals(self, cursor: str | None) -> AsyncIterator[Arrival | Quarantined]:
        """Yield what arrives after `cursor`, oldest first; ends only when there is no more."""
        ...

    async def look(self, post: Post) -> Look:
        """Read the citizen's post again."""
        ...

    async def reply(self, reply: Reply) -> Remote:
        """Put this stored reply under its target.

        Raises Refused (for good), TryAgain (surely not sent) or Doubtful (it may be there).
        """
        ...


@runtime_checkable
class KeyedReplies(Protocol):
    """It takes a key or a chosen id: the same Reply again within `key_life` is harmless."""

    key_life: timedelta


@runtime_checkable
class FindsReplies(Protocol):
    """The platform can list our replies under a post."""

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        """Return the replies by our account that stand under the reply's target."""
        ...
