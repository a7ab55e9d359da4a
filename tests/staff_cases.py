"""Cases in every state, made by events as in real life, for the tests of what staff see."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from assistant.answers import Answer
from assistant.card import Card
from assistant.case import (
    Actor,
    Alias,
    Case,
    Draft,
    Event,
    Kind,
    Post,
    Remote,
    Reply,
    Rewriting,
    State,
    Triage,
    evolve,
)
from assistant.config import About, Department, Model, Official, Organisation, Person, ReplayAccount
from assistant.platforms import Platform
from assistant.present import card_of
from assistant.testing import FakePlatform
from assistant.words import Words

NOON = datetime(2026, 11, 22, 9, 41, 5, tzinfo=UTC)
"""10:41:05 in Amsterdam."""

ANNA = Actor(chat_user="U1", name="Anna Bakker", initials="AB")
PIET = Actor(chat_user="U2", name="Piet Prins", initials="PP")
LINK = "https://social.example/@waterstad/99"
OUTSIDE = "https://social.example/@waterstad/77"
"""Where our reply stands, and where an answer that was given outside Luister does."""

ANSWER = Answer(
    id="grofvuil",
    department="afval",
    title="Grofvuil laten ophalen",
    aliases=("bank weg",),
    sources=("https://www.waterstad.example/grofvuil",),
    owner="Team Afval",
    valid_until=date(2027, 12, 31),
    short="Maak een afspraak.",
    long="Maak eerst een afspraak.",
    path="grofvuil.md",
)

ORGANISATION = Organisation(
    organisation=About(id="waterstad", name="Gemeente Waterstad"),
    accounts=(ReplayAccount(platform="replay", handle="@waterstad"),),
    triage_channel="C0",
    supervisors_channel="C9",
    departments=(
        Department(id="afval", name="Afval", channel="C1", subjects=("afval",)),
        Department(id="parkeren", name="Parkeren", channel="C2", subjects=("parkeren",)),
    ),
    people=(Person(chat_user="U1", name="Anna Bakker", initials="AB", role="supervisor"),),
    officials=(Official(name="Burgemeester Vos", called=("burgemeester",), channel="C3"),),
    answers=(ANSWER,),
)
WITH_MODEL = ORGANISATION.model_copy(update={"model": Model(name="gpt")})


def at(minutes: float) -> datetime:
    """Return a moment so many minutes after NOON."""
    return NOON + timedelta(minutes=minutes)


def post(id: str = "p1", **changes: Any) -> Post:
    """Return a citizen's public mention."""
    kept: dict[str, Any] = {
        "platform": "mastodon",
        "account": "@waterstad",
        "id": id,
        "root": "p1",
        "author": "citizen-1",
        "handle": "@jan",
        "text": "Wanneer wordt mijn bank opgehaald?",
        "created_at": NOON,
        "addressed": "mention",
        "url": "https://social.example/@jan/1",
    }
    return Post(**kept | changes)


def triage(**changes: Any) -> Triage:
    """Return a verdict of the fixed rules: answer this question."""
    kept: dict[str, Any] = {
        "label": "question",
        "department": "afval",
        "language": "nl",
        "advice": "answer",
        "rule": 3,
        "reason": "Vraag over ons eigen onderwerp.",
        "by": "rules",
    }
    return Triage(**kept | changes)


def draft(**changes: Any) -> Draft:
    """Return a suggestion of a model."""
    kept: dict[str, Any] = {
        "id": "d1",
        "text": "Goedemorgen! Maak eerst een afspraak.",
        "origin": "model",
        "sources": ("grofvuil",),
        "by": "gpt draft@1+abc123",
        "revision": 1,
    }
    return Draft(**kept | changes)


def picked() -> Draft:
    """Return the approved answer as a colleague chose it."""
    text = "Goedemorgen! Maak een afspraak."
    return draft(id="d9", text=text, origin="answer", by="")


def alias() -> Alias:
    """Return the words that may be taught, or were."""
    return Alias(answer="grofvuil", phrase="bank opgehaald", by=ANNA, at=NOON)


def reply(**changes: Any) -> Reply:
    """Return Anna's reply, word for word the draft."""
    kept: dict[str, Any] = {
        "id": "r1",
        "target": "p1",
        "text": "@jan Goedemorgen! Maak eerst een afspraak. ^AB",
        "key": "luister-r1",
        "record_key": "3aaaaaaaaaaaa",
        "created_at": at(1),
        "due": at(1.5),
        "by": ANNA,
        "draft": "d1",
    }
    return Reply(**kept | changes)


def correction(**changes: Any) -> Reply:
    """Return the reply that comes in the place of Anna's."""
    return reply(**{"id": "r2", "corrects": "r1", "text": "@jan Bel ons even. ^AB"} | changes)


