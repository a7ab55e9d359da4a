"""The whole job on one machine: a fictional municipality, a local Slack, a replayed day."""

import asyncio
import json
import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, time, timedelta
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from assistant import app
from assistant.citizen import FILE, Citizen, join
from assistant.commands.service import until_stopped
from assistant.config import DAYS, BlueskyAccount, Hours, Organisation, Secrets, load
from assistant.errors import Doubtful, LuisterError, Refused, TryAgain
from assistant.health import log_lines
from assistant.localslack import (
    LocalSlack,
    NamespaceUnavailable,
    SlackChannel,
    SlackUser,
    Workspace,
    local_slack,
)
from assistant.opening import served
from assistant.paths import example, state_of
from assistant.store import open_store, utcnow
from assistant.store.link import translated
from assistant.words import Words

SPEED = 120.0
"""A day of posts in a few minutes: one every four seconds or so."""

ROOT = timedelta(seconds=30)
"""Time between two root lines: so short that `verify` soon has one to check."""

SQUARE = "C0PLEIN"
"""The demo's own channel, where replies are seen to arrive as citizens would see them."""

BOT = "U0BOT"
LOG = "luister.log"
ALWAYS = Hours(days=DAYS, opens=time(0), closes=time(23, 59, 59))

MODEL = "gpt-5-mini"
"""The model where only a key or a base URL says that there is one."""

SIGHTS = (
    ("wp-062", "afval", "afvalpas", "two questions, answered from two approved answers"),
    ("wp-005", "belastingen", "Stationswijk", "politics: left alone, with the reason"),
    ("wp-007", "communicatie", "HELP", "an emergency: handed over, with the way to 112"),
    ("wp-009", "parkeren", "bezwaar", "a legal form: its road, and the last day of its term"),
    ("wp-013", "afval", "milieustraat", "press  Herschrijf  for a longer text, and back"),
)
"""What shows the difference: a post's id, its channel, a word of it, and what to see there."""

STARTING = """
  Starting a store, a local Slack and Luister in {state} ..."""

WELCOME = """
  Luister is listening.   Open   {url}
  You act as {name}; choose somebody else at "Act as".

  - Citizens of {town} write by themselves, one every few seconds.
    In the first minute, look at:
{sights}
  - On a card press  Bewerk & verstuur,  change what you like, and send.
  - After the undo window of {undo} s the reply stands in #{square}, as citizens see it.
  - Suggestions: {model}.

  In another terminal:
    {luister} cases --config {folder}
    {luister} verify --config {folder}

  Ctrl-C stops everything. What Luister logs stands in {log}
"""

BLUESKY = """
  Luister is listening to a Bluesky of its own.   Open   {url}
  You act as {name}; choose somebody else at "Act as".

  - Write as a citizen of {town}, in another terminal:

      {luister} say "Wanneer wordt het grofvuil opgehaald?"

    The card appears in Slack; press  Bewerk & verstuur  and send. After the undo window of {undo} s
    the answer stands under the post, and the command prints it as the citizen's app shows it.
  - Suggestions: {model}.
  - {luister} cases --config {folder}   lists the cases.

  Ctrl-C stops everything. What Luister logs stands in {log}
"""

NETWORK = """
  Starting a Bluesky network (server, AppView, PostgreSQL, Redis); this takes a few seconds ..."""

OCCUPIED = """\
{state}: the store holds what is not the demo's, and that is left alone.
Give the demo a folder of its own, as in: LUISTER_STATE=.luister-demo luister demo\
"""


async def demo(*, open_port: bool, platform: str = "replay") -> int:
    """Run the demo until it is interrupted; returns the exit code.

    With `platform` "bluesky" citizens write on a real network that runs here too. Raises
    LuisterError when a demo runs already, when the store holds anything else, or when a part is
    missing.
    """
    folder = example()
    organisation = always_open(load(folder, environ=with_model(os.environ)))
    state = state_of(folder)
    print(STARTING.format(state=state), flush=True)
    with alone(state):
        log_lines(file=state / LOG)
        async with (
            _on(platform, organisation, state) as (organisation, held),
            served(folder) as url,
        ):
            await freshen(url, organisation.id, state=state)
            try:
                await _with_slack(organisation, held, state, url, folder, open_port)
            except NamespaceUnavailable as error:
                if not _agreed(error):
                    return 1
                await _with_slack(organisation, held, state, url, folder, True)
    print("\n  Stopped. The cases stay until the next demo starts.")
    return 0


