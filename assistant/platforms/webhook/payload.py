"""What goes over the wire: what a gateway pushes, what it is asked, and what it answers."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from assistant.case import Addressed, Barred, Frozen, Visibility

MANY = 100
"""Posts in one call, at most."""

Id = Annotated[str, Field(min_length=1, max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=20_000)]
Url = Annotated[str, Field(pattern=r"^https?://\S+$", max_length=3000)]
"""As long as a button in Slack takes it."""
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9-]{1,30})?$")]
Ability = Literal["look", "find", "take_back", "correct", "private"]


class Wire(Frozen):
    """A JSON object of the webhook; its keys are described beside them, for the schema too."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Picture(Wire):
    """A picture, film or sound with a post."""

    alt: Text | None = None
    """What its author says it shows."""
    url: Url | None = None
    """Where it can be seen."""


class Above(Wire):
    """A post that stands above the citizen's in the conversation."""

    author: Name | None = None
    """Who wrote it, as readers see the name."""
    text: Text
    """Its whole text."""
    ours: bool = False
    """Whether our own account wrote it."""


class Written(Wire):
    """A post that is there, new or edited, as it stands now."""

    event: Literal["new", "edited"]
    """What happened; an edit of a post never pushed before counts as new."""
    id: Id
    """The platform's own id of the post: the same for ever, and no other post's."""
    text: Text = ""
    """The whole text; it may be empty only where there are images."""
    author: Id | None = None
    """The platform's own id of who wrote it, the same in each of their posts; none: anonymous."""
    handle: Name | None = None
    """The author's name as readers see it."""
    created_at: AwareDatetime
    """When it was written, with its time zone."""
    in_reply_to: Id | None = None
    """The id of the post it stands under, ours or another's."""
    conversation: Id | None = None
    """The id of the whole conversation; by default that of the post it stands under, or its own."""
    addressed: Addressed | None
    """How it addresses us; null: not at all, and then it is shown and never answered."""
    visibility: Visibility = "public"
    """Who can read it; a reply is never wider."""
    language: Language | None = None
    """The language its author says it is in (`nl`, `en-GB`)."""
    warning: Text | None = None
    """The author's content warning."""
    images: Annotated[tuple[Picture, ...], Field(max_length=50)] = ()
    """What is shown with it."""
    url: Url | None = None
    """Where people can see the post."""
    above: Annotated[tuple[Above, ...], Field(max_length=50)] = ()
    """The conversation above it, oldest first; the newest ten are kept."""
    may_reply: bool = True
    """Whether the platform lets us answer it."""
    reason: Barred | None = None
    """Why not, where `may_reply` is false."""
    ours: bool = False
    """Whether our own account wrote it: an answer given outside Luister is known by it."""

    @field_validator("created_at")
    @classmethod
    def _plausible(cls, value: datetime) -> datetime:
        # Beyond these no time zone can be applied, and no social network existed.
        if not 1971 <= value.year <= 9000:
            raise PydanticCustomError("out_of_range", "no time at which anybody wrote a post")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text.strip() and not self.images:
            raise PydanticCustomError("empty", "neither text nor images")
        return self


class Gone(Wire):
    """A post that its author, or the platform, took away."""

    event: Literal["deleted"]
    """What happened."""
    id: Id
    """The id the post had."""


Pushed = Annotated[Written | Gone, Field(discriminator="event")]


class Push(Wire):
    """The body of a call to Luister: what happened, oldest first."""

    posts: Annotated[tuple[Pushed, ...], Field(min_length=1, max_length=MANY)]
    """What happened; each is recorded or refused on its own."""


class Envelope(Wire):
    """A Push of which the posts are not looked into yet."""

    posts: Annotated[tuple[Any, ...], Field(min_length=1, max_length=MANY)]


class SendReply(Wire):
    """Put this reply under the post; the same `key` again is the same reply, for 24 hours."""

    do: Literal["reply"] = "reply"
    key: str
    """Also in the header Idempotency-Key."""
    under: str
    """The id of the post that is answered, as it was pushed."""
    conversation: str | None
    """The id of its conversation."""
    author: str | None
    """The id of its author."""
    handle: str | None
    """The name of its author."""
    visibility: Visibility
    """Who may read the reply; `direct`: the author alone."""
    language: str | None
    """The language of the text (ISO 639-1)."""
    text: str
    """The exact whole text: nothing may be added, cut or changed."""
    created_at: datetime
    """When a colleague pressed Send."""


class LookAt(Wire):
    """Say how a post stands right now; asked only with the ability `look`."""

    do: Literal["look"] = "look"
    id: str
    """The id of the post, as it was pushed."""


class FindReplies(Wire):
    """List our replies under a post; asked only with the ability `find`."""

    do: Literal["find"] = "find"
    under: str
    """The id of the post, as it was pushed."""


class TakeBack(Wire):
    """Delete a reply, or find it gone already; asked only with the ability `take_back`."""

    do: Literal["take_back"] = "take_back"
    id: str
    """The id of the reply, as it was answered."""


class CorrectReply(Wire):
    """Give a reply another text where it stands; asked only with the ability `correct`."""

    do: Literal["correct"] = "correct"
    id: str
    """The id of the reply, as it was answered."""
    text: str
    """The exact whole new text; the same again is harmless."""


class Introduce(Wire):
    """Say what you can do: asked by `luister check --online`."""

    do: Literal["introduce"] = "introduce"


class Answer(Wire):
    """What the gateway answers to a call; keys that nobody knows are ignored."""

    model_config = ConfigDict(extra="ignore")


class Sent(Answer):
    """The reply stands there."""

    id: Id
    """The platform's own id of the reply."""
    url: Url | None = None
    """Where people can see it."""


class Seen(Answer):
    """How the post stands right now."""

    post: Written | None
    """The post in its newest form; null: it is gone."""


class FoundReply(Answer):
    """A reply of ours."""

    id: Id
    """The platform's own id of the reply."""
    text: Text
    """Its whole text."""
    url: Url | None = None
    """Where people can see it."""


class Found(Answer):
    """Our replies under the post."""

    replies: tuple[FoundReply, ...]
    """All of them, oldest first."""


class Done(Answer):
    """It was taken back or corrected, or stood so already."""

    done: Literal[True]


class About(Answer):
    """What the gateway can do."""

    can: tuple[Ability, ...]
    """The calls it answers besides `reply` and `introduce`, and `private` for direct replies."""
