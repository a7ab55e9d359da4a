"""What X says of a post or a direct message becomes an Arrival; pure."""

import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from assistant.case import Addressed, Barred, Image, Post, Said, handle_key
from assistant.errors import BadInput
from assistant.platforms import Arrival

ABOVE = 10
"""Posts above the citizen's that are kept, the nearest ones."""

SENSITIVE = "X: possibly sensitive"

EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
"""Ids of X hold the milliseconds since this moment above their lowest 22 bits (snowflake)."""

Id = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]


class _Read(BaseModel):
    """Part of an answer; X adds keys at will, and a list it has nothing for may be null."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Ref(_Read):
    """How a post refers to another: replied_to, quoted, retweeted."""

    type: str
    id: Id


class Mention(_Read):
    """Somebody named in the text."""

    username: str | None = None
    id: str | None = None


class Link(_Read):
    """A link in the text, which X shortens; media stand there as a link too."""

    url: str | None = None
    expanded_url: str | None = None
    media_key: str | None = None


class Entities(_Read):
    """What X found in a text."""

    mentions: tuple[Mention, ...] | None = None
    urls: tuple[Link, ...] | None = None


class Note(_Read):
    """The whole text of a post longer than 280 characters."""

    text: str
    entities: Entities = Entities()


class Attachments(_Read):
    """What hangs on a post."""

    media_keys: tuple[str, ...] | None = None


class XPost(_Read):
    """A post; some keys are called after tweets in X's guides, after posts in its description."""

    id: Id
    text: str = ""
    author_id: Id | None = None
    conversation_id: Id | None = None
    created_at: datetime | None = None
    lang: str | None = None
    possibly_sensitive: bool = False
    reply_settings: str | None = None
    in_reply_to_user_id: str | None = None
    refs: tuple[Ref, ...] = Field(
        default=(), validation_alias=AliasChoices("referenced_posts", "referenced_tweets")
    )
    history: tuple[Id, ...] = Field(
        default=(), validation_alias=AliasChoices("edit_history_post_ids", "edit_history_tweet_ids")
    )
    note: Note | None = Field(
        default=None, validation_alias=AliasChoices("note_post", "note_tweet")
    )
    entities: Entities = Entities()
    attachments: Attachments = Attachments()

    def to(self, type: str) -> str | None:
        """Return the id of the post this one refers to in this way."""
        return next((each.id for each in self.refs if each.type == type), None)

    @property
    def first(self) -> str:
        """The id it bore before it was edited: an edit gives a post another id."""
        return self.history[0] if self.history else self.id


class User(_Read):
    """Somebody on X."""

    id: str
    username: str | None = None


class Media(_Read):
    """A picture, film or sound."""

    media_key: str | None = None
    alt_text: str | None = None
    url: str | None = None
    preview_image_url: str | None = None


class Includes(_Read):
    """What a post refers to."""

    users: tuple[User, ...] = ()
    posts: tuple[XPost, ...] = Field(default=(), validation_alias=AliasChoices("posts", "tweets"))
    media: tuple[Media, ...] = ()


class Event(_Read):
    """A direct message."""

    id: Id
    text: str = ""
    sender_id: Id
    dm_conversation_id: str
    created_at: datetime | None = None
    entities: Entities = Entities()
    attachments: Attachments = Attachments()


class Record(_Read):
    """One post or direct message with what it refers to; `me` is our own id."""

    me: Id
    post: XPost | None = None
    event: Event | None = None
    parent: Id | None = None
    includes: Includes = Includes()

    def handle(self, id: str | None) -> str | None:
        """Return somebody's handle."""
        found = next((each.username for each in self.includes.users if each.id == id), None)
        return f"@{found}" if found else None

    def first(self, id: str | None) -> str | None:
        """Return the id a post was first known by."""
        found = next((each for each in self.includes.posts if each.id == id), None)
        return found.first if found else id


def parse(raw: str, *, account: str, now: datetime, enterprise: bool = False) -> Arrival:
    """Read one record; raises BadInput, which never quotes it.

    With `enterprise` also those may be answered who neither mentioned nor quoted us.
    """
    record = read(raw)
    if record.event is not None:
        return _direct(record, record.event, account=account, now=now)
    if record.post is None:
        raise BadInput("neither post nor event")
    if record.post.to("retweeted"):
        raise BadInput("a repost says nothing of its own")
    return _public(record, record.post, account=account, now=now, enterprise=enterprise)


