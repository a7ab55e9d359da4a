"""Connections: told once when one fails, once when it is well, over restarts and processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant import accounts
from assistant.app import Wiring, run
from assistant.config import Secrets, WebhookAccount
from assistant.errors import Barred, Doubtful, TryAgain
from assistant.health import Metrics
from assistant.listen import Pace, listen, take, tally
from assistant.platforms import Around, Condition, Gap, Look, Platform, Told
from assistant.store import Store, open_store
from assistant.store.connections import (
    PATIENCE,
    STEADY,
    Connection,
    alone,
    connections,
    failed,
    well,
)
from assistant.store.lanes import notice
from assistant.testing import FullPlatform
from assistant.watch import lost, over, settle, tidy
from assistant.words import Words
from tests.core import START, TOWN, Clock, arrival
from tests.ports import free_port

ACCOUNT = "replay:@town"
FAST = Pace(pause=0.01, broken=0.02, quiet=0.02, silence=0.3, share=0.01, lease=0.3)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


async def told(store: Store) -> list[str]:
    """Return the sentences in the supervisors' lane."""
    members = await store.redis.zrange(store.keys.lane + TOWN.supervisors_channel, 0, -1)
    notes = [await notice(store, each.removeprefix("note:")) for each in members]
    return [Words("en").say(each.key, **each.values) for each in notes if each]


async def state(store: Store, part: str = "reading") -> Connection:
    """Return what is known of a part."""
    return next(each for each in await connections(store) if each.part == part)


async def test_what_a_person_must_mend_is_told_at_once_and_once(store: Store) -> None:
    for _ in range(3):
        await failed(store, ACCOUNT, "reading", "the token expired", grave=True, now=START)
        await settle(store, TOWN, now=START)
    [said] = await told(store)
    assert "the token expired" in said
    assert ACCOUNT in said
    assert "fetching posts" not in said  # the town speaks Dutch: parts are said in its words
    assert "berichten ophalen" in said


async def test_what_may_pass_is_told_after_two_minutes(store: Store) -> None:
    now = START
    while now - START < PATIENCE:
        await failed(store, ACCOUNT, "reading", "status 503", grave=False, now=now)
        await settle(store, TOWN, now=now)
        assert await told(store) == []
        now += timedelta(seconds=30)
    await settle(store, TOWN, now=now)
    assert len(await told(store)) == 1


async def test_trouble_that_passed_is_never_told(store: Store) -> None:
    for minute in range(10):
        now = START + timedelta(minutes=minute)
        await failed(store, ACCOUNT, "reading", "status 503", grave=False, now=now)
        await well(store, ACCOUNT, "reading", now=now + timedelta(seconds=20))
        await settle(store, TOWN, now=now + timedelta(seconds=30))
    assert await told(store) == []
    assert (await state(store)).ok


async def test_well_again_is_told_once_when_it_lasts(store: Store) -> None:
    await failed(store, ACCOUNT, "reading", "revoked", grave=True, now=START)
    await settle(store, TOWN, now=START)
    for second in (0, 30, 65, 90):
        now = START + timedelta(seconds=second)
        await well(store, ACCOUNT, "reading", now=now)
        await settle(store, TOWN, now=now)
        assert len(await told(store)) == (1 if timedelta(seconds=second) < STEADY else 2)
    assert "well again" in (await told(store))[1]
    calm = await state(store)
    assert (calm.ok, calm.told, calm.reason, calm.grave) == (True, False, "", False)


async def test_what_flickers_makes_no_storm(store: Store) -> None:
    for second in range(0, 3600, 20):
        now = START + timedelta(seconds=second)
        if second % 40:
            await well(store, ACCOUNT, "reading", now=now)
        else:
            await failed(store, ACCOUNT, "reading", "revoked", grave=True, now=now)
        await settle(store, TOWN, now=now)
    assert len(await told(store)) == 1


async def test_trouble_that_comes_and_goes_all_day_is_told_ever_less_often(store: Store) -> None:
    for minute in range(24 * 60):
        now = START + timedelta(minutes=minute)
        if minute % 8 < 4:
            await failed(store, ACCOUNT, "reading", "status 503", grave=False, now=now)
        else:
            await well(store, ACCOUNT, "reading", now=now)
        await settle(store, TOWN, now=now)
    assert 2 < len(await told(store)) < 12


async def test_an_account_that_is_ours_no_more_is_forgotten(store: Store) -> None:
    await failed(store, "replay:@old", "reading", "revoked", grave=True, now=START)
    await failed(store, ACCOUNT, "reading", "revoked", grave=True, now=START)
    await tidy(store, TOWN)
    assert [each.account for each in await connections(store)] == [ACCOUNT]


async def test_a_second_spell_of_trouble_is_told_again(store: Store) -> None:
    for hour in (0, 1):
        now = START + timedelta(hours=hour)
        await failed(store, ACCOUNT, "reading", "revoked", grave=True, now=now)
        await settle(store, TOWN, now=now)
        await well(store, ACCOUNT, "reading", now=now)
        await settle(store, TOWN, now=now + STEADY * 2)
    assert len(await told(store)) == 4


