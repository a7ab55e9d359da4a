"""A worker process of the crash tests: the real parts, wired as app.py does, with short times."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from pathlib import Path

from assistant.app import Wiring, workers
from assistant.config import DAYS, Hours, Organisation, ReplayAccount, Replies, Secrets, load
from assistant.errors import ModelUnusable, StoreUnavailable
from assistant.health import Metrics
from assistant.listen import Pace, listen
from assistant.llms import Outcome, T
from assistant.platforms import Platform
from assistant.prompts import Prompt
from assistant.show import Shower
from assistant.show.standing import Drawer
from assistant.store import Store, open_store, utcnow
from assistant.store.work import move_due, sweep
from tests.faults.boundaries import (
    Boundaries,
    WatchedChat,
    die,
    sleep_like_the_dead,
    watch_platform,
    watch_store,
)
from tests.faults.chat import WireChat
from tests.faults.loopback import Wire
from tests.faults.platform import ACCOUNT, adapter
from tests.faults.platform_server import Mode

log = logging.getLogger(__name__)

LEASE = 1.5
CALL = 0.6
SETTLE = timedelta(seconds=1.5)
SWEEP = timedelta(seconds=4)
"""Times as they relate to each other in production, about twenty times as fast."""

WATERSTAD = Path(__file__).parents[2] / "examples" / "waterstad"

POISON = "gifbeker"
"""A post with this word kills whoever triages it."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a process needs to know; `crash_at` and `freeze_at` are places (see Boundaries)."""

    organisation: str
    store_url: str
    mode: Mode
    platform_port: int
    chat_port: int
    log: Path
    parts: frozenset[str] = frozenset({"listen", "work", "chat"})
    crash_at: str | None = None
    freeze_at: str | None = None
    pace: float = 0.012
    poison: bool = False


@cache
def waterstad() -> Organisation:
    """Return the example as its files say."""
    return load(WATERSTAD)


def organisation(id: str) -> Organisation:
    """Return Waterstad with another id, open day and night, with an undo window of a second.

    It has no approved answers: indexing them at each of a thousand starts takes minutes.
    """
    town = waterstad()
    hours = Hours(days=DAYS, opens=time.min, closes=time.max)
    return town.model_copy(
        update={
            "organisation": town.organisation.model_copy(update={"id": id}),
            "accounts": (ReplayAccount(platform="replay", handle=ACCOUNT),),
            "departments": tuple(
                each.model_copy(update={"hours": hours}) for each in town.departments
            ),
            "replies": Replies(undo_seconds=1),
            "answers": (),
        }
    )


def main(setup: Setup) -> None:
    """Work until killed; a store that is away at the start is waited for."""
    logging.basicConfig(filename=setup.log, format="%(process)d %(asctime)s %(message)s")
    while True:
        try:
            asyncio.run(_run(setup))
        except StoreUnavailable as error:
            log.warning("start waits: %s", error)


async def _run(setup: Setup) -> None:
    at, sign = (setup.freeze_at, sleep_like_the_dead) if setup.freeze_at else (setup.crash_at, die)
    boundaries = Boundaries(at, sign=sign)
    town = organisation(setup.organisation)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(setup.store_url, town.id))
        watch_store(store, boundaries)
        platform = adapter(setup.mode, setup.platform_port)
        watch_platform(platform, boundaries)
        platforms = {(platform.name, platform.account): platform}
        group = await stack.enter_async_context(asyncio.TaskGroup())
        if "listen" in setup.parts:
            group.create_task(_listening(store, platform))
        if "work" in setup.parts:
            model = Poisoned() if setup.poison else None
            wiring = Wiring(
                organisation=town,
                store_url=setup.store_url,
                state=setup.log.parent,
                secrets=Secrets(),
            )
            for worker in workers(
                wiring, store, platforms, model, Metrics(), lease=LEASE, call=CALL, settle=SETTLE
            ):
                group.create_task(worker.run())
            group.create_task(_every(0.05, lambda: move_due(store, now=utcnow())))
            group.create_task(_every(1.0, lambda: sweep(store, now=utcnow(), older=SWEEP)))
        if "chat" in setup.parts:
            chat = WatchedChat(WireChat(Wire(setup.chat_port)), boundaries)
            drawer = Drawer(store, town, chat, platforms=platforms, clock=utcnow, pace=setup.pace)
            group.create_task(Shower(store, chat, drawer, tick=0.05, lease=LEASE).run())


class Poisoned:
    """A model that ends the process when it reads the word POISON."""

    async def ask(
        self, schema: type[T], *, prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> Outcome[T]:
        if POISON in "".join(values.values()):
            die()
        raise ModelUnusable("poisoned")


async def _listening(store: Store, platform: Platform) -> None:
    while True:
        await listen(store, platform, clock=utcnow, pace=Pace(pause=0.1))
        await asyncio.sleep(0.05)


async def _every(seconds: float, act: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await act()
        except StoreUnavailable as error:
            log.warning("waits: %s", error)
        await asyncio.sleep(seconds)
