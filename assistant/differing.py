"""In how many words a reply differs from the suggestion it began from."""

import re
import unicodedata
from difflib import SequenceMatcher

_MENTION = re.compile(r"^(?:@\S+\s+)+")
_INITIALS = re.compile(r"\s*\^[A-Z]{2,4}\s*$")


def differing(draft: str, text: str) -> int:
    """Count the words in which `text` differs from `draft`; mention and initials aside."""
    one, other = _words(draft), _words(text)
    changes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for tag, a, b, c, d in changes if tag != "equal")


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFC", text).strip()
    return _INITIALS.sub("", _MENTION.sub("", plain)).split()
