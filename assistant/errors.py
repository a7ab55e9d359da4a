"""Errors by what to do next.

LuisterError
├── Misconfigured        an administrator mends the configuration; `mistakes` lists all of them
├── StoreUnavailable     the store is away; wait and try again, nothing was decided
├── Conflict             the case moved since it was read; read it and decide again
├── NotAllowed           this person may not do this, or not now; tell them `why` (a key of Words)
├── BadInput             what arrived cannot be understood; quarantine it
├── ModelUnusable        the model gave nothing usable; go on without it
├── TryAgain             the outside service surely did NOT do it; try again after `after` seconds
├── Doubtful             the outside service MAY have done it; look before anything else
└── Refused              the outside service refused for good; a person must look
    └── Barred           it refuses everything here (channel, token): keep all of it waiting
"""

from collections.abc import Iterable
from typing import Any


class LuisterError(Exception):
    """Base of everything Luister raises on purpose."""


class Misconfigured(LuisterError):
    """Mistakes in what an administrator wrote; each says file, key and what to do."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes: tuple[str, ...] = mistakes

    @classmethod
    def raise_any(cls, mistakes: Iterable[str]) -> None:
        """Raise with all `mistakes` together, or return when there are none."""
        if found := tuple(mistakes):
            raise cls(*found)


class StoreUnavailable(LuisterError):
    """The store did not answer; a write may have been taken: say the same command again."""


class Conflict(LuisterError):
    """The case's version is no longer the one that was read."""


class NotAllowed(LuisterError):
    """A person's act is refused; `why` is a key of `Words` and `values` fill its sentence."""

    def __init__(self, why: str, **values: Any) -> None:
        super().__init__(why)
        self.why = why
        self.values = values


class BadInput(LuisterError):
    """A payload that no parser understands; the message never quotes the payload."""


class ModelUnusable(LuisterError):
    """The model answered nothing usable; the message is a reason code, never text of a post."""


class TryAgain(LuisterError):
    """The service surely did nothing; `after` is how long it asked us to wait, in seconds."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Doubtful(LuisterError):
    """The service may or may not have done it: a time-out, a cut answer, a 5xx."""


class Refused(LuisterError):
    """The service refused for good (403, 404, 422); trying again cannot help."""


class Barred(Refused):
    """The channel or the token as a whole is refused; the message says what to mend."""


def place_of(error: BaseException) -> str:
    """Return an error's type and place, never its message, which may quote a citizen."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    at = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} in {at}"
