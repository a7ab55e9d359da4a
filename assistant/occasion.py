"""What a draft for one case is made with, and what every draft has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from assistant.answers import Answer
from assistant.case import Case, Draft, Origin, Triage
from assistant.config import Organisation
from assistant.platforms import Platform
from assistant.words import Words

SIGNED = 20
"""Characters kept free for the mention and the initials the editor adds."""

SPOKEN: frozenset[str] = frozenset({"nl", "en", "de", "fr"})
"""Languages a greeting and the templates exist in."""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What a draft for one case is made with."""

    case: Case
    triage: Triage
    organisation: Organisation
    platform: Platform
    words: Words
    now: datetime

    @property
    def room(self) -> int:
        """How long a suggestion may be, by the platform's count."""
        handle = self.case.post.handle
        mention = f"@{handle.removeprefix('@')} " if handle else ""
        return self.platform.limit - SIGNED - self.platform.length(mention)

    def fits(self, text: str) -> bool:
        return self.platform.length(text) <= self.room

    def said(self, key: str) -> str | None:
        """Return a sentence in the citizen's language, None where we have no words in it."""
        if self.triage.language not in SPOKEN:
            return None
        return self.words.say(f"draft.{key}_{self.triage.language}")


def occasion_of(
    case: Case,
    *,
    organisation: Organisation,
    platform: Platform,
    words: Words,
    now: datetime,
    language: str | None = None,
) -> Occasion:
    """Return the occasion of a draft for a case that was triaged.

    `language` (ISO 639-1) is what the text is to be in, where that is another than the citizen's.
    """
    assert case.triage is not None
    triage = case.triage.model_copy(update={"language": language or case.triage.language})
    return Occasion(
        # The checks hold the text against the language it is meant to be in.
        case=case.model_copy(update={"triage": triage}),
        triage=triage,
        organisation=organisation,
        platform=platform,
        words=words,
        now=now,
    )


def edition(case: Case) -> str:
    """Return what a draft is made once for: the posts, a fresh start, and people's corrections."""
    return f"{case.revision}.{case.reopened}.{case.relabelled}"


def draft_of(
    on: Occasion,
    text: str,
    *,
    origin: Origin,
    sources: tuple[str, ...] = (),
    by: str = "",
) -> Draft:
    revision = on.case.revision
    made = f"{on.case.id}:{edition(on.case)}"
    return Draft(
        id=sha256(made.encode()).hexdigest()[:16],
        text=text,
        origin=origin,
        sources=sources,
        by=by,
        revision=revision,
    )


def greeted(on: Occasion, text: str) -> str:
    """Begin with a greeting for the time of day, in the citizen's language."""
    hour = on.organisation.local(on.now).hour
    time = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    greeting = on.said(f"greeting_{time}")
    return f"{greeting} {text}" if greeting else text


def verbatim(on: Occasion, answers: Sequence[Answer], *, long: bool = False) -> str | None:
    """Return approved answers as they stand, under each other and each with its page.

    The short variants, or the long ones; None where they do not fit. One short answer goes without
    its page where only that does not fit.
    """
    said = [each.long if long else each.short for each in answers]
    pages = [each.page for each in answers]
    whole = "\n\n".join(
        text if page in text else f"{text} {page}" for text, page in zip(said, pages, strict=True)
    )
    tried = (whole,) if long or len(said) > 1 else (whole, *said)
    return next((text for each in tried if on.fits(text := greeted(on, each))), None)


def linked(on: Occasion, text: str, answer: Answer) -> str:
    """Add the answer's first source where it fits and is not there already."""
    if not answer.sources or answer.sources[0] in text:
        return text
    longer = f"{text} {answer.sources[0]}"
    return longer if on.fits(longer) else text
