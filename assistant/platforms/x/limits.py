"""X's published limits, kept by counting our own calls and by what its answers say."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)

AFTER = 60.0
"""Seconds to wait after a 429 that does not say how long."""


class Endpoint(NamedTuple):
    """A call of the API; `most` are its limits per user: so many calls in so much time.

    `fields` says which fields are asked for, by a key of `wire.FIELDS`.
    """

    method: str
    path: str
    most: tuple[tuple[int, timedelta], ...]
    fields: str = ""


# docs.x.com, "Rate limits", as of 2026-08-22; the lower number where two pages differ.
ENDPOINTS: Mapping[str, Endpoint] = {
    "me": Endpoint("GET", "/2/users/me", ((75, QUARTER),)),
    "mentions": Endpoint("GET", "/2/users/{id}/mentions", ((300, QUARTER),), "post"),
    "own": Endpoint("GET", "/2/users/{id}/tweets", ((900, QUARTER),), "post"),
    "search": Endpoint("GET", "/2/tweets/search/recent", ((300, QUARTER),), "post"),
    "look": Endpoint("GET", "/2/tweets/{id}", ((900, QUARTER),), "post"),
    "looks": Endpoint("GET", "/2/tweets", ((900, QUARTER),), "post"),
    "direct": Endpoint("GET", "/2/dm_events", ((15, QUARTER),), "dm"),
    "direct_with": Endpoint(
        "GET", "/2/dm_conversations/with/{participant_id}/dm_events", ((15, QUARTER),), "dm"
    ),
    "reply": Endpoint("POST", "/2/tweets", ((100, QUARTER), (10_000, DAY))),
    "delete": Endpoint("DELETE", "/2/tweets/{id}", ((50, QUARTER),)),
    "send": Endpoint(
        "POST",
        "/2/dm_conversations/with/{participant_id}/messages",
        ((15, QUARTER), (1_440, DAY)),
    ),
}
"""Every call Luister makes on X."""


class Windows:
    """How much of each limit is left to this process, and until when X told us to wait."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._calls: dict[str, deque[datetime]] = {}
        self._until: dict[str, datetime] = {}

    def wait(self, name: str) -> float:
        """Return the seconds until the next call of `name` is allowed; 0 for now."""
        now = self._clock()
        frees = [self._until.get(name, now)]
        calls = self._calls.setdefault(name, deque())
        for count, span in ENDPOINTS[name].most:
            recent = [at for at in calls if at > now - span]
            if len(recent) >= count:
                frees.append(recent[-count] + span)
        return max(0.0, (max(frees) - now).total_seconds())

    def took(self, name: str) -> None:
        """Count a call."""
        now = self._clock()
        calls = self._calls.setdefault(name, deque())
        longest = max(span for _, span in ENDPOINTS[name].most)
        while calls and calls[0] <= now - longest:
            calls.popleft()
        calls.append(now)

    def told(self, name: str, headers: Mapping[str, str]) -> None:
        """Take over what an answer says: with nothing remaining, wait until the reset."""
        for kind in ("x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour"):
            if headers.get(f"{kind}-remaining", "").strip() == "0":
                self._hold(name, _epoch(headers.get(f"{kind}-reset", ""), self._clock()))

    def refused(self, name: str, headers: Mapping[str, str], *, asked: float | None) -> float:
        """Take in a 429; return the seconds to wait. `asked` is what Retry-After said."""
        self.told(name, headers)
        now = self._clock()
        told = (self._until.get(name, now) - now).total_seconds()
        after = asked if asked is not None else told if told > 0 else AFTER
        self._hold(name, now + timedelta(seconds=after))
        return after

    def _hold(self, name: str, until: datetime | None) -> None:
        if until is not None:
            self._until[name] = max(until, self._until.get(name, until))


def _epoch(value: str, now: datetime) -> datetime | None:
    """Read a moment in seconds since 1970; one more than a day away is a clock gone wrong."""
    if not (value.isascii() and value.isdigit() and len(value) < 12):
        return None
    at = datetime.fromtimestamp(int(value), tz=now.tzinfo)
    return min(at, now + DAY)
