"""What staff read, in the organisation's language."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _table(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((files(__name__) / f"{language}.toml").read_text("utf-8"))


class Words:
    """The sentences of one language (`nl` or `en`), looked up by `section.name`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._table = _table(language)

    def say(self, key: str, **values: Any) -> str:
        """Return the sentence `key` with `values` filled in; KeyError names what is missing."""
        section, name = key.split(".", 1)
        return self._table[section][name].format(**values)
