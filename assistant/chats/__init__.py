"""What a chat must offer Luister, and what Luister's desk offers a chat."""

from typing import Literal, Protocol

from assistant.card import ActionId, Card, Digest, Editor, Form, Reader
from assistant.case import Frozen


class Presser(Frozen):
    """Who pressed something: the chat's user id; guests and other workspaces are told apart."""

    chat_user: str
    guest: bool = False
    foreign: bool = False


class Press(Frozen):
    """A button pressed on the card of `case` at `version`, or its form sent in.

    `choice`, `second` and `text` are the form's fields. A double click is the same press.
    """

    by: Presser
    case: str
    version: int
    action: ActionId
    choice: str | None = None
    second: str | None = None
    text: str | None = None


class Submission(Frozen):
    """The editor sent in: `view` is the editor's own id, the same for every try of one editor.

    `corrects` and `reader` are the editor's; None where it had no such thing.
    """

    by: Presser
    view: str
    case: str
    revision: int
    draft: str | None
    text: str
    reason: str | None = None
    corrects: str | None = None
    reader: Reader | None = None


class Verdict(Frozen):
    """What became of a submission.

    queued: recorded; `told` may say what follows. errors: `told` stands at the text, which stays.
    confirm: `editor` asks for a reason, with the text as typed. The text is never lost.
    """

    outcome: Literal["queued", "errors", "confirm"]
    told: str | None = None
    editor: Editor | None = None


class Desk(Protocol):
    """What people can do. Every method returns only after the act is recorded.

    Each raises NotAllowed with a sentence for the presser, and StoreUnavailable when it is unknown
    whether the act was recorded (the same press or submission again cannot act twice).
    """

    async def press(self, press: Press) -> str | Editor | None:
        """Do it; return a sentence only for the presser, or the editor in which it goes on."""
        ...

    async def form(self, press: Press) -> Form:
        """Return the question that comes before this act."""
        ...

    async def editor(self, press: Press) -> Editor:
        """Return the editor for the case, prefilled for this person."""
        ...

    async def submit(self, submission: Submission) -> Verdict:
        """Check the text and queue it in this person's name."""
        ...

    def say(self, key: str, **values: object) -> str:
        """Return a sentence of `Words` in the organisation's language."""
        ...


class Message(Frozen):
    """Where a message stands in the chat."""

    channel: str
    ts: str


class Chat(Protocol):
    """A chat Luister posts in. `mark` travels with a message so that it can be found again.

    Each method raises TryAgain (surely not done; obey `after`), Doubtful (perhaps done: look with
    `find` before repeating) or Refused (a person must look: no such channel, not invited, ...).
    """

    async def post_card(self, channel: str, card: Card, *, mark: str) -> Message: ...

    async def update_card(self, message: Message, card: Card) -> None: ...

    async def post_digest(self, channel: str, digest: Digest, *, mark: str) -> Message: ...

    async def update_digest(self, message: Message, digest: Digest) -> None: ...

    async def post_lines(
        self, thread: Message, lines: tuple[str, ...], *, mark: str, broadcast: bool
    ) -> Message: ...

    async def post_note(self, channel: str, text: str, *, mark: str) -> Message: ...

    async def find(self, channel: str, *, mark: str, thread: Message | None) -> Message | None:
        """Return our message that carries `mark`, looking where it would have been posted."""
        ...

    async def permalink(self, message: Message) -> str | None: ...

    async def delete(self, message: Message) -> None:
        """Take a message away; a message already gone is fine."""
        ...

    async def run(self, desk: Desk) -> None:
        """Listen to people until cancelled."""
        ...
