"""The command line as a user types it, in this process: what a command printed and its code."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from assistant.__main__ import main

ROOT = Path(__file__).parent.parent
ANSWERS = ROOT / "examples/waterstad/answers"
TOWN = ROOT / "tests/e2e/luister.toml"


class Told(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Luister = Callable[..., Told]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small organisation's folder, with one approved answer."""
    made = tmp_path / "org"
    (made / "answers").mkdir(parents=True)
    shutil.copy(TOWN, made / "luister.toml")
    shutil.copy(next(ANSWERS.glob("afval-*.md")), made / "answers")
    return made


@pytest.fixture
def luister(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    store_url: str,
) -> Luister:
    """Run a command in this process, on this test's own empty store."""
    for name in [each for each in os.environ if each.startswith(("LUISTER_", "SLACK_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LUISTER_REDIS_URL", store_url)
    monkeypatch.setenv("LUISTER_STATE", str(tmp_path / "state"))

    def run(*arguments: object) -> Told:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Told(int(ended.value.code or 0), told.out, told.err)

    return run
