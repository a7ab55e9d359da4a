"""Cards, digests and lines as Block Kit: pure, and within Slack's limits whatever a citizen wrote.

Limits: docs.slack.dev/reference/block-kit/blocks. The sum of 13,200 characters that ends in
msg_blocks_too_long is not documented: slackapi/bolt-js issue 2509.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, islice
from typing import Any
from urllib.parse import urlsplit

from assistant.card import Action, Answer, Card, Digest, DigestLine, Source, Suggestion
from assistant.clean import visible
from assistant.words import Words

Block = dict[str, Any]

TEXT = 3000
MESSAGE = 13_200
LINES = 20
SUMMARY = 3000  # 4,000 is advised for `text`, docs.slack.dev/reference/methods/chat.postMessage

# What stands round the post, in characters each; together they leave it at least 1,300.
_HEADER, _WHO, _NOTE, _ADVICE, _FACT, _WARNING = 150, 300, 200, 500, 120, 250
_ORIGIN, _SOURCE, _STATUS, _OFFER, _LABEL, _LINE = 150, 80, 250, 200, 75, 200
_SUGGESTION, _ANSWER, _URL, _SOURCE_URL, _POST = 1800, 2000, 500, 200, 1300
_NOTES, _FACTS, _WARNINGS, _SOURCES = 4, 13, 4, 4
_ABOVE, _SAID, _PICTURES = 5, 180, 5
DIGEST_LINES = 45

_SURROGATE = re.compile("[\ud800-\udfff]")
_JOINERS = "\u200d\ufe0e\ufe0f"
_COST = {"&": 5, "<": 4, ">": 4}
"""Slack stores these three escaped; counting them so keeps us below however it counts."""

_URL_SAFE = re.compile(r"https?://[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")


def _cost(char: str) -> int:
    return _COST.get(char, 1 if char <= "\uffff" else 2)


def size(text: str) -> int:
    """Return how long `text` is at most by any way Slack may count."""
    return sum(map(_cost, text))


def clip(text: str, limit: int, *, end: str = "…") -> str:
    """Return `text`, cut so that its size with `end` is at most `limit`."""
    if len(text) * 5 <= limit or size(text) <= limit:
        return text
    room = limit - size(end)
    kept = bisect_right(list(accumulate(map(_cost, text[:room]))), room)
    return text[:kept].rstrip(_JOINERS) + end


def shown(text: str) -> str:
    """Return `text` without what nobody can see, and never empty: Slack refuses an empty text."""
    return _SURROGATE.sub("\ufffd", visible(text)).strip() or "—"


def plain(text: str, limit: int = TEXT, *, end: str = "…") -> Block:
    """Return a text object in which nothing acts: no mention, link, markup or :emoji:."""
    return {"type": "plain_text", "text": clip(shown(text), limit, end=end), "emoji": False}


def escaped(text: str, limit: int = SUMMARY) -> str:
    """Return `text` for the one place where Slack reads markup: a message's own `text`."""
    clipped = clip(shown(text), limit)
    return clipped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def linked(url: str | None, label: str, *, limit: int = _URL) -> Block | None:
    """Return a link, or None where `url` is no http(s) address of at most `limit` characters."""
    if url is None or size(url) > limit or not _is_address(url):
        return None
    address = url.replace("&", "&amp;")
    return {"type": "mrkdwn", "text": f"<{address}|{escaped(label)}>", "verbatim": True}


def _is_address(url: str) -> bool:
    try:
        return bool(_URL_SAFE.fullmatch(url) and urlsplit(url).hostname)
    except ValueError:  # a bracket that opens no IPv6 address
        return False


def section(text: Block) -> Block:
    """Return a block of text over the whole width."""
    return {"type": "section", "text": text}


def context(*elements: Block | None) -> Block:
    """Return a line in small grey type; Slack takes ten elements."""
    return {"type": "context", "elements": [each for each in elements if each][:10]}


