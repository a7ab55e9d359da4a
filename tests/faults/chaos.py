"""Random faults, seeded: processes killed and frozen, Redis killed, stalled and made forgetful."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import redis as sync_redis

from tests.faults.platform_server import Mode
from tests.faults.verdict import Verdict, judge
from tests.faults.worker import LEASE
from tests.faults.world import CROWD, World, a_world
from tests.redis_server import RedisServer

VICTIMS = ("work-1", "work-1", "work-2", "work-2", "chat-1", "chat-2", "listen")
FAULTS = {"kill": 86, "freeze": 8, "kill_redis": 3, "forget_scripts": 3}


async def kill_all(
    folder: Path,
    *,
    redis: RedisServer,
    mode: Mode,
    kills: int,
    seed: int,
    name: str = "dorp",
    faults: Mapping[str, int] = FAULTS,
) -> Verdict:
    """Let citizens write while everything dies, let it come to rest, and judge."""
    started = time.monotonic()
    async with a_world(folder, redis=redis, mode=mode, seed=seed, name=name) as world:
        for each, parts in CROWD.items():
            world.spawn(each, parts)
        chaos = Chaos(world, faults)
        while world.kills < kills:
            await world.citizens.write()
            await asyncio.sleep(world.random.uniform(0.02, 0.35))
            await chaos.strike()
        await chaos.calm()
        await world.settled(within=40)
        return await judge(world, redis_kills=chaos.redis_kills, seconds=time.monotonic() - started)


class Chaos:
    """Strikes a world at random."""

    def __init__(self, world: World, faults: Mapping[str, int]) -> None:
        self._world = world
        self._faults = faults
        self._thaws: set[asyncio.Task[None]] = set()
        self.redis_kills = 0

    async def strike(self) -> None:
        world = self._world
        fault = world.random.choices(list(self._faults), list(self._faults.values()))[0]
        victim = world.random.choice(VICTIMS)
        if fault == "kill_redis":
            await self._kill_redis()
        elif fault == "forget_scripts":
            await asyncio.to_thread(forget_scripts, world.redis)
        elif fault == "freeze" and victim not in world.frozen:
            world.freeze(victim)
            self._thaws.add(asyncio.create_task(self._thaw(victim, LEASE * 1.6)))
        else:
            world.kill(victim)
            world.restart(victim)
            await world.witness_now()

    async def _thaw(self, victim: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._world.thaw(victim)

    async def _kill_redis(self) -> None:
        self.redis_kills += 1
        await asyncio.to_thread(self._world.redis.kill)
        await asyncio.sleep(self._world.random.uniform(0, 1))
        await asyncio.to_thread(self._world.redis.start)

    async def calm(self) -> None:
        """Let go of all that is frozen."""
        await asyncio.gather(*self._thaws)


def forget_scripts(redis: RedisServer) -> None:
    """Make the server forget every script it was sent."""
    with sync_redis.Redis.from_url(redis.url) as client:
        client.script_flush()
