"""Lists of phrases become one expression each; texts and phrases are folded the same way."""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from assistant.clean import visible

_LINK = re.compile(r"https?://\S+|www\.\S+")
_TOKEN = re.compile(r"@?[^\W_]+|[€%]|[\U0001f000-\U0001faff\u2600-\u27bf]|[.!?;:\n]+")
_END = re.compile(r"[.!?;:\n]+")
_APOSTROPHES = re.compile(r"(?<=\w)['’‘`´](?=\w)|(?<!\w)['’‘`´](?=[tnms]\b)")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "$": "s", "@": "a"})
_DISGUISED = re.compile(r"\b[a-z]+(?:[0134$@5]+[a-z]+)+\b")
_SPACED = re.compile(r"(?<!\S)(?:\w[ .*_-]){2,}\w(?!\S)")
_STRETCHED = re.compile(r"([^\W\d])\1{2,}")
_PLAIN = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})
_CHOICE = re.compile(r"\(([^)]*)\)")
_ATTACHED = "(?:[وف]?(?:[بلك]?ال|لل|[بل])?)"
_GAP = r"(?:[^ /]+ ){0,4}"


def fold(text: str) -> str:
    """Return `text` in small letters without accents, apostrophes and the usual disguises."""
    decomposed = unicodedata.normalize("NFKD", visible(text)).casefold().translate(_PLAIN)
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    plain = _APOSTROPHES.sub("", plain)
    plain = _SPACED.sub(lambda found: re.sub(r"[ .*_-]", "", found[0]), plain)
    plain = _DISGUISED.sub(lambda found: found[0].translate(_LEET), plain)
    return _STRETCHED.sub(r"\1", plain)


def words(text: str) -> str:
    """Return the folded words of `text` between single spaces, `/` where a sentence ends."""
    tokens = _TOKEN.findall(fold(_LINK.sub(" ", text)))
    return " " + " ".join("/" if _END.fullmatch(each) else each for each in tokens) + " "


def _choices(phrase: str) -> Iterator[str]:
    """Yield each phrase that `(a|b)` stands for."""
    if set(_CHOICE.sub("", phrase)) & set("()|") or any(
        "(" in each for each in _CHOICE.findall(phrase)
    ):
        raise ValueError(f"brackets do not match in {phrase!r}")
    parts = _CHOICE.split(phrase)
    for chosen in product(
        *(part.split("|") if at % 2 else (part,) for at, part in enumerate(parts))
    ):
        yield " ".join("".join(chosen).split())


def _expression(phrase: str) -> str:
    """Write one phrase as a regular expression that ends before a space."""
    parts = []
    for word in phrase.removesuffix("~").split():
        if word == "~":
            parts.append(_GAP)
        else:
            kept = re.escape(word).replace(r"\*", "[^ ]*").replace(r"\[0\-9\]", "[0-9]")
            kept = kept.replace(r"\[a\-z\]", "[a-z]")
            # Arabic writes "and", "in" and "the" onto the word.
            parts.append((_ATTACHED if "\u0621" <= word[0] <= "\u064a" else "") + kept + " ")
    return "".join(parts).removesuffix(" ")


def compiled(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for all `phrases`, branching on the first letter to be quick.

    Raises ValueError for brackets within brackets or one left open.
    """
    branches: dict[str, set[str]] = defaultdict(set)
    for phrase in phrases:
        for chosen in _choices(fold_phrase(phrase)):
            expression = _expression(chosen)
            first = expression[0] if expression[0].isalnum() else ""
            branches[first].add(expression[len(first) :])
    groups = [
        f"{first}(?:{'|'.join(sorted(rest, key=len, reverse=True))})"
        for first, rest in sorted(branches.items(), reverse=True)
    ]
    return re.compile(rf"(?<= )(?:{'|'.join(groups)})(?= )")


def fold_phrase(phrase: str) -> str:
    """Fold a phrase as texts are, leaving its `*`, `~` and brackets."""
    decomposed = unicodedata.normalize("NFKD", phrase).casefold().translate(_PLAIN)
    return "".join(each for each in decomposed if not unicodedata.combining(each))


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("assistant.rules") / f"{name}.toml").read_text("utf-8"))


@cache
def sign(name: str) -> re.Pattern[str]:
    """Return the expression of a list in signs.toml or everyday.toml, as `table.list`."""
    table = _table("signs") | _table("everyday")
    found: Any = table
    for part in name.split("."):
        found = found[part]
    return compiled(found)
