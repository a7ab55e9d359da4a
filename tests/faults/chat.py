"""The adapter to the crash tests' chat."""

import asyncio
from typing import Any

from assistant.card import Card, Digest
from assistant.chats import Desk, Message
from tests.faults.loopback import Wire


class WireChat:
    """Keeps the Protocol `assistant.chats.Chat` over HTTP."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def post_card(self, channel: str, card: Card, *, mark: str) -> Message:
        return await self._post("card", channel, card.model_dump(mode="json"), mark=mark)

    async def update_card(self, message: Message, card: Card) -> None:
        await self._update(message, card.model_dump(mode="json"))

    async def post_digest(self, channel: str, digest: Digest, *, mark: str) -> Message:
        return await self._post("digest", channel, digest.model_dump(mode="json"), mark=mark)

    async def update_digest(self, message: Message, digest: Digest) -> None:
        await self._update(message, digest.model_dump(mode="json"))

    async def post_lines(
        self, thread: Message, lines: tuple[str, ...], *, mark: str, broadcast: bool
    ) -> Message:
        body = {"lines": list(lines), "broadcast": broadcast}
        return await self._post("lines", thread.channel, body, mark=mark, thread=thread.ts)

    async def post_note(self, channel: str, text: str, *, mark: str) -> Message:
        return await self._post("note", channel, {"text": text}, mark=mark)

    async def find(self, channel: str, *, mark: str, thread: Message | None) -> Message | None:
        under = thread.ts if thread else ""
        found = await self._wire.get("/find", channel=channel, mark=mark, thread=under)
        return Message(channel=channel, ts=found["ts"]) if found["ts"] else None

    async def permalink(self, message: Message) -> str | None:
        return f"https://chat.example/{message.channel}/{message.ts}"

    async def delete(self, message: Message) -> None:
        await self._wire.post("/delete", {"ts": message.ts})

    async def run(self, desk: Desk) -> None:
        await asyncio.Event().wait()

    async def _post(
        self, kind: str, channel: str, body: Any, *, mark: str, thread: str | None = None
    ) -> Message:
        row = {"kind": kind, "channel": channel, "body": body, "mark": mark, "thread": thread}
        answer = await self._wire.post("/post", row)
        return Message(channel=channel, ts=answer["ts"])

    async def _update(self, message: Message, body: Any) -> None:
        await self._wire.post("/update", {"ts": message.ts, "body": body})
