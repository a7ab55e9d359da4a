"""Calls to X's API v2, and its refusals as errors by what to do next."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import aiohttp

from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.platforms.x.limits import ENDPOINTS, Windows
from assistant.platforms.x.oauth import AGAIN, Token, Tokens
from assistant.retry import retry_after

# Below the 10 s one call to a platform may take.
TIMEOUT = aiohttp.ClientTimeout(total=8, sock_connect=4)

_USER = {"user.fields": "receives_your_dm,username"}
_MEDIA = {"media.fields": "alt_text,media_key,preview_image_url,type,url"}

FIELDS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "post": (
        {
            "post.fields": "attachments,conversation_id,created_at,entities,lang,note_post,"
            "possibly_sensitive,reply_settings",
            "expansions": "author_id,referenced_posts,in_reply_to_user_id,edit_history_post_ids,"
            "attachments.media_keys",
            **_USER,
            **_MEDIA,
        },
        {
            "tweet.fields": "attachments,author_id,conversation_id,created_at,"
            "edit_history_tweet_ids,entities,in_reply_to_user_id,lang,note_tweet,"
            "possibly_sensitive,referenced_tweets,reply_settings",
            "expansions": "author_id,referenced_tweets.id,referenced_tweets.id.author_id,"
            "in_reply_to_user_id,attachments.media_keys",
            **_USER,
            **_MEDIA,
        },
    ),
    "dm": (
        {
            "dm_event.fields": "attachments,created_at,dm_conversation_id,entities,event_type,"
            "id,text",
            "event_types": "MessageCreate",
            "expansions": "sender_id,attachments.media_keys",
            **_USER,
            **_MEDIA,
        },
        {
            "dm_event.fields": "attachments,created_at,dm_conversation_id,entities,event_type,"
            "id,sender_id,text",
            "event_types": "MessageCreate",
            "expansions": "sender_id,attachments.media_keys",
            **_USER,
            **_MEDIA,
        },
    ),
}
"""What is asked for: as X's description of its API (2.167) calls it, then as its guides do."""

RULE = (
    "through its API X lets an account answer only who mentioned it or quoted its post "
    "(since 2026-02-23, save on the Enterprise plan)"
)


class Wire:
    """X's API with one account's token; nothing is tried twice but after a token was refused."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base: str,
        tokens: Tokens,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._base = base
        self._tokens = tokens
        self._clock = clock
        self._windows = Windows(clock)
        self._names: int | None = None

    def free(self, name: str) -> bool:
        """Say whether the limits allow this call now."""
        return self._windows.wait(name) <= 0

    async def scopes(self) -> frozenset[str]:
        """Return what the account's owner allowed."""
        return frozenset((await self._tokens.access()).scope.split())

    async def call(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call an endpoint of ENDPOINTS; return X's answer.

        Raises TryAgain, also before the call where a limit is used up; Doubtful where a write may
        have been taken; Refused or Barred with what to do.
        """
        fields = FIELDS.get(ENDPOINTS[name].fields)
        asked = dict(query or {})
        if fields is None:
            return await self._called(name, path=path, query=asked, body=body)
        if self._names is not None:
            return await self._called(name, path=path, query={**asked, **fields[self._names]})
        # Nobody outside X can tell which names it takes: the first that it takes are remembered.
        try:
            answer = await self._called(name, path=path, query={**asked, **fields[0]})
            self._names = 0
        except _Malformed:
            answer = await self._called(name, path=path, query={**asked, **fields[1]})
            self._names = 1
        return answer

    async def _called(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if (wait := self._windows.wait(name)) > 0:
            raise TryAgain(f"{name}: the limit of X is used up", after=wait)
        url = self._base + ENDPOINTS[name].path.format(**(path or {}))
        token = await self._tokens.access()
        try:
            return await self._once(name, url, token, query=query, body=body)
        except _Unauthorised:
            # Surely not done. Another process may have had the token renewed meanwhile.
            token = await self._tokens.renewed(token)
        try:
            return await self._once(name, url, token, query=query, body=body)
        except _Unauthorised:
            raise Barred(f"{name}: X takes no token of this account: {AGAIN}") from None

    async def _once(
        self,
        name: str,
        url: str,
        token: Token,
        *,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        method = ENDPOINTS[name].method
        headers = {"Authorization": f"Bearer {token.access.get_secret_value()}"}
        self._windows.took(name)
        try:
            async with self._session.request(
                method, url, params=query, json=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryAgain(f"{name}: X cannot be reached ({type(error).__name__})") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _lost(method)(f"{name}: no whole answer ({type(error).__name__})") from None
        data = _object(content)
        if answer.status in (200, 201) and data is not None:
            self._windows.told(name, answer.headers)
            return data
        raise self._refusal(name, answer.status, answer.headers, data)

    def _refusal(
        self, name: str, status: int, headers: Mapping[str, str], data: dict[str, Any] | None
    ) -> LuisterError:
        method = ENDPOINTS[name].method
        if status == 429:
            asked = retry_after(headers, now=self._clock())
            after = self._windows.refused(name, headers, asked=asked)
            return TryAgain(f"{name}: X asks us to wait", after=after)
        if status >= 500 or status < 300:
            said = f"HTTP {status}" if status >= 500 else "an answer that is none"
            return _lost(method)(f"{name}: {said}")
        return refusal(name, status, data or {})


class _Unauthorised(Refused):
    """The access token is not taken."""


class _Malformed(Refused):
    """X does not understand the question."""


def refusal(name: str, status: int, data: Mapping[str, Any]) -> LuisterError:
    """Return what X's refusal means; its own words are never passed on, they may quote."""
    said = json.dumps(data).casefold()
    if status == 401:
        return _Unauthorised(f"{name}: HTTP 401")
    if status == 402 or "creditsdepleted" in said:
        return Barred(f"{name}: the X account has no credits left: top up in X's developer console")
    if status == 400:
        return _Malformed(f"{name}: X does not understand the question (HTTP 400)")
    if status == 403:
        return _forbidden(name, said)
    if status == 404:
        return Refused(f"{name}: it is not there (any more)")
    return Refused(f"{name}: X refuses it (HTTP {status})")


# What X's words of a 403 hold, and what to tell; the first that is found counts.
_FORBIDDEN: tuple[tuple[str, type[Refused], str], ...] = (
    (
        "client-not-enrolled",
        Barred,
        "the app belongs to no project with this plan: see X's console",
    ),
    ("client-forbidden", Barred, "the app may not use the API: see X's developer console"),
    ("account is suspended", Barred, "the account is suspended: see X's developer console"),
    ("oauth2 permissions", Barred, f"a permission is missing: {AGAIN}"),
    ("scope", Barred, f"a permission is missing: {AGAIN}"),
    ("mentioned", Refused, RULE),
    ("duplicate", Refused, "the account posted this very text before"),
    ("cannot send messages to this user", Refused, "this person takes no direct messages from us"),
)


def _forbidden(name: str, said: str) -> LuisterError:
    for words, kind, told in _FORBIDDEN:
        if words in said:
            return kind(f"{name}: {told}")
    return Refused(f"{name}: X does not permit it to us, or not to this person (HTTP 403)")


def _lost(method: str) -> type[LuisterError]:
    return TryAgain if method == "GET" else Doubtful


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
