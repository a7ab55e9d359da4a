"""What a gateway pushed, as arrivals; ids get their account's name, so that gateways never meet."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, overload

from pydantic import TypeAdapter, ValidationError

from assistant.case import Image, Post, Said
from assistant.errors import BadInput
from assistant.platforms import Arrival, Quarantined
from assistant.platforms.webhook.payload import Envelope, Gone, Pushed, Written

ABOVE = 10
"""Posts of the conversation above a post that are kept with it."""

TOLD = 20
"""Mistakes of one post that are told, at most."""

_PUSHED: TypeAdapter[Written | Gone] = TypeAdapter(Pushed)


def parse(raw: str, *, account: str, now: datetime) -> Arrival:
    """Read one post as it was pushed; raises BadInput, which names places and never quotes."""
    try:
        read = _PUSHED.validate_python(_loaded(raw))
    except ValidationError as error:
        raise BadInput(", ".join(mistakes(error, "post"))) from None
    except (ValueError, RecursionError):
        raise BadInput("post: no JSON") from None
    if isinstance(read, Gone):
        return Arrival(event="deleted", post=_gone(read, account=account, now=now))
    return Arrival(
        event=read.event,
        post=post_of(read, account=account),
        conversation=full(account, read.conversation),
    )


def _loaded(raw: str) -> Any:
    # Half a surrogate pair is valid JSON and no text: it could not be stored.
    whole = json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
    return json.loads(whole)


def mistakes(error: ValidationError, whole: str) -> list[str]:
    """Return what is wrong, each as a place and pydantic's name for the mistake."""
    told = []
    for each in error.errors(include_url=False, include_input=False, include_context=False)[:TOLD]:
        # A key nobody knows is the sender's word; so only the object it stands in is named.
        at = each["loc"][:-1] if each["type"] == "extra_forbidden" else each["loc"]
        told.append(f"{'.'.join(map(str, at)) or whole}: {each['type']}")
    return told


def opened_up(
    body: bytes, *, where: str, account: str, now: datetime
) -> Iterable[Arrival | Quarantined]:
    """Yield each post of a Push, or what no parser understands of it."""
    text = body.decode("utf-8", "replace")
    try:
        posts = [json.dumps(each) for each in Envelope.model_validate(json.loads(text)).posts]
    except ValidationError as error:
        yield Quarantined(where=where, reason=", ".join(mistakes(error, "body")), raw=text)
        return
    except (ValueError, RecursionError):
        yield Quarantined(where=where, reason="body: no JSON", raw=text)
        return
    for number, raw in enumerate(posts):
        try:
            yield parse(raw, account=account, now=now)
        except BadInput as error:
            yield Quarantined(where=f"{where}, posts.{number}", reason=str(error), raw=raw)


@overload
def full(account: str, id: str) -> str: ...
@overload
def full(account: str, id: None) -> None: ...
@overload
def full(account: str, id: str | None) -> str | None: ...
def full(account: str, id: str | None) -> str | None:
    """Return an id of the gateway's as Luister knows it: two gateways may both have a post 1."""
    return None if id is None else f"{account}/{id}"


def bare(account: str, id: str) -> str:
    """Return an id as the gateway knows it."""
    return id.removeprefix(f"{account}/")


def post_of(read: Written, *, account: str) -> Post:
    """Return a post as Luister knows it."""
    said = tuple(
        Said(author=each.author, text=each.text, ours=each.ours) for each in read.above[-ABOVE:]
    )
    return Post(
        platform="webhook",
        account=account,
        id=full(account, read.id),
        root=full(account, read.conversation or read.in_reply_to or read.id),
        parent=full(account, read.in_reply_to),
        author=account if read.ours else full(account, read.author or read.handle),
        handle=account if read.ours else read.handle,
        text=read.text,
        created_at=read.created_at,
        addressed=read.addressed,
        visibility=read.visibility,
        url=read.url,
        edited=read.event == "edited",
        barred=None if read.may_reply else read.reason or "replies_closed",
        warning=read.warning,
        language=read.language.partition("-")[0].lower() if read.language else None,
        images=tuple(Image(alt=each.alt, url=each.url) for each in read.images),
        above=said,
    )


def _gone(read: Gone, *, account: str, now: datetime) -> Post:
    id = full(account, read.id)
    return Post(
        platform="webhook",
        account=account,
        id=id,
        root=id,
        text="",
        created_at=now,
        addressed=None,
        deleted=True,
    )
