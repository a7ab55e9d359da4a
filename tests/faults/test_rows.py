"""Rows of the fault matrix at their full length."""

from pathlib import Path

import pytest

from tests.faults import rows
from tests.faults.edges import one_life
from tests.faults.platform_server import Mode
from tests.redis_server import RedisServer

pytestmark = pytest.mark.timeout(600)


async def test_redis_away_for_a_minute_and_stalled_for_seven_seconds(
    tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    await rows.redis_in_trouble(tmp_path, redis=redis_server, away=60, stalled=7)


@pytest.mark.parametrize(("mode", "place"), rows.MODES_OF_SLEEP)
async def test_a_worker_asleep_longer_than_its_lease(
    mode: Mode, place: str, tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    assert await one_life(tmp_path, redis=redis_server, mode=mode, name="dorp", freeze_at=place)
