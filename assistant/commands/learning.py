"""`luister answers learned` and `forget`: what colleagues taught the search, for the files."""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from assistant.aliases import known
from assistant.case import Alias, Case, Event, Kind
from assistant.config import Organisation
from assistant.errors import LuisterError, StoreUnavailable
from assistant.ground import sources
from assistant.opening import opened
from assistant.paths import state_of
from assistant.rules.phrases import words
from assistant.store import Decision, Work, utcnow
from assistant.store.aliases import learned
from assistant.terminal import counted, plain

Learned = tuple[tuple[str, Alias], ...]


async def learned_in(folder: Path) -> Learned:
    """Return what the store of `folder` learned; nothing where there is none or it is away."""
    if not os.environ.get("LUISTER_REDIS_URL") and not state_of(folder).exists():
        return ()
    try:
        async with opened(folder) as (_, store):
            return await learned(store)
    except StoreUnavailable as error:
        print(f"{error}; what was learned is left out", file=sys.stderr)
        return ()


async def list_learned(args: argparse.Namespace) -> int:
    """Print what was learned and stands in no file yet, as lines for each file's aliases."""
    async with opened(args.config) as (organisation, store):
        found = await learned(store)
    # A file wants each phrase once, whoever else taught it too: the first is named.
    first = {(each.answer, words(each.phrase)): (case, each) for case, each in reversed(found)}
    lines: dict[str, list[str]] = defaultdict(list)
    for case, each in reversed(first.values()):
        answer = next(iter(sources(organisation, (each.answer,))), None)
        if answer is None:
            lines[f"{each.answer}: no such answer any more"].append(_line(case, each, organisation))
        elif not known(answer, each.phrase):
            lines[answer.path].append(_line(case, each, organisation))
    for where, told in sorted(lines.items()):
        print(where, *told, sep="\n", end="\n\n")
    print(f"{sum(map(len, lines.values()))} learned that stand in no file")
    return 0


def _line(case: str, alias: Alias, organisation: Organisation) -> str:
    phrase = json.dumps(alias.phrase, ensure_ascii=False)
    by = f"{alias.by.name} ({alias.by.initials}), {organisation.local(alias.at):%Y-%m-%d}"
    return plain(f"    {phrase},  # {by}, case {case}")


async def forget(args: argparse.Namespace) -> int:
    """Take a phrase away from an answer, in the record of every case that taught it."""
    id, phrase = args.words
    async with opened(args.config) as (organisation, store):
        cases = dict.fromkeys(case for case, each in await learned(store) if _is(each, id, phrase))
        if not cases:
            raise LuisterError(f"{id}: learned no such phrase; see `luister answers learned`")
        now = utcnow()

        def decide(case: Case | None) -> Decision:
            if case is None:
                return Decision()
            gone = [each for each in case.taught if _is(each, id, phrase)]
            events = tuple(Event(kind=Kind.UNTAUGHT, at=now, alias=each) for each in gone)
            lane = organisation.channel(case.department, case.official)
            return Decision(events=events, work=(Work(lane=lane),))

        for case in cases:
            await store.decide(case, decide, now=now)
    print(f"{id} is no longer found by these words (taught in {counted(len(cases), 'case')})")
    return 0


def _is(alias: Alias, id: str, phrase: str) -> bool:
    return alias.answer == id and words(alias.phrase) == words(phrase)


def lapsed(found: Learned, organisation: Organisation, today: date) -> Iterator[str]:
    """Yield what was learned of answers nobody can use any more."""
    valid = {each.id for each in organisation.answers if each.valid_until >= today}
    ids = {each.id for each in organisation.answers}
    for _, each in found:
        if each.answer not in valid:
            why = "has expired" if each.answer in ids else "is no more"
            phrase = plain(json.dumps(each.phrase, ensure_ascii=False))
            yield f"learned: {phrase}: the answer {each.answer} {why}"
