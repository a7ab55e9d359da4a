"""A small network that speaks Bluesky's protocol, as the real one was measured to behave.

Server and AppView in one, in memory: sessions, repositories, notifications, threads, gates, blocks.
"""

import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from aiohttp import web

from assistant.checks import graphemes

POST = "app.bsky.feed.post"
GATE = "app.bsky.feed.threadgate"
BLOCK = "app.bsky.graph.block"
LOGINS = 30
"""A real server takes so many logins in five minutes."""

TID = set("234567abcdefghijklmnopqrstuvwxyz")


class Refusal(Exception):
    """What the server says no with."""

    def __init__(self, error: str, message: str = "", *, status: int = 400) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.message = message


@dataclass
class Account:
    """Somebody, with a password and a repository."""

    did: str
    handle: str
    password: str
    gone: bool = False
    logins: int = 0
    records: dict[tuple[str, str], "Record"] = field(default_factory=dict)
    blocking: set[str] = field(default_factory=set)


@dataclass
class Record:
    """A record in somebody's repository; `at` is when readers first had it."""

    uri: str
    cid: str
    value: dict[str, Any]
    at: str
    first: dict[str, Any]


class Network:
    """Everybody, and what they wrote."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.ignores_edits = False
        """Readers go on seeing a record as it was first, as some AppViews have it."""
        self.scope = "com.atproto.appPass"
        self.sockets: set[web.WebSocketResponse] = set()
        self._sessions: dict[str, tuple[str, str]] = {}
        self._numbers = itertools.count(1)
        self._last = datetime.now(UTC)

    # Sessions

    def create_account(self, _: Account | None, body: Mapping[str, Any]) -> dict[str, Any]:
        did = "did:plc:" + _letters(body["handle"])[:24]
        self.accounts[did] = Account(did, body["handle"], body["password"])
        return self._session(self.accounts[did])

    def create_session(self, _: Account | None, body: Mapping[str, Any]) -> dict[str, Any]:
        account = self._named(body["identifier"])
        if account is None or account.password != body["password"]:
            raise Refusal("AuthenticationRequired", "Invalid identifier or password", status=401)
        account.logins += 1
        if account.logins > LOGINS:
            raise Refusal("RateLimitExceeded", "Rate Limit Exceeded", status=429)
        return self._session(account)

    def refresh_session(self, viewer: Account | None, _: Mapping[str, Any]) -> dict[str, Any]:
        return self._session(_known(viewer))

    def _session(self, account: Account) -> dict[str, Any]:
        made = {kind: self._token(account.did, kind) for kind in ("access", "refresh")}
        return {
            "did": account.did,
            "handle": account.handle,
            "accessJwt": made["access"],
            "refreshJwt": made["refresh"],
        }

    def _token(self, did: str, kind: str) -> str:
        said = {"sub": did, "scope": self.scope, "jti": str(next(self._numbers))}
        parts = ({"alg": "none"}, said | {"exp": 4_000_000_000})
        coded = (base64.urlsafe_b64encode(json.dumps(each).encode()) for each in parts)
        token = ".".join(each.decode().rstrip("=") for each in coded) + ".c2ln"
        self._sessions[token] = (did, kind)
        return token

    def forget_sessions(self, kind: str) -> None:
        """Let all tokens of this kind expire."""
        self._sessions = {key: held for key, held in self._sessions.items() if held[1] != kind}

    def viewer(self, authorization: str, *, method: str) -> Account | None:
        """Return whose token this is; a token that is no good is refused as a real server does."""
        if method in OPEN:
            return None
        held = self._sessions.get(authorization.removeprefix("Bearer "))
        wanted = "refresh" if method == "com.atproto.server.refreshSession" else "access"
        if held is None or held[1] != wanted:
            raise Refusal("ExpiredToken", "Token has expired")
        return self.accounts[held[0]]

    def deactivate(self, viewer: Account | None, _: Mapping[str, Any]) -> dict[str, Any]:
        _known(viewer).gone = True
        return {}

    # Repositories

    def put(self, viewer: Account | None, body: Mapping[str, Any]) -> dict[str, Any]:
        account, key = _known(viewer), body.get("rkey") or self._key()
        value = body["record"]
        _check(body["collection"], key, value)
        place = (body["collection"], key)
        if place[0] == BLOCK:
            account.blocking.add(value["subject"])
        uri = f"at://{account.did}/{place[0]}/{place[1]}"
        cid = "bafyrei" + _letters(json.dumps(value, sort_keys=True))[:52]
        old = account.records.get(place)
        first = old.first if old else value
        account.records[place] = Record(uri, cid, value, old.at if old else self._moment(), first)
        return {"uri": uri, "cid": cid, "validationStatus": "valid"}

    def create(self, viewer: Account | None, body: Mapping[str, Any]) -> dict[str, Any]:
        if (body["collection"], body.get("rkey")) in _known(viewer).records:
            # So it was measured: not a conflict.
            raise Refusal("InternalServerError", "Internal Server Error", status=500)
        return self.put(viewer, body)

    def delete(self, viewer: Account | None, body: Mapping[str, Any]) -> dict[str, Any]:
        _known(viewer).records.pop((body["collection"], body["rkey"]), None)
        return {}

    def get(self, _: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        found = self.accounts[query["repo"]].records.get((query["collection"], query["rkey"]))
        if found is None:
            raise Refusal("RecordNotFound", f"Could not locate record: {query['rkey']}")
        return {"uri": found.uri, "cid": found.cid, "value": found.value}

    def records(self, _: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        held = self.accounts[query["repo"]].records.items()
        rows = [each for (kind, _), each in held if kind == query["collection"]]
        return {"records": [{"uri": e.uri, "cid": e.cid, "value": e.value} for e in rows]}

    def upload(self, _: Account | None, body: Mapping[str, Any]) -> dict[str, Any]:
        link = "bafkrei" + _letters(str(next(self._numbers)))[:52]
        size = len(body["bytes"])
        ref = {"$type": "blob", "ref": {"$link": link}, "mimeType": "image/png", "size": size}
        return {"blob": ref}

    def resolve(self, _: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        found = self._named(query["handle"])
        if found is None:
            raise Refusal("InvalidRequest", "Unable to resolve handle")
        return {"did": found.did}

    def _named(self, handle: str) -> Account | None:
        return next((each for each in self.accounts.values() if each.handle == handle), None)

    def _key(self) -> str:
        number = next(self._numbers)
        return "3k" + "".join("234567abcdefghijklmnopqrstuvwxyz"[(number >> s) & 31]
                              for s in range(50, -1, -5))  # fmt: skip

    def _moment(self) -> str:
        """Return the time; of two records made in one millisecond the second is later."""
        self._last = max(datetime.now(UTC), self._last + timedelta(milliseconds=1))
        return _iso(self._last)

    # What readers see

    def notifications(self, viewer: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        me, wanted = _known(viewer), query.get("reasons")
        rows = [
            {
                **self._view(record, me),
                "reason": reason,
                "isRead": False,
                "indexedAt": _sorted(record),
            }
            for author in self._seen(me)
            if author is not me
            for record in author.records.values()
            if (reason := self._reason(record, me)) and (wanted is None or reason in wanted)
        ]
        return _page(rows, "notifications", query, at=lambda row: row["indexedAt"])

    def feed(self, viewer: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        account = self.accounts[query["actor"]]
        rows = [
            {"post": self._view(each, _known(viewer))}
            for (kind, _), each in account.records.items()
            if kind == POST
        ]
        return _page(rows, "feed", query, at=lambda row: row["post"]["indexedAt"])

    def posts(self, viewer: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        me = _known(viewer)
        if len(query["uris"]) > 25:
            raise Refusal("InvalidRequest", "uris must not have more than 25 elements")
        found = [self._post(uri) for uri in dict.fromkeys(query["uris"])]
        seen = [each for each in found if each and not self._blocked(me, each.uri)]
        return {"posts": [self._view(each, me) for each in seen]}

    def thread(self, viewer: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        me, uri = _known(viewer), query["uri"]
        found = self._post(uri)
        if found is None:
            raise Refusal("NotFound", f"Post not found: {uri}")
        if self._blocked(me, uri):
            kind = "app.bsky.feed.defs#blockedPost"
            return {"thread": {"$type": kind, "uri": uri, "blocked": True}}
        under = [
            {"$type": "app.bsky.feed.defs#threadViewPost", "post": self._view(each, me)}
            for account in self._seen(me)
            for (kind, _), each in account.records.items()
            if kind == POST and _above(each) == uri and not self._closed(found.uri, account)
        ]
        shown = {"replies": under} if int(query.get("depth", 6)) else {}
        post = self._view(found, me)
        return {"thread": {"$type": "app.bsky.feed.defs#threadViewPost", "post": post, **shown}}

    def profile(self, _: Account | None, query: Mapping[str, Any]) -> dict[str, Any]:
        found = self.accounts.get(query["actor"])
        if found is None or found.gone:
            raise Refusal("InvalidRequest", "Profile not found")
        return {"did": found.did, "handle": found.handle}

    def _seen(self, me: Account) -> Iterator[Account]:
        for each in self.accounts.values():
            if not each.gone and not self._blocked(me, f"at://{each.did}/"):
                yield each

    def _post(self, uri: str) -> Record | None:
        owner, kind, key = uri.removeprefix("at://").split("/")
        account = self.accounts.get(owner)
        return account.records.get((kind, key)) if account and not account.gone else None

    def _blocked(self, me: Account, uri: str) -> bool:
        other = self.accounts.get(uri.split("/")[2])
        return other is not None and (_blocks(me, other) or _blocks(other, me))

    def _closed(self, uri: str, me: Account) -> bool:
        """Say whether a gate at the root of this post's thread keeps `me` from answering."""
        found = self._post(uri)
        root = (found.value.get("reply") or {}).get("root", {}).get("uri", uri) if found else uri
        owner, _, key = root.removeprefix("at://").split("/")
        account = self.accounts.get(owner)
        gate = account.records.get((GATE, key)) if account else None
        return gate is not None and account is not me and gate.value.get("allow") == []

    def _reason(self, record: Record, me: Account) -> str | None:
        kind, subject = record.uri.split("/")[3], record.value.get("subject")
        mine = f"at://{me.did}/"
        if kind != POST:
            about = subject["uri"] if isinstance(subject, dict) else subject
            ours = isinstance(about, str) and (about == me.did or about.startswith(mine))
            return kind.rsplit(".", 1)[-1] if ours and kind != BLOCK else None
        if (_above(record) or "").startswith(mine):
            return "reply"
        quoted = (record.value.get("embed") or {}).get("record", {})
        if quoted.get("uri", "").startswith(mine):
            return "quote"
        features = [one for each in record.value.get("facets", []) for one in each["features"]]
        return "mention" if any(each.get("did") == me.did for each in features) else None

    def _view(self, record: Record, me: Account) -> dict[str, Any]:
        author = self.accounts[record.uri.split("/")[2]]
        value = record.first if self.ignores_edits else record.value
        labels = (value.get("labels") or {}).get("values", [])
        closed = {"replyDisabled": True} if self._closed(record.uri, me) else {}
        return {
            "uri": record.uri,
            "cid": record.cid,
            "author": {
                "did": author.did,
                "handle": author.handle,
                "viewer": {"muted": False, "blockedBy": _blocks(author, me)},
            },
            "record": value,
            **self._embedded(value.get("embed"), me),
            "indexedAt": _sorted(record),
            "viewer": closed,
            "labels": [{"src": author.did, "uri": record.uri, "val": e["val"]} for e in labels],
        }

    def _embedded(self, embed: dict[str, Any] | None, me: Account) -> dict[str, Any]:
        if not embed:
            return {}
        kind = embed["$type"] + "#view"
        if "images" in embed:
            place = "https://cdn.example/"
            rows = [
                {"alt": each["alt"], "fullsize": place + each["image"]["ref"]["$link"]}
                for each in embed["images"]
            ]
            return {"embed": {"$type": kind, "images": rows}}
        quoted = self._post(embed["record"]["uri"])
        shown = self._view(quoted, me) if quoted else {"notFound": True}
        row = {**shown, "value": shown.pop("record", None)}
        return {"embed": {"$type": kind, "record": row}}


