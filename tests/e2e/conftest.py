"""A store of a test module's own, which its tests may freeze and kill."""

import os
from collections.abc import Iterator

import pytest

from tests.redis_server import RedisServer


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running, empty server that only this module uses."""
    server = RedisServer(tmp_path_factory.mktemp("own-redis"), environ=os.environ)
    server.start()
    yield server
    server.stop()
