"""`luister check --online` and `luister quarantine`: what they print, and their exit codes."""

import json
import os
import shutil
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from assistant import accounts, commands
from assistant.config import WebhookAccount
from assistant.errors import Barred, LuisterError, TryAgain
from assistant.platforms import Around, Arrival, Platform
from assistant.store import Store, open_store, utcnow
from assistant.store.intake import quarantine, quarantined
from assistant.testing import FakePlatform, FullPlatform
from tests.chats.slack_server import TOKEN, SlackServer, slack_server
from tests.core import arrival

TOWN = Path(__file__).parent / "e2e/luister.toml"
ANSWERS = Path(__file__).parent.parent / "examples/waterstad/answers"
REPLAY = "replay:@gemeentewaterstad"
GATEWAY = """
[[accounts]]
platform = "webhook"
name = "gateway"
handle = "@town"
reply_url = "https://gateway.example/replies"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> Path:
    """A small organisation's folder, on this test's own empty store."""
    for name in [each for each in os.environ if each.startswith(("LUISTER_", "SLACK_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LUISTER_REDIS_URL", store_url)
    monkeypatch.setenv("LUISTER_STATE", str(tmp_path / "state"))
    made = tmp_path / "org"
    (made / "answers").mkdir(parents=True)
    shutil.copy(TOWN, made / "luister.toml")
    shutil.copy(next(ANSWERS.glob("afval-*.md")), made / "answers")
    return made


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackServer]:
    """A Slack whose token we have."""
    async with slack_server() as server:
        monkeypatch.setenv("SLACK_API_URL", server.url + "/api/")
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("SLACK_SIGNING_SECRET", "signing-secret")
        yield server


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """The organisation's store."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


def by_gateway(
    folder: Path, monkeypatch: pytest.MonkeyPatch, platform: Platform, *, secret: bool = True
) -> None:
    """Give the organisation an account whose adapter is `platform`."""
    toml = folder / "luister.toml"
    toml.write_text(toml.read_text() + GATEWAY)
    if secret:
        monkeypatch.setenv("WEBHOOK_SECRET", "gateway-password")

    @asynccontextmanager
    async def opened(account: WebhookAccount, around: Around) -> AsyncIterator[Platform]:
        assert around.secrets["WEBHOOK_SECRET"].get_secret_value() == "gateway-password"
        yield platform

    monkeypatch.setitem(accounts.OPENERS, "webhook", opened)


# check --online


async def check(folder: Path) -> int:
    """Run the command."""
    return await commands.check(Namespace(config=folder, online=True))


async def test_check_online_tells_who_we_are_everywhere(
    folder: Path,
    slack: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_gateway(folder, monkeypatch, FullPlatform())
    slack.answers["auth.test"] = [{"team": "Waterstad", "user": "luister\u202e\x1b[31m"}]
    assert await check(folder) == 0
    told = capsys.readouterr().out
    assert "replay @gemeentewaterstad: @gemeentewaterstad reads nothing.\n" in told
    assert "webhook @town: It may read and answer.\n" in told
    assert "slack: Signed in to the workspace Waterstad as luister��[31m.\n" in told
    assert [name for name, _ in slack.calls] == ["auth.test"]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Barred("the signature is refused"), "put it in WEBHOOK_SECRET, check again."),
        (TryAgain("status 503"), "whether it is up; then check again."),
    ],
)
async def test_check_online_tells_what_to_do_and_fails(
    folder: Path,
    slack: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: LuisterError,
    advice: str,
) -> None:
    platform = FullPlatform()
    platform.away = error
    by_gateway(folder, monkeypatch, platform)
    slack.answers["auth.test"] = [{"ok": False, "error": "invalid_auth"}]
    assert await check(folder) == 1
    told = capsys.readouterr().out
    assert f"webhook @town: FAILED: {error}" in told
    assert advice in told
    assert "slack: FAILED: auth.test" in told
    assert TOKEN not in told
    assert "gateway-password" not in told


