"""Who may act on a case, in whose name it is recorded, and where they may hand it."""

from collections.abc import Sequence

from assistant.case import Actor, Case, Event, Kind, State
from assistant.chats import Presser
from assistant.config import Organisation, Person
from assistant.errors import NotAllowed
from assistant.present.wording import coded
from assistant.store import Loaded
from assistant.words import Words

RANK = ("reader", "writer", "approver", "supervisor")
_LEAST = {"approve": "approver", "return": "approver"}


def least(action: str) -> str:
    """Return the lowest role that may do `action`."""
    return _LEAST.get(action, "writer")


def allowed(
    presser: Presser, case: Case, *, organisation: Organisation, at_least: str = "writer"
) -> Person:
    """Return who this is in the configuration; raises NotAllowed and says whom to ask."""
    person = organisation.person(presser.chat_user)
    ask = organisation.asked(case.department)
    if presser.guest or presser.foreign:
        raise NotAllowed("desk.guest", ask=ask)
    if person is None:
        raise NotAllowed("desk.not_listed", ask=ask)
    if RANK.index(person.role) < RANK.index(at_least):
        raise NotAllowed("desk.role", ask=ask)
    elsewhere = (
        case.department
        and person.departments
        and case.department not in person.departments
        and person.role != "supervisor"
    )
    if elsewhere:
        raise NotAllowed("desk.other_department", ask=ask)
    return person


def actor_of(person: Person) -> Actor:
    """Return the person as they are called at this moment."""
    return Actor(chat_user=person.chat_user, name=person.name, initials=person.initials)


def destination(choice: str | None, *, organisation: Organisation) -> tuple[str | None, str | None]:
    """Return the department or the official a hand-over form's choice means; see `present.forms`.

    Raises NotAllowed when it means neither, nor the triage channel.
    """
    kind, _, value = (choice or "").partition(":")
    officials = organisation.officials
    if kind == "dep" and organisation.department(value):
        return value, None
    if kind == "off" and value.isdecimal() and int(value) < len(officials):
        return None, officials[int(value)].name
    if kind == "triage":
        return None, None
    raise NotAllowed("desk.choose_destination")


def not_closed(case: Case, events: Sequence[Event], *, words: Words) -> None:
    """Refuse a text for a case that was closed meanwhile, naming who did it and why.

    `events` are all of the case.
    """
    if case.state is not State.CLOSED:
        return
    closed = next(e for e in reversed(events) if e.kind in (Kind.CLOSED, Kind.ELSEWHERE))
    if closed.by is None:
        raise NotAllowed("desk.was_answered")
    reason = coded("card.close_", closed.reason or "other", words=words)
    raise NotAllowed("desk.was_closed", name=closed.by.name, reason=reason)


def held(loaded: Loaded) -> Case:
    """Return the case that was loaded; the desk only ever loads cases that are there."""
    assert loaded.case is not None
    return loaded.case
