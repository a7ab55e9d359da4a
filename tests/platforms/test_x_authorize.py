"""X: the owner of an account allows Luister in, once."""

import re
import shutil
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.commands import authorize
from assistant.errors import LuisterError, Misconfigured, Refused
from assistant.platforms import Around
from assistant.platforms.x import opened
from tests.core import Clock
from tests.platforms.x_server import CLIENT, XServer
from tests.platforms.x_world import Memory, account

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def x() -> AsyncIterator[XServer]:
    """An X."""
    async with XServer(Clock()) as server:
        yield server


@pytest.fixture
def args(x: XServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    """The command line for an account on this X."""
    shutil.copytree(ROOT / "examples/waterstad/answers", tmp_path / "answers")
    table = f"""
[[accounts]]
platform = "x"
handle = "@Town"
plan = "enterprise"
client_id = "{CLIENT[0]}"
service = "{x.url}"
direct = true
"""
    toml = (ROOT / "examples/waterstad/luister.toml").read_text("utf-8")
    (tmp_path / "luister.toml").write_text(toml + table)
    monkeypatch.setenv("X_CLIENT_SECRET", CLIENT[1])
    return Namespace(config=tmp_path, account="town")


def browser(x: XServer, text: str) -> str:
    """Open the address in a text; return where the browser ends."""
    found = re.search(r"https://x\.com/\S+", text)
    assert found is not None
    return x.allow(found[0])


async def test_the_owner_allows_and_the_token_opens_the_account(
    x: XServer, args: Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await authorize(args, ask=lambda text: browser(x, text) + "\n") == 0
    assert "dm.write" in x.scopes
    said = capsys.readouterr().out
    [token] = re.findall(r"^X_REFRESH_TOKEN=(\S+)$", said, re.MULTILINE)
    assert CLIENT[1] not in said
    secrets = {"X_CLIENT_SECRET": SecretStr(CLIENT[1]), "X_REFRESH_TOKEN": SecretStr(token)}
    around = Around(secrets=secrets, keep=Memory(), clock=x.clock)
    async with opened(account(x), around) as platform:
        assert "user 1001" in " ".join(await platform.introduce())


async def test_another_attempts_address_is_not_taken(x: XServer, args: Namespace) -> None:
    for pasted in ("https://127.0.0.1/?state=another&code=a-code", "nonsense", ""):
        with pytest.raises(LuisterError, match="begin again"):
            await authorize(args, ask=lambda _, pasted=pasted: pasted)  # type: ignore[misc]
    assert x.calls["token"] == 0


async def test_without_a_terminal_that_is_said(args: Namespace) -> None:
    def closed(text: str) -> str:
        raise EOFError

    with pytest.raises(LuisterError, match="run this in a terminal"):
        await authorize(args, ask=closed)


async def test_a_code_x_does_not_take_is_told(x: XServer, args: Namespace) -> None:
    def late(text: str) -> str:
        return browser(x, text).replace("a-code", "an-old-code")

    with pytest.raises(Refused, match="too old") as refused:
        await authorize(args, ask=late)
    assert "an-old-code" not in str(refused.value)


async def test_without_account_or_secret_nothing_is_asked(
    args: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Misconfigured, match="no account on X"):
        await authorize(Namespace(config=args.config, account="@nobody"))
    monkeypatch.delenv("X_CLIENT_SECRET")
    with pytest.raises(Misconfigured, match="X_CLIENT_SECRET: not set"):
        await authorize(args)
