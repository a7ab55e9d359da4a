"""Prove every step afterwards: roots for a witness outside, verify, and erasing one citizen."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pydantic import ValidationError

from assistant.case import FINISHED, Case, Event, IllegalMove, Kind, State, evolve, handle_key
from assistant.errors import LuisterError
from assistant.store import Decision, Store, Work
from assistant.store.aliases import teachers
from assistant.store.lanes import forget_messages, messages_of, shown
from assistant.store.ledger import (
    Entry,
    Heads,
    Kept,
    Root,
    forget_citizen,
    forget_quarantined,
    kept,
    log_entries,
    owe_rewrite,
    rewrite,
    rewrite_owed,
    roots,
    save_root,
)
from assistant.store.quoted import speakers, unquote
from assistant.store.vault import Vault, cited, commit, indexed


def line_of(root: Root, *, organisation: str) -> str:
    """Return the line posted in the supervisors' channel."""
    return (
        f"luister-root {organisation} at={root.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} "
        f"position={root.position} entries={root.entries} cases={root.cases} root={root.root}"
    )


_LINE = re.compile(
    r"luister-root (?P<organisation>\S+) at=(?P<at>\S+) position=(?P<position>\d+-\d+) "
    r"entries=(?P<entries>\d+) cases=(?P<cases>\d+) root=(?P<root>[0-9a-f]{64})"
)


class BadRootLine(LuisterError):
    """What was given as --root is no root line."""


def parse_line(line: str) -> Root:
    """Read a root line as copied from the channel; raises BadRootLine."""
    found = _LINE.search(line)
    if found is None:
        raise BadRootLine("that is no root line; copy the whole line that starts with luister-root")
    names = ("at", "position", "entries", "cases", "root")
    try:
        return Root.model_validate({name: found[name] for name in names})
    except ValidationError as error:
        raise BadRootLine("that root line was changed: its time or its numbers are none") from error


