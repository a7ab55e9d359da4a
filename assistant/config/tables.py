"""The tables of luister.toml, but for the accounts."""

from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Role = Literal["reader", "writer", "approver", "supervisor"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Frozen(BaseModel):
    """A configuration table: frozen, and a key nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one like 'Europe/Amsterdam'") from error
    return name


class About(Frozen):
    """[organisation]: who we are and what is our own in a text."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    language: Literal["nl", "en"] = "nl"
    timezone: Annotated[str, AfterValidator(_timezone)] = "Europe/Amsterdam"
    hosts: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Hours(Frozen):
    """Working hours; a card waits for them unless it is an emergency."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS[:5]
    opens: time = time(8, 30)
    closes: time = time(17)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("opens and closes are on the organisation's clock; leave the zone out")
        if self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self

    def next_open(self, now: datetime) -> datetime:
        """Return `now` when open, else the next opening time, in `now`'s time zone."""
        for ahead in range(8):
            day = (now + timedelta(days=ahead)).date()
            opens = datetime.combine(day, self.opens, now.tzinfo)
            closes = datetime.combine(day, self.closes, now.tzinfo)
            # Moments, not clock faces: when summer time ends, one hour comes twice.
            if DAYS[day.weekday()] in self.days and now.timestamp() < closes.timestamp():
                return max(now, opens, key=datetime.timestamp)
        raise AssertionError("unreachable: at least one day is open")


Channel = Annotated[str, Field(min_length=1, description="the chat's channel id")]


class Department(Frozen):
    """[[departments]]: a channel, and the subjects it answers for in citizens' words."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    name: Annotated[str, Field(min_length=1)]
    channel: Channel
    subjects: Annotated[tuple[str, ...], Field(min_length=1)]
    hours: Hours = Hours()
    approval: bool = False


class Person(Frozen):
    """[[people]]: somebody who may act on cards."""

    chat_user: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    initials: Annotated[str, Field(pattern=r"^[A-Z]{2,4}$")]
    role: Role = "writer"
    departments: tuple[str, ...] = ()


class Official(Frozen):
    """[[officials]]: what is addressed to them goes to their spokesperson's channel."""

    name: Annotated[str, Field(min_length=1)]
    called: Annotated[tuple[str, ...], Field(min_length=1)]
    channel: Channel


class Replies(Frozen):
    """[replies]: how a reply leaves."""

    undo_seconds: Annotated[int, Field(ge=0, le=300)] = 20


class Retention(Frozen):
    """[retention]: how long a finished case keeps its texts and names."""

    days: Annotated[int, Field(ge=1)] = 365


class Model(Frozen):
    """[model]: the language model; its key comes from OPENAI_API_KEY, never from a file."""

    name: Annotated[str, Field(min_length=1)]
    base_url: str = "https://api.openai.com/v1"
    allowed_hosts: tuple[str, ...] = ("api.openai.com",)
    tokens_per_day: Annotated[int, Field(ge=0)] = 2_000_000
    reasoning_effort: Annotated[str, Field(pattern=r"^[a-z]+$")] | None = None
