"""Send a reply once: look at the post again, check again, call, and never guess afterwards."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from assistant.case import MOVES, Case, Event, Kind, Post, Remote, Reply, State
from assistant.checks import check
from assistant.config import Organisation
from assistant.errors import Barred, Doubtful, Refused, TryAgain
from assistant.ground import ground_of, lapsed, measure_of
from assistant.ours import claims_of, normal
from assistant.platforms import FindsReplies, KeyedReplies, Look, MayHide, Platform
from assistant.reply.looking import MOVED, in_private, moved, overtaken, stopped
from assistant.store import Decision, Delivery, Recorded, Store, Work
from assistant.store.connections import failed, source_of, well

log = logging.getLogger(__name__)

CALL = 10.0
"""Seconds one call to a platform may take; far below the lease of the work, which is 30 s."""

SETTLE = timedelta(seconds=30)
"""After this an attempt of another worker is surely over: its call is bounded by CALL."""

KEY_TRUSTED = timedelta(minutes=50)
"""Mastodon keeps an Idempotency-Key for one hour; past this a key proves nothing."""

TRIES = 8
"""Attempts that surely did not arrive before a person is asked (about ten minutes)."""

LOOKS_FOR = timedelta(minutes=10)
"""How long after its time a reply waits for the citizen's post to be readable."""

LOOK_AGAIN = 3
"""Looks are repeated after 20 s (see _pause)."""

APPEARS = timedelta(seconds=15)
"""How long after a sending the first look comes whether citizens see the reply."""

LOOKS = timedelta(minutes=2)
"""How long after a doubt the platform is looked at once more."""


Moment = tuple[State, int, bool]
"""Where a reply stands: the case's state, the attempt, and whether that one is outstanding."""


