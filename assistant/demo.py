"""The whole job on one machine: a fictional municipality, a local Slack, a replayed day."""

import asyncio
import json
import logging
import os
import shutil
import sys
from datetime import datetime, time, timedelta
from pathlib import Path

from pydantic import SecretStr

from assistant import app
from assistant.commands import until_stopped
from assistant.config import DAYS, Hours, Organisation, Secrets, load
from assistant.embedded import open_store
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
from assistant.paths import example, state_of
from assistant.store import utcnow

SPEED = 120.0
"""A day of posts in a few minutes: one every four seconds or so."""

SQUARE = "C0PLEIN"
"""The demo's own channel, where replies are seen to arrive as citizens would see them."""

BOT = "U0BOT"
ALWAYS = Hours(days=DAYS, opens=time(0), closes=time(23, 59, 59))

WELCOME = """\

  Luister is listening.   Open  {url}
  You act as {name}; choose somebody else at "Act as".

  Posts arrive by themselves, one every few seconds. Press  Bewerk & verstuur  on a card, send, and
  see the reply arrive in #{square} once the undo window of {undo} s is over.
  Model: {model}.

  In another terminal:
    luister cases --config {folder}
    luister verify --config {folder}

  Ctrl-C stops everything.
"""


async def demo(*, open_port: bool) -> int:
    """Run the demo until it is interrupted; returns the exit code."""
    log_lines(level=logging.WARNING)
    folder = example()
    organisation = always_open(load(folder, environ=os.environ))
    state = fresh(state_of(folder))
    workspace = workspace_of(organisation)
    async with open_store(state, environ=os.environ) as url:
        try:
            await _with_slack(organisation, state, url, workspace, folder, open_port)
        except NamespaceUnavailable as error:
            if not _agreed(error):
                return 1
            await _with_slack(organisation, state, url, workspace, folder, True)
    print("\nstopped")
    return 0


async def _with_slack(
    organisation: Organisation,
    state: Path,
    store_url: str,
    workspace: Workspace,
    folder: Path,
    open_port: bool,
) -> None:
    async with local_slack(workspace, state=state, allow_open=open_port) as slack:
        wiring = app.Wiring(
            organisation=organisation,
            store_url=store_url,
            state=state,
            secrets=_secrets(slack),
            slack_url=slack.url + "/api/",
            port=0,
            replay=restamped(folder / "posts.jsonl", state / "posts.jsonl", now=utcnow()),
            speed=1,
            root_every=timedelta(minutes=1),
        )
        told = WELCOME.format(
            url=slack.url,
            name=organisation.people[0].name,
            square=_name(SQUARE),
            undo=organisation.replies.undo_seconds,
            model=organisation.model.name if organisation.model else "none, approved answers only",
            folder=folder,
        )
        await until_stopped(lambda: _both(wiring, told))


async def _both(wiring: app.Wiring, told: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run(wiring, started=lambda: print(told, flush=True)))
        group.create_task(_square(wiring))


def always_open(organisation: Organisation) -> Organisation:
    """Return the organisation with every department open: a demo at night must show cards."""
    departments = tuple(
        each.model_copy(update={"hours": ALWAYS}) for each in organisation.departments
    )
    return organisation.model_copy(update={"departments": departments})


def fresh(state: Path) -> Path:
    """Return the state folder, emptied when an earlier demo made it: the local Slack forgot too."""
    marker = state / "demo"
    if marker.exists():
        shutil.rmtree(state)
    if not state.exists():
        state.mkdir(mode=0o700, parents=True)
        marker.touch()
    return state


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


def _secrets(slack: LocalSlack) -> Secrets:
    return Secrets.read(os.environ).model_copy(
        update={
            "slack_bot_token": SecretStr(slack.bot_token),
            "slack_app_token": SecretStr(slack.app_token),
            "slack_signing_secret": None,
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
    """Show each new reply in the demo's own channel, as it stands on the platform."""
    replies = wiring.state / "replies.jsonl"
    seen = 0
    async with app.slack_of(wiring) as slack:
        while True:
            lines = replies.read_text("utf-8").splitlines() if replies.exists() else []
            for line in lines[seen:]:
                try:
                    await slack.post_note(SQUARE, json.loads(line)["text"], mark=f"square:{seen}")
                except (TryAgain, Doubtful, Refused):
                    break
                seen += 1
            await asyncio.sleep(0.5)


def _agreed(error: NamespaceUnavailable) -> bool:
    """Ask before starting a Slack that others on the network could reach."""
    print(
        f"{error}\nThe local Slack listens on all addresses of this machine, with an open control "
        f"API. It can be started unprotected: only do so on a network you trust.",
        file=sys.stderr,
    )
    if not sys.stdin.isatty():
        raise LuisterError("start it with `luister demo --open-port` to allow that")
    return input("Start it unprotected? [y/N] ").strip().lower() in ("y", "yes", "j", "ja")
