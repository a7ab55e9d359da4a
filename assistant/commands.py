"""What each command of the command line does."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from assistant import app, audit
from assistant.case import Case
from assistant.config import Organisation, Secrets, load
from assistant.errors import LuisterError, Misconfigured
from assistant.health import Metrics, log_lines
from assistant.listen import listen, tally
from assistant.manifest import as_yaml
from assistant.manifest import manifest as slack_manifest
from assistant.narrate import lines_of
from assistant.paths import state_of
from assistant.prompts import load_prompts
from assistant.store import Store, open_store, utcnow
from assistant.store.ledger import persistence
from assistant.store.work import dead_letters, pending, revive
from assistant.terminal import Progress, table
from assistant.words import Words


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Organisation, Store]]:
    """Yield the organisation in `folder` and its store."""
    # Imported here: it starts servers, which `check` and `manifest` never need.
    from assistant.embedded import open_store as open_server

    organisation = load(folder, environ=os.environ)
    async with (
        open_server(state_of(folder), environ=os.environ) as url,
        open_store(url, organisation.id) as store,
    ):
        yield organisation, store


async def demo(args: argparse.Namespace) -> int:
    """Run the whole job on embedded parts; see assistant/demo.py."""
    from assistant.demo import demo as run_demo

    code: int = await run_demo(open_port=args.open_port)
    return code


async def run(args: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    from assistant.embedded import open_store as open_server

    log_lines()
    organisation = load(args.config, environ=os.environ)
    load_prompts()
    only = _parts(args.only)
    host, port = _address(os.environ.get("LUISTER_LISTEN", "127.0.0.1:8080"))
    async with open_server(state_of(args.config), environ=os.environ) as url:
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


def _parts(text: str | None) -> frozenset[str]:
    if text is None:
        return app.PARTS
    parts = frozenset(part.strip() for part in text.split(","))
    if not parts or parts - app.PARTS:
        raise Misconfigured(f"--only: {text!r}; choose from {', '.join(sorted(app.PARTS))}")
    return parts


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"LUISTER_LISTEN: {text!r} is not host:port, like 127.0.0.1:8080")
    return host, int(port)


async def check(args: argparse.Namespace) -> int:
    """Tell every mistake at once."""
    mistakes: list[str] = []
    organisation = None
    for look in (lambda: load(args.config, environ=os.environ), load_prompts):
        try:
            found = look()
            organisation = found if isinstance(found, Organisation) else organisation
        except Misconfigured as error:
            mistakes += error.mistakes
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


async def _store_mistakes(folder: Path) -> list[str]:
    try:
        async with opened(folder) as (_, store):
            return [f"LUISTER_REDIS_URL: {lack}" for lack in await persistence(store)]
    except LuisterError as error:
        return [f"LUISTER_REDIS_URL: {error}"]


async def replay(args: argparse.Namespace) -> int:
    """Take in a file, triage it here, and print what became of it."""
    if not args.file.is_file():
        raise LuisterError(f"{args.file}: no such file")
    speed = _speed(args.speed)
    source = args.file.resolve()
    async with opened(args.config) as (organisation, store):
        wiring = app.Wiring(
            organisation=organisation,
            store_url="",
            state=state_of(args.config),
            secrets=Secrets(),
            replay=source,
            speed=speed,
        )
        counts = await _taken_in(wiring, store)
        loaded = [await store.load(id) for id in await store.ids()]
    print(_summary([each.case for each in loaded if each.case is not None], counts))
    return 0


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise LuisterError(f"--speed: {text!r} is no number above 0, nor 'max'")
    return speed


async def _taken_in(wiring: app.Wiring, store: Store) -> Counter[str]:
    """Read the file while triage works beside it; return once both are done."""
    counts, count = tally()
    progress = Progress("posts read:")
    total = sum(1 for _ in wiring.replay.open("rb")) if wiring.replay else 0

    def counted(taken: str) -> None:
        count(taken)  # type: ignore[arg-type]
        progress(counts.total(), total)

    platforms = app.platforms_of(wiring)
    metrics = Metrics()
    steps = app.workers(wiring, store, platforms, None, metrics)
    triage = asyncio.create_task(steps[0].run())
    try:
        # The file is read from its start each time: repeats are known by their ids.
        for platform in platforms.values():
            await listen(store, platform, clock=wiring.clock, counted=counted, keep=False)
        progress.done()
        while (left := (await pending(store))["triage"]) and not triage.done():
            Progress("still to triage:")(left, left)
            await asyncio.sleep(0.05)
    finally:
        triage.cancel()
        await asyncio.gather(triage, return_exceptions=True)
    return Counter({str(name): number for name, number in counts.items()})


def _summary(cases: list[Case], counts: Counter[str]) -> str:
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
    return f"{told}\n\nread: {arrived or 'nothing'}\ncases in the store: {len(cases)}"


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
    if not args.json:
        head = ("case", "state", "label", "advice", "department", "posts", "owner", "moved")
        print(table(head, [[row[name] for name in head] for row in rows]))
        print(f"\n{len(rows)} cases")
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
                raise LuisterError(f"{args.replay}: no such dead letter")
            for each in chosen:
                await revive(store, each)
            print(f"{len(chosen)} put back to work")
            return 0
        rows = [
            (
                each.id,
                each.step,
                each.case,
                each.reason,
                organisation.local(each.at).strftime("%Y-%m-%d %H:%M"),
            )
            for each in letters
        ]
        print(table(("id", "step", "case", "reason", "since"), rows))
        print(f"\n{len(rows)} dead letters")
    return 0


async def verify(args: argparse.Namespace) -> int:
    """Check everything; name the first broken thing."""
    witnesses = [audit.parse_line(line) for line in args.root]
    async with opened(args.config) as (_, store):
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


async def erase(args: argparse.Namespace) -> int:
    """Erase one citizen; the chat's messages go with the running service."""
    async with opened(args.config) as (organisation, store):
        platforms = {each.platform for each in organisation.accounts}
        found = await audit.erase_citizen(store, args.handle, platforms=platforms, now=utcnow())
    if not found.cases and not found.waiting and not found.quarantined:
        print("nobody of that handle is known")
        return 1
    print(f"erased: {found.cases} cases, {found.quarantined} quarantined records")
    if found.messages:
        print(f"{found.messages} chat messages will be deleted by `luister run`")
    if not found.rewritten:
        print("the store's files could not be rewritten: ask for BGREWRITEAOF on the server")
    for case in found.waiting:
        print(f"case {case}: a reply is on its way; erase again once it is done", file=sys.stderr)
    return 1 if found.waiting else 0


async def manifest(args: argparse.Namespace) -> int:
    """Print the Slack app's manifest."""
    print(as_yaml(slack_manifest(args.url)), end="")
    return 0
