"""What a rule says of a post, and how strict it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from assistant.case import Advice, Label
from assistant.words import Words

STRICTNESS: Mapping[Advice, int] = {"answer": 0, "wait": 1, "leave": 2, "hand_over": 3}
"""The stricter of two pieces of advice wins; a hand-over is the strictest: a person must look."""

ADVICE: Mapping[Label, tuple[Advice, int]] = {
    "emergency": ("hand_over", 9),
    "self_harm": ("hand_over", 9),
    "abuse": ("leave", 10),
    "legal": ("hand_over", 9),
    "political": ("leave", 4),
    "opinion": ("leave", 4),
    "official": ("hand_over", 5),
    "personal_data": ("hand_over", 8),
    "spam": ("leave", 3),
    "thanks": ("leave", 3),
    "report": ("answer", 9),
    "question": ("answer", 3),
    "complaint": ("answer", 3),
}
"""The most lenient advice a label may get, and the house rule it follows from."""

SENSITIVE: frozenset[Label] = frozenset(
    (
        "emergency",
        "self_harm",
        "abuse",
        "legal",
        "political",
        "opinion",
        "official",
        "personal_data",
    )
)
"""Labels that nothing turns into `answer`."""

DANGER: frozenset[Label] = frozenset(("emergency", "self_harm"))
"""Labels of somebody who may need help now."""

PEOPLE = "people"
"""Who said so, when a colleague corrected it; the event names them."""

QUOTED = 3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A rule's word on a post; `heard` are the words that led to it, `why` a key of [triage].

    `body` names the other body whose subject it is; `urgent` brings the card at once, whatever the
    hour.
    """

    label: Label
    advice: Advice
    rule: int
    why: str
    heard: tuple[str, ...] = ()
    department: str | None = None
    official: str | None = None
    body: str | None = None
    sure: bool = True
    urgent: bool = False

    def reason(self, words: Words) -> str:
        """Return one sentence that says why, quoting the post's words."""
        heard = list(dict.fromkeys(self.heard))[:QUOTED]
        quoted = ", ".join(words.say("triage.quoted", words=each) for each in heard)
        quoted = quoted or words.say("triage.whole")
        return words.say(f"triage.{self.why}", words=quoted)


def stricter(one: Advice, other: Advice) -> bool:
    """Say whether `one` is stricter than `other`."""
    return STRICTNESS[one] > STRICTNESS[other]
