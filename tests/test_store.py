"""Recording: all or nothing, once per command, on a real server that is also broken on purpose."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import redis

from assistant.case import Event, IllegalMove, Kind, Remote, State
from assistant.errors import Conflict, StoreUnavailable
from assistant.listen import take
from assistant.store import Decision, Store, Work, open_store
from assistant.store.vault import commit
from tests.core import (
    START,
    WRITER,
    Clock,
    add,
    arrival,
    drafted,
    new_case,
    open_case,
    post,
    queued_case,
    seen_of,
    triaged,
)
from tests.redis_server import RedisServer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


def everything(url: str) -> dict[str, bytes]:
    """Return every key of the server with all that is in it, as bytes."""
    found: dict[str, bytes] = {}
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(count=1000):
            kind = client.type(key)
            if kind == b"string":
                held: object = client.get(key)
            elif kind == b"list":
                held = client.lrange(key, 0, -1)
            elif kind == b"hash":
                held = client.hgetall(key)
            elif kind == b"set":
                held = client.smembers(key)
            elif kind == b"zset":
                held = client.zrange(key, 0, -1, withscores=True)
            else:
                held = client.xrange(key)
            found[key.decode()] = repr(held).encode()
    return found


def received() -> Event:
    return Event(kind=Kind.RECEIVED, at=START, post=post())


async def test_a_record_writes_events_snapshot_log_index_and_work_together(store: Store) -> None:
    decision = Decision(events=(received(), triaged()), work=(Work(step="draft"), Work(lane="C1")))
    recorded = await store.record(await store.load("c1"), decision, command="x", now=START)
    assert recorded.version == 2
    loaded = await store.load("c1", command="x")
    assert loaded.case == recorded.case
    assert loaded.repeated
    assert await store.events("c1") == decision.events
    assert await store.ids(State.TRIAGED) == ("c1",)
    assert await store.ids(State.NEW) == ()
    keys = store.keys
    log = [row for _, row in await store.redis.xrange(keys.log)]
    assert [(row["c"], row["v"]) for row in log] == [("c1", "1"), ("c1", "2")]
    assert log[-1]["h"] == loaded.head
    assert [row for _, row in await store.redis.xrange(keys.work + "draft")] == [{"case": "c1"}]
    assert await store.redis.zrange(keys.lane + "C1", 0, -1) == ["c1"]


async def test_an_illegal_second_event_records_nothing_of_the_first(
    store: Store, store_url: str
) -> None:
    before = everything(store_url)
    sent = Event(kind=Kind.SENT, at=START, remote=Remote(id="r"))
    with pytest.raises(IllegalMove):
        await store.record(
            await store.load("c1"), Decision(events=(received(), sent)), command="x", now=START
        )
    assert everything(store_url) == before


async def test_a_conflict_records_nothing(store: Store, store_url: str) -> None:
    case = await new_case(store)
    stale = await store.load(case)
    await add(store, case, triaged())
    before = everything(store_url)
    decision = Decision(events=(triaged(),), work=(Work(step="draft"), Work(lane="C1")))
    with pytest.raises(Conflict):
        await store.record(stale, decision, command="x", now=START)
    assert everything(store_url) == before


async def test_the_same_command_again_gives_the_first_result(store: Store) -> None:
    case = await new_case(store)
    loaded = await store.load(case)
    decision = Decision(events=(triaged(),), work=(Work(step="draft"),))
    first = await store.record(loaded, decision, command="x", now=START)
    again = await store.record(loaded, decision, command="x", now=START)
    assert again.repeated
    assert not first.repeated
    assert (again.case, again.version) == (first.case, first.version)
    assert len(await store.events(case)) == 2
    assert await store.redis.xlen(store.keys.work + "draft") == 1


async def test_decide_reads_and_decides_again_when_the_case_moved(store: Store) -> None:
    case = await new_case(store)
    again = Decision(events=(triaged(),))
    await asyncio.gather(*(store.decide(case, lambda _: again, now=START) for _ in range(20)))
    assert (await store.load(case)).version == 21


async def test_twenty_first_posts_at_once_make_one_case(store: Store) -> None:
    posts = [arrival(f"p{n}", root="p0", parent="p0" if n else None) for n in range(20)]
    await asyncio.gather(*(take(store, each, now=START) for each in posts))
    cases = await store.ids()
    assert len(cases) == 1
    held = (await store.load(cases[0])).case
    assert held is not None
    assert {each.id for each in held.posts} == {f"p{n}" for n in range(20)}


async def test_the_same_post_twenty_times_at_once_is_recorded_once(store: Store) -> None:
    taken = await asyncio.gather(*(take(store, arrival(), now=START) for _ in range(20)))
    assert sorted(taken) == ["new", *["repeat"] * 19]
    [case] = await store.ids()
    assert len(await store.events(case)) == 1


async def test_a_flushed_script_cache_loses_no_step(store: Store) -> None:
    case = await new_case(store)
    await store.redis.script_flush()
    await add(store, case, triaged())
    await store.redis.script_flush()
    await add(store, case, drafted())
    assert len(await store.events(case)) == 3


async def test_a_stalled_server_doubles_nothing(redis_server: RedisServer, store: Store) -> None:
    """The answer is lost after 3 s, the server does it later, and the command is said again."""
    case = await new_case(store)
    loaded = await store.load(case)
    decision = Decision(events=(triaged(),), work=(Work(step="draft"),))
    redis_server.pause()
    started = asyncio.get_running_loop().time()
    with pytest.raises(StoreUnavailable):
        await store.record(loaded, decision, command="x", now=START)
    assert asyncio.get_running_loop().time() - started < 3.5  # nobody tried again behind our back
    redis_server.resume()
    again = await store.record(loaded, decision, command="x", now=START)
    assert again.repeated
    assert len(await store.events(case)) == 2
    assert await store.redis.xlen(store.keys.work + "draft") == 1
    assert await store.redis.xlen(store.keys.log) == 2


async def test_a_lost_answer_doubles_nothing(store_url: str, store: Store) -> None:
    case = await new_case(store)
    async with _cutting(store_url, after=b"EVALSHA") as url, open_store(url, "town") as cut:
        loaded = await cut.load(case)
        with pytest.raises(StoreUnavailable):
            await cut.record(loaded, Decision(events=(triaged(),)), command="x", now=START)
    assert (await store.load(case, command="x")).repeated
    assert len(await store.events(case)) == 2


class _cutting:  # noqa: N801 - reads as a verb at its one call
    """A relay to the server that cuts the line where the answer to `after` would come."""

    def __init__(self, url: str, *, after: bytes) -> None:
        self._head, _, rest = url.rpartition(":")
        self._port = int(rest.partition("/")[0])
        self._after = after

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"{self._head}:{port}/0"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while data := await reader.read(1 << 16):
                down.write(data)
                answer = await up.read(1 << 16)
                if self._after in data and not answer.startswith(b"-NOSCRIPT"):
                    break
                writer.write(answer)
        finally:
            writer.close()
            down.close()


async def test_the_store_gone_is_told_without_values(
    redis_server: RedisServer, store: Store
) -> None:
    redis_server.stop()
    with pytest.raises(StoreUnavailable) as raised:
        await take(store, arrival(text="secret words"), now=START)
    assert "secret" not in str(raised.value)
    redis_server.start()
    assert await take(store, arrival(text="secret words"), now=START) == "new"


async def test_starting_without_a_server_is_told(redis_server: RedisServer, store_url: str) -> None:
    redis_server.stop()
    with pytest.raises(StoreUnavailable):
        async with open_store(store_url, "town"):
            pass


async def test_nothing_of_the_citizen_is_in_any_key_but_the_private_ones(
    store: Store, store_url: str
) -> None:
    case = await queued_case(store, text="Dear @Henk_de_Burger: on Tuesday. ^AB")
    note = Event(kind=Kind.UNDONE, at=START, by=WRITER, note="he called about his bins")
    await add(store, case, note, citizens=(("replay", "handle", "henk_de_burger"),))
    held = everything(store_url)
    private = b"".join(value for key, value in held.items() if ":private:" in key)
    rest = b"".join(key.encode() + value for key, value in held.items() if ":private:" not in key)
    for secret in (
        b"When will the bins",
        b"Henk_de_Burger",
        b"did:citizen",
        b"social.example/p1",
        b"on Tuesday",
        b"a question about bins",
        b"he called about",
        b'"p1"',
    ):
        assert secret.lower() not in rest.lower(), secret
        assert secret == b'"p1"' or secret.lower() in private.lower(), secret


async def test_each_private_value_matches_its_commitment(store: Store) -> None:
    case = await queued_case(store)
    values = await store.redis.hgetall(store.keys.private(case))
    rows = "".join(await store.redis.lrange(store.keys.events(case), 0, -1))
    assert len(values) >= 7
    for commitment, stored in values.items():
        salt, _, value = stored.partition(":")
        assert commit(salt, value) == commitment
        assert commitment in rows


async def test_a_snapshot_is_the_fold_and_the_chain_links(store: Store) -> None:
    case = await queued_case(store)
    rows = [json.loads(row) for row in await store.redis.lrange(store.keys.events(case), 0, -1)]
    log = [row for _, row in await store.redis.xrange(store.keys.log)]
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["prev"] for row in rows] == ["", *(each["h"] for each in log[:-1])]


async def test_a_remote_id_belongs_to_one_reply(store: Store) -> None:
    one, other = await open_case(store, "p1"), await open_case(store, "p2", author="other")
    await add(store, one, triaged(), remotes=(("replay:r1", "reply-1"),))
    loaded = await store.load(other)
    decision = Decision(events=(triaged(),), remotes=(("replay:r1", "reply-2"),))
    recorded = await store.record(loaded, decision, now=START)
    assert recorded.taken
    assert (await store.load(other)).version == loaded.version


async def test_organisations_share_a_server_without_meeting(store_url: str, store: Store) -> None:
    await new_case(store)
    async with open_store(store_url, "village") as village:
        assert await village.ids() == ()
        assert await village.seen(village.mark("replay", "p1")) is None
        assert store.hash("x") != village.hash("x")


async def test_cases_are_found_by_state_and_time(store: Store) -> None:
    clock = Clock()
    first = await new_case(store, "p1", now=clock())
    second = await new_case(store, "p2", author="other", now=clock.ahead(hours=1))
    assert await store.ids() == (first, second)
    assert await store.ids(State.NEW, until=START) == (first,)
    assert await store.ids(State.NEW, since=clock()) == (second,)
    assert (await store.count())[State.NEW] == 2


async def test_a_post_that_was_seen_leaves_the_case_as_it_is(store: Store) -> None:
    case = await new_case(store)
    loaded = await store.load(case)
    recorded = await store.record(
        loaded, Decision(events=(received(),), seen=seen_of(store, post())), now=START
    )
    assert recorded.seen is not None
    assert (await store.load(case)).version == loaded.version
