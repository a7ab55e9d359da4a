"""Every command as a user types it: what it prints, its exit code, and its words for mistakes."""

import asyncio
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from assistant.__main__ import HELP, parser
from assistant.audit import Witness, line_of, verify
from assistant.case import Event, Kind
from assistant.store import Store, open_store, utcnow
from assistant.store.work import Dead, bury_shown, dead_letters, pending
from tests.command_line import Luister
from tests.core import START, WRITER, add, reply_to

ROOT = Path(__file__).parent.parent
POSTS = ROOT.parent / "shared/data/posts_nl.jsonl"
Found = TypeVar("Found")


@pytest.fixture
def environ(tmp_path: Path, store_url: str) -> dict[str, str]:
    """The environment for a command in a process of its own."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "LUISTER_REDIS_URL": store_url,
        "LUISTER_STATE": str(tmp_path / "state"),
    }


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "assistant", *map(str, arguments)]


def inside(url: str, act: Callable[[Store], Coroutine[Any, Any, Found]]) -> Found:
    """Do something with the organisation's store."""

    async def opened() -> Found:
        async with open_store(url, "waterstad") as store:
            return await act(store)

    return asyncio.run(opened())


def posts(folder: Path, *rows: dict[str, Any] | str) -> Path:
    """Write a file to replay; a text stands in it as it is."""
    path = folder / "posts.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return path


BIN = {
    "id": "p1",
    "author": "u1",
    "handle": "@sanne",
    "text": "Wanneer wordt mijn kliko voor grofvuil opgehaald?",
    "created_at": "2026-11-20T12:00:00Z",
}
BAD = "{no json"


# Help


def test_every_command_has_help_with_an_example_that_parses() -> None:
    for name, (_, about, example) in HELP.items():
        assert len(about) > 60, name
        words = shlex.split(example.partition(" | ")[0])
        assert words[0] == "luister"
        assert parser().parse_args(words[1:]).command == name


@pytest.mark.parametrize("name", [[], *([each] for each in HELP)])
def test_help_fits_and_ends_well(
    name: list[str], capsys: pytest.CaptureFixture[str], luister: Luister
) -> None:
    told = luister(*name, "--help")
    assert told.code == 0
    assert max(map(len, told.out.splitlines())) <= 100
    assert ("Example:" in told.out) == bool(name)


# Mistakes


def test_missing_folder(luister: Luister, tmp_path: Path) -> None:
    told = luister("check", "--config", tmp_path / "none")
    assert told == (2, "", f"{tmp_path / 'none'}: no such folder\n")


def test_folder_that_is_a_file(luister: Luister, folder: Path) -> None:
    told = luister("cases", "--config", folder / "luister.toml")
    assert told.code == 2
    assert "is a file; give the folder it is in" in told.err


def test_missing_file(luister: Luister, tmp_path: Path) -> None:
    told = luister("run", "--config", tmp_path)
    assert told.code == 2
    assert f"{tmp_path / 'luister.toml'}: not found" in told.err


def test_file_that_is_a_folder_or_cannot_be_read(luister: Luister, tmp_path: Path) -> None:
    toml = tmp_path / "luister.toml"
    toml.mkdir()
    told = luister("check", "--config", tmp_path)
    assert told == (2, "", f"{toml}: cannot be read (Is a directory)\n")
    toml.rmdir()
    toml.symlink_to(toml)
    told = luister("check", "--config", tmp_path)
    assert told.code == 2
    assert f"{toml}: cannot be read" in told.err


def test_broken_toml_says_where(luister: Luister, folder: Path) -> None:
    (folder / "luister.toml").write_text("triage_channel = \n")
    told = luister("check", "--config", folder)
    assert told.code == 2
    assert f"{folder / 'luister.toml'}:" in told.err
    assert "line 1" in told.err


