"""What a page of X holds, cut into records that each stand alone; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from assistant.platforms.x.parsing import ABOVE, EPOCH
from assistant.platforms.x.prices import Kind

Item = dict[str, Any]


class Source(NamedTuple):
    """One list of X, newest first: X keeps the `most` newest of it, and for so many `days`.

    A page holds from `least` to `page` of them.
    """

    name: str
    price: Kind
    most: int | None = None
    days: timedelta | None = None
    least: int = 5
    page: int = 100
    fixed: Mapping[str, str] = {}


@dataclass
class Run:
    """A reading of one source that may be interrupted between two pages.

    It began at `began` and goes back to the id `since`, or to the moment `start`.
    """

    since: str | None = None
    began: datetime = EPOCH
    start: datetime = EPOCH
    items: list[Item] = field(default_factory=list)
    includes: dict[str, dict[str, Item]] = field(default_factory=dict)
    next: str | None = None
    done: bool = False


def record(source: Source, run: Run, item: Item, me: str) -> Item:
    """Return one record as `parse` takes it: an item and only what it refers to."""
    attached = item.get("attachments")
    keys = listed(attached, "media_keys") if isinstance(attached, dict) else []
    media = [each for key, each in run.includes.get("media", {}).items() if key in keys]
    people = run.includes.get("users", {})
    if source.name == "direct":
        users = [people[id] for id in {str(item.get("sender_id"))} if id in people]
        parent = _before(run, item, me)
        told = {"event": item, "includes": {"users": users, "media": media}}
        return {"me": me, **told, **({"parent": parent} if parent else {})}
    known = run.includes.get("posts", {})
    posts: dict[str, Item] = {}
    waiting = _referred(item)
    while waiting and len(posts) <= ABOVE + 1:
        id = waiting.pop()
        if id in known and id not in posts:
            posts[id] = known[id]
            waiting += _referred(known[id])
    named = {str(each.get(key)) for each in (item, *posts.values()) for key in _PEOPLE}
    users = [people[id] for id in sorted(named) if id in people]
    return {
        "me": me,
        "post": item,
        "includes": {"users": users, "posts": list(posts.values()), "media": media},
    }


_PEOPLE = ("author_id", "in_reply_to_user_id")


def merge(into: dict[str, dict[str, Item]], page: Item) -> dict[Kind, set[str]]:
    """Take over what a page refers to; return the posts and people X may count for it."""
    includes = page.get("includes")
    includes = includes if isinstance(includes, dict) else {}
    posts = by_id([*listed(includes, "posts"), *listed(includes, "tweets")])
    users = by_id(listed(includes, "users"))
    for kind, several in (("posts", posts), ("users", users)):
        into.setdefault(kind, {}).update(several)
    into.setdefault("media", {}).update(by_id(listed(includes, "media"), key="media_key"))
    own = ids(page, "data")
    return {"post_read": posts.keys() - own, "user_read": set(users)}


def silent(item: Item) -> bool:
    """Say whether this is a repost, or a sign in a conversation that is no message."""
    kinds = {each.get("type") for each in _refs(item)}
    return "retweeted" in kinds or item.get("event_type", "MessageCreate") != "MessageCreate"


def _refs(item: Item) -> list[Item]:
    several = [*listed(item, "referenced_posts"), *listed(item, "referenced_tweets")]
    return [each for each in several if isinstance(each, dict)]


def _referred(item: Item) -> list[str]:
    return [str(each.get("id")) for each in _refs(item) if each.get("type") != "retweeted"]


def _answered(item: Item) -> str | None:
    ids = (each.get("id") for each in _refs(item) if each.get("type") == "replied_to")
    return next((each for each in ids if isinstance(each, str)), None)


def lacking(run: Run) -> list[str]:
    """Return the ids of posts that are referred to and not yet read, of posts not yet full."""
    known, gone = run.includes.get("posts", {}), run.includes.get("gone", {})
    lacking: dict[str, None] = {}
    for item in run.items:
        if silent(item):
            continue
        below, steps = item, 0
        while steps < ABOVE:
            at = _answered(below)
            if at is None or at in gone:
                break
            if at not in known:
                lacking[at] = None
                break
            below, steps = known[at], steps + 1
    return list(lacking)


def _before(run: Run, item: Item, me: str) -> str | None:
    """Return the message this one answers, as far as X lists it: the last by the other side.

    Where the citizen writes twice, or we do, it is the last one at all.
    """
    sender, conversation = item.get("sender_id"), item.get("dm_conversation_id")
    earlier = [
        each
        for each in run.includes.get("events", {}).values()
        if each.get("dm_conversation_id") == conversation and 0 < number(each) < number(item)
    ]
    others = [each for each in earlier if (each.get("sender_id") == me) != (sender == me)]
    return str(max(map(number, others or earlier))) if earlier else None


def newest(run: Run) -> str:
    return str(max(number(each) for each in run.items))


def number(item: Item) -> int:
    id = item.get("id")
    return int(id) if isinstance(id, str) and id.isascii() and id.isdigit() else 0


def listed(told: Mapping[str, Any], key: str) -> list[Any]:
    several = told.get(key)
    return several if isinstance(several, list) else []


def by_id(several: Iterable[Any], *, key: str = "id") -> dict[str, Item]:
    return {str(each[key]): each for each in several if isinstance(each, dict) and key in each}


def ids(page: Item, key: str) -> set[str]:
    includes = page.get("includes")
    told = page if key == "data" else includes if isinstance(includes, dict) else {}
    return set(by_id(listed(told, key)))