def event(kind: Kind, minutes: float = 1, **parts: Any) -> Event:
    """Return an event of `kind` with the parts it cannot do without."""
    needed: dict[Kind, dict[str, Any]] = {
        Kind.RECEIVED: {"post": post()},
        Kind.EDITED: {"post": post(text="Wanneer komt u dan?", edited=True)},
        Kind.DELETED: {"post": post(deleted=True)},
        Kind.TRIAGED: {"triage": triage()},
        Kind.RELABELLED: {"by": ANNA, "triage": triage(label="complaint", by="people")},
        Kind.DRAFTED: {"draft": draft()},
        Kind.REWRITE: {"by": ANNA, "rewriting": Rewriting(draft="d1", wish="shorter")},
        Kind.PICKED: {"by": ANNA, "draft": picked(), "alias": alias()},
        Kind.TAUGHT: {"by": ANNA, "alias": alias()},
        Kind.UNTAUGHT: {"alias": alias()},
        Kind.CLAIMED: {"by": ANNA},
        Kind.HANDED_OVER: {"by": ANNA, "department": "parkeren"},
        Kind.SUBMITTED: {"by": ANNA, "reply": reply()},
        Kind.RETURNED: {"by": PIET},
        Kind.APPROVED: {"by": ANNA, "reply": reply()},
        Kind.UNDONE: {"by": ANNA},
        Kind.SENDING: {"reply_id": "r1", "attempt": 1},
        Kind.POSTPONED: {"reply_id": "r1", "attempt": 1},
        Kind.SENT: {"reply_id": "r1", "remote": Remote(id="99", url=LINK)},
        Kind.FAILED: {"reply_id": "r1", "reason": "gave_up"},
        Kind.DOUBTED: {"reply_id": "r1", "reason": "unknown"},
        Kind.SURFACED: {"reply": reply(), "remote": Remote(id="99", url=LINK)},
        Kind.FOUND: {"reply_id": "r1", "remote": Remote(id="99", url=LINK)},
        Kind.CONFIRMED: {"by": ANNA, "text": reply().text, "remote": Remote(id=LINK, url=LINK)},
        Kind.DENIED: {"by": ANNA, "text": reply().text},
        Kind.HIDDEN: {"reply_id": "r1", "reason": "replies_closed"},
        Kind.ELSEWHERE: {"text": "Kijk even op onze site.", "remote": Remote(id="77", url=OUTSIDE)},
        Kind.BARRED: {"post": post(barred="blocked")},
        Kind.UNQUOTED: {"post": post()},
        Kind.TAKE_BACK: {"by": ANNA, "text": reply().text, "reply_id": "r1"},
        Kind.CORRECT: {"by": ANNA, "reply": correction(), "reply_id": "r1"},
        Kind.AMENDED: {"reply_id": "r1"},
        Kind.AMEND_FAILED: {"reply_id": "r1", "reason": "gave_up"},
        Kind.CLOSED: {"by": ANNA, "reason": "not_for_us"},
        Kind.REOPENED: {"by": ANNA},
    }
    return Event(kind=kind, at=at(minutes), **needed.get(kind, {}) | parts)


def story(*kinds: Kind) -> tuple[Event, ...]:
    """Return one event of each kind, a minute apart."""
    return tuple(event(kind, minutes) for minutes, kind in enumerate(kinds))


OPEN = (Kind.RECEIVED, Kind.TRIAGED, Kind.DRAFTED, Kind.PRESENTED)
SENDING = (*OPEN, Kind.APPROVED, Kind.SENDING)
ROADS: dict[State, tuple[Kind, ...]] = {
    State.NEW: OPEN[:1],
    State.TRIAGED: OPEN[:3],
    State.OPEN: OPEN,
    State.APPROVAL: (*OPEN, Kind.SUBMITTED),
    State.QUEUED: (*OPEN, Kind.APPROVED),
    State.SENDING: SENDING,
    State.SENT: (*SENDING, Kind.SENT),
    State.FAILED: (*SENDING, Kind.FAILED),
    State.IN_DOUBT: (*SENDING, Kind.DOUBTED),
    State.CLOSED: (*OPEN, Kind.CLOSED),
}
"""The shortest way into each state."""


def fold(*events: Event) -> Case:
    """Return the case these events make."""
    case = None
    for each in events:
        case = evolve(case, each, id="c1")
    assert case is not None
    return case


def case_in(state: State, **changes: Any) -> Case:
    """Return a case in `state`, with fields changed afterwards."""
    return fold(*story(*ROADS[state])).model_copy(update=changes)


ROOMY = FakePlatform()
"""A platform that takes 500 characters, and nothing back."""
ROOMY.limit = 500


def card(
    case: Case,
    *,
    now: datetime = NOON,
    organisation: Organisation = ORGANISATION,
    words: Words | None = None,
    platform: Platform | None = ROOMY,
) -> Card:
    """Return the card of `case` at version 7, in Dutch unless other words are given."""
    return card_of(
        case,
        version=7,
        organisation=organisation,
        words=words or Words("nl"),
        now=now,
        platform=platform,
    )


def when(clock: str, *, day: int = 22) -> datetime:
    """Return a moment by the clock in Amsterdam in November 2026."""
    return datetime.combine(date(2026, 11, day), time.fromisoformat(clock), UTC) - timedelta(
        hours=1
    )
