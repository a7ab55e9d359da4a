"""The guestbook's world: a folder in which citizens' entries appear."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from assistant.case import Barred, Reply
from tests.core import START
from tests.platforms.contract import CONNECTION, PRIVATE, STREAMING, Doing, Fault, Stands
from tests.platforms.toy.guestbook import Guestbook

SAMPLES = (
    json.dumps(
        {
            "id": "000000001",
            "author": "henk",
            "text": "When will the bins be emptied?",
            "created_at": "2026-11-20T12:00:00Z",
            "language": "nl",
        }
    ),
)
SKIPS = {
    **dict.fromkeys(CONNECTION, "a folder has no connection"),
    **dict.fromkeys(STREAMING, "a folder tells nobody"),
    **dict.fromkeys(PRIVATE, "everybody reads a guestbook"),
}


class GuestbookWorld:
    """What is written to the folder is there at once."""

    many = 50
    allowed = (float("inf"), 1.0)
    ways = ("mention",)
    bars = ("replies_closed",)
    shows = frozenset({"language"})

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids: dict[str, str] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        (folder / "answers").mkdir()

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            if each.event == "deleted":
                self._file(each.id).unlink()
                continue
            above = self._entries.get(each.parent or "", {})
            self._write(
                each.id,
                author=each.author,
                text=each.text,
                language=each.language,
                parent=above.get("id"),
                thread=above.get("thread") or above.get("id"),
            )

    async def ours(self, id: str, *, under: str, text: str) -> None:
        self._write(id, author="@town", text=text, parent=self.id(under))

    async def noise(self, about: str) -> None:
        (self._folder / "visitors.txt").write_text("3")

    async def nonsense(self) -> None:
        self._file(f"nonsense {len(self._ids)}").write_text("{")

    async def bar(self, id: str, how: Barred) -> None:
        self._write(id, **self._entries[id] | {"closed": True})

    def broken(self, fault: Fault) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    async def platform(self) -> Guestbook:
        return Guestbook("@town", self._folder)

    def id(self, label: str) -> str:
        return self._ids.setdefault(label, f"{len(self._ids) + 1:09}")

    async def standing(self) -> Sequence[Stands]:
        files = sorted(
            (self._folder / "answers").iterdir(), key=lambda file: file.stat().st_mtime_ns
        )
        replies = [Reply.model_validate_json(file.read_text("utf-8")) for file in files]
        return [Stands(text=each.text, under=each.target) for each in replies]

    async def calls(self) -> int:
        return 0

    def _file(self, label: str) -> Path:
        return self._folder / f"{self.id(label)}.json"

    def _write(self, label: str, **entry: Any) -> None:
        entry["id"] = self.id(label)
        entry.setdefault("created_at", (START + timedelta(seconds=int(entry["id"]))).isoformat())
        self._entries[label] = entry
        self._file(label).write_text(json.dumps(entry), "utf-8")


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[GuestbookWorld]:
    """Yield a guestbook in this folder."""
    yield GuestbookWorld(folder)
