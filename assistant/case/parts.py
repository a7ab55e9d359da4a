"""What a case is made of: posts, labels, suggestions, replies, people."""

from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PRIVATE = "private"
"""Marks a field as a citizen's data: it enters the audit chain only as a commitment."""

Private = Annotated[str, PRIVATE]
MaybePrivate = Annotated[str | None, PRIVATE]

ERASED = "∅"
"""What stands where erased data stood."""

Addressed = Literal["mention", "reply", "quote", "direct"]
Visibility = Literal["public", "unlisted", "private", "direct"]
Barred = Literal["not_summoned", "replies_closed", "blocked", "account_gone", "protected"]
"""Why a platform takes no answer of ours to a post."""

Advice = Literal["answer", "wait", "leave", "hand_over"]
Label = Literal[
    "question",
    "complaint",
    "report",
    "thanks",
    "opinion",
    "political",
    "official",
    "legal",
    "emergency",
    "self_harm",
    "abuse",
    "personal_data",
    "spam",
]
Origin = Literal["model", "answer", "template", "empty", "held"]
Wish = Literal["shorter", "longer", "simpler", "warmer", "formal", "familiar", "language", "own"]
"""How a colleague wants a suggestion rewritten; `own` is an instruction in their own words."""

CloseReason = Literal["no_answer_needed", "not_for_us", "answered_elsewhere", "spam", "other"]


class Frozen(BaseModel):
    """A value that never changes once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Said(Frozen):
    """A post that stood above the citizen's in the conversation; `ours` when we wrote it."""

    author: MaybePrivate = None
    text: Private
    ours: bool = False


class Image(Frozen):
    """A picture, film or sound with a post: what its author says it shows, and where it is."""

    alt: MaybePrivate = None
    url: MaybePrivate = None


class Post(Frozen):
    """One post of a citizen, as its platform's parser understood it.

    `addressed` says how it addresses us; without it nothing can be queued for the post, nor with
    `barred`, which says why the platform lets us not answer. `root` is the first post of the
    thread, `above` the newest posts between the root and this one, oldest first. `author` is the
    platform's opaque id; None means anonymous. `warning` is the author's content warning,
    `language` the language (ISO 639-1) the author says it is in.
    """

    platform: str
    account: str
    id: Private
    root: Private
    parent: MaybePrivate = None
    author: MaybePrivate = None
    handle: MaybePrivate = None
    text: Private
    created_at: datetime
    addressed: Addressed | None
    visibility: Visibility = "public"
    url: MaybePrivate = None
    deleted: bool = False
    edited: bool = False
    barred: Barred | None = None
    warning: MaybePrivate = None
    language: str | None = None
    images: tuple[Image, ...] = ()
    above: tuple[Said, ...] = ()


class Actor(Frozen):
    """A colleague as they were called at the time of the act."""

    chat_user: str
    name: str
    initials: str


class Earlier(Frozen):
    """An earlier case of the same citizen: which, when, and who helped."""

    case: str
    at: datetime
    helped_by: Actor | None = None


class Term(Frozen):
    """A term that runs by law: its last day, and when the department is reminded of it."""

    ends: date
    remind: datetime


class Alike(Frozen):
    """Posts of others that say nearly the same within an hour; `cases` are the newest of them.

    `count` and `authors` count this post and who wrote it too.
    """

    cases: tuple[str, ...]
    count: int
    authors: int


class Triage(Frozen):
    """What a post is and what to do with it; `rule` is the house rule's number (DOMAIN.md, 1-12).

    `reason` is one sentence and may quote the post. `sure` False sends it to the triage channel.
    `body` names the other body that is to be asked, `pointer` the approved answer that shows the
    road this label has (rule 9), `term` what then runs. `alike` are posts that came about the same.
    `likely` is the department it is probably for, also where that is not clear enough to name one:
    a guess for whoever reads the triage channel, from which nothing follows by itself.
    """

    label: Label
    department: str | None
    likely: str | None = None
    official: str | None = None
    language: str
    advice: Advice
    rule: Annotated[int, Field(ge=1, le=12)]
    reason: Private
    sure: bool = True
    by: str
    wait_until: datetime | None = None
    body: str | None = None
    pointer: str | None = None
    term: Term | None = None
    alike: Alike | None = None


