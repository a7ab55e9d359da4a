"""What cases taught the search: words by which an approved answer is found, until erased."""

from pydantic import TypeAdapter

from assistant.case import Alias
from assistant.store import Store
from assistant.store.link import translated

_LISTED = TypeAdapter(tuple[Alias, ...])


async def learned(store: Store) -> tuple[tuple[str, Alias], ...]:
    """Return (case, alias) of all that colleagues taught, oldest first.

    The index holds a field for each case, written in the step that records the case's events.
    """
    async with translated():
        rows = await store.redis.hgetall(store.keys.aliases)
    found = [(case, each) for case, row in rows.items() for each in _LISTED.validate_json(row)]
    return tuple(sorted(found, key=lambda one: (one[1].at, one[0], one[1].phrase)))


async def teachers(store: Store) -> set[str]:
    """Return the ids of the cases that taught something."""
    async with translated():
        return set(await store.redis.hkeys(store.keys.aliases))
