"""What the tests of showing share: a screen over a real store, and a chat that calls back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from assistant.card import Card, Digest
from assistant.case import Case, Event, Kind, State
from assistant.chats import Message
from assistant.config import Organisation
from assistant.narrate import lines_of
from assistant.show import Shower
from assistant.show.standing import Drawer
from assistant.store import Store, Work
from assistant.store.lanes import lanes
from assistant.testing import FakeChat, FakePlatform, Shown, Step
from assistant.words import Words
from tests.core import TOWN, WRITER, Clock, add, new_case, platforms, triaged

Hook = Callable[[], Awaitable[None]]


class StagedChat(FakeChat):
    """A FakeChat that awaits, once, what is planned `before` or `after` a method stores."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.before: dict[str, Hook] = {}
        self.after: dict[str, Hook] = {}

    async def _around(self, method: str, call: Awaitable[Message]) -> Message:
        if hook := self.before.pop(method, None):
            await hook()
        at = await call
        if hook := self.after.pop(method, None):
            await hook()
        return at

    async def post_card(self, channel: str, card: Card, *, mark: str) -> Message:
        """Post a card."""
        return await self._around("post_card", super().post_card(channel, card, mark=mark))

    async def post_digest(self, channel: str, digest: Digest, *, mark: str) -> Message:
        """Post a digest."""
        return await self._around("post_digest", super().post_digest(channel, digest, mark=mark))

    async def post_note(self, channel: str, text: str, *, mark: str) -> Message:
        """Post a sentence."""
        return await self._around("post_note", super().post_note(channel, text, mark=mark))

    async def post_lines(
        self, thread: Message, lines: tuple[str, ...], *, mark: str, broadcast: bool
    ) -> Message:
        """Post lines in a thread."""
        post = super().post_lines(thread, lines, mark=mark, broadcast=broadcast)
        return await self._around("post_lines", post)


class Lose:
    """Loses the answer of the first call of one method."""

    def __init__(self, method: str) -> None:
        self._left = [method]

    def __call__(self, method: str, channel: str) -> Step:
        """Say what happens to this call."""
        if method in self._left:
            self._left.remove(method)
            return "lost"
        return "ok"


class Screen:
    """A store, a chat and whoever keeps the chat true."""

    def __init__(
        self, store: Store, *, organisation: Organisation = TOWN, chat: FakeChat | None = None
    ) -> None:
        self.store = store
        self.organisation = organisation
        self.chat = chat or StagedChat()
        self.clock = Clock()
        self.outcomes: list[str] = []
        self.shower = self.another()

    def another(self, **settings: Any) -> Shower:
        """Return one more poster over the same store and chat."""
        drawer = Drawer(
            self.store,
            self.organisation,
            self.chat,
            platforms=platforms(FakePlatform()),
            clock=self.clock,
            pace=0,
        )
        tempo = {"tick": 0.01, "broken": 0.01} | settings
        return Shower(self.store, self.chat, drawer, counted=self.outcomes.append, **tempo)

    async def case(self, id: str) -> Case:
        """Return a case as it stands."""
        case = (await self.store.load(id)).case
        assert case is not None
        return case

    async def channel(self, id: str) -> str:
        """Return the channel a case belongs to."""
        case = await self.case(id)
        return self.organisation.channel(case.department, case.official)

    async def begin(self, id: str = "p1", *, department: str | None = "waste", **more: Any) -> str:
        """Take in and triage a post; its card waits in its lane."""
        case = await new_case(self.store, id, author=f"did:{id}", now=self.clock())
        await self.add(case, triaged(department, **more))
        return case

    async def add(self, case: str, *events: Event) -> Case:
        """Record events as the steps do: what is told waits in the lane of the case as it was."""
        before = await self.case(case)
        channel = self.organisation.channel(before.department, before.official)
        for event in events:
            if event.kind is Kind.TRIAGED and event.triage and before.state is not State.OPEN:
                channel = self.organisation.channel(event.triage.department, event.triage.official)
        work = (Work(lane=channel),)
        return await add(self.store, case, *events, now=self.clock(), work=work)

    async def hand_over(self, case: str, department: str) -> None:
        """Have a person hand the case over."""
        await self.add(case, self.event(Kind.HANDED_OVER, by=WRITER, department=department))

    def event(self, kind: Kind, **more: Any) -> Event:
        """Return an event of this moment."""
        return Event(kind=kind, at=self.clock(), **more)

    async def waiting(self) -> list[str]:
        """Return the channels in whose lane something waits."""
        return [channel for channel, count in (await lanes(self.store)).items() if count]

    async def members(self, channel: str) -> list[str]:
        """Return what waits in one lane."""
        return list(await self.store.redis.zrange(self.store.keys.lane + channel, 0, -1))

    async def quiet(self) -> None:
        """Serve every lane until nothing waits."""
        async with asyncio.timeout(90):
            while waiting := await self.waiting():
                for channel in waiting:
                    await self.shower.serve(channel)

    async def leases_end(self) -> None:
        """Let the leases of all lanes run out."""
        for key in await self.store.redis.keys(self.store.keys.lease("lane:*")):
            await self.store.redis.delete(key)

    def told(self, case: str) -> list[str]:
        """Return the lines told in the threads of a case's cards, old and new, in order."""
        cards = {each.at for each in (*self.chat.stubs(case), *self.chat.cards(case))}
        messages = self.chat.messages.values()
        return [line for each in messages if each.thread in cards for line in each.lines]

    async def to_tell(self, case: str) -> list[str]:
        """Return the lines a case's threads must hold."""
        words = Words(self.organisation.language)
        events = await self.store.events(case)
        return list(lines_of(events, start=0, words=words, organisation=self.organisation))

    def card(self, case: str) -> Shown:
        """Return the one live card of a case."""
        [card] = self.chat.cards(case)
        return card

    async def holds(self, case: str) -> None:
        """Check that one card lives, in the right channel, newest, its thread complete."""
        card = self.card(case)
        loaded = await self.store.load(case)
        assert card.at.channel == await self.channel(case)
        assert card.card is not None
        assert card.card.version == loaded.version
        assert self.told(case) == await self.to_tell(case)
        assert not self.chat.digests(case)

    def called(self, method: str) -> int:
        """Return how often a method of the chat was called."""
        return sum(name == method for name, _ in self.chat.log)
