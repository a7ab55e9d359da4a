"""What a card, an editor and a digest mean; each chat draws them with the best it has."""

from typing import Literal

from assistant.case import Frozen

ActionId = Literal[
    "claim",
    "edit",
    "pointer",
    "close",
    "give",
    "hand_over",
    "relabel",
    "rewrite",
    "pick",
    "teach",
    "undo",
    "approve",
    "return",
    "retry",
    "found",
    "denied",
    "take_back",
    "correct",
    "reopen",
    "open",
]
Reader = Literal["public", "private"]
"""Who may read a reply: whoever reads the citizen's post, or the citizen alone."""
Opens = Literal["nothing", "editor", "form"]


class Action(Frozen):
    """A button; `opens` says whether it acts at once, opens the editor or asks something first.

    `about` says what it changes: what we say to the citizen, or what the case is and who has it.
    """

    id: ActionId
    label: str
    about: Literal["reply", "case"] = "reply"
    style: Literal["default", "primary", "danger"] = "default"
    opens: Opens = "nothing"


class Offer(Frozen):
    """Something to agree to with one press: `text` says to what, and stands beside its button."""

    text: str
    action: Action


class Fact(Frozen):
    """A short labelled line."""

    label: str
    value: str


class Source(Frozen):
    """An approved answer a text leans on."""

    id: str
    title: str
    url: str | None = None


class Suggestion(Frozen):
    """The suggested reply, where it comes from, and how long it is by the platform's count.

    `leans` says whether the text is made from `sources`; else they are only near, to look at.
    """

    text: str
    origin: str
    length: int
    limit: int
    sources: tuple[Source, ...] = ()
    leans: bool = True


class Picture(Frozen):
    """What came with a post besides its text: what it shows, and where it is."""

    label: str
    url: str | None = None


class Answer(Frozen):
    """The reply as it stands: `status` is one sentence, `url` only when it is really there."""

    text: str
    status: str
    url: str | None = None


class Card(Frozen):
    """One case for one channel. Every string is plain text: nothing in it may act.

    `warning` is the author's content warning, `above` what was said before the post, oldest first.
    `summary` is what a notification or a screen reader says; `version` the case's version shown.
    `related` are the cards of cases about the same. `stub` replaces the whole card once the case
    moved elsewhere.
    """

    case: str
    version: int
    title: str
    summary: str
    urgent: bool = False
    author: str
    source: str
    url: str | None
    time: str
    post: str
    warning: str | None = None
    above: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    advice: str | None = None
    facts: tuple[Fact, ...] = ()
    related: tuple[Source, ...] = ()
    suggestion: Suggestion | None = None
    answer: Answer | None = None
    warnings: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    offer: Offer | None = None
    stub: str | None = None
    stub_url: str | None = None


class DigestLine(Frozen):
    """One case in a digest; `open` is False once it has a card or needs none any more."""

    case: str
    text: str
    action: Action | None = None


class Digest(Frozen):
    """Many cases in one message, in a burst."""

    id: str
    title: str
    lines: tuple[DigestLine, ...]


class Choice(Frozen):
    """One option of a form."""

    value: str
    label: str


class Form(Frozen):
    """A question before an act: choices, a line of text, or both (close, relabel, found, ...).

    `chosen` and `second_chosen` are what stands chosen already.
    """

    case: str
    version: int
    action: ActionId
    title: str
    submit: str
    choice_label: str | None = None
    choices: tuple[Choice, ...] = ()
    chosen: str | None = None
    second_label: str | None = None
    second_choices: tuple[Choice, ...] = ()
    second_chosen: str | None = None
    text_label: str | None = None
    text_required: bool = False


class Editor(Frozen):
    """The editor, prefilled with the whole outgoing text; nothing is added after Send.

    `revision` is the citizen's post it was opened on and `draft` the suggestion it began with.
    `asks` are sentences that need a reason before the text may go; `reason` what was given.
    `corrects` is the id of the sent reply this text comes in the place of. `readers` is empty where
    there is nothing to choose, else `reader` is the one that stands chosen.
    """

    case: str
    revision: int
    draft: str | None
    title: str
    post: str
    text: str
    limit: int
    hint: str
    text_label: str
    submit: str
    asks: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    reason_label: str | None = None
    corrects: str | None = None
    readers_label: str | None = None
    readers: tuple[Choice, ...] = ()
    reader: Reader | None = None
