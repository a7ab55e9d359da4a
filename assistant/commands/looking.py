"""The commands that list and tell: cases, one case's story, dead letters."""

import argparse
import json
from typing import TypeVar

from assistant.errors import LuisterError
from assistant.narrate import lines_of
from assistant.opening import opened
from assistant.store.intake import quarantined
from assistant.store.work import dead_letters, revive
from assistant.terminal import counted, table
from assistant.words import Words

Found = TypeVar("Found")


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
                "term": case.term.ends.isoformat() if case.term else "",
                "owner": case.owner.initials if case.owner else "",
                "moved": organisation.local(case.updated_at).strftime("%Y-%m-%d %H:%M"),
            }
            rows.append(row)
            if args.json:
                print(json.dumps({**row, "moved": case.updated_at.isoformat()}))
        kept = len(await quarantined(store))
    if not args.json:
        head = ("case", "state", "label", "advice", "department", "posts", "term", "owner", "moved")
        print(table(head, [[row[name] for name in head] for row in rows]))
        print(f"\n{counted(len(rows), 'case')}, {counted(kept, 'quarantined record')}")
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
    print(f"\n{counted(len(rows), 'dead letter')}")
    return 0
