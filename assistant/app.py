"""The whole of Luister on one screen; with accounts.py the only file that names adapters."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from prometheus_client import Counter
from pydantic import SecretStr

from assistant.accounts import platforms_of
from assistant.amend import amend
from assistant.appear import appear
from assistant.audit import Witness, line_of, retire
from assistant.chats import Chat
from assistant.chats.slack import Slack, open_slack
from assistant.config import Organisation, Secrets
from assistant.desk import Desk
from assistant.draft import draft
from assistant.draft.rewriting import rewrite
from assistant.errors import Doubtful, Misconfigured, Refused, StoreUnavailable, TryAgain
from assistant.follow import Follower
from assistant.health import Health, Metrics, serve
from assistant.listen import listen, source_of
from assistant.llms import LLM
from assistant.llms.limits import Limits
from assistant.llms.openai import Endpoint, OpenAIModel
from assistant.mask import mask
from assistant.platforms import Gap, Platform, Serves
from assistant.reply import CALL, SETTLE, Sender
from assistant.show import Shower
from assistant.show.standing import Drawer
from assistant.store import Store, open_store, utcnow
from assistant.store.connections import alone
from assistant.store.intake import expire_quarantine
from assistant.store.lanes import Note, notify
from assistant.store.ledger import persistence
from assistant.store.work import LEASE, Dead, Worker, move_due, sweep
from assistant.triage import triage, wake, warm
from assistant.watch import lost, settle, tidy
from assistant.words import Words

log = logging.getLogger(__name__)

PARTS = frozenset({"listen", "work", "chat"})
TICK = 0.25
"""Seconds between two looks at the timers."""

HELD = 30.0
"""Seconds after which a connection to the chat counts as made."""

WATCH = 10.0
"""Seconds between two looks at how the connections are."""

SWEEP = timedelta(seconds=60)
RETIRE = timedelta(hours=6)
ROOT = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What a run is made of. `replay` is a file of posts to take in, at `speed` (None: at once)."""

    organisation: Organisation
    store_url: str
    state: Path
    secrets: Secrets = field(repr=False)
    only: frozenset[str] = PARTS
    slack_url: str = "https://slack.com/api/"
    host: str = "127.0.0.1"
    port: int = 8080
    replay: Path | None = None
    speed: float | None = None
    root_every: timedelta = ROOT
    watch_every: float = WATCH
    clock: Callable[[], datetime] = utcnow


async def run(wiring: Wiring, *, started: Callable[[], None] = lambda: None) -> None:
    """Run the parts in `only` until cancelled; `started` is called once everything listens.

    Raises Misconfigured for what an administrator must mend, StoreUnavailable when the store
    cannot be reached at the start. Later losses of store or chat are waited out.
    """
    organisation, clock, only = wiring.organisation, wiring.clock, wiring.only
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(wiring.store_url, organisation.id))
        for lack in await persistence(store):
            log.warning("the store may lose the last writes: %s", lack)
        await tidy(store, organisation)
        enter = stack.enter_async_context
        platforms = await enter(platforms_of(wiring, store))
        slack = await enter(slack_of(wiring)) if "chat" in only else None
        model = await enter(model_of(wiring, metrics)) if "work" in only else None
        # Entered last, so that every task has ended before what it uses is closed.
        group = await enter(asyncio.TaskGroup())
        routes = []
        if slack is not None:
            desk = Desk(store, organisation, platforms=platforms, clock=clock)
            drawer = Drawer(store, organisation, slack, platforms=platforms, clock=clock)
            visits = partial(_count, metrics.visits)
            group.create_task(Shower(store, slack, drawer, counted=visits).run())
            group.create_task(_connected(slack, desk))
            routes += slack.routes()
        if "work" in only:
            # In a thread: making the word lists takes seconds, in which people may press buttons.
            warmed = group.create_task(asyncio.to_thread(warm, organisation, now=clock()))
            for worker in workers(wiring, store, platforms, model, metrics):
                group.create_task(_after(warmed, worker.run))
            group.create_task(_every(TICK, partial(_due, store, clock)))
            group.create_task(_every(SWEEP.total_seconds() / 2, partial(_swept, store, clock)))
            group.create_task(_every(RETIRE.total_seconds(), partial(_retired, wiring, store)))
            witness = Witness(store)
            take = partial(witnessed, store, organisation, witness, clock)
            group.create_task(_every(wiring.root_every.total_seconds(), take))
        if "listen" in only:
            for platform in platforms.values():
                group.create_task(_heard(wiring, store, platform, metrics))
                routes += platform.routes() if isinstance(platform, Serves) else ()
        if only & {"listen", "work"}:
            look = partial(_settled, store, organisation, clock)
            group.create_task(_every(wiring.watch_every, look))
        health = Health(store, metrics, ready=lambda: slack is None or slack.listening)
        routes += health.routes()
        group.create_task(serve(routes, host=wiring.host, port=wiring.port, started=started))