def read(raw: str) -> Record:
    """Read a record's shape; raises BadInput."""
    try:
        return Record.model_validate(_whole(json.loads(raw)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "record"
        raise BadInput(f"{key}: {first['type']}") from None
    except (ValueError, RecursionError):
        raise BadInput("record: no JSON") from None


def moment(id: str) -> datetime:
    """Return when the thing with this id was made."""
    return EPOCH + timedelta(milliseconds=int(id) >> 22)


def message_url(conversation: str, id: str) -> str:
    """Return where a direct message stands; X gives only its conversation an address."""
    return f"https://x.com/messages/{conversation}#{id}"


def snowflake(at: datetime) -> int:
    """Return the lowest id of this moment."""
    return max(0, int((at - EPOCH) / timedelta(milliseconds=1))) << 22


def plain(text: str, entities: Entities, *, quoted: str | None = None) -> str:
    """Return a text as its reader sees it: links in full, without those to its own media."""
    for each in entities.urls or ():
        if each.url:
            own = each.media_key or (quoted and f"/status/{quoted}" in (each.expanded_url or ""))
            text = text.replace(each.url, "" if own else each.expanded_url or each.url)
    return html.unescape(text).strip()


def text_of(post: XPost) -> str:
    """Return the whole text of a post as its reader sees it."""
    told = post.note or Note(text=post.text, entities=post.entities)
    return plain(told.text, told.entities, quoted=post.to("quoted"))


def _public(
    record: Record, post: XPost, *, account: str, now: datetime, enterprise: bool
) -> Arrival:
    handle = record.handle(post.author_id)
    ours = post.author_id == record.me
    text = text_of(post)
    if not text and not post.attachments.media_keys:
        raise BadInput("post.text: empty")
    mentioned, quoted = _mentioned(record, post, account), _quoted(record, post, account)
    edited = post.first != post.id
    return Arrival(
        event="edited" if edited else "new",
        post=Post(
            platform="x",
            account=account,
            id=post.first,
            root=post.conversation_id or post.first,
            parent=record.first(post.to("replied_to")),
            author=post.author_id,
            handle=account if ours else handle,
            text=text,
            created_at=_at(post.created_at, post.id, now),
            addressed=None if ours else _addressed(record, post, mentioned, quoted=quoted),
            url=f"https://x.com/{(handle or '@i').removeprefix('@')}/status/{post.id}",
            edited=edited,
            barred=None
            if ours
            else _barred(post, mentioned=mentioned, summoned=mentioned or quoted or enterprise),
            warning=SENSITIVE if post.possibly_sensitive else None,
            language=language(post.lang),
            images=_images(record.includes, post.attachments),
            above=_above(record, post),
        ),
        conversation=post.conversation_id,
    )


def _direct(record: Record, event: Event, *, account: str, now: datetime) -> Arrival:
    ours = event.sender_id == record.me
    text = plain(event.text, event.entities)
    images = _images(record.includes, event.attachments)
    if not text and not event.attachments.media_keys:
        raise BadInput("event.text: empty")
    conversation = event.dm_conversation_id
    return Arrival(
        event="new",
        post=Post(
            platform="x",
            account=account,
            id=event.id,
            root=conversation,
            parent=record.parent,
            author=event.sender_id,
            handle=account if ours else record.handle(event.sender_id),
            text=text,
            created_at=_at(event.created_at, event.id, now),
            addressed=None if ours else "direct",
            visibility="direct",
            url=message_url(conversation, event.id),
            images=images,
        ),
        conversation=conversation,
    )


def _mentioned(record: Record, post: XPost, account: str) -> bool:
    entities = post.note.entities if post.note else post.entities
    named = (*(entities.mentions or ()), *(post.entities.mentions or ()))
    us = handle_key(account)
    return any(each.id == record.me or handle_key(each.username or "") == us for each in named)


def _quoted(record: Record, post: XPost, account: str) -> bool:
    quoted = post.to("quoted")
    if quoted is None:
        return False
    found = next((each for each in record.includes.posts if each.id == quoted), None)
    if found is not None and found.author_id:
        return found.author_id == record.me
    link = f"/{handle_key(account)}/status/{quoted}"
    links = (each.expanded_url or "" for each in post.entities.urls or ())
    return any(link in each.casefold() for each in links)


def _addressed(record: Record, post: XPost, mentioned: bool, *, quoted: bool) -> Addressed | None:
    if post.in_reply_to_user_id == record.me:
        return "reply"
    if quoted:
        return "quote"
    return "mention" if mentioned else None


def _barred(post: XPost, *, mentioned: bool, summoned: bool) -> Barred | None:
    """X's rule since 2026-02-23: through the API only who mentioned or quoted us is answered.

    Whoever lets only some people reply lets those reply whom the post mentions.
    """
    if not summoned:
        return "not_summoned"
    if post.reply_settings not in (None, "everyone") and not mentioned:
        return "replies_closed"
    return None


def _at(told: datetime | None, id: str, now: datetime) -> datetime:
    if told is None:
        return min(moment(id), now)
    whole = told if told.tzinfo else told.replace(tzinfo=UTC)
    # Nobody posted outside these years, and no time zone can be applied at the ends of time.
    return whole if 2006 <= whole.year <= 9000 else min(moment(id), now)


# X's own codes, and two from before ISO 639-1 was revised.
_RENAMED: Mapping[str, str] = {"in": "id", "iw": "he", "ji": "yi"}


def language(tag: str | None) -> str | None:
    """Return the ISO 639-1 code of X's tag; `und`, `qme`, `zxx` and the like are none."""
    code = re.split("[-_]", tag or "")[0].lower()
    return _RENAMED.get(code, code) if re.fullmatch("[a-z]{2}", code) else None


def _images(includes: Includes, attachments: Attachments) -> tuple[Image, ...]:
    known = {each.media_key: each for each in includes.media}
    found = (known.get(key, Media()) for key in attachments.media_keys or ())
    return tuple(Image(alt=each.alt_text, url=each.url or each.preview_image_url) for each in found)


def _above(record: Record, post: XPost) -> tuple[Said, ...]:
    """Return the conversation above a post as far as it was read, and what it quotes, last."""
    known = {each.id: each for each in record.includes.posts}
    chain: list[Said] = []
    below, seen = post, {post.id}
    while len(chain) < ABOVE and (at := below.to("replied_to")) in known and at not in seen:
        assert at is not None
        seen.add(at)
        # The author of a post that is answered is known from the answer too.
        author = known[at].author_id or below.in_reply_to_user_id
        chain.insert(0, _said(record, known[at], author))
        below = known[at]
    if (quoted := known.get(post.to("quoted") or "")) is not None:
        chain.append(_said(record, quoted, quoted.author_id))
    return tuple(chain[-ABOVE:])


def _said(record: Record, post: XPost, author: str | None) -> Said:
    return Said(author=record.handle(author), text=text_of(post), ours=author == record.me)


def _whole(value: Any) -> Any:
    """Half a surrogate pair is valid JSON and no text: it could not be stored."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    return value
