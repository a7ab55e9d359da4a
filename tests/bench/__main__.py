"""Speed and cost of the whole flow beside the floors of this machine: `python -m tests.bench`."""

import asyncio
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import bench_answers, bench_checks, bench_triage, floors, flow
from tests.bench.processes import Child, rss
from tests.bench.servers import SECRET
from tests.ports import free_port
from tests.redis_server import RedisServer

POSTS = 180
"""Posts of one measurement, in three rounds."""

REDIS_KINDS = {
    "record": "record, one at a time",
    "take": "take (XREADGROUP)",
    "script": "small script",
    "transaction": "transaction of 3 reads",
    "single": "single read",
}


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A real server with fsync at every write, for the flow and the floors."""
    folder.mkdir()
    server = RedisServer(folder, environ=os.environ)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def ready_times(folder: Path, *, slack: int) -> list[dict[str, float]]:
    """Start `luister run` twice on one folder, with its own embedded store, until it is ready."""
    config = folder / "waterstad"
    shutil.copytree(flow.EXAMPLE, config, ignore=shutil.ignore_patterns(".luister"))
    return [await _ready_time(config, slack=slack) for _ in range(2)]


async def _ready_time(config: Path, *, slack: int) -> dict[str, float]:
    port = free_port()
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"http://127.0.0.1:{slack}/api/",
        "LUISTER_LISTEN": f"127.0.0.1:{port}",
        "LUISTER_STATE": str(config / ".luister"),
        "LUISTER_REDIS_URL": "",
    }
    began = time.monotonic()
    argv = ("-m", "assistant", "run", "--config", str(config))
    async with Child(*argv, environ=environ) as child:
        await _answers(f"http://127.0.0.1:{port}/readyz", child)
        return {"seconds": time.monotonic() - began, "rss": rss(child.pid)}


async def _answers(url: str, child: Child) -> None:
    async with aiohttp.ClientSession() as session:
        while child.process.returncode is None:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)
    raise RuntimeError("luister run ended before it was ready")


def floor_sum(result: Mapping[str, Any], floor: Mapping[str, floors.Floor]) -> dict[str, float]:
    """Return what the outside calls of one post cost by themselves, in CPU ms, by service."""

    def cost(prefix: str, counts: Mapping[str, float]) -> float:
        known = {name: count for name, count in counts.items() if prefix + name in floor}
        return sum(count * floor[prefix + name]["cpu_ms"] for name, count in known.items())

    redis = {REDIS_KINDS[kind]: count for kind, count in result["redis"].items()}
    return {
        "Redis": cost("", redis),
        "Slack": cost("slack ", result["slack"]),
        "people (bolt)": cost("bolt signed ", result["acts"]),
        "model": cost("model ", result["model"]),
        "file": floor["file append"]["cpu_ms"],
    }


def show_floors(found: Mapping[str, floors.Floor]) -> None:
    """Print the floors."""
    print("\n1. Floors: the same calls by themselves, one process")
    print(f"{'':34}{'CPU ms':>9}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}")
    for name, each in found.items():
        times = "".join(f"{each[key]:9.2f}" for key in ("p50_ms", "p99_ms") if key in each)
        print(f"{name:34}{each['cpu_ms']:9.3f}{each['per_s']:10,.0f}{times}")


def show_flow(name: str, result: Mapping[str, Any], found: Mapping[str, floors.Floor]) -> None:
    """Print one flow and its ratio to the floors."""
    parts = floor_sum(result, found)
    floor = sum(parts.values())
    ratio = result["cpu_ms"] / floor
    print(f"\n2. The whole flow, {name}: {result['posts']} posts, one product process")
    print(f"   flow / floor            {ratio:8.2f}")
    print(f"   CPU ms a post           {result['cpu_ms']:8.2f}   (floors {floor:.2f}:")
    print(f"                                      {_listed(parts)})")
    print(
        f"   posts a second          {result['per_s']:8.1f}   ({result['busy']:.0%} of a core busy)"
    )
    print(f"   first post of all       {result['first']:8.2f} s from its arrival to 'sent'")
    print(f"   Redis server CPU ms     {result['redis_ms']:8.2f}")
    ready, warm, after = result["rss"]
    print(f"   memory MB               {ready:8.0f}   ready, {warm:.0f} warm, {after:.0f} after")
    print(f"   CPU by stage            {_listed(result['stages'], form='.0%')}")
    print(f"   calls a post: Redis     {_listed(result['redis'], form='.1f')}")
    print(f"                 Slack     {_listed(result['slack'], form='.2f')}")
    print(f"                 people    {_listed(result['acts'], form='.2f')}")
    if result["model"]:
        print(f"                 model     {_listed(result['model'], form='.2f')}")
    for what, times in result["trouble"].items():
        print(f"   people met              {times} x {what}")


def _listed(values: Mapping[str, float], *, form: str = ".2f") -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())


def show_acks(storm: Mapping[str, list[float]]) -> None:
    """Print how soon people's presses were acknowledged under full load."""
    print(
        f"\n3. Presses acknowledged at {flow.STORM_RATE} a second, the flow at full load meanwhile"
    )
    for name, taken in storm.items():
        p50, p99 = _percentiles(taken)
        print(f"   {name:22} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   ({len(taken)} presses)")


def _percentiles(taken: Iterable[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    return cuts[49], cuts[98]


def show_ready(starts: list[dict[str, float]]) -> None:
    """Print how soon `luister run` is ready."""
    print("\n4. luister run, with its embedded store, until /readyz says 200")
    for name, each in zip(("first time", "second time"), starts, strict=True):
        print(f"   {name:12} {each['seconds']:6.2f} s   {each['rss']:6.0f} MB")


async def whole(folder: Path) -> None:
    """Measure everything and print it."""
    before = os.getloadavg()[0]
    async with (
        Child("-m", "tests.bench.servers", "slack") as slack,
        Child("-m", "tests.bench.servers", "model") as model,
    ):
        ports = {"slack": int(await slack.line()), "model": int(await model.line())}
        results = {}
        with redis_server(folder / "redis") as server:
            for name, with_model in (("with a model", True), ("without a model", False)):
                state = folder / name.replace(" ", "-")
                state.mkdir()
                server.flush()
                results[name] = await flow.measure(
                    state,
                    store_url=server.url,
                    slack=ports["slack"],
                    model=ports["model"] if with_model else None,
                    port=free_port(),
                    posts=POSTS,
                )
            server.flush()
            samples = folder / "samples.json"
            seen = results["with a model"]
            samples.write_text(json.dumps({"slack": seen["samples"], "model": seen["asked"]}))
            found = await floors.measure(
                floors.Setup(store_url=server.url, samples=samples, folder=folder, **ports)
            )
        starts = await ready_times(folder, slack=ports["slack"])
    print(
        f"{os.cpu_count()} cores, shared; load {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    )
    show_floors(found)
    for name, result in results.items():
        show_flow(name, result, found)
    show_acks(results["with a model"]["storm"])
    show_ready(starts)


def main() -> None:
    """Run the whole bench; other engineers' parts first."""
    # Stopped from outside, it still ends every process it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(whole(Path(folder)))
    print("\n5. Checks, search and rules, by themselves")
    bench_checks.main()
    for number in (0, 5000):
        print(json.dumps(bench_answers.main(number)))
    bench_triage.main()
    print(f"\n{time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
