"""The audit trail as bytes: the organisation's log, each case's chain, roots, and erasing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from redis.exceptions import ResponseError

from assistant.case import Frozen, State, handle_key
from assistant.store import Store
from assistant.store.link import translated

PAGE = 1000
"""Log entries read in one go."""


class Entry(Frozen):
    """One line of the organisation's log: which event of which case, and its hash."""

    id: str
    case: str
    version: int
    hash: str


class Root(Frozen):
    """All heads folded into one value, at one position of the log."""

    at: datetime
    position: str
    entries: int
    cases: int
    root: str


class Heads:
    """The newest version and hash of every case, folded from the log as it is read."""

    def __init__(self) -> None:
        self._heads: dict[str, tuple[int, str]] = {}
        self.position = "0-0"
        self.entries = 0

    def add(self, entry: Entry) -> None:
        self._heads[entry.case] = (entry.version, entry.hash)
        self.position = entry.id
        self.entries += 1

    def root(self, at: datetime) -> Root:
        """Fold all heads, in order of the cases' ids, into one SHA-256."""
        fold = sha256()
        for case, (version, head) in sorted(self._heads.items()):
            fold.update(f"{case} {version} {head}\n".encode())
        return Root(
            at=at,
            position=self.position,
            entries=self.entries,
            cases=len(self._heads),
            root=fold.hexdigest(),
        )


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Everything stored of one case, as bytes; `listed` are the states it is listed under.

    `taught` is what the index of learned words holds of it.
    """

    events: tuple[bytes, ...]
    version: int
    head: str
    snapshot: bytes
    private: dict[str, str]
    state: str
    listed: tuple[str, ...]
    taught: str


async def log_entries(store: Store, *, after: str = "0-0") -> AsyncIterator[Entry]:
    """Yield the log in order, from the entry behind `after`."""
    while True:
        async with translated():
            rows = await store.redis.xrange(store.keys.log, f"({after}", "+", count=PAGE)
        for id, row in rows:
            after = id
            yield Entry(id=id, case=row["c"], version=int(row["v"]), hash=row["h"])
        if len(rows) < PAGE:
            return


async def kept(store: Store, case: str) -> Kept:
    """Read one case's stored bytes; broken UTF-8 is kept visible, never an error."""
    keys = store.keys
    async with translated(), store.raw.pipeline(transaction=True) as pipe:
        pipe.lrange(keys.events(case), 0, -1)
        pipe.hmget(keys.case(case), "version", "head", "snapshot", "state")
        pipe.hgetall(keys.private(case))
        pipe.hget(keys.aliases, case)
        for each in State:
            pipe.zscore(keys.cases + each, case)
        events, (version, head, snapshot, state), private, taught, *scores = await pipe.execute()
    return Kept(
        events=tuple(events),
        version=int(version or 0),
        head=(head or b"").decode("utf-8", "replace"),
        snapshot=snapshot or b"",
        private={
            key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for key, value in private.items()
        },
        state=(state or b"").decode("utf-8", "replace"),
        listed=tuple(each.value for each, at in zip(State, scores, strict=True) if at is not None),
        taught=(taught or b"").decode("utf-8", "replace"),
    )


async def save_root(store: Store, root: Root) -> bool:
    """Keep a root; False when another process was first with the same one."""

    async def push(pipe: Any) -> bool:
        rows = await pipe.lrange(store.keys.roots, 0, -1)
        pipe.multi()
        if any(Root.model_validate_json(row).root == root.root for row in rows):
            return False
        pipe.rpush(store.keys.roots, root.model_dump_json())
        return True

    async with translated():
        saved: bool = await store.redis.transaction(
            push, store.keys.roots, value_from_callable=True
        )
    return saved


async def roots(store: Store) -> tuple[Root, ...]:
    async with translated():
        rows = await store.redis.lrange(store.keys.roots, 0, -1)
    return tuple(Root.model_validate_json(row) for row in rows)


async def forget_citizen(
    store: Store, citizens: Iterable[tuple[str, ...]], *, case: str, version: int
) -> None:
    """Let a case no more be found as these citizens', unless it moved on from `version`."""
    names = [store.keys.citizen + store.hash("citizen", *each) for each in citizens]

    async def forget(pipe: Any) -> None:
        stands = int(await pipe.hget(store.keys.case(case), "version") or 0)
        pipe.multi()
        for name in names if stands == version else ():
            pipe.srem(name, case)

    async with translated():
        await store.redis.transaction(forget, store.keys.case(case))


