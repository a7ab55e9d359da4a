"""The replay platform: posts from JSON Lines, replies to a file that keeps each key once."""

import asyncio
import fcntl
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from assistant.case import (
    Addressed,
    Barred,
    Image,
    Post,
    Remote,
    Reply,
    Said,
    Visibility,
    handle_key,
)
from assistant.checks import graphemes
from assistant.errors import BadInput, TryAgain
from assistant.platforms import Arrival, Candidate, Look, Quarantined, Told

LIMIT = 500
"""Characters of a reply: Mastodon's default, the platform most Dutch public bodies share."""

ABOVE = 10
"""Posts of the conversation above a post that are kept with it."""


class _Table(BaseModel):
    """Part of a replay file; keys nobody knows are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    @field_validator("*", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        # Half a surrogate pair is valid JSON and no text: it could not be stored.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


class Picture(_Table):
    """A picture of a line."""

    alt: str | None = None
    url: str | None = None


class Line(_Table):
    """One line of a replay file."""

    id: str = Field(min_length=1)
    text: str = ""
    event: Literal["new", "edited", "deleted"] = "new"
    author: str | None = None
    handle: str | None = None
    created_at: datetime | None = None
    in_reply_to: str | None = None
    conversation: str | None = None
    addressed: Addressed | Literal["none"] | None = "mention"
    visibility: Visibility = "public"
    url: str | None = None
    barred: Barred | None = None
    warning: str | None = None
    language: str | None = None
    images: tuple[Picture, ...] = ()

    @field_validator("created_at")
    @classmethod
    def _plausible(cls, value: datetime | None) -> datetime | None:
        # Beyond these no time zone can be applied, and no social network existed.
        if value is not None and not 1971 <= value.year <= 9000:
            raise PydanticCustomError("out_of_range", "no time at which anybody wrote a post")
        return value


def parse(line: str, *, account: str, now: datetime) -> Arrival:
    """Read one line of a replay file; raises BadInput, which never quotes the line."""
    try:
        read = Line.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "line"
        raise BadInput(f"{key}: {first['type']}") from None
    except (ValueError, RecursionError):
        raise BadInput("line: no JSON") from None
    if read.event != "deleted" and not read.text.strip():
        raise BadInput("text: empty")
    created = read.created_at or now
    post = Post(
        platform="replay",
        account=account,
        id=read.id,
        root=read.conversation or read.in_reply_to or read.id,
        parent=read.in_reply_to,
        author=read.author or read.handle,
        handle=read.handle,
        text=read.text,
        created_at=created if created.tzinfo else created.replace(tzinfo=UTC),
        addressed=None if read.addressed == "none" else read.addressed,
        visibility=read.visibility,
        url=read.url,
        barred=read.barred,
        warning=read.warning,
        language=read.language,
        images=tuple(Image(alt=each.alt, url=each.url) for each in read.images),
    )
    return Arrival(event=read.event, post=post, conversation=read.conversation)


class Replay:
    """Posts from `source` (None: nothing to read), replies to `replies`."""

    name = "replay"
    limit = LIMIT
    every: float | None = None
    key_life = timedelta(days=36500)

    def __init__(
        self,
        account: str,
        *,
        replies: Path,
        source: Path | None = None,
        speed: float | None = None,
    ) -> None:
        self.account = account
        self._source = source
        self._replies = replies
        self._speed = speed
        self._current: dict[str, Arrival] = {}

    def length(self, text: str) -> int:
        return graphemes(text)

    def parse(self, raw: str) -> Arrival:
        return parse(raw, account=self.account, now=datetime.now(UTC))

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield the lines after number `cursor`; with a speed, at the pace they were written."""
        if self._source is None:
            return
        last: datetime | None = None
        with self._source.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                # Lines before the cursor are read as well: they are what stands above the others.
                found = self._read(line, number)
                new = number > int(cursor or 0)
                if isinstance(found, Arrival):
                    last = await self._pace(last, found.post.created_at) if new else None
                    self._current[found.post.id] = found
                if new:
                    yield found

    def _read(self, line: str, number: int) -> Arrival | Quarantined:
        try:
            arrival = self.parse(line)
            post = arrival.post.model_copy(update={"above": self._above(arrival.post)})
            return arrival.model_copy(update={"post": post, "cursor": str(number)})
        except BadInput as error:
            return Quarantined(
                where=f"line {number}", reason=str(error), raw=line.strip(), cursor=str(number)
            )

    def _above(self, post: Post) -> tuple[Said, ...]:
        """Return the posts above this one, as far as they were read, the newest ABOVE of them."""
        above: list[Said] = []
        while post.parent in self._current and len(above) < ABOVE:
            post = self._current[post.parent].post
            names = {handle_key(each or "") for each in (post.author, post.handle)}
            ours = handle_key(self.account) in names
            above.append(Said(author=post.handle or post.author, text=post.text, ours=ours))
        return tuple(reversed(above))

    async def _pace(self, last: datetime | None, now: datetime) -> datetime:
        if self._speed and last and now > last:
            await asyncio.sleep((now - last).total_seconds() / self._speed)
        return max(last, now) if last else now

    async def look(self, post: Post) -> Look:
        """Tell how the post stands by the lines read so far."""
        seen = self._current.get(post.id)
        if seen is None:
            return Look(standing="unchanged")
        if seen.event == "deleted":
            return Look(standing="deleted")
        if seen.post.barred:
            return Look(standing="barred", post=seen.post)
        same = seen.post.text == post.text
        return Look(standing="unchanged" if same else "edited", post=seen.post)

    async def reply(self, reply: Reply) -> Remote:
        """Append the reply, once per key; the file's lock makes that hold between processes."""
        return await asyncio.to_thread(self._append, reply)

    def _append(self, reply: Reply) -> Remote:
        id = "r" + sha256(reply.key.encode()).hexdigest()[:16]
        row = {
            "id": id,
            "in_reply_to": reply.target,
            "visibility": reply.visibility,
            "text": reply.text,
        }
        self._write(lambda rows: None if any(each["id"] == id for each in rows) else row)
        return Remote(id=id)

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        """Return the replies in the file that stand under the reply's target."""
        try:
            text = self._replies.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TryAgain(f"the file of replies cannot be read: {error.strerror}") from error
        return tuple(
            Candidate(remote=Remote(id=row["id"]), text=row["text"])
            for row in standing(text)
            if row["in_reply_to"] == reply.target
        )

    async def take_back(self, remote: Remote) -> None:
        """Append that the reply is gone."""
        gone = {"id": remote.id, "in_reply_to": None, "visibility": None, "text": None}
        await asyncio.to_thread(self._write, lambda rows: _news(gone, rows))

    async def correct(self, reply: Reply, remote: Remote) -> None:
        """Append the reply's new text."""
        row = {
            "id": remote.id,
            "in_reply_to": reply.target,
            "visibility": reply.visibility,
            "text": reply.text,
        }
        await asyncio.to_thread(self._write, lambda rows: _news(row, rows))

    async def introduce(self) -> tuple[str, ...]:
        """Return where this account reads and writes."""
        source = f"reads {self._source.name}" if self._source else "reads nothing"
        return (
            f"{self.account} {source}.",
            f"Its answers go to {self._replies.name}, and to no citizen.",
        )

    def _write(self, row_of: Callable[[list[dict[str, Any]]], dict[str, Any] | None]) -> None:
        """Append the row that `row_of` makes of those that are there, if any, alone."""
        try:
            self._replies.parent.mkdir(parents=True, exist_ok=True)
            # A writer killed half-way may have left half a character.
            with self._replies.open("a+", encoding="utf-8", errors="replace") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                text = file.read()
                row = row_of(list(_rows(text)))
                if row is not None:
                    start = "" if text.endswith("\n") or not text else "\n"
                    file.write(start + json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            raise TryAgain(f"the file of replies cannot be written: {error.strerror}") from error


def standing(text: str) -> tuple[dict[str, Any], ...]:
    """Return the replies that stand by a file of replies: the last row of each id, with a text."""
    last = {row["id"]: row for row in _rows(text)}
    return tuple(row for row in last.values() if row["text"] is not None)


def _news(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return `row` unless the newest row of its id says the same."""
    last = next((each for each in reversed(rows) if each["id"] == row["id"]), None)
    return None if last == row else row


def _rows(text: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of the file; a line cut off is none."""
    for line in text.split("\n"):
        with suppress(ValueError):
            yield json.loads(line)
