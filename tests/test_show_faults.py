"""Showing when the chat, a poster or a lease fails: nothing lost, nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from assistant.errors import Conflict, Refused, TryAgain
from assistant.show import TRIES
from assistant.show.digests import CROWD, DIGEST
from assistant.store import URGENT, Store, open_store
from assistant.store.lanes import Lane, Note, Place, enlist, lanes, notify, shown
from assistant.store.link import Scripts
from assistant.store.work import dead_letters, revive
from assistant.testing import Step
from assistant.words import Words
from tests.core import TOWN, drafted, triaged
from tests.showing import Hook, Lose, Screen, StagedChat

WORDS = Words(TOWN.language)
TAKEN = Note(key="desk.channel_broken", values={"channel": "CWASTE", "reason": "archived"})


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@pytest.fixture
def screen(store: Store) -> Screen:
    """An empty screen."""
    return Screen(store)


@asynccontextmanager
async def running(*showers: Any) -> AsyncIterator[None]:
    """Have posters run while inside."""
    tasks = [asyncio.create_task(each.run()) for each in showers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(done: Callable[[], Any], *, seconds: float = 20) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


async def crowd(screen: Screen) -> list[str]:
    """Have so many cases wait that they are gathered in a digest."""
    return [await screen.begin(f"p{number}") for number in range(CROWD + 1)]


@pytest.mark.parametrize("method", ["post_card", "update_card", "post_lines"])
async def test_a_lost_answer_repeats_nothing(screen: Screen, method: str) -> None:
    screen.chat.fault = Lose(method)
    case = await screen.begin()
    await screen.quiet()
    await screen.add(case, drafted())
    await screen.quiet()
    await screen.holds(case)
    assert (screen.called("post_card"), screen.called("post_lines")) == (1, 2)
    assert screen.called("find") == (method != "update_card")
    assert screen.outcomes.count("doubtful") == 1


async def test_a_digest_whose_answer_is_lost_is_not_posted_twice(screen: Screen) -> None:
    cases = await crowd(screen)
    screen.chat.fault = Lose("post_digest")
    await screen.quiet()
    assert (screen.called("post_digest"), screen.called("find")) == (1, 1)
    assert {len(screen.chat.digests(case)) for case in cases} == {1}


async def test_a_note_whose_answer_is_lost_is_not_posted_twice(screen: Screen) -> None:
    screen.chat.fault = Lose("post_note")
    await notify(screen.store, "CSUPER", TAKEN, now=screen.clock())
    await screen.quiet()
    assert (screen.called("post_note"), screen.called("find")) == (1, 1)
    assert screen.chat.notes("CSUPER") == [WORDS.say(TAKEN.key, **TAKEN.values)]


async def test_a_note_posted_by_a_poster_that_died_is_not_posted_twice(screen: Screen) -> None:
    await notify(screen.store, "CSUPER", TAKEN, now=screen.clock())

    async def die() -> None:
        raise asyncio.CancelledError

    screen.chat.after["post_note"] = die  # type: ignore[attr-defined]
    with pytest.raises(asyncio.CancelledError):
        await screen.shower.serve("CSUPER")
    await screen.leases_end()
    screen.shower = screen.another()
    await screen.quiet()
    assert len(screen.chat.notes("CSUPER")) == 1


async def test_a_note_for_once_is_told_once(screen: Screen) -> None:
    for _ in range(2):
        await notify(screen.store, "CSUPER", TAKEN, now=screen.clock(), once="word")
        await screen.quiet()
    assert len(screen.chat.notes("CSUPER")) == 1


class Limit:
    """Asks the first call of one method to wait."""

    def __init__(self, method: str, *, after: float) -> None:
        self.method = method
        self.after = after
        self.at: list[float] = []

    def __call__(self, method: str, channel: str) -> Step:
        """Say what happens to this call."""
        if method != self.method:
            return "ok"
        self.at.append(asyncio.get_running_loop().time())
        return TryAgain("ratelimited", after=self.after) if len(self.at) == 1 else "ok"


@pytest.mark.parametrize("method", ["post_card", "post_lines", "post_digest", "post_note"])
async def test_a_rate_limit_is_obeyed_and_leaves_nothing_to_look_for(
    screen: Screen, method: str
) -> None:
    limit = screen.chat.fault = Limit(method, after=0.2)
    cases = await crowd(screen) if method == "post_digest" else [await screen.begin()]
    await notify(screen.store, "CSUPER", TAKEN, now=screen.clock())
    await screen.quiet()
    first, second = limit.at
    assert second - first >= 0.2
    assert screen.called("find") == 0
    for case in cases:
        assert len(screen.chat.cards(case)) + len(screen.chat.digests(case)) == 1


async def test_a_broken_channel_loses_nothing_is_told_once_and_stops_no_other(
    screen: Screen,
) -> None:
    screen.chat.barred = {"CWASTE"}
    stuck = [await screen.begin("p1"), await screen.begin("p2")]
    other = await screen.begin("p3", department="care")

    def tried() -> bool:
        return screen.outcomes.count("broken") >= 5 and bool(screen.chat.cards(other))

    async with running(screen.shower):
        await until(tried)
        reason = "post_card: not_in_channel"
        told = WORDS.say("desk.channel_broken", channel="CWASTE", reason=reason)
        assert screen.chat.notes("CSUPER") == [told]
        screen.chat.barred = set()
        await until(lambda: all(map(screen.chat.cards, stuck)))
        screen.chat.barred = {"CWASTE"}
        await screen.add(stuck[0], drafted())
        await until(lambda: len(screen.chat.notes("CSUPER")) == 2)
        screen.chat.barred = set()
    await screen.leases_end()
    await screen.quiet()
    for case in (*stuck, other):
        await screen.holds(case)
    assert await dead_letters(screen.store) == ()


async def test_a_poison_card_is_put_aside_told_and_can_be_revived(screen: Screen) -> None:
    poison, other = await screen.begin("p1"), await screen.begin("p2")
    refuse = [poison]
    chat = screen.chat

    def fault(method: str, channel: str) -> Step:
        return Refused("invalid_blocks") if method == "post_card" and refuse else "ok"

    chat.fault = fault
    await screen.store.redis.zrem(screen.store.keys.lane + "CWASTE", other)
    await screen.quiet()
    [dead] = await dead_letters(screen.store)
    assert (dead.case, dead.lane, dead.reason) == (poison, "CWASTE", "invalid_blocks")
    assert screen.outcomes.count("refused") == TRIES
    told = WORDS.say("desk.dead_letter", id=dead.id, reason=dead.reason)
    assert chat.notes("CSUPER") == [told]
    refuse.clear()
    await screen.add(other, drafted())
    await screen.quiet()
    await screen.holds(other)
    await revive(screen.store, dead)
    await screen.quiet()
    await screen.holds(poison)
    assert await dead_letters(screen.store) == ()


async def test_a_note_nobody_can_post_is_put_aside_without_another_note(screen: Screen) -> None:
    """Else each would tell of the one before, for ever."""

    def fault(method: str, channel: str) -> Step:
        return Refused("not_found") if method == "post_note" else "ok"

    screen.chat.fault = fault
    await notify(screen.store, "CSUPER", TAKEN, now=screen.clock())
    await screen.quiet()
    [dead] = await dead_letters(screen.store)
    assert (dead.lane, dead.reason) == ("CSUPER", "not_found")
    assert (await lanes(screen.store))["CSUPER"] == 0
    screen.chat.fault = lambda method, channel: "ok"
    await revive(screen.store, dead)
    await screen.quiet()
    assert len(screen.chat.notes("CSUPER")) == 1


async def test_an_outage_of_the_chat_puts_nothing_aside(screen: Screen) -> None:
    """Every call hangs for a while: that is no fault of the cards."""
    case = await screen.begin()
    silent = ["lost"] * (3 * TRIES)

    def fault(method: str, channel: str) -> Step:
        return "lost" if silent and silent.pop() else "ok"

    await screen.quiet()
    screen.chat.fault = fault
    await screen.add(case, drafted())
    await screen.quiet()
    assert not silent
    await screen.holds(case)
    assert await dead_letters(screen.store) == ()


async def test_two_posters_at_once_post_one_card_each(screen: Screen) -> None:
    cases = [await screen.begin(f"p{n}", department=d) for n, d in enumerate(["waste", "care"] * 5)]
    async with running(screen.shower, screen.another(), screen.another()):
        for case in cases:
            await screen.add(case, drafted())
        await _until_nothing_waits(screen)
        for case in cases:
            await screen.hand_over(case, "care")
        await _until_nothing_waits(screen)
    for case in cases:
        await screen.holds(case)


class Meanwhile(Scripts):
    """The store's scripts; before the first member leaves a lane something else happens."""

    def __init__(self, redis: Any, hook: Hook) -> None:
        super().__init__(redis)
        self._hooks = [hook]

    async def __call__(self, name: str, keys: Sequence[str], *args: Any) -> Any:
        """Run a script."""
        if name == "leave" and self._hooks:
            await self._hooks.pop()()
        return await super().__call__(name, keys, *args)


