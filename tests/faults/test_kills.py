"""Kill everything LUISTER_KILLS times, a third in each mode, and count the replies."""

import os
from pathlib import Path

import pytest

from tests.faults.chaos import kill_all
from tests.faults.platform_server import MODES, Mode
from tests.faults.verdict import Verdict
from tests.redis_server import RedisServer

KILLS = int(os.environ.get("LUISTER_KILLS", "1000"))
SEED = int(os.environ.get("LUISTER_SEED", "2"))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("mode", MODES)
async def test_every_reply_goes_out_once_or_is_parked(
    mode: Mode, tmp_path: Path, redis_server: RedisServer, store_url: str
) -> None:
    verdict = await kill_all(
        tmp_path, redis=redis_server, mode=mode, kills=-(-KILLS // len(MODES)), seed=SEED
    )
    print(f"\n{Verdict.HEAD}\n{verdict.row()}")
    assert not verdict.problems
    assert (verdict.duplicates, verdict.missing) == (0, 0)
