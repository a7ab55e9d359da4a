"""`luister demo` as a newcomer starts it: what it says, shows, leaves behind and leaves alone."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import aiohttp
import pytest

from assistant.case import Case, Event, Kind, evolve
from assistant.config import load
from assistant.demo import (
    MODEL,
    SIGHTS,
    SQUARE,
    _agreed,
    alone,
    always_open,
    freshen,
    restamped,
    said_of,
    with_model,
    workspace_of,
)
from assistant.draft import suggest
from assistant.errors import LuisterError
from assistant.localslack import NamespaceUnavailable
from assistant.paths import example
from assistant.platforms.replay import Replay, parse
from assistant.store import open_store, utcnow
from assistant.triage import understand
from assistant.words import Words
from tests.core import new_case
from tests.slack_ui import Json, need_local_slack, slack_people, texts_of

ROOT = Path(__file__).parent.parent.parent
WATERSTAD = load(example())
REPLAY = Replay("@gemeentewaterstad", replies=Path("unused"))


def environ(state: Path, **more: str) -> dict[str, str]:
    """The environment of somebody who just cloned this; the store is the embedded one."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LUISTER_STATE": str(state), **more}


class Demo(NamedTuple):
    """A running demo, where to click, and the seconds until it said so."""

    process: asyncio.subprocess.Process
    url: str
    told: str
    seconds: float

    async def stop(self) -> tuple[int, str]:
        """Press Ctrl-C; its exit code and last words."""
        self.process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(self.process.communicate(), 60)
        assert self.process.returncode is not None
        return self.process.returncode, out.decode()


@asynccontextmanager
async def demo(env: Mapping[str, str]) -> AsyncIterator[Demo]:
    """Start the demo and wait until it says where to click."""
    need_local_slack()
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", "demo"),
        env=env,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    told = ""
    try:
        async with asyncio.timeout(90):
            while "Ctrl-C" not in told:
                line = await process.stdout.readline()
                assert line, f"the demo ended:\n{told}"
                told += line.decode()
        found = re.search(r"Open +(http://127\.0\.0\.1:\d+)\n", told)
        assert found, told
        yield Demo(process, found[1], told, time.monotonic() - began)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def luister(env: Mapping[str, str], command: str, *arguments: str) -> str:
    """Run another command on the example, as the demo told to; what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", command, *arguments),
        *("--config", str(example())),
        env=env,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def first_card(url: str) -> Json:
    """Wait for the first card with an Edit button in any channel."""

    def cards(messages: list[Json]) -> Json | None:
        mine = (each for each in messages if not each.get("thread_ts"))
        return next((each for each in mine if "Bewerk & verstuur" in texts_of(each)), None)

    async with slack_people(url) as people, asyncio.timeout(60):
        channels = [each.id for each in workspace_of(WATERSTAD).channels]
        while True:
            for channel in channels:
                if found := cards(await people.messages(channel)):
                    return found
            await asyncio.sleep(0.1)


async def all_gone(state: Path) -> None:
    """Return when no process of this folder lives: the store's hold a lock, others its path."""
    async with asyncio.timeout(30):
        with (state / "server.lock").open("a") as lock:
            while not _locked(lock.fileno()) or _processes_with(str(state)):
                await asyncio.sleep(0.05)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _processes_with(path: str) -> list[str]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [line] if path in line else []
    return found


