"""These tests run when they are named: `pytest tests/llama` or `make test-llama`."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests out of a run over all tests; that is no skip."""
    named = any("llama" in argument for argument in config.args)
    return None if named or collection_path.suffix != ".py" else True
