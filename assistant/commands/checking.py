"""`luister check`: every mistake at once."""

import argparse
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from assistant.commands.service import address
from assistant.config import Account
from assistant.errors import Misconfigured, StoreUnavailable
from assistant.opening import configured, opened
from assistant.prompts import load_prompts
from assistant.store.ledger import persistence

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
        f"{len(organisation.departments)} departments, {len(organisation.people)} people, "
        f"{len(organisation.answers)} approved answers, "
        f"model: {organisation.model.name if organisation.model else 'none'}"
    )
    for account in organisation.accounts:
        for told in _notices(account):
            print(f"Before you connect: {told}")
    return 0


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
