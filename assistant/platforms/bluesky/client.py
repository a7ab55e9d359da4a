"""Calls to a Bluesky server: its session, its limits, and its errors told by what to do next."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
from atproto import AsyncClient, AsyncRequest, Session  # type: ignore[import-untyped]
from atproto.exceptions import (  # type: ignore[import-untyped]
    AtProtocolError,
    RateLimitExceededError,
    RequestErrorBase,
)
from atproto_client.models.dot_dict import DotDict  # type: ignore[import-untyped]
from pydantic import SecretStr

from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.platforms import Keep
from assistant.platforms.bluesky.pace import Pace

CALL = 8.0
"""Seconds for one call; the step that sends waits 10 s for all calls of one reply."""

CALLS, SPAN = 2400, 300.0
"""Of the 3,000 calls in 5 minutes that a server allows one address, what we take at most."""

LOGINS, LOGINS_SPAN = 10, timedelta(hours=1)
"""Logins with the password we allow ourselves: a server takes 30 in 5 minutes and 300 a day."""

REFUSED_FOR = 360.0
"""Seconds in which a refused password is not tried again; ten tries an hour stay below LOGINS."""

_STALE = ("ExpiredToken", "InvalidToken")
_CODE = re.compile(r"[A-Za-z]{1,40}")
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Unwilling(Refused):
    """The server refused this one call for good; `code` is its name for the reason."""

    def __init__(self, said: str, *, code: str) -> None:
        super().__init__(said)
        self.code = code


class _Stale(LuisterError):
    """The session is over; nothing was done."""


class Client:
    """One account's way to its server; it logs in at the first call and keeps the session."""

    def __init__(
        self,
        *,
        service: str,
        handle: str,
        password: SecretStr,
        variable: str,
        keep: Keep,
        clock: Callable[[], datetime],
    ) -> None:
        self._handle = handle.removeprefix("@")
        self._password = password
        self._variable = variable
        self._keep = keep
        self._clock = clock
        # A session is good only on the server that gave it.
        self._place = f"session:{service}"
        self._request = AsyncRequest(timeout=CALL)
        self._sdk = AsyncClient(service, request=self._request)
        self._held: str | None = None
        self._pace = Pace(CALLS, SPAN, time=asyncio.get_running_loop().time)
        self._refused: tuple[float, Barred] | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._request.close()

    async def me(self) -> str:
        """Return our account's DID."""
        if self._held is None:
            await self._renew(None)
        return str(Session.decode(self._held).did)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Read; raises TryAgain for what passes, Unwilling, Barred."""
        return await self._signed(method, params, writing=False)

    async def tell(self, method: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Write; raises TryAgain (surely not done), Doubtful, Unwilling, Barred."""
        return await self._signed(method, data, writing=True)

    async def _signed(
        self, method: str, values: Mapping[str, Any], *, writing: bool
    ) -> dict[str, Any]:
        """Call with our session; when it is over, once more with a new one."""
        if self._held is None:
            await self._renew(None)
        held = self._held
        try:
            return await self._call(method, values, writing=writing)
        except _Stale:
            await self._renew(held)
        try:
            return await self._call(method, values, writing=writing)
        except _Stale:
            raise Barred(f"{method}: the server refuses a session it just gave") from None

    async def _call(
        self,
        method: str,
        values: Mapping[str, Any],
        *,
        writing: bool,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        await self._pace.step()
        held = DotDict(dict(values)) if values else None
        further: dict[str, Any] = {"headers": dict(headers)} if headers else {}
        if writing and values:
            further["input_encoding"] = "application/json"
        try:
            if writing:
                # The SDK's own check would renew the session behind our back.
                response = await self._sdk.invoke_procedure(
                    method, data=held, ignore_session_check=True, **further
                )
            else:
                response = await self._sdk.invoke_query(
                    method, params=held, ignore_session_check=True
                )
        except RequestErrorBase as error:
            raise self._told(method, error, writing=writing) from error
        except (httpx.HTTPError, AtProtocolError, ValueError) as error:
            raise _unsure(f"{method}: {type(error).__name__}", writing=writing) from error
        if not isinstance(response.content, dict):
            raise _unsure(f"{method}: the answer is not JSON", writing=writing)
        return response.content

    def _told(self, method: str, error: Any, *, writing: bool) -> LuisterError:
        """Translate an SDK's error; the server's own sentence is left out, it may quote a post."""
        if error.response is None:
            said = f"{method}: {type(error).__name__}"
            unsent = isinstance(error.__cause__, _UNSENT)
            return TryAgain(said) if unsent else _unsure(said, writing=writing)
        status, code = error.response.status_code, _code(error.response.content)
        said = f"{method}: {status} {code}".rstrip()
        if isinstance(error, RateLimitExceededError):
            return TryAgain(said, after=self._after(error))
        if status >= 500 or status == 408:
            return _unsure(said, writing=writing)
        if status == 403:
            return Barred(f"{said}: our account may not do this")
        stale = status == 401 or code in _STALE
        return _Stale(said) if stale else Unwilling(said, code=code)

    def _after(self, error: Any) -> float | None:
        """Return the seconds a 429 asks us to wait: retry-after, else until the limit's reset."""
        with suppress(ValueError, OverflowError, OSError):  # a reset beyond any calendar
            if error.retry_after is not None:
                return float(error.retry_after)
            if error.reset_at is not None:
                return float(max((error.reset_at - self._clock()).total_seconds(), 1.0))
        return None

    async def _renew(self, stale: str | None) -> None:
        """Get another session than `stale`: another process's, a refreshed one, a new one."""
        async with self._keep.alone(self._place):
            kept = await self._keep.get(self._place)
            if kept is not None and kept != stale and await self._adopted(kept):
                return
            if kept is not None and kept == stale and await self._refreshed(kept):
                return
            await self._logged_in()

    async def _adopted(self, session: str) -> bool:
        try:
            await self._sdk.login(session_string=session, fetch_bsky_profile=False)
        except (AtProtocolError, ValueError):
            return False
        self._held = session
        return True

    async def _refreshed(self, kept: str) -> bool:
        old = Session.decode(kept)
        try:
            new = await self._call(
                "com.atproto.server.refreshSession",
                {},
                writing=True,
                headers={"Authorization": f"Bearer {old.refresh_jwt}"},
            )
            session = Session(
                handle=str(new["handle"]),
                did=str(new["did"]),
                access_jwt=str(new["accessJwt"]),
                refresh_jwt=str(new["refreshJwt"]),
                pds_endpoint=old.pds_endpoint,
            )
        except (_Stale, Refused, KeyError):
            return False
        except Doubtful as error:
            raise TryAgain(str(error)) from error
        return await self._keep_it(session.encode())

    async def _keep_it(self, session: str) -> bool:
        if not await self._adopted(session):
            return False
        await self._keep.put(self._place, session)
        return True

    async def _logged_in(self) -> None:
        loop = asyncio.get_running_loop()
        if self._refused and loop.time() < self._refused[0] + REFUSED_FOR:
            raise Barred(str(self._refused[1]))
        await self._counted()
        try:
            await self._sdk.login(
                self._handle, self._password.get_secret_value(), fetch_bsky_profile=False
            )
        except RequestErrorBase as error:
            told = self._told("com.atproto.server.createSession", error, writing=False)
            if isinstance(told, TryAgain):
                raise told from error
            barred = Barred(
                f"{told}; make an app password for {self._handle} in Bluesky's settings and put"
                f" it in {self._variable}"
            )
            self._refused = (loop.time(), barred)
            raise barred from error
        except (httpx.HTTPError, AtProtocolError, ValueError) as error:
            raise TryAgain(f"com.atproto.server.createSession: {type(error).__name__}") from error
        self._refused = None
        self._held = str(self._sdk.export_session_string())
        await self._keep.put(self._place, self._held)

    async def _counted(self) -> None:
        """Count a login, over all processes; raises TryAgain when we made enough of them."""
        name, now = f"logins:{self._place}", self._clock()
        read = json.loads(await self._keep.get(name) or "[]")
        made = [each for each in read if datetime.fromisoformat(each) > now - LOGINS_SPAN]
        if len(made) >= LOGINS:
            oldest = datetime.fromisoformat(made[0])
            raise TryAgain(
                f"{LOGINS} logins within {LOGINS_SPAN}: the session is lost again and again",
                after=(oldest + LOGINS_SPAN - now).total_seconds(),
            )
        await self._keep.put(name, json.dumps([*made, now.isoformat()]))

    @property
    def scope(self) -> str | None:
        """What the session may do, in the server's word for it."""
        return str(Session.decode(self._held).access_jwt_payload.scope) if self._held else None


def _code(content: Any) -> str:
    """Return the server's name for an error; anything but one word is none."""
    name = getattr(content, "error", None)
    return name if isinstance(name, str) and _CODE.fullmatch(name) else ""


def _unsure(said: str, *, writing: bool) -> LuisterError:
    """Reading again harms nothing; writing again might."""
    return Doubtful(said) if writing else TryAgain(said)
