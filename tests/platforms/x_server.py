"""X on this machine: what Luister calls of its API v2, with X's limits, rules and faults."""

import asyncio
import base64
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from assistant.platforms.x.limits import ENDPOINTS
from assistant.platforms.x.oauth import REDIRECT
from assistant.platforms.x.parsing import moment, snowflake
from tests.platforms.x_contract import request_wrong, response_wrong

Item = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY: web.RequestKey[Any] = web.RequestKey("body", object)
US = "1001"
CLIENT = ("client-1", "client-secret")
SCOPES = "tweet.read users.read tweet.write dm.read dm.write offline.access"
MENTIONS = 800
AFTER = 30
FINE = "https://api.x.com/2/problems/"


@dataclass
class Tweet:
    """A post as X has it; `versions` are (id, text), the newest last."""

    author: str
    versions: list[tuple[str, str]]
    conversation: str
    parent: str | None = None
    quoted: str | None = None
    shared: str | None = None
    gone: bool = False
    hidden: str = ""
    sensitive: bool = False
    lang: str | None = "nl"
    media: list[Item] = field(default_factory=list)
    settings: str = "everyone"

    @property
    def id(self) -> str:
        return self.versions[-1][0]


class XServer:
    """One X: people, posts, direct messages, and one account of ours with OAuth 2.

    `held` questions and answers went by, `wrong` is what X's own description forbids of them.
    `names` says which words for fields it takes. `rule` is X's rule that only who mentioned or
    quoted us is answered. While not `at_ease` no token is given. `handlers` take the place of
    calls, by name; they may raise `failed`.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.people: dict[str, str] = {US: "town"}
        self.tweets: dict[str, Tweet] = {}
        self.messages: list[Item] = []
        self.closed: set[str] = set()
        self.strange: list[Any] = []
        self.fault: str | None = None
        self.names: Literal["post", "tweet"] = "post"
        self.rule = True
        self.refresh = "refresh-0"
        self.access = {"access-none"}
        self.scopes = SCOPES
        self.challenge: str | None = None
        self.at_ease = asyncio.Event()
        self.at_ease.set()
        self.calls: Counter[str] = Counter()
        self.exceeded: list[str] = []
        self.held = 0
        self.wrong: list[str] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.kept = MENTIONS
        self.handlers: dict[str, Callable[[web.Request], Item]] = {}
        self.failed = Failed
        self._recent: dict[str, deque[datetime]] = {}
        self._numbers = count(1)
        self._last = 0
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/2/oauth2/token", self._token)
        for name, endpoint in ENDPOINTS.items():
            serve: Callable[[web.Request], Item] = getattr(self, f"_{name}")
            app.router.add_route(endpoint.method, endpoint.path, self._guarded(name, serve))
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    # What people do

    def person(self, name: str) -> str:
        """Return the id of somebody, who is there from now on."""
        found = next((id for id, known in self.people.items() if known == name), None)
        if found is None:
            found = str(2000 + next(self._numbers))
            self.people[found] = name
        return found

    def post(self, author: str, text: str, **more: Any) -> str:
        """Let somebody post; return the post's id."""
        id = self.number()
        above = self.at(more.get("parent") or "")
        conversation = above.conversation if above else id
        self.tweets[id] = Tweet(author, [(id, text)], conversation, **more)
        return id

    def edit(self, id: str, text: str) -> str:
        """Let a post's author change it: it gets one more id."""
        self.tweets[id].versions.append((self.number(), text))
        return self.tweets[id].id

    def message(self, sender: str, text: str, *, other: str) -> str:
        """Send a direct message; return its id."""
        id = self.number()
        pair = sorted((sender, other), key=int)
        told = {"dm_conversation_id": "-".join(pair), "event_type": "MessageCreate"}
        self.messages.append(
            {"id": id, "text": text, "sender_id": sender, "created_at": _time(id), **told}
        )
        return id

    def number(self) -> str:
        """Return an id that is newer than all there are."""
        self._last = max(self._last + (1 << 22), snowflake(self.clock()))
        return str(self._last)

    def at(self, id: str) -> Tweet | None:
        """Return the post that has, or had, this id."""
        return next((t for t in self.tweets.values() if id in dict(t.versions)), None)

    # OAuth 2

    def allow(self, url: str) -> str:
        """Let the account's owner allow what is asked; return where the browser ends."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT[0], "S256")
        assert asked["redirect_uri"] == REDIRECT
        self.challenge, self.scopes = asked["code_challenge"], asked["scope"]
        return f"{REDIRECT}?state={asked['state']}&code=a-code"

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        basic = base64.b64encode(":".join(CLIENT).encode()).decode()
        granted = {
            "refresh_token": form.get("client_id") == CLIENT[0]
            and form.get("refresh_token") == self.refresh,
            "authorization_code": self.challenge is not None
            and form.get("code") == "a-code"
            and form.get("redirect_uri") == REDIRECT
            and _challenge(str(form.get("code_verifier"))) == self.challenge,
        }
        right = (
            request.headers.get("Authorization") == f"Basic {basic}"
            and granted.get(str(form.get("grant_type")), False)
            and self.fault != "401"
        )
        self.calls["token"] += 1
        await self.at_ease.wait()
        if not right:
            told = {"error": "invalid_request", "error_description": "the token was invalid"}
            return web.json_response(told, status=400)
        number = next(self._numbers)
        # It works once, and what it gave before ends with it.
        self.refresh, self.access = f"refresh-{number}", {f"access-{number}"}
        return web.json_response(
            {
                "token_type": "bearer",
                "expires_in": 7200,
                "access_token": f"access-{number}",
                "refresh_token": self.refresh,
                "scope": self.scopes,
            }
        )

    # What holds for every call

    def _guarded(self, name: str, serve: Callable[[web.Request], Item]) -> Handler:
        method, path = ENDPOINTS[name].method.lower(), ENDPOINTS[name].path

        async def handle(request: web.Request) -> web.StreamResponse:
            self.calls[name] += 1
            query = dict(request.query)
            self.asked.append((name, query))
            request[BODY] = await request.json() if request.can_read_body else None
            if self.names == "post":
                self.held += 1
                self.wrong += request_wrong(method, path, query=query, body=request[BODY])
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if token not in self.access or self.fault == "401":
                return _problem(401, "about:blank", "Unauthorized")
            if (stopped := self._faulty(name)) is not None:
                return stopped
            try:
                body = self.handlers.get(name, serve)(request)
            except Failed as failed:
                return _problem(failed.status, failed.type, failed.detail)
            if self.fault == "timeout_after_accept" and method != "get":
                assert request.transport is not None
                request.transport.close()
            return self._answered(name, method, path, body)

        return handle

    def _faulty(self, name: str) -> web.Response | None:
        wait = _problem(429, "about:blank", "Too Many Requests")
        if self.fault == "429 with after":
            reset = str(int((self.clock() + timedelta(seconds=AFTER)).timestamp()))
            wait.headers.update({"x-rate-limit-remaining": "0", "x-rate-limit-reset": reset})
        faults = {
            "500": _problem(503, "about:blank", "Over capacity"),
            "html": web.Response(text="<html>It works!</html>", content_type="text/html"),
            "malformed": web.json_response({"weather": ["fine"]}),
            "429": wait,
            "429 with after": wait,
        }
        if (stopped := faults.get(self.fault or "")) is not None:
            return stopped
        most, span = ENDPOINTS[name].most[0]
        recent = self._recent.setdefault(name, deque())
        while recent and recent[0] <= self.clock() - span:
            recent.popleft()
        if len(recent) >= most:
            self.exceeded.append(name)
            return _problem(429, "about:blank", "Too Many Requests")
        recent.append(self.clock())
        return None

    def _answered(self, name: str, method: str, path: str, body: Item) -> web.Response:
        data = body.get("data")
        strange = [each for each in data if each in self.strange] if isinstance(data, list) else []
        told = body
        if isinstance(data, list) and strange:
            told = {**body, "data": [each for each in data if each not in strange]}
        status = 201 if method == "post" else 200
        if self.names == "post":
            self.held += 1
            self.wrong += response_wrong(method, path, status, told)
        most, span = ENDPOINTS[name].most[0]
        recent = self._recent[name]
        headers = {
            "x-rate-limit-limit": str(most),
            "x-rate-limit-remaining": str(most - len(recent)),
            "x-rate-limit-reset": str(int((recent[0] + span).timestamp())),
        }
        return web.json_response(body, status=status, headers=headers)

    # The calls

    def _me(self, request: web.Request) -> Item:
        return {"data": self._user(US)}

    def _mentions(self, request: web.Request) -> Item:
        all = [t for t in self._there() if t.author != US and self._names_us(t)]
        newest = sorted(all, key=lambda t: int(t.id))[-self.kept :]
        return self._listed(request, newest, strange=self.strange)

    def _own(self, request: web.Request) -> Item:
        return self._listed(request, [t for t in self._there() if t.author == US and not t.shared])

    def _search(self, request: web.Request) -> Item:
        week = self.clock() - timedelta(days=7)
        for bound in (request.query.get("since_id"), request.query.get("start_time")):
            old = bound is not None and (_when(bound) < week)
            if old:
                raise Failed(400, FINE + "invalid-request", "it must be within the last 7 days")
        assert request.query["query"].startswith('(to:town OR url:"x.com/town/status") -@town')
        found = [
            t
            for t in self._there()
            if t.author != US
            and not t.shared
            and not self._names_us(t)
            and moment(t.id) > week
            and (self._author(t.parent) == US or self._author(t.quoted) == US)
        ]
        return self._listed(request, found)

    def _look(self, request: web.Request) -> Item:
        [found], errors, posts = self._looked([request.match_info["id"]])
        if found is None:
            return {"errors": errors}
        return {"data": found, "includes": self._includes(request, posts)}

    def _looks(self, request: web.Request) -> Item:
        found, errors, posts = self._looked(request.query["ids"].split(","))
        data = [each for each in found if each is not None]
        return {
            **({"data": data, "includes": self._includes(request, posts)} if data else {}),
            **({"errors": errors} if errors else {}),
        }

    def _looked(self, ids: list[str]) -> tuple[list[Item | None], list[Item], list[Tweet]]:
        found: list[Item | None] = []
        errors, posts = [], []
        for id in ids:
            tweet = self.at(id)
            if tweet is None or tweet.gone or tweet.hidden:
                why = "resource-not-found"
                if tweet and tweet.hidden and not tweet.gone:
                    why = tweet.hidden
                about = {"resource_type": "tweet", "resource_id": id, "title": "Not shown"}
                errors.append({"type": FINE + why, "detail": f"Not shown: [{id}].", **about})
                found.append(None)
            else:
                found.append(self._tweet(tweet, id))
                posts.append(tweet)
        return found, errors, posts

    def _reply(self, request: web.Request) -> Item:
        body = request[BODY]
        target = self.at(body["reply"]["in_reply_to_tweet_id"])
        if target is None or target.gone:
            raise Failed(403, "about:blank", "You attempted to reply to a Tweet that is deleted")
        if self.rule and not (self._names_us(target) or self._author(target.quoted) == US):
            raise Failed(
                403,
                "about:blank",
                "You can only reply to or quote posts where you are mentioned or are the author.",
            )
        # X puts whom it answers in front, unless the text begins so.
        handle = f"@{self.people[target.author]} "
        text = body["text"] if body["text"].startswith(handle) else handle + body["text"]
        id = self.post(US, text, parent=target.id)
        return {"data": {"id": id, "text": text}}

    def _delete(self, request: web.Request) -> Item:
        tweet = self.at(request.match_info["id"])
        if tweet is None or tweet.gone:
            raise Failed(404, FINE + "resource-not-found", "Not found")
        tweet.gone = True
        return {"data": {"deleted": True}}

    def _direct(self, request: web.Request) -> Item:
        return self._messages(request, self.messages)

    def _direct_with(self, request: web.Request) -> Item:
        pair = {US, request.match_info["participant_id"]}
        found = [each for each in self.messages if set(_pair(each)) == pair]
        return self._messages(request, found)

    def _send(self, request: web.Request) -> Item:
        other = request.match_info["participant_id"]
        if other in self.closed:
            raise Failed(403, "about:blank", "You cannot send messages to this user.")
        id = self.message(US, request[BODY]["text"], other=other)
        conversation = self.messages[-1]["dm_conversation_id"]
        return {"data": {"dm_conversation_id": conversation, "dm_event_id": id}}

    # How X tells it

    def _there(self) -> list[Tweet]:
        return [t for t in self.tweets.values() if not t.gone and not t.hidden]

    def _names_us(self, tweet: Tweet) -> bool:
        return re.search(r"@town\b", tweet.versions[-1][1]) is not None

    def _author(self, id: str | None) -> str | None:
        tweet = self.at(id) if id else None
        return tweet.author if tweet else None

    def _user(self, id: str) -> Item:
        return {
            "id": id,
            "name": self.people[id],
            "username": self.people[id],
            "receives_your_dm": id not in self.closed,
        }

    def _tweet(self, tweet: Tweet, id: str) -> Item:
        text = dict(tweet.versions)[id]
        refs = [
            {"type": type, "id": other}
            for type, other in (
                ("replied_to", tweet.parent),
                ("quoted", tweet.quoted),
                ("retweeted", tweet.shared),
            )
            if other
        ]
        text, urls = _shortened(text)
        mentions = [
            {"start": m.start(), "end": m.end(), "username": m[1], "id": self.person(m[1])}
            for m in re.finditer(r"@(\w+)", text)
        ]
        keys = [each["media_key"] for each in tweet.media]
        told: Item = {
            "id": id,
            "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
            "author_id": tweet.author,
            "conversation_id": tweet.conversation,
            "created_at": _time(id),
            "possibly_sensitive": tweet.sensitive,
            "reply_settings": tweet.settings,
            "entities": {"mentions": mentions, "urls": urls},
        }
        more = {
            "lang": tweet.lang,
            "in_reply_to_user_id": self._author(tweet.parent),
            "attachments": {"media_keys": keys} if keys else None,
            f"referenced_{self.names}s": refs or None,
            f"edit_history_{self.names}_ids": [each for each, _ in tweet.versions],
        }
        return told | {key: value for key, value in more.items() if value is not None}

    def _includes(self, request: web.Request, posts: list[Tweet]) -> Item:
        if request.query.keys() & {"post.fields", "tweet.fields"} != {f"{self.names}.fields"}:
            raise Failed(400, FINE + "invalid-request", "a parameter is unknown")
        referred = [(each.parent, each.quoted, each.shared) for each in posts]
        known = [self.at(id) for several in referred for id in several if id]
        others = {t.id: t for t in known if t is not None and not t.gone and not t.hidden}
        authors = [each.author for each in (*posts, *others.values())]
        authors += [a for each in posts if (a := self._author(each.parent)) is not None]
        return {
            "users": [self._user(id) for id in dict.fromkeys(authors)],
            f"{self.names}s": [self._tweet(t, t.id) for t in others.values()],
            "media": [each for t in posts for each in t.media],
        }

    def _listed(
        self, request: web.Request, posts: list[Tweet], *, strange: list[Any] | None = None
    ) -> Item:
        query = request.query
        since = int(query.get("since_id", "0"))
        start = _when(query["start_time"]) if "start_time" in query else moment("0")
        newest = sorted(posts, key=lambda t: int(t.id), reverse=True)
        newest = [t for t in newest if int(t.id) > since and moment(t.id) >= start]
        page, meta = _page(query, newest)
        data = [self._tweet(t, t.id) for t in page]
        if strange and "pagination_token" not in query:
            data = [*data, *strange]
        told = {"data": data, "includes": self._includes(request, page)} if data else {}
        return {**told, "meta": meta}

    def _messages(self, request: web.Request, messages: list[Item]) -> Item:
        page, meta = _page(request.query, messages[::-1])
        users = [self._user(id) for id in dict.fromkeys(each["sender_id"] for each in page)]
        return (
            {"data": page, "includes": {"users": users}, "meta": meta} if page else {"meta": meta}
        )


class Failed(Exception):
    """X refuses."""

    def __init__(self, status: int, type: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.type, self.detail = status, type, detail


def _challenge(verifier: str) -> str:
    digest = sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _page(query: Any, newest: list[Any]) -> tuple[list[Any], Item]:
    size = int(query.get("max_results", "10"))
    start = int(query.get("pagination_token", "page-000000000000000-0").rpartition("-")[2])
    page = newest[start : start + size]
    meta: Item = {"result_count": len(page)}
    if start + size < len(newest):
        meta["next_token"] = f"page-000000000000000-{start + size}"
    return page, meta


def _shortened(text: str) -> tuple[str, list[Item]]:
    """Shorten each link as X does, and tell what it was."""
    urls: list[Item] = []
    for number, link in enumerate(re.findall(r"https?://\S+", text)):
        short = f"https://t.co/short{number}"
        start = text.index(link)
        text = text.replace(link, short, 1)
        urls.append({"start": start, "end": start + len(short), "url": short, "expanded_url": link})
    return text, urls


def _pair(message: Item) -> list[str]:
    pair: list[str] = message["dm_conversation_id"].split("-")
    return pair


def _time(id: str) -> str:
    return moment(id).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _when(bound: str) -> datetime:
    if bound.isdigit():
        return moment(bound)
    return datetime.strptime(bound, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _problem(status: int, type: str, detail: str) -> web.Response:
    told = {"title": detail, "detail": detail, "type": type, "status": status}
    return web.json_response(told, status=status)
