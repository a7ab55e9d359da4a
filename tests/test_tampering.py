"""Tampering: whatever is changed, removed or put in is found by verify, and named."""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from assistant.audit import Witness, line_of, parse_line, verify
from assistant.case import Event, Kind, State
from assistant.store import Store, open_store
from assistant.store.ledger import roots
from tests.core import START, WRITER, add, new_case, queued_case


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


Tamper = Callable[[Store, str], Awaitable[object]]


async def _town(store: Store) -> str:
    """Make three cases with a root behind them; return the second, the one to tamper with."""
    await queued_case(store, "before")
    case = await queued_case(store, "p1")
    await add(store, case, Event(kind=Kind.UNDONE, at=START, by=WRITER, note="it rained"))
    await new_case(store, "after", author="did:other")
    assert await Witness(store).take(now=START) is not None
    assert (await verify(store)).broken is None
    return case


async def _told(store: Store) -> str:
    broken = (await verify(store)).broken
    assert broken is not None
    return broken


def _flipped(value: bytes, at: int, chance: random.Random) -> bytes:
    """Return `value` with another byte at `at`."""
    other = chance.choice([each for each in range(256) if each != value[at]])
    return value[:at] + bytes([other]) + value[at + 1 :]


@pytest.mark.parametrize("seed", range(3))
async def test_one_byte_changed_in_an_event_is_named(store: Store, seed: int) -> None:
    case, chance = await _town(store), random.Random(seed)
    key = store.keys.events(case)
    for index, row in enumerate(await store.raw.lrange(key, 0, -1)):
        for at in chance.sample(range(len(row)), 12):
            await store.raw.lset(key, index, _flipped(row, at, chance))
            told = await _told(store)
            assert told.startswith(f"case {case} event {index + 1}: "), (at, told)
        await store.raw.lset(key, index, row)
    assert (await verify(store)).broken is None


@pytest.mark.parametrize("field", ["snapshot", "version", "head", "state"])
async def test_one_byte_changed_in_a_snapshot_is_named(store: Store, field: str) -> None:
    case, chance = await _town(store), random.Random(1)
    key = store.keys.case(case)
    stored = await store.raw.hget(key, field)
    for at in range(0, len(stored), 1 + len(stored) // 150):
        other = stored[:at] + b"7" + stored[at + 1 :]
        changed = other if other != stored else stored[:at] + b"8" + stored[at + 1 :]
        await store.raw.hset(key, field, changed)
        assert f"case {case}: " in await _told(store), at
        if field == "snapshot":
            await store.raw.hset(key, field, _flipped(stored, at, chance))
            assert f"case {case}: its snapshot" in await _told(store), at


async def test_a_case_hidden_from_or_shown_in_another_list_is_named(store: Store) -> None:
    case, lists = await _town(store), store.keys.cases
    stands = f"case {case}: state open, listed under "
    score = await store.redis.zscore(lists + "open", case)
    await store.redis.zrem(lists + "open", case)
    assert await _told(store) == stands + "none; its events say open"
    await store.redis.zadd(lists + "closed", {case: score})
    assert await _told(store) == stands + "closed; its events say open"
    await store.redis.zadd(lists + "open", {case: score})
    assert await _told(store) == stands + "open, closed; its events say open"
    await store.redis.zrem(lists + "closed", case)
    assert (await verify(store)).broken is None
    await store.redis.hset(store.keys.case(case), "state", "closed")
    told = f"case {case}: state closed, listed under open; its events say open"
    assert await _told(store) == told


async def test_another_spelling_of_the_same_moment_in_a_snapshot_is_named(store: Store) -> None:
    case = await _town(store)
    key = store.keys.case(case)
    stored = await store.raw.hget(key, "snapshot")
    changed = stored.replace(b"2026-11-20T", b"2026-11-20 ", 1)
    assert changed != stored
    await store.raw.hset(key, "snapshot", changed)
    assert await _told(store) == f"case {case}: its snapshot is not the fold of its events"


async def test_one_byte_changed_in_a_text_is_named(store: Store) -> None:
    case, chance = await _town(store), random.Random(2)
    key = store.keys.private(case)
    values = await store.raw.hgetall(key)
    events = await store.raw.lrange(store.keys.events(case), 0, -1)
    assert len(values) > 6
    for commitment, stored in values.items():
        last = max(n for n, row in enumerate(events, start=1) if commitment in row)
        for at in chance.sample(range(len(stored)), 8):
            await store.raw.hset(key, commitment, _flipped(stored, at, chance))
            assert await _told(store) == f"case {case} event {last}: its text was changed", at
        await store.raw.hdel(key, commitment)
        gone = f"case {case} event {last}: its text is missing without an erasure"
        assert await _told(store) == gone
        await store.raw.hset(key, commitment, stored)
    assert (await verify(store)).broken is None


async def _remove_event(store: Store, case: str) -> object:
    rows = await store.raw.lrange(store.keys.events(case), 0, -1)
    return await store.raw.lrem(store.keys.events(case), 1, rows[2])


async def _remove_last_event(store: Store, case: str) -> object:
    return await store.raw.rpop(store.keys.events(case))


async def _add_event(store: Store, case: str) -> object:
    rows = await store.raw.lrange(store.keys.events(case), 0, -1)
    return await store.raw.rpush(store.keys.events(case), rows[-1])


async def _swap_events(store: Store, case: str) -> None:
    key = store.keys.events(case)
    rows = await store.raw.lrange(key, 0, -1)
    await store.raw.lset(key, 2, rows[3])
    await store.raw.lset(key, 3, rows[2])


async def _add_value(store: Store, case: str) -> object:
    return await store.raw.hset(store.keys.private(case), "0" * 64, "salt:a word put in")


async def _remove_case(store: Store, case: str) -> object:
    keys = store.keys
    return await store.raw.delete(keys.case(case), keys.events(case), keys.private(case))


async def _remove_log_entry(store: Store, case: str) -> object:
    ids = [id for id, row in await store.redis.xrange(store.keys.log) if row["c"] == case]
    return await store.redis.xdel(store.keys.log, ids[2])


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (_remove_event, "case {case} event 3: its bytes do not match the log's hash"),
        (_remove_last_event, "case {case}: 5 events stored, 6 in the log"),
        (_add_event, "case {case}: 7 events stored, 6 in the log"),
        (_swap_events, "case {case} event 3: its bytes do not match the log's hash"),
        (_add_value, "case {case}: a value nobody cites"),
        (_remove_case, "case {case}: removed; the log has 6 events of it"),
        (_remove_log_entry, "case {case} goes from version 2 to 4"),
    ],
)
async def test_what_is_removed_swapped_or_added_is_named(
    store: Store, tamper: Tamper, named: str
) -> None:
    case = await _town(store)
    await tamper(store, case)
    told = await _told(store)
    assert told.endswith(named.format(case=case)), told