def characters(value: Any) -> int:
    """Return the size of all texts in `value` together."""
    if isinstance(value, Mapping):
        own = value.get("text")
        rest = sum(characters(each) for each in value.values() if not isinstance(each, str))
        return rest + (size(own) if isinstance(own, str) else 0)
    return sum(map(characters, value)) if isinstance(value, list) else 0


def card_blocks(card: Card, words: Words) -> list[Block]:
    """Return the blocks of a card, or of the stub it has become."""
    if card.stub is not None:
        link = linked(card.stub_url, words.say("desk.slack_there"))
        parts = [section(plain(card.stub)), *([context(link)] if link else [])]
        return _numbered(parts, name=f"case:{card.case[:200]}:{card.version}")
    before = [_title(card), _who(card, words)]
    if card.warning:
        before.append(context(plain(f"⚠️ {card.warning}", _NOTE)))
    after = [
        *(context(plain(f"✎ {each}", _NOTE)) for each in card.notes[:_NOTES]),
        *_judgement(card),
        *_related(card, words),
        *(_suggestion(card.suggestion, words) if card.suggestion else ()),
        *(_answer(card.answer, words) if card.answer else ()),
        *_actions(card),
    ]
    # What is only round the post gives way to the post itself on a very full card.
    above, pictures = list(_above(card, words)), list(_pictures(card, words))
    before += above if characters(before + after + above) < MESSAGE - _POST else []
    after[:0] = pictures if characters(before + after + pictures) < MESSAGE - _POST else []
    room = min(TEXT, MESSAGE - characters(before + after))
    cut = "slack_cut" if linked(card.url, "") else "slack_cut_short"
    post = section(plain(card.post, room, end=f"… ({words.say(f'desk.{cut}')})"))
    return _numbered([*before, post, *after], name=f"case:{card.case[:200]}:{card.version}")


def _numbered(blocks: Iterable[Block], *, name: str) -> list[Block]:
    """A message changed under the same block ids may be drawn from the client's memory."""
    return [{**block, "block_id": f"{name}:{at}"} for at, block in enumerate(blocks)]


def _title(card: Card) -> Block:
    return {
        "type": "header",
        "text": plain(f"🚨 {card.title}" if card.urgent else card.title, _HEADER),
    }


def _who(card: Card, words: Words) -> Block:
    who = plain(f"{card.author} · {card.source} · {card.time}", _WHO)
    return context(who, linked(card.url, words.say("desk.slack_post")))


def _above(card: Card, words: Words) -> Iterator[Block]:
    if card.above:
        lines = "\n".join(clip(shown(each), _SAID) for each in card.above[:_ABOVE])
        yield context(_bold(words, "slack_above"), plain(lines))


def _pictures(card: Card, words: Words) -> Iterator[Block]:
    for each in card.pictures[:_PICTURES]:
        seen = linked(each.url, words.say("desk.slack_picture"), limit=_SOURCE_URL)
        yield context(plain(f"🖼️ {each.label}", _NOTE), seen)


def _judgement(card: Card) -> list[Block]:
    """What Luister makes of the post: its advice, what to look out for, and the facts."""
    advice = [section(plain(f"🧭 {card.advice}", _ADVICE))] if card.advice else []
    warnings = [section(plain(f"⚠️ {each}", _WARNING)) for each in card.warnings[:_WARNINGS]]
    fields = iter([plain(f"{fact.label}: {fact.value}", _FACT) for fact in card.facts[:_FACTS]])
    facts: list[Block] = []
    while ten := list(islice(fields, 10)):  # a section takes no more
        facts.append({"type": "section", "fields": ten})
    found = advice + warnings + facts
    return [{"type": "divider"}, *found] if found else []


def _related(card: Card, words: Words) -> Iterator[Block]:
    if card.related:
        yield context(_bold(words, "slack_related"), *map(_source, card.related[:_SOURCES]))


