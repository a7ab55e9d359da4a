"""Bring what the chat shows of one case one step nearer to the case."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from assistant.card import Card, Digest
from assistant.case import Case, Event, Kind, State
from assistant.chats import Chat, Message
from assistant.config import Organisation
from assistant.errors import Conflict, Refused, TryAgain
from assistant.narrate import broadcast, lines_of
from assistant.platforms import Platform
from assistant.present import card_of, digest_line, stub_of
from assistant.store import URGENT, Decision, Store, milliseconds
from assistant.store.lanes import (
    Burst,
    Lane,
    Place,
    Posting,
    Shown,
    burst,
    enlist,
    forget_messages,
    messages_of,
    shown,
)
from assistant.words import Words

PACE = 1.05
"""Seconds between two messages in one channel (Slack: about one a second)."""

CROWD = 15
"""Waiting members above which first cards are gathered in a digest."""

DIGEST = 20
"""Cases in one digest: with a button each they stay far below Slack's 50 blocks."""

NEW_CARD_AFTER = timedelta(days=7)
"""A case that comes back after this gets a new card at the bottom of the channel."""

URGENT_LABELS = ("emergency", "self_harm", "abuse")


class Drawer:
    """Draws cases in their channels: first cards, digests, updates, stubs and thread lines."""

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

    async def visit(self, lane: Lane, members: tuple[str, ...], count: int) -> None:
        """Do the one next thing for the first member; it leaves the lane when all is shown."""
        member = members[0]
        prefix, _, id = member.rpartition(":")
        loaded = await self._store.load(id)
        case, now_shown = loaded.case, await shown(self._store, id)
        if case is None:
            await lane.leave(member)
        elif prefix == "stub":
            await self._link_stub(lane, member, case, now_shown)
        elif now_shown.posting:
            await self._settle(lane, member, case, now_shown, now_shown.posting)
        elif case.erased:
            await forget_messages(self._store, id, now=self.clock())
            await lane.leave(member, case=id, version=loaded.version)
        elif case.triage is None and now_shown.mode == "none":
            await lane.leave(member, case=id, version=loaded.version)  # not triaged yet
        else:
            await self._stand(lane, members, case, loaded.version, now_shown, count=count)

    async def _stand(
        self,
        lane: Lane,
        members: tuple[str, ...],
        case: Case,
        version: int,
        now_shown: Shown,
        *,
        count: int,
    ) -> None:
        """Bring the card or digest line of `case` one step nearer to what it should be."""
        member = members[0]
        opened = member.startswith("open:")
        home = self._home(case)
        lives = now_shown.mode in ("card", "digest") and now_shown.at is not None
        standing = now_shown.at.channel if lives and now_shown.at else home
        if standing != lane.channel:
            rank = URGENT if opened else _rank(case, self.clock())
            await lane.move(member, to=standing, rank=rank)
        elif now_shown.mode == "card" and opened:
            await lane.leave(member)
        elif now_shown.mode == "digest" and home != lane.channel:
            await self._redraw_soon(lane, now_shown)
            change = {"mode": "none", "at": None, "digest": None, "version": 0}
            await lane.save(case.id, now_shown.model_copy(update=change))
        elif now_shown.mode == "digest" and not opened and not _urgent(case):
            await self.digest(lane, str(now_shown.digest))
        elif now_shown.mode in ("none", "stub", "digest"):
            crowded = count > CROWD and not opened
            await self._first(lane, members, case, now_shown, crowded=crowded)
        elif home != lane.channel or self._stale(case, now_shown):
            await self._turn_to_stub(lane, case, version, now_shown, home=home)
        elif now_shown.version < version:
            await self._update(lane, case, now_shown)
        elif not now_shown.linked:
            await self._link_stubs(lane, case, now_shown)
        else:
            await self._thread(lane, case, version, now_shown)

    def _home(self, case: Case) -> str:
        return self.organisation.channel(case.department, case.official)

    def _stale(self, case: Case, now_shown: Shown) -> bool:
        back = case.reopened > now_shown.reopened
        return (
            back and now_shown.told is not None and (self.clock() - now_shown.told > NEW_CARD_AFTER)
        )

    async def _first(
        self, lane: Lane, members: tuple[str, ...], case: Case, old: Shown, *, crowded: bool
    ) -> None:
        """Post the case's card, or gather it with others in a digest when many wait."""
        if crowded and old.mode == "none" and not _urgent(case):
            together = await self._crowd(lane, members)
            if len(together) > 1:
                await self.digest(lane, await self._gather(lane, together))
                return
        version, case = await self._presented(case)
        # Never the mark of an earlier card, whose message may still stand there.
        mark = f"{case.id}:card:{secrets.token_hex(4)}"
        card = self._card(case, version)
        place = await self._once(
            lane,
            case.id,
            old,
            Posting(mark=mark, channel=lane.channel),
            lambda: self._chat.post_card(lane.channel, card, mark=mark),
        )
        await self._stands(lane, case, version, old, place)

    async def _stands(self, lane: Lane, case: Case, version: int, old: Shown, place: Place) -> None:
        """Write down where the card stands, and have told what that changes elsewhere."""
        if old.digest:
            await self._redraw_soon(lane, old)
        change: dict[str, Any] = {
            "mode": "card",
            "at": place,
            "version": version,
            "reopened": case.reopened,
            "told": self.clock(),
            "digest": None,
            "posting": None,
        }
        await lane.save(case.id, old.model_copy(update=change), posted=place)
        # Others' first cards go before this card's thread.
        await enlist(self._store, lane.channel, case.id, rank=self._now())
        await lane.later(case.id, rank=self._now())
        await lane.leave(f"open:{case.id}")

    async def _once(
        self,
        lane: Lane,
        id: str,
        old: Shown,
        posting: Posting,
        post: Callable[[], Awaitable[Message]],
    ) -> Place:
        """Post a marked message; what becomes of it in doubt is found out by `_settle`."""
        await lane.keep()
        await lane.save(id, old.model_copy(update={"posting": posting}))
        try:
            message = await post()
        except (TryAgain, Refused):  # surely not posted: there is nothing to look for
            await lane.save(id, old.model_copy(update={"posting": None}))
            raise
        place = await self._ours(lane, message, lambda: self._settled_places(id, posting))
        await asyncio.sleep(self.pace)
        return place

    async def _settled_places(self, id: str, posting: Posting) -> tuple[Place, ...] | None:
        if (await shown(self._store, id)).posting == posting:
            return None
        return await messages_of(self._store, id)

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
        place = _place(message)
        while True:
            held, places = await lane.hold(), await settled()
            if places is None and held:
                return place
            if places is not None:
                if place not in places:
                    await enlist(self._store, place.channel, "forget:" + place.ts, rank=URGENT)
                raise Conflict(lane.channel)
            await asyncio.sleep(lane.seconds / 4)

    async def _settle(
        self, lane: Lane, member: str, case: Case, old: Shown, posting: Posting
    ) -> None:
        """An earlier try got no answer: look where it would stand before anything else."""
        if posting.channel != lane.channel:
            await lane.move(member, to=posting.channel, rank=self._now(), under=case.id)
            return
        thread = _sure(old.at) if posting.lines is not None and old.at else None
        found = await self._chat.find(lane.channel, mark=posting.mark, thread=thread)
        if found is None:
            await lane.save(case.id, old.model_copy(update={"posting": None}))
        elif posting.lines is None:
            # Drawn from a version nobody wrote down, so it is drawn again.
            await self._stands(lane, case, 0, old, _place(found))
        else:
            change = {"lines": posting.lines, "posting": None, "told": self.clock()}
            await lane.save(case.id, old.model_copy(update=change), posted=_place(found))

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

    async def _update(self, lane: Lane, case: Case, old: Shown) -> None:
        """Redraw the card; one that somebody deleted in the chat is posted anew."""
        assert old.at is not None
        # A case that came back was triaged again and is handed to people by this very redraw.
        version, case = await self._presented(case)
        try:
            await self._chat.update_card(_sure(old.at), self._card(case, version))
        except Refused as error:
            if str(error) != "message_not_found":
                raise
            # Its thread went with it, so the new card's thread tells everything again.
            change = {"mode": "none", "at": None, "lines": 0}
            await lane.save(case.id, old.model_copy(update=change))
            return
        await lane.save(case.id, old.model_copy(update={"version": version}))

    async def _thread(self, lane: Lane, case: Case, version: int, old: Shown) -> None:
        """Tell in the thread, in order, what happened since it was last told."""
        events = await self._store.events(case.id)
        events = events[:version]
        lines = lines_of(events, start=old.lines, words=self.words, organisation=self.organisation)
        place: Place | None = None
        if lines and old.at is not None:
            mark = f"{case.id}:lines:{len(events)}"
            aloud = old.lines > 0 and broadcast(events, start=old.lines)
            message = _sure(old.at)
            place = await self._once(
                lane,
                case.id,
                old,
                Posting(mark=mark, channel=lane.channel, lines=len(events)),
                lambda: self._chat.post_lines(message, lines, mark=mark, broadcast=aloud),
            )
        change = {
            "lines": len(events),
            "posting": None,
            "told": self.clock(),
            "reopened": case.reopened,
        }
        await lane.save(case.id, old.model_copy(update=change), done_at=version, posted=place)

    async def _turn_to_stub(
        self, lane: Lane, case: Case, version: int, old: Shown, *, home: str
    ) -> None:
        """Make the old card a stub before the new one stands, so that never two are live."""
        assert old.at is not None
        await self._draw_stub(old.at, case, version, url=None)
        stubs = (*old.old, old.at)
        change = {"mode": "stub", "at": None, "version": 0, "old": stubs, "linked": False}
        await lane.save(case.id, old.model_copy(update=change))
        if home != lane.channel:
            await lane.move(case.id, to=home, rank=_rank(case, self.clock()))

    async def _link_stubs(self, lane: Lane, case: Case, old: Shown) -> None:
        """Have every lane in which a stub stands give it its link."""
        for stub in old.old:
            await enlist(self._store, stub.channel, f"stub:{case.id}", rank=self._now())
        await lane.save(case.id, old.model_copy(update={"linked": True}))

    async def _link_stub(self, lane: Lane, member: str, case: Case, now_shown: Shown) -> None:
        """Give the stubs of this lane their link to the card that lives now."""
        if now_shown.mode == "card" and now_shown.at is not None:
            url = await self._chat.permalink(_sure(now_shown.at))
            for stub in now_shown.old:
                if stub.channel == lane.channel:
                    await self._draw_stub(stub, case, now_shown.version, url=url)
        await lane.leave(member)

    async def _draw_stub(self, at: Place, case: Case, version: int, *, url: str | None) -> None:
        stub = stub_of(
            case,
            version=version,
            organisation=self.organisation,
            words=self.words,
            now=self.clock(),
            to="" if at.channel == self._home(case) else self._place_name(case),
            url=url,
        )
        try:
            await self._chat.update_card(_sure(at), stub)
        except Refused as error:
            if str(error) != "message_not_found":
                raise

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
            if case and here and fresh and not _urgent(case):
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
            change = {"mode": "digest", "digest": id, "at": place}
            await lane.save(each, old.model_copy(update=change), digest=id)
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
                if self._home(case) != lane.channel or case.erased or _urgent(case):
                    del versions[each]
        held = await self._put(lane, held, await self._draw(held))
        for each, version in versions.items():
            await lane.keep()
            if await self._stands_in(held, each):
                change = {"at": held.at, "version": version}
                kept = (await shown(self._store, each)).model_copy(update=change)
                await lane.save(each, kept, done_at=version)

    async def _stands_in(self, held: Burst, case: str) -> bool:
        now_shown = await shown(self._store, case)
        return now_shown.mode == "digest" and now_shown.digest == held.id

    async def _put(self, lane: Lane, held: Burst, drawn: Digest) -> Burst:
        """Post or redraw the digest's message, never twice; return it with its place."""
        mark = "digest:" + held.id
        if held.at is None and held.posting:
            found = await self._chat.find(lane.channel, mark=mark, thread=None)
            if found:
                held = held.model_copy(update={"at": _place(found)})
        if held.at is not None:
            try:
                await self._chat.update_digest(_sure(held.at), drawn)
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

    def _card(self, case: Case, version: int) -> Card:
        platform = self._platforms.get((case.platform, case.account))
        return card_of(
            case,
            version=version,
            organisation=self.organisation,
            words=self.words,
            now=self.clock(),
            limit=platform.limit if platform else 0,
            length=platform.length if platform else len,
        )

    def _place_name(self, case: Case) -> str:
        if case.official:
            return case.official
        department = self.organisation.department(case.department)
        return department.name if department else self.words.say("card.triage")

    def _now(self) -> float:
        return milliseconds(self.clock())


def _urgent(case: Case) -> bool:
    return case.triage is not None and case.triage.label in URGENT_LABELS


def _rank(case: Case, now: datetime) -> float:
    return URGENT if _urgent(case) else milliseconds(now)


def _place(message: Message) -> Place:
    return Place(channel=message.channel, ts=message.ts)


def _sure(place: Place) -> Message:
    return Message(channel=place.channel, ts=place.ts)