async def _rewrite_log(store: Store, keep: Callable[[int, dict[str, str]], bool]) -> None:
    """Write the log anew, as a thief with the whole server would, with only what to `keep`."""
    rows = await store.redis.xrange(store.keys.log)
    await store.redis.delete(store.keys.log)
    for number, (id, row) in enumerate(rows):
        if keep(number, row):
            await store.redis.xadd(store.keys.log, row, id=id)


async def _root_line(store: Store) -> str:
    """Take the newest root as its line stands in the channel, and destroy the one kept here."""
    newest = (await roots(store))[-1]
    await store.redis.delete(store.keys.roots)
    return line_of(newest, organisation="town")


async def test_a_case_removed_everywhere_is_found_by_the_line_from_the_channel(
    store: Store,
) -> None:
    case = await _town(store)
    line = await _root_line(store)
    await _remove_case(store, case)
    await _rewrite_log(store, lambda _, row: row["c"] != case)
    for state in State:
        await store.redis.zrem(store.keys.cases + state, case)
    assert (await verify(store)).broken is None  # nothing here could tell
    told = await verify(store, witnesses=[parse_line(line)])
    assert told.broken == "root of 2026-11-20 12:00:00: cases were 3 and are 2: 1 removed"


async def test_a_tail_cut_everywhere_is_found_by_the_line_from_the_channel(store: Store) -> None:
    await _town(store)
    line = await _root_line(store)
    log = await store.redis.xrange(store.keys.log)
    last = log[-1][1]["c"]
    await _remove_case(store, last)
    await _rewrite_log(store, lambda number, _: number < len(log) - 1)
    for state in State:
        await store.redis.zrem(store.keys.cases + state, last)
    assert (await verify(store)).broken is None  # nothing here could tell
    told = (await verify(store, witnesses=[parse_line(line)])).broken or ""
    assert told.startswith(f"root of 2026-11-20 12:00:00: the log ends at {log[-2][0]} where ")
    assert log[-1][0] in told
    assert "its tail was cut" in told


async def test_a_history_rewritten_throughout_is_found_by_the_line(store: Store) -> None:
    """Every hash is made anew, so that all agrees with itself; only the root does not."""
    await new_case(store, text="I never asked for this")
    await Witness(store).take(now=START)
    line = await _root_line(store)
    position = (await store.redis.xrange(store.keys.log))[0][0]
    await store.redis.flushall()
    await store.start()
    await new_case(store, text="I did ask for this")
    [(_, row)] = await store.redis.xrange(store.keys.log)
    await store.redis.delete(store.keys.log)
    await store.redis.xadd(store.keys.log, row, id=position)
    assert (await verify(store)).broken is None
    told = await verify(store, witnesses=[parse_line(line)])
    assert told.broken is not None
    assert told.broken.endswith("the heads of the cases fold to another value")


async def test_a_kept_root_that_was_changed_is_named(store: Store) -> None:
    await _town(store)
    stored = json.loads((await store.redis.lrange(store.keys.roots, 0, -1))[0])
    for change in ({"root": "0" * 64}, {"cases": 4}, {"entries": 1}, {"position": "9-9"}):
        await store.redis.lset(store.keys.roots, 0, json.dumps(stored | change))
        assert "root of 2026-11-20 12:00:00" in await _told(store), change
    for broken in ("{", json.dumps(stored | {"position": "here"})):
        await store.redis.lset(store.keys.roots, 0, broken)
        assert await _told(store) == "a root in the store cannot be read"