@pytest.mark.timeout(400)
async def test_the_demo_from_start_to_a_second_start(tmp_path: Path) -> None:
    state = tmp_path / "a state"
    env = environ(state)
    async with demo(env) as first:
        assert "Act as" in first.told
        assert "#belastingen   Stationswijk  politics: left alone" in first.told
        assert "Traceback" not in first.told
        began = time.monotonic()
        card = await first_card(first.url)
        carded = time.monotonic() - began
        assert card["channel"]
        # Other commands of the same folder join the store while it runs.
        assert re.search(r"\n\d+ cases, ", await luister(env, "cases"))
        checked = await _verified(env)
        assert "all holds" in checked
        code, out = await first.stop()
        assert (code, out.strip()) == (0, "Stopped. The cases stay until the next demo starts.")
        await all_gone(state)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(first.url)
    before = _events(await luister(env, "verify"))
    assert '"says": "ready' not in first.told, "the log is for its file"
    assert (state / "luister.log").exists()
    assert before > 0, "the store is still there to look at"
    await all_gone(state)
    (state / "replies.jsonl").write_text('{"id": "r1", "in_reply_to": "x", "text": "old"}\n')
    async with demo(env) as second:
        assert not (state / "replies.jsonl").exists()
        assert _events(await luister(env, "verify")) < before, "it begins afresh"
        assert (await second.stop())[0] == 0
        await all_gone(state)
    print(f"first {first.seconds:.1f} s, card {carded:.1f} s later, second {second.seconds:.1f} s")
    # 5 s and 15 s on an idle machine; this one may be doing other things.
    assert second.seconds < 30
    assert carded < 45


async def _verified(env: Mapping[str, str]) -> str:
    """Wait until `verify` has a root to check; what it said."""
    async with asyncio.timeout(150):
        while True:
            told = await luister(env, "verify")
            counts = [int(each) for each in re.findall(r"(\d+) (?:events|cases|roots)", told)]
            if all(counts):
                return told
            await asyncio.sleep(1)


def _events(told: str) -> int:
    found = re.search(r"checked (\d+) events?", told)
    assert found
    return int(found[1])


# Where no namespace can be had


async def test_without_a_namespace_and_a_person_it_says_what_to_do(tmp_path: Path) -> None:
    env = environ(tmp_path / "state", PATH=str(tmp_path))
    with pytest.raises(AssertionError) as ended:
        async with demo(env):
            pass
    told = str(ended.value)
    assert "`unshare` (util-linux) is not on the PATH" in told
    assert "listens on all addresses" in told
    assert "start it with `luister demo --open-port` to allow that" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("Ja\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_without_a_namespace_a_person_is_asked(
    typed: str, agreed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        os.write(ours, typed.encode() or b"\4")
        assert _agreed(NamespaceUnavailable("no private network namespace here")) is agreed
    os.close(ours)
    told = capsys.readouterr()
    assert "no private network namespace here" in told.err
    assert "Start it unprotected? [y/N]" in told.out


# What it leaves alone


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "state"),
        pytest.raises(LuisterError, match="a demo runs here already; stop it first"),
        alone(tmp_path / "state"),
    ):
        pass
    with alone(tmp_path / "state"):
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


async def test_a_store_of_ones_own_is_left_alone(tmp_path: Path, store_url: str) -> None:
    (tmp_path / "replies.jsonl").write_text("{}\n")
    async with open_store(store_url, "waterstad") as store:
        await new_case(store)
        before = {key: await store.redis.dump(key) for key in await store.redis.keys("*")}
        with pytest.raises(LuisterError, match=r"LUISTER_STATE=\.luister-demo luister demo"):
            await freshen(store_url, "waterstad", state=tmp_path)
        assert before == {key: await store.redis.dump(key) for key in await store.redis.keys("*")}
    assert (tmp_path / "replies.jsonl").exists()


async def test_a_demos_store_is_emptied_and_no_other(tmp_path: Path, store_url: str) -> None:
    # Looking at a store leaves nothing in it that matters.
    async with open_store(store_url, "waterstad"):
        pass
    await freshen(store_url, "waterstad", state=tmp_path)
    async with open_store(store_url, "waterstad") as demos, open_store(store_url, "town") as other:
        await new_case(demos)
        await new_case(other)
    await freshen(store_url, "waterstad", state=tmp_path)
    async with open_store(store_url, "waterstad") as demos, open_store(store_url, "town") as other:
        assert await demos.ids() == ()
        assert len(await other.ids()) == 1


# How it differs from a real run