class Sender:
    """Sends what people queued; the only caller of a platform's `reply`."""

    def __init__(
        self,
        store: Store,
        organisation: Organisation,
        *,
        platforms: Mapping[tuple[str, str], Platform],
        clock: Callable[[], datetime],
        counted: Callable[[str], None] = lambda outcome: None,
        call: float = CALL,
        settle: timedelta = SETTLE,
    ) -> None:
        self._store = store
        self._organisation = organisation
        self._platforms = platforms
        self._clock = clock
        self._counted = counted
        self._call = call
        self._settle = settle

    async def send(self, id: str, ack: Delivery) -> None:
        """Bring the case's reply one step further, whatever happened to earlier attempts."""
        loaded = await self._store.load(id)
        case = loaded.case
        if case is None or case.reply is None:
            return
        now = self._clock()
        if case.state is State.QUEUED:
            if now < case.reply.due:  # woken by a clock ahead of ours, or by the sweeper
                await self._later(case, ack, case.reply.due - now)
            else:
                await self._looked(case, case.reply, ack, number=1)
        elif case.state is State.SENDING:
            await self._again(case, case.reply, ack, now)
        elif case.state is State.IN_DOUBT:
            await self._find(case, case.reply, ack)

    async def _looked(self, case: Case, reply: Reply, ack: Delivery, *, number: int) -> None:
        """Nothing can be out yet: look once more, check once more, then try."""
        platform = self._platform(case)
        target = _target(case, reply)
        try:
            async with asyncio.timeout(self._call):
                look = await platform.look(target)
        except (TryAgain, Doubtful, Barred, TimeoutError) as error:
            log.warning("send case=%s waits for a look: %s", case.id, type(error).__name__)
            if self._clock() < reply.due + LOOKS_FOR:
                await self._later(case, ack, _pause(LOOK_AGAIN, error))
                return
            look = None
        except Refused:
            look = Look(standing="barred")
        stop = moved(target, look, now=self._clock()) or self._unfit(case, reply, platform)
        if not stop and number > 1:
            # What waits for its first try is cancelled by this; between two tries nothing else is.
            why = overtaken(await self._store.events(case.id), reply)
            stop = Event(kind=Kind.FAILED, at=self._clock(), reason=why) if why else None
        if stop:
            await self._decide(case, reply, stop, ack=ack, seen=_moment(case))
            self._counted("stopped")
            return
        await self._attempt(case, reply, ack, number=number)

    def _unfit(self, case: Case, reply: Reply, platform: Platform) -> Event | None:
        """Return the event that stops a text which may not go out (any more)."""
        now = self._clock()
        target = _target(case, reply)
        if target.addressed is None or self._organisation.ours(target):
            return Event(kind=Kind.FAILED, at=now, reason="not_addressed")
        # Told while an earlier try was waited out, by a platform that cannot be asked.
        if target.deleted or target.barred:
            return Event(kind=Kind.FAILED, at=now, reason=target.barred or "deleted")
        private = reply.visibility == "direct"
        if private and not in_private(target, platform):
            return Event(kind=Kind.FAILED, at=now, reason="not_private")
        ground = ground_of(
            case,
            organisation=self._organisation,
            platform=platform,
            initials=reply.by.initials,
            cited=reply.sources,
            private=private,
        )
        _, length = measure_of(platform, private=private)
        findings = check(reply.text, ground=ground, length=length)
        if any(each.severity == "block" for each in findings):
            return Event(kind=Kind.FAILED, at=now, reason="checks")
        return None

    async def _attempt(self, case: Case, reply: Reply, ack: Delivery, *, number: int) -> None:
        """Write down the attempt, then call; a pause in between means somebody else may have it."""
        platform = self._platform(case)
        started = asyncio.get_running_loop().time()
        now = self._clock()
        # It goes out all the same: a person sent this very text. Whoever audits it sees the fact.
        expired = lapsed(self._organisation, reply.sources, now=now)
        event = Event(kind=Kind.SENDING, at=now, reply_id=reply.id, attempt=number, expired=expired)
        recorded = await self._store.decide(
            case.id,
            lambda held: self._begun(held, case, reply, event),
            command=f"attempt:{reply.id}:{number}",
            now=event.at,
        )
        mine = recorded.case is not None and recorded.case.attempt_at == event.at
        if recorded.repeated or not mine:
            return
        if asyncio.get_running_loop().time() - started > self._call:
            # Asleep since the record: the lease may be gone, so the next owner looks first.
            await self._later(case, ack, self._settle)
            return
        doubted = case.outstanding
        try:
            async with asyncio.timeout(self._call):
                remote = await platform.reply(reply)
        except Refused as error:
            at = (State.SENDING, number, True)
            await self._refused(case, reply, ack, error, doubted=doubted, at=at)
        except TryAgain as error:
            await self._not_yet(case, reply, ack, error, number=number, doubted=doubted)
        except (Doubtful, TimeoutError):
            self._counted("doubtful")
            await self._doubtful(case, reply, ack)
        else:
            if not await self._sent(case, reply, remote, ack):
                await self._park(case, reply, ack, seen=(State.SENDING, number, True))
            await well(self._store, source_of(case), "sending", now=self._clock())

    def _begun(self, held: Case | None, case: Case, reply: Reply, event: Event) -> Decision:
        """Write down this very attempt, unless somebody else has or what was looked at moved."""
        number = event.attempt or 0
        before = ((State.QUEUED, 0), (State.SENDING, number - 1))
        if held is None or held.reply is None or held.reply.id != reply.id:
            return Decision()
        if (held.state, held.attempt) not in before:
            return Decision()
        if (_target(held, reply), held.outside) != (_target(case, reply), case.outside):
            return Decision(work=(Work(step="send"),))
        return Decision(events=(event,), work=(self._show(held),))

    async def _refused(
        self, case: Case, reply: Reply, ack: Delivery, error: Refused, *, doubted: bool, at: Moment
    ) -> None:
        """A refusal is final, unless an earlier attempt may have arrived."""
        barred = isinstance(error, Barred)
        if barred:
            now, why = self._clock(), str(error)
            await failed(self._store, source_of(case), "sending", why, grave=True, now=now)
        if doubted:
            await self._doubtful(case, reply, ack)
            return
        # A platform's own words may quote the citizen: they go where they can be erased.
        reason = "connection" if barred else "refused"
        event = Event(
            kind=Kind.FAILED, at=self._clock(), reply_id=reply.id, reason=reason, note=str(error)
        )
        await self._decide(case, reply, event, ack=ack, seen=at)
        self._counted("refused")

    async def _not_yet(
        self,
        case: Case,
        reply: Reply,
        ack: Delivery,
        error: TryAgain,
        *,
        number: int,
        doubted: bool,
    ) -> None:
        """Surely not sent: wait as long as asked and try the same reply again."""
        self._counted("postponed")
        now, at = self._clock(), (State.SENDING, number, True)
        if number >= TRIES and not doubted:
            event = Event(kind=Kind.FAILED, at=now, reply_id=reply.id, reason="gave_up")
            await self._decide(case, reply, event, ack=ack, seen=at)
        elif number >= TRIES:
            await self._park(case, reply, ack, seen=at)
        elif doubted:
            await self._later(case, ack, max(_pause(number, error), self._settle))
        else:
            event = Event(kind=Kind.POSTPONED, at=now, reply_id=reply.id, attempt=number)
            again = Work(step="send", at=now + _pause(number, error))
            await self._decide(case, reply, event, again, ack=ack, seen=at)

    async def _again(self, case: Case, reply: Reply, ack: Delivery, now: datetime) -> None:
        """An attempt stands written: either it surely failed, or nobody knows."""
        assert case.attempt_at is not None
        if not case.outstanding:
            await self._looked(case, reply, ack, number=case.attempt + 1)
        elif now < case.attempt_at + self._settle:
            await self._later(case, ack, case.attempt_at + self._settle - now)
        else:
            await self._doubtful(case, reply, ack, rested=True)

    async def _doubtful(
        self, case: Case, reply: Reply, ack: Delivery, *, rested: bool = False
    ) -> None:
        """Look for our reply; without one, repeat only where a repeat is harmless, else park.

        The first repeat comes at once (most doubts are one cut connection), the others each after a
        rest.
        """
        if await self._find(case, reply, ack):
            return
        held = (await self._store.load(case.id)).case
        if held is None or held.state is not State.SENDING:
            return
        if not self._harmless(held):
            await self._park(held, reply, ack, seen=_moment(held))
        elif rested or held.attempt == 1:
            await self._attempt(held, reply, ack, number=held.attempt + 1)
        else:
            await self._later(held, ack, self._settle)

    def _harmless(self, case: Case) -> bool:
        """Say whether the platform would know a repeat of this reply by its key."""
        platform = self._platform(case)
        age = self._clock() - (case.first_attempt_at or self._clock())
        return (
            isinstance(platform, KeyedReplies)
            and age < min(platform.key_life, KEY_TRUSTED)
            and case.attempt < TRIES
        )

    async def _park(self, case: Case, reply: Reply, ack: Delivery, *, seen: Moment) -> None:
        now = self._clock()
        event = Event(kind=Kind.DOUBTED, at=now, reply_id=reply.id, reason="unknown")
        look = Work(step="send", at=now + LOOKS)
        await self._decide(case, reply, event, look, ack=ack, seen=seen)
        self._counted("in_doubt")

    async def _find(self, case: Case, reply: Reply, ack: Delivery) -> bool:
        """Look under the post for a reply nobody recorded with this very text; tell if found."""
        platform = self._platform(case)
        if not isinstance(platform, FindsReplies):
            return False
        try:
            async with asyncio.timeout(self._call):
                candidates = await platform.replies_under(reply)
        except (TryAgain, Doubtful, Refused, TimeoutError):
            return False
        for each in candidates:
            if normal(each.text) == normal(reply.text) and await self._sent(
                case, reply, each.remote, ack, found=True
            ):
                return True
        return False

    async def _sent(
        self, case: Case, reply: Reply, remote: Remote, ack: Delivery, *, found: bool = False
    ) -> bool:
        """Record that the reply stands at `remote`; False when another reply holds that id."""
        kind = Kind.FOUND if found else Kind.SENT
        event = Event(
            kind=kind, at=self._clock(), reply_id=reply.id, text=reply.text, remote=remote
        )
        recorded = await self._decide(case, reply, event, ack=ack)
        if recorded.taken:
            return False
        on_time = recorded.case is not None and recorded.case.state is not State.OPEN
        self._counted(("found" if found else "sent") if on_time else "surfaced")
        return True

    async def _decide(
        self,
        case: Case,
        reply: Reply,
        event: Event,
        *work: Work,
        ack: Delivery,
        seen: Moment | None = None,
    ) -> Recorded:
        """Record `event` if the case still waits for this reply's outcome.

        With `seen` the case must stand where this worker saw it: what one worker learnt about its
        attempt says nothing about another's. That a reply stands on the platform is always said.
        """
        claims = claims_of(case.platform, event.remote, reply.id)

        def decide(held: Case | None) -> Decision:
            if held is None or held.erased:
                return Decision()
            told = event
            waits = held.reply is not None and held.reply.id == reply.id
            if event.remote is not None and not (waits and held.state in _WAITING):
                return self._surfaced(held, event, reply)
            if event.kind is Kind.SENT and held.state is State.IN_DOUBT:
                # An answer that came after somebody else had given up waiting for it.
                told = event.model_copy(update={"kind": Kind.FOUND})
            if not waits or held.state not in _WAITING or held.state not in MOVES[told.kind]:
                return Decision()
            if seen is not None and _moment(held) != seen:
                return Decision()
            events, then = [told], [self._show(held), *work, *self._appears(held, told)]
            if told.kind in MOVED and held.state is State.SENDING:
                events.append(stopped(told, reply))
            if event.kind in (Kind.SENT, Kind.FOUND) and held.newer_than_reply:
                events.append(Event(kind=Kind.REOPENED, at=event.at))
                then.append(Work(step="triage"))
            if event.kind is Kind.EDITED:
                then.append(Work(step="triage"))
            return Decision(events=tuple(events), work=tuple(then), remotes=claims)

        return await self._store.decide(case.id, decide, ack=ack, now=event.at)

    def _surfaced(self, held: Case, event: Event, reply: Reply) -> Decision:
        """Say that a reply stands which people had given up on, once."""
        if any(each.origin == reply.id for each in held.sent):
            return Decision()
        surfaced = event.model_copy(
            update={"kind": Kind.SURFACED, "reply": reply, "reply_id": None, "text": None}
        )
        claims = claims_of(held.platform, event.remote, reply.id)
        return Decision(events=(surfaced,), work=(self._show(held),), remotes=claims)

    async def _later(self, case: Case, ack: Delivery, pause: timedelta) -> None:
        now = self._clock()
        again = Decision(work=(Work(step="send", at=now + pause),))
        await self._store.decide(case.id, lambda _: again, ack=ack, now=now)

    def _appears(self, case: Case, event: Event) -> tuple[Work, ...]:
        """Return the look that follows where a platform may show to nobody what it took."""
        if event.remote is None or not isinstance(self._platform(case), MayHide):
            return ()
        return (Work(step="appear", at=event.at + APPEARS),)

    def _show(self, case: Case) -> Work:
        return Work(lane=self._organisation.channel(case.department, case.official))

    def _platform(self, case: Case) -> Platform:
        return self._platforms[case.platform, case.account]


def _target(case: Case, reply: Reply) -> Post:
    return next(each for each in case.posts if each.id == reply.target)


def _moment(case: Case) -> Moment:
    return case.state, case.attempt, case.outstanding


_WAITING = (State.QUEUED, State.SENDING, State.IN_DOUBT)


def _pause(number: int, error: Exception) -> timedelta:
    """Return how long to wait: what the platform asked, else 5 s doubling per attempt."""
    asked = error.after if isinstance(error, TryAgain) else None
    return timedelta(seconds=asked if asked is not None else min(5 * 2 ** (number - 1), 600))
