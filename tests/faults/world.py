"""One crash test's world: its processes, its people, what is done to it, and how it ends."""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from assistant.audit import Witness
from assistant.case import Case, Event, State
from assistant.desk import Desk
from assistant.store import Store, open_store, utcnow
from assistant.store.lanes import lanes
from assistant.store.work import dead_letters, pending, revive
from tests.faults import chat_server, platform_server, worker
from tests.faults.loopback import Wire, listening
from tests.faults.people import Citizens, Colleagues, stubborn
from tests.faults.platform import adapter
from tests.faults.platform_server import Mode
from tests.faults.worker import Setup, organisation
from tests.redis_server import RedisServer

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", "tests.faults.warm"])

ALL = frozenset({"listen", "work", "chat"})
CROWD: dict[str, frozenset[str]] = {
    "work-1": frozenset({"work"}),
    "work-2": frozenset({"work"}),
    "chat-1": frozenset({"chat"}),
    "chat-2": frozenset({"chat"}),
    "listen": frozenset({"listen"}),
}
ALONE: dict[str, frozenset[str]] = {"all": ALL}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A case as it stands in the end: its fold and its events."""

    case: Case
    version: int
    events: tuple[Event, ...]


class World:
    """The processes of one organisation; `async with a_world(...)` starts and ends them."""

    def __init__(
        self, folder: Path, *, redis: RedisServer, store: Store, mode: Mode, seed: int, name: str
    ) -> None:
        self.folder = folder
        self.redis = redis
        self.store = store
        self.mode = mode
        self.seed = seed
        self.random = random.Random(seed)
        self.accepted_file = folder / "accepted.jsonl"
        self._platform_at, self._chat_at = listening(), listening()
        self.platform_port: int = self._platform_at.getsockname()[1]
        self.chat_port: int = self._chat_at.getsockname()[1]
        self.processes: dict[str, ForkServerProcess] = {}
        self.frozen: set[str] = set()
        self.kills = 0
        self.dead = 0
        self.revives = True
        self._parts: dict[str, frozenset[str]] = {}
        self.chat = Wire(self.chat_port, patience=30)
        self.citizens = Citizens(Wire(self.platform_port, patience=30), self.random)
        self.town = organisation(name)
        platform = adapter(mode, self.platform_port)
        platforms = {(platform.name, platform.account): platform}
        self.desk = Desk(store, self.town, platforms=platforms, clock=utcnow)
        self.colleagues = Colleagues(store, self.desk, self.citizens, self.random)
        self.witness = Witness(store)
        self.people: asyncio.Task[None] | None = None

    def serve(self, *, faults: bool, ask: float = 0.2) -> None:
        """Start the platform and the chat."""
        self.accepted_file.touch()
        self._start(
            "platform",
            platform_server.main,
            (self._platform_at, self.mode, self.accepted_file, self.seed, faults),
        )
        self._start("chat", chat_server.main, (self._chat_at, self.seed, faults, ask))
        # Theirs alone from now on: a killed server must refuse, not keep callers waiting.
        for at in (self._platform_at, self._chat_at):
            at.close()

    def spawn(self, name: str, parts: frozenset[str], **options: Any) -> None:
        """Start a worker process; `options` are those of Setup."""
        self._parts[name] = parts
        setup = Setup(
            organisation=self.town.id,
            store_url=self.redis.url,
            mode=self.mode,
            platform_port=self.platform_port,
            chat_port=self.chat_port,
            log=self.folder / "worker.log",
            parts=parts,
            **options,
        )
        self._start(name, worker.main, (setup,))

    def _start(self, name: str, target: Any, args: tuple[Any, ...]) -> None:
        process = CONTEXT.Process(target=target, args=args, daemon=True)
        process.start()
        self.processes[name] = process

    def kill(self, name: str) -> None:
        """End a process as `kill -9` does."""
        process = self.processes[name]
        process.kill()
        process.join()
        self.frozen.discard(name)
        self.kills += 1

    def restart(self, name: str, **options: Any) -> None:
        self.spawn(name, self._parts[name], **options)

    def freeze(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)
        self.frozen.add(name)

    def thaw(self, name: str) -> None:
        if name in self.frozen:
            self._signal(name, signal.SIGCONT)
            self.frozen.discard(name)

    def go_on(self, name: str) -> None:
        """Let a process that froze itself go on."""
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self.processes[name].pid
        assert pid is not None
        os.kill(pid, number)

    def ended(self, name: str) -> bool:
        return not self.processes[name].is_alive()

    def stopped(self, name: str) -> bool:
        """Whether the process froze itself."""
        status = Path(f"/proc/{self.processes[name].pid}/stat").read_text("ascii")
        return status.rpartition(")")[2].split()[0] == "T"

    def workers(self) -> list[str]:
        return sorted(self._parts)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.join()
            process.close()

    async def settled(self, *, within: float) -> None:
        """Wait until every case stands where its plan ends and nothing waits anywhere.

        Fails when for `within` seconds nothing at all came nearer to that.
        """
        end, before, calm = time.monotonic() + within, [""], 0
        while calm < 3:
            await asyncio.sleep(0.1)
            if self.people is not None and self.people.done():
                self.people.result()
            if self.revives:
                await self._revive()
            left = await stubborn(self._left)
            calm = calm + 1 if not left else 0
            if left != before:
                end, before = time.monotonic() + within, left
            assert time.monotonic() < end, f"stuck for {within} s: {left[:10]}"

    async def _revive(self) -> None:
        """A person looks at the dead letters and says: try again."""
        for dead in await stubborn(lambda: dead_letters(self.store)):
            await stubborn(lambda dead=dead: revive(self.store, dead))  # type: ignore[misc]
            self.dead += 1

    async def _left(self) -> list[str]:
        left = ["somebody is busy"] if self.colleagues.busy else []
        ids = await self.store.ids()
        if len(ids) < len(self.citizens.plans):
            left.append(f"{len(ids)} of {len(self.citizens.plans)} cases")
        waits = {**await pending(self.store), **await lanes(self.store)}
        left += [f"{count} in {name}" for name, count in waits.items() if count and name != "later"]
        states = await self.store.count()
        moving = [state for state in State if state not in _RESTING and states[state]]
        left += [f"{states[state]} {state}" for state in moving]
        if left:
            return left
        for id in ids:
            case = (await self.store.load(id)).case
            assert case is not None
            if not self.colleagues.settled(case):
                left.append(f"{id} is {case.state}")
        return left

    async def witness_now(self) -> None:
        """Take a root, as the supervisors' channel gets them; `verify` holds all of them later."""
        await stubborn(lambda: self.witness.take(now=utcnow()))

    async def told(self) -> dict[str, Told]:
        """Return all cases with their events."""
        found = {}
        for id in await self.store.ids():
            loaded = await self.store.load(id)
            assert loaded.case is not None
            events = await self.store.events(id)
            found[id] = Told(case=loaded.case, version=loaded.version, events=events)
        return found

    def accepted(self) -> list[dict[str, Any]]:
        """Return what the platform wrote down, call by call."""
        return [json.loads(line) for line in self.accepted_file.read_text("utf-8").splitlines()]

    async def messages(self) -> list[dict[str, Any]]:
        """Return the chat's messages that were not deleted."""
        everything = await self.chat.get("/all")
        return [each for each in everything["messages"] if not each["deleted"]]


_RESTING = (State.OPEN, State.SENT, State.IN_DOUBT, State.CLOSED)


@asynccontextmanager
async def a_world(
    folder: Path,
    *,
    redis: RedisServer,
    mode: Mode,
    seed: int = 1,
    name: str = "dorp",
    faults: bool = True,
    ask: float = 0.2,
) -> AsyncIterator[World]:
    """Yield a world with its people at their desks and its workers not yet started."""
    folder.mkdir(parents=True, exist_ok=True)
    async with open_store(redis.url, name) as store:
        world = World(folder, redis=redis, store=store, mode=mode, seed=seed, name=name)
        try:
            world.serve(faults=faults, ask=ask)
            world.people = asyncio.create_task(world.colleagues.attend())
            yield world
        finally:
            if world.people is not None:
                world.people.cancel()
                await asyncio.gather(world.people, return_exceptions=True)
            world.close()