class Draft(Frozen):
    """A suggestion and where it comes from; `sources` are ids of approved answers.

    `by` is `model prompt@version+sha` for a model's text and empty otherwise. `revision` is the
    case's revision it was written for, or that it still fits: then it was `kept` through an edit.
    `founded` is what it was made from besides the post's words (see `draft.keeping`); `wish` how a
    colleague wanted an earlier one rewritten.
    """

    id: str
    text: Private
    origin: Origin
    sources: tuple[str, ...] = ()
    by: str = ""
    revision: int
    founded: str = ""
    kept: bool = False
    wish: Wish | None = None


class Rewriting(Frozen):
    """What a colleague asked of the suggestion `draft`, and nobody wrote yet.

    `language` (ISO 639-1) belongs to the wish of that name, `words` are the colleague's own.
    """

    draft: str
    wish: Wish
    language: str | None = None
    words: MaybePrivate = None


class Alias(Frozen):
    """Words of a citizen's post by which the approved answer `answer` is to be found.

    `by` is the colleague who offered or taught them, `at` when.
    """

    answer: str
    phrase: Private
    by: Actor
    at: datetime


class Reply(Frozen):
    """The one reply of one Send: the exact whole text, and what makes its sending repeatable.

    `key`, `record_key` and `created_at` are derived from `id` before the first try. `sources` are
    the approved answers it leans on; `overruled` the codes of the checks sent in spite of, with the
    person's reason. `author`, `handle` and `root` are the target's; `visibility` is who may read
    the reply, never wider than the target's; `language` (ISO 639-1) is the text's. `corrects` is
    the id of the sent reply in whose place this one comes: its text is put where that one stands.
    """

    id: str
    target: Private
    root: MaybePrivate = None
    author: MaybePrivate = None
    handle: MaybePrivate = None
    visibility: Visibility = "public"
    language: str | None = None
    text: Private
    key: str
    record_key: str
    created_at: datetime
    due: datetime
    by: Actor
    approved_by: Actor | None = None
    sources: tuple[str, ...] = ()
    draft: str | None = None
    overruled: tuple[str, ...] = ()
    overrule_reason: MaybePrivate = None
    corrects: str | None = None

    @property
    def origin(self) -> str:
        """The id of the reply that was sent, also after corrections."""
        return self.corrects or self.id


class Remote(Frozen):
    """Where a reply stands on the platform."""

    id: Private
    url: MaybePrivate = None


class Outside(Frozen):
    """An answer one of our accounts gave outside Luister, and where it stands."""

    text: Private
    remote: Remote | None = None
    at: datetime


class Amendment(Frozen):
    """What a person wants done with the reply `reply` at `remote`, and what became of that.

    With a `correction` its text is put there, without one the reply is taken back. `state` is
    `asked` until the platform did it; `reason` says why it failed.
    """

    reply: str
    remote: Remote
    by: Actor
    at: datetime
    correction: Reply | None = None
    state: Literal["asked", "done", "failed"] = "asked"
    reason: str | None = None


def handle_key(handle: str) -> str:
    """Return a handle as indexes know it: without @, in lower case."""
    return handle.removeprefix("@").casefold()


_TID = "234567abcdefghijklmnopqrstuvwxyz"


def reply_id(command: str, case: str) -> str:
    """Return the id of the reply one Send of one case makes; the same Send gives the same id."""
    return sha256(f"{case}:{command}".encode()).hexdigest()[:24]


def record_key(id: str, created_at: datetime) -> str:
    """Return a valid TID (atproto: 13 sortable base-32 characters) for a reply.

    Its 53 bits of microseconds come from `created_at`, its 10 bits of clock from the reply's id.
    """
    clock = int(sha256(id.encode()).hexdigest()[:4], 16) & 0x3FF
    number = (int(created_at.timestamp() * 1_000_000) << 10) | clock
    return "".join(_TID[(number >> shift) & 31] for shift in range(60, -1, -5))
