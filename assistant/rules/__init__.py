"""Rules that say what a post is and what to do with it, before any model is asked."""

from assistant.rules.judging import RULES, Rule, judge
from assistant.rules.reading import Reading, read
from assistant.rules.register import Register, register_of
from assistant.rules.roads import with_road
from assistant.rules.verdict import ADVICE, SENSITIVE, STRICTNESS, Verdict, stricter

__all__ = [
    "ADVICE",
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
]
