"""Health and metrics tell what happens while it happens; log lines say nothing of anybody."""

import asyncio
import io
import json
import logging
import socket
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from assistant import app
from assistant.config import Model, Secrets
from assistant.errors import Misconfigured
from assistant.health import Health, Metrics, log_lines, serve
from assistant.store import Delivery, Store, open_store
from assistant.store.work import Dead, Worker, bury_shown
from tests.core import START, TOWN, new_case, queued_case
from tests.model_server import ModelServer, echo, ok
from tests.ports import free_port
from tests.redis_server import RedisServer

QUESTION = {"id": "q1", "author": "u1", "text": "Could somebody help me with this odd thing?"}


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """The town's own empty store."""
    async with open_store(store_url, TOWN.id) as opened:
        yield opened


@asynccontextmanager
async def serving(act: Callable[[Callable[[], None]], Awaitable[None]]) -> AsyncIterator[None]:
    """Run what serves beside this block, from when it says that it started."""
    started = asyncio.Event()
    task = asyncio.ensure_future(act(started.set))
    begun = asyncio.ensure_future(started.wait())
    try:
        await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if task.done():
            await task
        assert started.is_set()
        yield
    finally:
        begun.cancel()
        task.cancel()
        await asyncio.gather(task, begun, return_exceptions=True)


@asynccontextmanager
async def health(store: Store, chat: dict[str, bool]) -> AsyncIterator[str]:
    """Serve the health of `store` and of a chat that is connected while `chat["on"]`."""
    routes = Health(store, Metrics(), ready=lambda: chat["on"]).routes()
    port = free_port()
    async with serving(lambda started: serve(routes, host="127.0.0.1", port=port, started=started)):
        yield f"http://127.0.0.1:{port}"


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


def value(metrics: str, name: str, **labels: str) -> float | None:
    """Return one sample of a metrics page; None when it is not there."""
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


# Health


async def test_ready_while_store_and_chat_answer(store: Store, redis_server: RedisServer) -> None:
    chat = {"on": False}
    async with health(store, chat) as url:
        status, told = await get(url + "/readyz")
        assert (status, json.loads(told)) == (503, {"store": True, "chat": False})
        chat["on"] = True
        assert (await get(url + "/readyz"))[0] == 200
        redis_server.stop()
        status, told = await get(url + "/readyz")
        assert (status, json.loads(told)) == (503, {"store": False, "chat": True})
        assert (await get(url + "/healthz"))[0] == 200, "this process itself is well"
        status, told = await get(url + "/metrics")
        assert (status, value(told, "luister_persistence_ok")) == (200, 0)
        redis_server.start()
        assert (await get(url + "/readyz"))[0] == 200
        assert value((await get(url + "/metrics"))[1], "luister_persistence_ok") == 1


async def test_not_ready_while_the_store_is_frozen(store: Store, redis_server: RedisServer) -> None:
    async with health(store, {"on": True}) as url:
        redis_server.pause()
        try:
            assert (await get(url + "/readyz"))[0] == 503
        finally:
            redis_server.resume()


async def test_an_address_that_cannot_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"127.0.0.1:{port} is in use by another program"):
            await serve([], host="127.0.0.1", port=port)
    with pytest.raises(Misconfigured, match=r"LUISTER_LISTEN: 192\.0\.2\.1:1 "):
        await serve([], host="192.0.2.1", port=1)


# Metrics


async def test_gauges_follow_the_store(store: Store) -> None:
    metrics = Metrics()

    async def page() -> str:
        async with serving(
            lambda started: serve(
                Health(store, metrics, ready=lambda: True).routes(),
                host="127.0.0.1",
                port=port,
                started=started,
            )
        ):
            return (await get(f"http://127.0.0.1:{port}/metrics"))[1]

    port = free_port()
    before = await page()
    assert value(before, "luister_cases", state="new") == 0
    assert value(before, "luister_queue_length", queue="triage") == 0
    assert value(before, "luister_queue_age_seconds", queue="triage") == 0
    assert value(before, "luister_dead_letters") == 0
    case = await new_case(store)
    dead = Dead(id="show-x", step="show", case=case, lane="CWASTE", reason="x", at=START)
    await bury_shown(store, dead, lane="CWASTE")
    await asyncio.sleep(0.01)  # the age is the difference of two clocks that tick in milliseconds
    after = await page()
    assert value(after, "luister_cases", state="new") == 1
    assert value(after, "luister_queue_length", queue="triage") == 1
    assert (value(after, "luister_queue_age_seconds", queue="triage") or 0) > 0
    assert value(after, "luister_dead_letters") == 1


async def test_lanes_are_queues_too(store: Store) -> None:
    await store.redis.zadd(store.keys.lane + "CWASTE", {"c1": 1, "c2": 2})
    await store.redis.sadd(store.keys.lanes, "CWASTE")
    metrics = Metrics()
    await metrics.gather(store)
    found = metrics.registry.get_sample_value("luister_queue_length", {"queue": "CWASTE"})
    assert found == 2


async def test_a_store_that_forgets_turns_persistence_red(store: Store) -> None:
    metrics = Metrics()
    await store.redis.config_set("appendfsync", "everysec")
    try:
        await metrics.gather(store)
    finally:
        await store.redis.config_set("appendfsync", "always")
    assert metrics.registry.get_sample_value("luister_persistence_ok") == 0


