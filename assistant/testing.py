"""Fakes that keep the contracts: platforms in three modes, a chat, a model. For tests only."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from assistant.card import Card, Digest
from assistant.case import Post, Remote, Reply
from assistant.chats import Desk, Message
from assistant.errors import (
    BadInput,
    Barred,
    Doubtful,
    LuisterError,
    ModelUnusable,
    Refused,
)
from assistant.llms import Outcome, Reason
from assistant.platforms import Arrival, Candidate, Look, Quarantined, Told
from assistant.prompts import Prompt

Step = Literal["ok", "lost"] | LuisterError
"""What happens at the next call: it works; it works and its answer is lost; it fails like this."""


class FakePlatform:
    """A platform with neither key nor look-up: every call that is taken makes another reply.

    `steps` say what the next calls of `reply` do (then all is well); `looks` how posts stand;
    `away` is what every call raises while it is set.
    """

    name = "replay"
    limit = 300
    every: float | None = None

    def __init__(self, account: str = "@town", *, arriving: Iterable[Told] = ()) -> None:
        self.account = account
        self.arriving = list(arriving)
        self.steps: deque[Step] = deque()
        self.looks: dict[str, Look | LuisterError] = {}
        self._made = 0
        self.away: LuisterError | None = None
        self.calls: list[Reply] = []
        self.standing: list[tuple[Reply, Remote]] = []

    def length(self, text: str) -> int:
        """Count characters."""
        return len(text)

    def parse(self, raw: str) -> Arrival:
        """Read an arrival as it was dumped."""
        try:
            return Arrival.model_validate_json(raw)
        except ValidationError as error:
            raise BadInput(f"{error.error_count()} mistakes") from None

    async def arrivals(self, cursor: str | None) -> AsyncIterator[Told]:
        """Yield what was put in `arriving`; the cursor is the number of what was read."""
        self._answers()
        for number, each in enumerate(self.arriving[int(cursor or 0) :], start=int(cursor or 0)):
            kept = isinstance(each, Arrival | Quarantined)
            yield each.model_copy(update={"cursor": str(number + 1)}) if kept else each

    async def look(self, post: Post) -> Look:
        """Tell what `looks` says, else that nothing changed."""
        self._answers()
        found = self.looks.get(post.id, Look(standing="unchanged"))
        if isinstance(found, LuisterError):
            raise found
        return found

    async def reply(self, reply: Reply) -> Remote:
        """Do what the next of `steps` says."""
        self.calls.append(reply)
        self._answers()
        step = self.steps.popleft() if self.steps else "ok"
        if isinstance(step, LuisterError):
            raise step
        remote = self._put(reply)
        if step == "lost":
            raise Doubtful("the answer was lost")
        return remote

    def _answers(self) -> None:
        if self.away is not None:
            raise self.away

    def _put(self, reply: Reply) -> Remote:
        self._made += 1
        id = f"r{self._made}"
        remote = Remote(id=id, url=f"https://social.example/{id}")
        self.standing.append((reply, remote))
        return remote


class KeyedPlatform(FakePlatform):
    """A platform that takes a key: the same Reply again makes no second one."""

    key_life = timedelta(hours=1)

    def _put(self, reply: Reply) -> Remote:
        known = next((at for each, at in self.standing if each.key == reply.key), None)
        return known or super()._put(reply)


class LookUpPlatform(FakePlatform):
    """A platform without a key that lists our replies under a post.

    `hidden` makes it list none, as a server does that is behind.
    """

    hidden = False

    async def replies_under(self, reply: Reply) -> tuple[Candidate, ...]:
        """List what stands under the reply's target."""
        if self.hidden:
            return ()
        return tuple(
            Candidate(remote=remote, text=each.text)
            for each, remote in self.standing
            if each.target == reply.target
        )


class FullPlatform(KeyedPlatform):
    """A platform that can do whatever any can: a stream, private answers, taking back, and so on.

    `stir` lets the stream say that something arrived; while `shadowed` it shows our replies to
    nobody.
    """

    shadowed = False

    every: float | None = 60.0
    private_limit = 1000

    def __init__(self, account: str = "@town", *, arriving: Iterable[Told] = ()) -> None:
        super().__init__(account, arriving=arriving)
        self._stirs = asyncio.Event()

    def stir(self) -> None:
        """Let the stream say that something arrived."""
        self._stirs.set()

    async def stirred(self) -> None:
        """Wait for the stream."""
        await self._stirs.wait()
        self._stirs.clear()
        self._answers()

    async def take_back(self, remote: Remote) -> None:
        """Take the reply away."""
        self._answers()
        self.standing = [each for each in self.standing if each[1].id != remote.id]

    async def correct(self, reply: Reply, remote: Remote) -> None:
        """Give the reply another text."""
        self._answers()
        self.standing = [
            (reply, at) if at.id == remote.id else (each, at) for each, at in self.standing
        ]

    async def visible(self, reply: Reply, remote: Remote) -> bool:
        """Say whether the reply stands where citizens see it."""
        self._answers()
        return not self.shadowed and any(at.id == remote.id for _, at in self.standing)

    def private_length(self, text: str) -> int:
        """Count characters."""
        return len(text)

    def private_to(self, post: Post) -> bool:
        """Everybody can be written to."""
        return post.author is not None

    async def introduce(self) -> tuple[str, ...]:
        """Tell the account."""
        self._answers()
        return (f"This is {self.account}.", "It may read and answer.")


@dataclass
class Shown:
    """A message in the fake chat, as somebody would see it."""

    at: Message
    mark: str
    thread: Message | None = None
    card: Card | None = None
    digest: Digest | None = None
    lines: tuple[str, ...] = ()
    text: str = ""
    aloud: bool = False


