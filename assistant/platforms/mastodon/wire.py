"""Calls to a server that speaks Mastodon's API, its limits, its errors by what to do next."""

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr

from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain

CALL = 8.0
"""Seconds one call may take; the step that sends waits 10 s for all calls of one reply."""

Kind = Literal["any", "paging", "deleting"]
LIMITS: Mapping[Kind, tuple[int, timedelta]] = {
    "any": (300, timedelta(minutes=5)),
    "paging": (300, timedelta(minutes=15)),
    "deleting": (30, timedelta(minutes=30)),
}
"""Calls a token may make in so long a time (Mastodon: config/initializers/rack_attack.rb)."""

PLACES = frozenset(("min_id", "max_id"))
"""What makes a call one of paging."""

RESERVED = 5
"""One in so many of all calls is left by reading to looking and answering."""

AFTER = 60.0
"""Seconds to wait where a server says only that it is too much."""

LONGEST = 3600.0
"""Seconds we let ourselves be sent away for, whatever a server says."""

SILENCE = 60.0
"""Seconds without a sign after which a stream is broken; Mastodon sends one every 15."""

ABSENT = frozenset((400, 404, 405, 406, 410, 501))
"""How servers say that they have no such thing; GoToSocial wants a WebSocket and says 400."""

_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

Method = Literal["GET", "POST", "PUT", "DELETE"]
Params = Sequence[tuple[str, str]]


class Unwilling(Refused):
    """The server refused this one call for good, with this `status`."""

    def __init__(self, said: str, *, status: int) -> None:
        super().__init__(said)
        self.status = status


class Pace:
    """Counts calls against what is published and what is said; who comes too early is sent away."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._made: Mapping[Kind, deque[datetime]] = {kind: deque() for kind in LIMITS}
        self._said: tuple[int, int, datetime] | None = None

    def step(self, *kinds: Kind, reading: bool) -> None:
        """Count one more call; raises TryAgain when none is left, for reading a little earlier."""
        now = self._clock()
        if self._said is not None:
            limit, left, anew = self._said
            if anew <= now:
                self._said = None
            elif left <= (limit // RESERVED if reading else 0):
                raise TryAgain("the server's limit of calls", after=(anew - now).total_seconds())
        for kind in ("any", *kinds):
            self._wait(kind, now, reading=reading)
        for kind in ("any", *kinds):
            self._made[kind].append(now)

    def _wait(self, kind: Kind, now: datetime, *, reading: bool) -> None:
        """Raise TryAgain when no call of this kind is left."""
        (calls, span), made = LIMITS[kind], self._made[kind]
        while made and made[0] <= now - span:
            made.popleft()
        allowed = calls - (calls // RESERVED if reading and kind == "any" else 0)
        if len(made) >= allowed:
            after = made[len(made) - allowed] + span - now
            raise TryAgain("the published limit of calls", after=after.total_seconds())

    def told(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer says about the calls that are left."""
        limit, left = (headers.get(f"X-RateLimit-{each}", "") for each in ("Limit", "Remaining"))
        after = _after(headers)
        if limit.isdecimal() and left.isdecimal() and after is not None:
            anew = self._clock() + timedelta(seconds=after)
            self._said = int(limit), int(left), anew


