"""`luister replay`: posts from a file, taken in and triaged here."""

import argparse
import asyncio
import math
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from assistant.case import Case
from assistant.config import Secrets
from assistant.errors import LuisterError, Misconfigured
from assistant.listen import Taken, listen, tally
from assistant.opening import opened
from assistant.paths import state_of
from assistant.store import Store
from assistant.store.intake import quarantined
from assistant.store.work import pending
from assistant.terminal import Progress, table
from assistant.triage import warm

if TYPE_CHECKING:
    # Its adapters take a second to import: only the commands that run something wait for that.
    from assistant.app import Wiring

Found = TypeVar("Found")


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
    from assistant import accounts, app
    from assistant.health import Metrics

    assert wiring.replay is not None
    counts, count = tally()
    progress = Progress("posts read:")
    total = _posts_in(wiring.replay)

    def counted(taken: Taken) -> None:
        count(taken)
        # After a pause of the store the file is read again from its start.
        progress(min(counts.total(), total), total)

    platforms = accounts.replays_of(wiring)
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
