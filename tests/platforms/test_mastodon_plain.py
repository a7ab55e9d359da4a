"""Mastodon: the text a reader sees, known again as it was typed, and counted as the server does."""

import html
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.case import Post
from assistant.errors import BadInput
from assistant.platforms.mastodon import parse
from assistant.platforms.mastodon.instance import Instance, instance_of
from assistant.platforms.mastodon.plain import LONGEST, plain
from assistant.platforms.mastodon.writing import canonical, narrower, post_of, to_whom
from tests.core import START
from tests.platforms.contract import answer
from tests.platforms.mastodon_stand import RECORDED

LATER = START.replace(year=2027)


def read(name: str) -> Post:
    """Return a recorded record as the parser understands it."""
    raw = (RECORDED / f"record_{name}.json").read_text("utf-8")
    return parse(raw, account="@waterstad", now=LATER).post


def test_keeps_links_lines_mentions_and_tags() -> None:
    assert read("mention").text == (
        "@waterstad De ondergrondse container aan de Kadeweg zit al drie dagen vol & er "
        "staat afval naast.\nWanneer wordt die geleegd?\n\n"
        "Zie https://kaart.burgers.example/melding/4411?laag=afval&zoom=17 #afval"
    )


def test_knows_all_of_a_post() -> None:
    mention, reply = read("mention"), read("reply")
    assert (mention.addressed, mention.handle) == ("mention", "@henk@burgers.example")
    assert (mention.warning, mention.language, mention.visibility) == ("afval", "nl", "public")
    assert [(each.alt, each.url is not None) for each in mention.images] == [
        ("Een volle container met zakken ernaast", True),
        (None, True),
    ]
    assert (reply.addressed, reply.visibility, reply.edited) == ("reply", "unlisted", True)
    assert (reply.root, reply.parent) == (mention.id, "115581300000000001")
    assert [(each.author, each.ours) for each in reply.above] == [
        ("@henk@burgers.example", False),
        ("@waterstad", True),
    ]
    direct = read("direct")
    assert (direct.addressed, direct.visibility, direct.language) == ("direct", "direct", None)


def test_of_a_thousand_pictures_twenty_are_kept() -> None:
    raw = json.loads((RECORDED / "record_mention.json").read_text("utf-8"))
    raw["status"]["media_attachments"] *= 500
    post = parse(json.dumps(raw), account="@waterstad", now=LATER).post
    assert len(post.images) == 20


def test_of_a_quote_only_the_citizens_words_are_left() -> None:
    assert (read("quote").addressed, read("quote").text) == (
        "quote",
        "Geldt dit ook voor de Singel?",
    )


def test_our_own_post_is_known_by_our_handle() -> None:
    ours = read("ours")
    assert (ours.handle, ours.addressed) == ("@waterstad", None)
    assert ours.text == "@henk@burgers.example Dank u, we kijken vandaag. ^AB"


def test_reads_what_gotosocial_says() -> None:
    post = read("gotosocial")
    assert (post.addressed, post.visibility) == ("mention", "private")
    assert post.text == (
        "@town Mag de haag al gesnoeid?\n\n- liguster\n- beuk\n\n"
        "de pagina over snoeien (https://town.example/snoeien)"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", ""),
        ("no markup at all", "no markup at all"),
        ("<p>a</p>\n<p>b</p>", "a\n\nb"),
        ("<p>a<br/>b<br>c</p>", "a\nb\nc"),
        ("<p>&lt;b&gt; &amp;amp; &#39;x&#39;</p>", "<b> &amp; 'x'"),
        ("<p>a</p><script>alert(1)</script><style>p{}</style><p>b</p>", "a\n\nb"),
        ("<pre><code>a  b\n  c</code></pre>", "a  b\nc"),
        ('<p>hi <img alt=":smile:" src="x.png"></p>', "hi :smile:"),
        ('<a href="https://evil.example/">https://town.example</a>',
         "https://town.example (https://evil.example/)"),
        ('<a href="https://town.example/">town.example</a>', "town.example"),
        ('<a href="https://town.example/a"></a>', "https://town.example/a"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="https://x.example/@henk" class="u-url mention">@<span>henk</span></a>',
         "@henk@x.example"),
        ('<a href="https://y.example/@piet" class="u-url mention">@<span>piet</span></a>', "@piet"),
        ("<p>שלום <b>עולם</b> 👩‍👩‍👧‍👦</p>", "שלום עולם 👩‍👩‍👧‍👦"),
        ("<![CDATA[x]]> <!doctype y> a <b", "<![CDATA[x]]>  a <b"),
        ("</p></a></div>text", "text"),
    ],
)  # fmt: skip
def test_html_becomes_what_a_reader_sees(content: str, text: str) -> None:
    mentions = {"https://x.example/@henk": "henk@x.example"}
    assert plain(content, mentions=mentions) == text


