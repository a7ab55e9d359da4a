"""How to address a citizen: as they do."""

from collections.abc import Mapping
from typing import Literal

from assistant.rules.phrases import words as spoken

Form = Literal["formal", "familiar"]
FORMS: Mapping[Form, str] = {"formal": "u", "familiar": "je"}

_FAMILIAR = (
    " je ",
    " jij ",
    " jou ",
    " jouw ",
    " jullie ",
    " hoi ",
    " hey ",
    " du ",
    " tu ",
    " ff ",
)
_FORMAL = (" u ", " uw ", " geachte ", " sie ", " vous ")


def form_of_address(text: str) -> Form:
    """Return how to address the citizen, mirroring their own words; formal unless they are not."""
    heard = spoken(text)
    if any(each in heard for each in _FORMAL):
        return "formal"
    return "familiar" if any(each in heard for each in _FAMILIAR) else "formal"
