"""Redis: load and record a case in one atomic step; indexes over cases."""

import json
import secrets
from base64 import b32encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

from assistant.case import Case, Event, State, evolve
from assistant.errors import Conflict
from assistant.store.keys import Keys
from assistant.store.link import Scripts, client, close, translated
from assistant.store.vault import Vault, link, teaching, transform

Step = Literal["triage", "draft", "rewrite", "send", "wake", "amend", "appear"]
STEPS: tuple[Step, ...] = ("triage", "draft", "rewrite", "send", "wake", "amend", "appear")
URGENT = 0.0
"""The rank of an emergency in its lane: before every moment in time."""
TEXTS = 20
"""How many texts of one post are known again, so that the index stays small."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What to do next for a case: a step, or showing it in a lane (a channel); now or `at` a time.

    It is only a wake-up: whoever takes it looks at the case to see what to do.
    """

    step: Step | None = None
    lane: str | None = None
    rank: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the index keeps of a post that arrived: `post` is its mark, `text` its exact text.

    `also` are marks of other names it has, `before` the keyed hashes of the texts it had earlier,
    `thread` is the mark of its thread's root, and `members` the posts now known to belong to it.
    """

    post: str
    text: str
    new: bool
    also: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    thread: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a step decided about a case: events and the work that follows, recorded as one.

    `remote` is a reply's place on its platform with the reply's id; `forget` deletes the case's
    private values, all that were recorded before.
    """

    events: tuple[Event, ...] = ()
    work: tuple[Work, ...] = ()
    seen: Seen | None = None
    citizens: tuple[tuple[str, ...], ...] = ()
    remotes: tuple[tuple[str, str], ...] = ()
    forget: bool = False


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One delivery of work; recording acknowledges it in the same step."""

    step: Step
    entry: str


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A case as read: the fold, its version and chain head, and what opens its private values."""

    id: str
    case: Case | None
    sealed: Case | None
    version: int
    head: str
    vault: Vault = field(repr=False)
    repeated: bool = False


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The case after recording; `repeated` when this command had been recorded before.

    `seen` is what is known of a post that had arrived before: its case and the keyed hashes of its
    texts; nothing was recorded.
    `taken` says that another reply holds the remote id; nothing was recorded.
    """

    case: Case | None
    version: int
    repeated: bool = False
    seen: tuple[str, tuple[str, ...]] | None = None
    taken: bool = False


class Store:
    """One organisation's cases in Redis. Use `async with open_store(...)`."""

    def __init__(self, url: str, organisation: str) -> None:
        self.keys = Keys(organisation)
        # Any: the SDK's hints say `bytes | str` even where it decodes.
        self.redis: Any = client(url)
        self.reader: Any = client(url, timeout=10)
        self.raw: Any = client(url, timeout=10, decode=False)
        self.script = Scripts(self.redis)
        self._secret = b""

    async def start(self) -> None:
        """Reach the server and read (or make) the key of the keyed hashes.

        Raises StoreUnavailable.
        """
        async with translated():
            await self.redis.set(self.keys.secret, secrets.token_hex(32), nx=True)
            self._secret = bytes.fromhex(await self.redis.get(self.keys.secret))

    async def close(self) -> None:
        await close(self.redis, self.reader, self.raw)

    def hash(self, *parts: str) -> str:
        """Return a keyed hash (128 bits) of `parts`: findable by us, unreadable to others."""
        joined = json.dumps(parts, ensure_ascii=False).encode()
        return blake2b(joined, key=self._secret, digest_size=16).hexdigest()

    def mark(self, *post: str) -> str:
        """Return the mark of a post (platform, id) under which indexes know it."""
        return self.hash("post", *post)

    def case_id(self, *key: str) -> str:
        """Return the id of the case with this key (platform, mark of the thread's root, author).

        The same key always gives the same case, so two first posts at once still make one.
        """
        digest = bytes.fromhex(self.hash("case", *key))
        return "c" + b32encode(digest[:10]).decode().lower()

    async def load(self, id: str, *, command: str | None = None) -> Loaded:
        """Read a case; `repeated` tells whether `command` was recorded before."""
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(self.keys.case(id), "version", "head", "snapshot")
            pipe.hgetall(self.keys.private(id))
            pipe.hget(self.keys.commands(id), command or "-")
            (version, head, snapshot), private, done = await pipe.execute()
        vault = Vault(private)
        sealed = Case.model_validate_json(snapshot) if snapshot else None
        return Loaded(
            id=id,
            case=transform(sealed, vault.open) if sealed else None,
            sealed=sealed,
            version=int(version or 0),
            head=head or "",
            vault=vault,
            repeated=command is not None and done is not None,
        )

    async def record(
        self,
        loaded: Loaded,
        decision: Decision,
        *,
        command: str | None = None,
        ack: Delivery | None = None,
        now: datetime,
    ) -> Recorded:
        """Append the decision's events to the case that was read, all or nothing, in one step.

        Raises Conflict when the case moved since it was read, IllegalMove when the table has no
        such move, StoreUnavailable when Redis did not answer (say the same `command` again).
        """
        sealed, head, stored, hashes = loaded.sealed, loaded.head, [], []
        for number, event in enumerate(decision.events, start=loaded.version + 1):
            closed = transform(event, loaded.vault.seal)
            sealed = evolve(sealed, closed, id=loaded.id)
            data, head = link(closed, case=loaded.id, version=number, head=head)
            stored.append(data)
            hashes.append(head)
        plan = self._plan(loaded, decision, sealed=sealed, hashes=hashes, now=now)
        # A command that changed nothing is not done: the same one may find more to do later.
        plan |= {"command": command} if command and decision.events else {}
        plan |= {"ack": {"step": ack.step, "entry": ack.entry}} if ack else {}
        outcome, value = await self.script(
            "record", self._record_keys(loaded.id), json.dumps(plan, ensure_ascii=False), *stored
        )
        if outcome == "conflict":
            raise Conflict(loaded.id)
        if outcome == "seen":
            return Recorded(case=loaded.case, version=loaded.version, seen=_seen(value))
        if outcome == "taken":
            return Recorded(case=loaded.case, version=loaded.version, taken=True)
        if outcome == "repeat":
            again = await self.load(loaded.id)
            return Recorded(case=again.case, version=again.version, repeated=True)
        case = transform(sealed, loaded.vault.open) if sealed else None
        return Recorded(case=case, version=value)

    async def decide(
        self,
        id: str,
        decide: Callable[[Case | None], Decision],
        *,
        command: str | None = None,
        ack: Delivery | None = None,
        now: datetime,
    ) -> Recorded:
        """Read, decide, record; when the case moved meanwhile, read and decide again."""
        for _ in range(50):
            loaded = await self.load(id, command=command)
            if loaded.repeated:
                return Recorded(case=loaded.case, version=loaded.version, repeated=True)
            try:
                return await self.record(
                    loaded, decide(loaded.case), command=command, ack=ack, now=now
                )
            except Conflict:
                continue
        raise Conflict(id)

    def _plan(
        self,
        loaded: Loaded,
        decision: Decision,
        *,
        sealed: Case | None,
        hashes: Sequence[str],
        now: datetime,
    ) -> dict[str, Any]:
        plan: dict[str, Any] = {
            "case": loaded.id,
            "version": loaded.version,
            "events": len(decision.events),
            "hashes": hashes,
            "private": loaded.vault.fresh,
            "gone": [commitment for each in decision.events for commitment in each.gone],
            "seen": self._marks(decision.seen) if decision.seen else [],
            "citizens": [self.hash("citizen", *each) for each in decision.citizens],
            "remotes": [
                {"id": self.hash("remote", remote), "reply": reply}
                for remote, reply in decision.remotes
            ],
            "joins": self._joins(loaded.case, decision.events),
            "work": [_wake(each, case=loaded.id, now=now) for each in decision.work],
        }
        plan |= {"forget": True} if decision.forget else {}
        plan |= teaching(loaded.sealed, sealed, loaded.vault)
        if sealed and decision.events:
            plan |= {
                "state": sealed.state,
                "moved": milliseconds(sealed.updated_at),
                "head": hashes[-1],
                "snapshot": sealed.model_dump_json(exclude_defaults=True),
            }
        return plan

    def _joins(self, case: Case | None, events: Sequence[Event]) -> list[dict[str, str]]:
        """Return our answers, which from now on belong to the thread of the case they answer.

        A citizen's answer to them is known by that, also where it comes by another road.
        """
        return [
            {
                "member": self.mark(case.platform, each.remote.id),
                "of": self.mark(case.platform, case.post.id),
            }
            for each in events
            if case is not None and each.remote is not None
        ]

    def _marks(self, seen: Seen) -> list[dict[str, Any]]:
        text = self.hash("text", seen.text)
        before = [each for each in seen.before if each != text]
        kept = {
            "text": " ".join([*before[1 - TEXTS :], text]),
            "new": seen.new,
            "thread": seen.thread,
            "members": seen.members,
        }
        return [{"id": each, **kept} for each in (seen.post, *seen.also)]

    def _record_keys(self, id: str) -> list[str]:
        keys = self.keys
        own = (keys.case(id), keys.events(id), keys.private(id), keys.commands(id))
        shared = (keys.log, keys.seen, keys.threads, keys.later, keys.cases, keys.work)
        return [*own, *shared, keys.lane, keys.lanes, keys.citizen, keys.remotes, keys.aliases]

    async def seen(self, post: str) -> tuple[str, tuple[str, ...]] | None:
        """Return (case, keyed hashes of the texts it had, newest last) of the post with this mark.

        None when no such post arrived.
        """
        async with translated():
            found = await self.redis.hget(self.keys.seen, post)
        return _seen(found) if found else None

    async def threads(self, posts: Sequence[str]) -> list[str | None]:
        """Return, for each post's mark, the mark of the thread it is known to belong to."""
        async with translated():
            return list(await self.redis.hmget(self.keys.threads, posts)) if posts else []

    async def cases_of(self, *citizen: str) -> tuple[str, ...]:
        """Return the ids of all cases of a citizen, known by author id or by handle."""
        async with translated():
            key = self.keys.citizen + self.hash("citizen", *citizen)
            return tuple(sorted(await self.redis.smembers(key)))

    async def newest(self, ids: Sequence[str], *, most: int) -> tuple[str, ...]:
        """Return the `most` of `ids` that moved last, newest first."""
        if not ids:
            return ()
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for state in State:
                pipe.zmscore(self.keys.cases + state, ids)
            rows = await pipe.execute()
        # A case is in one state's index only, so one of its scores is when it moved.
        moved = [max(at or 0.0 for at in scores) for scores in zip(*rows, strict=True)]
        newest = sorted(zip(moved, ids, strict=True), reverse=True)
        return tuple(id for _, id in newest[:most])

    async def count(self) -> dict[State, int]:
        """Return how many cases stand in each state."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for state in State:
                pipe.zcard(self.keys.cases + state)
            return dict(zip(State, await pipe.execute(), strict=True))

    async def ids(
        self, *states: State, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[str, ...]:
        """Return the ids of the cases in `states` (all when none), last moved first to last."""
        low = milliseconds(since) if since else "-inf"
        high = milliseconds(until) if until else "+inf"
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for state in states or tuple(State):
                pipe.zrangebyscore(self.keys.cases + state, low, high, withscores=True)
            rows = [row for rows in await pipe.execute() for row in rows]
        return tuple(id for id, _ in sorted(rows, key=lambda row: (row[1], row[0])))

    async def events(self, id: str) -> tuple[Event, ...]:
        """Return a case's events with their private values opened."""
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.lrange(self.keys.events(id), 0, -1)
            pipe.hgetall(self.keys.private(id))
            rows, private = await pipe.execute()
        vault = Vault(private)
        return tuple(
            transform(Event.model_validate(json.loads(row)["event"]), vault.open) for row in rows
        )


def _seen(found: str) -> tuple[str, tuple[str, ...]]:
    case, *texts = found.split(" ")
    return case, tuple(texts)


def milliseconds(moment: datetime) -> int:
    """Return `moment` as milliseconds since 1970 UTC."""
    return int(moment.timestamp() * 1000)


def _wake(work: Work, *, case: str, now: datetime) -> dict[str, Any]:
    plan: dict[str, Any] = {"case": case}
    if work.lane is not None:
        # What became due later keeps the place of its due time.
        rank = milliseconds(work.at or now) if work.rank is None else work.rank
        plan |= {"lane": work.lane, "rank": rank}
    else:
        plan |= {"step": work.step}
    if work.at is not None and work.at > now:
        plan |= {"member": json.dumps(plan, sort_keys=True), "at": milliseconds(work.at)}
    return plan


@asynccontextmanager
async def open_store(url: str, organisation: str) -> AsyncIterator[Store]:
    """Yield the organisation's store at `url`; raises StoreUnavailable."""
    store = Store(url, organisation)
    try:
        await store.start()
        yield store
    finally:
        await store.close()


def utcnow() -> datetime:
    """Return the present moment; the only clock, handed in everywhere else."""
    return datetime.now(UTC)
