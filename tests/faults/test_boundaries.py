"""Kill a process before and after every single effect it has on the outside, one run for each."""

from pathlib import Path

import pytest

from tests.faults.edges import crash_at_each
from tests.faults.platform_server import MODES, Mode
from tests.redis_server import RedisServer


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
async def test_a_crash_between_any_two_effects_costs_nothing(
    mode: Mode, tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    crashes = await crash_at_each(tmp_path, redis=redis_server, mode=mode)
    print(f"\n{mode}: {crashes} boundaries, a crash at each")
    assert crashes > 50
