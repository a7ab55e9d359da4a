"""The long crash tests run when they are named: `pytest tests/faults` or `make faults`."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests out of a run over all tests; that is no skip."""
    named = any("faults" in argument for argument in config.args)
    return None if named or collection_path.suffix != ".py" else True
