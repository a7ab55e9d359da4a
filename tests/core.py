"""A small town for the core's tests: its configuration, its clock, its posts and cases."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from assistant.case import Actor, Case, Draft, Event, Kind, Post, Reply, Triage, record_key
from assistant.config import (
    DAYS,
    About,
    Department,
    Hours,
    Official,
    Organisation,
    Person,
    ReplayAccount,
)
from assistant.listen import take
from assistant.platforms import Arrival, Platform
from assistant.store import Decision, Delivery, Seen, Store, Work

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALWAYS = Hours(days=DAYS, opens=time(0), closes=time(23, 59))
ACK = Delivery(step="send", entry="0-1")
WRITER = Actor(chat_user="UANNA", name="Anna Bakker", initials="AB")

TOWN = Organisation(
    organisation=About(id="town", name="Town", hosts=("town.example",)),
    accounts=(ReplayAccount(platform="replay", handle="@town"),),
    triage_channel="CTRIAGE",
    supervisors_channel="CSUPER",
    departments=(
        Department(id="waste", name="Waste", channel="CWASTE", subjects=("bin",), hours=ALWAYS),
        Department(
            id="care",
            name="Care",
            channel="CCARE",
            subjects=("care",),
            hours=ALWAYS,
            approval=True,
        ),
    ),
    people=(
        Person(chat_user="UANNA", name="Anna Bakker", initials="AB"),
        Person(chat_user="UBRAM", name="Bram de Wit", initials="BW", departments=("waste",)),
        Person(chat_user="UCARE", name="Cato Zorg", initials="CZ", departments=("care",)),
        Person(
            chat_user="UERIK",
            name="Erik Hoek",
            initials="EH",
            role="approver",
            departments=("care",),
        ),
        Person(chat_user="UFATMA", name="Fatma Yilmaz", initials="FY", role="reader"),
        Person(chat_user="USAM", name="Samira Haddad", initials="SH", role="supervisor"),
    ),
    officials=(Official(name="Mayor Linde", called=("mayor",), channel="CMAYOR"),),
)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def ahead(self, **by: float) -> datetime:
        """Move the clock; return the new moment."""
        self.now += timedelta(**by)
        return self.now


def post(id: str = "p1", **changes: Any) -> Post:
    """Return a citizen's post."""
    values: dict[str, Any] = {
        "platform": "replay",
        "account": "@town",
        "id": id,
        "root": id,
        "author": "did:citizen",
        "handle": "@Henk_de_Burger",
        "text": "When will the bins be emptied?",
        "created_at": START,
        "addressed": "mention",
        "url": f"https://social.example/{id}",
    }
    return Post(**values | changes)


def arrival(id: str = "p1", *, event: str = "new", **changes: Any) -> Arrival:
    """Return the arrival of a post."""
    return Arrival.model_validate({"event": event, "post": post(id, **changes)})


def triaged(department: str | None = "waste", **changes: Any) -> Event:
    """Return the event that a case was triaged."""
    values: dict[str, Any] = {
        "label": "question",
        "department": department,
        "language": "en",
        "advice": "answer",
        "rule": 3,
        "reason": "a question about bins",
        "by": "rules",
    }
    return Event(kind=Kind.TRIAGED, at=START, triage=Triage(**values | changes))


def drafted(text: str = "Thank you for telling us!", *, id: str = "d1", **changes: Any) -> Event:
    """Return the event that a suggestion was made."""
    values: dict[str, Any] = {"id": id, "text": text, "origin": "template", "revision": 1}
    draft = Draft(**values | changes)
    return Event(kind=Kind.DRAFTED, at=START, draft=draft)


def reply_to(
    case: Case, text: str = "Thank you for telling us! ^AB", *, now: datetime = START
) -> Reply:
    """Return a reply to the newest post, due at once."""
    id = f"reply-{case.id}-{case.revision}"
    return Reply(
        id=id,
        target=case.post.id,
        text=text,
        key="luister-" + id,
        record_key=record_key(id, now),
        created_at=now,
        due=now,
        by=WRITER,
    )


async def add(store: Store, case: str, *events: Event, now: datetime = START, **more: Any) -> Case:
    """Record events in a case and return it."""
    recorded = await store.decide(case, lambda _: Decision(events=events, **more), now=now)
    assert recorded.case is not None
    return recorded.case


async def new_case(store: Store, id: str = "p1", *, now: datetime = START, **changes: Any) -> str:
    """Take in a first post; return its case's id."""
    assert await take(store, arrival(id, **changes), now=now) == "new"
    known = await store.seen(store.mark("replay", id))
    assert known is not None
    return known[0]


async def open_case(store: Store, id: str = "p1", *, department: str = "waste", **more: Any) -> str:
    """Bring a case to `open` with a suggestion."""
    case = await new_case(store, id, **more)
    presented = Event(kind=Kind.PRESENTED, at=START)
    await add(store, case, triaged(department), drafted(), presented)
    return case


async def queued_case(
    store: Store, id: str = "p1", *, text: str = "Thank you for telling us! ^AB"
) -> str:
    """Bring a case to `queued`, due at once, as Send does."""
    case = await open_case(store, id)
    held = (await store.load(case)).case
    assert held is not None
    approved = Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply_to(held, text))
    await add(store, case, approved, work=(Work(step="send"),))
    return case


def platforms(*each: Platform) -> dict[tuple[str, str], Platform]:
    """Return platforms as the steps want them."""
    return {("replay", one.account): one for one in each}


def seen_of(store: Store, each: Post) -> Seen:
    """Return what the index keeps of a post that begins a thread."""
    mark = store.mark(each.platform, each.id)
    return Seen(post=mark, text=each.text, new=True, thread=mark, members=(mark,))
