"""The tables of luister.toml that say what is ours, what is not, and what is not to be told yet."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from assistant.case import Label
from assistant.config.tables import Frozen

Words = Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(min_length=1)]
"""What citizens write; a `*` at the end of a word stands for any ending."""


class Body(Frozen):
    """[[bodies]]: another public body or company, what it is for, and the door to it."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    subjects: Words
    url: Annotated[str, Field(pattern=r"^https://[^\s/]+\S*$")] | None = None
    phone: Annotated[str, Field(min_length=3)] | None = None

    @model_validator(mode="after")
    def _has_a_door(self) -> Self:
        if not self.url and not self.phone:
            raise ValueError("give url or phone: a citizen must be able to go there")
        return self

    @property
    def door(self) -> str:
        """Where a citizen finds this body: its page, else its telephone number."""
        return self.url or self.phone or ""


class NotPublic(Frozen):
    """[[not_public]]: a subject of which nothing may be told yet; `until` is its first free day."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    subjects: Words
    until: date | None = None


class Elections(Frozen):
    """[elections]: the days before an election, first and last, on which more is left alone."""

    since: Annotated[date, Field(alias="from")]
    until: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since > self.until:
            raise ValueError("from must not be after until")
        return self

    def cover(self, day: date) -> bool:
        """Say whether `day` is one of them."""
        return self.since <= day <= self.until


class Pointer(Frozen):
    """[[pointers]]: the approved answer that shows the road of a label, and the term that runs.

    `contact` is the road out of a conversation in which we answered often. `days` is how long we
    have from the day the post arrived, `remind` how many days before the end the department is
    reminded.
    """

    label: Label | Literal["contact"]
    answer: Annotated[str, Field(min_length=1)]
    days: Annotated[int, Field(ge=1, le=366)] | None = None
    remind: Annotated[int, Field(ge=0, le=366)] = 7

    @model_validator(mode="after")
    def _reminds_in_time(self) -> Self:
        if self.days is not None and self.remind >= self.days:
            raise ValueError("remind must be less than days")
        return self


class Triaging(Frozen):
    """[triage]: how sure Luister must be, from 0 to 1, to send a case straight to a department.

    Of 274 own posts (questions, complaints, reports) 0.55 sent 188 to the right department, 38 to a
    wrong one and 48 to triage; 0.5 207, 61 and 6; 0.6 149, 24 and 101.
    """

    confidence: Annotated[float, Field(ge=0, le=1)] = 0.55
