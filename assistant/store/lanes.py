"""Lanes: per channel who may post, what waits, and what the chat shows of each case."""

import json
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

from assistant.case import Frozen
from assistant.errors import Conflict
from assistant.store import Store, milliseconds
from assistant.store.link import translated

LEASE = 20.0
"""Seconds a poster may be silent; longer than any one call to the chat."""


class Place(Frozen):
    """A message of ours in the chat."""

    channel: str
    ts: str


class Posting(Frozen):
    """A message that may or may not stand in `channel`: a card, or thread lines up to `lines`."""

    mark: str
    channel: str
    lines: int | None = None


class Shown(Frozen):
    """What the chat shows of one case.

    `lines` is how many of its events the thread has told, `posting` a message that was asked for
    without an answer so far, `old` the stubs of earlier cards, `linked` whether their lanes were
    told to link them to the card that lives now.
    """

    mode: Literal["none", "card", "digest", "stub"] = "none"
    at: Place | None = None
    version: int = 0
    lines: int = 0
    reopened: int = 0
    told: datetime | None = None
    digest: str | None = None
    posting: Posting | None = None
    old: tuple[Place, ...] = ()
    linked: bool = True


class Burst(Frozen):
    """A digest message and the cases that stand in it."""

    id: str
    channel: str
    cases: tuple[str, ...]
    at: Place | None = None
    posting: bool = False


class Note(Frozen):
    """A sentence for a channel, by its key in Words, to be posted once.

    With `once` it is remembered after it was posted, until `forget_notice`; `posting` means that
    it was asked for without an answer so far.
    """

    key: str
    values: Mapping[str, str] = {}
    once: bool = False
    posting: bool = False


class Lane:
    """One channel's lane, held by one poster; every write is refused once the lease is gone.

    The same `holder` finds its lane again after the store was away.
    """

    def __init__(
        self, store: Store, channel: str, *, lease: float = LEASE, holder: str | None = None
    ) -> None:
        self._store = store
        self.channel = channel
        self.seconds = lease
        self._holder = holder or secrets.token_hex(8)
        self._key = store.keys.lane + channel
        self._lease = store.keys.lease("lane:" + channel)

    async def hold(self) -> bool:
        """Take or renew the lease on Redis's clock; False when another poster has it."""
        return bool(
            await self._store.script("hold", [self._lease], self._holder, int(self.seconds * 1000))
        )

    async def keep(self) -> None:
        """Renew the lease before something slow or visible.

        Raises Conflict when it is lost, also when nobody has it now: somebody may have had it, and
        what was read before is old.
        """
        if not await self._store.script(
            "keep", [self._lease], self._holder, int(self.seconds * 1000)
        ):
            raise Conflict(self.channel)

    async def release(self) -> None:
        await self._store.script("release", [self._lease], self._holder)

    async def waiting(self, most: int) -> tuple[tuple[str, ...], int]:
        """Return the next members (at most `most`) and how many wait in all."""
        async with translated(), self._store.redis.pipeline(transaction=False) as pipe:
            pipe.zrange(self._key, 0, most - 1)
            pipe.zcard(self._key)
            members, count = await pipe.execute()
        return tuple(members), count

    async def save(
        self,
        case: str,
        shown: Shown,
        *,
        was: Shown,
        done_at: int | None = None,
        posted: Place | None = None,
        digest: str | None = None,
    ) -> None:
        """Store what is shown of `case`; leave the lane when `done_at` is its newest version.

        `was` is what was read before. `posted` or `digest` is remembered so that erasing a citizen
        finds the message. Raises Conflict when the lease is lost, and when another lane's poster
        stored something since: a case that moves waits in two lanes for a while.
        """
        keys = self._store.keys
        places = [f"{posted.channel} {posted.ts}"] if posted else []
        places += [f"digest {digest}"] if digest else []
        held = await self._store.script(
            "shown",
            [self._lease, keys.shown(case), keys.case(case), self._key, keys.messages(case)],
            self._holder,
            case,
            shown.model_dump_json(exclude_defaults=True),
            was.model_dump_json(exclude_defaults=True),
            -1 if done_at is None else done_at,
            *places,
        )
        if not held:
            raise Conflict(self.channel)

    async def keep_burst(self, value: Burst) -> None:
        """Store what a digest holds; raises Conflict when the lease is lost."""
        keys = self._store.keys
        held = await self._store.script(
            "shown",
            [
                self._lease,
                keys.start + "digest:" + value.id,
                keys.case(""),
                self._key,
                keys.messages(""),
            ],
            self._holder,
            "",
            value.model_dump_json(),
            "",
            -1,
        )
        if not held:
            raise Conflict(self.channel)

    async def move(self, member: str, *, to: str, rank: float, under: str | None = None) -> None:
        """Move a member to the lane of another channel, there named `under`.

        In one step: a poster there may send it back at once, and must not find it here still.
        """
        keys = self._store.keys
        async with translated(), self._store.redis.pipeline(transaction=True) as pipe:
            pipe.zadd(keys.lane + to, {under or member: rank}, lt=True)
            pipe.sadd(keys.lanes, to)
            pipe.zrem(self._key, member)
            await pipe.execute()

    async def leave(self, member: str, *, case: str = "", version: int = -1) -> None:
        """Take `member` off; with `case` only if that still stands at `version`.

        Raises Conflict when the lease is lost.
        """
        keys = [self._lease, self._key, self._store.keys.case(case)]
        if not await self._store.script("leave", keys, self._holder, member, version):
            raise Conflict(self.channel)

    async def later(self, member: str, *, rank: float) -> None:
        """Move a member to another place in the lane."""
        async with translated():
            await self._store.redis.zadd(self._key, {member: rank}, xx=True)