async def test_check_online_names_every_secret_that_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_gateway(folder, monkeypatch, FullPlatform(), secret=False)
    assert await check(folder) == 1
    told = capsys.readouterr().out
    assert "FAILED: WEBHOOK_SECRET: not set" in told
    assert "slack: FAILED: SLACK_BOT_TOKEN: not set" in told


# quarantine


async def keep(folder: Path, **options: object) -> int:
    """Run the command."""
    values = {"raw": False, "retry": None} | options
    return await commands.quarantine(Namespace(config=folder, **values))


async def put(store: Store, raw: str, *, source: str = REPLAY) -> str:
    """Put a record into quarantine; return its id."""
    reason = "text: empty"
    await quarantine(store, source=source, where="line 3", reason=reason, raw=raw, now=utcnow())
    return (await quarantined(store))[-1].id


async def test_quarantine_lists_without_a_citizens_text(
    folder: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    id = await put(store, '{"text": "Truus\x1b[31m"}')
    assert await keep(folder) == 0
    told = capsys.readouterr().out
    assert f"{id}  {REPLAY}  line 3  text: empty" in told
    assert "\n1 quarantined record\n" in told
    assert "Truus" not in told
    assert await keep(folder, raw=True) == 0
    assert '{"text": "Truus�[31m"}' in capsys.readouterr().out


async def test_what_can_be_read_by_now_is_taken_in_and_removed(
    folder: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    good = await put(store, '{"id": "p1", "text": "Wanneer komt de kliko?"}')
    bad = await put(store, '{"id": ')
    assert await keep(folder, retry="all") == 1
    told = capsys.readouterr().out
    assert f"{good}: taken in (new)\n" in told
    assert f"{bad}: stays: line: no JSON\n" in told
    assert "1 taken in, 1 left\n" in told
    assert [each.id for each in await quarantined(store)] == [bad]
    [case] = await store.ids()
    assert (await store.load(case)).version == 1
    assert await store.redis.xlen(store.keys.work + "triage") == 1


async def test_a_post_that_came_with_another_text_is_taken_as_an_edit(
    folder: Path, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "posts.jsonl"
    lines = [{"id": "p1", "text": text} for text in ("one", "two")]
    file.write_text("\n".join(map(json.dumps, lines)))
    await commands.replay(Namespace(config=folder, file=file, speed="max"))
    [kept] = await quarantined(store)
    assert await keep(folder, retry=kept.id) == 0
    [case] = await store.ids()
    held = (await store.load(case)).case
    assert held is not None
    assert (held.post.text, held.post.edited) == ("two", True)
    assert await quarantined(store) == ()


async def test_a_record_kept_for_a_fault_of_ours_needs_no_adapter(
    folder: Path, store: Store
) -> None:
    await put(store, arrival().model_dump_json(), source="gone:@nobody")
    assert await keep(folder, retry="all") == 0
    assert len(await store.ids()) == 1


async def test_a_record_of_an_account_that_is_gone_stays(
    folder: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(store, '{"id": "p1", "text": "x"}', source="gone:@nobody")
    assert await keep(folder, retry="all") == 1
    assert "gone:@nobody: no account in luister.toml" in capsys.readouterr().out
    assert len(await quarantined(store)) == 1


async def test_each_account_reads_its_own_records(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reads(FakePlatform):
        def parse(self, raw: str) -> Arrival:
            return arrival(raw)

    by_gateway(folder, monkeypatch, Reads())
    await put(store, "only it understands this", source="webhook:@town")
    assert await keep(folder, retry="all") == 0
    assert len(await store.ids()) == 1


async def test_an_unknown_record_is_an_error(folder: Path) -> None:
    with pytest.raises(LuisterError, match="no such record"):
        await keep(folder, retry="nothing")
    assert await keep(folder, retry="all") == 0
