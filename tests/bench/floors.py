"""What the outside calls of the flow cost by themselves: the same libraries, bytes and keys."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import openai
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from assistant.case import Case, Event, Frozen, Kind, Post, Triage
from assistant.chats.slack.listeners import bolt_app
from assistant.listen import take
from assistant.platforms import Arrival
from assistant.store import Decision, Delivery, Store, Work, open_store
from assistant.store.work import GROUP
from tests.bench.flow import ROUNDS
from tests.bench.processes import Child, control
from tests.bench.servers import SECRET

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = (
    "@gemeentewaterstad Dit is nou de derde week op rij dat onze kliko in de Vissersbuurt niet "
    "geleegd is. Het stinkt een uur in de wind en niemand laat iets horen. Wanneer komt u langs?"
)
Floor = dict[str, float]


class Setup(Frozen):
    """What the measuring process is told; `samples` holds the bytes that went over the wire."""

    store_url: str
    slack: int
    model: int
    samples: Path
    folder: Path


def cpu() -> float:
    """Return the seconds of CPU this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def timed(calls: Sequence[Callable[[], Awaitable[Any]]], *, at_once: int = 1) -> Floor:
    """Make every call once, a ROUNDS-th of them at a time, and return the cheapest round."""
    size = len(calls) // ROUNDS
    return min(
        [await _round(calls[at * size : (at + 1) * size], at_once) for at in range(ROUNDS)],
        key=lambda each: each["cpu_ms"],
    )


async def _round(calls: Sequence[Callable[[], Awaitable[Any]]], at_once: int) -> Floor:
    left, taken = iter(calls), []

    async def one_by_one() -> None:
        for call in left:
            began = time.perf_counter()
            await call()
            taken.append((time.perf_counter() - began) * 1000)

    used, began = cpu(), time.perf_counter()
    await asyncio.gather(*(one_by_one() for _ in range(at_once)))
    used, seconds = cpu() - used, time.perf_counter() - began
    return _floor(used, seconds, taken)


