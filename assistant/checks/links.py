"""Checks on links: only to hosts we know, without disguise, and only those a source gives."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import idna

from assistant.checks.findings import Finding, Ground, finding
from assistant.clean import fold

SHORTENERS = frozenset(
    {
        "bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly",
        "cutt.ly", "lnkd.in", "t.ly", "rb.gy", "shorturl.at", "tiny.cc", "bl.ink", "v.gd",
        "s.id", "dlvr.it", "trib.al", "fb.me", "youtu.be", "wa.me", "t.me", "qr.ae", "adf.ly",
    }
)  # fmt: skip
"""Hosts whose links do not show where they lead."""

TOP_LEVEL = frozenset(
    (files("assistant") / "lists" / "top_level_domains.txt").read_text("utf-8").split()
)
"""The root zone and .example: without it every missing space after a full stop is a link."""

_LINK = re.compile(
    r"(?i)(?<![^\W_])(?P<scheme>[a-z][a-z0-9+.-]{1,20}:(?=[/\\]{2})|https?:|(?:javascript|vbscript"
    r"|data)(?=:\w+[/(]):)[/\\]*(?P<rest>[^\s<>\"“”„«»]+)"
    r"|(?<![\w@.-])(?P<bare>(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.){1,8}"
    r"(?P<top>[^\W\d_]{2,30}|xn--[a-z0-9-]{2,30}))(?![\w@-]|\.\w)"
    r"(?P<after>(?::\d{1,5})?(?:[/?#\\][^\s<>\"“”„«»]*)?)"
)
# Said in words, or with a space where none belongs: a reader puts the link together again.
_SPELLED = re.compile(
    r"(?<![\w@])[\w-]{2,63}(?:(?:\s(?i:punt|dot)\s|\s\.)(?:nl|com|org|eu|net|be|info)|\.\s(?:nl|com))\b"
    r"(?:\s(?i:slash|schuine streep)\s[\w-]+)*"
)
_WORD = re.compile(r"\S+")
_LAST_SIGNS = ".,;:!?'’*_~…"
_OPENED_BY = {")": "(", "]": "[", "}": "{"}
_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+))*", re.IGNORECASE)


class Link(NamedTuple):
    """A link at text[start:end]; `host` is None when its form hides where it leads."""

    start: int
    end: int
    host: str | None
    rest: str


def find_links(text: str) -> tuple[Link, ...]:
    """Return the links in `text`, with or without scheme, as a platform would make them."""
    plain = fold(text)
    return tuple(
        _link(match)
        for word in _WORD.finditer(plain)
        if "." in word[0] or ":" in word[0]
        for match in _LINK.finditer(plain, *word.span())
        if match["top"] is None or _is_top_level(match["top"]) or _is_web(match["bare"])
    )


def _is_web(host: str) -> bool:
    """Say whether it is written as a web host, though its ending is unknown: a typing error."""
    return host.lower().startswith("www.")


def find_spelled(text: str) -> tuple[tuple[int, int], ...]:
    """Return where `text` spells a link in words or with a space in it."""
    return tuple(match.span() for match in _SPELLED.finditer(fold(text)))


def _is_top_level(label: str) -> bool:
    return label.lower().startswith("xn--") or label.lower() in TOP_LEVEL


def _link(match: re.Match[str]) -> Link:
    words = _trimmed(match[0])
    start = match.start()
    scheme, _, after = words.partition(":") if match["scheme"] else ("https", "", words)
    authority, rest = _split(after.lstrip("/\\"))
    honest = scheme.lower() in ("http", "https")
    return Link(start, start + len(words), _host(authority) if honest else None, rest)


def _trimmed(words: str) -> str:
    """Cut off what ends the sentence and not the link, such as a bracket opened before it."""
    words = words.rstrip(_LAST_SIGNS)
    while (closing := words[-1:]) in _OPENED_BY:
        if words.count(_OPENED_BY[closing]) >= words.count(closing):
            break
        words = words[:-1].rstrip(_LAST_SIGNS)
    return words


def _split(address: str) -> tuple[str, str]:
    cut = re.search(r"[/?#\\]", address)
    return (address[: cut.start()], address[cut.start() :]) if cut else (address, "")


def _host(authority: str) -> str | None:
    """Return the host in IDNA form; None with a user name, an odd port, an IP or a bad name."""
    host, _, port = authority.partition(":")
    if "@" in authority or port not in ("", "80", "443") or _is_ip(host):
        return None
    try:
        return idna.encode(host.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _NUMERIC_HOST.fullmatch(host) is not None
    return True


def normal(link: Link) -> str:
    """Return what makes two links the same: no scheme, no www., no last slash, no fragment."""
    path = link.rest.partition("#")[0].rstrip("/")
    return f"{(link.host or '').removeprefix('www.')}{path}"


@lru_cache(maxsize=256)
def known_links(texts: tuple[str, ...]) -> frozenset[str]:
    """Return all links in `texts`, as `normal` writes them."""
    return frozenset(normal(link) for text in texts for link in find_links(text))


def _ours(host: str, hosts: Iterable[str]) -> bool:
    known = [_host(name.casefold()) for name in hosts]
    return any(host == name or host.endswith(f".{name}") for name in known if name)


def unknown_links(text: str, *, ground: Ground) -> Iterator[Finding]:
    """A model may not write a link and a person can mistype one: only known ones pass.

    Known is what a cited answer gives; another page on one of our hosts asks for a reason.
    """
    sourced = known_links(ground.sources) | known_links(ground.links)
    for link in find_links(text):
        code = _code(link, ground, sourced)
        if code:
            yield finding(code, text, link.start, link.end, host=link.host or "")
    for start, end in find_spelled(text):
        yield finding("link_disguised", text, start, end, host="")


def _code(link: Link, ground: Ground, sourced: frozenset[str]) -> str | None:
    if link.host is None:
        return "link_disguised"
    if link.host in SHORTENERS:
        return "link_shortened"
    if normal(link) in sourced:
        return None
    if not _ours(link.host, (*ground.hosts, *ground.own.hosts)):
        return "link_unknown"
    home = link.rest.strip("/") == "" and _ours(link.host, ground.own.hosts)
    return None if home else "link_unsourced"
