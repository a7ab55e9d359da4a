"""What came with a citizen's post: a content warning, images, the conversation above it."""

from collections.abc import Iterator

from assistant.card import Picture
from assistant.case import Said
from assistant.clean import visible
from assistant.present.wording import View, short

ABOVE, SAID = 4, 160
"""Posts above that a card shows, the newest of them, and characters of each."""

PICTURES, ALT = 4, 150


def warning(view: View) -> str | None:
    """Return the author's own content warning."""
    said = short(view.case.post.warning or "")
    return view.say("card.content_warning", warning=said) if said else None


def above(view: View) -> Iterator[str]:
    """Yield what was said before the post, oldest first, each on one line; ours are marked."""
    said = view.case.post.above
    if len(said) > ABOVE:
        yield view.say("card.above_more", count=len(said) - ABOVE)
    for each in said[-ABOVE:]:
        yield _line(view, each)


def _line(view: View, said: Said) -> str:
    text = short(said.text, limit=SAID) or view.say("card.empty_post")
    if said.ours:
        return view.say("card.above_ours", text=text)
    author = short(said.author or "", limit=40) or view.say("card.anonymous")
    return view.say("card.above_theirs", author=author, text=text)


def pictures(view: View) -> Iterator[Picture]:
    """Yield what its author says each image shows, with its address."""
    images = view.case.post.images
    for each in images[:PICTURES]:
        alt = short(visible(each.alt or ""), limit=ALT)
        label = view.say("card.picture", alt=alt) if alt else view.say("card.picture_bare")
        yield Picture(label=label, url=each.url)
    if len(images) > PICTURES:
        yield Picture(label=view.say("card.picture_more", count=len(images) - PICTURES))
