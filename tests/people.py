"""Pressing buttons and sending texts as people do."""

from typing import Any

from assistant.case import Case, Kind
from assistant.chats import Press, Presser, Submission
from assistant.store import Store
from tests.core import TOWN

TEXT = "@Henk_de_Burger Thank you for telling us! ^AB"


def press(case: str, action: str, *, by: str = "UANNA", **more: Any) -> Press:
    """Return a press of a button, or a form sent in."""
    presser = more.pop("presser", Presser(chat_user=by))
    values = {"by": presser, "case": case, "version": 4, "action": action}
    return Press.model_validate(values | more)


def sends(case: str, text: str | None = None, *, by: str = "UANNA", **more: Any) -> Submission:
    """Return the editor sent in; without `text` with a thank-you that this person signed."""
    person = TOWN.person(by)
    signed = TEXT.replace("^AB", f"^{person.initials}") if person else TEXT
    values: dict[str, Any] = {
        "by": Presser(chat_user=by),
        "view": f"V{by}",
        "case": case,
        "revision": 1,
        "draft": "d1",
        "text": signed if text is None else text,
    }
    return Submission(**values | more)


async def held(store: Store, id: str) -> Case:
    """Return the case as it stands."""
    case = (await store.load(id)).case
    assert case is not None
    return case


async def kinds(store: Store, id: str) -> list[Kind]:
    """Return what happened to a case."""
    return [each.kind for each in await store.events(id)]
