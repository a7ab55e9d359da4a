"""Whatever happens, at quiescence each open case stands in exactly one place, and tells it all."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from assistant.audit import erase_case
from assistant.case import FINISHED, Kind, State
from assistant.errors import TryAgain
from assistant.show.digests import CROWD
from assistant.store import URGENT, Store, open_store
from assistant.store.lanes import Place, burst, enlist, shown
from assistant.store.work import dead_letters
from assistant.testing import Step
from tests.core import WRITER, drafted, post, triaged
from tests.showing import Screen, StagedChat

CASES = 60
EVENTS = 300
WASTE = 2 * CROWD
"""Cases that arrive at once in one channel, so that digests come about."""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@dataclass
class Storm:
    """A chat that drops one answer in ten after storing, and refuses one call in ten for a bit."""

    chance: random.Random
    counted: dict[str, int] = field(default_factory=lambda: {"lost": 0, "limited": 0})

    def __call__(self, method: str, channel: str) -> Step:
        """Say what happens to this call."""
        drawn = self.chance.random()
        if drawn > 0.2:
            return "ok"
        if drawn > 0.1 or method in ("find", "permalink"):
            self.counted["limited"] += 1
            return TryAgain("ratelimited", after=0.005)
        self.counted["lost"] += 1
        return "lost"


class Town:
    """Citizens and colleagues who act at random, while posters come and go."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.chance = chance
        self.storm = Storm(chance)
        self.screen = Screen(store, chat=StagedChat(fault=self.storm))
        self.cases: list[str] = []
        self.posts = 0
        self.happened: dict[str, int] = {}

    async def arrive(self) -> None:
        """Have a citizen's first post arrive and be triaged."""
        number = len(self.cases)
        self.cases.append(await self.screen.begin(f"p{number}", **self._triage(number)))

    def _triage(self, number: int) -> dict[str, str]:
        department = "waste" if number < WASTE else self.chance.choice(["waste", "care"])
        label = "emergency" if self.chance.random() < 0.05 else "question"
        return {"department": department, "label": label}

    async def act(self) -> None:
        """Have one thing happen to one case, if it may."""
        case = self.chance.choice(self.cases)
        held = await self.screen.case(case)
        if held.erased:
            return
        name = self.chance.choice(sorted(_MAY.get(held.state, {"follow_up"})))
        self.happened[name] = self.happened.get(name, 0) + 1
        await getattr(self, name)(case)

    async def follow_up(self, case: str) -> None:
        """The citizen writes again; what was done is triaged again."""
        done = (await self.screen.case(case)).state in FINISHED
        self.posts += 1
        self.screen.clock.ahead(days=self.chance.choice([0, 0, 1, 8]) if done else 0)
        again = post(f"again{self.posts}", author="did:" + case)
        await self.screen.add(case, self.screen.event(Kind.RECEIVED, post=again))
        if done:
            await self.triage(case)

    async def triage(self, case: str) -> None:
        """The case is triaged, anew or once more."""
        await self.screen.add(case, triaged(**self._triage(WASTE)))

    async def draft(self, case: str) -> None:
        """A suggestion comes."""
        await self.screen.add(case, drafted())

    async def claim(self, case: str) -> None:
        """A person takes it on."""
        await self.screen.add(case, self.screen.event(Kind.CLAIMED, by=WRITER))

    async def hand_over(self, case: str) -> None:
        """A person hands it over."""
        await self.screen.hand_over(case, self.chance.choice(["waste", "care"]))

    async def close(self, case: str) -> None:
        """A person closes it."""
        done = self.screen.event(Kind.CLOSED, by=WRITER, reason="spam")
        await self.screen.add(case, done)

    async def reopen(self, case: str) -> None:
        """A person opens it again."""
        await self.screen.add(case, self.screen.event(Kind.REOPENED, by=WRITER))
        await self.triage(case)

    async def open(self, case: str) -> None:
        """A person presses Open, on a digest's line or on what was one."""
        channel = await self.screen.channel(case)
        await enlist(self.screen.store, channel, "open:" + case, rank=URGENT)

    async def erase(self, case: str) -> None:
        """The case is erased; one in eight of those chosen."""
        if self.chance.random() < 0.125:
            await erase_case(self.screen.store, case, reason="x", now=self.screen.clock())

    async def come_back(self) -> None:
        """Have every citizen who was erased write again."""
        for case in self.cases:
            if (await self.screen.case(case)).erased:
                await self.follow_up(case)


_ANY = {"follow_up", "open", "erase"}
_MAY: dict[State, set[str]] = {
    State.TRIAGED: _ANY | {"triage", "draft"},
    State.OPEN: _ANY | {"draft", "claim", "hand_over", "close", "triage"},
    State.CLOSED: _ANY | {"reopen"},
}
"""What can happen to a case in a state."""


@asynccontextmanager
async def posters(town: Town) -> AsyncIterator[None]:
    """Have two posters run meanwhile, each cancelled and followed by another at random."""
    ends = [asyncio.create_task(_come_and_go(town)) for _ in range(2)]
    try:
        yield
    finally:
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


async def _come_and_go(town: Town) -> None:
    while True:
        # Who is cancelled gives its lanes back; a lease may not end because the machine is busy.
        task = asyncio.create_task(town.screen.another(lease=5).run())
        try:
            await asyncio.sleep(town.chance.uniform(0.05, 0.6))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def rest(town: Town) -> None:
    """Let everything that waits be shown."""
    town.screen.shower = town.screen.another()
    await town.screen.leases_end()
    await town.screen.quiet()
    assert await dead_letters(town.screen.store) == ()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.timeout(180)
async def test_at_rest_every_open_case_stands_in_one_place_and_its_thread_is_whole(
    store: Store, seed: int
) -> None:
    town = Town(store, random.Random(seed))
    for _ in range(WASTE):
        await town.arrive()
    async with posters(town):
        for turn in range(EVENTS):
            if len(town.cases) < CASES and turn % 5 == 0:
                await town.arrive()
            await town.act()
            await asyncio.sleep(town.chance.uniform(0, 0.01))
    for _ in range(2):
        await rest(town)
        for case in town.cases:
            await _holds(town, case)
        await _nothing_strays(town)
        await town.come_back()
    assert all(town.storm.counted.values())


async def _holds(town: Town, case: str) -> None:
    """Check what the chat shows of one case."""
    screen = town.screen
    held = await screen.case(case)
    cards, digests = screen.chat.cards(case), screen.chat.digests(case)
    if held.erased:
        assert not cards
        assert not digests
        return
    assert len(cards) + len(digests) == 1, (case, held.state, cards, digests)
    assert {each.at.channel for each in (*cards, *digests)} == {await screen.channel(case)}
    if digests:
        assert held.triage
        assert held.triage.label != "emergency"
        return
    if not await _erased_once(screen, case):
        await screen.holds(case)


async def _erased_once(screen: Screen, case: str) -> bool:
    return any(each.kind is Kind.ERASED for each in await screen.store.events(case))


async def _nothing_strays(town: Town) -> None:
    """Check that the store knows every card and digest in the chat, and no more of them."""
    screen = town.screen
    known: set[Place | None] = set()
    for case in town.cases:
        what = await shown(screen.store, case)
        known |= {what.at, *what.old}
        if what.digest:
            held = await burst(screen.store, what.digest)
            assert held
            assert held.at == what.at
    for each in screen.chat.messages.values():
        if each.card:
            assert Place(channel=each.at.channel, ts=each.at.ts) in known
    marks = [each.mark for each in screen.chat.messages.values() if each.digest]
    assert len(marks) == len(set(marks))
