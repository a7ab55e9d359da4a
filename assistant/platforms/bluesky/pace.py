"""Keep the number of calls below what a server allows."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Pace:
    """At most `calls` in any `seconds`; whoever comes too early waits."""

    def __init__(
        self,
        calls: int,
        seconds: float,
        *,
        time: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._calls = calls
        self._seconds = seconds
        self._time = time
        self._sleep = sleep
        self._made: deque[float] = deque()

    async def step(self) -> None:
        """Return when one more call may be made, and count it."""
        while True:
            now = self._time()
            while self._made and self._made[0] <= now - self._seconds:
                self._made.popleft()
            if len(self._made) < self._calls:
                self._made.append(now)
                return
            await self._sleep(self._made[0] + self._seconds - now)
