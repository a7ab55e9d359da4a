"""Cards, digests and lines as Slack gets them: the exact shape, and the limits for any text."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.card import (
    Action,
    ActionId,
    Answer,
    Card,
    Digest,
    DigestLine,
    Fact,
    Offer,
    Picture,
    Source,
    Suggestion,
)
from assistant.chats.slack.blocks import (
    DIGEST_LINES,
    MESSAGE,
    card_blocks,
    characters,
    clip,
    digest_blocks,
    escaped,
    line_blocks,
    linked,
    size,
)
from assistant.words import Words
from tests.strict.rules import MESSAGE_BLOCKS, block_problems

NL = Words("nl")
HOSTILE = "<!channel> <@U1> *vet* `x` &lt;b&gt; :smile: <https://evil.example|klik> @here"

CARD = Card(
    case="c1",
    version=3,
    title="Losse stoeptegel",
    summary="Nieuwe klacht",
    author="@jansen",
    source="Mastodon",
    url="https://social.example/@jansen/1?a=1&b=2",
    time="12 min",
    post=HOSTILE,
    notes=("Gewijzigd.",),
    advice="Antwoorden (regel 3).",
    facts=(Fact(label="Afdeling", value="Beheer"), Fact(label="Soort", value="klacht")),
    suggestion=Suggestion(
        text="Dag!",
        origin="sjabloon",
        length=4,
        limit=500,
        sources=(
            Source(id="a", title="Stoep <1>", url="https://waterstad.example/stoep"),
            Source(id="b", title="Zonder link"),
        ),
    ),
    warnings=("Noemt een adres.",),
    actions=(
        Action(id="edit", label="Versturen", style="primary", opens="editor"),
        Action(id="claim", label="Pakken"),
        Action(id="close", label="Sluiten", opens="form"),
    ),
)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _link(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _bold(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": f"*{text}*"}


def _button(id: str, label: str, **more: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": id,
        "text": _plain(label),
        "value": "c1:3",
        **more,
    }


GOLDEN: list[dict[str, Any]] = [
    {"type": "header", "text": _plain("Losse stoeptegel")},
    {
        "type": "context",
        "elements": [
            _plain("@jansen · Mastodon · 12 min"),
            _link("<https://social.example/@jansen/1?a=1&amp;b=2|Bekijk het bericht>"),
        ],
    },
    {"type": "section", "text": _plain(HOSTILE)},
    {"type": "context", "elements": [_plain("✎ Gewijzigd.")]},
    {"type": "divider"},
    {"type": "section", "text": _plain("🧭 Antwoorden (regel 3).")},
    {"type": "section", "text": _plain("⚠️ Noemt een adres.")},
    {"type": "section", "fields": [_plain("Afdeling: Beheer"), _plain("Soort: klacht")]},
    {"type": "divider"},
    {
        "type": "context",
        "elements": [_bold("Voorstel"), _plain("sjabloon"), _plain("4 van 500 tekens")],
    },
    {"type": "section", "text": _plain("Dag!")},
    {
        "type": "context",
        "elements": [
            _bold("Bronnen"),
            _link("<https://waterstad.example/stoep|Stoep &lt;1&gt;>"),
            _plain("Zonder link"),
        ],
    },
    {
        "type": "actions",
        "elements": [
            _button("luister:editor:edit", "Versturen", style="primary"),
            _button("luister:act:claim", "Pakken"),
            _button("luister:form:close", "Sluiten"),
        ],
    },
]


def _texts(value: Any, kind: str) -> list[str]:
    """Every text of a kind anywhere in the blocks."""
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == kind else []
        return own + [text for each in value.values() for text in _texts(each, kind)]
    return (
        [text for each in value for text in _texts(each, kind)] if isinstance(value, list) else []
    )


def test_card_has_exactly_this_shape() -> None:
    expected = [{**each, "block_id": f"case:c1:3:{at}"} for at, each in enumerate(GOLDEN)]
    assert card_blocks(CARD, NL) == expected


def test_what_a_citizen_wrote_is_nowhere_markup() -> None:
    card = CARD.model_copy(
        update={
            "author": HOSTILE,
            "title": HOSTILE,
            "advice": HOSTILE,
            "notes": (HOSTILE,),
            "warnings": (HOSTILE,),
            "facts": (Fact(label="x", value=HOSTILE),),
            "answer": Answer(text=HOSTILE, status=HOSTILE, url="https://x.example/1"),
        }
    )
    fixed = "Bekijk het bericht|Voorstel|Bronnen|Antwoord|Bekijk het antwoord|Stoep"
    for text in _texts(card_blocks(card, NL), "mrkdwn"):
        assert any(words in text for words in fixed.split("|"))
        assert "!channel" not in text
        assert "evil" not in text


def test_answers_a_text_does_not_lean_on_are_not_called_its_sources() -> None:
    assert CARD.suggestion is not None
    near = CARD.suggestion.model_copy(update={"leans": False})
    shown = _texts(card_blocks(CARD.model_copy(update={"suggestion": near}), NL), "mrkdwn")
    assert any("Misschien van pas" in each for each in shown)
    assert not any("Bronnen" in each for each in shown)


def test_message_text_is_escaped() -> None:
    assert escaped("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


def test_hidden_characters_are_gone_from_what_is_shown() -> None:
    post = "veilig\u202egnp.exe\u200b \U000e0041\U000e0042 pa\u00adpier \ud800 einde"
    shown = card_blocks(CARD.model_copy(update={"post": post}), NL)[2]["text"]["text"]
    assert shown == "veiliggnp.exe  papier \ufffd einde"
    json.dumps(shown).encode()


@pytest.mark.parametrize("post", ["", " \n ", "\u200b\u200e"])
def test_nothing_visible_is_shown_as_a_dash(post: str) -> None:
    assert card_blocks(CARD.model_copy(update={"post": post}), NL)[2]["text"]["text"] == "—"


def test_urgent_card_looks_urgent() -> None:
    header = card_blocks(CARD.model_copy(update={"urgent": True}), NL)[0]
    assert header["text"]["text"] == "🚨 Losse stoeptegel"


def test_long_post_says_that_it_was_cut() -> None:
    long = CARD.model_copy(update={"post": "é" * 20_000})
    text = card_blocks(long, NL)[2]["text"]["text"]
    assert len(text) == 3000
    assert text.endswith("… (ingekort, lees verder via de link)")
    text = card_blocks(long.model_copy(update={"url": None}), NL)[2]["text"]["text"]
    assert text.endswith("é… (ingekort)")


def test_too_long_suggestion_is_marked() -> None:
    long = Suggestion(text="x", origin="model", length=501, limit=500)
    texts = _texts(card_blocks(CARD.model_copy(update={"suggestion": long}), NL), "plain_text")
    assert "501 van 500 tekens ⚠️" in texts


def test_empty_suggestion_shows_only_where_it_comes_from() -> None:
    empty = Suggestion(text=" ", origin="leeg", length=0, limit=500)
    blocks = card_blocks(CARD.model_copy(update={"suggestion": empty, "actions": ()}), NL)
    assert blocks[-1]["elements"][1] == _plain("leeg")


def test_cards_about_the_same_are_linked() -> None:
    related = (Source(id="c2", title="zaak 1", url="https://chat.example/1"),)
    blocks = card_blocks(CARD.model_copy(update={"related": related}), NL)
    [line] = [each for each in blocks if "zaak 1" in str(each)]
    assert line["elements"][1]["text"] == "<https://chat.example/1|zaak 1>"


def test_buttons_stand_five_in_a_row() -> None:
    actions = tuple(Action(id=each, label=each) for each in get_args(ActionId))
    blocks = card_blocks(CARD.model_copy(update={"actions": actions}), NL)
    rows = [block["elements"] for block in blocks if block["type"] == "actions"]
    full, rest = divmod(len(actions), 5)
    assert [len(row) for row in rows] == [*[5] * full, *([rest] if rest else [])]


def test_what_is_about_the_reply_comes_before_what_is_about_the_case() -> None:
    card = CARD.model_copy(
        update={
            "actions": (
                Action(id="claim", label="Pakken", about="case"),
                Action(id="edit", label="Versturen", opens="editor"),
                Action(id="pick", label="Ander", opens="form"),
            ),
            "offer": Offer(text=f"Te leren: {HOSTILE}", action=Action(id="teach", label="Leer")),
        }
    )
    reply, offer, case = card_blocks(card, NL)[-3:]
    assert [each["text"]["text"] for each in reply["elements"]] == ["Versturen", "Ander"]
    assert offer["text"] == _plain(f"Te leren: {HOSTILE}")
    assert offer["accessory"] == _button("luister:act:teach", "Leer")
    assert [each["text"]["text"] for each in case["elements"]] == ["Pakken"]


def test_stub_replaces_the_whole_card() -> None:
    stub = CARD.model_copy(update={"stub": "Overgedragen.", "stub_url": "https://s.example/p1"})
    assert card_blocks(stub, NL) == [
        {"type": "section", "text": _plain("Overgedragen."), "block_id": "case:c1:3:0"},
        {
            "type": "context",
            "elements": [_link("<https://s.example/p1|Ga naar de kaart>")],
            "block_id": "case:c1:3:1",
        },
    ]


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "http://",
        "https://x.example/a|b",
        "https://x.example/a>b",
        "https://x.example/<!channel>",
        "https://x.example/a b",
        "https://x.example/a\nb",
        "https://[x",
        "https://x.example/" + "a" * 500,
        "https://x.example/" + "&" * 100,
    ],
)
def test_only_a_plain_address_becomes_a_link(url: str | None) -> None:
    assert linked(url, "x") is None


def test_digest_has_a_line_each_and_says_what_does_not_fit() -> None:
    opened = Action(id="open", label="Openen")
    lines = tuple(DigestLine(case=f"c{at}", text=f"Zaak {at}", action=opened) for at in range(60))
    done = DigestLine(case="c", text="Klaar")
    blocks = digest_blocks(Digest(id="d1", title="60 berichten", lines=(done, *lines)), NL)
    assert blocks[1]["elements"] == [_plain("Klaar")]
    assert blocks[2]["text"] == _plain("Zaak 0")
    assert blocks[2]["accessory"]["action_id"] == "luister:act:open"
    assert blocks[2]["accessory"]["value"] == "c0:0"
    assert len(blocks) == DIGEST_LINES + 2
    assert blocks[-1]["elements"] == [_plain("… en nog 16")]


def test_lines_are_kept_in_order_over_several_texts() -> None:
    lines = [f"{at:04} {'x' * 90}" for at in range(100)]
    texts = _texts(line_blocks(lines), "plain_text")
    assert len(texts) == 4
    assert _texts(line_blocks(lines[:3]), "plain_text") == lines[:3]
    assert "".join(texts).replace("\n", "") == "".join(lines)


def test_cutting_leaves_no_half_emoji() -> None:
    assert clip("ab👩\u200d🚒", 6) == "ab👩…"
    assert clip("👍👍👍", 5) == "👍👍…"


_TEXT = st.one_of(
    st.text(max_size=60),
    st.text("&<>", min_size=1, max_size=400),
    st.text(st.characters(), min_size=1, max_size=40).map(lambda text: text * 300),
    st.text("👍🏽\u200d\ufe0f🇳🇱", min_size=1, max_size=40).map(lambda text: text * 100),
)
_URL = st.one_of(st.none(), _TEXT, st.text("a&=/", max_size=300).map("https://x.nl/".__add__))
_SOURCE = st.builds(Source, id=st.just("a"), title=_TEXT, url=_URL)
_SUGGESTION = st.builds(
    Suggestion,
    text=_TEXT,
    origin=_TEXT,
    length=st.integers(0, 10**6),
    limit=st.just(500),
    sources=st.lists(_SOURCE, max_size=9).map(tuple),
)
_ACTION = st.builds(
    Action,
    id=st.sampled_from(get_args(ActionId)),
    label=_TEXT,
    about=st.sampled_from(("reply", "case")),
)
_ACTIONS = st.lists(_ACTION, unique_by=lambda action: action.id).map(tuple)
_CARDS = st.builds(
    Card,
    case=st.text("abc:-", min_size=1, max_size=60),
    version=st.integers(0, 10**9),
    title=_TEXT,
    summary=_TEXT,
    urgent=st.booleans(),
    author=_TEXT,
    source=_TEXT,
    url=_URL,
    time=_TEXT,
    post=_TEXT,
    warning=st.none() | _TEXT,
    above=st.lists(_TEXT, max_size=6).map(tuple),
    pictures=st.lists(st.builds(Picture, label=_TEXT, url=_URL), max_size=6).map(tuple),
    notes=st.lists(_TEXT, max_size=5).map(tuple),
    advice=st.none() | _TEXT,
    facts=st.lists(st.builds(Fact, label=_TEXT, value=_TEXT), max_size=16).map(tuple),
    suggestion=st.none() | _SUGGESTION,
    answer=st.none() | st.builds(Answer, text=_TEXT, status=_TEXT, url=_URL),
    warnings=st.lists(_TEXT, max_size=6).map(tuple),
    actions=_ACTIONS,
    offer=st.none() | st.builds(Offer, text=_TEXT, action=_ACTION),
    stub=st.none() | _TEXT,
    stub_url=_URL,
)


def _fits(blocks: list[dict[str, Any]]) -> None:
    assert block_problems(blocks, most=MESSAGE_BLOCKS) == []
    assert characters(blocks) <= MESSAGE
    assert "<!" not in "".join(_texts(blocks, "mrkdwn"))


@settings(max_examples=150, deadline=None)
@given(_CARDS)
def test_any_card_keeps_every_limit(card: Card) -> None:
    _fits(card_blocks(card, NL))
    assert len(escaped(card.summary)) <= 3000


def test_fullest_card_still_shows_a_good_part_of_the_post() -> None:
    much = "&" * 5000
    card = CARD.model_copy(
        update={
            "url": "https://x.nl/" + "a" * 480,
            **dict.fromkeys(("title", "author", "time", "advice"), much),
            "post": "p" * 5000,
            "warning": much,
            "above": (much,) * 9,
            "pictures": (Picture(label=much, url="https://x.nl/" + "a" * 180),) * 9,
            "notes": (much,) * 9,
            "warnings": (much,) * 9,
            "facts": (Fact(label=much, value=much),) * 20,
            "suggestion": Suggestion(
                text=much,
                origin=much,
                length=10**6,
                limit=500,
                sources=(Source(id="a", title=much, url="https://x.nl/" + "a" * 180),) * 9,
            ),
            "answer": Answer(text=much, status=much, url="https://x.nl/" + "a" * 480),
            # No state offers more.
            "actions": tuple(Action(id=each, label=much) for each in get_args(ActionId)[:8]),
            "offer": Offer(text=much, action=Action(id="teach", label=much)),
        }
    )
    blocks = card_blocks(card, NL)
    _fits(blocks)
    posts = [each for each in blocks if each.get("text", {}).get("text", "").startswith("ppp")]
    assert len(posts[0]["text"]["text"]) > 1200


def test_what_came_with_a_post_stands_round_it() -> None:
    card = CARD.model_copy(
        update={
            "warning": "A dead bird.",
            "above": ("Jan: *hello* <!here>", "We: hello"),
            "pictures": (
                Picture(label="A bin", url="https://social.example/p.jpg"),
                Picture(label="No address"),
            ),
        }
    )
    blocks = card_blocks(card, NL)
    _fits(blocks)
    at = {each["type"] + json.dumps(each.get("elements")): n for n, each in enumerate(blocks)}
    place = {
        text: next(n for key, n in at.items() if text in key)
        for text in ("A dead bird.", "*hello* <!here>\\nWe: hello", "A bin", "No address")
    }
    post = next(n for n, each in enumerate(blocks) if HOSTILE in str(each.get("text")))
    assert list(place.values()) == [2, 3, post + 1, post + 2]
    assert blocks[3]["elements"][1] == _plain("Jan: *hello* <!here>\nWe: hello")
    assert blocks[post + 1]["elements"][1]["text"].startswith("<https://social.example/p.jpg|")


@settings(max_examples=50, deadline=None)
@given(st.lists(_TEXT, max_size=80))
def test_any_digest_and_any_lines_keep_every_limit(texts: list[str]) -> None:
    opened = Action(id="open", label="Openen")
    lines = tuple(DigestLine(case="c", text=text, action=opened) for text in texts)
    _fits(digest_blocks(Digest(id="d", title="x", lines=lines), NL))
    _fits(line_blocks(texts))


@given(_TEXT, st.integers(2, 500))
def test_clip_never_exceeds_its_limit(text: str, limit: int) -> None:
    assert size(clip(text, limit)) <= limit