def test_html_without_end_is_refused() -> None:
    with pytest.raises(BadInput):
        plain("a" * (LONGEST + 1), mentions={})


@given(st.text(alphabet="<>&;!-[]/ab\"'=#x \n", max_size=60))
def test_no_markup_breaks_the_reading(content: str) -> None:
    assert plain(content, mentions={}) == plain(content, mentions={}).strip()


URL = re.compile(r"https?://[\w.]+(?:/[\w\-.~%?=&/]*)?")
NAMES = {
    "henk@burgers.example": "https://burgers.example/@henk",
    "truus": "https://t.example/@truus",
}


def as_mastodon(text: str) -> tuple[str, list[dict[str, str]]]:
    """Render a text as Mastodon's TextFormatter does: links cut, mentions shortened."""
    mentions = [{"id": "9", "acct": acct, "url": url} for acct, url in NAMES.items()]

    def part(found: re.Match[str]) -> str:
        word = found[0]
        if word.startswith("@"):
            url, name = NAMES[word[1:]], word[1:].partition("@")[0]
            return (
                f'<span class="h-card" translate="no"><a href="{url}" class="u-url mention">'
                f"@<span>{name}</span></a></span>"
            )
        url = html.escape(word)
        prefix = re.match(r"https?://(?:www\.)?", word)
        assert prefix
        rest = word[prefix.end() :]
        cut = "ellipsis" if len(rest) > 30 else ""
        return (
            f'<a href="{url}" target="_blank" rel="nofollow noopener" translate="no">'
            f'<span class="invisible">{prefix[0]}</span><span class="{cut}">'
            f'{html.escape(rest[:30])}</span><span class="invisible">{html.escape(rest[30:])}'
            "</span></a>"
        )

    marked = re.compile(f"{URL.pattern}|@henk@burgers\\.example|@truus")
    out, last = [], 0
    for found in marked.finditer(text):
        out += [html.escape(text[last : found.start()]), part(found)]
        last = found.end()
    body = "".join(out) + html.escape(text[last:])
    paragraphs = re.split(r"\n{2,}", body.strip())
    return "".join(f"<p>{each.replace(chr(10), '<br />')}</p>" for each in paragraphs), mentions


WORDS = st.sampled_from(
    [
        "Beste", "Henk,", "@henk@burgers.example", "@truus", "<b>&amp;", "\n", "\n\n\n", "“ja”",
        "https://town.example/a?b=1&c=2", "http://www.town.example/a/very/long/way/to/the/end/of/it",
        "^AB", "👩‍👩‍👧‍👦",
        "*sterren*", "1 < 2 & 3 > 2", "#afval", "שלום", "e\u0301", "it's \"so\"", "€ 5,-",
    ]
)  # fmt: skip


@given(st.lists(WORDS, min_size=1, max_size=12))
def test_what_was_typed_is_known_again(words: list[str]) -> None:
    text = " ".join(words).strip()
    content, mentions = as_mastodon(text)
    shown = plain(content, mentions={each["url"]: each["acct"] for each in mentions}, hrefs=False)
    assert canonical(shown, host="t.example") == canonical(text, host="t.example")


