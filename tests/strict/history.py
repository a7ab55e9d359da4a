"""Message metadata, which local-slack drops, and pages of history, which it does not cut."""

from collections.abc import Mapping
from typing import Any


def _moment(ts: str) -> tuple[int, int]:
    seconds, _, micro = ts.partition(".")
    return int(seconds or 0), int(micro or 0)


def _between(ts: str, args: Mapping[str, Any]) -> bool:
    moment, inclusive = _moment(ts), str(args.get("inclusive", "")).lower() in ("1", "true")
    oldest, latest = (str(args.get(name) or "") for name in ("oldest", "latest"))
    after = not oldest or moment > _moment(oldest) or (inclusive and ts == oldest)
    before = not latest or moment < _moment(latest) or (inclusive and ts == latest)
    return after and before


class History:
    """What the answers of conversations.history and .replies must hold beside local-slack's."""

    def __init__(self) -> None:
        self._metadata: dict[tuple[str, str], Any] = {}

    def keep(self, channel: str, ts: str, *, metadata: Any) -> None:
        """Remember what a message was posted with."""
        self._metadata[channel, ts] = metadata

    def page(
        self, answer: Mapping[str, Any], args: Mapping[str, Any], *, replies: bool
    ) -> dict[str, Any]:
        """The part of a channel or thread that was asked for, in Slack's order."""
        found = [each for each in answer["messages"] if each.get("subtype") != "ephemeral"]
        parent = found[:1] if replies else []  # always comes first, whatever the bounds
        rest = [each for each in found[len(parent) :] if _between(each["ts"], args)]
        limit, start = int(args.get("limit") or 100), int(args.get("cursor") or 0)
        shown = (parent + rest)[start : start + limit]
        more = start + limit < len(parent) + len(rest)
        if str(args.get("include_all_metadata", "")).lower() in ("1", "true"):
            shown = [self._with_metadata(str(args["channel"]), each) for each in shown]
        cursor = str(start + limit) if more else ""
        page = {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": cursor}}
        return {**answer, **page}

    def _with_metadata(self, channel: str, message: dict[str, Any]) -> dict[str, Any]:
        metadata = self._metadata.get((channel, message["ts"]))
        return {**message, "metadata": metadata} if metadata else message
