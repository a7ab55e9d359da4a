"""Rules that say what a post is and what to do with it, before any model is asked."""

from assistant.rules.judging import RULES, Rule, judge
from assistant.rules.reading import Reading, read
from assistant.rules.register import Register, register_of
from assistant.rules.roads import with_road, with_wait
from assistant.rules.verdict import ADVICE, PEOPLE, SENSITIVE, STRICTNESS, Verdict, stricter

__all__ = [
    "ADVICE",
    "PEOPLE",
    "RULES",
    "SENSITIVE",
    "STRICTNESS",
    "Reading",
    "Register",
    "Rule",
    "Verdict",
    "judge",
    "read",
    "register_of",
    "stricter",
    "with_road",
    "with_wait",
]
