"""One case's whole life, ended at a given boundary and begun again by the next process."""

import asyncio
from pathlib import Path

from tests.faults.people import Plan
from tests.faults.platform_server import Mode
from tests.faults.verdict import judge
from tests.faults.worker import LEASE
from tests.faults.world import ALONE, a_world
from tests.redis_server import RedisServer

AT_ONCE = 8
"""Runs side by side, each with its own organisation in the same store: they mostly wait."""

MOST = 400
"""More boundaries than one case's life has."""


async def one_life(
    folder: Path,
    *,
    redis: RedisServer,
    mode: Mode,
    name: str,
    crash_at: str | None = None,
    freeze_at: str | None = None,
    plan: Plan = "answer",
) -> bool:
    """Live one case through with a crash (or a long sleep) at a boundary; tell if it was reached.

    Raises AssertionError with everything that is not as it should be afterwards.
    """
    async with a_world(folder / name, redis=redis, mode=mode, name=name, faults=False) as world:
        await world.citizens.write(plan)
        for each, parts in ALONE.items():
            world.spawn(each, parts, crash_at=crash_at, freeze_at=freeze_at)
        settling = asyncio.create_task(world.settled(within=40))
        reached = False
        while not settling.done():
            await asyncio.sleep(0.05)
            if not reached and crash_at and world.ended("all"):
                reached = True
                world.restart("all")
            elif not reached and freeze_at and world.stopped("all"):
                reached = True
                world.spawn("other", ALONE["all"])
                await asyncio.sleep(LEASE * 2)
                world.go_on("all")
        await settling
        verdict = await judge(world)
        assert not verdict.problems, f"{name} {crash_at or freeze_at}: {verdict.problems}"
        assert (verdict.duplicates, verdict.missing) == (0, 0)
        return reached


async def crash_at_each(folder: Path, *, redis: RedisServer, mode: Mode, step: int = 1) -> int:
    """Crash at the 1st boundary, the 2nd ... until a life ends before it; return how many."""
    reached = 0
    every = range(1, MOST, step)
    for start in range(0, len(every), AT_ONCE):
        numbers = every[start : start + AT_ONCE]
        lives = [
            one_life(folder, redis=redis, mode=mode, name=f"n{number}", crash_at=f"*:{number}")
            for number in numbers
        ]
        done = await asyncio.gather(*lives)
        reached += sum(done)
        if not all(done):
            break
    return reached
