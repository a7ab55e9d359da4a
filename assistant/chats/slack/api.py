"""Calls to Slack's Web API, and its refusals as errors by what to do next."""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain

BASE_URL = "https://slack.com/api/"

# Below the lease of a poster, above what a slow but working Slack needs (p99 about 2 s).
TIMEOUT = aiohttp.ClientTimeout(total=8, sock_connect=4)


class Method(NamedTuple):
    """What a method needs; `reads` means that repeating it changes nothing."""

    scopes: tuple[str, ...] = ()
    reads: bool = False


_HISTORY = Method(("channels:history", "groups:history"), reads=True)

METHODS: Mapping[str, Method] = {
    "auth.test": Method(reads=True),
    "chat.delete": Method(("chat:write",)),
    "chat.getPermalink": Method(reads=True),
    "chat.postEphemeral": Method(("chat:write",)),
    "chat.postMessage": Method(("chat:write",)),
    "chat.update": Method(("chat:write",)),
    "conversations.history": _HISTORY,
    "conversations.replies": _HISTORY,
    "users.info": Method(("users:read",), reads=True),
    "views.open": Method(),
    "views.update": Method(),
}
"""Every method Luister calls; the app's manifest asks for exactly these scopes."""

_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

# "It's possible some aspect of the operation succeeded" (docs.slack.dev, chat.postMessage, errors).
_UNSURE = frozenset({"fatal_error", "internal_error", "service_unavailable", "request_timeout"})

_ADVICE = {
    "channel_not_found": "no channel {channel}, or the app is not in it: check the channel's id "
    "in luister.toml and invite the app there with /invite @luister",
    "not_in_channel": "the app is not in channel {channel}: invite it there with /invite @luister",
    "is_archived": "channel {channel} is archived: unarchive it or name another in luister.toml",
    "restricted_action": "the workspace does not let the app post in channel {channel}",
    "missing_scope": "the app lacks the scope {needed}: install it again with manifest.yml",
    "invalid_auth": "the bot token is wrong: copy it from the app's OAuth & Permissions page",
    "not_authed": "there is no bot token: copy it from the app's OAuth & Permissions page",
    "account_inactive": "the app was removed from the workspace: install it again",
    "token_revoked": "the bot token was revoked: install the app again",
    "token_expired": "the bot token has expired: install the app again",
    "invalid_blocks": "Slack does not take the message as Luister drew it: report this",
    "msg_blocks_too_long": "the message is longer than Slack takes: report this",
    "expired_trigger_id": "the window was asked for too late: press the button again",
    "exchanged_trigger_id": "the window was asked for twice: press the button again",
}


_BARRED = frozenset(_ADVICE) - {
    "invalid_blocks",
    "msg_blocks_too_long",
    "expired_trigger_id",
    "exchanged_trigger_id",
}
"""Refusals that hold for the whole channel or workspace, not for one message."""


class Api:
    """Slack's Web API through one client; only methods of METHODS can be called."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call method `name` and return Slack's answer.

        Raises TryAgain (surely not done), Doubtful (perhaps done) or Refused, with what to do.
        """
        method = METHODS[name]
        try:
            if method.reads:
                answer = await self._client.api_call(name, http_verb="GET", params=arguments)
            else:
                answer = await self._client.api_call(name, json=arguments)
            return dict(answer.data)  # type: ignore[arg-type]  # bytes only for a file
        # slack_sdk stumbles with an AttributeError over an answer that is no JSON object.
        except (SlackApiError, aiohttp.ClientError, TimeoutError, AttributeError) as error:
            translated = _translated(error, name=name, arguments=arguments)
            if method.reads and isinstance(translated, Doubtful):
                translated = TryAgain(str(translated))
            raise translated from None  # an SDK's error carries the request with its token


def _translated(error: Exception, *, name: str, arguments: Mapping[str, Any]) -> LuisterError:
    if isinstance(error, SlackApiError):
        return _refusal(error.response, name=name, arguments=arguments)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return TryAgain(f"{name}: Slack cannot be reached ({type(error).__name__})")
    return Doubtful(f"{name}: no whole answer ({type(error).__name__})")


def _refusal(response: Any, *, name: str, arguments: Mapping[str, Any]) -> LuisterError:
    status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    code: str | None = data.get("error") if isinstance(data, dict) else None
    if status == 429 or code in _LIMITED:
        return TryAgain(f"{name}: rate limited", after=_seconds(response.headers))
    if code == "message_not_found":
        return Refused(code)
    if status >= 500 or code in _UNSURE or (code is None and status == 200):
        return Doubtful(f"{name}: {code or f'HTTP {status}'}")
    if code is None:
        return Refused(f"{name}: HTTP {status}: is the address of Slack's API right?")
    advice = _ADVICE.get(code, "see the method's page on docs.slack.dev")
    needed = data.get("needed", "?") if isinstance(data, dict) else "?"
    advice = advice.format(channel=arguments.get("channel", "?"), needed=needed)
    kind = Barred if code in _BARRED else Refused
    return kind(f"{name}: {code}: {advice}")


def _seconds(headers: Mapping[str, str]) -> float:
    """Slack's Retry-After is whole seconds (docs.slack.dev/apis/web-api/rate-limits)."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 1.0


class People:
    """Who is a guest, asked of Slack and remembered for ten minutes."""

    _SECONDS = 600.0

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, tuple[float, bool]] = {}

    async def is_guest(self, user: str) -> bool:
        """Return whether `user` is a guest; raises as `Api.call` does."""
        now = asyncio.get_running_loop().time()
        until, guest = self._known.get(user, (0.0, False))
        if now < until:
            return guest
        about = (await self._api.call("users.info", user=user))["user"]
        guest = any(about.get(key) for key in ("is_restricted", "is_ultra_restricted"))
        self._known[user] = (now + self._SECONDS, guest)
        return guest


class _Quiet(logging.Filter):
    """The SDK's lines hold payloads, socket addresses and tracebacks; their first words do not."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        record.msg = re.split("[:(]", record.getMessage())[0].strip()
        record.msg += f" ({kind.__name__})" if kind else ""
        record.args, record.exc_info, record.exc_text = None, None, None
        return True


def quiet_logger() -> logging.Logger:
    """Return the logger for slack_bolt and slack_sdk: warnings only, and never their contents."""
    logger = logging.getLogger("assistant.chats.slack.sdk")
    # Set here and not inherited: at DEBUG the SDK writes every request and answer.
    logger.setLevel(logging.WARNING)
    if not logger.filters:
        logger.addFilter(_Quiet())
    return logger
