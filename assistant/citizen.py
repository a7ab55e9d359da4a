"""A citizen of the demo's Bluesky: joins, writes to the town, and sees the answer arrive."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import LuisterError

FILE = "citizen.json"
POSTS = "app.bsky.feed.post"


class NoNetwork(LuisterError):
    """The demo's Bluesky cannot be reached, or refused."""


class Member(BaseModel):
    """Somebody with an account on a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str
    handle: str
    did: str
    password: str = Field(repr=False)


class Citizen(BaseModel):
    """The demo's citizen, and whom they write to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    me: Member
    town: Member

    def keep(self, state: Path) -> None:
        """Leave in `state` what `known` finds there."""
        path = state / FILE
        path.touch(mode=0o600)  # it holds passwords, if only of a throwaway network
        path.write_text(self.model_dump_json(), "utf-8")


def known(state: Path) -> Citizen:
    """Return the citizen of the demo that runs with this folder; raises NoNetwork without one."""
    try:
        return Citizen.model_validate_json((state / FILE).read_text("utf-8"))
    except (OSError, ValidationError):
        raise NoNetwork(
            f"{state}: no demo with Bluesky here; start `make demo PLATFORM=bluesky` first"
        ) from None


async def join(server: str, name: str) -> Member:
    """Make an account called `name`.test."""
    handle, password = f"{name}.test", secrets.token_hex(16)
    body = {"handle": handle, "email": f"{handle}@example.test", "password": password}
    async with aiohttp.ClientSession() as http:
        told = await _call(http, server, "com.atproto.server.createAccount", json=body)
    return Member(server=server, handle=handle, did=told["did"], password=password)


@asynccontextmanager
async def _signed(me: Member) -> AsyncIterator[aiohttp.ClientSession]:
    body = {"identifier": me.handle, "password": me.password}
    async with aiohttp.ClientSession() as http:
        told = await _call(http, me.server, "com.atproto.server.createSession", json=body)
    headers = {"Authorization": f"Bearer {told['accessJwt']}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        yield http


async def _call(http: aiohttp.ClientSession, server: str, method: str, **sent: Any) -> Any:
    ask = http.post if "json" in sent else http.get
    try:
        async with ask(f"{server}/xrpc/{method}", **sent) as answer:
            if answer.status != 200:
                raise NoNetwork(f"{method}: {answer.status}")
            return await answer.json()
    except aiohttp.ClientError as error:
        raise NoNetwork(f"no Bluesky at {server}: {type(error).__name__}") from error


async def say(citizen: Citizen, text: str) -> str:
    """Mention the town in a post; return the post's id."""
    me, name = citizen.me, f"@{citizen.town.handle}"
    # A mention is a link to the account; the letters alone are told to nobody.
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": citizen.town.did}
    index = {"byteStart": 0, "byteEnd": len(name.encode())}
    record = {
        "$type": POSTS,
        "text": f"{name} {text}",
        "facets": [{"index": index, "features": [feature]}],
        "langs": ["nl"],
        "createdAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    body = {"repo": me.did, "collection": POSTS, "record": record}
    async with _signed(me) as http:
        told = await _call(http, me.server, "com.atproto.repo.createRecord", json=body)
    return str(told["uri"])


async def answered(citizen: Citizen, uri: str) -> str:
    """Wait until an answer stands under the post, as the citizen's app would show it."""
    me, place = citizen.me, {"uri": uri, "depth": 1}
    async with _signed(me) as http:
        while True:
            # A post that is a moment old has no thread yet.
            try:
                told = await _call(http, me.server, "app.bsky.feed.getPostThread", params=place)
            except NoNetwork as error:
                if "400" not in str(error):
                    raise
                told = {"thread": {}}
            if replies := told["thread"].get("replies"):
                return str(replies[0]["post"]["record"]["text"])
            await asyncio.sleep(0.5)
