"""The short form of the crash tests: kills, boundaries and the fault matrix, seeded and counted."""

import asyncio
from pathlib import Path

import pytest

from tests.faults import rows
from tests.faults.chaos import kill_all
from tests.faults.edges import one_life
from tests.faults.platform_server import MODES, Mode
from tests.faults.verdict import Verdict
from tests.redis_server import RedisServer

PROCESSES_ONLY = {"kill": 9, "freeze": 1}
"""The three runs share a server; what happens to it has its own test."""

EDGES: tuple[tuple[Mode, str], ...] = (
    ("key", "reply.after:1"),
    ("look_up", "reply.after:1"),
    ("neither", "reply.before:1"),
    ("look_up", "post_card.after:1"),
    ("neither", "post_lines.after:1"),
    ("key", "record.after:2"),
)
"""Between which two effects a process ends; `make faults` ends one at every boundary there is."""

pytestmark = pytest.mark.timeout(180)


async def test_kills_at_random(tmp_path: Path, redis_server: RedisServer, store_url: str) -> None:
    verdicts = await asyncio.gather(
        *(
            kill_all(
                tmp_path / mode,
                redis=redis_server,
                mode=mode,
                kills=6,
                seed=seed,
                name=mode.replace("_", "-"),
                faults=PROCESSES_ONLY,
            )
            for seed, mode in enumerate(MODES)
        )
    )
    print("\n" + "\n".join([Verdict.HEAD, *(each.row() for each in verdicts)]))
    for verdict in verdicts:
        assert not verdict.problems
        assert (verdict.duplicates, verdict.missing) == (0, 0)


async def test_an_end_between_two_effects(
    tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    lives = [
        one_life(tmp_path, redis=redis_server, mode=mode, name=f"n{number}", crash_at=place)
        for number, (mode, place) in enumerate(EDGES)
    ]
    sleeps = [
        one_life(tmp_path, redis=redis_server, mode=mode, name=f"s{number}", freeze_at=place)
        for number, (mode, place) in enumerate(rows.MODES_OF_SLEEP[:2])
    ]
    assert all(await asyncio.gather(*lives, *sleeps))


async def test_a_crowd_a_poison_and_people_in_a_hurry(
    tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    await asyncio.gather(
        rows.crowd_in_one_channel(tmp_path / "crowd", redis=redis_server, name="crowd"),
        rows.poison(tmp_path / "poison", redis=redis_server, name="poison"),
        rows.pressed_at_once(tmp_path / "press", redis=redis_server, name="press"),
        rows.told_many_times(tmp_path / "many", redis=redis_server, name="many"),
    )


async def test_redis_killed_away_stalled_and_forgetful(
    tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    await rows.redis_in_trouble(tmp_path, redis=redis_server, away=5, stalled=4)
