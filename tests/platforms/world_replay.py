"""Replay's world: a file of posts and a file of replies."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from assistant.case import Addressed, Barred
from assistant.platforms.replay import Replay, standing
from tests.platforms.contract import (
    CONNECTION,
    PRIVATE,
    STREAMING,
    Doing,
    Fault,
    Shows,
    Stands,
    World,
)

SAMPLES = (
    '{"id": "p1", "text": "When will the bins be emptied?"}',
    json.dumps(
        {
            "id": "p2",
            "text": "And the paper?",
            "event": "edited",
            "author": "did:citizen",
            "handle": "@henk",
            "created_at": "2026-11-20T12:00:00Z",
            "in_reply_to": "p1",
            "conversation": "c1",
            "addressed": "reply",
            "visibility": "unlisted",
            "url": "https://social.example/p2",
            "barred": "blocked",
            "warning": "a dead bird",
            "language": "nl",
            "images": [{"alt": "a bin", "url": "https://social.example/p2.jpg"}],
        }
    ),
)

SKIPS = {
    **dict.fromkeys(CONNECTION, "a file has no connection"),
    **dict.fromkeys(STREAMING, "a file is read once"),
    **dict.fromkeys(PRIVATE, "a file reaches nobody"),
}


class ReplayWorld:
    """What is written to the file is there at once."""

    many = 50
    allowed = (float("inf"), 1.0)
    ways: Sequence[Addressed] = ("mention", "reply", "quote")
    bars: Sequence[Barred] = (
        "replies_closed",
        "blocked",
        "account_gone",
        "protected",
        "not_summoned",
    )
    shows: frozenset[Shows] = frozenset({"warning", "language", "images"})

    def __init__(self, folder: Path) -> None:
        self.source = folder / "posts.jsonl"
        self.source.touch()
        self.replies = folder / "deep" / "replies.jsonl"
        self._lines: dict[str, dict[str, Any]] = {}

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            self._write(
                id=each.id,
                text=each.text,
                event=each.event,
                author=f"did:{each.author}",
                handle=f"@{each.author}",
                in_reply_to=each.parent,
                conversation=self._lines[each.parent]["conversation"] if each.parent else each.id,
                addressed=each.addressed or "none",
                visibility=each.visibility,
                warning=each.warning,
                language=each.language,
                images=[image.model_dump() for image in each.images],
            )

    async def ours(self, id: str, *, under: str, text: str) -> None:
        above = self._lines[under]["conversation"]
        self._write(id=id, text=text, handle="@town", in_reply_to=under, conversation=above)

    async def noise(self, about: str) -> None:
        """A file holds posts and nothing else; an empty line at most."""
        with self.source.open("a") as file:
            file.write("\n")

    async def nonsense(self) -> None:
        with self.source.open("a") as file:
            file.write('{"id": \n')

    async def bar(self, id: str, how: Barred) -> None:
        self._write(**self._lines[id] | {"event": "edited", "barred": how})

    def broken(self, fault: Fault) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    async def platform(self) -> Replay:
        return Replay("@town", replies=self.replies, source=self.source)

    def id(self, label: str) -> str:
        return label

    async def standing(self) -> Sequence[Stands]:
        text = self.replies.read_text("utf-8") if self.replies.exists() else ""
        return [
            Stands(text=row["text"], under=row["in_reply_to"], visibility=row["visibility"])
            for row in standing(text)
        ]

    async def calls(self) -> int:
        return 0

    def line(self, **line: Any) -> None:
        """Write one line."""
        with self.source.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _write(self, **line: Any) -> None:
        self._lines[line["id"]] = line
        self.line(**line)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Yield a world of two files in this folder."""
    yield ReplayWorld(folder)