class Witness:
    """Takes roots as the log grows; keeps what it read, so that a root costs only what is new."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heads = Heads()

    async def take(self, *, now: datetime) -> Root | None:
        """Return and keep the root of all that is new, or None when nothing is."""
        before = self._heads.entries
        async for entry in log_entries(self._store, after=self._heads.position):
            self._heads.add(entry)
        if self._heads.entries == before:
            return None
        root = self._heads.root(now)
        return root if await save_root(self._store, root) else None


@dataclass(kw_only=True)
class Verified:
    """What was checked, and the first broken thing (None when all holds)."""

    events: int = 0
    cases: int = 0
    roots: int = 0
    erased: int = 0
    broken: str | None = None


class Broken(LuisterError):
    """Something does not hold; the message names it."""


async def verify(
    store: Store,
    *,
    witnesses: Sequence[Root] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verified:
    """Check every event, snapshot, text and root; `witnesses` are root lines from the chat."""
    result = Verified()
    try:
        hashes, heads = await _verify_log(store, witnesses, result)
        found = set(hashes) | set(await store.ids()) | await teachers(store)
        for done, case in enumerate(sorted(found), start=1):
            held = await kept(store, case)
            # Work goes on meanwhile: what came since must stand in the log by now.
            while len(held.events) > len(hashes.get(case, [])):
                if not await _catch_up(store, hashes, heads):
                    break
                held = await kept(store, case)
            _verify_case(case, held, hashes.get(case, []), result)
            progress(done, len(found))
    except Broken as broken:
        result.broken = str(broken)
    return result


async def _verify_log(
    store: Store, witnesses: Sequence[Root], result: Verified
) -> tuple[dict[str, list[str]], Heads]:
    """Walk the log once: versions without a gap, and every root met at its position."""
    hashes: dict[str, list[str]] = {}
    heads = Heads()
    try:
        waiting = sorted({*await roots(store), *witnesses}, key=lambda root: _key(root.position))
    except ValueError as error:
        raise Broken("a root in the store cannot be read") from error
    async for entry in log_entries(store):
        while waiting and _key(waiting[0].position) < _key(entry.id):
            _meet(waiting.pop(0), heads, result)
        _follow(entry, hashes, heads)
    for root in waiting:
        _meet(root, heads, result)
    return hashes, heads


def _follow(entry: Entry, hashes: dict[str, list[str]], heads: Heads) -> None:
    heads.add(entry)
    known = hashes.setdefault(entry.case, [])
    if entry.version != len(known) + 1:
        raise Broken(
            f"log {entry.id}: case {entry.case} goes from version {len(known)} to {entry.version}"
        )
    known.append(entry.hash)


async def _catch_up(store: Store, hashes: dict[str, list[str]], heads: Heads) -> bool:
    """Read what the log got since; False when there is nothing."""
    before = heads.entries
    async for entry in log_entries(store, after=heads.position):
        _follow(entry, hashes, heads)
    return heads.entries > before


def _meet(root: Root, heads: Heads, result: Verified) -> None:
    told = f"root of {root.at:%Y-%m-%d %H:%M:%S}"
    if heads.position != root.position:
        raise Broken(
            f"{told}: the log ends at {heads.position} where {root.position} should be: "
            f"its tail was cut or its entry removed"
        )
    now = heads.root(root.at)
    for name in ("cases", "entries"):
        was, held = getattr(root, name), getattr(now, name)
        if was != held:
            raise Broken(f"{told}: {name} were {was} and are {held}: {abs(was - held)} removed")
    if now.root != root.root:
        raise Broken(f"{told}: the heads of the cases fold to another value")
    result.roots += 1


def _key(id: str) -> tuple[int, int]:
    time, number = id.split("-")
    return int(time), int(number)


def _verify_case(case: str, held: Kept, hashes: Sequence[str], result: Verified) -> None:
    """Check one case: bytes against hashes, the chain, the fold, the values."""
    if not held.events:
        raise Broken(f"case {case}: removed; the log has {len(hashes)} events of it")
    head, sealed = "", None
    erased_at, named, gone = 0, {}, {}
    for version, (stored, expected) in enumerate(zip(held.events, hashes, strict=False), start=1):
        told = f"case {case} event {version}"
        if sha256(stored).hexdigest() != expected:
            raise Broken(f"{told}: its bytes do not match the log's hash")
        event = _read(told, stored, case=case, version=version, head=head)
        sealed = _folded(told, sealed, event, case)
        head = expected
        erased_at = version if event.kind is Kind.ERASED else erased_at
        named.update(dict.fromkeys(cited(event), version))
        gone.update(dict.fromkeys(event.gone, version))
        result.events += 1
    if len(held.events) != len(hashes):
        raise Broken(f"case {case}: {len(held.events)} events stored, {len(hashes)} in the log")
    if (held.version, held.head) != (len(hashes), head):
        raise Broken(f"case {case}: version or head stored differs from its events")
    _verify_snapshot(case, held, sealed)
    _verify_index(case, held, sealed)
    _verify_values(case, held, named, {each: max(erased_at, gone.get(each, 0)) for each in named})
    if sealed is None or held.taught != indexed(sealed.taught, Vault(held.private)):
        raise Broken(f"case {case}: the search holds other words of it than colleagues taught")
    result.cases += 1
    result.erased += bool(erased_at)


def _read(told: str, stored: bytes, *, case: str, version: int, head: str) -> Event:
    try:
        outer = json.loads(stored)
        event = Event.model_validate(outer["event"])
        place = (outer["case"], outer["version"], outer["prev"])
    except (ValueError, KeyError, TypeError) as error:
        raise Broken(f"{told}: cannot be read") from error
    if place != (case, version, head):
        raise Broken(f"{told}: does not follow the event before it")
    return event


def _folded(told: str, sealed: Case | None, event: Event, case: str) -> Case:
    try:
        return evolve(sealed, event, id=case)
    except (IllegalMove, AssertionError) as error:
        raise Broken(f"{told}: {error}") from error


def _verify_snapshot(case: str, held: Kept, sealed: Case | None) -> None:
    try:
        snapshot = json.loads(held.snapshot)
    except ValueError as error:
        raise Broken(f"case {case}: its snapshot cannot be read") from error
    # As JSON: a model reads more than one spelling of the same moment.
    if sealed is None or snapshot != json.loads(sealed.model_dump_json(exclude_defaults=True)):
        raise Broken(f"case {case}: its snapshot is not the fold of its events")


def _verify_index(case: str, held: Kept, sealed: Case | None) -> None:
    """A case stands under its own state and no other: there lists, sweeps and retention look."""
    state = str(sealed.state) if sealed else ""
    if (held.state, held.listed) != (state, (state,)):
        told = f"state {held.state or 'none'}, listed under {', '.join(held.listed) or 'none'}"
        raise Broken(f"case {case}: {told}; its events say {state}")


def _verify_values(case: str, held: Kept, named: dict[str, int], gone: dict[str, int]) -> None:
    """Every value matches its commitment; one may be gone only after an erasure that says so."""
    for commitment, stored in held.private.items():
        salt, _, value = stored.partition(":")
        if commitment not in named:
            raise Broken(f"case {case}: a value nobody cites")
        if commit(salt, value) != commitment:
            raise Broken(f"case {case} event {named[commitment]}: its text was changed")
    for commitment, version in named.items():
        if commitment not in held.private and version > gone[commitment]:
            raise Broken(f"case {case} event {version}: its text is missing without an erasure")


@dataclass(kw_only=True)
class Erased:
    """What an erasure did: cases emptied, those that must wait, chat messages to be deleted."""

    cases: int = 0
    waiting: tuple[str, ...] = ()
    messages: int = 0
    quarantined: int = 0
    rewritten: bool = False


async def erase_citizen(
    store: Store, handle: str, *, platforms: Iterable[str], now: datetime
) -> Erased:
    """Erase one citizen, named by `handle`: their cases, indexes, quarantine and chat messages.

    A case whose reply is on its way is left alone and named in `waiting`.
    """
    names = tuple(platforms)
    found = {
        case for name in names for case in await store.cases_of(name, "handle", handle_key(handle))
    }
    citizens: set[tuple[str, ...]] = {(name, "handle", handle_key(handle)) for name in names}
    for case in tuple(found):
        citizens |= _citizens((await store.load(case)).case)
    for author in [each for each in citizens if each[1] == "author"]:
        for case in set(await store.cases_of(*author)) - found:
            # What tells that this author bears the handle may go before this case may.
            await _tie(store, case, (author[0], "handle", handle_key(handle)), now=now)
            found.add(case)
    result = Erased()
    others: set[tuple[str, ...]] = set()
    for case in sorted(found):
        held = (await store.load(case)).case
        citizens |= _citizens(held)
        others |= _speakers(held)
        messages = await erase_case(store, case, reason="request", now=now)
        if messages is None:
            result.waiting += (case,)
        else:
            result.cases += held is not None and not held.erased
            result.messages += messages
    result.quarantined = await forget_quarantined(store, citizens)
    await unquote(store, citizens, now=now)
    for case in () if result.waiting else sorted(found):
        loaded = await store.load(case)
        if loaded.case is not None and loaded.case.erased:
            await forget_citizen(store, citizens | others, case=case, version=loaded.version)
    result.rewritten = await rewrite(store)
    return result


def _citizens(case: Case | None) -> set[tuple[str, ...]]:
    """Return what a case is found by: its posts' authors and handles; nothing once erased."""
    posts = () if case is None or case.erased else case.posts
    found = {(each.platform, "author", each.author) for each in posts if each.author}
    return found | {
        (each.platform, "handle", handle_key(each.handle)) for each in posts if each.handle
    }


