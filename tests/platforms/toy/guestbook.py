"""A guestbook: a web form writes a JSON file for each entry, and answers are files too."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from assistant.case import Post, Remote, Reply, Said
from assistant.errors import BadInput, TryAgain
from assistant.platforms import Around, Arrival, Look, Quarantined, Told
from tests.platforms.toy.account import GuestbookAccount


class Entry(BaseModel):
    """What the web form writes in the file `id`.json; ids grow."""

    id: str = Field(pattern=r"^[0-9]{9}$")
    author: str
    text: str
    created_at: AwareDatetime
    parent: str | None = None
    thread: str | None = None
    language: str | None = None
    closed: bool = False


def parse(raw: str, *, account: str, now: datetime) -> Arrival:
    """Read one entry; raises BadInput, which never quotes it."""
    try:
        read = Entry.model_validate_json(raw)
    except (ValidationError, UnicodeEncodeError):
        raise BadInput("this is no entry") from None
    post = Post(
        **read.model_dump(exclude={"thread", "closed"}),
        platform="guestbook",
        account=account,
        root=read.thread or read.id,
        handle=read.author,
        addressed="mention",
        barred="replies_closed" if read.closed else None,
    )
    return Arrival(event="new", post=post)


class Guestbook:
    """A folder of entries, and in it a folder of answers, each named by its reply's key."""

    name = "guestbook"
    limit = 1000
    every: float | None = 10.0
    key_life = timedelta(days=365)

    def __init__(self, account: str, folder: Path) -> None:
        self.account = account
        self._folder = folder

    def length(self, text: str) -> int:
        return len(text)

    def parse(self, raw: str) -> Arrival:
        return parse(raw, account=self.account, now=datetime.now(UTC))

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        above: dict[str | None, tuple[Said, ...]] = {None: ()}
        for name, raw in (await to_thread(_entries, self._folder)).items():
            try:
                post = self.parse(raw).post
            except BadInput as error:
                told: Told = Quarantined(where=name, reason=str(error), raw=raw, cursor=name)
            else:
                post = post.model_copy(update={"above": above.get(post.parent, ())})
                above[post.id] = (*post.above, Said(author=post.handle, text=post.text))[-10:]
                told = Arrival(event="new", post=post, cursor=name)
            if name > (cursor or ""):
                yield told

    async def look(self, post: Post) -> Look:
        raw = (await to_thread(_entries, self._folder)).get(f"{post.id}.json")
        if raw is None:
            return Look(standing="deleted")
        try:
            now = self.parse(raw).post
        except BadInput as error:
            raise TryAgain("the entry is half written") from error
        if now.barred:
            return Look(standing="barred", post=now)
        return Look(standing="unchanged" if now.text == post.text else "edited", post=now)

    async def reply(self, reply: Reply) -> Remote:
        """Write the answer; the same key again is the same file with the same text."""
        file = self._folder / "answers" / f"{reply.key}.json"
        try:
            await to_thread(file.write_text, reply.model_dump_json(), "utf-8")
        except OSError as error:
            raise TryAgain(f"the answer cannot be written: {error.strerror}") from error
        return Remote(id=file.name)

    async def take_back(self, remote: Remote) -> None:
        await to_thread((self._folder / "answers" / remote.id).unlink, missing_ok=True)

    async def introduce(self) -> tuple[str, ...]:
        return (f"We are {self.account} in {self._folder}.",)


def _entries(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text("utf-8", "replace") for file in sorted(folder.glob("*.json"))}


@asynccontextmanager
async def opened(account: GuestbookAccount, around: Around) -> AsyncIterator[Guestbook]:
    yield Guestbook(account.handle, account.folder)
