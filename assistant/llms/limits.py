"""When a model is not asked at all: too many failures just now, or today's tokens are spent."""

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime

from assistant.errors import ModelUnusable
from assistant.llms import Reason, State

FAILURES = 5
WINDOW = 60.0
REST = 60.0

# These say that the endpoint is ill. The rest say something about one post, and must not open the
# breaker: five posts that a content filter dislikes would else silence the model for everybody.
ILL = frozenset(
    {
        Reason.DEADLINE,
        Reason.CONNECTION,
        Reason.RATE_LIMITED,
        Reason.QUOTA,
        Reason.SERVER,
        Reason.REJECTED,
        Reason.MALFORMED,
        Reason.EMPTY,
    }
)


def _utc_day() -> date:
    return datetime.now(UTC).date()


class Limits:
    """A breaker and a daily budget of tokens, both counted in this process.

    The breaker opens after `FAILURES` failures in `WINDOW` seconds with no success between them.
    `REST` seconds later one call may try: success closes the breaker, failure opens it anew.
    """

    def __init__(
        self,
        *,
        daily_tokens: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = _utc_day,
    ) -> None:
        """`daily_tokens` counts in and out together; `clock` gives seconds that never go back."""
        self._daily = daily_tokens
        self._clock = clock
        self._today = today
        self._failed: deque[float] = deque(maxlen=FAILURES)
        self._opened: float | None = None
        self._trying = False
        self._day = today()
        self._used = 0

    @property
    def state(self) -> State:
        """Say `budget` (today's tokens are spent), `degraded` (the breaker is open) or `up`."""
        if self._spent():
            return "budget"
        return "up" if self._opened is None else "degraded"

    def enter(self) -> bool:
        """Let a call begin, or raise `ModelUnusable`; True if it is the one that may try.

        Whoever enters must `release`, and `leave` before where the call came to an end. Calls
        under way together may overrun the budget a little.
        """
        if self._spent():
            raise ModelUnusable(Reason.BUDGET)
        if self._opened is None:
            return False
        if self._trying or self._clock() - self._opened < REST:
            raise ModelUnusable(Reason.BREAKER)
        self._trying = True
        return True

    def leave(self, outcome: Reason | None, *, trial: bool, tokens: int = 0) -> None:
        """Record how a call ended: None for well, else why not."""
        self._turn()
        self._used += tokens
        if outcome not in ILL:
            self._opened = None
            self._failed.clear()
        else:
            self._fail(trial=trial)

    def release(self, *, trial: bool) -> None:
        """Let another call try whether the endpoint is well again."""
        if trial:
            self._trying = False

    def _fail(self, *, trial: bool) -> None:
        now = self._clock()
        self._failed.append(now)
        full = len(self._failed) == FAILURES and now - self._failed[0] <= WINDOW
        if trial or (full and self._opened is None):
            self._opened = now

    def _spent(self) -> bool:
        self._turn()
        return self._daily is not None and self._used >= self._daily

    def _turn(self) -> None:
        if (today := self._today()) != self._day:
            self._day, self._used = today, 0