async def test_many_processes_tell_it_once(store: Store, store_url: str) -> None:
    async with open_store(store_url, "town") as other:
        both = (store, other) * 5
        await asyncio.gather(
            *(failed(each, ACCOUNT, "reading", "no", grave=True, now=START) for each in both)
        )
        await asyncio.gather(*(settle(each, TOWN, now=START) for each in both))
        await asyncio.gather(*(well(each, ACCOUNT, "reading", now=START) for each in both))
        await asyncio.gather(*(settle(each, TOWN, now=START + STEADY) for each in both))
    assert len(await told(store)) == 2


async def test_a_failure_while_well_again_is_being_told_is_not_lost(store: Store) -> None:
    await failed(store, ACCOUNT, "reading", "revoked", grave=True, now=START)
    await settle(store, TOWN, now=START)
    await well(store, ACCOUNT, "reading", now=START)
    seen = await connections(store)
    later = START + STEADY
    await failed(store, ACCOUNT, "reading", "revoked again", grave=True, now=later)
    for each in seen:
        await over(store, each, now=later)
    await settle(store, TOWN, now=later)
    assert "revoked again" in (await told(store))[-1]


async def test_lost_posts_are_told_once(store: Store) -> None:
    gap = Gap(since=START, until=START + timedelta(hours=2), reason="only 800 posts are kept")
    assert await lost(store, TOWN, ACCOUNT, gap, now=START)
    assert not await lost(store, TOWN, ACCOUNT, gap, now=START)
    [said] = await told(store)
    assert "only 800 posts are kept" in said
    assert "13:00" in said  # in the town's own time
    assert "15:00" in said


# What listening notes


async def until(store: Store, part: str, *, ok: bool) -> Connection:
    """Wait until a part is noted so."""
    async with asyncio.timeout(10):
        while True:
            for each in await connections(store):
                if each.part == part and each.ok is ok:
                    return each
            await asyncio.sleep(0.01)


@pytest.fixture
async def platform(store: Store) -> AsyncIterator[FullPlatform]:
    """A platform with a stream that is listened to."""
    made = FullPlatform()
    made.every = 0.05
    task = asyncio.create_task(listen(store, made, clock=Clock(), pace=FAST))
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("error", "grave"),
    [
        (Barred("the token is refused"), True),
        (TryAgain("status 503"), False),
        (Doubtful("no JSON"), False),
        (KeyError("the citizen's words"), False),
    ],
)
async def test_reading_that_fails_is_noted_and_is_well_again_by_itself(
    store: Store, platform: FullPlatform, error: Exception, *, grave: bool
) -> None:
    await until(store, "reading", ok=True)
    platform.away = error  # type: ignore[assignment]
    noted = await until(store, "reading", ok=False)
    assert noted.grave is grave
    assert "citizen" not in noted.reason
    platform.away = None
    await until(store, "reading", ok=True)


async def test_a_stream_that_fails_is_noted_while_reading_goes_on(
    store: Store, platform: FullPlatform
) -> None:
    await until(store, "stream", ok=True)
    platform.away = TryAgain("the stream was cut")
    platform.stir()
    await until(store, "stream", ok=False)
    platform.away = None
    platform.arriving.append(arrival())
    await until(store, "stream", ok=True)
    await until(store, "reading", ok=True)


async def test_a_condition_the_platform_tells_is_noted(
    store: Store, platform: FullPlatform
) -> None:
    platform.arriving.append(Condition(part="budget", well=False, reason="today's is spent"))
    assert (await until(store, "budget", ok=False)).grave
    platform.arriving[:] = [Condition(part="budget", well=True)]
    await until(store, "budget", ok=True)


async def test_a_platform_that_falls_silent_is_noted(store: Store) -> None:
    class Silent(FullPlatform):
        async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
            await asyncio.Event().wait()
            yield arrival()

    made = Silent()
    task = asyncio.create_task(listen(store, made, clock=Clock(), pace=FAST))
    try:
        assert "nothing for" in (await until(store, "reading", ok=False)).reason
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# Who reads


async def test_a_stir_is_read_long_before_the_next_reading(store: Store) -> None:
    made, (counter, count) = FullPlatform(), tally()
    made.every = 60.0
    task = asyncio.create_task(listen(store, made, clock=Clock(), counted=count, pace=FAST))
    try:
        await until(store, "reading", ok=True)
        made.arriving.append(arrival())
        made.stir()
        async with asyncio.timeout(20):
            while not counter:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert counter == {"new": 1}


