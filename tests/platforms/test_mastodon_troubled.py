"""A server in trouble all the time: 200 citizens, 200 cases, each answered exactly once."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from assistant.case import Event, Kind, State
from assistant.config import MastodonAccount
from assistant.desk import Desk
from assistant.draft import draft
from assistant.listen import Pace, Taken, listen
from assistant.platforms import Platform
from assistant.platforms.mastodon import opened
from assistant.reply import Sender
from assistant.store import Store, milliseconds, open_store, utcnow
from assistant.triage import triage
from assistant.words import Words
from tests.core import ACK, TOWN, Clock, add
from tests.people import held, press, sends
from tests.platforms.contract import QUESTION
from tests.platforms.mastodon_server import Trouble
from tests.platforms.world_mastodon import MastodonWorld, settings, world

CITIZENS = 200
SHARE = 0.15
"""Calls that go wrong."""

TROUBLES: Mapping[Trouble, int] = {
    "429": 3,
    "503": 3,
    "malformed": 3,
    "unheard": 1,
    "unanswered": 1,
}
"""In which way, and how often each."""

PATIENCE = 2.0
"""Seconds the adapter waits for one call here."""

AT_ONCE = 25
"""Replies people send in five minutes: with what fails, that stays well below 300 calls."""

SPAN = timedelta(minutes=5)
ACCOUNT = MastodonAccount(platform="mastodon", handle="@town", server="http://127.0.0.1")
HERE = TOWN.model_copy(update={"accounts": (ACCOUNT,)})
WORDS = Words("en")


class Weather:
    """Which call meets which trouble, and how many calls there were in any five minutes."""

    def __init__(self, clock: Clock) -> None:
        self._random = random.Random(20)
        self._clock = clock
        self._made: deque[datetime] = deque()
        self.troubles: Counter[Trouble] = Counter()
        self.most = 0

    def __call__(self, request: web.Request) -> Trouble | None:
        now = self._clock()
        self._made.append(now)
        while self._made[0] <= now - SPAN:
            self._made.popleft()
        self.most = max(self.most, len(self._made))
        if self._random.random() > SHARE:
            return None
        [trouble] = self._random.choices(list(TROUBLES), list(TROUBLES.values()))
        self.troubles[trouble] += 1
        return trouble


class Town:
    """The product's own steps on one account, with nobody's card between them."""

    def __init__(self, store: Store, platform: Platform, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.platforms = {("mastodon", "@town"): platform}
        self.taken: Counter[Taken] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.desk = Desk(store, HERE, platforms=self.platforms, clock=clock)
        self.sender = Sender(
            store, HERE, platforms=self.platforms, clock=clock, counted=self._count
        )

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    async def hear(self) -> None:
        """Listen until every citizen was heard and one more reading went well."""
        heard = asyncio.Event()

        def count(taken: Taken) -> None:
            self.taken[taken] += 1
            if self.taken["new"] == CITIZENS:
                heard.set()

        [platform] = self.platforms.values()
        pace = Pace(pause=0.02, broken=0.1, share=0.001)
        task = asyncio.create_task(
            listen(self.store, platform, clock=self.clock, counted=count, pace=pace)
        )
        async with asyncio.timeout(200):
            await heard.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def prepare(self, case: str) -> None:
        """Triage a case, suggest something, and let a colleague see it."""
        await triage(
            self.store, case, None, organisation=HERE, model=None, words=WORDS, clock=self.clock
        )
        await draft(
            self.store,
            case,
            None,
            organisation=HERE,
            model=None,
            platforms=self.platforms,
            words=WORDS,
            clock=self.clock,
        )
        await add(self.store, case, Event(kind=Kind.PRESENTED, at=self.clock()))

    async def send(self, case: str) -> None:
        """Let a colleague open the editor and press Send."""
        seen = await held(self.store, case)
        editor = await self.desk.editor(press(case, "edit"))
        text = f"{seen.post.handle} On Tuesday, at {case[:6]}. ^AB"
        verdict = await self.desk.submit(
            sends(case, text, revision=editor.revision, draft=editor.draft, reason="It is known.")
        )
        assert verdict.outcome == "queued", verdict.told

    async def deliver(self, cases: list[str]) -> None:
        """Wake the sender whenever its timers say, until no reply is on its way."""
        at_once = asyncio.Semaphore(10)

        async def wake(timer: str) -> None:
            [case] = [each for each in cases if each in timer]
            async with at_once:
                await self.sender.send(case, ACK)

        later, redis = self.store.keys.later, self.store.redis
        while timers := [
            (timer, at)
            for timer, at in await redis.zrange(later, 0, -1, withscores=True)
            if '"send"' in timer
        ]:
            # Timers are kept in whole milliseconds, so a moment later it is surely time.
            first = datetime.fromtimestamp(timers[0][1] / 1000, UTC) + timedelta(milliseconds=1)
            self.clock.now = max(self.clock.now, first)
            due = [timer for timer, at in timers if at <= milliseconds(self.clock.now)]
            await redis.zrem(later, *due)
            await asyncio.gather(*map(wake, due))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as made:
        yield made


@pytest.mark.timeout(400)  # sixteen seconds on a machine of its own
async def test_each_of_200_is_answered_once_whatever_fails(store: Store, tmp_path: Path) -> None:
    async with world(tmp_path) as mastodon:
        assert isinstance(mastodon, MastodonWorld)
        clock = Clock()
        clock.now = utcnow()
        mastodon.crowd(CITIZENS, QUESTION)
        around = settings(mastodon.way.url, clock=clock)
        async with opened(*around, call=PATIENCE) as platform:
            weather = mastodon.way.trouble = Weather(clock)
            town = Town(store, platform, clock)
            await town.hear()
            cases = sorted(await store.ids(State.NEW))
            await asyncio.gather(*map(town.prepare, cases))
            for start in range(0, CITIZENS, AT_ONCE):
                some = cases[start : start + AT_ONCE]
                await asyncio.gather(*map(town.send, some))
                await town.deliver(some)
                clock.ahead(seconds=SPAN.total_seconds())
        ends = [await held(store, case) for case in cases]
        stands = Counter((each.under, each.text) for each in await mastodon.standing())
    sent = {(each.post.id, each.sent[-1].text) for each in ends if each.state is State.SENT}
    print(
        f"{len(cases)} cases, {len(sent)} sent, {sum(stands.values())} replies stand; "
        f"{mastodon.way.calls} calls, {sum(weather.troubles.values())} failed: "
        f"{dict(weather.troubles)}; outcomes {dict(town.outcomes)}; "
        f"at most {weather.most} calls in five minutes"
    )
    assert len(cases) == len(sent) == CITIZENS
    assert stands == Counter(sent)
    assert set(weather.troubles) == set(TROUBLES)
    assert weather.most <= 300
