"""A Mastodon server with citizens on it: the stand-in of mastodon_server.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from mastodon_mock.content_format import render_status_html
from mastodon_mock.db.models import Account, MediaAttachment, Notification, OAuthToken, Status
from mastodon_mock.services import add_notification, attach_mentions_and_tags
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from assistant.case import Addressed, Barred
from assistant.config import MastodonAccount
from assistant.platforms import Around, Platform
from assistant.platforms.mastodon import opened
from assistant.store import utcnow
from tests.platforms.contract import Doing, Fault, Shows, Stands, World
from tests.platforms.mastodon_server import TOKEN, WayIn, server, way_in

RECORDED = Path(__file__).parent / "recorded/mastodon"
SAMPLES = [each.read_text("utf-8") for each in sorted(RECORDED.glob("record_*.json"))]
SKIPS: dict[str, str] = {}

T = TypeVar("T")


class MastodonWorld:
    """The stand-in, its citizens by name, and adapters as other processes would open them."""

    many = 90
    allowed = (300, 300.0)
    ways: Sequence[Addressed] = ("mention", "reply", "quote")
    bars: Sequence[Barred] = ("blocked",)
    shows: frozenset[Shows] = frozenset({"warning", "language", "images"})

    def __init__(self, way: WayIn, client: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.way = way
        self._client = client
        self._stack = stack
        self._ids: dict[str, str] = {}
        self._citizens: dict[str, str] = {}

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            await self._do(each)

    async def _do(self, doing: Doing) -> None:
        known = self._ids.get(doing.id)
        token = await self._token(doing.author)
        if doing.event == "deleted":
            await self.call("DELETE", f"/api/v1/statuses/{known}", token=token)
            return
        named = doing.addressed in ("mention", "reply", "direct")
        data: dict[str, Any] = {
            "status": f"@town {doing.text}" if named else doing.text,
            "visibility": "direct" if doing.addressed == "direct" else doing.visibility,
            "spoiler_text": doing.warning,
            "language": doing.language,
        }
        if doing.event == "edited":
            await self.call("PUT", f"/api/v1/statuses/{known}", token=token, **data)
            return
        if doing.images:
            author = self._citizens[doing.author]
            data["media_ids"] = [self._in_db(_picture(author, each.alt)) for each in doing.images]
        if doing.parent:
            data["in_reply_to_id"] = self._ids[doing.parent]
        elif doing.addressed == "reply":
            data["in_reply_to_id"] = await self._post_of_ours()
        elif doing.addressed == "quote":
            data["quoted_status_id"] = await self._post_of_ours()
        posted = await self.call("POST", "/api/v1/statuses", token=token, **data)
        self._ids[doing.id] = posted["id"]
        if doing.addressed == "quote":
            self._in_db(_quoted(posted["id"], self._citizens[doing.author]))

    def crowd(self, count: int, text: str) -> None:
        """Let so many citizens ask something each, past the API, which would take seconds."""
        self._in_db(lambda db: _crowd(db, count, text))

    async def ours(self, id: str, *, under: str, text: str) -> None:
        parent = self._ids.get(under, under)
        posted = await self.call("POST", "/api/v1/statuses", status=text, in_reply_to_id=parent)
        self._ids[id] = posted["id"]

    async def noise(self, about: str) -> None:
        token = await self._token("noisy")
        await self.call("POST", f"/api/v1/statuses/{self._ids[about]}/reblog")
        mine = await self._post_of_ours()
        await self.call("POST", f"/api/v1/statuses/{mine}/reblog", token=token)
        await self.call("POST", f"/api/v1/statuses/{mine}/favourite", token=token)
        town = self._in_db(lambda db: str(_account(db, "town").id))
        await self.call("POST", f"/api/v1/accounts/{town}/follow", token=token)

    async def nonsense(self) -> None:
        token = await self._token("nobody")
        posted = await self.call("POST", "/api/v1/statuses", token=token, status="@town ...")
        self.way.spoilt.add(posted["id"])

    async def bar(self, id: str, how: Barred) -> None:
        author = self._in_db(lambda db: _author(db, self._ids[id]))
        town = self._in_db(lambda db: str(_account(db, "town").id))
        await self.call("POST", f"/api/v1/accounts/{town}/block", token=f"token-{author}")

    @asynccontextmanager
    async def broken(self, fault: Fault) -> AsyncIterator[None]:
        self.way.fault = fault
        try:
            yield
        finally:
            self.way.fault = None

    async def platform(self) -> Platform:
        return await self._stack.enter_async_context(opened(*settings(self.way.url)))

    def id(self, label: str) -> str:
        return self._ids[label]

    async def standing(self) -> Sequence[Stands]:
        return await asyncio.to_thread(self._in_db, _answers)

    async def calls(self) -> int:
        return self.way.calls

    async def call(self, method: str, path: str, *, token: str = TOKEN, **data: Any) -> Any:
        """Call the stand-in past the way in, as a person's own client."""
        headers = {"Authorization": f"Bearer {token}"}
        kept = {key: value for key, value in data.items() if value is not None}
        url = server().url + path
        async with self._client.request(method, url, json=kept, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def _token(self, name: str) -> str:
        if name not in self._citizens:
            self._citizens[name] = self._in_db(lambda db: _citizen(db, name))
        return f"token-{name}"

    async def _post_of_ours(self) -> str:
        posted = await self.call("POST", "/api/v1/statuses", status="Nice weather, Town!")
        return str(posted["id"])

    def _in_db(self, act: Callable[[Session], T]) -> T:
        with server().app.state.session_factory() as db:
            found = act(db)
            db.commit()
        return found


def settings(
    server: str, *, clock: Callable[[], datetime] = utcnow
) -> tuple[MastodonAccount, Around]:
    """Return what the adapter is opened with for a server."""
    account = MastodonAccount(platform="mastodon", handle="@town", server=server)
    return account, Around(
        secrets={account.variable: SecretStr(TOKEN)}, keep=Nothing(), clock=clock
    )


class Nothing:
    """The memory of an adapter that remembers nothing beyond its own life."""

    async def get(self, name: str) -> str | None:
        raise NotImplementedError

    async def put(self, name: str, value: str) -> None:
        raise NotImplementedError

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError


def _citizen(db: Session, name: str) -> str:
    made = Account(username=name, display_name=name, fields=[])
    db.add(made)
    db.flush()
    db.add(OAuthToken(access_token=f"token-{name}", account_id=made.id, scopes=["read", "write"]))
    return str(made.id)


def _crowd(db: Session, count: int, text: str) -> None:
    town = _account(db, "town").id
    for number in range(count):
        author = int(_citizen(db, f"citizen{number}"))
        words = f"@town {text}"
        made = Status(account_id=author, text=words, content=render_status_html(words))
        made.created_at, made.edit_history = utcnow(), []
        db.add(made)
        db.flush()
        attach_mentions_and_tags(db, made.id, author, words)
        add_notification(
            db, recipient_id=town, from_account_id=author, type_="mention", status_id=made.id
        )


def _account(db: Session, name: str) -> Account:
    found = db.scalar(select(Account).where(Account.username == name))
    assert found is not None
    return found


def _author(db: Session, status: str) -> str:
    found = db.get(Status, int(status))
    assert found is not None
    return found.account.username


def _picture(author: str, alt: str | None) -> Callable[[Session], str]:
    def made(db: Session) -> str:
        media = MediaAttachment(
            account_id=int(author),
            type="image",
            url="https://media.example/bin.png",
            description=alt,
        )
        db.add(media)
        db.flush()
        return str(media.id)

    return made


def _quoted(status: str, author: str) -> Callable[[Session], None]:
    """The stand-in tells nobody of a quote; Mastodon 4.5 does."""

    def made(db: Session) -> None:
        town = _account(db, "town").id
        db.add(
            Notification(
                account_id=town,
                from_account_id=int(author),
                type="quote",
                status_id=int(status),
                created_at=utcnow(),
            )
        )

    return made


def _answers(db: Session) -> list[Stands]:
    rows = db.scalars(
        select(Status)
        .where(Status.account_id == _account(db, "town").id, Status.in_reply_to_id.is_not(None))
        .order_by(Status.id)
    )
    return [
        Stands(text=each.text, under=str(each.in_reply_to_id), visibility=each.visibility)  # type: ignore[arg-type]
        for each in rows
    ]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Yield a world on the process's stand-in, emptied."""
    async with way_in() as way, aiohttp.ClientSession() as client, AsyncExitStack() as stack:
        yield MastodonWorld(way, client, stack)
