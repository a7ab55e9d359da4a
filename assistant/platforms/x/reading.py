"""Reads what is new on X: collected page by page, newest first, then told oldest first."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from assistant.case import handle_key
from assistant.config import XAccount
from assistant.errors import BadInput, Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.platforms import Arrival, Gap, Keep, Quarantined, Told
from assistant.platforms.x.parsing import ABOVE, moment, parse, snowflake
from assistant.platforms.x.prices import Purse
from assistant.platforms.x.records import (
    Item,
    Run,
    Source,
    by_id,
    ids,
    lacking,
    listed,
    merge,
    newest,
    number,
    record,
    silent,
)
from assistant.platforms.x.wire import Wire

MANY = 100
"""Posts in one call that asks for several by their ids."""

FIRST = timedelta(days=2)
"""How far the very first reading goes back: what is older was answered by hand."""

SEARCHED = timedelta(days=7) - timedelta(minutes=10)
"""The search holds seven days, and refuses a question that goes further back."""

NOTED = timedelta(minutes=10)
"""How often it is noted that all was read; a reading goes back as much again, X may be late."""


def sources(account: XAccount) -> tuple[Source, ...]:
    """Return what is read for an account, in the order of what matters most."""
    us = handle_key(account.handle)
    # The list of mentions lacks replies and quotes that do not name us.
    rest = f'(to:{us} OR url:"x.com/{us}/status") -@{us} -from:{us} -is:retweet'
    # Direct messages cannot be asked for from a place on: every page holds what is known too.
    direct = Source("direct", "dm_read", days=timedelta(days=30), least=1, page=20)
    return (
        Source("mentions", "mention_read", most=800),
        Source("search", "post_read", days=SEARCHED, least=10, fixed={"query": rest}),
        # Ours, because an answer given outside Luister is known by them; X keeps 3,200.
        Source("own", "post_read", fixed={"exclude": "retweets"}),
        *((direct,) if account.direct else ()),
    )


class Spent(Exception):
    """The next page is not to be paid for today; no error."""


@dataclass
class Haul:
    """What one reading brought, and what hindered it."""

    read: list[tuple[Source, Run]] = field(default_factory=list)
    error: LuisterError | None = None
    spent: bool = False


class Reader:
    """Reads all sources of one account after a cursor; what a failure interrupted goes on later.

    A cursor is a JSON object: the newest id that is recorded, by the source's name.
    """

    def __init__(
        self,
        account: XAccount,
        *,
        wire: Wire,
        purse: Purse,
        keep: Keep,
        clock: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._wire = wire
        self._keep = keep
        self._purse = purse
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._ahead: tuple[str | None, dict[str, str]] = (None, {})
        self.closed: set[str] = set()
        """Authors who take no direct messages from us, as far as they were seen."""

    async def read(self, cursor: str | None, me: str) -> AsyncIterator[Told]:
        """Yield what there is after `cursor`, oldest first; raises what hindered it at the end."""
        at = _at(cursor)
        behind, ahead = self._ahead
        # What was read and needed no record (reposts) is not paid for twice.
        since = {**at, **ahead} if cursor == behind else at
        whole = await self._read_until()
        haul = await self._gathered(since, whole, me)
        if (changed := await self._purse.changed(spent=haul.spent)) is not None:
            yield changed
        for source, run in haul.read:
            if (gap := _gap(source, run, whole.get(source.name), self._clock())) is not None:
                yield gap
        last = cursor
        async for told in self._told(haul.read, at, me):
            yield told
            last = told.cursor
        for source, run in haul.read:
            if run.done:
                since = {**since, source.name: newest(run)} if run.items else since
                del self._runs[source.name]
        self._ahead = (last, since)
        await self._note(whole, {source.name: run.began for source, run in haul.read if run.done})
        if haul.error is not None:
            raise haul.error

    async def _read_until(self) -> dict[str, datetime]:
        """Return until when each source is known to have been read, by whichever process."""
        try:
            kept = json.loads(await self._keep.get("read") or "{}")
            return {str(name): datetime.fromisoformat(at) for name, at in kept.items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    async def _note(self, before: dict[str, datetime], now: dict[str, datetime]) -> None:
        if any(name not in before or at - before[name] > NOTED for name, at in now.items()):
            kept = {name: at.isoformat() for name, at in {**before, **now}.items()}
            await self._keep.put("read", json.dumps(kept))

    async def _gathered(
        self, since: Mapping[str, str], whole: Mapping[str, datetime], me: str
    ) -> Haul:
        """Read every source its limit allows; what one lacks does not keep the others waiting."""
        haul = Haul()
        for source in sources(self._account):
            run = self._runs.get(source.name)
            if run is None or run.since != since.get(source.name):
                run = Run(since=since.get(source.name), began=self._clock())
                run.start = self._start(source, whole.get(source.name))
                self._runs[source.name] = run
            if not self._wire.free(source.name):
                continue
            try:
                await self._collect(source, run, me)
            except Spent:
                haul.spent = True
                # What is paid for is told; the cursor waits until the rest is there too.
                haul.read.append((source, run))
                break
            except LuisterError as error:
                haul.error = haul.error or error
                if isinstance(error, Barred):
                    break
                continue
            haul.read.append((source, run))
        return haul

    async def _told(
        self, read: Iterable[tuple[Source, Run]], at: dict[str, str], me: str
    ) -> AsyncIterator[Arrival | Quarantined]:
        """Yield what was collected, each with the cursor that stands once it is recorded."""
        await self._ancestors(
            [run for source, run in read if source.name in ("mentions", "search")]
        )
        rows = [(source, run, item) for source, run in read for item in run.items]
        seen: set[str] = set()
        for source, run, item in sorted(rows, key=lambda row: number(row[2])):
            if run.done and number(item) > int(at.get(source.name, "0")):
                at = {**at, source.name: str(number(item))}
            if str(item.get("id")) in seen or silent(item):
                continue
            seen.add(str(item.get("id")))
            raw = json.dumps(record(source, run, item, me))
            yield self._parsed(
                raw, json.dumps(at) if at else None, where=f"{source.name} {number(item)}"
            )

    def _parsed(self, raw: str, cursor: str | None, *, where: str) -> Arrival | Quarantined:
        try:
            arrival = parse(
                raw,
                account=self._account.handle,
                now=self._clock(),
                enterprise=self._account.plan == "enterprise",
            )
        except BadInput as error:
            return Quarantined(where=where, reason=str(error), raw=raw, cursor=cursor)
        return arrival.model_copy(update={"cursor": cursor})

    def _start(self, source: Source, until: datetime | None) -> datetime:
        """Return from when on a source is read of which nothing has arrived yet."""
        now = self._clock()
        start = until - NOTED if until else now - FIRST
        return max(start, now - source.days) if source.days else start

    async def _collect(self, source: Source, run: Run, me: str) -> None:
        """Read pages until all after `since` is there; raises Spent or what hindered it."""
        while not run.done:
            size = await self._purse.fits(self._dear(source), most=source.page)
            if size < source.least:
                raise Spent
            try:
                query = self._query(source, run, size)
                page = await self._wire.call(source.name, path={"id": me}, query=query)
            except Refused:
                # A page's token that is no longer known: the next reading starts anew.
                started, run.next, run.items = run.next is not None, None, []
                if started:
                    raise TryAgain(f"{source.name}: X lost the place in its list") from None
                raise
            await self._took(source, run, page, me)

    def _dear(self, source: Source) -> Decimal:
        """Return the most a read may cost: X may count what comes along with a post."""
        prices = self._account.prices
        price: Decimal = getattr(prices, source.price)
        return price + prices.user_read + (0 if source.name == "direct" else prices.post_read)

    def _query(self, source: Source, run: Run, size: int) -> dict[str, str]:
        query = {"max_results": str(size), **source.fixed}
        if run.next:
            query["pagination_token"] = run.next
        if source.name == "direct":
            return query
        kept = source.days is None or moment(run.since or "0") > self._clock() - source.days
        if run.since and kept:
            query["since_id"] = run.since
        else:
            query["start_time"] = run.start.strftime("%Y-%m-%dT%H:%M:%SZ")
        return query

    async def _took(self, source: Source, run: Run, page: Item, me: str) -> None:
        meta = page.get("meta")
        if not isinstance(meta, dict):
            raise TryAgain(f"{source.name}: X's answer is none")
        items = [
            each if isinstance(each, dict) else {"unreadable": each}
            for each in listed(page, "data")
        ]
        since = int(run.since) if run.since else 0
        if source.name == "direct" and run.since is None:
            since = snowflake(run.start)
        new = [each for each in items if number(each) > since or not number(each)]
        run.items += new
        counts = merge(run.includes, page)
        run.includes["posts"].update(by_id(new))
        # The list of direct messages also holds what is known: who answers whom is told by it.
        run.includes.setdefault("events", {}).update(by_id(items))
        for user in run.includes.get("users", {}).values():
            if user.get("receives_your_dm") is False:
                self.closed.add(str(user.get("id")))
        counts["user_read"].discard(me)
        counts[source.price] = counts.get(source.price, set()) | ids(page, "data")
        await self._purse.spend_reads(counts)
        token = meta.get("next_token")
        run.next = token if isinstance(token, str) and token else None
        run.done = run.next is None or (source.name == "direct" and len(new) < len(items))

    async def _ancestors(self, runs: list[Run]) -> None:
        """Read the conversation above the posts, a level a call; without it the post goes on."""
        for _ in range(ABOVE // 2):
            wanted = list(dict.fromkeys(id for run in runs for id in lacking(run)))[:MANY]
            if not wanted:
                return
            try:
                if await self._purse.fits(self._account.prices.post_read, most=MANY) < MANY:
                    return
                answer = await self._wire.call("looks", query={"ids": ",".join(wanted)})
            except (TryAgain, Doubtful, Refused):
                return
            found: dict[str, dict[str, Item]] = {}
            counts = merge(found, answer)
            found.setdefault("posts", {}).update(by_id(listed(answer, "data")))
            await self._purse.spend_reads({**counts, "post_read": set(found["posts"])})
            for run in runs:
                for kind, several in found.items():
                    run.includes.setdefault(kind, {}).update(several)
                # One that is gone, or hidden from us, is not asked for again.
                gone = {id: {"id": id} for id in wanted if id not in run.includes["posts"]}
                run.includes.setdefault("gone", {}).update(gone)


def _gap(source: Source, run: Run, until: datetime | None, now: datetime) -> Gap | None:
    """Return the stretch of time X no longer has for us; `until` then all had been read."""
    newest_read = moment(run.since) if run.since else None
    if newest_read is None and until is None:
        return None
    since = max(at for at in (newest_read, until) if at is not None)
    if source.most is not None and len(run.items) >= source.most:
        first = moment(str(min(number(each) for each in run.items if number(each))))
        return Gap(since=since, until=first, reason=f"X keeps the newest {source.most} mentions")
    if source.days is not None and since < now - source.days:
        reason = f"X keeps {source.days.days + 1} days of what its {source.name} list holds"
        return Gap(since=since, until=now - source.days, reason=reason)
    return None


def _at(cursor: str | None) -> dict[str, str]:
    """Read a cursor; one nobody knows is none."""
    try:
        told = json.loads(cursor or "{}")
    except ValueError:
        return {}
    pairs = told.items() if isinstance(told, dict) else ()
    return {str(key): str(value) for key, value in pairs if str(value).isdecimal()}
