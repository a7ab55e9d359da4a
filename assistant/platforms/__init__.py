"""What a platform must offer Luister; extra abilities are extra Protocols, asked for by isinstance.

To add one: docs/adding-a-platform.md. In short: `platforms/NAME.py` with a pure `parse`, a class
with the members of `Platform`, and `opened`, which opens it; its account in `config/accounts.py`;
its name in `assistant/accounts.py`. tests/platforms finds it there and holds it to the contract.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from aiohttp import web
from pydantic import SecretStr

from assistant.case import Frozen, Post, Remote, Reply

Standing = Literal["unchanged", "edited", "deleted", "barred"]


class Arrival(Frozen):
    """What a platform told us: a post that is new, edited or deleted, and where to go on reading.

    A post by our own account is passed on as well: an answer given outside Luister is known by it.
    `conversation` is the platform's own id for the whole thread, where it has one; `everywhere` the
    post's name on all servers, where each server also has an id of its own for it. `cursor` is kept
    once the arrival is recorded.
    """

    event: Literal["new", "edited", "deleted"]
    post: Post
    conversation: str | None = None
    everywhere: str | None = None
    cursor: str | None = None


class Quarantined(Frozen):
    """Something that arrived and that no parser understood: kept, counted, never fatal.

    `where` says which record (a line number, an id); `reason` what is wrong with it, without
    quoting it; `raw` is the record itself, as `Platform.parse` takes it.
    """

    where: str
    reason: str
    raw: str
    cursor: str | None = None


class Gap(Frozen):
    """Posts of this stretch of time are lost to us: the platform keeps less than we missed."""

    since: datetime
    until: datetime
    reason: str


class Condition(Frozen):
    """How one part of the connection is (`stream`, `budget`, ...), told when it changes.

    `reason` says what is wrong and what to do, in English, without a secret or a citizen's words.
    """

    part: str
    well: bool
    reason: str = ""


Told = Arrival | Quarantined | Gap | Condition


class Look(Frozen):
    """How a post stands on the platform right now; `post` is its newest form when it is there.

    `barred` means that it stands there and takes no answer of ours; `post.barred` says why.
    """

    standing: Standing
    post: Post | None = None


class Candidate(Frozen):
    """A reply by one of our accounts that stands under a post."""

    remote: Remote
    text: str


class Cost(Frozen):
    """What sending one reply costs by the dated price table; `dollars` None means unknown."""

    dollars: Decimal | None
    as_of: str
    link: bool = False


class Platform(Protocol):
    """A place citizens write.

    Every method that asks the network raises TryAgain (surely not done; `after` in seconds where
    the platform said), Doubtful (perhaps done), Refused (never), or Barred (the account as a whole
    is refused: token, permission). An SDK's errors and a server's nonsense never leave the adapter.
    """

    name: str
    account: str
    limit: int
    """The longest public reply, by `length`."""
    every: float | None
    """Seconds between two readings; None where reading once is all there is to read."""

    def length(self, text: str) -> int:
        """Count `text` as the platform counts it in a public reply."""
        ...

    def parse(self, raw: str) -> Arrival:
        """Read one record as it came, without the network; raises BadInput, which never quotes."""
        ...

    def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield what there is after `cursor`, oldest first, and end.

        Going on after a cursor may repeat some posts (they are known by their ids), never skip one.
        What follows a `yield` runs only once that arrival is recorded.
        """
        ...

    async def look(self, post: Post) -> Look:
        """Read the citizen's post again."""
        ...

    async def reply(self, reply: Reply) -> Remote:
        """Put this stored reply under its target, in its exact text and with its visibility."""
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


@runtime_checkable
class Stirs(Protocol):
    """It has a stream or a webhook that tells when something may have arrived."""

    async def stirred(self) -> None:
        """Return as soon as something may have arrived; raises like the rest.

        Only a hint: reading goes on every `every` seconds, whatever this says.
        """
        ...


@runtime_checkable
class Pushed(Protocol):
    """What arrives is pushed into the process that serves it, so each process reads its own."""

    pushed: Literal[True]


@runtime_checkable
class Serves(Protocol):
    """The platform calls us over HTTP."""

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes to serve; each checks the caller's signature over the raw body."""
        ...


@runtime_checkable
class LooksAtMany(Protocol):
    """It can look at several posts in one call."""

    looks_at: int
    """Posts in one call, at most."""

    async def looks(self, posts: Sequence[Post]) -> tuple[Look, ...]:
        """Return a Look for each post, in their order."""
        ...


@runtime_checkable
class TakesBack(Protocol):
    """A sent reply can be deleted."""

    async def take_back(self, remote: Remote) -> None:
        """Delete it; one that is gone already is fine."""
        ...


@runtime_checkable
class Corrects(Protocol):
    """The text of a sent reply can be changed where it stands."""

    async def correct(self, reply: Reply, remote: Remote) -> None:
        """Give the reply at `remote` the text of `reply`; the same again is harmless.

        Raises Refused where the platform takes it and shows readers the old text all the same.
        """
        ...


@runtime_checkable
class AnswersPrivately(Protocol):
    """A Reply with visibility `direct` reaches one citizen and nobody else."""

    private_limit: int

    def private_length(self, text: str) -> int:
        """Count `text` as the platform counts it in a private message."""
        ...

    def private_to(self, post: Post) -> bool:
        """Say whether the author of this post can be written to in private."""
        ...


@runtime_checkable
class MayHide(Protocol):
    """The platform may accept a reply and show it to nobody."""

    async def visible(self, reply: Reply, remote: Remote) -> bool:
        """Say whether citizens can see the reply."""
        ...


@runtime_checkable
class Costs(Protocol):
    """Sending costs money."""

    def cost(self, text: str) -> Cost:
        """Return what a public reply with this text costs."""
        ...


@runtime_checkable
class Introduces(Protocol):
    """The account can be tested: `luister check --online`."""

    async def introduce(self) -> tuple[str, ...]:
        """Return who we are there and what the account may do, a sentence each, in English."""
        ...


class Keep(Protocol):
    """What an adapter remembers beyond its own life: sessions, tokens, what was spent. Sealed."""

    async def get(self, name: str) -> str | None:
        """Return what was put under this name."""
        ...

    async def put(self, name: str, value: str) -> None:
        """Remember `value` until it is put anew."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold this name alone, over all processes: a refresh token works only once."""
        ...


@dataclass(frozen=True, kw_only=True)
class Around:
    """What an adapter is opened with: secrets by their variable, its memory, the time."""

    secrets: Mapping[str, SecretStr] = field(repr=False)
    keep: Keep
    clock: Callable[[], datetime]
