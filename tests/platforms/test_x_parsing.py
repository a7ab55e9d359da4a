"""X: what a record says of a post, and whether it may be answered."""

import json
from datetime import timedelta
from typing import Any

import pytest

from assistant.case import Image, Post, Said
from assistant.errors import BadInput
from assistant.platforms.x import parse
from assistant.platforms.x.parsing import ABOVE, SENSITIVE, language, moment, snowflake
from tests.core import START
from tests.platforms.world_x import ANSWER, MESSAGE, OURS, PEOPLE, PICTURE, POST
from tests.platforms.x_server import US

US_NAMED = {"mentions": [{"start": 0, "end": 5, "username": "Town", "id": None}]}
TO_US = {"in_reply_to_user_id": US, "referenced_posts": [{"type": "replied_to", "id": OURS["id"]}]}
QUOTE = {"referenced_posts": [{"type": "quoted", "id": OURS["id"]}]}


def parsed(*, enterprise: bool = False, **record: Any) -> Post:
    """Return the post in a record."""
    raw = json.dumps({"me": US, "includes": {"users": PEOPLE, "posts": [OURS]}, **record})
    return parse(raw, account="@town", now=START, enterprise=enterprise).post


def said(**changes: Any) -> Post:
    """Return the sample post with changes, without its mention of us."""
    return parsed(post={**POST, "text": "When?", "entities": {}, **changes})


def test_a_mention_as_it_stands() -> None:
    post = parsed(post=POST)
    assert post.id == post.root == "1991500000000000000"
    assert (post.author, post.handle) == ("2001", "@henk")
    assert post.text == "@town When will the bins be emptied? https://x.y/z"
    assert (post.addressed, post.barred, post.visibility) == ("mention", None, "public")
    assert (post.language, post.created_at) == ("nl", START)
    assert post.url == "https://x.com/henk/status/1991500000000000000"


def test_an_answer_to_us_with_a_picture() -> None:
    record = {"users": PEOPLE, "posts": [OURS], "media": [PICTURE]}
    post = parsed(post=ANSWER, includes=record)
    assert (post.addressed, post.parent) == ("reply", OURS["id"])
    assert post.warning == SENSITIVE
    assert post.images == (Image(alt="a bin", url="https://x.y/1.jpg"),)
    assert post.above == (Said(author="@town", text="Tuesday.", ours=True),)


@pytest.mark.parametrize(
    ("changes", "addressed", "barred"),
    [
        ({"entities": US_NAMED}, "mention", None),
        ({"entities": US_NAMED, **TO_US}, "reply", None),
        ({"entities": US_NAMED, **QUOTE}, "quote", None),
        (QUOTE, "quote", None),
        (TO_US, "reply", "not_summoned"),
        ({}, None, "not_summoned"),
        ({**QUOTE, "reply_settings": "mentionedUsers"}, "quote", "replies_closed"),
        ({"entities": US_NAMED, "reply_settings": "mentionedUsers"}, "mention", None),
        ({"entities": US_NAMED, "reply_settings": "everyone"}, "mention", None),
        ({"note_post": {"text": "Long.", "entities": US_NAMED}}, "mention", None),
    ],
)
def test_whether_we_may_reply(changes: Any, addressed: str | None, barred: str | None) -> None:
    """X's rule: only to who mentioned or quoted us."""
    post = said(**changes)
    assert (post.addressed, post.barred) == (addressed, barred)


def test_on_the_enterprise_plan_the_rule_does_not_hold() -> None:
    post = parsed(post={**POST, "entities": {}, **TO_US}, enterprise=True)
    assert (post.addressed, post.barred) == ("reply", None)


def test_what_was_written_before_the_renaming_is_understood_too() -> None:
    renamed = {
        "referenced_tweets": [{"type": "quoted", "id": OURS["id"]}],
        "edit_history_tweet_ids": ["7", "9"],
        "note_tweet": {"text": "A long text"},
        "id": "9",
    }
    raw = {"users": PEOPLE, "tweets": [OURS]}
    old = {key: value for key, value in POST.items() if key != "edit_history_post_ids"}
    post = parsed(post={**old, "entities": {}, **renamed}, includes=raw)
    assert (post.id, post.text, post.addressed, post.edited) == ("7", "A long text", "quote", True)


def test_an_edited_post_keeps_its_first_id() -> None:
    new = {**POST, "id": "1991500000000000008"}
    new["edit_history_post_ids"] = [POST["id"], new["id"]]
    raw = json.dumps({"me": US, "post": new})
    arrival = parse(raw, account="@town", now=START)
    assert (arrival.event, arrival.post.id) == ("edited", POST["id"])
    assert arrival.post.url == "https://x.com/i/status/1991500000000000008"


