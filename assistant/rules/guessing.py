"""Which department a post is probably for, where that is not clear enough to send it there."""

from assistant.case import Label, Triage
from assistant.rules.reading import Reading

NOBODYS: frozenset[Label] = frozenset(("emergency", "self_harm", "abuse", "official", "spam"))
"""Labels no guess goes with: a road of their own, or a person at once, and not the next desk."""


def with_likely(found: Triage, post: Reading) -> Triage:
    """Return `found` with the department it is probably for: the one it names, else a guess.

    None for what somebody else than a department is for, an official or another body, and where
    there is nothing to do for anybody.
    """
    elsewhere = found.official or found.body or post.bodies or found.label in NOBODYS
    idle = found.advice == "leave"
    likely = None if elsewhere or idle else found.department or post.subject.likely
    return found.model_copy(update={"likely": likely})
