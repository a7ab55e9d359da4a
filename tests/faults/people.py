"""The people of a crash test: citizens who write, colleagues who all press Send at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from assistant.card import ActionId
from assistant.case import Case, State
from assistant.chats import Press, Presser, Submission
from assistant.desk import Desk
from assistant.errors import NotAllowed, StoreUnavailable
from assistant.store import Store, utcnow
from tests.faults.loopback import Wire

Plan = Literal["answer", "undo", "undo_and_leave", "close", "leave", "follow_up", "edit", "delete"]
WEIGHTS: dict[Plan, int] = {
    "answer": 60,
    "undo": 10,
    "undo_and_leave": 5,
    "close": 8,
    "leave": 4,
    "follow_up": 6,
    "edit": 4,
    "delete": 3,
}
ROAD = "wordt de straatverlichting bij het fietspad gemaakt"
SUBJECTS = (
    ROAD,
    "kan ik mijn parkeervergunning bij de parkeerautomaat regelen",
    "gaat u het gras en het onkruid in het plantsoen maaien",
    "wordt de papierbak en het grofvuil opgehaald",
    "komt mijn scootmobiel van de wmo",
)
"""Five departments' subjects; the last one's replies want four eyes."""

INITIALS = {"U01ANNA": "AB", "U07SAMIRA": "SH"}
LEFT: dict[Plan, State] = {"leave": State.OPEN, "undo_and_leave": State.OPEN}
T = TypeVar("T")


@dataclass
class Citizens:
    """Write posts; `plans` says what the colleagues will do with each."""

    wire: Wire
    random: random.Random
    plans: dict[str, Plan] = field(default_factory=dict)

    async def write(self, plan: Plan | None = None, *, word: str = "") -> str:
        """Write one post and return its id."""
        number = len(self.plans) + 1
        id = f"p{number}"
        chosen = plan or self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self.plans[id] = chosen
        text = f"Wanneer {self.random.choice(SUBJECTS)}? {word_of(number)} {word}".strip()
        await self._tell("new", id, text=text)
        return id

    async def again(self, id: str) -> None:
        """Write a second post in the same thread."""
        await self._tell("new", id + "b", text=f"Wanneer {ROAD}? Het is er nog.", parent=id)

    async def change(self, id: str) -> None:
        await self._tell("edited", id, text=f"Wanneer {ROAD}, bij de markt?")

    async def take_back(self, id: str) -> None:
        await self._tell("deleted", id, text="")

    async def _tell(self, event: str, id: str, *, text: str, parent: str | None = None) -> None:
        author = "burger" + (parent or id)
        row = {"event": event, "id": id, "text": text, "author": author, "parent": parent}
        await self.wire.post("/citizen", row | {"created_at": utcnow().isoformat()})


@dataclass
class Colleagues:
    """Do with each open case what its plan says; whoever gets no answer presses again."""

    store: Store
    desk: Desk
    citizens: Citizens
    random: random.Random
    told: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    both_queued: list[str] = field(default_factory=list)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _done: set[tuple[str, str]] = field(default_factory=set)
    _views: int = 0
    _acting: int = 0

    @property
    def busy(self) -> bool:
        """Whether somebody is in the middle of something."""
        return self._acting > 0

    async def attend(self) -> None:
        """Look at what waits for people, and act, until cancelled; nobody acts on after that."""
        try:
            while True:
                await self._begin()
                await asyncio.sleep(0.05)
                for id, task in list(self._busy.items()):
                    if task.done():
                        del self._busy[id]
                        task.result()
        finally:
            # Whoever acted on would take up a connection of a store that was closed meanwhile.
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _begin(self) -> None:
        waiting = await stubborn(lambda: self.store.ids(State.OPEN, State.APPROVAL, State.FAILED))
        for id in waiting:
            if id not in self._busy:
                self._busy[id] = asyncio.create_task(self._act(id))

    async def _act(self, id: str) -> None:
        case = (await stubborn(lambda: self.store.load(id))).case
        assert case is not None
        if not self.settled(case):
            self._acting += 1
            await self._do(case, self._plan(case))
            self._acting -= 1

    async def _do(self, case: Case, plan: Plan) -> None:
        if case.state is State.APPROVAL:
            await self._both(
                self._press(case, "U05ERIK", "approve"), self._press(case, "U08TOON", "approve")
            )
        elif plan == "close" or case.post.deleted:
            await self._press(case, "U01ANNA", "close")
        else:
            await self._send(case, plan)

    def _plan(self, case: Case) -> Plan:
        return self.citizens.plans[case.posts[0].id.removesuffix("b")]

    def _leaves_later(self, case: Case) -> bool:
        return self._plan(case) == "undo_and_leave" and (case.id, "undone") not in self._done

    def settled(self, case: Case) -> bool:
        """Whether the case stands where its plan ends."""
        if case.state in (State.SENT, State.IN_DOUBT, State.CLOSED):
            return True
        return LEFT.get(self._plan(case)) is case.state and not self._leaves_later(case)

    def _first(self, id: str, what: str) -> bool:
        if (id, what) in self._done:
            return False
        self._done.add((id, what))
        return True

    async def _send(self, case: Case, plan: Plan) -> None:
        """Two people press Send at the same moment; then what the plan says happens."""
        queued = await self._both(self._submit(case, "U01ANNA"), self._submit(case, "U07SAMIRA"))
        if queued == 2:
            self.both_queued.append(case.id)
        if plan in ("undo", "undo_and_leave") and self._first(case.id, "undone"):
            await asyncio.sleep(self.random.uniform(0, 1.1))
            await self._undo(case.id)
        citizen = {
            "follow_up": self.citizens.again,
            "edit": self.citizens.change,
            "delete": self.citizens.take_back,
        }.get(plan)
        if citizen and self._first(case.id, plan):
            await asyncio.sleep(self.random.uniform(0, 1.5))
            await citizen(case.posts[0].id)

    async def _undo(self, id: str) -> None:
        case = (await stubborn(lambda: self.store.load(id))).case
        assert case is not None
        await self._press(case, "U07SAMIRA", "undo")

    async def _both(self, *acts: Awaitable[bool]) -> int:
        return sum(await asyncio.gather(*acts))

    async def _submit(self, case: Case, user: str) -> bool:
        self._views += 1
        submission = Submission(
            by=Presser(chat_user=user),
            view=f"v{self._views}",
            case=case.id,
            revision=case.revision,
            draft=case.draft.id if case.draft else None,
            text=f"Goedendag, wij kijken ernaar. {word_of(self._views)} ^{INITIALS[user]}",
            reason="Zo afgesproken",
        )
        verdict = await self._asked(lambda: self.desk.submit(submission))
        if verdict is None or verdict.outcome != "queued":
            return False
        self.acknowledged.append(submission.text)
        return True

    async def _press(self, case: Case, user: str, action: ActionId) -> bool:
        press = Press(
            by=Presser(chat_user=user),
            case=case.id,
            version=self.random.randrange(10**9),
            action=action,
            choice="other",
        )
        done = await self._asked(lambda: self._pressed(press))
        return bool(done)

    async def _pressed(self, press: Press) -> bool:
        await self.desk.press(press)
        return True

    async def _asked(self, act: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await stubborn(act)
        except NotAllowed as refused:
            self.told[refused.why] += 1
            return None


async def stubborn(act: Callable[[], Awaitable[T]]) -> T:
    """Do the same again until the store answers."""
    while True:
        try:
            return await act()
        except StoreUnavailable:
            await asyncio.sleep(0.1)


def word_of(number: int) -> str:
    """Return a made-up word that stands for `number`: a digit in a reply would need a source."""
    letters = ""
    while number or not letters:
        number, rest = divmod(number, 20)
        letters += "bcdfghjklmnpqrstvwxz"[rest] + "aeiou"[rest % 5]
    return "kenmerk " + letters