def test_check_tells_every_mistake_at_once(
    luister: Luister, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = folder / "luister.toml"
    text = toml.read_text().replace('initials = "AB"', 'initials = "anna"')
    toml.write_text(text.replace("undo_seconds = 6", "undo_seconds = -1\nfast = true"))
    (folder / "answers" / "bad.md").write_text("no front matter")
    monkeypatch.setenv("LUISTER_LISTEN", "8080")
    told = luister("check", "--config", folder)
    assert told.code == 2
    for place in (
        f"{toml}: people.0.initials: ",
        f"{toml}: replies.undo_seconds: ",
        f"{toml}: replies.fast: ",
        f"{folder / 'answers' / 'bad.md'}: ",
        "LUISTER_LISTEN: '8080' is not host:port",
    ):
        assert sum(line.startswith(place) for line in told.err.splitlines()) == 1, told.err


def test_check_reads_the_prompts(
    luister: Luister, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prompt = tmp_path / "prompts" / "draft" / "prompt.md"
    prompt.parent.mkdir(parents=True)
    prompt.write_text("no keys")
    for name in ("_PACKAGED", "_CHECKOUT"):
        monkeypatch.setattr(f"assistant.prompts.{name}", tmp_path / "prompts")
    told = luister("check", "--config", folder)
    assert told.code == 2
    assert f"{prompt}: must hold keys" in told.err


def test_check_of_a_good_folder_says_what_it_read(luister: Luister, folder: Path) -> None:
    told = luister("check", "--config", folder)
    assert told.code == 0, told.err
    assert "good. Gemeente Waterstad: 2 departments, 3 people, 1 approved answer," in told.out


def test_check_tells_what_to_know_before_connecting_to_x(luister: Luister, folder: Path) -> None:
    x = """
[[accounts]]
platform = "x"
handle = "@gemeentewaterstad"
plan = "pay_per_use"
client_id = "an-app"
daily_budget = 5.0
"""
    toml = folder / "luister.toml"
    before = luister("check", "--config", folder)
    assert "Before you connect" not in before.out
    toml.write_text(toml.read_text() + x)
    told = luister("check", "--config", folder)
    assert told.code == 0, told.err
    assert "Enterprise plan and to name that body to X" in told.out
    assert "answer only who mentioned it or quoted its post" in told.out
    toml.write_text(toml.read_text().replace("daily_budget = 5.0", ""))
    told = luister("check", "--config", folder)
    assert told.code == 2
    assert "daily_budget" in told.err


def test_check_tells_that_the_store_would_forget(
    luister: Luister, folder: Path, store_url: str
) -> None:
    async def forgetful(store: Store) -> None:
        await store.redis.config_set("appendfsync", "everysec")

    async def careful(store: Store) -> None:
        await store.redis.config_set("appendfsync", "always")

    inside(store_url, forgetful)
    try:
        told = luister("check", "--config", folder)
    finally:
        inside(store_url, careful)
    assert told.code == 2
    assert "LUISTER_REDIS_URL: appendfsync is everysec, should be always" in told.err


def test_unknown_part(luister: Luister, folder: Path) -> None:
    told = luister("run", "--config", folder, "--only", "work,slack")
    assert told.code == 2
    assert told.err == "--only: 'slack' is no part; choose of listen, work and chat\n"


def test_run_without_tokens_says_which(luister: Luister, folder: Path) -> None:
    told = luister("run", "--config", folder)
    assert told.code == 2
    assert "SLACK_BOT_TOKEN: not set" in told.err


def test_port_in_use(luister: Luister, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("LUISTER_LISTEN", address)
        told = luister("run", "--config", folder, "--only", "work")
    assert told.code == 2
    assert f"LUISTER_LISTEN: {address} is in use by another program\n" in told.err


@pytest.mark.parametrize("url", ["foo", "http://127.0.0.1", "redis://:geheim@host:port/0"])
def test_store_address_that_is_none(
    url: str, luister: Luister, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUISTER_REDIS_URL", url)
    for name in ("cases", "check"):
        told = luister(name, "--config", folder)
        assert told.code == 2
        assert told.err.startswith("LUISTER_REDIS_URL: no address of a store")
        assert "geheim" not in told.err


def test_store_away(luister: Luister, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("LUISTER_REDIS_URL", f"redis://:geheim@127.0.0.1:{port}/0")
    told = luister("cases", "--config", folder)
    assert told.code == 1
    assert "the store did not answer" in told.err
    assert "LUISTER_REDIS_URL" in told.err
    assert "geheim" not in told.err
    assert luister("check", "--config", folder).code == 2


def test_a_fault_of_ours_is_told_by_place_and_quotes_nobody(
    luister: Luister, folder: Path, store_url: str
) -> None:
    async def broken(store: Store) -> None:
        await store.redis.zadd(store.keys.cases + "open", {"cx": 1})
        await store.redis.hset(store.keys.case("cx"), "snapshot", '{"text": "mijn geheim"}')

    inside(store_url, broken)
    told = luister("cases", "--config", folder)
    assert told.code == 1
    assert "Luister has a fault: ValidationError" in told.err
    assert re.search(r"looking\.py:\d+ in cases", told.err)
    assert "geheim" not in told.err


# Replay


def test_replay_tells_what_became_of_each(luister: Luister, folder: Path) -> None:
    file = posts(folder, BIN, BAD, {**BIN, "text": "Iets heel anders"}, BIN, "", {**BIN, "id": ""})
    told = luister("replay", file, "--config", folder)
    assert told.code == 0, told.err
    assert told.err == "", "no progress where nobody looks"
    assert re.search(r"^label +advice +department +cases\n", told.out)
    assert re.search(r"^\w+ +\w+ +afval +1$", told.out, re.MULTILINE)
    assert "read: 1 new, 3 quarantined, 1 repeat\n" in told.out
    assert "cases in the store: 1, quarantined records: 3\n" in told.out
    again = luister("replay", file, "--config", folder)
    assert "read: 3 quarantined, 2 repeat\n" in again.out
    assert "cases in the store: 1, quarantined records: 3\n" in again.out
    assert "\n1 case, 3 quarantined records\n" in luister("cases", "--config", folder).out


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [("none.jsonl", 1, "no such file"), (".", 1, "is a folder, give a file of posts")],
)
def test_replay_of_no_file(name: str, code: int, why: str, luister: Luister, folder: Path) -> None:
    told = luister("replay", folder / name, "--config", folder)
    assert told == (code, "", f"{folder / name}: {why}\n")


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "nan", "inf"])
def test_replay_at_no_speed(speed: str, luister: Luister, folder: Path) -> None:
    told = luister("replay", posts(folder, BIN), "--config", folder, f"--speed={speed}")
    assert told == (2, "", f"--speed: '{speed}' is no number above 0, nor 'max'\n")


@pytest.mark.timeout(120)
def test_replay_shows_progress_on_a_terminal(folder: Path, environ: dict[str, str]) -> None:
    file = posts(folder, *({**BIN, "id": f"p{number}"} for number in range(5)))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        command("replay", file, "--config", folder),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert re.search(
        r"^\rposts read: 1 of 5.*\rposts read: 5 of 5\r\n.*\rposts triaged: (\d) of \1\r\n$",
        shown,
        re.DOTALL,
    ), shown
    assert b"cases in the store: 5," in done.stdout


@pytest.mark.timeout(120)
def test_replay_that_is_interrupted_leaves_a_sound_store(
    folder: Path, environ: dict[str, str], luister: Luister, store_url: str
) -> None:
    rows = [{**BIN, "id": f"p{number}", "author": f"u{number}"} for number in range(300)]
    file = posts(folder, *rows)
    process = subprocess.Popen(
        command("replay", file, "--config", folder), env=environ, stderr=subprocess.PIPE, text=True
    )

    async def some(store: Store) -> int:
        while not (held := sum((await store.count()).values())):
            await asyncio.sleep(0.01)
        return held

    inside(store_url, some)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (
        130,
        "\ninterrupted; what was read is kept: start it again to go on\n",
    )
    found = inside(store_url, verify)
    assert found.broken is None
    assert 0 < found.cases < 300
    told = luister("replay", file, "--config", folder)
    assert "cases in the store: 300," in told.out
    assert f"read: {300 - found.cases} new, {found.cases} repeat\n" in told.out
    assert inside(store_url, pending)["triage"] == 0


@pytest.mark.timeout(400)
def test_replay_of_the_evaluation_set_makes_598_cases_twice(
    luister: Luister, store_url: str
) -> None:
    if not POSTS.exists():
        pytest.skip("the shared data with posts_nl.jsonl is not beside this repository")
    town = ROOT / "examples" / "waterstad"
    first = luister("replay", POSTS, "--config", town, "--speed", "max")
    assert "read: 598 new\ncases in the store: 598, quarantined records: 0\n" in first.out
    again = luister("replay", POSTS, "--config", town, "--speed", "max")
    assert "read: 598 repeat\ncases in the store: 598, quarantined records: 0\n" in again.out
    table = first.out.partition("\n\n")[0]
    assert again.out.partition("\n\n")[0] == table
    assert sum(int(line.split()[-1]) for line in table.splitlines()[2:]) == 598


# Looking


@pytest.fixture
def one_case(luister: Luister, folder: Path) -> str:
    """A case about a bin, triaged; its id."""
    luister("replay", posts(folder, BIN), "--config", folder)
    row = json.loads(luister("cases", "--config", folder, "--json").out)
    return str(row["case"])


def test_cases_as_a_table_and_as_json(luister: Luister, folder: Path, one_case: str) -> None:
    told = luister("cases", "--config", folder)
    assert told.out.splitlines()[0].split()[:3] == ["case", "state", "label"]
    assert one_case in told.out
    assert "kliko" not in told.out
    assert "sanne" not in told.out
    row = json.loads(luister("cases", "--config", folder, "--json").out)
    assert (row["state"], row["department"], row["posts"]) == ("triaged", "afval", 1)
    assert row["term"] == ""


def test_cases_names_the_last_day_of_a_term(luister: Luister, folder: Path) -> None:
    [answer] = (each.stem for each in (folder / "answers").iterdir())
    with (folder / "luister.toml").open("a") as file:
        file.write(f'\n[[pointers]]\nlabel = "legal"\nanswer = "{answer}"\ndays = 31\n')
    request = {**BIN, "text": "Hierbij dien ik een Woo-verzoek in"}
    luister("replay", posts(folder, request), "--config", folder)
    row = json.loads(luister("cases", "--config", folder, "--json").out)
    assert (row["label"], row["term"]) == ("legal", "2026-12-21")


def test_export_prints_what_was_corrected(
    luister: Luister, folder: Path, one_case: str, store_url: str
) -> None:
    assert luister("export", "cases", "--config", folder) == (0, "", "")

    async def correct(store: Store) -> None:
        over = Event(kind=Kind.HANDED_OVER, at=START, by=WRITER, department="parkeren")
        await add(store, one_case, Event(kind=Kind.PRESENTED, at=START), over)

    inside(store_url, correct)
    row = json.loads(luister("export", "cases", "--config", folder).out)
    assert (row["id"], row["text"]) == (one_case, BIN["text"])
    assert (row["department"], row["corrected_by"]) == ("parkeren", "AB")


def test_show_tells_the_story(luister: Luister, folder: Path, one_case: str) -> None:
    told = luister("show", one_case, "--config", folder)
    assert told.code == 0
    assert len(told.out.splitlines()) >= 2


def test_show_of_an_unknown_case(luister: Luister, folder: Path) -> None:
    told = luister("show", "c404", "--config", folder)
    assert told == (1, "", "c404: no such case; `luister cases` lists them\n")


@pytest.mark.timeout(120)
def test_output_that_nobody_reads_to_its_end(
    luister: Luister, folder: Path, environ: dict[str, str]
) -> None:
    # More than a pipe holds, so that the writer notices.
    rows = ({**BIN, "id": f"p{number}", "author": f"u{number}"} for number in range(900))
    luister("replay", posts(folder, *rows), "--config", folder)
    process = subprocess.Popen(
        command("cases", "--config", folder),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"case")
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == (b"", 141)
    process.stderr.close()


# Dead letters


@pytest.fixture
def letters(store_url: str, one_case: str) -> list[Dead]:
    """Two dead letters of one case: a step, and a card."""
    made = [
        Dead(id="draft-1-0", step="draft", case=one_case, reason="KeyError", at=START),
        Dead(
            id=f"show-{one_case}",
            step="show",
            case=one_case,
            lane="C0AFVAL",
            reason="channel_not_found",
            at=START,
        ),
    ]

    async def bury(store: Store) -> None:
        for each in made:
            await bury_shown(store, each, lane="C0AFVAL")

    inside(store_url, bury)
    return made


def test_dead_tells_where_and_why_and_never_a_text(
    luister: Luister, folder: Path, letters: list[Dead]
) -> None:
    told = luister("dead", "--config", folder)
    assert told.code == 0
    assert re.search(
        r"^draft-1-0 +draft +c\w+ +KeyError +2026-11-20 13:00$", told.out, re.MULTILINE
    )
    assert re.search(r"show in C0AFVAL +c\w+ +channel_not_found", told.out)
    assert "\n2 dead letters\n" in told.out
    assert "kliko" not in told.out


def test_dead_letter_goes_back_to_work(
    luister: Luister, folder: Path, letters: list[Dead], store_url: str
) -> None:
    before = inside(store_url, pending)["draft"]
    told = luister("dead", "--config", folder, "--replay", "draft-1-0")
    assert told.out == "1 put back to work\n"
    assert inside(store_url, pending)["draft"] == before + 1
    assert [each.step for each in inside(store_url, dead_letters)] == ["show"]
    assert luister("dead", "--config", folder, "--replay", "all").out == "1 put back to work\n"
    assert inside(store_url, dead_letters) == ()


def test_unknown_dead_letter(luister: Luister, folder: Path) -> None:
    told = luister("dead", "--config", folder, "--replay", "draft-9-9")
    assert told.code == 1
    assert told.err == "draft-9-9: no such dead letter; `luister dead` lists them\n"


# Manifest


@pytest.mark.parametrize("url", ["http://luister.example", "luister.example", "https://"])
def test_manifest_for_an_address_slack_does_not_call(url: str, luister: Luister) -> None:
    told = luister("manifest", "--url", url)
    assert told.code == 2
    assert told.err.startswith(f"--url: '{url}'")


def test_manifest_for_both_ways(luister: Luister) -> None:
    assert luister("manifest").out == (ROOT / "manifest.yml").read_text("utf-8")
    assert '"https://luister.example' in luister("manifest", "--url", "https://luister.example").out


# Verify and erase


def test_verify_counts_what_it_checked(
    luister: Luister, folder: Path, one_case: str, store_url: str
) -> None:
    root = inside(store_url, lambda store: Witness(store).take(now=utcnow()))
    assert root is not None
    line = "copied from the channel: " + line_of(root, organisation="waterstad")
    told = luister("verify", "--config", folder, "--root", line)
    assert told.code == 0
    assert re.search(
        r"checked \d events of 1 case \(0 erased\) and [12] roots?\nall holds", told.out
    )

    async def tamper(store: Store) -> None:
        await store.redis.delete(store.keys.events(one_case))

    inside(store_url, tamper)
    told = luister("verify", "--config", folder)
    assert told.code == 1
    assert f"BROKEN: case {one_case}" in told.out


def test_verify_with_a_line_that_is_none_or_another_towns(luister: Luister, folder: Path) -> None:
    other = (
        "luister-root elders at=2026-11-22T10:00:00Z position=1-0 entries=1 cases=1 "
        f"root={64 * '0'}"
    )
    unread = other.replace("2026-11-22T10:00:00Z", "gisteren")
    told = luister(
        *("verify", "--config", folder),
        *("--root", "all holds", "--root", other, "--root", unread),
    )
    assert told.code == 2
    first, second, third = told.err.splitlines()
    assert first == third
    assert first.startswith("--root: that is no root line")
    assert second == "--root: a line of 'elders'; this is the store of 'waterstad'"


@pytest.mark.parametrize("handle", ["", "@", "  "])
def test_erase_of_an_empty_handle(handle: str, luister: Luister, folder: Path) -> None:
    luister("replay", posts(folder, BAD), "--config", folder)
    told = luister("erase", handle, "--config", folder)
    assert (told.code, told.err[:13]) == (2, "HANDLE: empty")
    assert "1 quarantined record\n" in luister("cases", "--config", folder).out


def test_erase_of_nobody(luister: Luister, folder: Path, one_case: str) -> None:
    told = luister("erase", "@iemand", "--config", folder)
    assert told == (1, "nobody of that handle is known\n", "")


def test_erase_leaves_nothing_of_a_citizen(luister: Luister, folder: Path, one_case: str) -> None:
    told = luister("erase", "sanne", "--config", folder)
    assert told.code == 0, told.err
    assert "erased: 1 case, 0 quarantined records\n" in told.out
    assert "kliko" not in luister("show", one_case, "--config", folder).out
    assert "(1 erased)" in luister("verify", "--config", folder).out


def test_erase_refuses_a_case_whose_reply_is_on_its_way(
    luister: Luister, folder: Path, one_case: str, store_url: str
) -> None:
    async def queue(store: Store) -> None:
        await add(store, one_case, Event(kind=Kind.PRESENTED, at=START))
        case = (await store.load(one_case)).case
        assert case is not None
        reply = reply_to(case, "Morgen. ^AB")
        await add(store, one_case, Event(kind=Kind.APPROVED, at=START, by=reply.by, reply=reply))

    inside(store_url, queue)
    told = luister("erase", "@sanne", "--config", folder)
    assert told.code == 1
    assert f"case {one_case}: NOT erased, a reply in it is on its way or in doubt" in told.err
    assert "kliko" in luister("show", one_case, "--config", folder).out
