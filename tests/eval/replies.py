"""How the checks do on replies somebody wrote without knowing them: what slips through, what not.

`replies.jsonl` holds replies in which one thing is wrong, named by the check's code, and replies
in which nothing is; a hash of the id splits them into a tuning and a test half.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from assistant.checks import SEVERITY, Finding, Ground, Severity, check, graphemes
from assistant.config import Organisation, load
from assistant.evaluate.figures import rate
from assistant.evaluate.rows import half_of
from assistant.evaluate.telling import percent
from assistant.personal import Own
from assistant.terminal import table

HERE = Path(__file__).parent
WATERSTAD = HERE.parent.parent / "examples" / "waterstad"
REPLIES = HERE / "replies.jsonl"
OWN = Own(
    hosts=("waterstad.example",),
    phones=("14 0123", "112"),
    addresses=("Raadhuisplein 1, 1234 AB Waterstad",),
)
"""Of the town these replies are from."""


class Reply(BaseModel):
    """A reply and what it is checked against; `words` is what is wrong, None when nothing is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    code: str | None
    text: str
    post: str
    source: str
    language: str
    words: str | None = None

    @property
    def ground(self) -> Ground:
        """What the reply may lean on."""
        return Ground(
            post=self.post,
            language=self.language,
            sources=(self.source,),
            own=OWN,
            limit=1000,
            initials="AB",
        )

    @property
    def found(self) -> tuple[Finding, ...]:
        """What the checks stop or ask about."""
        found = check(self.text, ground=self.ground, length=graphemes)
        return tuple(one for one in found if one.severity != "hint")

    @property
    def severities(self) -> frozenset[Severity]:
        """What they do about the words that are wrong, whatever they call it."""
        place = self.text.find(self.words or "")
        end = place + len(self.words or "")
        return frozenset(
            one.severity
            for one in self.found
            if one.code == self.code or (one.start < end and place < one.end)
        )


@cache
def replies(half: str) -> tuple[Reply, ...]:
    """Return the replies of one half, or `all`."""
    lines = REPLIES.read_text("utf-8").splitlines()
    read = (Reply.model_validate_json(line) for line in lines)
    return tuple(one for one in read if half in ("all", half_of(one.id)))


def alarms(organisation: Organisation) -> tuple[int, tuple[str, ...]]:
    """Return how many texts of approved answers were tried, and what the checks say of them."""
    found: list[str] = []
    for answer in organisation.answers:
        ground = Ground(
            post="",
            language=answer.language,
            sources=(f"{answer.short}\n{answer.long}",),
            links=answer.sources,
            own=organisation.own,
            limit=5000,
            initials="AB",
        )
        for body in (answer.short, answer.long):
            text = (
                f"{'Hoi' if answer.language == 'nl' else 'Hello'}! {body} {answer.sources[0]} ^AB"
            )
            of_one = check(text, ground=ground, length=graphemes)
            found += [f"{answer.id}: {one.code}" for one in of_one if one.severity != "hint"]
    return 2 * len(organisation.answers), tuple(found)


def _rows(tried: Sequence[Reply]) -> Iterator[tuple[str, ...]]:
    for code, severity in SEVERITY.items():
        of_code = [one for one in tried if one.code == code]
        if not of_code:
            continue
        stopped = sum("block" in one.severities for one in of_code)
        escaped = sum(not one.severities for one in of_code)
        asked = len(of_code) - stopped - escaped
        numbers = (str(each) for each in (len(of_code), stopped, asked))
        yield code, severity, *numbers, percent(rate(escaped, len(of_code)))


def told(half: str) -> str:
    """Return as tables what was tried, what escaped, and where there was an alarm for nothing."""
    tried = replies(half)
    fine = [one for one in tried if one.code is None]
    wrong = [one for one in fine if one.found]
    number, on_answers = alarms(load(WATERSTAD))
    head = ("what is wrong", "the check", "tried", "stopped", "asked about", "escapes")
    return "\n".join(
        (
            table(head, tuple(_rows(tried))),
            "",
            f"alarms on replies with nothing wrong: {percent(rate(len(wrong), len(fine)))}",
            f"alarms on approved answers of the example: {len(on_answers)} of {number} texts",
        )
    )


def lines(half: str) -> Iterator[str]:
    """Yield what went wrong, a JSON object a line: for whoever tunes, of the tuning half."""
    for one in replies(half):
        if not one.severities if one.code else one.found:
            codes = [(each.code, each.words) for each in one.found]
            yield json.dumps(one.model_dump() | {"found": codes}, ensure_ascii=False)