def _suggestion(suggestion: Suggestion, words: Words) -> Iterator[Block]:
    counted = words.say("desk.slack_length", length=suggestion.length, limit=suggestion.limit) + (
        " ⚠️" if suggestion.length > suggestion.limit else ""
    )
    yield {"type": "divider"}
    yield context(
        _bold(words, "slack_suggestion"), plain(suggestion.origin, _ORIGIN), plain(counted)
    )
    if suggestion.text.strip():
        yield section(plain(suggestion.text, _SUGGESTION))
    if suggestion.sources:
        sources = map(_source, suggestion.sources[:_SOURCES])
        yield context(_bold(words, "slack_sources" if suggestion.leans else "slack_near"), *sources)


def _source(source: Source) -> Block:
    title = clip(shown(source.title), _SOURCE)
    return linked(source.url, title, limit=_SOURCE_URL) or plain(title)


def _bold(words: Words, key: str) -> Block:
    return {"type": "mrkdwn", "text": f"*{words.say(f'desk.{key}')}*"}


def _answer(answer: Answer, words: Words) -> Iterator[Block]:
    yield {"type": "divider"}
    status = plain(answer.status, _STATUS)
    yield context(
        _bold(words, "slack_answer"), status, linked(answer.url, words.say("desk.slack_reply"))
    )
    yield section(plain(answer.text, _ANSWER))


_KIND = {"nothing": "act", "editor": "editor", "form": "form"}


def button(action: Action, *, case: str, version: int) -> Block:
    """Return a button whose ids say what pressing it opens, and on which case and version."""
    drawn: Block = {
        "type": "button",
        "action_id": f"luister:{_KIND[action.opens]}:{action.id}",
        "text": plain(action.label, _LABEL),
        "value": f"{case}:{version}",
    }
    return drawn if action.style == "default" else drawn | {"style": action.style}


def _actions(card: Card) -> Iterator[Block]:
    """Yield the buttons about the reply, what is offered beside it, and those about the case."""
    yield from _rows(card, [each for each in card.actions if each.about == "reply"])
    if card.offer is not None:
        offered = button(card.offer.action, case=card.case, version=card.version)
        yield section(plain(card.offer.text, _OFFER)) | {"accessory": offered}
    yield from _rows(card, [each for each in card.actions if each.about == "case"])


def _rows(card: Card, actions: Iterable[Action]) -> Iterator[Block]:
    buttons = iter([button(each, case=card.case, version=card.version) for each in actions])
    while row := list(islice(buttons, 5)):
        yield {"type": "actions", "elements": row}


def digest_blocks(digest: Digest, words: Words) -> list[Block]:
    """Return the blocks of a digest: a line each, with its button; at most DIGEST_LINES lines."""
    title = {"type": "header", "text": plain(digest.title, _HEADER)}
    lines = map(_digest_line, digest.lines[:DIGEST_LINES])
    more = len(digest.lines) - DIGEST_LINES
    tail = [context(plain(words.say("desk.slack_more", count=more)))] if more > 0 else []
    return _numbered([title, *lines, *tail], name=f"digest:{digest.id[:200]}")


def _digest_line(line: DigestLine) -> Block:
    text = plain(line.text, _LINE)
    if line.action is None:
        return context(text)
    # A digest line shows no version: what opens is the case as it is by then.
    return section(text) | {"accessory": button(line.action, case=line.case, version=0)}


def line_blocks(lines: Iterable[str]) -> list[Block]:
    """Return a text in which nothing acts for each line, at most MESSAGE characters in all.

    Very many lines share one text, as a message holds no more than 50 blocks.
    """
    told = list(lines)
    parts = told if len(told) <= LINES else ["\n".join(told)]
    blocks: list[Block] = []
    left = MESSAGE
    for text in map(shown, parts):
        if left <= 1:
            break
        blocks += _texts(clip(text, left))
        left = MESSAGE - sum(size(each["text"]["text"]) for each in blocks)
    return blocks


def _texts(text: str) -> list[Block]:
    """Return a long text as several."""
    blocks: list[Block] = []
    while text:
        part = clip(text, TEXT, end="") or text[0]
        blocks.append(section(plain(part)))
        text = text[len(part) :].lstrip()
    return blocks
