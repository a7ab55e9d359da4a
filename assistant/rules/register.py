"""The competence register: which department answers for a subject, and who is an official."""

import re
from collections import defaultdict
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple

from assistant.answers import Answer, Index
from assistant.config import Department, Organisation, Pointer
from assistant.rules.phrases import compiled

CONFIGURED = "luister.toml"
"""Where subjects stand; answers stand in files of their own."""
ENOUGH = 7.0
"""A lower score is a common word shared with a subject, no subject of ours."""
NAMED = 1.5
"""What a department's subjects count against its nearest answer, which tells much in passing."""
GRAMS = 0.35
"""What a piece of a word counts against a whole one: long words have many, whatever they say.

With the same subjects the first of all departments was right for 303 of 419 posts when the two best
of subjects and answers counted and pieces as much as words, and for 321 as it is now.
"""


class Subject(NamedTuple):
    """Whether a post is about something of ours, whose when that is clear, and whose probably."""

    ours: bool
    department: str | None
    likely: str | None = None


Named = tuple[tuple[str, re.Pattern[str]], ...]
"""Names, each with the expression that finds what it stands for in a post's words."""


class Register:
    """Departments by their subjects in citizens' words and by what their answers are about."""

    def __init__(self, organisation: Organisation, *, today: date) -> None:
        subjects = [_subjects(each) for each in organisation.departments]
        self._index = Index([*subjects, *organisation.answers], today=today, grams=GRAMS)
        self._organisation = organisation
        self._today = today

    @cached_property
    def bodies(self) -> Named:
        """Each other body's name with the expression of what it is for."""
        return tuple((each.name, _expression(each.subjects)) for each in self._organisation.bodies)

    @cached_property
    def not_public(self) -> Named:
        """The name of each subject that is not public yet, with its expression."""
        return tuple(
            (each.name, _expression(each.subjects))
            for each in self._organisation.not_public
            if each.until is None or self._today < each.until
        )

    @cached_property
    def elections(self) -> bool:
        """Whether an election is near, so that politics is left alone more strictly."""
        period = self._organisation.elections
        return period is not None and period.cover(self._today)

    @cached_property
    def officials(self) -> Named:
        """Each official's name with the expression of what they are called."""
        return tuple(
            (each.name, compiled(_called(each.called))) for each in self._organisation.officials
        )

    def pointer(self, label: str, *, text: str, language: str) -> Pointer | None:
        """Return the pointer of `label` that fits `text` best, in `language` where there is one.

        What leads to an answer that is no longer valid is no pointer.
        """
        valid = {each.id: each for each in self._organisation.answers}
        found = {
            each.answer: each
            for each in self._organisation.pointers
            if each.label == label
            and each.answer in valid
            and valid[each.answer].valid_until >= self._today
        }
        spoken = [id for id in found if valid[id].language == language] or list(found)
        hits = Index([valid[id] for id in spoken], today=self._today).find(text, top=1)
        best = [*(each.answer.id for each in hits), *spoken]
        return found[best[0]] if best else None

    def subject(self, text: str) -> Subject:
        """Return whose subject `text` is about, by a department's subjects and nearest answer."""
        highest: dict[tuple[str, bool], float] = defaultdict(float)
        for found, score in self._index.scored(text):
            kind = found.department, found.path == CONFIGURED
            highest[kind] = max(highest[kind], NAMED * score if kind[1] else score)
        scores: dict[str, float] = defaultdict(float)
        for (name, _), score in highest.items():
            scores[name] += score
        ranked = sorted(((score, name) for name, score in scores.items()), reverse=True)
        if not ranked or ranked[0][0] < ENOUGH:
            return Subject(ours=False, department=None)
        # The share of the best two scores: 0.5 is a coin tossed between two departments.
        second = ranked[1][0] if ranked[1:] else 0.0
        share = ranked[0][0] / (ranked[0][0] + second)
        clear = share >= self._organisation.triage.confidence
        best = ranked[0][1]
        return Subject(ours=True, department=best if clear else None, likely=best)


def _called(names: tuple[str, ...]) -> list[str]:
    return [re.sub(r"[()|*~&]", " ", each).replace("-", " ") for each in names]


def _expression(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Read phrases as a configuration writes them: of the signs only `*` means something."""
    return compiled(re.sub(r"[()|~&-]", " ", each) for each in phrases)


@lru_cache(maxsize=2)
def register_of(organisation: Organisation, today: date) -> Register:
    """Return the competence register as it stands on `today`, made once a day."""
    return Register(organisation, today=today)


def _subjects(department: Department) -> Answer:
    """Put a department's subjects in the shape the index reads."""
    text = " ".join([*department.subjects, department.name])
    return Answer(
        id=f"subjects-{department.id}",
        department=department.id,
        title=text,
        aliases=department.subjects,
        sources=(),
        owner=department.id,
        valid_until=date.max,
        short=text,
        long=text,
        path=CONFIGURED,
    )
