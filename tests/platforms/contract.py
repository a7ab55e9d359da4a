"""What an adapter brings to be held to the contract: a world with citizens in it.

The suite is test_contract.py. An adapter `assistant/platforms/NAME.py` needs
`tests/platforms/world_NAME.py` with

- `world(folder: Path)`, an async context manager that yields a `World`; everything it starts
  listens on 127.0.0.1 and ends with it;
- `SAMPLES`, some records as they come from the platform, each of which its `parse` understands;
- `SKIPS`, the promises the platform cannot keep, by the name of their test, each with the reason;
  the suite says which of them may be there at all.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from assistant.case import Addressed, Barred, Image, Post, Reply, Visibility, handle_key, record_key
from assistant.platforms import Arrival, Platform, Told
from tests.core import START, WRITER

Fault = Literal["401", "429", "429 with after", "500", "html", "malformed", "timeout_after_accept"]
"""What goes wrong with every call, as long as it lasts.

`401`: the token is refused, and so is every attempt to renew it. `429 with after` asks for AFTER
seconds, in whatever header the platform does that. `html`: 200 with a page of HTML. `malformed`:
200 with JSON of another shape. `timeout_after_accept`: what reads works; what writes is carried
out and its answer is lost (cut the connection; nobody wants to wait for a time-out).
"""

Shows = Literal["warning", "language", "images"]

AFTER = 30
QUESTION = "When will the bins be emptied?"


@dataclass(frozen=True, kw_only=True)
class Doing:
    """What a citizen does: writes the post `id`, changes it or takes it back.

    `id`, `author` and `parent` are names within the suite: the world makes the citizen when it
    meets a new one, and keeps which id the server gave to the post. `parent` may be an answer of
    ours. `text` stands in the post; a mention the platform wants may stand around it. `addressed`
    is how the post addresses us: the world brings that about (a quote is of a post of ours,
    a reply without `parent` is under a post of ours, None is none of these).
    """

    id: str
    text: str = QUESTION
    event: Literal["new", "edited", "deleted"] = "new"
    author: str = "henk"
    parent: str | None = None
    addressed: Addressed | None = "mention"
    visibility: Visibility = "public"
    warning: str | None = None
    language: str | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stands:
    """An answer of ours that stands on the platform; `under` is the platform's id of a post."""

    text: str
    under: str | None
    visibility: Visibility = "public"


class World(Protocol):
    """A platform with citizens on it. Labels are the suite's, ids the platform's."""

    @property
    def many(self) -> int:
        """How many posts take several pages to read."""
        ...

    @property
    def allowed(self) -> tuple[float, float]:
        """Calls in so many seconds that the platform allows for reading."""
        ...

    @property
    def ways(self) -> Sequence[Addressed]:
        """How a post can address us there, `direct` left out."""
        ...

    @property
    def bars(self) -> Sequence[Barred]:
        """What can keep us from answering a post that is there, and be brought about."""
        ...

    @property
    def shows(self) -> frozenset[Shows]:
        """What a post has there besides its text."""
        ...

    async def citizen(self, *doings: Doing) -> None:
        """Let citizens do these things in this order; return once they can be read."""
        ...

    async def ours(self, id: str, *, under: str, text: str) -> None:
        """Answer the post `under` by our account, outside Luister."""
        ...

    async def noise(self, about: str) -> None:
        """Let come what is no post for us: a boost and a like of the post, a new follower."""
        ...

    async def nonsense(self) -> None:
        """Let a record come among the others that no parser understands."""
        ...

    async def bar(self, id: str, how: Barred) -> None:
        """Bring about that we may not answer the post `id`."""
        ...

    def broken(self, fault: Fault) -> AbstractAsyncContextManager[None]:
        """Have every call to the platform meet this fault until the context ends."""
        ...

    async def platform(self) -> Platform:
        """Return the adapter, each time as another process would open it; the world closes it."""
        ...

    def id(self, label: str) -> str:
        """Return the platform's id of the post with this label, as in `Post.id`."""
        ...

    async def standing(self) -> Sequence[Stands]:
        """Return our answers that stand there, oldest first, those in private too."""
        ...

    async def calls(self) -> int:
        """Return how many calls the platform has had from adapters so far."""
        ...


Opens = Callable[[Path], AbstractAsyncContextManager[World]]


def answer(post: Post, *, text: str = "On Tuesday. ^AB", **changes: Any) -> Reply:
    """Return a stored reply to `post`, of a Send of its own."""
    id = secrets.token_hex(12)
    values: dict[str, Any] = {
        "id": id,
        "target": post.id,
        "root": post.root,
        "author": post.author,
        "handle": post.handle,
        "visibility": post.visibility,
        "language": "nl",
        "text": text,
        "key": "luister-" + id,
        "record_key": record_key(id, START),
        "created_at": START,
        "due": START,
        "by": WRITER,
    }
    return Reply(**values | changes)


async def read(platform: Platform, cursor: str | None = None) -> list[Told]:
    """Return all that arrives after `cursor`."""
    return [each async for each in platform.arrivals(cursor)]


def by_us(post: Post) -> bool:
    """Say whether our own account wrote the post."""
    return handle_key(post.account) in {
        handle_key(each or "") for each in (post.author, post.handle)
    }


def posts(told: Iterable[Told]) -> list[Post]:
    """Return the citizens' posts that were understood and are new, in order."""
    return [
        each.post
        for each in told
        if isinstance(each, Arrival) and each.event == "new" and not by_us(each.post)
    ]


async def the_post(world: World, label: str) -> Post:
    """Return a citizen's post as the adapter understood it."""
    told = await read(await world.platform())
    return next(each for each in posts(told) if each.id == world.id(label))


CONNECTION = (
    "a_refused_token_bars_the_account",
    "too_many_calls_are_tried_again_when_the_platform_says",
    "a_server_in_trouble_is_tried_again",
    "nonsense_from_the_server_is_passing_trouble",
    "an_answer_lost_after_acceptance_is_a_doubt",
    "reads_no_more_often_than_published",
)
STREAMING = ("stirs_as_soon_as_something_arrives",)
PRIVATE = ("answers_in_private",)
EDITS = ("follows_an_edit",)
MAY_BE_EMPTY: Mapping[str, Sequence[str]] = {
    "replay": (*CONNECTION, *STREAMING, *PRIVATE),
    "bluesky": PRIVATE,
    "webhook": (*STREAMING, *EDITS),
}
