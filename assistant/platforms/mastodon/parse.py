"""Read one post as servers that speak Mastodon's API tell it, without the network."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from assistant.case import Addressed, Image, Post, Said, Visibility
from assistant.errors import BadInput
from assistant.platforms import Arrival
from assistant.platforms.mastodon.plain import plain

ABOVE = 10
"""Posts of the conversation above a post that are kept with it."""

IMAGES = 20
"""Pictures kept with a post: servers allow fewer (Mastodon 4, GoToSocial 6)."""

_WIDTHS: dict[str, Visibility] = {
    "public": "public",
    "unlisted": "unlisted",
    "private": "private",
    # GoToSocial's and Hometown's own: for followers both ways, for this server.
    "mutuals_only": "private",
    "local": "private",
    "direct": "direct",
}


class _Loose(BaseModel):
    """Part of what a server says; keys nobody asks for are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    @field_validator("*", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        # Half a surrogate pair is valid JSON and no text: it could not be stored.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


T = TypeVar("T", bound=_Loose)


class Account(_Loose):
    """Who wrote a post: `acct` is the name, with the server's where that is another one."""

    id: str = Field(min_length=1)
    acct: str = Field(min_length=1)


class Mention(_Loose):
    """An account named in a post; `url` is where the post's HTML links to."""

    id: str
    acct: str
    url: str | None = None


class Media(_Loose):
    """A picture, film or sound with a post."""

    description: str | None = None
    url: str | None = None
    remote_url: str | None = None


class Quoted(_Loose):
    """A post that is quoted, as far as we ask."""

    account: Account


class Quote(_Loose):
    """That a post quotes another; None where readers may not see that one (yet)."""

    quoted_status: Quoted | None = None


class Status(_Loose):
    """A post, in the words of Mastodon's API."""

    id: str = Field(min_length=1)
    uri: str | None = None
    account: Account
    created_at: datetime
    content: str | None = None
    edited_at: str | None = None
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    visibility: str = "public"
    spoiler_text: str | None = None
    language: str | None = None
    url: str | None = None
    mentions: tuple[Mention, ...] = ()
    media_attachments: tuple[Media, ...] = ()
    quote: Quote | None = None

    @field_validator("created_at")
    @classmethod
    def _plausible(cls, value: datetime) -> datetime:
        # Beyond these no time zone can be applied, and no social network existed.
        if not 1971 <= value.year <= 9000:
            raise PydanticCustomError("out_of_range", "no time at which anybody wrote a post")
        return value if value.tzinfo else value.replace(tzinfo=UTC)


class _Record(_Loose):
    """What `record` makes: a post and what is known around it."""

    me: str
    event: str = "new"
    status: Status
    root: str | None = None
    above: tuple[Status, ...] = ()


def record(status: Any, *, me: str, event: str = "new", above: Iterable[Any] = ()) -> str:
    """Return the record that `parse` takes, and that a test or the quarantine keeps.

    `status` and those `above` it (oldest first) are as the server sent them, `me` our account's id.
    """
    ancestors = list(above)
    top = ancestors[0] if ancestors else None
    root = top.get("id") if isinstance(top, dict) else None
    kept = [_kept(each) for each in ancestors[-ABOVE:]]
    item = {"me": me, "event": event, "status": _kept(status), "root": root, "above": kept}
    return json.dumps(item, ensure_ascii=True)


def _kept(status: Any) -> Any:
    """Leave out counts and marks that change by themselves: the same post is the same record."""
    if not isinstance(status, dict):
        return status
    return {key: status[key] for key in Status.model_fields if key in status}


def parse(raw: str, *, account: str, now: datetime) -> Arrival:
    """Read one post with what stands above it; raises BadInput, which never quotes it."""
    read = _valid(_Record, _loaded(raw))
    status, ours = read.status, read.status.account.id == read.me
    post = Post(
        platform="mastodon",
        account=account,
        id=status.id,
        root=read.root or status.in_reply_to_id or status.id,
        parent=status.in_reply_to_id,
        author=status.account.id,
        # By its handle our own post is known, however the server writes our name.
        handle=account if ours else "@" + status.account.acct,
        # Our own text stays as we typed it: it is compared with what Luister sent.
        text=text_of(status, hrefs=not ours),
        created_at=min(status.created_at, now),
        addressed=None if ours else _addressed(status, read.me),
        visibility=width_of(status),
        url=status.url,
        edited=status.edited_at is not None,
        warning=status.spoiler_text or None,
        language=language_of(status.language),
        images=tuple(
            Image(alt=each.description or None, url=each.url or each.remote_url)
            for each in status.media_attachments[:IMAGES]
        ),
        above=tuple(
            Said(
                author="@" + each.account.acct,
                text=text_of(each),
                ours=each.account.id == read.me,
            )
            for each in read.above
        ),
    )
    edited = read.event == "edited" or post.edited
    return Arrival(
        event="edited" if edited else "new",
        post=post,
        conversation=read.root,
        everywhere=status.uri,
    )


def status_of(value: Any) -> Status:
    """Read a post that was asked for; raises BadInput, which never quotes it."""
    return _valid(Status, value)


def account_of(value: Any) -> Account:
    """Read an account that was asked for; raises BadInput, which never quotes it."""
    return _valid(Account, value)


def text_of(status: Status, *, hrefs: bool = True) -> str:
    """Return a post's plain text; `hrefs` adds the addresses that labels hide."""
    mentions = {each.url: each.acct for each in status.mentions if each.url}
    quoted = status.quote is not None
    return plain(status.content or "", mentions=mentions, hrefs=hrefs, quoted=quoted)


def width_of(status: Status) -> Visibility:
    """Return who may read a post; the narrowest where a server has a word of its own."""
    return _WIDTHS.get(status.visibility, "direct")


def language_of(tag: str | None) -> str | None:
    """Return the ISO 639-1 code of a language tag, None where it has none."""
    first = (tag or "").partition("-")[0].lower()
    return first if len(first) == 2 and first.isascii() and first.isalpha() else None


def _addressed(status: Status, me: str) -> Addressed | None:
    """Return how a post addresses us, the closest way first."""
    named = any(each.id == me for each in status.mentions)
    if status.visibility == "direct":
        return "direct"
    if status.in_reply_to_account_id == me:
        return "reply"
    if named:
        return "mention"
    quoted = status.quote.quoted_status if status.quote else None
    return "quote" if quoted and quoted.account.id == me else None


def _loaded(raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BadInput("record: no JSON") from None


def _valid(model: type[T], value: Any) -> T:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        raise BadInput(f"{where}: {first['type']}") from None
    except RecursionError:
        raise BadInput("record: too deep") from None
