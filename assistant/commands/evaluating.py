"""`luister eval`: how well triage, search, drafts and checks do on labelled posts."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from assistant import __version__
from assistant.config import Organisation, Secrets
from assistant.errors import Misconfigured
from assistant.evaluate.figures import figures
from assistant.evaluate.page import page
from assistant.evaluate.rows import Row, half_of, labels_of, read_rows
from assistant.evaluate.runs import (
    WORTH_IT,
    Results,
    configuration,
    tried_here,
    tried_in_processes,
)
from assistant.evaluate.scripted import Obliging
from assistant.evaluate.telling import told
from assistant.evaluate.trying import Bench, Tried
from assistant.llms import LLM
from assistant.opening import configured
from assistant.paths import example, state_of
from assistant.platforms.replay import Replay
from assistant.store import utcnow
from assistant.terminal import Progress
from assistant.triage import warm
from assistant.words import Words

MODELS = ("off", "scripted", "configured")
TITLE = "Luister, measured"


async def eval(args: argparse.Namespace) -> int:
    """Try every post, tell the figures, and write the reports that were asked for."""
    folder = args.config or example()
    organisation = configured(folder)
    rows = read_rows(args.file, by=args.by)
    if args.half != "all":
        rows = tuple(row for row in rows if half_of(row.id) == args.half)
    second = labels_of(args.second) if args.second else None
    now = utcnow()
    name = _model_name(organisation, args.model)
    known = configuration(organisation, model=name, on=organisation.local(now).date().isoformat())
    results = Results(_beside(args.json), configuration=known)
    try:
        found = await measured(
            rows, folder=folder, model=args.model, now=now, results=results, at_once=args.at_once
        )
    except asyncio.CancelledError:
        if args.json:
            print("\ninterrupted; what was tried is kept: start it again", file=sys.stderr)
        raise
    counted = figures(rows, found, second=second)
    facts = {
        "posts": f"{len(rows):,}, half: {args.half}",
        "organisation": organisation.organisation.name,
        "model": name,
        "measured": organisation.local(now).strftime("%Y-%m-%d %H:%M"),
        "configuration": f"{known}, Luister {__version__}",
    }
    # Whoever tunes may look at the posts of the tuning half only.
    ids = args.half == "tuning"
    print(told(counted, ids=ids))
    if args.json:
        hidden = None if ids else {"silence": {"__all__": {"ids"}}}
        values = counted.model_dump_json(indent=1, exclude=hidden)
        _written(args.json, values + "\n")
    if args.html:
        _written(args.html, page(counted, title=TITLE, facts=facts, ids=ids))
    return 0


async def measured(
    rows: Sequence[Row],
    *,
    folder: Path,
    model: str,
    now: datetime,
    results: Results | None = None,
    at_once: int = 8,
) -> tuple[Tried, ...]:
    """Return what is found for each row, in their order; what `results` knows is not tried again.

    `model` is one of MODELS. Raises Misconfigured when there is nothing to measure, or no model.
    """
    if not rows:
        raise Misconfigured("nothing to measure: no posts in this half")
    kept = results or Results(None, configuration="")
    found = {row.id: known for row in rows if (known := kept.known(row)) is not None}
    left = [row for row in rows if row.id not in found]
    progress = Progress("posts tried:")
    progress(len(found), len(rows))
    async with AsyncExitStack() as stack:
        for_all = await _coming(stack, left, folder=folder, model=model, now=now, at_once=at_once)
        async for some, tries in for_all:
            kept.keep(some, tries)
            found.update({each.id: each for each in tries})
            progress(len(found), len(rows))
    progress.done()
    return tuple(found[row.id] for row in rows)


async def _coming(
    stack: AsyncExitStack,
    rows: Sequence[Row],
    *,
    folder: Path,
    model: str,
    now: datetime,
    at_once: int,
) -> AsyncIterator[tuple[list[Row], list[Tried]]]:
    """Return what is found as it comes: a model is waited for here, rules have their processes."""
    if model == "configured":
        asked = await stack.enter_async_context(_model(folder))
        bench = bench_of(folder, asked, now)
        return tried_here(rows, bench=bench, at_once=at_once)
    scripted = Obliging() if model == "scripted" else None
    if len(rows) < WORTH_IT:
        return tried_here(rows, bench=bench_of(folder, scripted, now), at_once=1)
    return tried_in_processes(rows, bench_of, (folder, scripted, now))


def bench_of(folder: Path, model: LLM | None, now: datetime) -> Bench:
    """Make ready what posts are tried with; takes seconds, once a process."""
    organisation = configured(folder)
    warm(organisation, now=now)
    return Bench(
        organisation=organisation,
        platform=Replay(organisation.accounts[0].handle, replies=Path(os.devnull)),
        words=Words(organisation.language),
        model=model,
        clock=partial(_same, now),
    )


def _same(now: datetime) -> datetime:
    """Return the one moment at which all posts are tried: greetings and terms depend on it."""
    return now


@asynccontextmanager
async def _model(folder: Path) -> AsyncIterator[LLM | None]:
    """Yield the configured model as the service asks it."""
    from assistant import app
    from assistant.health import Metrics

    organisation = configured(folder)
    wiring = app.Wiring(
        organisation=organisation,
        store_url="",
        state=state_of(folder),
        secrets=Secrets.read(os.environ),
    )
    async with app.model_of(wiring, Metrics()) as model:
        yield model


def _model_name(organisation: Organisation, chosen: str) -> str:
    if chosen != "configured":
        return chosen
    if organisation.model is None:
        raise Misconfigured(
            "--model configured: luister.toml has no [model], and LUISTER_MODEL is not set"
        )
    return f"{organisation.model.name} at {organisation.model.base_url}"


def _beside(report: Path | None) -> Path | None:
    return report.with_suffix(".results.jsonl") if report else None


def _written(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    print(f"\nwritten: {path}", file=sys.stderr)