async def test_two_lanes_that_pass_a_case_to_each_other_do_not_lose_it(screen: Screen) -> None:
    """The old channel sends the case on in the moment in which the new one sends it back."""
    case = await screen.begin(department="care")
    await screen.quiet()
    await screen.hand_over(case, "waste")
    await screen.add(case, drafted())  # tells the new lane before the old one has let go
    old = screen.another()
    screen.store.script = Meanwhile(screen.store.redis, lambda: old.serve("CCARE"))
    await screen.quiet()
    await screen.holds(case)


async def _until_nothing_waits(screen: Screen) -> None:
    async with asyncio.timeout(20):
        while await screen.waiting():
            await asyncio.sleep(0.01)


async def _other_takes_over(screen: Screen, channel: str) -> None:
    """Have the lease run out and another poster serve the lane to its end."""
    await screen.leases_end()
    await screen.another().serve(channel)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("method", ["post_card", "post_lines", "post_digest"])
@pytest.mark.parametrize("release", [True, False])
async def test_a_poster_that_slept_through_its_lease_leaves_nothing_double(
    screen: Screen, moment: str, method: str, release: bool
) -> None:
    cases = await crowd(screen) if method == "post_digest" else [await screen.begin()]

    async def sleep_on() -> None:
        await _other_takes_over(screen, "CWASTE")
        if not release:
            await Lane(screen.store, "CWASTE", lease=0.1, holder="a third").hold()

    getattr(screen.chat, moment)[method] = sleep_on
    await screen.quiet()
    for case in cases:
        assert len(screen.chat.cards(case)) + len(screen.chat.digests(case)) == 1
    if method != "post_digest":
        await screen.holds(cases[0])