class FakeChat:
    """A chat in memory, with metadata to find messages by, and no idempotency at all.

    `fault` is asked before every call, with the method's and the channel's name, what happens.
    `barred` channels refuse everything.
    """

    def __init__(self, *, fault: Callable[[str, str], Step] = lambda method, channel: "ok") -> None:
        self.fault = fault
        self.barred: set[str] = set()
        self.messages: dict[Message, Shown] = {}
        self.log: list[tuple[str, Message | None]] = []
        self.desk: Desk | None = None

    def cards(self, case: str) -> list[Shown]:
        """Return the live cards of a case; a stub is none."""
        return [
            each
            for each in self.messages.values()
            if each.card and each.card.case == case and each.card.stub is None
        ]

    def stubs(self, case: str) -> list[Shown]:
        """Return what is left of a case's earlier cards."""
        return [
            each
            for each in self.messages.values()
            if each.card and each.card.case == case and each.card.stub is not None
        ]

    def digests(self, case: str) -> list[Shown]:
        """Return the digests in which a case stands, that is with its button."""
        return [
            each
            for each in self.messages.values()
            if each.digest and any(line.case == case and line.action for line in each.digest.lines)
        ]

    def thread(self, message: Message) -> list[str]:
        """Return the lines told in a message's thread, in order."""
        return [
            line for each in self.messages.values() if each.thread == message for line in each.lines
        ]

    def notes(self, channel: str) -> list[str]:
        """Return the sentences posted in a channel."""
        return [each.text for each in self.messages.values() if each.at.channel == channel
                and each.text]  # fmt: skip

    async def post_card(self, channel: str, card: Card, *, mark: str) -> Message:
        """Post a card."""
        return self._post("post_card", channel, mark, card=card)

    async def update_card(self, message: Message, card: Card) -> None:
        """Draw a card anew."""
        self._update("update_card", message, card=card)

    async def post_digest(self, channel: str, digest: Digest, *, mark: str) -> Message:
        """Post a digest."""
        return self._post("post_digest", channel, mark, digest=digest)

    async def update_digest(self, message: Message, digest: Digest) -> None:
        """Draw a digest anew."""
        self._update("update_digest", message, digest=digest)

    async def post_lines(
        self, thread: Message, lines: tuple[str, ...], *, mark: str, broadcast: bool
    ) -> Message:
        """Post lines in a thread."""
        return self._post(
            "post_lines", thread.channel, mark, thread=thread, lines=lines, aloud=broadcast
        )

    async def post_note(self, channel: str, text: str, *, mark: str) -> Message:
        """Post a sentence."""
        return self._post("post_note", channel, mark, text=text)

    async def find(self, channel: str, *, mark: str, thread: Message | None) -> Message | None:
        """Return the message that carries `mark`."""
        self._faulty("find", channel, None)
        return next(
            (
                each.at
                for each in self.messages.values()
                if (each.at.channel, each.mark, each.thread) == (channel, mark, thread)
            ),
            None,
        )

    async def permalink(self, message: Message) -> str | None:
        """Return a link to the message."""
        self._faulty("permalink", message.channel, message)
        return f"https://chat.example/{message.channel}/{message.ts}"

    async def delete(self, message: Message) -> None:
        """Take a message away."""
        lost = self._faulty("delete", message.channel, message)
        self.messages.pop(message, None)
        _maybe(lost)

    async def run(self, desk: Desk) -> None:
        """Remember the desk and end."""
        self.desk = desk

    def _post(self, method: str, channel: str, mark: str, **content: Any) -> Message:
        lost = self._faulty(method, channel, None)
        at = Message(channel=channel, ts=f"{len(self.log)}.0")
        self.messages[at] = Shown(at=at, mark=mark, **content)
        self.log[-1] = (method, at)
        _maybe(lost)
        return at

    def _update(self, method: str, message: Message, **content: Any) -> None:
        lost = self._faulty(method, message.channel, message)
        if message not in self.messages:
            raise Refused("message_not_found")
        for name, value in content.items():
            setattr(self.messages[message], name, value)
        _maybe(lost)

    def _faulty(self, method: str, channel: str, at: Message | None) -> bool:
        """Note the call; raise what goes wrong before it, or say that its answer gets lost."""
        self.log.append((method, at))
        if channel in self.barred:
            raise Barred(f"{method}: not_in_channel")
        step = self.fault(method, channel)
        if isinstance(step, LuisterError):
            raise step
        return step == "lost"


def _maybe(lost: bool) -> None:
    if lost:
        raise Doubtful("the answer was lost")


T = TypeVar("T", bound=BaseModel)


class ScriptedLLM:
    """A model that gives the `answers` one after the other: values, JSON, or why there is none."""

    def __init__(self, *answers: BaseModel | str | Reason) -> None:
        self.answers = deque(answers)
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def ask(
        self, schema: type[T], *, prompt: Prompt, values: Mapping[str, str], deadline: float
    ) -> Outcome[T]:
        """Give the next answer when it fits the schema, else raise ModelUnusable."""
        self.asked.append((prompt.name, dict(values)))
        answer = self.answers.popleft() if self.answers else Reason.CONNECTION
        if isinstance(answer, Reason):
            raise ModelUnusable(answer)
        raw = answer if isinstance(answer, str) else answer.model_dump_json()
        try:
            value = schema.model_validate_json(raw)
        except ValueError:
            raise ModelUnusable(Reason.SCHEMA) from None
        return Outcome(
            value=value,
            model="scripted",
            prompt=f"{prompt.name}@1+0",
            tokens_in=1,
            tokens_out=1,
            seconds=0.0,
            attempts=1,
            request_id=None,
        )
