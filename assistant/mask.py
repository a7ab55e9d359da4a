"""What a model may not see is replaced by a word that says what stood there."""

from assistant.clean import visible
from assistant.personal import Kind, Own, find_personal

WORDS: dict[Kind, str] = {
    "bsn": "[BSN]",
    "iban": "[IBAN]",
    "card": "[KAART]",
    "document": "[DOCUMENT]",
    "phone": "[TELEFOON]",
    "email": "[E-MAIL]",
    "address": "[ADRES]",
    "plate": "[KENTEKEN]",
    "handle": "[ACCOUNT]",
    "name": "[NAAM]",
    "birth_date": "[GEBOORTEDATUM]",
    "case_number": "[NUMMER]",
}


def mask(text: str, *, own: Own) -> str:
    """Return what is visible of `text` with each piece of personal data replaced by its word.

    Applying it twice changes nothing more. The length is not capped: that is `clean`.
    """
    shown = visible(text)
    parts, done = [], 0
    for found in find_personal(shown, own=own):
        parts += [shown[done : found.start], WORDS[found.kind]]
        done = found.end
    masked = "".join([*parts, shown[done:]])
    # A word taken away can bring two others together, such as "kenteken" and a plate.
    return masked if masked == text else mask(masked, own=own)