def _known(viewer: Account | None) -> Account:
    if viewer is None:
        raise Refusal("AuthenticationRequired", "Authentication Required", status=401)
    return viewer


def _letters(text: str) -> str:
    return base64.b32encode(sha256(text.encode()).digest() * 2).decode().lower().rstrip("=")


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sorted(record: Record) -> str:
    """Return where readers' lists put a record: its author's clock may put it back, never ahead."""
    written = datetime.fromisoformat(record.value["createdAt"])
    return min(_iso(written.astimezone(UTC)), record.at)


def _above(record: Record) -> str | None:
    above: str | None = (record.value.get("reply") or {}).get("parent", {}).get("uri")
    return above


def _blocks(one: Account, other: Account) -> bool:
    return other.did in one.blocking


def _check(collection: str, key: str, value: Mapping[str, Any]) -> None:
    if collection != POST:
        return
    if len(key) != 13 or set(key) - TID:
        raise Refusal("InvalidRequest", "Invalid record key")
    if graphemes(value["text"]) > 300 or len(value["text"].encode()) > 3000:
        raise Refusal("InvalidRequest", "Invalid app.bsky.feed.post record: too big")


def _page(
    rows: list[dict[str, Any]], key: str, query: Mapping[str, Any], *, at: Callable[..., str]
) -> dict[str, Any]:
    """Return the newest rows before the cursor, which is a time, and where to go on."""
    before, limit = query.get("cursor"), int(query.get("limit", 50))
    older = [each for each in rows if before is None or at(each) < before]
    older.sort(key=at, reverse=True)
    shown = older[:limit]
    return {key: shown, **({"cursor": at(shown[-1])} if shown else {})}


