"""X: every question and answer holds against X's own description of its API."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assistant.platforms import Arrival
from assistant.platforms.x.limits import ENDPOINTS
from tests.core import Clock
from tests.platforms.contract import answer
from tests.platforms.x_contract import ABSENT, SPEC, request_wrong, response_wrong
from tests.platforms.x_server import US, XServer
from tests.platforms.x_world import Memory, Opening

DOCS = Path(__file__).parent.parent.parent / "docs/connecting-platforms.md"


@pytest.fixture(autouse=True)
def _described() -> None:
    if not SPEC.exists():
        pytest.skip(ABSENT)


async def test_every_call_there_is_holds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    async with XServer(clock) as x, Opening(x, clock, Memory()) as opening:
        henk = x.person("henk")
        for number in range(120):
            x.post(henk, f"@town question {number}, see https://town.example/a?b=1&c=2")
        ours = x.post(US, "Monday.")
        above = x.post(henk, "why?", parent=x.post(henk, "so?", parent=ours))
        x.post(henk, "@town who?", parent=above, media=[{"media_key": "3_1", "type": "photo"}])
        x.message(henk, "My number is 12.", other=US)
        platform = await opening(direct=True)
        told = [each async for each in platform.arrivals(None)]
        posts = [each.post for each in told if isinstance(each, Arrival)]
        target = next(each for each in posts if each.addressed == "mention")
        x.edit(target.id, "@town never mind")
        x.tweets[posts[5].id].gone = True
        await platform.looks(posts[:9])
        await platform.look(posts[5])
        reply, private = answer(target), answer(target, visibility="direct")
        remote = await platform.reply(reply)
        await platform.reply(private)
        await platform.replies_under(reply)
        await platform.replies_under(private)
        await platform.take_back(remote)
        await platform.introduce()
        assert {name for name in ENDPOINTS if not x.calls[name]} == set()
        with capsys.disabled():
            print(f"\nX: {x.held} questions and answers, violations: {len(x.wrong)}")
        assert x.wrong == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "wrong"),
    [
        ("post", "/2/tweets", {}, {"text": "x", "reply": {"in_reply_to_tweet_id": 1}}, "string"),
        ("post", "/2/tweets", {}, {"text": "x", "reply": {"in_reply_to_status_id": "1"}}, "status"),
        ("get", "/2/users/me", {"user.fields": "nonsense"}, None, "nonsense"),
        ("get", "/2/users/{id}/mentions", {"max_results": "4"}, None, "minimum"),
        ("get", "/2/users/{id}/mentions", {"tweet.fields": "text"}, None, "unknown parameter"),
    ],
)
def test_a_wrong_question_is_found(
    method: str, path: str, query: dict[str, str], body: Any, wrong: str
) -> None:
    told = request_wrong(method, path, query=query, body=body)
    assert wrong in " ".join(told)


def test_a_wrong_answer_is_found() -> None:
    assert response_wrong("get", "/2/users/{id}/mentions", 200, {"data": [{"id": 5}]})
    assert response_wrong("post", "/2/tweets", 201, {"data": {"text": "no id"}})
    assert not response_wrong("post", "/2/tweets", 201, {"data": {"id": "5", "text": "x"}})


def test_what_the_guide_says_to_send_x_is_what_x_describes() -> None:
    bodies = re.findall(r"curl [^\n]*?(?:\\\n *)?[^\n]*--json '(\{.*\})'", DOCS.read_text("utf-8"))
    webhook, subscription = (json.loads(each) for each in bodies)
    assert request_wrong("post", "/2/webhooks", query={}, body=webhook) == []
    for event in re.findall(r"`((?:post|dm)\.[a-z.]+)`", DOCS.read_text("utf-8")):
        asked = {**subscription, "event_type": event}
        asked |= {"webhook_id": "1", "filter": {"user_id": "1"}}
        assert request_wrong("post", "/2/activity/subscriptions", query={}, body=asked) == []
