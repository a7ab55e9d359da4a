"""The whole flow in one product process: run as a program it is that process, else it drives it."""

import asyncio
import itertools
import json
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from assistant import accounts, app
from assistant.case import Frozen, Remote, Reply, State
from assistant.config import Model, Organisation, Replies, Secrets, load
from assistant.demo import always_open
from assistant.health import log_lines
from assistant.paths import PACKAGE
from assistant.platforms import Arrival, Quarantined, Told
from assistant.platforms.replay import Replay, parse
from assistant.rules import Register, judge, read
from assistant.show.standing import Drawer
from assistant.store import Store, open_store, utcnow
from assistant.store.lanes import lanes
from assistant.store.link import Scripts
from assistant.store.work import pending
from tests.answer_cases import POSTS
from tests.bench.processes import Child, control, cpu, rss
from tests.bench.servers import SECRET

EXAMPLE = PACKAGE.parent / "examples" / "waterstad"
WINDOW = 40
"""Posts under way at once: full load, yet fewer per channel than are gathered in a digest."""

LOOK = 0.002
"""Seconds of CPU between two looks at what the product is doing (the kernel may make it 4 ms)."""

WARM, LEFT_OPEN, STORM_RATE, STORM_SECONDS = 60, 30, 50, 6
ROUNDS = 3
"""The cheapest round counts, for the flow as for the floors: others use this machine too."""

GATE, ROOM = asyncio.Semaphore(0), asyncio.Semaphore(WINDOW)


class Setup(Frozen):
    """What the product process is told."""

    store_url: str
    slack_url: str
    model_url: str | None
    port: int
    state: Path
    source: Path


class Metered(Replay):
    """The replay platform, giving posts as they are allowed and WINDOW of them at a time."""

    given = 0

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield the next post once it may come and there is room for it; again, at once."""
        async for each in super().arrivals(cursor):
            assert isinstance(each, Arrival | Quarantined)
            number = int(each.cursor or 0)
            if number > self.given:
                await GATE.acquire()
                await ROOM.acquire()
                self.given = number
            yield each

    async def reply(self, reply: Reply) -> Remote:
        """Append the reply and make room for the next post."""
        remote = await super().reply(reply)
        ROOM.release()
        return remote


class Looks:
    """Counts, at every tick of the process's CPU clock, which stage is at work."""

    # The first that stands anywhere on the stack.
    STAGES = (
        ("assistant/listen/", "intake"),
        ("assistant/triage/", "triage"),
        ("assistant/draft/", "draft"),
        ("assistant/reply/", "send"),
        ("assistant/show/", "cards and threads"),
        ("slack_bolt/", "people's acts"),
        ("assistant/chats/slack/", "people's acts"),
        ("assistant/store/", "queue and timers"),
    )
    REST = "event loop and sockets"

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, LOOK, LOOK)

    def _look(self, number: int, frame: FrameType | None) -> None:
        files = set()
        while frame is not None:
            files.add(frame.f_code.co_filename)
            frame = frame.f_back
        stack = "\n".join(files)
        found = (stage for part, stage in self.STAGES if part in stack)
        self.stages[next(found, self.REST)] += 1


def organisation_of(model_url: str | None) -> Organisation:
    """Return the example, always open, with no undo window, no second approver, and that model."""
    example = always_open(load(EXAMPLE))
    model = model_url and Model(
        name="loopback", base_url=model_url, allowed_hosts=("127.0.0.1",), tokens_per_day=10**12
    )
    departments = tuple(each.model_copy(update={"approval": False}) for each in example.departments)
    return example.model_copy(
        update={
            "departments": departments,
            "replies": Replies(undo_seconds=0),
            "model": model or None,
        }
    )


async def product(setup: Setup) -> None:
    """Be the product until SIGTERM; standard input says how many posts may come, and more room."""
    log_lines(level=30)
    wiring = app.Wiring(
        organisation=organisation_of(setup.model_url),
        store_url=setup.store_url,
        state=setup.state,
        secrets=Secrets(
            slack_bot_token=SecretStr("xoxb-1"),
            slack_signing_secret=SecretStr(SECRET),
            openai_api_key=SecretStr("sk-1"),
        ),
        slack_url=setup.slack_url,
        port=setup.port,
        replay=setup.source,
    )
    # All that differs from `luister run`: posts come metered, and a channel is never waited for.
    vars(accounts).update(Replay=Metered)
    vars(app).update(Drawer=partial(Drawer, pace=0.0))
    looks = Looks()
    running = asyncio.create_task(app.run(wiring, started=lambda: print("ready", flush=True)))
    loop = asyncio.get_running_loop()
    # Not the loop's own handler: its wake-up pipe would also get every look, and fill up.
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(running.cancel))
    loop.add_reader(sys.stdin.fileno(), lambda: _obey(sys.stdin.readline(), looks))
    with suppress(asyncio.CancelledError):
        await running


