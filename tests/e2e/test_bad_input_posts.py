"""Whatever a citizen writes is shown as plain text, acts nowhere, and is in no log."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from assistant.clean import hidden
from tests.e2e.town import Town, town
from tests.redis_server import RedisServer
from tests.slack_ui import Json, texts_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

LONG = "het grofvuil in de zwaluwstaartlaan ligt er nog " + "en nog langer dan gisteren " * 760
MARKUP = (
    "grofvuil kwijtraken <!channel> <!here> <@U01ANNA> <#C0TOEZICHT> @channel "
    "<https://kwaad.example|klik hier> https://kwaad.example/pad *vetgedrukt* _schuin_ ~weg~ "
    "`code` :tada: &lt;b&gt; &amp; > citaat"
)
RIGHT_TO_LEFT = "hoe laat komt de \u202enegnirdrev\u202c vuilniswagen \u2066bij\u2069 \u200fons"
HIDDEN = (
    "grof\u200bvuil hoe lang duurt dat \ufeff"
    + "".join(chr(0xE0000 + ord(each)) for each in "verraad")
    + "nog \u2060wel\u00ad"
)
# Name: the text, where its card comes, and what of it is nowhere but in plain text.
POSTS = {
    "long": (LONG, "C0AFVAL", "zwaluwstaartlaan"),
    "emoji": ("😀🎉👩‍👩‍👧‍👦🚮", "C0TRIAGE", "🎉"),
    "markup": (MARKUP, "C0TRIAGE", "vetgedrukt"),
    "bidi": (RIGHT_TO_LEFT, "C0AFVAL", "negnirdrev"),
    "hidden": (HIDDEN, "C0AFVAL", "hoe lang duurt dat"),
}
PLAIN = {
    "markup": ("<!channel>", "<@U01ANNA>", "<https://kwaad.example|klik hier>", "&lt;b&gt;"),
    "bidi": ("komt de negnirdrev vuilniswagen bij ons",),
    "hidden": ("grofvuil hoe lang duurt dat nog wel",),
    "emoji": ("👩‍👩‍👧‍👦",),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, own_store: RedisServer
) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("posts"), store_url=own_store.url) as made:
        await made.start()
        await made.arrive(
            *(
                {"id": name, "author": f"u-{name}", "handle": f"@van-{name}", "text": text}
                for name, (text, _, _) in POSTS.items()
            )
        )
        yield made


@pytest.mark.parametrize("name", POSTS)
async def test_it_stands_as_plain_text_and_nothing_in_it_acts(running: Town, name: str) -> None:
    _, channel, words = POSTS[name]
    card = await running.card(channel, f"@van-{name} ", seconds=60)
    await running.thread_says(card, words, seconds=60)
    thread = [card, *await _thread(running, card)]
    for text in _text_objects([each["blocks"] for each in thread]):
        if text["type"] == "mrkdwn":
            assert words not in text["text"]
            assert "kwaad.example" not in text["text"]
        assert hidden(text["text"]) == ()
    plain = [text["text"] for text in _text_objects(card["blocks"]) if text["type"] != "mrkdwn"]
    for part in PLAIN.get(name, (words,)):
        assert any(part in each for each in plain), part
    for each in thread:  # the one place where Slack reads markup
        assert not {"<!", "<@", "<#", "<h"} & {
            each["text"][at : at + 2] for at in range(len(each["text"]))
        }
        assert hidden(each["text"]) == ()


async def test_what_was_cut_says_so_and_the_rest_is_kept(running: Town) -> None:
    card = await running.card("C0AFVAL", "@van-long ", seconds=60)
    assert "ingekort" in " ".join(texts_of(card["blocks"]))
    editor, view = await running.window(card, "luister:editor:edit", user="U01ANNA")
    assert "zwaluwstaartlaan" in " ".join(texts_of(view))
    assert editor in running.slack.open_views()


async def test_no_word_of_it_is_in_the_log(running: Town) -> None:
    for name, (_, channel, words) in POSTS.items():
        card = await running.card(channel, f"@van-{name} ", seconds=60)
        await running.thread_says(card, words, seconds=60)
    log = running.log.read_text("utf-8")
    assert "ready" in log  # it is the log
    told = [words for _, _, words in POSTS.values() if words in log]
    assert (told, "@van-" in log, "kwaad.example" in log) == ([], False, False)


async def _thread(running: Town, card: Json) -> list[Json]:
    messages = await running.people.messages(card["channel"])
    return [each for each in messages if each.get("thread_ts") == card["ts"] != each["ts"]]


def _text_objects(value: Any) -> Iterator[dict[str, str]]:
    """Every text object in blocks."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value
        for each in value.values():
            yield from _text_objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _text_objects(each)