def test_every_department_is_open_at_night() -> None:
    night = utcnow().replace(hour=3)
    for department in always_open(WATERSTAD).departments:
        assert department.hours.next_open(night) == night


def test_the_posts_begin_now_and_keep_their_order(tmp_path: Path) -> None:
    now = utcnow()
    source = example() / "posts.jsonl"
    target = restamped(source, tmp_path / "posts.jsonl", now=now)
    assert len(target.read_text().splitlines()) == len(source.read_text().splitlines())
    stamps = re.findall(r'"created_at": "([^"]+)"', target.read_text("utf-8"))
    assert stamps[0] == now.isoformat()
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("post", "label", "advice", "cited"),
    [
        ("wp-062", "question", "answer", ("afvalpas", "stadhuis-openingstijden")),
        ("wp-005", "political", "leave", None),
        ("wp-007", "emergency", "hand_over", None),
        ("wp-009", "legal", "hand_over", None),
        ("wp-013", "question", "answer", ("milieustraat",)),
    ],
)
async def test_what_it_points_at_is_there_without_a_model(
    post: str, label: str, advice: str, cited: tuple[str, ...] | None
) -> None:
    assert [each[0] for each in SIGHTS] == ["wp-062", "wp-005", "wp-007", "wp-009", "wp-013"]
    [channel] = [each[1] for each in SIGHTS if each[0] == post]
    case, now = _arrived(post), utcnow()
    words, random = Words("nl"), Random(1)
    triage, _ = await understand(
        case, organisation=WATERSTAD, model=None, words=words, clock=lambda: now, random=random
    )
    case = evolve(case, Event(kind=Kind.TRIAGED, at=now, triage=triage), id="c1")
    assert (triage.label, triage.advice) == (label, advice)
    assert WATERSTAD.channel(case.department, case.official) == f"C0{channel.upper()}"
    assert (triage.pointer is not None) == (label in ("emergency", "legal"))
    draft = await suggest(
        case, organisation=WATERSTAD, model=None, platform=REPLAY, words=words, now=now
    )
    assert (draft.sources if draft else None) == cited


def _arrived(id: str) -> Case:
    """Return the case of one of the example's posts."""
    lines = (example() / "posts.jsonl").read_text("utf-8").splitlines()
    line = next(each for each in lines if f'"id": "{id}"' in each)
    arrival = parse(line, account="@gemeentewaterstad", now=utcnow())
    received = Event(kind=Kind.RECEIVED, at=utcnow(), post=arrival.post)
    return evolve(None, received, id="c1")


def test_everybody_is_in_the_local_slack() -> None:
    workspace = workspace_of(WATERSTAD)
    assert {each.id for each in workspace.users} == {each.chat_user for each in WATERSTAD.people}
    ids = {each.id for each in workspace.channels}
    assert {SQUARE, WATERSTAD.triage_channel, WATERSTAD.supervisors_channel} <= ids


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({}, None),
        ({"OPENAI_API_KEY": "sk-x"}, MODEL),
        ({"LUISTER_MODEL_URL": "http://127.0.0.1:1/v1"}, MODEL),
        ({"OPENAI_API_KEY": "sk-x", "LUISTER_MODEL": "mine"}, "mine"),
    ],
)
def test_a_key_or_a_base_url_asks_for_a_model(given: dict[str, str], model: str | None) -> None:
    chosen = load(example(), environ=with_model(given)).model
    assert (chosen.name if chosen else None) == model


def test_the_square_tells_what_happens_to_a_reply() -> None:
    rows: list[Json] = [
        {"id": "r1", "text": "On Tuesday."},
        {"id": "r2", "text": "Another."},
        {"id": "r1", "text": "On Wednesday."},
        {"id": "r1", "text": None},
    ]
    lines = [json.dumps(each) for each in rows]
    words = Words("en")
    assert [said_of(row, before=lines[:at], words=words) for at, row in enumerate(rows)] == [
        "On Tuesday.",
        "Another.",
        "Corrected: On Wednesday.",
        "Taken back: On Wednesday.",
    ]