def _obey(line: str, looks: Looks) -> None:
    if line == "look\n":
        print(json.dumps(looks.stages), flush=True)
        return
    posts, _, room = line.partition(" ")
    for _ in range(int(posts or 0)):
        GATE.release()
    for _ in range(int(room or 0)):
        ROOM.release()
    looks.stages.clear()


def answerable(organisation: Organisation) -> list[str]:
    """Return the posts that the rules by themselves advise to answer, by turns per department."""
    now = utcnow()
    register = Register(organisation, today=now.date())
    account = organisation.accounts[0].handle
    lines = (EXAMPLE / "posts.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line).get("text", "") for line in lines]
    texts += [f"{account} {text}" for _, text in POSTS]
    found: dict[str, list[str]] = defaultdict(list)
    for text in filter(None, texts):
        line = json.dumps({"id": "1", "text": text})
        post = parse(line, account=account, now=now).post
        verdict = judge(read(post, own=organisation.own, register=register))
        if verdict.advice == "answer" and verdict.sure and verdict.department:
            found[verdict.department].append(text)
    # Each department as often, or one channel would fill up and gather its cards in a digest.
    most = max(map(len, found.values()))
    return [texts[at % len(texts)] for at in range(most) for texts in found.values()]


def write_posts(target: Path, texts: list[str], *, number: int) -> Path:
    """Write a replay file of `number` posts, each by a citizen of its own."""
    with target.open("w", encoding="utf-8") as file:
        for at, text in zip(range(number), itertools.cycle(texts), strict=False):
            row = {"id": f"p{at}", "text": text, "author": f"u{at}", "handle": f"@burger{at}"}
            row["url"] = f"https://plein.example/@burger{at}/p{at}"
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return target


class Flow:
    """Drives one product process and measures it."""

    def __init__(self, store: Store, child: Child, *, slack: int, model: int | None) -> None:
        self._store = store
        self._child = child
        self._slack = slack
        self._model = model
        self.sent = 0

    async def through(self, posts: int, *, limit: float = 90) -> dict[str, Any]:
        """Send `posts` through, from intake to the last line in the thread; return the costs."""
        await control(self._slack, "reset")
        if self._model:
            await control(self._model, "reset")
        self.sent += posts
        before, server, began = cpu(self._child.pid), await self._server_cpu(), time.monotonic()
        await self._child.tell(str(posts))
        try:
            async with asyncio.timeout(limit):
                while not await self._all_done():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RuntimeError(f"the flow stands still: {await self._standing()}") from None
        seconds = time.monotonic() - began
        used = cpu(self._child.pid) - before
        told = await control(self._slack, "look")
        model = await control(self._model, "look") if self._model else {"calls": {}, "samples": {}}
        return {
            "posts": posts,
            "cpu_ms": used / posts * 1000,
            "redis_ms": (await self._server_cpu() - server) / posts * 1000,
            "per_s": posts / seconds,
            "busy": used / seconds,
            "slack": {name: count / posts for name, count in told["calls"].items()},
            "model": {name: count / posts for name, count in model["calls"].items()},
            "acts": {name: len(taken) / posts for name, taken in told["acks"].items()},
            "acks": told["acks"],
            "trouble": told["trouble"],
            "samples": told["samples"],
            "asked": model["samples"],
        }

    async def _all_done(self) -> bool:
        if (await self._store.count())[State.SENT] < self.sent:
            return False
        waiting = await pending(self._store)
        return not any(waiting.values()) and not any((await lanes(self._store)).values())

    async def _standing(self) -> dict[str, Any]:
        told = await control(self._slack, "look")
        counts = {str(state): count for state, count in (await self._store.count()).items()}
        return {"cases": counts, "work": await pending(self._store), "people": told["trouble"]}

    async def _server_cpu(self) -> float:
        told = await self._store.redis.info("cpu")
        return float(told["used_cpu_user"] + told["used_cpu_sys"])

    async def storm(self, *, per_s: float) -> dict[str, list[float]]:
        """Press STORM_RATE buttons a second on cards left open, the flow at full load meanwhile."""
        await control(self._slack, "rest")
        await self._child.tell(f"{LEFT_OPEN} {LEFT_OPEN}")
        while (await self._store.count())[State.OPEN] < LEFT_OPEN or not await self._all_done():
            await asyncio.sleep(0.05)
        await control(self._slack, "keep")
        posts = int(per_s * STORM_SECONDS)
        work = asyncio.create_task(self.through(posts, limit=120))
        await asyncio.sleep(1)  # `through` forgets what was counted before it begins
        told = await control(self._slack, "storm", rate=STORM_RATE, seconds=STORM_SECONDS)
        await work
        acks: dict[str, list[float]] = told["acks"]
        return {name: acks[name] for name in ("storm claim", "storm editor")}


class Monitored:
    """What Redis was asked meanwhile, by kind: every round trip of every connection."""

    NOT_PER_POST = frozenset({"ZCARD", "SMEMBERS", "XPENDING", "XLEN", "EXEC", "INFO", "AUTH"})
    LINE = re.compile(r'\[\d+ (\S+)\] "(\w+)"(?: "(\w+)")?')

    def __init__(self) -> None:
        self.lines: list[str] = []
        # The one place that knows which script has which hash.
        self._names = {hash: name for name, hash in Scripts(None)._hashes.items()}

    def trips(self) -> Counter[str]:
        """Return the round trips: record, script, transaction, take (XREADGROUP), single."""
        counted: Counter[str] = Counter()
        inside: set[str] = set()
        for found in filter(None, map(self.LINE.search, self.lines)):
            kind = self._kind(*found.groups(), inside=inside)
            if kind:
                counted[kind] += 1
        return counted

    def _kind(self, source: str, command: str, first: str | None, *, inside: set[str]) -> str:
        command = command.upper()
        if source == "lua":
            return ""
        if command == "EXEC":
            inside.discard(source)
        if command == "MULTI":
            inside.add(source)
            return "transaction"
        if source in inside or command in self.NOT_PER_POST:
            return ""
        if command == "EVALSHA":
            name = self._names.get(first or "", "")
            return {"record": "record", "due": ""}.get(name, "script")
        return "take" if command == "XREADGROUP" else "single"


@asynccontextmanager
async def monitored(url: str) -> AsyncIterator[Monitored]:
    """Listen to everything Redis is asked inside the block."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**24)
    writer.write(f"AUTH {parts.password}\r\nMONITOR\r\n".encode())
    heard = Monitored()

    async def listen() -> None:
        while line := await reader.readline():
            heard.lines.append(line[:300].decode(errors="replace"))

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        writer.close()


async def measure(
    folder: Path, *, store_url: str, slack: int, model: int | None, port: int, posts: int
) -> dict[str, Any]:
    """Run one product process through warm-up, load and (with a model) the storm of presses."""
    organisation = organisation_of(None)
    source = write_posts(folder / "posts.jsonl", answerable(organisation), number=6000)
    setup = Setup(
        store_url=store_url,
        slack_url=f"http://127.0.0.1:{slack}/api/",
        model_url=f"http://127.0.0.1:{model}/v1" if model else None,
        port=port,
        state=folder,
        source=source,
    )
    target = f"http://127.0.0.1:{port}/slack/events"
    await control(slack, "target", target=target)
    async with (
        Child("-m", "tests.bench.flow", setup.model_dump_json()) as child,
        open_store(store_url, organisation.id) as store,
    ):
        assert await child.line() == "ready"
        memory = [rss(child.pid)]
        flow = Flow(store, child, slack=slack, model=model)
        first = await flow.through(1)
        async with monitored(store_url) as heard:
            await flow.through(WARM)
        trips = {kind: count / WARM for kind, count in heard.trips().items()}
        memory.append(rss(child.pid))
        rounds = [await flow.through(posts // ROUNDS) for _ in range(ROUNDS)]
        result = min(rounds, key=lambda each: each["cpu_ms"])
        memory.append(rss(child.pid))
        result |= {"redis": trips, "rss": memory, "first": 1 / first["per_s"]}
        await child.tell("look")
        looked = Counter(json.loads(await child.line()))
        total = sum(looked.values())
        result["stages"] = {name: count / total for name, count in looked.most_common()}
        if model:
            result["storm"] = await flow.storm(per_s=result["per_s"])
    return result


if __name__ == "__main__":
    asyncio.run(product(Setup.model_validate_json(sys.argv[1])))
