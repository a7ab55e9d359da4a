"""Modals as the real Slack keeps them: one lasting id and a hash that guards every update.

local-slack gives a view a new id with every update, ignores `hash` and has one stack of modals
for the whole workspace; here a view is open until its own user closes it.
"""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OURS = "strict_id"  # local-slack keeps unknown fields of a view: this one says which it is
_DEFAULTS: dict[str, Any] = {
    "private_metadata": "",
    "callback_id": "",
    "external_id": "",
    "submit": None,
    "close": None,
    "clear_on_close": False,
    "notify_on_close": False,
}


@dataclass
class Shown:
    """An open modal."""

    id: str
    root: str
    previous: str | None
    content: dict[str, Any]
    hash: str
    upstream: str | None = None  # local-slack's id of it just now; None: not known yet
    seen: bool = False  # local-slack's screen has shown it
    hidden: bool = False  # another user's modal took local-slack's only stack


class Views:
    """The modals that are open, each under the id its app got when it opened."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}
        self.homes: dict[str, dict[str, Any]] = {}  # user id: the Home view published last
        self._numbers = itertools.count(1)
        self._moved = asyncio.Event()

    def new(self, content: Mapping[str, Any], *, below: Shown | None = None) -> Shown:
        """A view not yet shown; `below` is the one it is pushed on."""
        name = f"V0STRICT{next(self._numbers)}"
        root, previous = (below.root, below.id) if below else (name, None)
        return Shown(name, root, previous, dict(content), self._new_hash(), hidden=False)

    def _new_hash(self) -> str:
        return f"{next(self._numbers)}.strict"

    def opened(self, shown: Shown, *, upstream: str | None, alone: bool) -> None:
        """Slack shows it now; `alone`: as a new stack, which hides every other in local-slack."""
        if alone:
            for other in self._shown.values():
                other.hidden = True
        shown.upstream = upstream
        self._shown[shown.id] = shown

    def changed(
        self, shown: Shown, content: Mapping[str, Any], *, upstream: str | None = None
    ) -> None:
        """It has new content, and with it a new hash."""
        shown.content, shown.hash, shown.upstream = dict(content), self._new_hash(), upstream

    def closed(self, shown: Shown, *, whole_stack: bool = False) -> None:
        """Its user closed it, or with it all that it is stacked with."""
        for other in list(self._shown.values()):
            if other is shown or (whole_stack and other.root == shown.root):
                del self._shown[other.id]

    def find(self, name: str | None, *, external: str | None = None) -> Shown | None:
        """The open view with this id, external id or id in local-slack."""
        for shown in self._shown.values():
            ids = (shown.id, shown.upstream) if name else (shown.content.get("external_id"),)
            if (name or external) in ids:
                return shown
        return None

    def open(self) -> dict[str, dict[str, Any]]:
        """Every open view as its app last saw it, by id."""
        return {shown.id: self.outward(shown) for shown in self._shown.values()}

    def top(self) -> Shown | None:
        """The modal on top of local-slack's screen."""
        return next((each for each in reversed(self._shown.values()) if not each.hidden), None)

    def of(self, payload_view: Mapping[str, Any]) -> Shown | None:
        """The open view that a payload from local-slack is about."""
        return self._shown.get(str(payload_view.get(_OURS)))

    async def upstream_id(self, shown: Shown) -> str:
        """Its id in local-slack, once local-slack has told it."""
        async with asyncio.timeout(2):
            while shown.upstream is None:
                self._moved.clear()
                await self._moved.wait()
        return shown.upstream

    def inward(self, shown: Shown, content: Mapping[str, Any]) -> dict[str, Any]:
        """The view as local-slack gets it."""
        return {**content, _OURS: shown.id}

    def outward(self, shown: Shown, *, from_slack: Mapping[str, Any] | None = None) -> Any:
        """The view as its app gets it, in an answer or a payload."""
        ids = {
            "id": shown.id,
            "root_view_id": shown.root,
            "previous_view_id": shown.previous,
            "hash": shown.hash,
        }
        view = {**_DEFAULTS, "state": {"values": {}}, **shown.content, **(from_slack or {}), **ids}
        view.pop(_OURS, None)
        return view

    def screen(self, stack: list[dict[str, Any]]) -> None:
        """local-slack tells what its screen shows; an empty stack closed what stood there."""
        for view in stack:
            if shown := self.of(view):
                shown.seen, shown.upstream = True, view["id"]
        if not stack:
            for shown in [each for each in self._shown.values() if each.seen]:
                if not shown.hidden:
                    self.closed(shown)
        self._moved.set()
