"""Who may read an answer: whoever reads the citizen's post, or the citizen alone."""

from assistant.card import Reader
from assistant.case import Case, Post, Visibility
from assistant.personal import Own, surely_personal
from assistant.platforms import AnswersPrivately, Platform


def readers_of(post: Post, platform: Platform) -> tuple[Reader, ...]:
    """Return whom an answer to `post` can be for; what came in private is answered in private."""
    if post.visibility == "direct":
        return ("private",)
    if isinstance(platform, AnswersPrivately) and platform.private_to(post):
        return ("public", "private")
    return ("public",)


def advised(case: Case, platform: Platform, *, text: str, own: Own) -> Reader:
    """Return who should read `text` if nobody chose: personal data stays private (rule 8)."""
    readers = readers_of(case.post, platform)
    label = case.triage.label if case.triage else None
    touched = label == "personal_data" or any(
        surely_personal(each, own=own) for each in (case.post.text, text)
    )
    return "private" if touched and "private" in readers else readers[0]


def visibility_of(post: Post, reader: Reader) -> Visibility:
    """Return who sees an answer to `post`; never more people than see the post."""
    return "direct" if reader == "private" else post.visibility
