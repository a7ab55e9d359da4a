"""The fakes of assistant.testing, held to the contract where it applies to them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from assistant import case
from assistant.case import Addressed, Post, Said
from assistant.errors import Barred, Doubtful, LuisterError, TryAgain
from assistant.platforms import Look, Quarantined
from assistant.testing import FakePlatform, FullPlatform, KeyedPlatform, LookUpPlatform
from tests.core import arrival
from tests.platforms.contract import (
    AFTER,
    PRIVATE,
    STREAMING,
    Doing,
    Fault,
    Opens,
    Shows,
    Stands,
    World,
)

SMALL = dict.fromkeys(
    (*STREAMING, *PRIVATE, "takes_a_reply_back", "introduces_itself"),
    "a fake with few abilities on purpose",
)
UNREAD = {"reads_no_more_often_than_published": "a fake of which nobody reads on a timer"}
FAULTS: Mapping[Fault, LuisterError] = {
    "401": Barred("the token is refused"),
    "429": TryAgain("too many calls"),
    "429 with after": TryAgain("too many calls", after=AFTER),
    "500": TryAgain("status 500"),
    "html": Doubtful("no JSON"),
    "malformed": Doubtful("JSON of another shape"),
}


def _above(post: Post) -> tuple[Said, ...]:
    return (*post.above, Said(author=post.handle, text=post.text))[-10:]


class FakeWorld:
    """A fake; there is only one of it, as of a server."""

    many = 50
    allowed = (float("inf"), 1.0)
    ways: Sequence[Addressed] = ("mention", "reply", "quote")
    bars: Sequence[case.Barred] = ("replies_closed", "blocked")
    shows: frozenset[Shows] = frozenset({"warning", "language", "images"})

    def __init__(self, made: FakePlatform) -> None:
        self.made = made
        self._posts: dict[str, Post] = {}

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            above = self._posts.get(each.parent or "")
            came = arrival(
                each.id,
                event=each.event,
                text=each.text,
                author=f"did:{each.author}",
                handle=f"@{each.author}",
                parent=each.parent,
                root=above.root if above else each.id,
                addressed=each.addressed,
                visibility=each.visibility,
                warning=each.warning,
                language=each.language,
                images=each.images,
                above=_above(above) if above else (),
            )
            self._posts[each.id] = came.post
            self.made.arriving.append(came)
            if came.event != "new":
                deleted = came.event == "deleted"
                self.made.looks[each.id] = Look(
                    standing=came.event, post=None if deleted else came.post
                )
        if isinstance(self.made, FullPlatform):
            self.made.stir()

    async def ours(self, id: str, *, under: str, text: str) -> None:
        told = arrival(id, text=text, author="did:town", handle="@town", parent=under, root=under)
        self.made.arriving.append(told)

    async def noise(self, about: str) -> None:
        """Nothing that is no post comes into a fake."""

    async def nonsense(self) -> None:
        self.made.arriving.append(Quarantined(where="1", reason="none", raw="{"))

    async def bar(self, id: str, how: case.Barred) -> None:
        barred = self._posts[id].model_copy(update={"barred": how})
        self.made.looks[id] = Look(standing="barred", post=barred)

    @asynccontextmanager
    async def broken(self, fault: Fault) -> AsyncIterator[None]:
        if fault == "timeout_after_accept":
            self.made.steps.append("lost")
        self.made.away = FAULTS.get(fault)
        yield
        self.made.away = None

    async def platform(self) -> FakePlatform:
        return self.made

    def id(self, label: str) -> str:
        return label

    async def standing(self) -> Sequence[Stands]:
        return [
            Stands(text=reply.text, under=reply.target, visibility=reply.visibility)
            for reply, _ in self.made.standing
        ]

    async def calls(self) -> int:
        return len(self.made.calls)


def _opens(make: type[FakePlatform]) -> Opens:
    @asynccontextmanager
    async def opened(_: Path) -> AsyncIterator[World]:
        yield FakeWorld(make())

    return opened


WORLDS: Mapping[str, Opens] = {
    "fake": _opens(FakePlatform),
    "fake with keys": _opens(KeyedPlatform),
    "fake with a look-up": _opens(LookUpPlatform),
    "fake with everything": _opens(FullPlatform),
}
SKIPS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(list(WORLDS)[:3], SMALL | UNREAD),
    "fake with everything": {},
}