def _floor(used: float, seconds: float, taken: list[float]) -> Floor:
    taken.sort()
    count = len(taken)
    return {
        "cpu_ms": used / count * 1000,
        "per_s": count / seconds,
        "p50_ms": taken[count // 2],
        "p99_ms": taken[count * 99 // 100],
    }


async def redis_floors(store: Store) -> dict[str, Floor]:
    """Measure the record script, a take with its record, and the smaller round trips."""
    number = 900
    intake = await captured(store, [_call(_taken_in, store, at) for at in range(3 * number)])
    evalsha = store.redis.evalsha
    floors = {
        "record, one at a time": await timed([_call(evalsha, *each) for each in intake[:number]]),
        "record, 50 at once": await timed(
            [_call(evalsha, *each) for each in intake[number:]], at_once=50
        ),
    }
    cases = [json.loads(each[2 + each[1]])["case"] for each in intake[:number]]
    stream = store.keys.work + "triage"
    await store.redis.delete(stream)
    for at, case in enumerate(cases, start=1):
        await store.redis.xadd(stream, {"case": case}, id=f"1-{at}")
    await store.redis.xgroup_create(stream, GROUP, id="0")
    await store.redis.xgroup_create(stream, "other", id="0")

    def read(group: str) -> Awaitable[Any]:
        taken: Awaitable[Any] = store.redis.xreadgroup(group, "c", {stream: ">"}, count=1)
        return taken

    triaged = [_call(_triaged, store, case, at) for at, case in enumerate(cases, start=1)]
    steps = await captured(store, triaged)

    async def step(arguments: tuple[Any, ...]) -> None:
        await read(GROUP)
        await evalsha(*arguments)

    floors["take (XREADGROUP)"] = await timed([lambda: read("other")] * number)
    floors["take + record"] = await timed([_call(step, each) for each in steps])
    hold = [store.keys.lease("lane:C1"), "holder", 20_000]
    hash = store.script._hashes["hold"]
    floors["small script"] = await timed([_call(evalsha, hash, 1, *hold)] * number)
    floors["transaction of 3 reads"] = await timed([_call(_three, store, id) for id in cases])
    floors["single read"] = await timed([_call(store.redis.get, store.keys.shown("x"))] * number)
    return floors


def _call(act: Callable[..., Awaitable[Any]], *arguments: Any) -> Callable[[], Awaitable[Any]]:
    return lambda: act(*arguments)


async def _three(store: Store, id: str) -> None:
    async with store.redis.pipeline(transaction=True) as pipe:
        pipe.hmget(store.keys.case(id), "version", "head", "snapshot")
        pipe.hgetall(store.keys.private(id))
        pipe.hget(store.keys.commands(id), "-")
        await pipe.execute()


async def captured(
    store: Store, acts: Sequence[Callable[[], Awaitable[Any]]]
) -> list[tuple[Any, ...]]:
    """Return what each act would have sent to Redis as its record script, without sending it."""
    kept: list[tuple[Any, ...]] = []
    real = store.script

    async def keep(name: str, keys: Sequence[str], *arguments: Any) -> tuple[str, int]:
        kept.append((real._hashes[name], len(keys), *keys, *arguments))
        return "ok", 1

    await real("hold", [store.keys.lease("x")], "x", 1)
    await store.redis.script_load(real._texts["record"])
    await store.redis.script_load(real._texts["hold"])
    store.script = keep  # type: ignore[assignment]
    try:
        for act in acts:
            await act()
    finally:
        store.script = real
    return kept


async def _taken_in(store: Store, at: int) -> None:
    post = Post(
        platform="replay",
        account="@gemeentewaterstad",
        id=f"p{at}",
        root=f"p{at}",
        author=f"u{at}",
        handle=f"@burger{at}",
        text=f"{TEXT} {at}",
        created_at=NOW,
        addressed="mention",
        url=f"https://plein.example/@burger{at}/p{at}",
    )
    await take(store, Arrival(event="new", post=post, cursor=str(at)), now=NOW)


async def _triaged(store: Store, case: str, at: int) -> None:
    said = Triage(
        label="complaint",
        department="afval",
        language="nl",
        advice="answer",
        rule=3,
        reason="Het bericht vraagt om hulp bij “kliko niet geleegd”.",
        by="rules",
    )
    event = Event(kind=Kind.TRIAGED, at=NOW, triage=said)

    def decide(held: Case | None) -> Decision:
        return Decision(events=(event,), work=(Work(lane="C0AFVAL"), Work(step="draft")))

    ack = Delivery(step="triage", entry=f"1-{at}")
    await store.decide(case, decide, command="triage:1", ack=ack, now=NOW)


async def slack_floors(port: int, samples: dict[str, Any]) -> dict[str, Floor]:
    """Measure each Slack call of the flow with the bytes it had there, over one session."""
    floors = {}
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token="xoxb-1",
            base_url=f"http://127.0.0.1:{port}/api/",
            session=session,
            retry_handlers=[],
        )
        for name, sample in sorted(samples.items()):
            if not name.startswith("signed "):
                method = name.split()[0]

                reads = method in ("auth.test", "users.info")
                how = {"http_verb": "GET", "params": sample} if reads else {"json": sample}

                async def call(method: str = method, how: Any = how) -> None:
                    await client.api_call(method, **how)

                floors[f"slack {name}"] = await timed([call] * 300, at_once=8)
    return floors


async def model_floors(port: int, samples: dict[str, Any]) -> dict[str, Floor]:
    """Measure each model call of the flow with the prompt it had there."""
    floors = {}
    client = openai.AsyncOpenAI(
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key="sk-1",
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(),
    )
    async with client:
        for name, sample in sorted(samples.items()):

            async def call(sample: Any = sample) -> None:
                response = await client.chat.completions.with_raw_response.create(**sample)
                json.loads(response.content)

            floors[f"model {name}"] = await timed([call] * 240, at_once=8)
    return floors


async def bolt_floors(slack: int, samples: dict[str, Any]) -> dict[str, Floor]:
    """Measure a signed HTTP request through aiohttp and bolt to a listener that only says ack."""
    app = bolt_app(AsyncWebClient(retry_handlers=[]), signing_secret=SECRET)

    async def listener(ack: AsyncAck) -> Any:
        return await ack()

    app.action({"action_id": "luister:act:claim"})(listener)
    app.action({"action_id": "luister:editor:edit"})(listener)
    app.view("luister:editor")(listener)

    async def dispatch(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    floors = {}
    async with served(dispatch) as url:
        for name, sample in sorted(samples.items()):
            if name.startswith("signed "):
                times = 200

                async def fire(body: str = sample, times: int = times) -> None:
                    await control(slack, "fire", url=url, body=body, times=times, at_once=8)

                await fire()
                one = await timed([fire] * ROUNDS)
                floors[f"bolt {name}"] = {
                    "cpu_ms": one["cpu_ms"] / times,
                    "per_s": one["per_s"] * times,
                }
    return floors


@asynccontextmanager
async def served(dispatch: Callable[[web.Request], Awaitable[web.Response]]) -> Any:
    """Serve `dispatch` on a free port and yield its address."""
    made = web.Application()
    made.router.add_post("/slack/events", dispatch)
    runner = web.AppRunner(made, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


async def file_floor(folder: Path) -> Floor:
    """Measure appending one reply to a file."""
    row = json.dumps({"id": "r1", "in_reply_to": "p1", "text": TEXT}) + "\n"

    async def append() -> None:
        with (folder / "floor.jsonl").open("a", encoding="utf-8") as file:
            file.write(row)

    return await timed([append] * 3000)


async def measure_here(setup: Setup) -> dict[str, Floor]:
    """Measure all floors in this process."""
    samples = json.loads(setup.samples.read_text("utf-8"))
    async with open_store(setup.store_url, "floors") as store:
        floors = await redis_floors(store)
    floors |= await slack_floors(setup.slack, samples["slack"])
    floors |= await bolt_floors(setup.slack, samples["slack"])
    floors |= await model_floors(setup.model, samples["model"])
    floors["file append"] = await file_floor(setup.folder)
    return floors


async def measure(setup: Setup) -> dict[str, Floor]:
    """Measure all floors in a process of their own."""
    async with Child("-m", "tests.bench.floors", setup.model_dump_json()) as child:
        floors: dict[str, Floor] = json.loads(await child.line())
        return floors


if __name__ == "__main__":
    found = asyncio.run(measure_here(Setup.model_validate_json(sys.argv[1])))
    print(json.dumps(found), flush=True)
