"""Opens an adapter for each official account; the only file that names those of platforms."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from assistant.config import Account, ReplayAccount
from assistant.errors import Misconfigured
from assistant.platforms import Around, Platform, bluesky, mastodon, webhook, x
from assistant.platforms.replay import Replay
from assistant.store import Store
from assistant.store.kept import Kept

if TYPE_CHECKING:
    from assistant.app import Wiring

OPENERS: Mapping[str, Callable[..., AbstractAsyncContextManager[Platform]]] = {
    "bluesky": bluesky.opened,
    "mastodon": mastodon.opened,
    "webhook": webhook.opened,
    "x": x.opened,
}
"""The adapters by the name of their platform, each the `opened` of its module."""


@asynccontextmanager
async def platforms_of(
    wiring: "Wiring", store: Store
) -> AsyncIterator[dict[tuple[str, str], Platform]]:
    """Yield an adapter per official account, by (platform, account).

    Raises Misconfigured with every secret that is missing from the environment.
    """
    accounts = wiring.organisation.accounts
    Misconfigured.raise_any(lack for each in accounts for lack in _lacking(each, wiring))
    made: dict[tuple[str, str], Platform] = {}
    async with AsyncExitStack() as stack:
        for account in accounts:
            platform = await stack.enter_async_context(account_of(account, wiring, store))
            made[account.platform, account.handle] = platform
        yield made


def _lacking(account: Account, wiring: "Wiring") -> Iterable[str]:
    needs = (each for each in account.variables if each not in wiring.secrets.accounts)
    where = f"the account {account.handle} on {account.platform}"
    return (f"{name}: not set; {where} needs it" for name in needs)


@asynccontextmanager
async def account_of(account: Account, wiring: "Wiring", store: Store) -> AsyncIterator[Platform]:
    """Yield the adapter of one account; raises Misconfigured with every secret it lacks."""
    Misconfigured.raise_any(_lacking(account, wiring))
    if isinstance(account, ReplayAccount):
        yield replays_of(wiring)[account.platform, account.handle]
        return
    held = {name: wiring.secrets.accounts[name] for name in account.variables}
    secret = SecretStr("".join(each.get_secret_value() for each in held.values()))
    keep = Kept(store, f"{account.platform}:{account.handle}", secret=secret)
    around = Around(secrets=held, keep=keep, clock=wiring.clock)
    async with OPENERS[account.platform](account, around) as platform:
        yield platform


def replays_of(wiring: "Wiring") -> dict[tuple[str, str], Platform]:
    """Return the accounts that read from a file; raises Misconfigured when there is none."""
    replies, source = wiring.state / "replies.jsonl", wiring.replay
    made: dict[tuple[str, str], Platform] = {
        (each.platform, each.handle): Replay(
            each.handle, replies=replies, source=source, speed=wiring.speed
        )
        for each in wiring.organisation.accounts
        if isinstance(each, ReplayAccount)
    }
    if not made:
        raise Misconfigured("accounts: none has platform 'replay', so a file is nobody's")
    return made
