"""Rows of the fault matrix as scenes: each lives through one fault and asserts what must hold.

Elsewhere: rows 1, 2 and 10 (chaos.py, edges.py), 21 (tests of verify), 16 at the door of the chat
(tests of the Slack listeners).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from assistant.case import State
from assistant.chats import Press, Presser, Submission
from assistant.errors import NotAllowed, StoreUnavailable
from assistant.store.intake import quarantined
from assistant.store.work import dead_letters
from tests.faults.chaos import forget_scripts
from tests.faults.people import Plan, stubborn, word_of
from tests.faults.platform_server import Mode
from tests.faults.verdict import judge
from tests.faults.worker import POISON
from tests.faults.world import CROWD, World, a_world
from tests.redis_server import RedisServer

PATIENCE = 3.5
"""Seconds in which a click must be answered, be it with "try again" (Slack: 3 s)."""


async def until(holds: Callable[[], Awaitable[bool]], *, within: float = 90) -> float:
    """Wait until it holds; return how long that took."""
    started = time.monotonic()
    while True:
        try:
            if await holds():
                return time.monotonic() - started
        except StoreUnavailable:
            pass
        assert time.monotonic() - started < within, "waited in vain"
        await asyncio.sleep(0.05)


async def end_well(world: World) -> None:
    """Let the world come to rest and assert that nothing is lost, doubled or untrue."""
    await world.settled(within=40)
    verdict = await judge(world)
    assert not verdict.problems
    assert (verdict.duplicates, verdict.missing) == (0, 0)


async def opened(world: World, plan: Plan = "leave") -> str:
    """Have a citizen write; return the case once it is before people."""
    before = set(await stubborn(world.store.ids))
    await world.citizens.write(plan)
    found: list[str] = []

    async def there() -> bool:
        found[:] = set(await world.store.ids(State.OPEN)) - before
        return bool(found)

    await until(there)
    return found[0]


async def redis_in_trouble(
    folder: Path, *, redis: RedisServer, away: float, stalled: float
) -> None:
    """Rows 6 to 9: killed, away, stalled, scripts forgotten; no worker exits, nothing doubles."""
    async with a_world(folder, redis=redis, mode="look_up") as world:
        for name, parts in CROWD.items():
            world.spawn(name, parts)
        pids = {name: world.processes[name].pid for name in CROWD}
        for trouble in (redis.kill, redis.kill, redis.pause):
            for _ in range(4):
                await world.citizens.write("answer")
            await asyncio.sleep(1.5)
            seconds = {redis.pause: stalled}.get(trouble, away)
            await asyncio.to_thread(trouble)
            await _refused_in_time(world)
            await asyncio.sleep(max(seconds - PATIENCE, 0))
            await asyncio.to_thread(redis.start)
            away = 0.0
            await asyncio.to_thread(forget_scripts, redis)
        await end_well(world)
        assert pids == {name: world.processes[name].pid for name in CROWD}
        assert not any(world.ended(name) for name in CROWD)


async def _refused_in_time(world: World) -> None:
    """A click while the store is away is answered in time: press again."""
    started = time.monotonic()
    press = Press(by=Presser(chat_user="U01ANNA"), case="cx", version=1, action="claim")
    try:
        await world.desk.press(press)
    except StoreUnavailable:
        assert time.monotonic() - started < PATIENCE
    else:
        raise AssertionError("the store answered while it was away")


async def crowd_in_one_channel(folder: Path, *, redis: RedisServer, name: str) -> None:
    """Row 14: many cards at once, and a chat that asks for silence: it gets it."""
    ask = 1.0
    async with a_world(folder, redis=redis, mode="key", name=name, ask=ask) as world:
        for _ in range(24):
            await world.citizens.write("leave")
        for each, parts in CROWD.items():
            # Too fast on purpose: the chat answers 429 every now and then.
            world.spawn(each, parts, pace=0.005)
        await end_well(world)
        calls = (await world.chat.get("/all"))["calls"]
        limited = [each for each in calls if each["limited"]]
        for one in limited:
            soon = [
                each
                for each in calls
                if each["channel"] == one["channel"] and 0 < each["at"] - one["at"] < ask * 0.9
            ]
            assert not soon, "posted while the chat had asked for silence"
        assert len(calls) - len(limited) < 120


async def pressed_at_once(folder: Path, *, redis: RedisServer, name: str) -> None:
    """Rows 4, 5 and 16: Send twice, Send and Close, the same Send and the same Close again.

    Whoever gets no answer in time, on a busy machine, presses again as well.
    """
    async with a_world(folder, redis=redis, mode="look_up", name=name) as world:
        for each, parts in CROWD.items():
            world.spawn(each, parts)
        both, mixed = await opened(world), await opened(world)
        sends = await asyncio.gather(
            _send(world, both, "U01ANNA", "v1"), _send(world, both, "U07SAMIRA", "v2")
        )
        assert sorted(sends) == ["desk.was_first", "queued"]
        close = Press(
            by=Presser(chat_user="U07SAMIRA"), case=mixed, version=1, action="close", choice="other"
        )
        one, other = await asyncio.gather(
            _send(world, mixed, "U01ANNA", "v3"), _close(world, close)
        )
        assert "done" in (other, {"queued": "done"}.get(one))
        assert (one == "queued") != (other == "done")
        again = [await _send(world, both, "U01ANNA", "v1") for _ in range(3)]
        assert again == [sends[0]] * 3
        for id in (both, mixed):
            world.citizens.plans[await _first_post(world, id)] = "answer"
        await end_well(world)
        assert len(world.accepted()) == 1 + (one == "queued")


async def _first_post(world: World, id: str) -> str:
    case = (await stubborn(lambda: world.store.load(id))).case
    assert case is not None
    return case.posts[0].id


async def _send(world: World, id: str, user: str, view: str) -> str:
    case = (await stubborn(lambda: world.store.load(id))).case
    assert case is not None
    initials = {"U01ANNA": "AB", "U07SAMIRA": "SH"}[user]
    submission = Submission(
        by=Presser(chat_user=user),
        view=view,
        case=id,
        revision=case.revision,
        draft=None,
        text=f"Goedendag, wij kijken ernaar. {word_of(int(view[1:]))} ^{initials}",
        reason="Zo afgesproken",
    )
    try:
        return (await stubborn(lambda: world.desk.submit(submission))).outcome
    except NotAllowed as refused:
        return refused.why


async def _close(world: World, press: Press) -> str:
    try:
        await stubborn(lambda: world.desk.press(press))
        return "done"
    except NotAllowed as refused:
        return refused.why


async def told_many_times(folder: Path, *, redis: RedisServer, name: str) -> None:
    """Row 17: each post told again and much later, edits and deletions too: one case for each."""
    async with a_world(folder, redis=redis, mode="key", name=name) as world:
        for each, parts in CROWD.items():
            world.spawn(each, parts)
        for plan in ("edit", "delete", "follow_up") * 2:
            await world.citizens.write(plan)
        await end_well(world)
        assert len(await world.store.ids()) == len(world.citizens.plans)
        told = await world.told()
        for kept in await quarantined(world.store):
            # Told late with its old words: known by its id, kept apart, and nothing changed.
            assert "another text" in kept.reason
        assert all(len(case.case.posts) <= 2 for case in told.values())


async def poison(folder: Path, *, redis: RedisServer, name: str) -> None:
    """Row 19: a post that kills whoever reads it is put aside; others flow; it can be replayed."""
    async with a_world(folder, redis=redis, mode="key", name=name, faults=False) as world:
        world.revives = False
        await world.citizens.write("leave", word=POISON)
        for _ in range(3):
            await world.citizens.write("leave")
        world.spawn("all", frozenset({"listen", "work", "chat"}), poison=True)
        supervisor = asyncio.create_task(_restarting(world, "all"))

        async def buried() -> bool:
            return bool(await dead_letters(world.store))

        try:
            await until(buried)
        finally:
            supervisor.cancel()
        dead = await dead_letters(world.store)
        # One process has read them all, so the posts beside the poison may be put aside with it.
        assert {each.reason for each in dead} == {"the worker was stopped each time"}
        world.kill("all")
        world.spawn("all", frozenset({"listen", "work", "chat"}))
        world.revives = True
        await end_well(world)
        assert world.dead >= len(dead)


async def _restarting(world: World, name: str) -> None:
    while True:
        await asyncio.sleep(0.05)
        if world.ended(name):
            world.restart(name, poison=True)


MODES_OF_SLEEP: tuple[tuple[Mode, str], ...] = (
    ("key", "reply.before:1"),
    ("look_up", "reply.before:1"),
    ("neither", "reply.before:1"),
    ("neither", "reply.after:1"),
)
"""Row 3: where a worker falls asleep longer than its lease, and on which platform."""
