"""Bluesky's world: citizens on a stand-in network, or on a real one that runs on this machine.

Citizens speak the protocol themselves, so the same world holds both to the contract. A real
network is used where LUISTER_BLUESKY names its server (`make test-bluesky` does).
"""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from assistant.case import Addressed, Barred
from assistant.config import BlueskyAccount
from assistant.platforms import Around, Platform
from assistant.platforms.bluesky import opened
from tests.platforms import bluesky_network
from tests.platforms.bluesky_faults import NOTIFICATIONS, Between
from tests.platforms.contract import PRIVATE, Doing, Fault, Shows, Stands, World

RECORDED = Path(__file__).parent / "recorded" / "bluesky"
SAMPLES = tuple(each.read_text("utf-8") for each in sorted(RECORDED.glob("*.json")))
SKIPS = dict.fromkeys(PRIVATE, "Bluesky's direct messages have no server to run and no public text")

REAL = os.environ.get("LUISTER_BLUESKY", "")
PASSWORD = "hunter2-hunter2"
POST = "app.bsky.feed.post"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cf"
    "c000000301010018dd8db00000000049454e44ae426082"
)
PATIENCE = 20.0
"""Seconds in which a real network has long shown what was written (measured: 1 s)."""


class Memory:
    """What adapters remember, as `assistant.platforms.Keep` asks."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def get(self, name: str) -> str | None:
        return self.held.get(name)

    async def put(self, name: str, value: str) -> None:
        self.held[name] = value

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        async with self._lock:
            yield


class Person:
    """Somebody with an account, who speaks to the server directly."""

    def __init__(
        self, http: aiohttp.ClientSession, server: str, session: Mapping[str, Any]
    ) -> None:
        self.did: str = session["did"]
        self.handle: str = session["handle"]
        self._http = http
        self._server = server
        self._signed = {"Authorization": f"Bearer {session['accessJwt']}"}

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Read; an answer other than 200 is returned with its `error`."""
        url = f"{self._server}/xrpc/{method}"
        async with self._http.get(url, params=params, headers=self._signed) as answer:
            body: dict[str, Any] = await answer.json()
            return body

    async def tell(self, method: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """Write."""
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        url = f"{self._server}/xrpc/{method}"
        async with self._http.post(url, headers=self._signed | headers, **sent) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else {}

    async def put(
        self, collection: str, value: Mapping[str, Any], *, key: str | None = None
    ) -> dict[str, str]:
        """Write a record; return where it stands."""
        record = {"$type": collection, "createdAt": now(), **value}
        held = {"repo": self.did, "collection": collection, "record": record}
        method, place = ("put", {"rkey": key}) if key else ("create", {})
        told = await self.tell(f"com.atproto.repo.{method}Record", held | place)
        return {"uri": told["uri"], "cid": told["cid"]}


async def joined(http: aiohttp.ClientSession, server: str, name: str) -> Person:
    """Make an account; on a real network no two have the same name."""
    short = re.sub(r"[^a-z0-9]", "", name.lower())[:10]
    handle = f"{short}{secrets.token_hex(3)}.test"
    body = {"handle": handle, "email": f"{handle}@example.test", "password": PASSWORD}
    async with http.post(f"{server}/xrpc/com.atproto.server.createAccount", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return Person(http, server, await answer.json())


def now() -> str:
    """Return the time as records hold it."""
    return _iso(datetime.now(UTC))


def _next(moment: str) -> str:
    return _iso(datetime.fromisoformat(moment) + timedelta(milliseconds=1))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return once `true` is."""
    async with asyncio.timeout(PATIENCE):
        while not await true():
            await asyncio.sleep(0.02)


class BlueskyWorld:
    """Citizens, and the town's account, on one network."""

    many = 130
    allowed = (3000.0, 300.0)
    ways: Sequence[Addressed] = ("mention", "reply", "quote")
    bars: Sequence[Barred] = ("replies_closed", "blocked", "account_gone")
    shows: frozenset[Shows] = frozenset({"warning", "language", "images"})

    def __init__(self, server: str, http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.server = server
        self.between = Between(server, after=self._settled if REAL else None)
        self.memory = Memory()
        self.people: dict[str, Person] = {}
        self.made: dict[str, dict[str, Any]] = {}
        self._http = http
        self._stack = stack
        self._last = now()

    async def begin(self) -> None:
        """Make the town's account, and a post of its own that citizens may answer."""
        self.url = await self._stack.enter_async_context(self.between.served())
        self.town = await joined(self._http, self.server, "town")
        text = "The market is on Saturday."
        self.first = await self.town.put(POST, {"text": text})
        await until(partial(self._shows, self.first["uri"], text))

    async def citizen(self, *doings: Doing) -> None:
        for each in doings:
            await getattr(self, f"_{each.event}")(each)
        await until(partial(self._arrived, [each for each in doings if each.event == "new"]))

    async def _new(self, doing: Doing) -> None:
        person = await self.person(doing.author)
        above = self.made.get(doing.parent or "")
        record = await self._record(person, doing, above)
        self.made[doing.id] = {
            "person": person,
            "record": record,
            "root": (above or {}).get("root"),
            "addressed": doing.addressed,
            **await person.put(POST, record),
        }
        self.made[doing.id]["root"] = self.made[doing.id]["root"] or _ref(self.made[doing.id])

    async def _record(
        self, person: Person, doing: Doing, above: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        # Lists are ordered by this: two posts of one millisecond have no order.
        self._last = max(now(), _next(self._last))
        record: dict[str, Any] = {"text": doing.text, "createdAt": self._last}
        if above:
            record["reply"] = {"root": above["root"], "parent": _ref(above)}
        elif doing.addressed == "reply":
            record["reply"] = {"root": self.first, "parent": self.first}
        if doing.addressed == "mention":
            record |= mentioning(self.town, doing.text)
        elif doing.addressed == "quote":
            record["embed"] = {"$type": "app.bsky.embed.record", "record": self.first}
        if doing.warning:
            values = [{"val": "graphic-media"}]
            record["labels"] = {"$type": "com.atproto.label.defs#selfLabels", "values": values}
        if doing.language:
            record["langs"] = [doing.language]
        if doing.images:
            method, kind = "com.atproto.repo.uploadBlob", {"Content-Type": "image/png"}
            blobs = [(await person.tell(method, PNG, **kind))["blob"] for _ in doing.images]
            images = [
                {"alt": each.alt or "", "image": blob}
                for each, blob in zip(doing.images, blobs, strict=True)
            ]
            record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
        return record

    async def _edited(self, doing: Doing) -> None:
        made = self.made[doing.id]
        record = made["record"] | mentioning(self.town, doing.text)
        await made["person"].put(POST, record, key=_key(made))
        await until(lambda: self._shows(made["uri"], record["text"]))

    async def _deleted(self, doing: Doing) -> None:
        made = self.made[doing.id]
        place = {"repo": made["person"].did, "collection": POST, "rkey": _key(made)}
        await made["person"].tell("com.atproto.repo.deleteRecord", place)
        await until(lambda: self._shows(made["uri"], None))

    async def _shows(self, uri: str, text: str | None) -> bool:
        """Say whether readers see this text at `uri`; None: nothing any more."""
        found = (await self.town.ask("app.bsky.feed.getPosts", uris=uri))["posts"]
        return (found[0]["record"]["text"] if found else None) == text

    async def _arrived(self, doings: Sequence[Doing]) -> bool:
        """Say whether all these posts can be read, and those that address us are notified."""
        made = [self.made[each.id] for each in doings]
        told = {each["uri"] for each in made if each["addressed"]}
        others = [each for each in made if not each["addressed"]]
        return (not told or told <= await self._noted()) and all(
            [await self._shows(each["uri"], each["record"]["text"]) for each in others]
        )

    async def _noted(self, key: str = "uri") -> set[str]:
        """Return this of all that we are notified of."""
        found: set[str] = set()
        further: dict[str, str] = {}
        while True:
            told = await self.town.ask(NOTIFICATIONS, limit=100, **further)
            found |= {each[key] for each in told["notifications"]}
            if "cursor" not in told:
                return found
            further = {"cursor": told["cursor"]}

    async def _settled(self, method: str, sent: Any, told: Any) -> None:
        """Wait until readers of a real network have what the adapter wrote."""
        if method.endswith("putRecord"):
            await until(lambda: self._shows(told["uri"], sent["record"]["text"]))
        elif method.endswith("deleteRecord"):
            uri = f"at://{sent['repo']}/{sent['collection']}/{sent['rkey']}"
            await until(lambda: self._shows(uri, None))

    async def person(self, name: str) -> Person:
        """Return the citizen of this name, who joins when first named."""
        if name not in self.people:
            self.people[name] = await joined(self._http, self.server, name)
        return self.people[name]

    async def ours(self, id: str, *, under: str, text: str) -> None:
        above = self.made[under]
        reply = {"root": above["root"], "parent": _ref(above)}
        made = await self.town.put(POST, {"text": text, "reply": reply})
        self.made[id] = {"person": self.town, "root": above["root"], **made}
        await until(lambda: self._shows(made["uri"], text))

    async def noise(self, about: str) -> None:
        fan, post = await self.person("fan"), _ref(self.made[about])
        await fan.put("app.bsky.feed.like", {"subject": self.first})
        await fan.put("app.bsky.feed.repost", {"subject": self.first})
        await fan.put("app.bsky.feed.repost", {"subject": post})
        await fan.put("app.bsky.graph.follow", {"subject": self.town.did})

        async def noticed() -> bool:
            return {"like", "repost", "follow"} <= await self._noted("reason")

        await until(noticed)

    async def nonsense(self) -> None:
        number = len(self.between.nonsense)
        uri = f"at://did:plc:nobody/app.bsky.feed.thought/{number}"
        self.between.nonsense.append({"uri": uri, "reason": "telepathy", "indexedAt": now()})

    async def bar(self, id: str, how: Barred) -> None:
        made, person = self.made[id], self.made[id]["person"]
        if how == "replies_closed":
            gate = {"post": made["uri"], "allow": []}
            await person.put("app.bsky.feed.threadgate", gate, key=_key(made))
        elif how == "blocked":
            await person.put("app.bsky.graph.block", {"subject": self.town.did})
        else:
            await person.tell("com.atproto.server.deactivateAccount", {})

        async def done() -> bool:
            found = (await self.town.ask("app.bsky.feed.getPosts", uris=made["uri"]))["posts"]
            return not found or bool(found[0]["viewer"].get("replyDisabled"))

        await until(done)

    @asynccontextmanager
    async def broken(self, fault: Fault) -> AsyncIterator[None]:
        self.between.fault = fault
        yield
        self.between.fault = None

    async def platform(self) -> Platform:
        account = BlueskyAccount(
            platform="bluesky",
            handle=f"@{self.town.handle}",
            service=self.url,
            variable="TOWN_PASSWORD",
            stream=f"{self.server.replace('http', 'ws', 1)}/xrpc/com.atproto.sync.subscribeRepos",
        )
        around = Around(
            secrets={"TOWN_PASSWORD": SecretStr(PASSWORD)},
            keep=self.memory,
            clock=lambda: datetime.now(UTC),
        )
        return await self._stack.enter_async_context(opened(account, around))

    def id(self, label: str) -> str:
        return str(self.made[label]["uri"])

    async def standing(self) -> Sequence[Stands]:
        method = "com.atproto.repo.listRecords"
        held = await self.town.ask(method, repo=self.town.did, collection=POST, limit=100)
        values = [each["value"] for each in held["records"] if "reply" in each["value"]]
        values.sort(key=lambda each: each["createdAt"])
        return [Stands(text=each["text"], under=each["reply"]["parent"]["uri"]) for each in values]

    async def calls(self) -> int:
        return len(self.between.calls)


def mentioning(town: Person, text: str) -> dict[str, Any]:
    """Return a text that mentions us, with the facet without which it would be no mention."""
    name = f"@{town.handle}"
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": town.did}
    index = {"byteStart": 0, "byteEnd": len(name)}
    return {"text": f"{name} {text}", "facets": [{"index": index, "features": [feature]}]}


def _ref(made: Mapping[str, Any]) -> dict[str, str]:
    return {"uri": made["uri"], "cid": made["cid"]}


def _key(made: Mapping[str, Any]) -> str:
    return str(made["uri"]).rsplit("/", 1)[-1]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Yield a world of its own, on a stand-in unless a real network is named."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        server = REAL or await stack.enter_async_context(bluesky_network.served())
        made = BlueskyWorld(server, http, stack)
        await made.begin()
        yield made