def _speakers(case: Case | None) -> set[tuple[str, ...]]:
    """Return under which names a case is found by others who speak above its posts."""
    posts = () if case is None or case.erased else case.posts
    return {name for each in posts for name in speakers(each)}


async def _tie(store: Store, case: str, *citizens: tuple[str, ...], now: datetime) -> None:
    """Let a case be found as these citizens'."""
    await store.decide(case, lambda _: Decision(citizens=citizens), now=now)


async def _channels(store: Store, case: str) -> tuple[str, ...]:
    """Return the channels in which something about a case stands, or is being posted."""
    now_shown = await shown(store, case)
    places = (*await messages_of(store, case), now_shown.at, now_shown.posting)
    return tuple(sorted({each.channel for each in places if each} - {"digest"}))


async def erase_case(
    store: Store,
    id: str,
    *,
    reason: str,
    now: datetime,
    due: Callable[[Case], bool] = lambda case: True,
) -> int | None:
    """Empty one case; return how many chat messages go with it.

    None while a reply is on its way or being taken back or corrected, or when the case, as it is by
    then, is not `due`.
    """
    moving = (State.QUEUED, State.SENDING, State.IN_DOUBT)

    def decide(case: Case | None) -> Decision:
        if case is None or case.erased or case.state in moving or case.amending or not due(case):
            return Decision()
        event = Event(kind=Kind.ERASED, at=now, reason=reason)
        return Decision(events=(event,), work=work, forget=True)

    # Should we stop half-way, whoever serves these lanes takes the messages away, and the next
    # retention rewrites the files.
    work = tuple(Work(lane=each) for each in await _channels(store, id))
    await owe_rewrite(store)
    case = (await store.decide(id, decide, now=now)).case
    if case is None or not case.erased:
        return None
    return await forget_messages(store, id, now=now)


async def retire(store: Store, *, days: int, now: datetime) -> int:
    """Erase the cases that were finished more than `days` ago; return how many."""
    retired, until = 0, now - timedelta(days=days)

    def due(case: Case) -> bool:
        return case.state in FINISHED and case.updated_at <= until

    for case in await store.ids(*FINISHED, until=until):
        loaded = await store.load(case)
        if loaded.case is None or loaded.case.erased or not due(loaded.case):
            continue
        # The index first: once the case is empty nothing tells whose it was.
        citizens = _citizens(loaded.case) | _speakers(loaded.case)
        await forget_citizen(store, citizens, case=case, version=loaded.version)
        if await erase_case(store, case, reason="retention", now=now, due=due) is not None:
            retired += 1
        else:  # its citizen wrote at that very moment
            await _tie(store, case, *citizens, now=now)
    if await rewrite_owed(store):
        await rewrite(store)
    return retired
