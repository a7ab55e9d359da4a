"""Rules that say what a post is and what to do with it, before any model is asked."""

from assistant.rules.alike import signature
from assistant.rules.conversation import OFTEN, after_often
from assistant.rules.guessing import with_likely
from assistant.rules.judging import RULES, Rule, judge, quiet
from assistant.rules.reading import Reading, read
from assistant.rules.register import Register, register_of
from assistant.rules.roads import TO_AND_FRO, with_road, with_wait
from assistant.rules.verdict import ADVICE, DANGER, PEOPLE, SENSITIVE, STRICTNESS, Verdict, stricter

__all__ = [
    "ADVICE",
    "DANGER",
    "OFTEN",
    "PEOPLE",
    "RULES",
    "SENSITIVE",
    "STRICTNESS",
    "TO_AND_FRO",
    "Reading",
    "Register",
    "Rule",
    "Verdict",
    "after_often",
    "judge",
    "quiet",
    "read",
    "register_of",
    "signature",
    "stricter",
    "with_likely",
    "with_road",
    "with_wait",
]
