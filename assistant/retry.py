"""The one retry policy: nothing else in Luister, and no SDK under it, tries a call again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

# Full jitter, 0.4 s doubled up to 4 s (AWS Architecture Blog, "Exponential Backoff and Jitter").
_BACKOFF = wait_random_exponential(multiplier=0.4, max=4)

Sleep = Callable[[float], Awaitable[None]]


def retrying(
    *,
    attempts: int = 3,
    within: float,
    retry_on: Callable[[BaseException], bool],
    asked: Callable[[BaseException], float | None] = lambda exc: None,
    sleep: Sleep = asyncio.sleep,
) -> AsyncRetrying:
    """Give tenacity's loop: `async for attempt in retrying(...): with attempt: ...`.

    Tries at most `attempts` times and begins no attempt later than `within` seconds after the
    first; `asked` reads from an error how long the service asked to wait. The last error is
    raised as it is. Tests pass a `sleep` that does not.
    """

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wish = asked(error) if error else None
        return _BACKOFF(state) if wish is None else wish

    return AsyncRetrying(
        stop=stop_after_attempt(attempts) | stop_before_delay(within),
        wait=wait,
        retry=retry_if_exception(retry_on),
        sleep=sleep,
        reraise=True,
    )


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read `Retry-After` (RFC 9110 §10.2.3: seconds or a date) in seconds from `now`, or None."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None
