"""The HTML of a post as plain text, with its links, mentions and line breaks."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import NamedTuple

from assistant.errors import BadInput

LONGEST = 200_000
"""Characters of HTML that are read; the longest post of any known server needs far fewer."""

_PARAGRAPHS = frozenset(
    ("p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6")
)
_UNSEEN = frozenset(("script", "style"))
_EMPTY = frozenset(("br", "img", "hr", "wbr", "input", "meta", "link"))
"""Elements that hold nothing and so are never closed."""

QUOTE = "quote-inline"
"""The paragraph that names the quoted post to readers whose server knows no quotes."""

_SPACES = re.compile(r"[ \t\r\n\f]+")
_AT_LINE_END = re.compile(r" *\n *")
_LINES = re.compile(r"\n{3,}")


class _Link(NamedTuple):
    """A link that is open: where it goes, whether it is a mention, where its text begins."""

    href: str
    mention: bool
    start: int


class _Reader(HTMLParser):
    def __init__(self, mentions: Mapping[str, str], *, hrefs: bool, quoted: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._mentions = mentions
        self._hrefs = hrefs
        self._quoted = quoted
        self._out: list[str] = []
        self._link: _Link | None = None
        self._skipping: list[str] = []
        self._pre = 0

    @property
    def text(self) -> str:
        """What was read so far."""
        lines = _AT_LINE_END.sub("\n", "".join(self._out))
        return _LINES.sub("\n\n", lines).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        classes = values.get("class", "").split()
        if self._skipping or tag in _UNSEEN or (self._quoted and QUOTE in classes):
            if tag not in _EMPTY:
                self._skipping.append(tag)
        elif tag == "br":
            self._out.append("\n")
        elif tag == "li":
            self._out.append("\n- ")
        elif tag == "img":
            self._out.append(values.get("alt", ""))
        elif tag == "a":
            self._link = _Link(values.get("href", ""), "mention" in classes, len(self._out))
        elif tag in _PARAGRAPHS:
            self._pre += tag == "pre"
            self._out.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag in self._skipping:
                while self._skipping.pop() != tag:
                    pass
        elif tag == "a" and self._link is not None:
            link, self._link = self._link, None
            self._out[link.start :] = [self._linked(link, "".join(self._out[link.start :]))]
        elif tag in _PARAGRAPHS:
            self._pre = max(0, self._pre - (tag == "pre"))
            self._out.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._out.append(data if self._pre else _SPACES.sub(" ", data))

    def _linked(self, link: _Link, label: str) -> str:
        """Return a link as its author typed it, or with its address where that is not the label."""
        known = self._mentions.get(link.href)
        if known is not None and label.lstrip().startswith("@"):
            return "@" + known
        plain = link.mention or label.startswith("#") or not link.href.startswith("http")
        if plain or not self._hrefs or _same(label, link.href):
            return label
        return f"{label} ({link.href})" if label.strip() else link.href


def _same(label: str, href: str) -> bool:
    """Say whether a label shows the whole address, perhaps without its scheme or last slash."""
    bare = [re.sub(r"^https?://(www\.)?", "", each.strip()).rstrip("/") for each in (label, href)]
    return bare[0].casefold() == bare[1].casefold()


def plain(
    html: str, *, mentions: Mapping[str, str], hrefs: bool = True, quoted: bool = False
) -> str:
    """Return what a reader sees of `html`.

    `mentions` gives the account (`name` or `name@host`) behind each profile address. `hrefs` adds
    the address of a link whose label hides it; `quoted` leaves out the line that stands in for a
    quoted post. Raises BadInput for what is no HTML, or too much of it.
    """
    if len(html) > LONGEST:
        raise BadInput("content: too long")
    reader = _Reader(mentions, hrefs=hrefs, quoted=quoted)
    try:
        # The parser stumbles over a marked section, which no server sends on purpose.
        reader.feed(html.replace("<![", "&lt;!["))
        reader.close()
    except (AssertionError, ValueError):
        raise BadInput("content: no HTML") from None
    return reader.text