async def forget_quarantined(store: Store, citizens: Collection[tuple[str, ...]]) -> int:
    """Delete quarantined records of these citizens (platform, kind, value); return how many."""
    async with translated():
        rows = await store.redis.hgetall(store.keys.quarantine)
        names = [id for id, row in rows.items() if _is_of(str(json.loads(row)["raw"]), citizens)]
        if names:
            await store.redis.hdel(store.keys.quarantine, *names)
    return len(names)


def _is_of(raw: str, citizens: Collection[tuple[str, ...]]) -> bool:
    """Tell whether a post is by one of the citizens or below one's words, or a record names one."""
    try:
        post = json.loads(raw)["post"]
        author = (post["platform"], "author", post["author"])
        spoke = (post["handle"], *(each["author"] for each in post.get("above", ())))
        handles = {(post["platform"], "handle", handle_key(each or "")) for each in spoke}
    except (ValueError, KeyError, TypeError, AttributeError):
        return any(_named(raw, value) for _, _, value in citizens if value)
    return bool({author, *handles} & set(citizens))


def _named(raw: str, word: str) -> bool:
    # A JSON record may hold JSON once more, where every quote and accent is escaped again.
    with suppress(ValueError):
        raw += json.dumps(json.loads(raw), ensure_ascii=False)
    # Whole names only: neither "jan" in "janneke" or "jan.de.wit", nor in "piet@jan".
    whole = rf"(?<![\w.-])(?<!\w@){re.escape(word.casefold())}(?![\w-]|[.@]\w)"
    return re.search(whole, raw.casefold()) is not None


async def owe_rewrite(store: Store) -> None:
    """Remember, before something is deleted, that the server's files must be rewritten after it."""
    async with translated():
        await store.redis.hincrby(store.keys.start + "rewrites", "owed")


async def rewrite_owed(store: Store) -> bool:
    """Tell whether something was deleted since the newest rewrite that was done began."""
    async with translated():
        owed, done = await store.redis.hmget(store.keys.start + "rewrites", "owed", "done")
    return bool(owed != done)


async def rewrite(store: Store, *, patience: float = 60.0) -> bool:
    """Have the server rewrite its files, so that what was deleted stands in no byte of them.

    Returns False when the server does not let us, or is not done within `patience` seconds. Raises
    StoreUnavailable when it is away; what is owed is then still owed.
    """
    async with translated():
        try:
            return await _rewritten(store, patience=patience)
        except ResponseError:  # a hosted Redis may forbid CONFIG
            return False


async def _rewritten(store: Store, *, patience: float) -> bool:
    key = store.keys.start + "rewrites"
    owed = await store.redis.hget(key, "owed")
    # A rewrite under way began before the deletion.
    await _written(store, patience=patience)
    config = await store.redis.config_get("appendonly", "save")
    if config.get("appendonly") == "yes":
        await store.redis.bgrewriteaof()
    if config.get("save"):
        await store.redis.bgsave(schedule=True)
    written = await _written(store, patience=patience)
    if written and owed:
        await store.redis.hset(key, "done", owed)
    return written


async def _written(store: Store, *, patience: float) -> bool:
    for _ in range(int(patience / 0.1)):
        info: dict[str, Any] = await store.redis.info("persistence")
        busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        if not any(info.get(name) for name in busy):
            return bool(info.get("aof_last_bgrewrite_status", "ok") == "ok")
        await asyncio.sleep(0.1)
    return False


async def persistence(store: Store) -> tuple[str, ...]:
    """Return what falls short in how the server keeps data; empty when all is well.

    Raises StoreUnavailable when the server is away.
    """
    async with translated():
        try:
            config = await store.redis.config_get("appendonly", "appendfsync", "maxmemory-policy")
        except ResponseError:  # a hosted Redis may forbid CONFIG
            return ("the server does not tell how it keeps data",)
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    return tuple(
        f"{name} is {config.get(name, 'unknown')}, should be {value}"
        for name, value in wanted.items()
        if config.get(name) != value
    )