class Fatal(Scripts):
    """The store's scripts, in a process that ends at one of its steps."""

    def __init__(self, redis: Any, step: Callable[[], None]) -> None:
        super().__init__(redis)
        self._step = step

    async def __call__(self, name: str, keys: Sequence[str], *args: Any) -> Any:
        """Run a script, with an end before or after."""
        self._step()
        answer = await super().__call__(name, keys, *args)
        self._step()
        return answer


class End:
    """Ends a poster, while it is armed, at the n-th step of what it does."""

    def __init__(self) -> None:
        self.armed = False
        self.at = 0
        self.steps = 0
        self.came = True

    def __call__(self) -> None:
        """Count one step."""
        self.steps += self.armed
        if self.armed and self.steps == self.at:
            self.came = True
            raise asyncio.CancelledError


class FatalChat(StagedChat):
    """A chat whose caller may end right before and right after each call is stored."""

    def __init__(self, step: Callable[[], None]) -> None:
        super().__init__()
        self._step = step

    def _faulty(self, method: str, channel: str, at: Any) -> bool:
        self._step()
        return super()._faulty(method, channel, at)

    def _post(self, method: str, channel: str, mark: str, **content: Any) -> Any:
        at = super()._post(method, channel, mark, **content)
        self._step()
        return at

    def _update(self, method: str, message: Any, **content: Any) -> None:
        super()._update(method, message, **content)
        self._step()