class Counted(FullPlatform):
    """A platform that counts its readings."""

    every: float | None = 0.02

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Count."""
        self.readings += 1
        async for each in super().arrivals(cursor):
            yield each


class Waiting(Counted):
    """A platform with something pushed that nobody can record yet: it goes on stirring."""

    asked = 0

    async def stirred(self) -> None:
        """Return at once."""
        self.asked += 1


async def test_what_goes_on_stirring_is_asked_once_a_reading(store: Store) -> None:
    """Else the loop would turn as fast as it can, for as long as the store is away."""
    made = Waiting()
    made.away = TryAgain("busy")
    task = asyncio.create_task(listen(store, made, clock=Clock(), pace=FAST))
    try:
        await reaches(made, 5)
        assert 0 < made.asked <= made.readings + 2
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reaches(made: Counted, readings: int) -> None:
    """Wait until it was read so often."""
    async with asyncio.timeout(10):
        while made.readings < readings:
            await asyncio.sleep(0.01)


async def test_one_process_reads_an_account_and_another_takes_over(
    store: Store, store_url: str
) -> None:
    pace = replace(FAST, lease=3.0)  # a busy machine may pause for less than that
    async with open_store(store_url, "town") as second:
        one, other = Counted(), Counted()
        first = asyncio.create_task(listen(store, one, clock=Clock(), pace=pace))
        await reaches(one, 3)
        stands_by = asyncio.create_task(listen(second, other, clock=Clock(), pace=pace))
        await reaches(one, one.readings + 5)
        assert other.readings == 0
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await reaches(other, 2)
        stands_by.cancel()
        await asyncio.gather(stands_by, return_exceptions=True)


async def test_a_reader_that_was_killed_is_replaced_when_its_lease_ends(store: Store) -> None:
    await store.script("hold", [store.keys.lease("listen:" + ACCOUNT)], "killed", 200)
    made = Counted()
    task = asyncio.create_task(listen(store, made, clock=Clock(), pace=FAST))
    await reaches(made, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_pushed_is_read_by_each_process(store: Store, store_url: str) -> None:
    class Gateway(Counted):
        pushed = True

    async with open_store(store_url, "town") as second:
        pair = (store, Gateway()), (second, Gateway())
        tasks = [
            asyncio.create_task(listen(at, made, clock=Clock(), pace=FAST)) for at, made in pair
        ]
        for _, made in pair:
            await reaches(made, 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_whoever_loses_the_lease_stops_at_once(store: Store) -> None:
    stopped = asyncio.Event()

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    task = asyncio.create_task(alone(store, "listen:x", act, lease=0.3))
    key = store.keys.lease("listen:x")
    async with asyncio.timeout(10):
        while not await store.redis.exists(key):
            await asyncio.sleep(0.01)
        await store.redis.set(key, "somebody else", px=60_000)
        await stopped.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await store.redis.get(key) == "somebody else"


# The service


async def test_the_service_tells_what_fails_and_follows_what_goes(
    store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = WebhookAccount(
        platform="webhook", handle="@gate", name="gate", reply_url="https://gate.example/replies"
    )
    barred, well_made = FullPlatform("@gate"), FullPlatform("@fine")
    barred.away = Barred("the secret was revoked")
    made = {"@gate": barred, "@fine": well_made}

    @asynccontextmanager
    async def opened(account: WebhookAccount, around: Around) -> AsyncIterator[Platform]:
        made[account.handle].name = "webhook"
        yield made[account.handle]

    monkeypatch.setitem(accounts.OPENERS, "webhook", opened)
    fine = account.model_copy(update={"handle": "@fine", "name": "fine"})
    clock = Clock()
    clock.ahead(hours=1)
    wiring = Wiring(
        organisation=TOWN.model_copy(update={"accounts": (*TOWN.accounts, account, fine)}),
        store_url=store_url,
        state=tmp_path,
        secrets=Secrets(accounts={account.variable: SecretStr("secret")}),
        only=frozenset({"listen"}),
        port=free_port(),
        clock=clock,
        watch_every=0.05,
    )
    await take(store, arrival(platform="webhook", account="@fine"), now=START)
    [case] = await store.ids()
    well_made.looks["p1"] = Look(standing="deleted")
    await failed(store, "webhook:@old", "reading", "gone", grave=True, now=START)
    running = asyncio.create_task(run(wiring))
    try:
        async with asyncio.timeout(30):
            while not (said := await told(store)) or not await gone(store, case):
                await asyncio.sleep(0.02)
            await until(store, "looking", ok=True)
        metrics = Metrics()
        await metrics.gather(store)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(said) == 1  # and none of the account that is ours no more
    assert "webhook:@gate" in said[0]
    assert "the secret was revoked" in said[0]
    ok = {
        (each.labels["account"], each.labels["part"]): each.value
        for each in next(iter(metrics.connected.collect())).samples
    }
    assert ok["webhook:@gate", "reading"] == 0
    assert ok["webhook:@fine", "reading"] == 1


async def gone(store: Store, id: str) -> bool:
    """Say whether the citizen's post is known to be gone."""
    case = (await store.load(id)).case
    return case is not None and case.post.deleted
