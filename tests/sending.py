"""A reply on its way: a queued case, a platform, a clock, and a sender woken by hand."""

from collections import Counter
from datetime import timedelta
from typing import Any

from assistant.case import Case, Remote, Reply
from assistant.reply import Sender
from assistant.store import Store
from assistant.testing import FakePlatform
from tests.core import ACK, TOWN, Clock, platforms, queued_case


class Sending:
    """A queued case, a platform, a clock, and a sender that is woken by hand."""

    def __init__(self, store: Store, case: str, platform: FakePlatform) -> None:
        self.store, self.case, self.platform, self.clock = store, case, platform, Clock()
        self.counted: Counter[str] = Counter()
        self.sender = self.another()

    def another(self) -> Sender:
        """Return one more sender on the same case."""
        return Sender(
            self.store,
            TOWN,
            platforms=platforms(self.platform),
            clock=self.clock,
            counted=lambda outcome: self.counted.update([outcome]),
        )

    async def wake(self, *, ahead: timedelta = timedelta()) -> Case:
        """Wake the sender, after the clock was moved; return the case."""
        self.clock.now += ahead
        await self.sender.send(self.case, ACK)
        return await self.held()

    async def held(self) -> Case:
        """Return the case as it stands."""
        case = (await self.store.load(self.case)).case
        assert case is not None
        return case

    async def due(self) -> timedelta:
        """Return when the next timer for sending is due, from now."""
        rows = await self.store.redis.zrange(self.store.keys.later, 0, -1, withscores=True)
        [at] = [at for member, at in rows if '"send"' in member]
        return timedelta(milliseconds=at - self.clock().timestamp() * 1000)

    @property
    def texts(self) -> list[str]:
        """What a citizen sees under the post."""
        return [reply.text for reply, _ in self.platform.standing]


async def sending(store: Store, platform: FakePlatform, *steps: Any) -> Sending:
    """Return a case that is due, on a platform that will do `steps`."""
    platform.steps.extend(steps)
    return Sending(store, await queued_case(store), platform)


def stand(platform: FakePlatform, reply: Reply, text: str, id: str) -> None:
    """Let a reply of ours stand under the same post."""
    other = reply.model_copy(update={"text": text, "id": "other", "key": "other"})
    platform.standing.append((other, Remote(id=id)))
