"""What the strict Slack writes down while it runs: violations, calls, acknowledgements."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Violation:
    """Something the real Slack refuses or punishes; `detail` quotes no text of a message."""

    rule: str
    detail: str


@dataclass(frozen=True)
class Call:
    """One Web API call; `at` is time.monotonic() when it arrived, `error` what it was told."""

    method: str
    channel: str
    at: float
    error: str | None = None


@dataclass(frozen=True)
class Ack:
    """One acknowledgement and how many seconds the app took for it."""

    kind: str
    seconds: float


@dataclass
class Ledger:
    """Everything noted so far; `allowed` rules are noted as calls but are no violation."""

    allowed: set[str] = field(default_factory=set)
    violations: list[Violation] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    acked: asyncio.Event = field(default_factory=asyncio.Event)

    def ack(self, kind: str, *, seconds: float) -> None:
        """Note an acknowledgement in time."""
        self.acks.append(Ack(kind, seconds))
        self.acked.set()

    def violation(self, rule: str, detail: str) -> None:
        """Note that `rule` was broken, unless this run allows it."""
        if rule not in self.allowed:
            self.violations.append(Violation(rule, detail))


class Refusal(Exception):
    """Slack's answer `ok: false`; with a `rule` it is a violation too."""

    def __init__(
        self, error: str, *, rule: str | None = None, detail: str = "", **more: Any
    ) -> None:
        super().__init__(error)
        self.error, self.rule, self.detail = error, rule, detail
        self.answer = {"ok": False, "error": error, **more}


class RateLimited(Exception):
    """Slack's answer 429; `seconds` goes into Retry-After."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Buckets:
    """Token buckets that answer how long to wait, and note who does not wait."""

    _IN_FLIGHT = 0.1  # sent before the client could have read the 429
    _CLOCKS = 0.02

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._levels: dict[str, tuple[float, float]] = {}
        self._closed: dict[str, tuple[float, float]] = {}
        self.refused = 0

    def close(self, key: str, *, seconds: float) -> None:
        """Refuse `key` for so many seconds."""
        now = time.monotonic()
        self._closed[key] = (now, now + seconds)

    def take(self, key: str, *, burst: float, per_second: float) -> None:
        """Take one token of `key`; raises RateLimited where there is none."""
        now = time.monotonic()
        since, until = self._closed.get(key, (0.0, 0.0))
        if now < until - self._CLOCKS:
            if now > since + self._IN_FLIGHT:
                self._ledger.violation("retry_after", f"{key}: {until - now:.2f} s too early")
            self._refuse(until - now)
        level, before = self._levels.get(key, (burst, now))
        level = min(burst, level + (now - before) * per_second)
        self._levels[key] = (level, now)
        if level < 1 - self._CLOCKS:
            seconds = max(1.0, (1 - level) / per_second)
            self.close(key, seconds=seconds)
            self._refuse(seconds)
        self._levels[key] = (level - 1, now)

    def _refuse(self, seconds: float) -> None:
        self.refused += 1
        raise RateLimited(max(1, -int(-seconds // 1)))


class Triggers:
    """Trigger ids as Slack keeps them: good for 3 seconds, once."""

    SECONDS = 3.0

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._given: dict[str, float] = {}
        self._used: set[str] = set()

    def given(self, trigger: str) -> None:
        """Slack sent this trigger id to the app now."""
        self._given.setdefault(trigger, time.monotonic())

    def use(self, trigger: str) -> None:
        """The app uses it now; raises Refusal where Slack would not take it."""
        if trigger not in self._given:
            raise Refusal("invalid_trigger_id", rule="trigger", detail="unknown trigger_id")
        age = time.monotonic() - self._given[trigger]
        if age > self.SECONDS:
            raise Refusal("expired_trigger_id", rule="trigger", detail=f"{age:.1f} s old")
        if trigger in self._used:
            raise Refusal("exchanged_trigger_id", rule="trigger", detail="used before")
        self._used.add(trigger)
