"""What an administrator got wrong is told in words, at once, and nothing that waits is lost."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from assistant.localslack import SlackChannel, Workspace
from tests.e2e.town import Town, configured, luister, town
from tests.slack_ui import Json

pytestmark = pytest.mark.timeout(240)

TOLD = "kan Luister niet schrijven"
POSTS = (
    {"id": "m1", "author": "u-1", "text": "@gemeentewaterstad wat kost mijn parkeervergunning?"},
    {"id": "m2", "author": "u-2", "text": "@gemeentewaterstad hoe laat ik grofvuil ophalen?"},
)


def _environ(folder: Path, **more: str) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LUISTER_STATE": str(folder / "state"), **more}


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SLACK_BOT_TOKEN", "the bot token is wrong"),
        ("SLACK_APP_TOKEN", "check SLACK_APP_TOKEN"),
    ],
)
async def test_a_wrong_token_ends_the_run_with_what_to_do(
    tmp_path: Path, store_url: str, name: str, told: str
) -> None:
    wrong = f"{'xoxb' if 'BOT' in name else 'xapp'}-0badbadbad"
    async with town(tmp_path, store_url=store_url, environ={name: wrong}) as made:
        async with asyncio.timeout(60):
            code, out = await made.luister("run")
        assert set(made.slack.take()) == {"token"}
    assert code == 2
    assert told in out
    assert "Traceback" not in out
    secrets = (wrong, made.local.bot_token, made.local.app_token)
    assert [each for each in secrets if each in out] == []


async def test_without_a_token_the_run_says_which(tmp_path: Path, store_url: str) -> None:
    environ = _environ(tmp_path, LUISTER_REDIS_URL=store_url)
    code, out = await luister(configured(tmp_path), "run", environ=environ)
    assert code == 2
    assert "SLACK_BOT_TOKEN: not set" in out
    assert "Traceback" not in out


async def test_check_names_file_and_key_of_an_unknown_department(tmp_path: Path) -> None:
    config = configured(
        tmp_path, change=lambda text: text.replace('["afval", "parkeren"]', '["afvall"]', 1)
    )
    for command in ("check", "run"):
        code, out = await luister(config, command, environ=_environ(tmp_path))
        assert code == 2
        assert f"{config / 'luister.toml'}: people.0.departments: 'afvall'" in out
        assert "['afval', 'parkeren']" in out  # what it may be
        assert "Traceback" not in out


async def test_an_answer_for_an_unknown_department_is_named_too(tmp_path: Path) -> None:
    config = configured(tmp_path)
    answer = next((config / "answers").glob("grofvuil*.md"))
    text = answer.read_text("utf-8").replace('department = "afval"', 'department = "afvall"')
    answer.write_text(text, "utf-8")
    code, out = await luister(config, "check", environ=_environ(tmp_path))
    assert code == 2
    assert answer.name in out
    assert "'afvall'" in out


@pytest.mark.parametrize("command", ["run", "cases", "verify"])
async def test_without_its_store_a_command_ends_at_once_and_says_so(
    tmp_path: Path, command: str
) -> None:
    url = f"redis://:geheim-woord@127.0.0.1:{_closed_port()}/0"
    environ = _environ(tmp_path, LUISTER_REDIS_URL=url, SLACK_BOT_TOKEN="xoxb-1")
    began = time.monotonic()
    code, out = await luister(configured(tmp_path), command, environ=environ)
    assert code == 1
    assert "LUISTER_REDIS_URL" in out
    assert "Traceback" not in out
    assert "geheim-woord" not in out
    assert time.monotonic() - began < 20  # 1 s alone; it waits for nothing


def _lonely(workspace: Workspace) -> Workspace:
    """There is no channel C0WEG, and nobody invited the app to C0DICHT."""
    channels = [each for each in workspace.channels if each.id != "C0WEG"]
    shut = next(each for each in channels if each.id == "C0DICHT")
    people = tuple(each for each in shut.members if each != "U0BOT")
    channels[channels.index(shut)] = shut.model_copy(update={"members": people})
    members = (*people, "U0BOT")
    channels += [SlackChannel(id=f"C0{each}", name=each.lower(), members=members) for each in GOOD]
    return workspace.model_copy(update={"channels": tuple(channels)})


GOOD = ("AFVAL", "PARKEREN")


async def test_a_missing_channel_is_told_once_and_its_cards_come_later(
    tmp_path: Path, store_url: str
) -> None:
    def broken(text: str) -> str:
        return text.replace("C0PARKEREN", "C0WEG").replace("C0AFVAL", "C0DICHT")

    async with town(tmp_path, store_url=store_url, change=broken, workspace=_lonely) as made:
        first = await made.start()
        await made.write(*POSTS)
        for channel, why in (("C0WEG", "channel_not_found"), ("C0DICHT", "not_in_channel")):
            told = await made.hears("C0TOEZICHT", f"In kanaal {channel} {TOLD}", seconds=40)
            assert why in told
            assert "/invite @luister" in told
        # The administrator mends the configuration and starts anew.
        assert await made.stop(first) == 0
        path = made.config / "luister.toml"
        text = path.read_text("utf-8")
        path.write_text(text.replace("C0WEG", "C0PARKEREN").replace("C0DICHT", "C0AFVAL"), "utf-8")
        await made.start()
        await made.card("C0PARKEREN", "wat kost mijn parkeervergunning?", seconds=60)
        await made.card("C0AFVAL", "hoe laat ik grofvuil ophalen?", seconds=60)
        assert len(await _complaints(made)) == 2
        assert {each["state"] for each in await made.cases()} == {"open"}


async def _complaints(made: Town) -> list[Json]:
    messages = await made.people.messages("C0TOEZICHT")
    return [each for each in messages if TOLD in str(each.get("text"))]
