"""Digests: many cases in one message in a burst; and what cards and digests share."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

from assistant.card import Digest
from assistant.case import Case, Event, Kind, State
from assistant.chats import Chat, Message
from assistant.config import Organisation
from assistant.errors import Conflict, Refused, TryAgain
from assistant.platforms import Platform
from assistant.present import digest_line
from assistant.store import URGENT, Decision, Store, milliseconds
from assistant.store.lanes import Burst, Lane, Place, Shown, burst, enlist, shown
from assistant.words import Words

PACE = 1.05
"""Seconds between two messages in one channel (Slack: about one a second)."""

CROWD = 15
"""Waiting members above which first cards are gathered in a digest."""

DIGEST = 20
"""Cases in one digest: with a button each they stay far below Slack's 50 blocks."""

URGENT_LABELS = ("emergency", "self_harm", "abuse")


class Digests:
    """Draws digests in their channels; `assistant.show.standing.Drawer` adds the cards."""

    def __init__(
        self,
        store: Store,
        organisation: Organisation,
        chat: Chat,
        *,
        platforms: Mapping[tuple[str, str], Platform],
        clock: Callable[[], datetime],
        pace: float = PACE,
    ) -> None:
        self.organisation = organisation
        self.clock = clock
        self.pace = pace
        self.words = Words(organisation.language)
        self._store = store
        self._chat = chat
        self._platforms = platforms
        self._urls: dict[Place, str | None] = {}

    async def _crowd(self, lane: Lane, members: tuple[str, ...]) -> list[str]:
        """Return which of the waiting members can stand in a digest: no card yet, not urgent."""
        together = []
        for member in members:
            if ":" in member:
                continue
            case, now_shown = (
                (await self._store.load(member)).case,
                await shown(self._store, member),
            )
            fresh = now_shown.mode == "none" and not now_shown.posting
            here = case and case.triage and not case.erased and self._home(case) == lane.channel
            if case and here and fresh and not urgent(case):
                together.append(member)
        return together

    async def _gather(self, lane: Lane, together: list[str]) -> str:
        """Write down which cases the digest holds before it is posted."""
        id = secrets.token_hex(6)
        await lane.keep_burst(Burst(id=id, channel=lane.channel, cases=tuple(together)))
        for each in together:
            # Written in the digest's own record only once it stands.
            place = Place(channel=lane.channel, ts="")
            old = await shown(self._store, each)
            if old.mode != "none" or old.posting:
                continue  # another lane was first
            change = {"mode": "digest", "digest": id, "at": place}
            await lane.save(each, old.model_copy(update=change), was=old, digest=id)
        return id

    async def digest(self, lane: Lane, id: str) -> None:
        """Post or redraw a digest; its cases leave the lane when their line is true."""
        held = await burst(self._store, id)
        assert held is not None
        versions = {}
        for each in held.cases:
            await lane.keep()  # twenty cases on a slow store can outlast a lease
            case = (await self._store.load(each)).case
            if case is not None and await self._stands_in(held, each):
                versions[each], case = await self._presented(case)
                # One that belongs elsewhere by now stays in the lane and moves on its own visit.
                if self._home(case) != lane.channel or case.erased or urgent(case):
                    del versions[each]
        held = await self._put(lane, held, await self._draw(held))
        for each, version in versions.items():
            await lane.keep()
            if await self._stands_in(held, each):
                change = {"at": held.at, "version": version}
                was = await shown(self._store, each)
                await lane.save(each, was.model_copy(update=change), was=was, done_at=version)

    async def _stands_in(self, held: Burst, case: str) -> bool:
        now_shown = await shown(self._store, case)
        return now_shown.mode == "digest" and now_shown.digest == held.id

    async def _put(self, lane: Lane, held: Burst, drawn: Digest) -> Burst:
        """Post or redraw the digest's message, never twice; return it with its place."""
        mark = "digest:" + held.id
        if held.at is None and held.posting:
            found = await self._chat.find(lane.channel, mark=mark, thread=None)
            if found:
                held = held.model_copy(update={"at": place_of(found)})
        if held.at is not None:
            try:
                await self._chat.update_digest(message_of(held.at), drawn)
            except Refused as error:
                if str(error) != "message_not_found":
                    raise
                held = held.model_copy(update={"at": None})
        if held.at is None:
            await lane.keep()
            await lane.keep_burst(held.model_copy(update={"posting": True}))
            try:
                message = await self._chat.post_digest(lane.channel, drawn, mark=mark)
            except (TryAgain, Refused):  # surely not posted: there is nothing to look for
                await lane.keep_burst(held.model_copy(update={"posting": False}))
                raise
            place = await self._ours(lane, message, lambda: self._digest_places(held.id))
            await asyncio.sleep(self.pace)
            held = held.model_copy(update={"at": place})
        await lane.keep_burst(held)
        return held

    async def _digest_places(self, id: str) -> tuple[Place, ...] | None:
        held = await burst(self._store, id)
        return (held.at,) if held and held.at else None

    async def _redraw_soon(self, lane: Lane, now_shown: Shown) -> None:
        """Have the digest tell that a case left it; first thing in the lane, whatever happens."""
        await enlist(self._store, lane.channel, f"digest:{now_shown.digest}", rank=URGENT)

    async def _draw(self, held: Burst) -> Digest:
        lines = []
        for each in held.cases:
            case = (await self._store.load(each)).case
            if case is None or case.erased:
                continue
            lines.append(
                digest_line(
                    case,
                    organisation=self.organisation,
                    words=self.words,
                    now=self.clock(),
                    standing=await self._stands_in(held, each),
                )
            )
        title = self.words.say("card.digest_title", count=len(lines))
        return Digest(id=held.id, title=title, lines=tuple(lines))

    async def _presented(self, case: Case) -> tuple[int, Case]:
        """Record, once, that the case is handed to people, before its first card is drawn."""
        now = self.clock()

        def decide(held: Case | None) -> Decision:
            if held is None or held.state is not State.TRIAGED:
                return Decision()
            return Decision(events=(Event(kind=Kind.PRESENTED, at=now),))

        recorded = await self._store.decide(case.id, decide, now=now)
        assert recorded.case is not None
        return recorded.version, recorded.case

    async def _ours(
        self,
        lane: Lane,
        message: Message,
        settled: Callable[[], Awaitable[Collection[Place] | None]],
    ) -> Place:
        """Return where `message` stands once it is sure that it is the one that counts.

        While we slept another poster may have taken the lane, found nothing and posted for us.
        `settled` gives the places written down since, None while nobody did. Raises Conflict.
        """
        place = place_of(message)
        while True:
            held, places = await lane.hold(), await settled()
            if places is None and held:
                return place
            if places is not None:
                if place not in places:
                    await enlist(self._store, place.channel, "forget:" + place.ts, rank=URGENT)
                raise Conflict(lane.channel)
            await asyncio.sleep(lane.seconds / 4)

    def _home(self, case: Case) -> str:
        return self.organisation.channel(case.department, case.official)

    def _now(self) -> float:
        return milliseconds(self.clock())


def urgent(case: Case) -> bool:
    return case.triage is not None and case.triage.label in URGENT_LABELS


def rank_of(case: Case, now: datetime) -> float:
    return URGENT if urgent(case) else milliseconds(now)


def place_of(message: Message) -> Place:
    return Place(channel=message.channel, ts=message.ts)


def message_of(place: Place) -> Message:
    return Message(channel=place.channel, ts=place.ts)
