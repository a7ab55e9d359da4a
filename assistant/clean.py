"""Text is stripped of what nobody can see before anything else reads it."""

import re
import unicodedata

_JOINED = "\u0600-\u1fff\u2190-\U0010ffff"
"""Scripts that are spelled with joiners, and emoji that are made with them."""

# Tag characters and variation selectors carry hidden text, bidi controls make a text read
# differently from what it says, zero-widths split a word or number so that no pattern finds it.
HIDDEN = re.compile(
    "[\U000e0000-\U000e0fff]+"
    "|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+"
    "|[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f]+"
    "|[\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff]+"
    "|(?<=[\ufe0e\ufe0f])[\ufe0e\ufe0f]+"
    f"|(?<![{_JOINED}])[\u200c\u200d]+|[\u200c\u200d]+(?![{_JOINED}])"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f]+"
)
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)
"""Any sign that can be part of HIDDEN: most texts have none, and this is 20 times as fast."""

_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")

_DOTS_AND_DASHES = {ord("。"): ord("."), ord("｡"): ord(".")} | dict.fromkeys(
    [*range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63, 0xFF0D], ord("-")
)


# Beside ASCII, what is common in a post and folds to nothing else: letters, quotes, €, … and emoji.
_FOLDABLE = re.compile(
    "[\u00a0\u00aa\u00b2-\u00b5\u00b9\u00ba\u00bc-\u00be]"
    "|[^\x00-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u2018-\u201f\u20ac\ufe0f\U0001f300-\U0001faff]"
)


class _Folded(dict[int, int]):
    """Each character's plain look-alike of the same length, worked out once."""

    def __missing__(self, code: int) -> int:
        digit = unicodedata.decimal(chr(code), None)
        plain = unicodedata.normalize("NFKC", chr(code)) if digit is None else str(digit)
        self[code] = ord(plain) if len(plain) == 1 else code
        return self[code]


_FOLDED = _Folded(_DOTS_AND_DASHES)


def hidden(text: str) -> tuple[tuple[int, int], ...]:
    """Return the (start, end) of each run of characters in `text` that nobody can see."""
    if not _SUSPECT.search(text):
        return ()
    same_length = _LINE_END.sub(lambda match: "\n" * len(match[0]), text)
    return tuple(match.span() for match in HIDDEN.finditer(same_length))


def visible(text: str) -> str:
    """Return `text` in NFC without hidden characters; applying it twice changes nothing more."""
    shown = unicodedata.normalize("NFC", HIDDEN.sub("", _LINE_END.sub("\n", text)))
    # Taking one away can lay bare another: a joiner whose neighbour is gone joins nothing.
    return shown if shown == text else visible(shown)


def clean(text: str, *, limit: int = 2000) -> str:
    """Return what is visible of `text`, at most `limit` characters of it."""
    return visible(visible(text)[:limit])


def fold(text: str) -> str:
    """Return `text`, as long as it was, with full-width and foreign digits, dots and dashes plain.

    Places found in the folded text are places in the text itself.
    """
    return text.translate(_FOLDED) if _FOLDABLE.search(text) else text
