"""Read one post of Bluesky as its servers tell it, without the network."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assistant.case import Barred, Image, Post, Said
from assistant.errors import BadInput
from assistant.platforms import Arrival

WEB = "https://bsky.app"
"""Where readers see a post of the public network."""

IMAGES = 20
"""Pictures kept with a post: the most one post can hold (app.bsky.embed.gallery)."""

_KEPT = ("uri", "cid", "author", "record", "embed", "labels", "viewer", "indexedAt")

_URI = re.compile(r"^at://[^/\s]+/[a-zA-Z0-9.-]+/[^/\s]+$")

Uri = Annotated[str, Field(pattern=_URI.pattern, max_length=8192)]


class _Loose(BaseModel):
    """What must be there for a post to be one; keys nobody asks for are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Ref(_Loose):
    uri: Uri
    cid: str


class _ReplyRef(_Loose):
    root: _Ref
    parent: _Ref


class _Record(_Loose):
    type: Literal["app.bsky.feed.post"] = Field(alias="$type")
    text: str
    reply: _ReplyRef | None = None
    created_at: Any = Field(default=None, alias="createdAt")
    langs: Any = None
    facets: Any = None

    @field_validator("text")
    @classmethod
    def _whole(cls, value: str) -> str:
        # Half a surrogate pair is valid JSON and no text: it could not be stored.
        return value.encode("utf-8", "replace").decode()


class _Author(_Loose):
    did: Annotated[str, Field(pattern=r"^did:[a-z]+:\S+$")]
    handle: str | None = None
    viewer: Any = None


class _View(_Loose):
    uri: Uri
    author: _Author
    record: _Record
    embed: Any = None
    labels: Any = None
    viewer: Any = None
    indexed_at: Any = Field(default=None, alias="indexedAt")


class _Item(_Loose):
    me: str
    reason: Literal["mention", "reply", "quote"] | None = None
    barred: Barred | None = None
    post: _View
    above: Any = None


def raw(
    view: dict[str, Any],
    *,
    me: str,
    reason: str | None,
    above: Iterable[dict[str, Any]] = (),
    barred: str | None = None,
) -> str:
    """Return the record that `parse` takes, and that a test or the quarantine keeps.

    `view` is an app.bsky.feed.defs#postView, `above` those above it (oldest first), `reason` the
    notification's, None for a post of our own; `me` is our DID.
    """
    item = {
        "me": me,
        "reason": reason,
        "barred": barred,
        "post": _kept(view),
        "above": [_kept(each) for each in above],
    }
    return json.dumps(item, ensure_ascii=True)


def _kept(view: dict[str, Any]) -> dict[str, Any]:
    """Leave out counts and marks that change by themselves: the same post is the same record."""
    return {key: view[key] for key in _KEPT if key in view}


def parse(raw: str, *, account: str, now: datetime) -> Arrival:
    """Read one post with what stands above it; raises BadInput, which never quotes it."""
    try:
        item = _Item.model_validate(json.loads(raw))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # A key may be the sender's own word, save where the models above name it.
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
        raise BadInput(f"{where or 'record'}: {first['type']}") from None
    except (ValueError, RecursionError):
        raise BadInput("record: no JSON") from None
    view, record = item.post, item.post.record
    root = record.reply.root.uri if record.reply else view.uri
    handle, ours = _handle(view.author.handle), view.author.did == item.me
    post = Post(
        platform="bluesky",
        account=account,
        id=view.uri,
        root=root,
        parent=record.reply.parent.uri if record.reply else None,
        author=view.author.did,
        handle=handle,
        # Our own text stays as we wrote it: it is compared with what Luister sent.
        text=record.text if ours else text_of(record.text, record.facets, view.embed),
        created_at=_written(record.created_at, view.indexed_at, now),
        addressed=None if ours else item.reason,
        url=url_of(view.uri, handle),
        barred=item.barred or _barred(view),
        warning=_warning(view.labels),
        language=_language(record.langs),
        images=tuple(_images(view.embed))[:IMAGES],
        above=tuple(_above(item)),
    )
    return Arrival(event="new", post=post, conversation=root)


def moment(value: Any) -> datetime | None:
    """Read a time as a server or an author wrote it; None where it is none."""
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    # Beyond these no time zone can be applied, and no social network existed.
    if not 1971 <= read.year <= 9000:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _written(created: Any, indexed: Any, now: datetime) -> datetime:
    """Return when a post was written: the author's clock may lag, but not be ahead of ours."""
    seen = moment(indexed) or now
    return min(moment(created) or seen, seen)