def test_links_are_whole_and_what_they_show_is_left_out() -> None:
    urls = [
        {"start": 0, "end": 1, "url": "https://t.co/1", "expanded_url": "https://a.b/?c=1&d"},
        {"start": 0, "end": 1, "url": "https://t.co/2", "media_key": "3_1"},
        {"start": 0, "end": 1, "url": "https://t.co/3", "expanded_url": "https://x.com/u/status/7"},
        {"start": 0, "end": 1, "url": "https://t.co/4", "expanded_url": None},
    ]
    text = "A &amp; B https://t.co/1 https://t.co/2 https://t.co/3 https://t.co/4"
    quotes = {"referenced_posts": [{"type": "quoted", "id": "7"}]}
    post = said(text=text, entities={"urls": urls, **US_NAMED}, **quotes)
    assert " ".join(post.text.split()) == "A & B https://a.b/?c=1&d https://t.co/4"


def test_the_conversation_above_is_bounded_and_never_turns_in_a_circle() -> None:
    chain = [
        {"id": str(number), "text": f"{number}!", "author_id": "2001"}
        | {"referenced_posts": [{"type": "replied_to", "id": str(number - 1)}]}
        for number in range(2, 40)
    ]
    first = {"id": "1", "text": "1!", "referenced_posts": [{"type": "replied_to", "id": "39"}]}
    below = {**POST, "referenced_posts": [{"type": "replied_to", "id": "39"}]}
    post = parsed(post=below, includes={"users": PEOPLE, "posts": [first, *chain]})
    assert [each.text for each in post.above] == [f"{n}!" for n in range(40 - ABOVE, 40)]
    two = [
        {"id": "1", "text": "1!", "referenced_posts": [{"type": "replied_to", "id": "2"}]},
        {"id": "2", "text": "2!", "referenced_posts": [{"type": "replied_to", "id": "1"}]},
    ]
    circle = {**POST, "referenced_posts": [{"type": "replied_to", "id": "1"}]}
    post = parsed(post=circle, includes={"posts": two})
    assert [each.text for each in post.above] == ["2!", "1!"]


def test_what_is_quoted_stands_last_above() -> None:
    other = {"id": "5", "text": "The plan.", "author_id": "2001"}
    both = [{"type": "replied_to", "id": OURS["id"]}, {"type": "quoted", "id": "5"}]
    below = {**POST, "referenced_posts": both}
    post = parsed(post=below, includes={"users": PEOPLE, "posts": [OURS, other]})
    assert [each.text for each in post.above] == ["Tuesday.", "The plan."]


def test_our_own_post_is_ours_and_addresses_nobody() -> None:
    post = parsed(post={**ANSWER, "author_id": US})
    assert (post.handle, post.author, post.addressed) == ("@town", US, None)
    assert (post.barred, post.parent) == (None, OURS["id"])


def test_a_direct_message() -> None:
    post = parsed(event=MESSAGE)
    assert (post.addressed, post.visibility, post.barred) == ("direct", "direct", None)
    assert (post.root, post.author, post.handle) == ("1001-2001", "2001", "@henk")
    ours = parsed(event={**MESSAGE, "sender_id": US}, parent="1991500000000000006")
    assert (ours.handle, ours.addressed) == ("@town", None)
    assert ours.parent == "1991500000000000006"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"post": {**POST, "referenced_posts": [{"type": "retweeted", "id": "1"}]}},
        {"post": {**POST, "id": "no number"}},
        {"post": {**POST, "text": "", "entities": {}}},
        {"event": {**MESSAGE, "text": " "}},
        {"me": None, "post": POST},
    ],
)
def test_what_is_no_post_is_bad_input(record: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        parsed(**record)


def test_a_picture_alone_is_something_said() -> None:
    picture = {"attachments": {"media_keys": ["3_1"]}, "text": ""}
    assert said(**picture).images == (Image(),)


@pytest.mark.parametrize(
    ("tag", "code"),
    [("nl", "nl"), ("pt-BR", "pt"), ("in", "id"), ("iw", "he"), ("und", None), ("qme", None)],
)
def test_languages(tag: str, code: str | None) -> None:
    assert language(tag) == code
    assert language(None) is None


def test_an_id_holds_its_moment() -> None:
    assert moment(str(snowflake(START))) == START
    assert moment(str(snowflake(START) + (1 << 22) - 1)) == START
    # 2006-03-21, before ids held a moment
    assert snowflake(START - timedelta(days=9000)) == 0
    assert said(created_at=None).created_at == moment(POST["id"])