OPEN = ("com.atproto.server.createAccount", "com.atproto.server.createSession")
METHODS: dict[str, Callable[[Network, Account | None, Mapping[str, Any]], dict[str, Any]]] = {
    OPEN[0]: Network.create_account,
    OPEN[1]: Network.create_session,
    "com.atproto.server.refreshSession": Network.refresh_session,
    "com.atproto.server.deactivateAccount": Network.deactivate,
    "com.atproto.identity.resolveHandle": Network.resolve,
    "com.atproto.repo.createRecord": Network.create,
    "com.atproto.repo.putRecord": Network.put,
    "com.atproto.repo.deleteRecord": Network.delete,
    "com.atproto.repo.getRecord": Network.get,
    "com.atproto.repo.listRecords": Network.records,
    "com.atproto.repo.uploadBlob": Network.upload,
    "app.bsky.actor.getProfile": Network.profile,
    "app.bsky.feed.getAuthorFeed": Network.feed,
    "app.bsky.feed.getPosts": Network.posts,
    "app.bsky.feed.getPostThread": Network.thread,
    "app.bsky.notification.listNotifications": Network.notifications,
}


@asynccontextmanager
async def served(network: Network | None = None) -> AsyncIterator[str]:
    """Serve a network on 127.0.0.1, a new one unless given; yield its URL."""
    network = network or Network()

    async def call(request: web.Request) -> web.Response:
        try:
            method = request.match_info["method"]
            viewer = network.viewer(request.headers.get("Authorization", ""), method=method)
            answer = METHODS[method](network, viewer, await _asked(request))
        except Refusal as no:
            body = {"error": no.error, "message": no.message}
            return web.json_response(body, status=no.status)
        if request.method == "POST":
            for each in network.sockets:
                # A real stream speaks CBOR, in which texts stand as they are, in UTF-8.
                await each.send_bytes(b"\xa2\x61t\x67#commit" + await request.read())
        return web.json_response(answer)

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        network.sockets.add(socket)
        async for _ in socket:
            pass
        network.sockets.discard(socket)
        return socket

    app = web.Application()
    app.router.add_get("/xrpc/com.atproto.sync.subscribeRepos", stream)
    app.router.add_route("*", "/xrpc/{method}", call)
    async with listening(app) as url:
        yield url


async def _asked(request: web.Request) -> dict[str, Any]:
    if request.method == "POST":
        raw = await request.read()
        return json.loads(raw) if request.content_type == "application/json" else {"bytes": raw}
    query = request.query
    many = {key: query.getall(key) for key in ("uris", "reasons") if key in query}
    return dict(query) | many


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Serve `app` on a free port of 127.0.0.1; yield its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
