"""`luister check`: every mistake at once, and with --online who we are everywhere."""

import argparse
import asyncio
import importlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

from assistant.commands.service import address
from assistant.config import Account, Secrets
from assistant.errors import Barred, LuisterError, Misconfigured, Refused, StoreUnavailable
from assistant.opening import configured, opened
from assistant.paths import state_of
from assistant.platforms import Introduces
from assistant.prompts import load_prompts
from assistant.store.ledger import persistence
from assistant.terminal import counted, plain

PATIENCE = 30.0
"""Seconds one place may take to let us in and tell who we are."""

Found = TypeVar("Found")


async def check(args: argparse.Namespace) -> int:
    """Tell every mistake at once."""
    mistakes: list[str] = []
    organisation = _tried(lambda: configured(args.config), mistakes)
    _tried(load_prompts, mistakes)
    _tried(address, mistakes)
    if organisation is not None and os.environ.get("LUISTER_REDIS_URL"):
        mistakes += await _store_mistakes(args.config)
    Misconfigured.raise_any(mistakes)
    assert organisation is not None
    print(
        f"{args.config}: good. {organisation.organisation.name}: "
        f"{counted(len(organisation.departments), 'department')}, "
        f"{counted(len(organisation.people), 'person', many='people')}, "
        f"{counted(len(organisation.answers), 'approved answer')}, "
        f"model: {organisation.model.name if organisation.model else 'none'}"
    )
    for account in organisation.accounts:
        for told in _notices(account):
            print(f"Before you connect: {told}")
    return await _online(args.config) if args.online else 0


async def _online(folder: Path) -> int:
    """Sign in everywhere and tell who we are there; return 1 when one place refuses."""
    from assistant import accounts, app

    async with opened(folder) as (organisation, store):
        wiring = app.Wiring(
            organisation=organisation,
            store_url="",
            state=state_of(folder),
            secrets=Secrets.read(os.environ, organisation=organisation),
            slack_url=os.environ.get("SLACK_API_URL", "https://slack.com/api/"),
        )
        told = [
            await _introduced(
                f"{each.platform} {each.handle}",
                accounts.account_of(each, wiring, store),
                each.variables,
            )
            for each in organisation.accounts
        ]
        told.append(await _introduced("slack", app.slack_of(wiring), ("SLACK_BOT_TOKEN",)))
    return 0 if all(told) else 1


async def _introduced(
    name: str, place: AbstractAsyncContextManager[object], secrets: Sequence[str]
) -> bool:
    """Print who we are at one place, or why we are nobody there and what to do."""
    try:
        async with asyncio.timeout(PATIENCE), place as there:
            if not isinstance(there, Introduces):
                print(f"{name}: opened; it cannot tell more")
                return True
            for sentence in await there.introduce():
                print(f"{name}: {plain(sentence)}")
            return True
    except Misconfigured as error:
        print(*(f"{name}: FAILED: {each}" for each in error.mistakes), sep="\n")
    except TimeoutError:
        print(f"{name}: FAILED: no answer within {PATIENCE:.0f} seconds. {_NETWORK}")
    except LuisterError as error:
        print(f"{name}: FAILED: {plain(str(error))}. {_advice(error, secrets)}")
    return False


_NETWORK = "Look whether this machine may reach it and whether it is up; then check again."


def _advice(error: LuisterError, secrets: Sequence[str]) -> str:
    if isinstance(error, Barred):
        where = f" in {' and '.join(secrets)}" if secrets else ""
        return f"Make a new token with the permissions the guide names, put it{where}, check again."
    if isinstance(error, Refused):
        return "Look at the account on the platform itself: it is refused for good."
    return _NETWORK


def _notices(account: Account) -> tuple[str, ...]:
    """Return what the account's platform wants known beforehand, if its adapter says so."""
    adapter = importlib.import_module(f"assistant.platforms.{account.platform}")
    notices: tuple[str, ...] = adapter.notices(account) if hasattr(adapter, "notices") else ()
    return notices


def _tried(look: Callable[[], Found], mistakes: list[str]) -> Found | None:
    try:
        return look()
    except Misconfigured as error:
        mistakes += error.mistakes
        return None


async def _store_mistakes(folder: Path) -> list[str]:
    try:
        async with opened(folder) as (_, store):
            return [f"LUISTER_REDIS_URL: {lack}" for lack in await persistence(store)]
    except Misconfigured as error:
        return list(error.mistakes)
    except StoreUnavailable as error:
        return [f"LUISTER_REDIS_URL: {error}"]