def _wiring(folder: Path, store_url: str, model: ModelServer, *lines: str) -> app.Wiring:
    """Luister with listen and work, a model, and a file of posts."""
    file = folder / "posts.jsonl"
    file.write_text("".join(line + "\n" for line in lines), "utf-8")
    chosen = Model(name="m", base_url=model.url, allowed_hosts=("127.0.0.1",))
    return app.Wiring(
        organisation=TOWN.model_copy(update={"model": chosen}),
        store_url=store_url,
        state=folder,
        secrets=Secrets(openai_api_key=SecretStr("sk-geheimsleutel")),
        only=frozenset({"listen", "work"}),
        port=free_port(),
        replay=file,
    )


async def _until(wiring: app.Wiring, done: Callable[[str], bool]) -> str:
    """Run Luister until its metrics say so; return them."""
    async with (
        serving(lambda started: app.run(wiring, started=started)),
        asyncio.timeout(50),
    ):
        while not done(told := (await get(f"http://127.0.0.1:{wiring.port}/metrics"))[1]):
            await asyncio.sleep(0.1)
    return told


async def test_counters_move_when_it_happens(tmp_path: Path, store: Store, store_url: str) -> None:
    """Posts, the model and a reply, in the real wiring; the chat's stands in tests/e2e."""
    await queued_case(store)
    async with ModelServer(ok()) as model:
        wiring = _wiring(tmp_path, store_url, model, json.dumps(QUESTION), "{no json")
        told = await _until(
            wiring,
            lambda told: all(
                (
                    value(told, "luister_posts_total", platform="replay", taken="new") == 1,
                    value(told, "luister_posts_total", platform="replay", taken="quarantined") == 1,
                    value(told, "luister_sends_total", outcome="sent") == 1,
                    value(told, "luister_cases", state="sent") == 1,
                    value(told, "luister_model_calls_total"),
                )
            ),
        )
    calls = value(told, "luister_model_calls_total")
    assert calls is not None
    assert value(told, "luister_model_tokens_total", direction="in") == 11 * calls
    assert value(told, "luister_model_tokens_total", direction="out") == 7 * calls
    assert value(told, "luister_model_seconds_count") == calls
    assert (value(told, "luister_model_seconds_sum") or 0) > 0
    assert value(told, "luister_persistence_ok") == 1


# Logs


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Log as `luister run` does, at DEBUG; read all that was logged so far."""
    root, ours = logging.getLogger(), logging.getLogger("assistant")
    before = root.handlers[:], root.level, ours.level
    root.handlers.clear()  # or the handlers of pytest itself would be closed
    log_lines(level=logging.DEBUG)
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def test_a_log_line_is_one_json_object(lines: Lines) -> None:
    logging.getLogger("assistant.x").warning('two\nlines "quoted" %s', "é")
    (line,) = lines()
    at = datetime.fromisoformat(line.pop("at"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert line == {"level": "warning", "from": "assistant.x", "says": 'two\nlines "quoted" é'}


def test_an_error_is_named_without_its_words(lines: Lines) -> None:
    error = ValueError("geheim")
    logging.getLogger("assistant.x").error("it failed", exc_info=error)
    (line,) = lines()
    assert (line["says"], line["error"]) == ("it failed", "ValueError")
    assert "geheim" not in json.dumps(line)


def test_a_library_is_heard_from_warning_and_only_its_first_words(lines: Lines) -> None:
    library = logging.getLogger("some.library")
    library.info("body: geheim")
    library.error("Task exception was never retrieved\nfuture: ValueError('geheim')")
    library.warning("x" * 120 + "geheim")
    first, second = lines()
    assert first["says"] == "Task exception was never retrieved"
    assert second["says"] == "x" * 120


async def test_nothing_of_a_citizen_and_no_token_in_the_logs(
    tmp_path: Path, store: Store, store_url: str, lines: Lines
) -> None:
    """Hostile posts, a model that quotes everything, and a step that fails with the text."""
    hostile = {
        "id": "geheimnummer",
        "author": "geheimauteur",
        "handle": "@geheimnaam",
        "text": 'geheimtekst %s {x} \n{"level":"error","says":"geheim"}\r\x1b[31m <!channel>',
        "url": "https://plein.example/@geheimnaam/1",
    }
    async with ModelServer(echo(400)) as model:
        wiring = _wiring(
            tmp_path,
            store_url,
            model,
            json.dumps(hostile),
            json.dumps({**hostile, "text": "geheimander"}),
            json.dumps({**hostile, "event": "edited", "text": "geheimnieuw"}),
            '{"id": "geheimnummer", "text": geheim',
        )
        await _until(
            wiring,
            lambda told: bool(
                value(told, "luister_model_calls_total")
                and value(told, "luister_posts_total", platform="replay", taken="quarantined") == 2
                and value(told, "luister_queue_length", queue="triage") == 0
            ),
        )
    await _fail_with_text(store, str(hostile["text"]))
    told = lines()
    assert any("failed: ValueError in" in line["says"] for line in told)
    assert [line for line in told if "geheim" in json.dumps(line)] == []


async def _fail_with_text(store: Store, text: str) -> None:
    """Let a worker's step fail with a citizen's text in its error."""
    failed = asyncio.Event()

    async def fail(case: str, delivery: Delivery) -> None:
        failed.set()
        raise ValueError(text)

    await new_case(store, "p9")
    worker = asyncio.create_task(Worker(store, "triage", fail, lease=1).run())
    await asyncio.wait_for(failed.wait(), 20)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


def test_a_warning_is_a_log_line_too(lines: Lines) -> None:
    """As the command line does it: a library's deprecation is no bare text on standard error."""
    logging.captureWarnings(False)  # what an earlier test left on would not be switched on again
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning("old\ngeheim", UserWarning, "x.py", 1)
    finally:
        logging.captureWarnings(False)
    (line,) = lines()
    assert line["from"] == "py.warnings"
    assert "geheim" not in line["says"]
