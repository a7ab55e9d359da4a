"""What many people write at the same time: posts that are nearly the same within an hour.

For an hour it holds, per post, the case, a keyed hash of who wrote it and a signature of its
words; no text, and nothing that is kept about a person.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from assistant.case import Alike
from assistant.store import Store, milliseconds
from assistant.store.link import translated

WINDOW = timedelta(hours=1)
ROWS = 3
"""Numbers that must agree in a row to be compared at all: of 8 rows, at 0.7 alike 96% do."""
SIMILAR = 0.6
"""Share of the numbers from which two posts count as nearly the same."""
MOST = 100
"""Posts of a row that are looked at, the newest: a flood must not slow itself down."""
NAMED = 3
"""Cases that are named; how many there are is counted."""


async def echoes(
    store: Store, *, case: str, author: str, signature: Sequence[int], now: datetime
) -> Alike | None:
    """Note a post and return which others of the last hour it nearly repeats, None if none.

    `author` is only told apart from others; the same case again counts once.
    """
    if not signature:
        return None
    by = store.hash("echo", author)
    member = f"{case} {by} {','.join(map(str, signature))}"
    start = milliseconds(now - WINDOW)
    async with translated(), store.redis.pipeline(transaction=False) as pipe:
        for key in _rows(store, signature):
            pipe.zadd(key, {member: milliseconds(now)})
            pipe.zremrangebyscore(key, "-inf", start - 1)
            pipe.pexpire(key, WINDOW)
            pipe.zrevrange(key, 0, MOST - 1, withscores=True)
        answers = await pipe.execute()
    # Posts that are the same stand in every row, each time as the same member.
    noted = {each: at for row in answers[3::4] for each, at in row}
    found = [
        (at, *each.split(" ")[:2])
        for each, at in noted.items()
        if not each.startswith(case + " ") and _likeness(signature, each) >= SIMILAR
    ]
    cases = dict.fromkeys(id for _, id, _ in sorted(found, reverse=True))
    if not cases:
        return None
    authors = {by, *(wrote for _, _, wrote in found)}
    return Alike(cases=tuple(cases)[:NAMED], count=len(cases) + 1, authors=len(authors))


async def first(store: Store, signature: Sequence[int]) -> bool:
    """Return whether nobody was told of these posts in the last hour; from now on somebody was."""
    async with translated(), store.redis.pipeline(transaction=True) as pipe:
        for key in _rows(store, signature):
            pipe.set(key + ":told", "1", px=WINDOW, get=True)
        return not any(await pipe.execute())


def _rows(store: Store, signature: Sequence[int]) -> list[str]:
    rows = [signature[at : at + ROWS] for at in range(0, len(signature), ROWS)]
    return [
        f"{store.keys.echoes}{number}:{store.hash('echoes', *map(str, row))}"
        for number, row in enumerate(rows)
    ]


def _likeness(one: Sequence[int], member: str) -> float:
    """Return the share of the numbers that agree with those in what is noted of another post."""
    numbers = map(int, member.rpartition(" ")[2].split(","))
    return sum(a == b for a, b in zip(one, numbers, strict=True)) / len(one)