@asynccontextmanager
async def _on(
    platform: str, organisation: Organisation, state: Path
) -> AsyncIterator[tuple[Organisation, dict[str, SecretStr]]]:
    """Yield the organisation as it is on `platform`, and the secrets of its account there."""
    if platform == "replay":
        yield organisation, {}
        return
    from assistant.localbluesky import local_bluesky

    print(NETWORK, flush=True)
    async with local_bluesky() as network:
        town = await join(network.url, organisation.accounts[0].handle.removeprefix("@")[:18])
        Citizen(me=await join(network.url, "inwoner"), town=town).keep(state)
        account = BlueskyAccount(
            platform="bluesky",
            handle=f"@{town.handle}",
            service=network.url,
            every=5,
            stream=network.stream,
        )
        try:
            yield (
                organisation.model_copy(update={"accounts": (account,)}),
                {account.variable: SecretStr(town.password)},
            )
        finally:
            (state / FILE).unlink(missing_ok=True)


async def _with_slack(
    organisation: Organisation,
    held: Mapping[str, SecretStr],
    state: Path,
    store_url: str,
    folder: Path,
    open_port: bool,
) -> None:
    workspace = workspace_of(organisation)
    async with local_slack(workspace, state=state, allow_open=open_port) as slack:
        wiring = app.Wiring(
            organisation=organisation,
            store_url=store_url,
            state=state,
            secrets=_secrets(slack, held),
            slack_url=slack.url + "/api/",
            port=0,
            replay=restamped(folder / "posts.jsonl", state / "posts.jsonl", now=utcnow()),
            speed=1,
            root_every=ROOT,
        )
        told = _welcome(organisation, slack, folder)
        await until_stopped(lambda: _both(wiring, told))


def _welcome(organisation: Organisation, slack: LocalSlack, folder: Path) -> str:
    model, given = organisation.model, os.environ.get("LUISTER_STATE")
    account = organisation.accounts[0]
    return (BLUESKY if isinstance(account, BlueskyAccount) else WELCOME).format(
        url=slack.url,
        name=organisation.people[0].name,
        town=organisation.organisation.name,
        sights="\n".join(
            f"      #{place:<13} {word:<13} {seen}" for _, place, word, seen in SIGHTS
        ),
        square=_name(SQUARE),
        log=state_of(folder) / LOG,
        undo=organisation.replies.undo_seconds,
        model=f"{model.name} at {model.base_url}" if model else "approved answers, word for word",
        luister=(f"LUISTER_STATE={shlex.quote(given)} " if given else "") + _program(),
        folder=folder,
    )


def _program() -> str:
    """Return how this command was called, where the PATH does not lead to it."""
    called = Path(sys.argv[0])
    known = shutil.which("luister") or called.name != "luister"
    return "luister" if known else os.path.relpath(called)


async def _both(wiring: app.Wiring, told: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run(wiring, started=lambda: print(told, flush=True)))
        group.create_task(_square(wiring))


