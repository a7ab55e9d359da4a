"""Own approved answers of an invented municipality, with posts that do and do not ask for them."""

import tomllib
from datetime import date
from pathlib import Path

from assistant.answers import Answer

_CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

VALID = date(2027, 12, 31)

ANSWERS: tuple[Answer, ...] = tuple(
    Answer(
        sources=(f"https://waterstad.example/{each['id']}",),
        owner="Redactie",
        valid_until=VALID,
        path=f"answers/{each['id']}.md",
        **each,
    )
    for each in _CASES["answers"]
)

POSTS: tuple[tuple[str, str], ...] = tuple(
    (key, post) for key, posts in _CASES["posts"].items() for post in posts
)
"""Posts with the id of the answer that fits."""

OUT_OF_SCOPE: tuple[str, ...] = tuple(_CASES["out-of-scope"])
"""Posts on subjects no answer speaks of."""

NEAR_MISSES: tuple[str, ...] = tuple(_CASES["near-misses"])
"""Posts with words of an answer that ask for something else, or for nothing."""