@asynccontextmanager
async def slack_of(wiring: Wiring) -> AsyncIterator[Slack]:
    """Yield the Slack workspace the tokens belong to; raises Misconfigured without tokens."""
    secrets = wiring.secrets
    if secrets.slack_bot_token is None:
        raise Misconfigured("SLACK_BOT_TOKEN: not set; the README's 'Connecting Slack' says how")
    async with open_slack(
        token=secrets.slack_bot_token.get_secret_value(),
        words=Words(wiring.organisation.language),
        app_token=_reveal(secrets.slack_app_token),
        signing_secret=_reveal(secrets.slack_signing_secret),
        base_url=wiring.slack_url,
    ) as slack:
        yield slack


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


@asynccontextmanager
async def model_of(wiring: Wiring, metrics: Metrics) -> AsyncIterator[LLM | None]:
    """Yield the configured model, or None: everything works without one."""
    chosen, key = wiring.organisation.model, wiring.secrets.openai_api_key
    if chosen is None:
        yield None
        return
    model = OpenAIModel(
        Endpoint(chosen.base_url, chosen.name, chosen.allowed_hosts, chosen.reasoning_effort),
        # A server of one's own may want no key, but the SDK insists on one.
        api_key=key or SecretStr("none"),
        mask=partial(mask, own=wiring.organisation.own),
        observe=metrics.model_called,
        limits=Limits(daily_tokens=chosen.tokens_per_day),
    )
    try:
        yield model
    finally:
        await model.aclose()


def workers(
    wiring: Wiring,
    store: Store,
    platforms: Mapping[tuple[str, str], Platform],
    model: LLM | None,
    metrics: Metrics,
    *,
    lease: float = LEASE,
    call: float = CALL,
    settle: timedelta = SETTLE,
) -> tuple[Worker, ...]:
    """Return a worker for each step, wired to what it needs.

    `call` bounds one call to a platform and must be shorter than `lease` and `settle`.
    """
    organisation, clock = wiring.organisation, wiring.clock
    words = Words(organisation.language)
    sends = partial(_count, metrics.sends)
    sender = Sender(
        store,
        organisation,
        platforms=platforms,
        clock=clock,
        counted=sends,
        call=call,
        settle=settle,
    )
    buried = partial(_buried, store, organisation, clock)
    sort = partial(
        triage,
        store,
        organisation=organisation,
        model=model,
        words=words,
        clock=clock,
    )
    suggest = partial(
        draft,
        store,
        organisation=organisation,
        model=model,
        platforms=platforms,
        words=words,
        clock=clock,
    )
    anew = partial(
        rewrite,
        store,
        organisation=organisation,
        model=model,
        platforms=platforms,
        words=words,
        clock=clock,
    )
    change = partial(
        amend,
        store,
        organisation=organisation,
        platforms=platforms,
        clock=clock,
        counted=sends,
        call=call,
    )
    seen = partial(
        appear, store, organisation=organisation, platforms=platforms, clock=clock, call=call
    )
    return (
        Worker(store, "triage", sort, slots=16, lease=lease, buried=buried),
        Worker(store, "draft", suggest, slots=32, lease=lease, buried=buried),
        Worker(store, "rewrite", anew, slots=8, lease=lease, buried=buried),
        Worker(store, "send", sender.send, slots=8, lease=lease, buried=buried),
        Worker(store, "amend", change, lease=lease, buried=buried),
        Worker(store, "appear", seen, lease=lease, buried=buried),
        Worker(
            store,
            "wake",
            partial(wake, store, organisation=organisation, clock=clock),
            lease=lease,
            buried=buried,
        ),
    )


