"""What follows from a conversation as a whole, and not from the words of one post."""

from assistant.case import Case, Triage
from assistant.rules.roads import TO_AND_FRO
from assistant.words import Words

OFTEN = 2
"""House rule 7: after two of our replies the conversation goes on elsewhere."""


def after_often(found: Triage, case: Case, *, words: Words) -> Triage:
    """Return `found`, or the advice to go on by telephone, e-mail or appointment (rule 7)."""
    count = len(case.standing)
    if count < OFTEN or found.advice not in ("answer", "wait"):
        return found
    reason = words.say("triage.often", count=count)
    return found.model_copy(update={"advice": "hand_over", "rule": TO_AND_FRO, "reason": reason})
