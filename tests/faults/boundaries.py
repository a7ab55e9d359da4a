"""Every effect on the outside passes here, so that a process can end right before or after it."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from assistant.store import Store
from tests.faults.chat import WireChat

T = TypeVar("T")

QUIET = frozenset({"hold", "keep", "release"})
"""Scripts on leases: they happen all the time and no case depends on them."""

WRITES = frozenset({"ZADD", "SADD", "SET", "HSET", "HSETNX", "HDEL", "XADD", "XACK", "DEL", "ZREM"})
"""Redis commands that change something, where they are not inside a script."""

Sign = Callable[[], None]


class Boundaries:
    """Counts what passes, and acts at the one place it was told.

    `at` is `NAME:COUNT`; a name is `record.before`, `reply.after` ..., or `*` for any.
    """

    def __init__(self, at: str | None, *, sign: Sign) -> None:
        name, _, count = (at or "-:0").partition(":")
        self._name, self._left = name, int(count)
        self._sign = sign

    async def around(self, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Have the effect, passing a boundary on either side of it."""
        self.pass_by(name + ".before")
        result = await effect()
        self.pass_by(name + ".after")
        return result

    def pass_by(self, name: str) -> None:
        if self._name in ("*", name):
            self._left -= 1
            if self._left == 0:
                self._sign()


def die() -> None:
    """End this process as `kill -9` would."""
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_like_the_dead() -> None:
    """Freeze this process until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def watch_store(store: Store, boundaries: Boundaries) -> None:
    """Let every write of `store` pass by `boundaries`."""
    script, redis = store.script, store.redis

    async def watched(name: str, keys: Any, *args: Any) -> Any:
        if name in QUIET:
            return await script(name, keys, *args)
        return await boundaries.around(name, lambda: script(name, keys, *args))

    store.script = watched  # type: ignore[assignment]
    store.redis = _WatchedRedis(redis, boundaries)


class _WatchedRedis:
    def __init__(self, redis: Any, boundaries: Boundaries) -> None:
        self._redis = redis
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._redis, name)
        if name.upper() not in WRITES:
            return found
        return lambda *args, **options: self._boundaries.around(
            name, lambda: found(*args, **options)
        )

    def pipeline(self, transaction: bool = True) -> Any:
        pipe = self._redis.pipeline(transaction=transaction)
        execute = pipe.execute

        async def watched() -> Any:
            names = [str(each[0][0]).upper() for each in pipe.command_stack]
            written = next((each for each in names if each in WRITES), None)
            if written is None:
                return await execute()
            return await self._boundaries.around(written.lower(), execute)

        pipe.execute = watched
        return pipe


class WatchedChat:
    """The chat with a boundary on either side of every call."""

    def __init__(self, chat: WireChat, boundaries: Boundaries) -> None:
        self._chat = chat
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._chat, name)
        return lambda *args, **options: self._boundaries.around(
            name, lambda: found(*args, **options)
        )


def watch_platform(platform: Any, boundaries: Boundaries) -> None:
    """Let every call to `platform` pass by `boundaries`; it keeps its abilities."""
    for name in ("look", "reply", "replies_under"):
        if hasattr(platform, name):
            setattr(platform, name, _around(name, getattr(platform, name), boundaries))


def _around(
    name: str, call: Callable[..., Awaitable[Any]], boundaries: Boundaries
) -> Callable[..., Awaitable[Any]]:
    async def watched(*args: Any) -> Any:
        return await boundaries.around(name, lambda: call(*args))

    return watched
