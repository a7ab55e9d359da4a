"""The adapters to the crash tests' platform: with a key, with a look-up, with neither."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from assistant.case import Post, Remote, Reply
from assistant.platforms import Arrival, Candidate, Look, Quarantined
from assistant.platforms import Platform as PlatformProtocol
from tests.faults.loopback import Wire
from tests.faults.platform_server import Mode

ACCOUNT = "@gemeente"


class Neither:
    """A platform with neither key nor look-up."""

    name = "replay"
    account = ACCOUNT
    limit = 500
    every: float | None = None

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def length(self, text: str) -> int:
        return len(text)

    def parse(self, raw: str) -> Arrival:
        return Arrival(event="new", post=_post(json.loads(raw)))

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Arrival | Quarantined]:
        """Yield the feed after `cursor`, as far as it goes now."""
        at = int(cursor or 0)
        while rows := await self._wire.get("/feed", after=str(at)):
            for row in rows:
                at += 1
                yield Arrival(event=row["event"], post=_post(row), cursor=str(at))

    async def look(self, post: Post) -> Look:
        now = await self._wire.get("/look", id=post.id)
        if now.get("event") == "deleted":
            return Look(standing="deleted")
        if now and now["text"] != post.text:
            return Look(standing="edited", post=_post(now))
        return Look(standing="unchanged")

    async def reply(self, reply: Reply) -> Remote:
        body = {"target": reply.target, "text": reply.text}
        answer = await self._wire.post("/reply", body, **{"Idempotency-Key": reply.key})
        return Remote(id=answer["id"])


class WithKey(Neither):
    """A platform that takes the same key once."""

    key_life = timedelta(hours=1)


class WithLookUp(Neither):
    """A platform that lists our replies under a post, and takes no key."""

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        rows = await self._wire.get("/replies", target=reply.target)
        return tuple(Candidate(remote=Remote(id=row["id"]), text=row["text"]) for row in rows)


ADAPTERS: dict[Mode, type[Neither]] = {
    "key": WithKey,
    "look_up": WithLookUp,
    "neither": Neither,
}


def adapter(mode: Mode, port: int) -> PlatformProtocol:
    """Return the adapter to the platform on `port` that has what `mode` says."""
    return ADAPTERS[mode](Wire(port))


def _post(row: dict[str, Any]) -> Post:
    return Post(
        platform="replay",
        account=ACCOUNT,
        id=row["id"],
        root=row.get("parent") or row["id"],
        parent=row.get("parent"),
        author=row["author"],
        handle="@" + row["author"],
        text=row["text"],
        created_at=datetime.fromisoformat(row["created_at"]),
        addressed="mention",
    )