@pytest.mark.parametrize(
    ("typed", "shown", "same"),
    [
        ("@Truus@t.example ja", "@truus ja", True),
        ("@truus ja", "@Truus ja", True),
        ("@henk@Burgers.example ja", "@henk@burgers.example ja", True),
        ("@henk ja", "@henk@burgers.example ja", False),
        ("@henk Ja", "@henk ja", False),
        ("mail@t.example", "mail", False),
        ("a  b\n\n\nc", "a b\nc", True),
    ],
)
def test_mentions_are_compared_as_a_server_means_them(typed: str, shown: str, same: bool) -> None:
    assert (canonical(typed, host="t.example") == canonical(shown, host="t.example")) is same


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("abc", 3),
        ("👩‍👩‍👧‍👦!", 2),
        ("e\u0301", 1),
        ("https://a.nl", 23),
        ("https://town.example/" + "x" * 300, 23),
        ("See https://town.example/a?b=1&c=2, and https://b.example.", 4 + 23 + 6 + 23 + 1),
        ("http://localhost/x", 18),
        ("town.example", 12),
        ("@henk@burgers.example hi", 8),
        ("@henk hi", 8),
        ("@a.b-c@x.y.example.", 7),
        ("mail@town.example", 17),
        ("https://m.example/@henk@burgers.example", 23),
        ("https://a.example/x https://b.example/y", 47),
    ],
)
def test_counts_as_the_server_does(text: str, length: int) -> None:
    assert Instance().length(text) == length


@pytest.mark.parametrize(
    ("told", "numbers"),
    [
        ({}, (500, 23, None)),
        ({"max_toot_chars": 1000}, (1000, 23, None)),
        ({"configuration": {"statuses": {"max_characters": "many"}, "urls": []}}, (500, 23, None)),
        ({"configuration": {"statuses": {"max_characters": -1}}}, (500, 23, None)),
        ({"urls": {"streaming_api": "wss://s.example"}}, (500, 23, "https://s.example")),
        ({"configuration": {"urls": {"streaming": "file:///etc"}}}, (500, 23, None)),
    ],
)
def test_a_servers_numbers_are_taken_or_the_usual_ones(
    told: dict[str, Any], numbers: tuple[int, int, str | None]
) -> None:
    found = instance_of(told)
    assert (found.characters, found.per_url, found.streaming) == numbers


def test_in_private_the_citizen_is_named() -> None:
    post = read("mention")
    private = answer(post, visibility="direct", text="Your number is 12. ^AB")
    assert to_whom(private) == "@henk@burgers.example Your number is 12. ^AB"
    named = private.model_copy(update={"text": "Dear @Henk@burgers.example, 12. ^AB"})
    assert to_whom(named) == named.text
    assert to_whom(private.model_copy(update={"handle": None})) == private.text
    assert to_whom(private.model_copy(update={"visibility": "public"})) == private.text


def test_a_warning_is_kept_as_far_as_there_is_room() -> None:
    reply = answer(read("mention"), text="a" * 490)
    assert (
        post_of(reply, warning="👩‍👩‍👧‍👦afval", numbers=Instance())["spoiler_text"]
        == "👩‍👩‍👧‍👦afval"
    )
    assert post_of(reply, warning="b" * 400, numbers=Instance())["spoiler_text"] == "b" * 10
    full = reply.model_copy(update={"text": "a" * 500})
    sent = post_of(full, warning="afval", numbers=Instance())
    assert (sent["spoiler_text"], sent["sensitive"]) == ("", False)


def test_of_two_widths_the_narrower_is_taken() -> None:
    assert narrower("public", "unlisted") == "unlisted"
    assert narrower("direct", "public") == "direct"
    assert narrower("private", "private") == "private"