@asynccontextmanager
async def doomed(screen: Screen, end: End) -> AsyncIterator[None]:
    """Let the poster end inside, at its step; another takes over what it left."""
    end.armed = True
    with suppress(asyncio.CancelledError):
        yield
    end.armed = False
    await screen.leases_end()
    screen.shower = screen.another()
    await screen.quiet()


@pytest.fixture
def end(store: Store) -> End:
    """The end of whoever uses the store."""
    end = End()
    store.script = Fatal(store.redis, end)
    return end


@pytest.mark.timeout(180)
async def test_a_poster_that_ends_at_any_step_leaves_one_card_and_a_whole_thread(
    store: Store, end: End
) -> None:
    screen = Screen(store, chat=FatalChat(end))
    while end.came:
        end.at, end.steps, end.came = end.at + 1, 0, False
        case = await screen.begin(f"p{end.at}")
        async with doomed(screen, end):
            await screen.quiet()
        await screen.holds(case)
        await screen.hand_over(case, "care")
        async with doomed(screen, end):
            await screen.quiet()
        await screen.holds(case)
        [stub] = screen.chat.stubs(case)
        assert stub.card
        assert stub.card.stub_url
        assert (await shown(store, case)).posting is None
    assert end.at > 40


async def test_a_poster_that_ends_while_it_opens_a_digests_line_leaves_a_whole_thread(
    store: Store, end: End
) -> None:
    """Nothing but the press on the line waits in the lane then: what it leaves must be found."""
    screen = Screen(store, chat=FatalChat(end))
    cases = [await screen.begin(f"p{number}") for number in range(DIGEST)]
    await screen.quiet()
    for end.at, case in enumerate(cases, start=1):  # later steps draw the digest again
        assert screen.chat.digests(case)
        end.steps, end.came = 0, False
        await enlist(store, "CWASTE", "open:" + case, rank=URGENT)
        async with doomed(screen, end):
            await screen.quiet()
        assert end.came
        await screen.holds(case)


@pytest.mark.parametrize("at", [3, 20, 38, 55, 56, 57, 58, 60, 70])
async def test_a_poster_that_ends_while_it_gathers_leaves_one_place_for_each(
    store: Store, end: End, at: int
) -> None:
    screen = Screen(store, chat=FatalChat(end))
    cases = await crowd(screen)
    end.at, end.came = at, False
    async with doomed(screen, end):
        await screen.quiet()
    assert end.came
    assert screen.called("post_digest") == 1
    for case in cases:
        assert len(screen.chat.cards(case)) + len(screen.chat.digests(case)) == 1


async def test_two_lanes_that_read_the_same_case_never_both_post_its_card(screen: Screen) -> None:
    """Its subject turns out another department's just as its first card is to be posted."""
    case = await screen.begin()
    chat = screen.chat
    assert isinstance(chat, StagedChat)
    lane = Lane(screen.store, "CWASTE")
    assert await lane.hold()
    was = await shown(screen.store, case)
    await screen.add(case, triaged("care"))
    await screen.shower.serve("CCARE")
    [card] = chat.cards(case)
    assert card.at.channel == "CCARE"
    late = was.model_copy(update={"mode": "card", "at": Place(channel="CWASTE", ts="9.9")})
    with pytest.raises(Conflict):
        await lane.save(case, late, was=was)
    await lane.release()
    await screen.quiet()
    await screen.holds(case)
