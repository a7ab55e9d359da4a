"""`luister authorize`: the first refresh token of an account on X, by the browser of its owner."""

import argparse
import os
import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import aiohttp
from pydantic import SecretStr

from assistant.case import handle_key
from assistant.config import Organisation, XAccount
from assistant.errors import LuisterError, Misconfigured
from assistant.opening import configured
from assistant.platforms.x.oauth import PATH, REDIRECT, authorization, exchanged
from assistant.platforms.x.wire import TIMEOUT


async def authorize(args: argparse.Namespace, *, ask: Callable[[str], str] = input) -> int:
    """Print where the account's owner allows Luister in, and the refresh token X gives for it."""
    account = _account(configured(args.config), args.account)
    secret = os.environ.get(account.variable)
    if not secret:
        raise Misconfigured(f"{account.variable}: not set; it holds the app's client secret")
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
    url = authorization(account.client_id, verifier=verifier, state=state, direct=account.direct)
    # X lets a code live for half a minute, so it is exchanged the moment it is pasted; nothing else
    # runs here that this could block.
    pasted = _answered(
        ask,
        f"1. Log in on X as {account.handle} and open:\n\n{url}\n\n"
        f"2. Allow it. The browser ends at {REDIRECT}, which does not open.\n"
        "3. Paste that whole address here within half a minute: ",
    )
    came = parse_qs(urlsplit(pasted.strip()).query)
    if came.get("state") != [state] or not came.get("code"):
        raise LuisterError("that is not the address of this attempt: begin again")
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        token = await exchanged(
            session,
            url=account.service.rstrip("/") + PATH,
            client=(account.client_id, SecretStr(secret)),
            code=came["code"][0],
            verifier=verifier,
        )
    print("\nPut this in the environment; it works once, so use it nowhere else:\n")
    print(f"{account.refresh_variable}={token.get_secret_value()}")
    return 0


def _answered(ask: Callable[[str], str], text: str) -> str:
    try:
        return ask(text)
    except EOFError:
        raise LuisterError("nothing was pasted; run this in a terminal") from None


def _account(organisation: Organisation, handle: str) -> XAccount:
    for each in organisation.accounts:
        if isinstance(each, XAccount) and handle_key(each.handle) == handle_key(handle):
            return each
    raise Misconfigured(f"{handle}: no account on X in luister.toml has this handle")
