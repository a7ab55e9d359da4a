"""What each command of the command line does."""

import argparse
import asyncio
import json
import logging
import math
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from assistant import audit
from assistant.case import Case
from assistant.config import Organisation, Secrets
from assistant.errors import LuisterError, Misconfigured, StoreUnavailable
from assistant.listen import Taken, listen, tally
from assistant.narrate import lines_of
from assistant.opening import configured, opened, served
from assistant.paths import state_of
from assistant.prompts import load_prompts
from assistant.store import Store, utcnow
from assistant.store.intake import quarantined
from assistant.store.ledger import Root, persistence
from assistant.store.work import dead_letters, pending, revive
from assistant.terminal import Progress, table
from assistant.triage import warm
from assistant.words import Words

if TYPE_CHECKING:
    # Its adapters take a second to import: only the commands that run something wait for that.
    from assistant.app import Wiring

Found = TypeVar("Found")


async def demo(args: argparse.Namespace) -> int:
    """Run the whole job on embedded parts; see assistant/demo.py."""
    from assistant.demo import demo as run_demo

    code: int = await run_demo(open_port=args.open_port)
    return code


async def run(args: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    from assistant import app
    from assistant.health import log_lines

    log_lines()
    organisation = configured(args.config)
    load_prompts()
    only = app.PARTS if args.only is None else _parts(args.only, known=app.PARTS)
    host, port = _address()
    async with served(args.config) as url:
        wiring = app.Wiring(
            organisation=organisation,
            store_url=url,
            state=state_of(args.config),
            secrets=Secrets.read(os.environ),
            only=only,
            slack_url=os.environ.get("SLACK_API_URL", "https://slack.com/api/"),
            host=host,
            port=port,
        )
        log = logging.getLogger("assistant.run")

        def ready() -> None:
            log.info("ready: %s on %s:%d", ",".join(sorted(only)), host, port)

        await until_stopped(lambda: app.run(wiring, started=ready))
    return 0


async def until_stopped(work: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run `work` until it ends or SIGTERM or SIGINT asks it to stop."""
    task = asyncio.create_task(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await task
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _parts(text: str, *, known: frozenset[str]) -> frozenset[str]:
    parts = frozenset(part.strip() for part in text.split(","))
    if unknown := sorted(parts - known):
        raise Misconfigured(f"--only: {unknown[0]!r} is no part; choose of listen, work and chat")
    return parts


def _address() -> tuple[str, int]:
    text = os.environ.get("LUISTER_LISTEN", "127.0.0.1:8080")
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Misconfigured(f"LUISTER_LISTEN: {text!r} is not host:port, like 127.0.0.1:8080")
    return host.strip("[]"), int(port)


async def check(args: argparse.Namespace) -> int:
    """Tell every mistake at once."""
    mistakes: list[str] = []
    organisation = _tried(lambda: configured(args.config), mistakes)
    _tried(load_prompts, mistakes)
    _tried(_address, mistakes)
    if organisation is not None and os.environ.get("LUISTER_REDIS_URL"):
        mistakes += await _store_mistakes(args.config)
    Misconfigured.raise_any(mistakes)
    assert organisation is not None
    print(
        f"{args.config}: good. {organisation.organisation.name}: "
        f"{len(organisation.departments)} departments, {len(organisation.people)} people, "
        f"{len(organisation.answers)} approved answers, "
        f"model: {organisation.model.name if organisation.model else 'none'}"
    )
    return 0


def _tried(look: Callable[[], Found], mistakes: list[str]) -> Found | None:
    try:
        return look()
    except Misconfigured as error:
        mistakes += error.mistakes
        return None


async def _store_mistakes(folder: Path) -> list[str]:
    try:
        async with opened(folder) as (_, store):
            return [f"LUISTER_REDIS_URL: {lack}" for lack in await persistence(store)]
    except Misconfigured as error:
        return list(error.mistakes)
    except StoreUnavailable as error:
        return [f"LUISTER_REDIS_URL: {error}"]


async def replay(args: argparse.Namespace) -> int:
    """Take in a file, triage it here, and print what became of it."""
    from assistant.app import Wiring

    if not args.file.is_file():
        what = "is a folder, give a file of posts" if args.file.is_dir() else "no such file"
        raise LuisterError(f"{args.file}: {what}")
    speed = _speed(args.speed)
    async with opened(args.config) as (organisation, store):
        wiring = Wiring(
            organisation=organisation,
            store_url="",
            state=state_of(args.config),
            secrets=Secrets(),
            replay=args.file.resolve(),
            speed=speed,
        )
        try:
            counts = await _taken_in(wiring, store)
        except asyncio.CancelledError:
            print("\ninterrupted; what was read is kept: start it again to go on", file=sys.stderr)
            raise
        loaded = [await store.load(id) for id in await store.ids()]
        kept = len(await quarantined(store))
    print(_summary([each.case for each in loaded if each.case is not None], counts, kept=kept))
    return 0


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0 or not math.isfinite(speed):
        raise Misconfigured(f"--speed: {text!r} is no number above 0, nor 'max'")
    return speed


async def _taken_in(wiring: "Wiring", store: Store) -> Counter[Taken]:
    """Read the file while triage works beside it; return once both are done."""
    from assistant import app
    from assistant.health import Metrics

    assert wiring.replay is not None
    counts, count = tally()
    progress = Progress("posts read:")
    total = _posts_in(wiring.replay)

    def counted(taken: Taken) -> None:
        count(taken)
        # After a pause of the store the file is read again from its start.
        progress(min(counts.total(), total), total)

    platforms = app.platforms_of(wiring)
    steps = app.workers(wiring, store, platforms, None, Metrics())
    # Made before anything is under way: in the middle it would look like a store that is away.
    warm(wiring.organisation, now=wiring.clock())
    triage = asyncio.create_task(steps[0].run())
    try:
        # The file is read from its start each time: repeats are known by their ids.
        for platform in platforms.values():
            await listen(store, platform, clock=wiring.clock, counted=counted, keep=False)
        progress.done()
        await _triaged(store, triage)
    finally:
        triage.cancel()
        await asyncio.gather(triage, return_exceptions=True)
    return counts


def _posts_in(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


async def _triaged(store: Store, triage: asyncio.Task[None]) -> None:
    """Wait until nothing is left to triage; raises what ended `triage` before that."""
    progress = Progress("posts triaged:")
    total = left = (await pending(store))["triage"]
    while left:
        if triage.done():
            triage.result()
        progress(total - left, total)
        await asyncio.sleep(0.05)
        left = (await pending(store))["triage"]
        total = max(total, left)
    progress(total, total)
    progress.done()


def _summary(cases: list[Case], counts: Counter[Taken], *, kept: int) -> str:
    rows = Counter(
        (each.triage.label, each.triage.advice, each.official or each.department or "triage")
        for each in cases
        if each.triage
    )
    told = table(
        ("label", "advice", "department", "cases"),
        [(*key, number) for key, number in sorted(rows.items(), key=lambda row: (-row[1], row[0]))],
    )
    arrived = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    return (
        f"{told}\n\nread: {arrived or 'nothing'}\n"
        f"cases in the store: {len(cases)}, quarantined records: {kept}"
    )


async def cases(args: argparse.Namespace) -> int:
    """List the cases, the one that moved last at the end."""
    rows = []
    async with opened(args.config) as (organisation, store):
        for id in await store.ids():
            loaded = await store.load(id)
            case = loaded.case
            if case is None:
                continue
            triage = case.triage
            row = {
                "case": case.id,
                "state": case.state.value,
                "label": triage.label if triage else "",
                "advice": triage.advice if triage else "",
                "department": case.official or case.department or "triage",
                "posts": len(case.posts),
                "owner": case.owner.initials if case.owner else "",
                "moved": organisation.local(case.updated_at).strftime("%Y-%m-%d %H:%M"),
            }
            rows.append(row)
            if args.json:
                print(json.dumps({**row, "moved": case.updated_at.isoformat()}))
        kept = len(await quarantined(store))
    if not args.json:
        head = ("case", "state", "label", "advice", "department", "posts", "owner", "moved")
        print(table(head, [[row[name] for name in head] for row in rows]))
        print(f"\n{len(rows)} cases, {kept} quarantined records")
    return 0


async def show(args: argparse.Namespace) -> int:
    """Tell one case's story as its thread tells it."""
    async with opened(args.config) as (organisation, store):
        events = await store.events(args.case)
        if not events:
            raise LuisterError(f"{args.case}: no such case; `luister cases` lists them")
        words = Words(organisation.language)
        for line in lines_of(events, start=0, words=words, organisation=organisation):
            print(line)
    return 0


async def dead(args: argparse.Namespace) -> int:
    """List the dead letters, or put them back to work."""
    async with opened(args.config) as (organisation, store):
        letters = await dead_letters(store)
        if args.replay:
            chosen = [each for each in letters if args.replay in ("all", each.id)]
            if not chosen:
                raise LuisterError(f"{args.replay}: no such dead letter; `luister dead` lists them")
            for each in chosen:
                await revive(store, each)
            print(f"{len(chosen)} put back to work")
            return 0
        rows = [
            (
                each.id,
                f"{each.step} in {each.lane}" if each.lane else each.step,
                each.case,
                each.reason,
                organisation.local(each.at).strftime("%Y-%m-%d %H:%M"),
            )
            for each in letters
        ]
    print(table(("id", "where", "case", "why", "since"), rows))
    print(f"\n{len(rows)} dead letters")
    return 0


async def verify(args: argparse.Namespace) -> int:
    """Check everything; name the first broken thing."""
    async with opened(args.config) as (organisation, store):
        witnesses = _witnesses(args.root, organisation)
        progress = Progress("cases checked:")
        found = await audit.verify(store, witnesses=witnesses, progress=progress)
        progress.done()
    print(
        f"checked {found.events:,} events of {found.cases:,} cases "
        f"({found.erased:,} erased) and {found.roots:,} roots"
    )
    if found.broken:
        print(f"BROKEN: {found.broken}")
        return 1
    print("all holds")
    return 0


def _witnesses(lines: list[str], organisation: Organisation) -> list[Root]:
    """Read root lines as copied from the channel; each must be this organisation's own."""
    mistakes, witnesses = [], []
    for line in lines:
        try:
            witnesses.append(audit.parse_line(line))
        except (audit.BadRootLine, ValueError):
            mistakes.append(
                "--root: that is no root line; copy the whole line that starts with luister-root"
            )
            continue
        whose = line.partition("luister-root")[2].split()[0]
        if whose != organisation.id:
            mistakes.append(
                f"--root: a line of {whose!r}; this is the store of {organisation.id!r}"
            )
    Misconfigured.raise_any(mistakes)
    return witnesses


async def erase(args: argparse.Namespace) -> int:
    """Erase one citizen; the chat's messages go with the running service."""
    if not args.handle.strip().removeprefix("@"):
        raise Misconfigured("HANDLE: empty; give the citizen's handle, like @sanne_dw")
    async with opened(args.config) as (organisation, store):
        platforms = {each.platform for each in organisation.accounts}
        handle = args.handle.strip()
        found = await audit.erase_citizen(store, handle, platforms=platforms, now=utcnow())
    for case in found.waiting:
        print(
            f"case {case}: NOT erased, a reply in it is on its way or in doubt; "
            f"erase again once that is done",
            file=sys.stderr,
        )
    if not found.cases and not found.waiting and not found.quarantined:
        print("nobody of that handle is known")
        return 1
    print(f"erased: {found.cases} cases, {found.quarantined} quarantined records")
    if found.messages:
        print(f"{found.messages} chat messages will be deleted by `luister run`")
    if not found.rewritten:
        print("the store's files could not be rewritten: ask for BGREWRITEAOF on the server")
    return 1 if found.waiting else 0


async def manifest(args: argparse.Namespace) -> int:
    """Print the Slack app's manifest."""
    from assistant.manifest import as_yaml
    from assistant.manifest import manifest as slack_manifest

    parts = urlsplit(args.url or "https://socket.mode")
    if parts.scheme != "https" or not parts.hostname:
        raise Misconfigured(
            f"--url: {args.url!r} is no address Slack calls; it starts with https://"
        )
    print(as_yaml(slack_manifest(args.url)), end="")
    return 0