def with_model(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with a model named where a key or a base URL asks for one."""
    asked = environ.get("OPENAI_API_KEY") or environ.get("LUISTER_MODEL_URL")
    return {**({"LUISTER_MODEL": MODEL} if asked else {}), **environ}


def always_open(organisation: Organisation) -> Organisation:
    """Return the organisation with every department open: a demo at night must show cards."""
    departments = tuple(
        each.model_copy(update={"hours": ALWAYS}) for each in organisation.departments
    )
    return organisation.model_copy(update={"departments": departments})


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Keep a second demo out of the folder `state` meanwhile; that one gets a LuisterError."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state / "demo.lock").open("a") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise LuisterError(f"{state}: a demo runs here already; stop it first") from None
        yield


async def freshen(url: str, organisation: str, *, state: Path) -> None:
    """Empty the store of an earlier demo, as the local Slack forgot it too, and mark it as one.

    Raises LuisterError when it holds anything that no demo made.
    """
    async with open_store(url, organisation) as store, translated():
        mark, keys = store.keys.start + "demo", store.redis.scan_iter(store.keys.start + "*")
        held = {key async for key in keys}
        if mark not in held and held - {store.keys.secret}:
            raise LuisterError(OCCUPIED.format(state=state))
        await store.redis.unlink(*held)
        await store.redis.set(mark, "1")
    (state / "replies.jsonl").unlink(missing_ok=True)


def workspace_of(organisation: Organisation) -> Workspace:
    """Return a Slack workspace with the organisation's people and channels."""
    users = tuple(
        SlackUser(
            id=each.chat_user,
            name=each.name.split()[0].lower(),
            real_name=each.name,
            email=f"{each.initials.lower()}@{organisation.id}.example",
        )
        for each in organisation.people
    )
    ids = [SQUARE, *(each.channel for each in organisation.departments)]
    ids += [each.channel for each in organisation.officials]
    ids += [organisation.triage_channel, organisation.supervisors_channel]
    members = (*(each.id for each in users), BOT)
    channels = tuple(
        SlackChannel(id=each, name=_name(each), members=members) for each in dict.fromkeys(ids)
    )
    return Workspace(
        name=organisation.organisation.name,
        domain=organisation.id,
        users=users,
        channels=channels,
    )


def _name(channel: str) -> str:
    return channel.removeprefix("C0").lower()


def _secrets(slack: LocalSlack, held: Mapping[str, SecretStr]) -> Secrets:
    return Secrets.read(os.environ).model_copy(
        update={
            "slack_bot_token": SecretStr(slack.bot_token),
            "slack_app_token": SecretStr(slack.app_token),
            "slack_signing_secret": None,
            "accounts": held,
        }
    )


def restamped(source: Path, target: Path, *, now: datetime) -> Path:
    """Write the posts to `target` as a day that starts now and runs SPEED times as fast."""
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines() if line.strip()]
    shift = now - min(
        datetime.fromisoformat(row["created_at"]) for row in rows if "created_at" in row
    )
    with target.open("w", encoding="utf-8") as file:
        for row in rows:
            if "created_at" in row:
                ahead = datetime.fromisoformat(row["created_at"]) + shift - now
                row["created_at"] = (now + ahead / SPEED).isoformat()
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return target


async def _square(wiring: app.Wiring) -> None:
    """Show in the demo's own channel what happens to replies on the platform."""
    replies = wiring.state / "replies.jsonl"
    words, seen = Words(wiring.organisation.language), 0
    async with app.slack_of(wiring) as slack:
        while True:
            text = replies.read_text("utf-8") if replies.exists() else ""
            # What follows the last line's end is still being written.
            lines = text.split("\n")[:-1]
            for line in lines[seen:]:
                said = said_of(json.loads(line), before=lines[:seen], words=words)
                try:
                    await slack.post_note(SQUARE, said, mark=f"square:{seen}")
                except (TryAgain, Doubtful, Refused):
                    break
                seen += 1
            await asyncio.sleep(0.5)


def said_of(row: dict[str, Any], *, before: Sequence[str], words: Words) -> str:
    """Return what a row of the file of replies means for its readers; `before` are those above."""
    earlier = [each for each in map(json.loads, before) if each["id"] == row["id"]]
    if row["text"] is None:
        return words.say("card.square_taken_back", text=earlier[-1]["text"] if earlier else "")
    return words.say("card.square_corrected", text=row["text"]) if earlier else str(row["text"])


def _agreed(error: NamespaceUnavailable) -> bool:
    """Ask before starting a Slack that others on the network could reach."""
    print(
        f"{error}\nThe local Slack listens on all addresses of this machine, with an open control "
        f"API. It can be started unprotected: only do so on a network you trust.",
        file=sys.stderr,
    )
    if not sys.stdin.isatty():
        raise LuisterError("start it with `luister demo --open-port` to allow that")
    try:
        answer = input("Start it unprotected? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes", "j", "ja")