async def enlist(store: Store, channel: str, member: str, *, rank: float) -> None:
    """Put a member in a channel's lane; one that waits already keeps the earlier place."""
    async with translated(), store.redis.pipeline(transaction=True) as pipe:
        pipe.zadd(store.keys.lane + channel, {member: rank}, lt=True)
        pipe.sadd(store.keys.lanes, channel)
        await pipe.execute()


async def lanes(store: Store) -> dict[str, int]:
    """Return every lane with how many wait in it."""
    async with translated():
        names = sorted(await store.redis.smembers(store.keys.lanes))
        async with store.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.zcard(store.keys.lane + name)
            return dict(zip(names, await pipe.execute(), strict=True))


async def shown(store: Store, case: str) -> Shown:
    async with translated():
        stored = await store.redis.get(store.keys.shown(case))
    return Shown.model_validate_json(stored) if stored else Shown()


async def messages_of(store: Store, case: str) -> tuple[Place, ...]:
    """Return where messages about a case stand; a digest has only its id."""
    async with translated():
        return _places(await store.redis.smembers(store.keys.messages(case)))


def _places(rows: Collection[str]) -> tuple[Place, ...]:
    split = (each.split(" ") for each in sorted(rows))
    return tuple(Place(channel=channel, ts=ts) for channel, ts in split)


async def burst(store: Store, id: str) -> Burst | None:
    async with translated():
        stored = await store.redis.get(store.keys.start + "digest:" + id)
    return Burst.model_validate_json(stored) if stored else None


async def notify(store: Store, channel: str, note: Note, *, now: datetime, once: str = "") -> bool:
    """Have a sentence posted in a channel; with `once`, at most once per that word.

    False when that word was said before.
    """
    id = once or secrets.token_hex(8)
    note = note.model_copy(update={"once": bool(once)})
    keys = [store.keys.notices, store.keys.lane + channel, store.keys.lanes]
    args = (id, note.model_dump_json(), "note:" + id, milliseconds(now), channel)
    return bool(await store.script("notify", keys, *args))


async def notice(store: Store, id: str) -> Note | None:
    async with translated():
        stored = await store.redis.hget(store.keys.notices, id)
    return Note.model_validate(json.loads(stored)) if stored else None


async def keep_notice(store: Store, id: str, note: Note) -> None:
    async with translated():
        await store.redis.hset(store.keys.notices, id, note.model_dump_json())


async def noticed(store: Store, id: str, note: Note) -> None:
    """Put a posted sentence away; one for once stays as a mark that it was told."""
    async with translated():
        if note.once:
            await store.redis.hset(store.keys.notices, id, "")
        else:
            await store.redis.hdel(store.keys.notices, id)


async def forget_notice(store: Store, id: str) -> None:
    """Let a sentence for once be told again."""
    async with translated():
        await store.redis.hdel(store.keys.notices, id)


async def forget_messages(store: Store, case: str, *, now: datetime) -> int:
    """Have every message about a case deleted from the chat; return how many.

    A digest is drawn again without the case. A message that may or may not be there is looked for
    by whoever serves its lane, who then calls this again.
    """
    while True:
        places, posting = await messages_of(store, case), (await shown(store, case)).posting
        for place in places:
            if place.channel == "digest":
                await _redraw(store, place.ts, now=now)
            else:
                await enlist(store, place.channel, "forget:" + place.ts, rank=milliseconds(now))
        if posting:
            await enlist(store, posting.channel, case, rank=milliseconds(now))
        if await _forgotten(store, case, places=places, posting=posting):
            return len(places)


async def _forgotten(
    store: Store, case: str, *, places: tuple[Place, ...], posting: Posting | None
) -> bool:
    """Forget what the chat showed; False when a poster wrote down more than was read."""
    messages, standing = store.keys.messages(case), store.keys.shown(case)

    async def forget(pipe: Any) -> bool:
        rows, stored = await pipe.smembers(messages), await pipe.get(standing)
        now_shown = Shown.model_validate_json(stored) if stored else Shown()
        pipe.multi()
        if _places(rows) != places or now_shown.posting != posting:
            return False
        pipe.delete(messages, *([] if posting else [standing]))
        return True

    async with translated():
        forgotten: bool = await store.redis.transaction(
            forget, messages, standing, value_from_callable=True
        )
    return forgotten


async def _redraw(store: Store, digest: str, *, now: datetime) -> None:
    held = await burst(store, digest)
    if held is not None:
        # Its own member each time: one that is being served just now may have read too early.
        member = f"digest-{secrets.token_hex(4)}:{digest}"
        await enlist(store, held.channel, member, rank=milliseconds(now))
