"""What a reply is as a record of Bluesky: its place in the thread, its links and mentions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from atproto_client.utils.facet_detection import (  # type: ignore[import-untyped]
    detect_facets,
    detect_mentions,
)

from assistant.case import Reply, handle_key

POSTS = "app.bsky.feed.post"


async def record_of(
    reply: Reply, *, target: Mapping[str, Any], resolve: Callable[[str], Awaitable[str | None]]
) -> dict[str, Any]:
    """Return the record that puts `reply` under `target`, the citizen's postView as it is now.

    `resolve` finds the DID of a handle, or None: a name nobody has stays text.
    """
    parent = {"uri": target["uri"], "cid": target["cid"]}
    try:
        root = {key: str(target["record"]["reply"]["root"][key]) for key in ("uri", "cid")}
    except (KeyError, TypeError):  # it answers nothing, so the thread begins with it
        root = parent
    return {
        "$type": POSTS,
        "text": reply.text,
        "createdAt": reply.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "reply": {"root": root, "parent": parent},
        **await dress(reply, resolve=resolve),
    }


async def dress(reply: Reply, *, resolve: Callable[[str], Awaitable[str | None]]) -> dict[str, Any]:
    """Return what goes with the text: its language, and its links and mentions by UTF-8 bytes."""
    facets = [
        each.model_dump(by_alias=True, exclude_none=True) for each in detect_facets(reply.text)
    ]
    for each in detect_mentions(reply.text):
        ours = reply.handle is not None and handle_key(each.handle) == handle_key(reply.handle)
        did = reply.author if ours else await resolve(each.handle)
        if did is not None:
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": did}
            index = {"byteStart": each.byte_start, "byteEnd": each.byte_end}
            facets.append({"index": index, "features": [feature]})
    facets.sort(key=lambda each: each["index"]["byteStart"])
    return {
        **({"facets": facets} if facets else {}),
        **({"langs": [reply.language]} if reply.language else {}),
    }