async def witnessed(
    store: Store, organisation: Organisation, witness: Witness, clock: Callable[[], datetime]
) -> None:
    """Take a root and have its line posted where supervisors see it."""
    root = await witness.take(now=clock())
    if root is not None:
        line = line_of(root, organisation=organisation.id)
        note = Note(key="desk.root", values={"line": line})
        await notify(store, organisation.supervisors_channel, note, now=clock())


async def _heard(wiring: Wiring, store: Store, platform: Platform, metrics: Metrics) -> None:
    """Listen to one account and follow its citizens; what is lost is told and counted."""

    async def lose(gap: Gap) -> None:
        source = source_of(platform)
        if await lost(store, wiring.organisation, source, gap, now=wiring.clock()):
            metrics.gaps.labels(platform.name).inc()

    taken = partial(_count, metrics.posts, platform.name)
    async with asyncio.TaskGroup() as group:
        group.create_task(listen(store, platform, clock=wiring.clock, counted=taken, lost=lose))
        # What is read once from a file does not change any more.
        if platform.every is not None:
            follower = Follower(store, platform, clock=wiring.clock)
            group.create_task(alone(store, f"follow:{source_of(platform)}", follower.run))


async def _settled(store: Store, organisation: Organisation, clock: Callable[[], datetime]) -> None:
    await settle(store, organisation, now=clock())


async def _connected(chat: Chat, desk: Desk) -> None:
    """Listen to people for ever; a lost connection comes back, a wrong token is told at once."""
    loop, tries, held = asyncio.get_running_loop(), 0, False
    while True:
        began = loop.time()
        try:
            await chat.run(desk)
        except (TryAgain, Doubtful, Refused) as error:
            lasted = loop.time() - began
            # Refused at the very start is an administrator's mistake; later it may be a mood.
            if isinstance(error, Refused) and not held:
                raise Misconfigured(f"Slack refused to connect: {error}") from error
            held = held or lasted > HELD
            tries = 1 if lasted > HELD else tries + 1
            log.warning("the chat is away (try %d): %s", tries, error)
            await asyncio.sleep(min(0.5 * 2**tries, 30))


async def _after(first: Awaitable[object], then: Callable[[], Awaitable[None]]) -> None:
    await first
    await then()


async def _every(seconds: float, act: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await act()
        except StoreUnavailable as error:
            log.warning("waiting for the store: %s", error)
        except Exception as error:  # this loop's one net: a bad record must not end the service
            name = getattr(act, "func", act).__name__
            log.error("%s failed: %s", name, type(error).__name__)
        await asyncio.sleep(seconds)


async def _due(store: Store, clock: Callable[[], datetime]) -> None:
    await move_due(store, now=clock())


async def _swept(store: Store, clock: Callable[[], datetime]) -> None:
    await sweep(store, now=clock(), older=SWEEP)


async def _retired(wiring: Wiring, store: Store) -> None:
    days = wiring.organisation.retention.days
    count = await retire(store, days=days, now=wiring.clock())
    old = await expire_quarantine(store, before=wiring.clock() - timedelta(days=days))
    if count or old:
        log.info("retention (%d days): erased %d cases, %d quarantined records", days, count, old)


async def _buried(
    store: Store, organisation: Organisation, clock: Callable[[], datetime], dead: Dead
) -> None:
    note = Note(key="desk.dead_letter", values={"id": dead.id, "reason": dead.reason})
    await notify(store, organisation.supervisors_channel, note, now=clock())


def _count(counter: Counter, *labels: str) -> None:
    counter.labels(*labels).inc()
