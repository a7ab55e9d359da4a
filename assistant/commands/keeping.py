"""`luister quarantine`: what nobody could read, and another try at it."""

import argparse
import os
from contextlib import AsyncExitStack
from functools import partial

from assistant.config import Organisation, Secrets
from assistant.errors import LuisterError, Misconfigured, place_of
from assistant.listen import retry
from assistant.opening import opened
from assistant.paths import state_of
from assistant.platforms import Arrival, Platform
from assistant.store import Store, utcnow
from assistant.store.intake import Kept, quarantined
from assistant.terminal import counted, plain, table


async def quarantine(args: argparse.Namespace) -> int:
    """List what is in quarantine, or take it in once more."""
    async with opened(args.config) as (organisation, store):
        records = await quarantined(store)
        if args.retry is None:
            _list(records, organisation, raw=args.raw)
            return 0
        chosen = [each for each in records if args.retry in ("all", each.id)]
        if not chosen and args.retry != "all":
            raise LuisterError(f"{args.retry}: no such record; `luister quarantine` lists them")
        return await _again(args, organisation, store, chosen)


def _list(records: tuple[Kept, ...], organisation: Organisation, *, raw: bool) -> None:
    head = ("id", "account", "where", "why", "since")
    rows = [
        (
            each.id,
            each.source,
            plain(each.where),
            plain(each.reason),
            organisation.local(each.at).strftime("%Y-%m-%d %H:%M"),
        )
        for each in records
    ]
    if raw:
        for row, each in zip(rows, records, strict=True):
            print(*row, sep="  ")
            print(plain(each.raw), end="\n\n")
    else:
        print(table(head, rows))
    print(f"\n{counted(len(rows), 'quarantined record')}")


async def _again(
    args: argparse.Namespace, organisation: Organisation, store: Store, chosen: list[Kept]
) -> int:
    """Take in the chosen records; what still cannot be read stays and is named."""
    left = 0
    async with AsyncExitStack() as stack:
        accounts = _Accounts(args, organisation, store, stack)
        for each in chosen:
            try:
                taken = await retry(
                    store, each, parse=partial(accounts.parse, each.source), now=utcnow()
                )
            except LuisterError as error:
                left += 1
                print(f"{each.id}: stays: {error}")
            except Exception as error:  # one record must not keep the others waiting
                left += 1
                print(f"{each.id}: stays: Luister has a fault: {place_of(error)}")
            else:
                print(f"{each.id}: taken in ({taken})")
    print(f"{len(chosen) - left} taken in, {left} left")
    return 1 if left else 0


class _Accounts:
    """Opens the adapter of an account when the first of its records needs it."""

    def __init__(
        self,
        args: argparse.Namespace,
        organisation: Organisation,
        store: Store,
        stack: AsyncExitStack,
    ) -> None:
        from assistant.app import Wiring

        self._store = store
        self._stack = stack
        self._made: dict[str, Platform] = {}
        self._accounts = {f"{each.platform}:{each.handle}": each for each in organisation.accounts}
        self._wiring = Wiring(
            organisation=organisation,
            store_url="",
            state=state_of(args.config),
            secrets=Secrets.read(os.environ, organisation=organisation),
        )

    async def parse(self, source: str, raw: str) -> Arrival:
        """Read a record through its account's adapter."""
        return (await self._opened(source)).parse(raw)

    async def _opened(self, source: str) -> Platform:
        """Return an account's adapter; raises Misconfigured when the account is ours no more."""
        from assistant.accounts import account_of

        if source not in self._accounts:
            raise Misconfigured(f"{source}: no account in luister.toml, so nobody can read it")
        if source not in self._made:
            context = account_of(self._accounts[source], self._wiring, self._store)
            self._made[source] = await self._stack.enter_async_context(context)
        return self._made[source]