class Wire:
    """One account's way to its server; `server` is its address, `token` what we may do there."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        server: str,
        token: SecretStr,
        clock: Callable[[], datetime],
        call: float = CALL,
    ) -> None:
        self._session = session
        self._server = server.rstrip("/")
        self._token = token
        self._clock = clock
        self._call = aiohttp.ClientTimeout(total=call)
        self._pace = Pace(clock)

    async def ask(
        self, path: str, *ids: str, params: Params = (), reading: bool = False
    ) -> dict[str, Any]:
        """Read one thing; each `*` in `path` stands for one of `ids`.

        Raises TryAgain for what passes, Unwilling, Barred. `reading` leaves some of the allowed
        calls to others.
        """
        self._pace.step(reading=reading)
        found = await self._send("GET", path, ids, params=params)
        if not isinstance(found, dict):
            raise TryAgain(f"GET {path}: the answer has another shape")
        return found

    async def list(
        self, path: str, *ids: str, params: Params = (), reading: bool = False
    ) -> list[Any]:
        """Read a list; raises as `ask` does."""
        paging: tuple[Kind, ...] = ("paging",) if any(key in PLACES for key, _ in params) else ()
        self._pace.step(*paging, reading=reading)
        found = await self._send("GET", path, ids, params=params)
        if not isinstance(found, list):
            raise TryAgain(f"GET {path}: the answer has another shape")
        return found

    async def tell(
        self,
        method: Method,
        path: str,
        *ids: str,
        data: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Write; raises TryAgain (surely not done), Doubtful, Unwilling, Barred."""
        deleting: tuple[Kind, ...] = ("deleting",) if method == "DELETE" else ()
        self._pace.step(*deleting, reading=False)
        found = await self._send(method, path, ids, data=data, key=key)
        if not isinstance(found, dict):
            raise Doubtful(f"{method} {path}: the answer has another shape")
        return found

    async def _send(
        self,
        method: Method,
        path: str,
        ids: Sequence[str],
        *,
        params: Params = (),
        data: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        said, writing = f"{method} {path}", method != "GET"
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        try:
            async with self._session.request(
                method,
                self._server + _filled(path, ids),
                params=list(params),
                json=data,
                headers=headers,
                timeout=self._call,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except _UNSENT as error:
            raise TryAgain(f"{said}: no connection") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unsure(f"{said}: {type(error).__name__}", writing=writing) from error
        if response.status < 400:
            # A refusal may be about one kind of call only, such as deleting.
            self._pace.told(response.headers)
        return self._told(said, response.status, response.headers, body, writing=writing)

    def _told(
        self, said: str, status: int, headers: Mapping[str, str], body: bytes, *, writing: bool
    ) -> Any:
        """Return the JSON of a good answer; the server's own sentence may quote, so it is left."""
        if status == 401:
            raise Barred(f"{said}: the access token is refused; make a new one on the server")
        if status == 429:
            after = _after(headers)
            raise TryAgain(f"{said}: too many calls", after=AFTER if after is None else after)
        if 300 <= status < 400:
            raise Unwilling(f"{said}: the server answers from another address", status=status)
        if status == 408 or (status >= 500 and status != 501):
            raise _unsure(f"{said}: status {status}", writing=writing)
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            # Whatever stands before the server may refuse too; that is no word about a post.
            raise _unsure(f"{said}: status {status} without JSON", writing=writing) from None
        if status >= 400:
            raise Unwilling(f"{said}: status {status}", status=status)
        return found

    async def events(self, server: str | None, path: str) -> aiohttp.ClientResponse:
        """Open a stream of events; the caller closes it. Raises as `ask` does.

        It is at `server` where the token is as safe there as on its own server.
        """
        if server is None or (self._server.startswith("https:") and server.startswith("http:")):
            server = self._server
        wait = aiohttp.ClientTimeout(total=None, sock_connect=CALL, sock_read=SILENCE)
        try:
            response = await self._session.get(
                server + path,
                headers=self.headers,
                timeout=wait,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryAgain(f"GET {path}: {type(error).__name__}") from error
        if response.status == 200 and response.content_type == "text/event-stream":
            return response
        response.close()
        if response.status in ABSENT or response.status == 200:
            raise Unwilling(f"GET {path}: status {response.status}", status=404)
        self._told(f"GET {path}", response.status, response.headers, b"", writing=False)
        raise TryAgain(f"GET {path}: status {response.status}")

    @property
    def headers(self) -> dict[str, str]:
        """What every call carries."""
        token = self._token.get_secret_value()
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def _filled(path: str, ids: Sequence[str]) -> str:
    for each in ids:
        path = path.replace("*", quote(each, safe=""), 1)
    return path


def _unsure(said: str, *, writing: bool) -> LuisterError:
    """Return the error after a call of which nobody knows how it went."""
    return Doubtful(said) if writing else TryAgain(said)


def _after(headers: Mapping[str, str]) -> float | None:
    """Return in how many seconds calls are allowed again, if the server says so.

    Mastodon names the moment (ISO 8601) by its own clock, which its Date header tells.
    """
    with suppress(ValueError):
        seconds = float(headers.get("Retry-After", ""))
        if isfinite(seconds):
            return min(max(seconds, 0.1), LONGEST)
    try:
        moment = datetime.fromisoformat(headers.get("X-RateLimit-Reset", ""))
        now = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.1), LONGEST)