def url_of(uri: str, handle: str | None) -> str | None:
    """Return where readers see a post; None on a test network, which they cannot visit."""
    if handle is not None and handle.endswith(".test"):
        return None
    owner, _, key = uri.removeprefix("at://").split("/")
    return f"{WEB}/profile/{owner}/post/{key}"


def _handle(handle: str | None) -> str | None:
    # What Bluesky shows where a handle no longer leads to its account.
    return None if handle in (None, "", "handle.invalid") else handle


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _str(value: Any) -> str | None:
    whole = value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
    return whole.strip() or None


def _barred(view: _View) -> Barred | None:
    between = _dict(view.author.viewer)
    if between.get("blockedBy") is True or between.get("blocking"):
        return "blocked"
    return "replies_closed" if _dict(view.viewer).get("replyDisabled") is True else None


def _warning(labels: Any) -> str | None:
    """Return the content labels of a post; those with ! speak to programs, not to readers."""
    named = (_str(each.get("val")) for each in _dicts(labels) if not each.get("neg"))
    return ", ".join(dict.fromkeys(each for each in named if each and each[0] != "!")) or None


def _language(langs: Any) -> str | None:
    first = langs[0] if isinstance(langs, list) and langs else None
    found = re.match(r"([a-zA-Z]{2})(-|$)", first) if isinstance(first, str) else None
    return found[1].lower() if found else None


def text_of(text: str, facets: Any, embed: Any = None) -> str:
    """Return a post's text with every link written out, as people must see where it leads."""
    data, before = text.encode(), len(text.encode())
    for start, end, uri in sorted(_links(facets), reverse=True):
        if not start < end <= before:
            continue
        try:
            data[:start].decode()
            shown = data[start:end].decode()
        except UnicodeDecodeError:  # offsets count bytes: these cut a letter in two
            continue
        data = data[:start] + _written_out(shown, uri).encode() + data[end:]
        before = start
    whole = data.decode()
    card = _str(_external(embed).get("uri"))
    return f"{whole}\n{card}".strip() if card and card not in whole else whole


def _links(facets: Any) -> Iterator[tuple[int, int, str]]:
    for facet in _dicts(facets):
        index = _dict(facet.get("index"))
        start, end = index.get("byteStart"), index.get("byteEnd")
        for feature in _dicts(facet.get("features")):
            uri = _str(feature.get("uri"))
            link = uri is not None and re.match(r"https?://\S{1,2000}$", uri)
            if link and isinstance(start, int) and isinstance(end, int) and start >= 0:
                yield start, end, link[0]


def _written_out(shown: str, uri: str) -> str:
    """Return the link alone where the shown text only abbreviates it, else both."""
    short = re.sub(r"^https?://|(\.\.\.|…)$", "", shown)
    return uri if short and uri.partition("://")[2].startswith(short) else f"{shown} ({uri})"


def _media(embed: Any) -> dict[str, Any]:
    """Return the part of an embed that holds pictures; beside a quoted post it lies deeper."""
    found = _dict(embed)
    return _dict(found["media"]) if "media" in found else found


def _external(embed: Any) -> dict[str, Any]:
    return _dict(_media(embed).get("external"))


def _images(embed: Any) -> Iterator[Image]:
    media, card = _media(embed), _external(embed)
    for each in _dicts(media.get("images")) + _dicts(media.get("items")):
        yield Image(alt=_str(each.get("alt")), url=_str(each.get("fullsize")))
    if "playlist" in media:
        yield Image(alt=_str(media.get("alt")), url=_str(media.get("playlist")))
    if "thumb" in card:
        title = _str(card.get("description")) or _str(card.get("title"))
        yield Image(alt=title, url=_str(card.get("thumb")))


def _above(item: _Item) -> Iterator[Said]:
    """Yield what stood above, then the post that is quoted; what makes no sense is left out."""
    quoted = _dict(_dict(item.post.embed).get("record"))
    if "record" in quoted:  # beside pictures it lies deeper
        quoted = _dict(quoted["record"])
    for each in [*_dicts(item.above), *([quoted] if quoted else [])]:
        author, record = _dict(each.get("author")), _dict(each.get("record") or each.get("value"))
        text = _str(record.get("text"))
        if text:
            yield Said(
                author=_handle(_str(author.get("handle"))),
                text=text_of(text, record.get("facets")),
                ours=author.get("did") == item.me,
            )
