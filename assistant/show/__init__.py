"""Keep what the chat shows true: one poster per channel, in order, obeying the chat's limits."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress

from assistant.chats import Chat, Message
from assistant.errors import (
    Barred,
    Conflict,
    Doubtful,
    Refused,
    StoreUnavailable,
    TryAgain,
)
from assistant.show.digests import DIGEST
from assistant.show.standing import Drawer
from assistant.store import Store, milliseconds
from assistant.store.lanes import (
    LEASE,
    Lane,
    Note,
    forget_notice,
    keep_notice,
    lanes,
    notice,
    noticed,
    notify,
)
from assistant.store.work import Dead, bury_shown

log = logging.getLogger(__name__)

BROKEN = 60.0
"""Seconds a lane rests whose channel cannot be posted in."""

TRIES = 5
"""Failures that are its own after which a member becomes a dead letter."""

TICK = 0.2
"""Seconds between two looks at which lanes have something waiting."""


class Shower:
    """Serves the lanes. Any number may run; each lane is held by one at a time.

    `counted` is told the outcome of every visit: shown, again, doubtful, broken or refused.
    """

    def __init__(
        self,
        store: Store,
        chat: Chat,
        drawer: Drawer,
        *,
        counted: Callable[[str], None] = lambda outcome: None,
        tick: float = TICK,
        broken: float = BROKEN,
        lease: float = LEASE,
    ) -> None:
        self._store = store
        self._chat = chat
        self._drawer = drawer
        self._counted = counted
        self._tick = tick
        self._broken_rest = broken
        self._lease = lease
        self._holder = secrets.token_hex(8)
        self._tries: dict[str, int] = {}
        self._sound: set[str] = set()

    async def run(self) -> None:
        """Serve every lane that has something waiting, until cancelled."""
        serving: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for channel in await self._waiting():
                    if channel not in serving or serving[channel].done():
                        serving[channel] = asyncio.create_task(self.serve(channel))
                await asyncio.sleep(self._tick)
        finally:
            for task in serving.values():
                task.cancel()
            await asyncio.gather(*serving.values(), return_exceptions=True)

    async def _waiting(self) -> list[str]:
        try:
            return [channel for channel, count in (await lanes(self._store)).items() if count]
        except StoreUnavailable as error:
            log.warning("show waits: %s", error)
            return []

    async def serve(self, channel: str) -> None:
        """Work through one lane while it is ours and something waits in it."""
        lane = Lane(self._store, channel, lease=self._lease, holder=self._holder)
        try:
            while await lane.hold():
                members, count = await lane.waiting(DIGEST)
                if not members:
                    break
                await self._visit(lane, members, count)
        except StoreUnavailable as error:
            log.warning("lane %s waits: %s", channel, error)
            await asyncio.sleep(0.5)
        finally:
            # Also when stopped: the next poster need not wait for the lease to run out.
            with suppress(StoreUnavailable):
                await lane.release()

    async def _visit(self, lane: Lane, members: tuple[str, ...], count: int) -> None:
        """Serve the first member; whatever goes wrong is told, and nothing is dropped."""
        member = members[0]
        try:
            await self._serve_one(lane, members, count)
            self._tries.pop(member, None)
            await self._mended(lane.channel)
            self._counted("shown")
        except TryAgain as error:
            self._counted("again")
            await rest(lane, error.after or 1.0)
        except Barred as error:
            self._counted("broken")
            await self._broken(lane, error)
        except Conflict:
            await asyncio.sleep(0.01)
        except StoreUnavailable:
            raise
        except Exception as error:  # the loop's one net: one bad card must not stop the others
            self._counted("doubtful" if isinstance(error, Doubtful) else "refused")
            await self._fail(lane, member, error)

    async def _serve_one(self, lane: Lane, members: tuple[str, ...], count: int) -> None:
        member = members[0]
        kind, _, rest_of = member.rpartition(":")
        if kind == "note":
            await self._note(lane, member, rest_of)
        elif kind.startswith("digest"):
            await self._drawer.digest(lane, rest_of)
            await lane.leave(member)
        elif kind == "forget":
            await self._chat.delete(Message(channel=lane.channel, ts=rest_of))
            await lane.leave(member)
        else:
            await self._drawer.visit(lane, members, count)

    async def _fail(self, lane: Lane, member: str, error: Exception) -> None:
        tries = self._tries[member] = self._tries.get(member, 0) + 1
        # A Refused carries the chat's error code; any other message may quote a citizen.
        reason = str(error) if isinstance(error, Refused) else type(error).__name__
        log.error("lane %s member=%s try=%d: %s", lane.channel, member, tries, reason)
        now = self._drawer.clock()
        # A chat that does not answer is no fault of this member: it waits until that is over.
        if tries < TRIES or isinstance(error, Doubtful):
            await lane.later(member, rank=milliseconds(now))
            await rest(lane, self._drawer.pace)
            return
        self._tries.pop(member, None)
        dead = Dead(
            id=f"show-{member}",
            step="show",
            case=member,
            lane=lane.channel,
            reason=reason,
            at=now,
        )
        await bury_shown(self._store, dead, lane=lane.channel)
        # A note nobody can post is listed and no more: telling of it would be such a note again.
        if not member.startswith("note:"):
            values = {"id": dead.id, "reason": reason}
            await self._tell(Note(key="desk.dead_letter", values=values))

    async def _broken(self, lane: Lane, error: Barred) -> None:
        """The channel itself cannot be posted in: say so once and keep everything waiting."""
        log.error("lane %s: %s", lane.channel, error)
        self._sound.discard(lane.channel)
        if lane.channel != self._drawer.organisation.supervisors_channel:
            values = {"channel": lane.channel, "reason": str(error)}
            note = Note(key="desk.channel_broken", values=values)
            await self._tell(note, once=f"broken-{lane.channel}")
        try:
            await rest(lane, self._broken_rest)
        finally:
            # Whoever mended it and starts anew must not wait for the lease to end.
            await lane.release()

    async def _mended(self, channel: str) -> None:
        """The channel works: when it breaks again, that is news."""
        if channel not in self._sound:
            await forget_notice(self._store, f"broken-{channel}")
            self._sound.add(channel)

    async def _tell(self, note: Note, *, once: str = "") -> None:
        channel = self._drawer.organisation.supervisors_channel
        await notify(self._store, channel, note, now=self._drawer.clock(), once=once)

    async def _note(self, lane: Lane, member: str, id: str) -> None:
        """Post a sentence once; after a doubt look for it first."""
        note = await notice(self._store, id)
        if note is not None:
            there = note.posting and await self._chat.find(lane.channel, mark=member, thread=None)
            if not there:
                await self._post_note(lane, member, id, note)
            await noticed(self._store, id, note)
        await lane.leave(member)

    async def _post_note(self, lane: Lane, member: str, id: str, note: Note) -> None:
        text = self._drawer.words.say(note.key, **note.values)
        await keep_notice(self._store, id, note.model_copy(update={"posting": True}))
        try:
            await self._chat.post_note(lane.channel, text, mark=member)
        except (TryAgain, Refused):  # surely not posted: there is nothing to look for
            await keep_notice(self._store, id, note.model_copy(update={"posting": False}))
            raise
        await rest(lane, self._drawer.pace)


async def rest(lane: Lane, seconds: float) -> None:
    """Wait, holding the lane so that nobody else runs into the same limit."""
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        await asyncio.sleep(min(left, lane.seconds / 4))
        if left > lane.seconds / 4 and not await lane.hold():
            return
