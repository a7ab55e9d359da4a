"""What stood on the card a person pressed, for acts on just that."""

from assistant.aliases import teachable
from assistant.case import Case, evolve
from assistant.chats import Press
from assistant.store import Store

ON_WHAT_STANDS = ("approve", "found", "denied", "take_back", "teach", "give")
"""Acts on what the card says: the text of a reply, words to be learned, a suggested department."""


async def seen(store: Store, press: Press) -> str | None:
    """Return what the press is about as it stood on the card, for ON_WHAT_STANDS."""
    if press.action not in ON_WHAT_STANDS:
        return None
    case = None
    for event in (await store.events(press.case))[: press.version]:
        case = evolve(case, event, id=press.case)
    return standing_on(case, press.action) if case else None


def changed(case: Case, press: Press, saw: str | None) -> bool:
    """Say whether the press is about what stood there, and not what `case` says now."""
    if press.action not in ON_WHAT_STANDS:
        return False
    return saw is None or saw != standing_on(case, press.action)


def standing_on(case: Case, action: str) -> str | None:
    """Return what `action` on a card of `case` is about: a reply, words or department by its id."""
    if action == "teach":
        # A second click finds them taught already, and changes nothing.
        alias = next(filter(None, (teachable(case), *case.taught[-1:])), None)
        return f"{alias.answer} {alias.phrase}" if alias else None
    if action == "give":
        return case.likely
    if action == "take_back":
        return case.sent[-1].id if case.sent else None
    return case.reply.id if case.reply else None
