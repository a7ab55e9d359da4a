"""Health and metrics over HTTP, and log lines that say what happened without saying whose."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from errno import EADDRINUSE
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from assistant.errors import Misconfigured, StoreUnavailable
from assistant.llms import CallReport
from assistant.store import Store
from assistant.store.connections import connections
from assistant.store.intake import quarantined
from assistant.store.lanes import lanes
from assistant.store.ledger import persistence
from assistant.store.work import dead_letters, oldest, pending


class Metrics:
    """Every number Luister publishes; names follow Prometheus's conventions."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.posts = self._counter(
            "posts", "Posts that arrived, by what they were", "platform", "taken"
        )
        self.gaps = self._counter("gaps", "Stretches of time in which posts were lost", "platform")
        self.visits = self._counter("chat_visits", "Calls to the chat, by outcome", "outcome")
        self.sends = self._counter("sends", "Replies, by outcome of a step", "outcome")
        self.calls = self._counter("model_calls", "Model calls", "prompt", "outcome")
        self.tokens = self._counter("model_tokens", "Tokens", "direction")
        self.seconds = Histogram(
            "luister_model_seconds",
            "Duration of a model call",
            registry=self.registry,
            buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 25),
        )
        self.cases = self._gauge("cases", "Cases by state", "state")
        self.queue = self._gauge("queue_length", "Work waiting, by step or lane", "queue")
        self.age = self._gauge("queue_age_seconds", "Age of the oldest work waiting", "queue")
        self.dead = self._gauge("dead_letters", "Work a person must look at")
        self.quarantined = self._gauge("quarantined", "Records a person must look at")
        self.connected = self._gauge(
            "connection_ok", "1 while this part of an account's connection works", "account", "part"
        )
        self.durable = self._gauge("persistence_ok", "1 when the store keeps every write")

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"luister_{name}", help, labels, registry=self.registry)

    def _gauge(self, name: str, help: str, *labels: str) -> Gauge:
        return Gauge(f"luister_{name}", help, labels, registry=self.registry)

    def model_called(self, report: CallReport) -> None:
        """Count one call to the model."""
        self.calls.labels(report.prompt, report.outcome).inc()
        self.tokens.labels("in").inc(report.tokens_in)
        self.tokens.labels("out").inc(report.tokens_out)
        self.seconds.observe(report.seconds)

    async def gather(self, store: Store) -> None:
        """Read the gauges from the store; raises StoreUnavailable."""
        for state, count in (await store.count()).items():
            self.cases.labels(state).set(count)
        for name, count in {**await pending(store), **await lanes(store)}.items():
            self.queue.labels(name).set(count)
        for name, age in (await oldest(store, now=datetime.now(UTC))).items():
            self.age.labels(name).set(age)
        self.dead.set(len(await dead_letters(store)))
        self.quarantined.set(len(await quarantined(store)))
        for each in await connections(store):
            self.connected.labels(each.account, each.part).set(each.ok)
        self.durable.set(not await persistence(store))


class Health:
    """Answers /healthz (this process), /readyz (store and chat reachable) and /metrics."""

    def __init__(self, store: Store, metrics: Metrics, *, ready: Callable[[], bool]) -> None:
        self._store = store
        self._metrics = metrics
        self._ready = ready

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._show),
        )

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        try:
            await self._store.count()
            store = True
        except StoreUnavailable:
            store = False
        told = {"store": store, "chat": self._ready()}
        return web.json_response(told, status=200 if all(told.values()) else 503)

    async def _show(self, request: web.Request) -> web.Response:
        try:
            await self._metrics.gather(self._store)
        except StoreUnavailable:
            self._metrics.durable.set(0)
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4"})


async def serve(
    routes: Iterable[web.RouteDef],
    *,
    host: str,
    port: int,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve `routes` until cancelled; `started` is called once the port is ours.

    Raises Misconfigured when the address cannot be had.
    """
    app = web.Application(client_max_size=2**20)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        started()
        await asyncio.Event().wait()
    except OSError as error:
        why = "is in use by another program" if error.errno == EADDRINUSE else error.strerror
        raise Misconfigured(f"LUISTER_LISTEN: {host}:{port} {why}") from error
    finally:
        await runner.cleanup()


QUOTED = 120
"""Characters of a library's log line: enough to say what is wrong."""


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, who says it, and the sentence; never a traceback.

    A traceback can hold the text of a post; where it happened is in the sentence.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": _says(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def _says(record: logging.LogRecord) -> str:
    """Return the sentence; of a library's only its start, as the rest quotes what it was about."""
    whole = record.getMessage()
    if record.name.partition(".")[0] == "assistant":
        return whole
    return whole.partition("\n")[0][:QUOTED]


def log_lines(*, level: int = logging.INFO, file: Path | None = None) -> None:
    """Write our log lines to standard error or to `file`; of libraries from WARNING only."""
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("assistant").setLevel(level)
