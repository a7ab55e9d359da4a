"""Bring what the chat shows of one case one step nearer to the case."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from assistant.card import Card, Source
from assistant.case import Case, State
from assistant.chats import Message
from assistant.errors import Barred, Refused, TryAgain
from assistant.narrate import broadcast, lines_of
from assistant.present import card_of, stub_of
from assistant.show.digests import CROWD, Digests, message_of, place_of, rank_of, urgent
from assistant.store import URGENT
from assistant.store.lanes import (
    Lane,
    Place,
    Posting,
    Shown,
    enlist,
    forget_messages,
    messages_of,
    shown,
)

URLS = 1000
"""Links to cards that are remembered, the newest."""

NEW_CARD_AFTER = timedelta(days=7)
"""A case that comes back after this gets a new card at the bottom of the channel."""


class Drawer(Digests):
    """Draws cases in their channels: first cards, digests, updates, stubs and thread lines."""

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
        elif case.state is State.CLOSED and case.outside and now_shown.mode == "none":
            # Answered elsewhere before anybody saw it: there is nothing to do for anybody. What a
            # person closed on its way from a digest to a card still has its thread to tell.
            await lane.leave(member, case=id, version=loaded.version)
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
            rank = URGENT if opened else rank_of(case, self.clock())
            await lane.move(member, to=standing, rank=rank)
        elif now_shown.mode == "card" and opened:
            await lane.leave(member)
        elif now_shown.mode == "digest" and home != lane.channel:
            await self._redraw_soon(lane, now_shown)
            change = {"mode": "none", "at": None, "digest": None, "version": 0}
            await lane.save(case.id, now_shown.model_copy(update=change), was=now_shown)
        elif now_shown.mode == "digest" and not opened and not urgent(case):
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

    def _stale(self, case: Case, now_shown: Shown) -> bool:
        back = case.reopened > now_shown.reopened
        return (
            back and now_shown.told is not None and (self.clock() - now_shown.told > NEW_CARD_AFTER)
        )

    async def _first(
        self, lane: Lane, members: tuple[str, ...], case: Case, old: Shown, *, crowded: bool
    ) -> None:
        """Post the case's card, or gather it with others in a digest when many wait."""
        if crowded and old.mode == "none" and not urgent(case):
            together = await self._crowd(lane, members)
            if len(together) > 1:
                await self.digest(lane, await self._gather(lane, together))
                return
        version, case = await self._presented(case)
        # Never the mark of an earlier card, whose message may still stand there.
        mark = f"{case.id}:card:{secrets.token_hex(4)}"
        card = await self._card(case, version)
        posting = Posting(mark=mark, channel=lane.channel)
        place = await self._once(
            lane,
            case.id,
            old,
            posting,
            lambda: self._chat.post_card(lane.channel, card, mark=mark),
        )
        asked = old.model_copy(update={"posting": posting})
        await self._stands(lane, case, version, asked, place)

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
        # Waits before the card stands: opened from a digest, nothing else here leads to its thread.
        await enlist(self._store, lane.channel, case.id, rank=self._now())
        await lane.save(case.id, old.model_copy(update=change), was=old, posted=place)
        # Others' first cards go before this card's thread.
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
        asked = old.model_copy(update={"posting": posting})
        await lane.save(id, asked, was=old)
        try:
            message = await post()
        except (TryAgain, Refused):  # surely not posted: there is nothing to look for
            await lane.save(id, old, was=asked)
            raise
        place = await self._ours(lane, message, lambda: self._settled_places(id, posting))
        await asyncio.sleep(self.pace)
        return place

    async def _settled_places(self, id: str, posting: Posting) -> tuple[Place, ...] | None:
        if (await shown(self._store, id)).posting == posting:
            return None
        return await messages_of(self._store, id)

    async def _settle(
        self, lane: Lane, member: str, case: Case, old: Shown, posting: Posting
    ) -> None:
        """An earlier try got no answer: look where it would stand before anything else."""
        if posting.channel != lane.channel:
            await lane.move(member, to=posting.channel, rank=self._now(), under=case.id)
            return
        thread = message_of(old.at) if posting.lines is not None and old.at else None
        found = await self._chat.find(lane.channel, mark=posting.mark, thread=thread)
        if found is None:
            await lane.save(case.id, old.model_copy(update={"posting": None}), was=old)
        elif posting.lines is None:
            # Drawn from a version nobody wrote down, so it is drawn again.
            await self._stands(lane, case, 0, old, place_of(found))
        else:
            change = {"lines": posting.lines, "posting": None, "told": self.clock()}
            changed = old.model_copy(update=change)
            await lane.save(case.id, changed, was=old, posted=place_of(found))

    async def _update(self, lane: Lane, case: Case, old: Shown) -> None:
        """Redraw the card; one that somebody deleted in the chat is posted anew."""
        assert old.at is not None
        # A case that came back was triaged again and is handed to people by this very redraw.
        version, case = await self._presented(case)
        card = await self._card(case, version)
        try:
            await self._chat.update_card(message_of(old.at), card)
        except Refused as error:
            if str(error) != "message_not_found":
                raise
            # Its thread went with it, so the new card's thread tells everything again.
            change = {"mode": "none", "at": None, "lines": 0}
            await lane.save(case.id, old.model_copy(update=change), was=old)
            return
        await lane.save(case.id, old.model_copy(update={"version": version}), was=old)

    async def _thread(self, lane: Lane, case: Case, version: int, old: Shown) -> None:
        """Tell in the thread, in order, what happened since it was last told."""
        events = await self._store.events(case.id)
        events = events[:version]
        lines = lines_of(events, start=old.lines, words=self.words, organisation=self.organisation)
        place: Place | None = None
        if lines and old.at is not None:
            mark = f"{case.id}:lines:{len(events)}"
            aloud = old.lines > 0 and broadcast(events, start=old.lines)
            message = message_of(old.at)
            posting = Posting(mark=mark, channel=lane.channel, lines=len(events))
            place = await self._once(
                lane,
                case.id,
                old,
                posting,
                lambda: self._chat.post_lines(message, lines, mark=mark, broadcast=aloud),
            )
            old = old.model_copy(update={"posting": posting})
        change = {
            "lines": len(events),
            "posting": None,
            "told": self.clock(),
            "reopened": case.reopened,
        }
        told = old.model_copy(update=change)
        await lane.save(case.id, told, was=old, done_at=version, posted=place)

    async def _turn_to_stub(
        self, lane: Lane, case: Case, version: int, old: Shown, *, home: str
    ) -> None:
        """Make the old card a stub before the new one stands, so that never two are live."""
        assert old.at is not None
        await self._draw_stub(old.at, case, version, url=None)
        stubs = (*old.old, old.at)
        change = {"mode": "stub", "at": None, "version": 0, "old": stubs, "linked": False}
        await lane.save(case.id, old.model_copy(update=change), was=old)
        if home != lane.channel:
            await lane.move(case.id, to=home, rank=rank_of(case, self.clock()))

    async def _link_stubs(self, lane: Lane, case: Case, old: Shown) -> None:
        """Have every lane in which a stub stands give it its link."""
        for stub in old.old:
            await enlist(self._store, stub.channel, f"stub:{case.id}", rank=self._now())
        await lane.save(case.id, old.model_copy(update={"linked": True}), was=old)

    async def _link_stub(self, lane: Lane, member: str, case: Case, now_shown: Shown) -> None:
        """Give the stubs of this lane their link to the card that lives now."""
        if now_shown.mode == "card" and now_shown.at is not None:
            url = await self._chat.permalink(message_of(now_shown.at))
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
            await self._chat.update_card(message_of(at), stub)
        except Barred:
            pass  # nobody can press a card in a channel that is closed to us
        except Refused as error:
            if str(error) != "message_not_found":
                raise

    async def _card(self, case: Case, version: int) -> Card:
        platform = self._platforms.get((case.platform, case.account))
        card = card_of(
            case,
            version=version,
            organisation=self.organisation,
            words=self.words,
            now=self.clock(),
            platform=platform,
        )
        return card.model_copy(update={"related": await self._related(case)})

    async def _related(self, case: Case) -> tuple[Source, ...]:
        """Return links to the cards of cases about the same that stand by now."""
        alike = case.triage.alike if case.triage and not case.erased else None
        links: list[Source] = []
        for id in alike.cases if alike else ():
            at = (await shown(self._store, id)).at
            url = await self._url(at) if at else None
            if url is not None:
                title = self.words.say("card.alike_case", number=len(links) + 1)
                links.append(Source(id=id, title=title, url=url))
        return tuple(links)

    async def _url(self, at: Place) -> str | None:
        """Return a message's link, asked for once: in a burst many cards name the same ones."""
        if at not in self._urls:
            try:
                self._urls[at] = await self._chat.permalink(message_of(at))
            except Refused:  # gone from the chat: a card without that link is better than none
                return None
            while len(self._urls) > URLS:
                self._urls.pop(next(iter(self._urls)))
        return self._urls[at]

    def _place_name(self, case: Case) -> str:
        if case.official:
            return case.official
        department = self.organisation.department(case.department)
        return department.name if department else self.words.say("card.triage")
