"""What people can still do with a reply that was sent: take it back, correct it."""

from typing import Literal

from assistant.case import MOVES, Case, Kind
from assistant.config import Organisation
from assistant.platforms import Corrects, Platform, TakesBack

Act = Literal["take_back", "correct"]


def four_eyes(case: Case, *, organisation: Organisation) -> bool:
    """Say whether a second person must approve; handing a case on does not take that away."""
    asked = map(organisation.department, (case.department, *case.been))
    return any(each is not None and each.approval for each in asked)


def acts_on(
    case: Case, *, platform: Platform | None, organisation: Organisation
) -> tuple[Act, ...]:
    """Return what can be asked for the newest sent reply, in this state and on this platform.

    Where a second person must approve every text there is no correcting: what is taken back is
    written and approved anew.
    """
    if case.state not in MOVES[Kind.TAKE_BACK] or not case.sent or platform is None:
        return ()
    if case.remote is None or case.amending or case.taken_back:
        return ()
    if case.remote.id == case.remote.url:  # a person gave the link: the platform's id is unknown
        return ()
    acts: list[Act] = ["take_back"] if isinstance(platform, TakesBack) else []
    if isinstance(platform, Corrects) and not four_eyes(case, organisation=organisation):
        acts.append("correct")
    return tuple(acts)
