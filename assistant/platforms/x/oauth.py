"""OAuth 2 on X: an access token for two hours, and refresh tokens that work once each."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlencode

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from assistant.errors import Barred, Refused, TryAgain
from assistant.platforms import Keep
from assistant.retry import retry_after

PATH = "/2/oauth2/token"

REDIRECT = "https://127.0.0.1/"
"""Where X sends the owner's browser; nothing needs to listen, the address itself holds the code."""

EARLY = timedelta(minutes=2)
"""An access token is renewed this long before it ends."""

AGAIN = (
    "authorise the account anew and put the refresh token you get in its variable; "
    "docs/connecting-platforms.md says how"
)


class Token(BaseModel):
    """What X gave, and until when; `scope` is what the account's owner allowed."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access: SecretStr
    refresh: SecretStr
    until: datetime
    scope: str = ""

    def kept(self) -> str:
        """Return it as it is kept, sealed by whoever keeps it."""
        return json.dumps(
            {
                "access": self.access.get_secret_value(),
                "refresh": self.refresh.get_secret_value(),
                "until": self.until.isoformat(),
                "scope": self.scope,
            }
        )


class _Given(BaseModel):
    """X's answer with a token."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_in: Annotated[float, Field(ge=0, le=10**8)] = 7200
    scope: str = ""


class Tokens:
    """Gives a valid access token; several processes share one refresh token through `keep`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        client: tuple[str, SecretStr],
        first: SecretStr,
        keep: Keep,
        clock: Callable[[], datetime],
    ) -> None:
        """`client` is the app's id and secret, `first` the refresh token the owner gave."""
        self._session = session
        self._url = url
        self._client = client
        self._first = first
        self._keep = keep
        self._clock = clock
        self._token: Token | None = None
        self._running: set[asyncio.Future[Token]] = set()

    async def access(self) -> Token:
        """Return a token that is good now."""
        if self._good(self._token):
            assert self._token is not None
            return self._token
        return await self._renewed(None)

    async def renewed(self, refused: Token) -> Token:
        """Return another token than the one X just refused."""
        return await self._renewed(refused)

    async def settled(self) -> None:
        """Return once no renewal is under way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _renewed(self, refused: Token | None) -> Token:
        """Renew, to the end even when whoever asked gives up: the old token is dead by then."""
        task = asyncio.ensure_future(self._renew(refused))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Future[Token]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits is told; nobody else needs to be

    async def _renew(self, refused: Token | None) -> Token:
        async with self._keep.alone("refresh"):
            kept = _kept(await self._keep.get("token"))
            if self._token and (kept is None or kept.until < self._token.until):
                # It could not be written down when it came.
                kept = self._token
                await self._keep.put("token", kept.kept())
            # Another process may have been here before us: the old refresh token is dead then.
            if kept is not None and self._good(kept) and not _same(kept, refused):
                self._token = kept
                return kept
            self._token = await self._refresh(kept.refresh if kept else self._first)
            await self._keep.put("token", self._token.kept())
            return self._token

    def _good(self, token: Token | None) -> bool:
        return token is not None and self._clock() < token.until - EARLY

    async def _refresh(self, refresh: SecretStr) -> Token:
        id, secret = self._client
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh.get_secret_value(),
            "client_id": id,
        }
        try:
            async with self._session.post(
                self._url,
                data=form,
                headers={"Authorization": _basic(id, secret)},
                allow_redirects=False,
            ) as answer:
                status, headers, body = answer.status, answer.headers, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            name = type(error).__name__
            raise TryAgain(f"X gave no new token ({name})") from None
        return self._read(status, headers, body, old=refresh)

    def _read(
        self, status: int, headers: Mapping[str, str], body: bytes, *, old: SecretStr
    ) -> Token:
        now = self._clock()
        if status in (400, 401, 403):
            raise Barred(f"X refuses the refresh token or the client secret: {AGAIN}")
        if status != 200:
            after = retry_after(headers, now=now)
            raise TryAgain(f"X gave no new token (HTTP {status})", after=after)
        try:
            told = _Given.model_validate_json(body)
        except ValidationError:
            raise TryAgain("X gave no new token (its answer is none)") from None
        return Token(
            access=told.access_token,
            refresh=told.refresh_token or old,
            until=now + timedelta(seconds=told.expires_in),
            scope=told.scope,
        )


def authorization(client: str, *, verifier: str, state: str, direct: bool) -> str:
    """Return where an account's owner allows the app in; `verifier` proves later that we asked."""
    scopes = "tweet.read tweet.write users.read offline.access"
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode()
    query = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": REDIRECT,
        "scope": scopes + (" dm.read dm.write" if direct else ""),
        "state": state,
        "code_challenge": challenge.rstrip("="),
        "code_challenge_method": "S256",
    }
    return "https://x.com/i/oauth2/authorize?" + urlencode(query)


async def exchanged(
    session: aiohttp.ClientSession,
    *,
    url: str,
    client: tuple[str, SecretStr],
    code: str,
    verifier: str,
) -> SecretStr:
    """Return the refresh token X gives for a code; raises Refused when it gives none."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    headers = {"Authorization": _basic(*client)}
    try:
        async with session.post(
            url, data={**form, "redirect_uri": REDIRECT}, headers=headers, allow_redirects=False
        ) as answer:
            told = _Given.model_validate_json(await answer.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TryAgain(f"X cannot be reached ({type(error).__name__})") from None
    except ValidationError:
        told = None
    if told is None or told.refresh_token is None:
        raise Refused(
            "X gives no refresh token: the code was too old, the client secret is another app's, "
            f"or the app's callback is not {REDIRECT}"
        )
    return told.refresh_token


def _basic(id: str, secret: SecretStr) -> str:
    return "Basic " + base64.b64encode(f"{id}:{secret.get_secret_value()}".encode()).decode()


def _kept(value: str | None) -> Token | None:
    try:
        return Token.model_validate_json(value) if value else None
    except ValidationError:
        return None


def _same(token: Token, other: Token | None) -> bool:
    return other is not None and token.access == other.access
