"""What a message and a view may hold, as the real Slack says."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack_ui import Slack
from tests.strict.desk import (
    EDITOR,
    ROADS,
    Json,
    actions,
    button,
    error_of,
    modal,
    plain,
    section,
    text_input,
)
from tests.strict_slack import StrictSlack

pytestmark = pytest.mark.asyncio(loop_scope="module")
MESSAGES: dict[str, list[Json]] = {
    "51 blocks": [section()] * 51,
    "section text": [section("x" * 3001)],
    "empty text": [section("")],
    "header text": [{"type": "header", "text": plain("x" * 151)}],
    "header markup": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "section fields": [{"type": "section", "fields": [plain("x")] * 11}],
    "section field": [{"type": "section", "fields": [plain("x" * 2001)]}],
    "context elements": [{"type": "context", "elements": [plain("x")] * 11}],
    "button text": [actions(button(text=plain("x" * 76)))],
    "button value": [actions(button(value="x" * 2001))],
    "button markup": [actions(button(text={"type": "mrkdwn", "text": "x"}))],
    "action id": [actions(button(action_id="x" * 256))],
    "same action id": [actions(button(), button())],
    "block id": [section(block_id="x" * 256)],
    "same block id": [section(block_id="x"), section(block_id="x")],
    "unknown block": [{"type": "nonsense"}],
    "unknown element": [actions({"type": "nonsense", "action_id": "x"})],
    "unknown field": [section(colour="red")],
    "missing field": [actions({"type": "button", "action_id": "x"})],
    "option value": [
        actions(
            {
                "type": "static_select",
                "action_id": "x",
                "options": [{"text": plain("x"), "value": "x" * 151}],
            }
        )
    ],
    "initial option": [
        actions(
            {
                "type": "static_select",
                "action_id": "x",
                "options": [{"text": plain("x"), "value": "x"}],
                "initial_option": {"text": plain("y"), "value": "y"},
            }
        )
    ],
}


@pytest.mark.parametrize("blocks", MESSAGES.values(), ids=MESSAGES.keys())
async def test_a_message_slack_would_refuse_is_refused(
    slack: StrictSlack, client: AsyncWebClient, people: Slack, blocks: list[Json]
) -> None:
    call = client.chat_postMessage(channel=ROADS, text="x", blocks=blocks)
    assert await error_of(call) == "invalid_blocks"
    assert slack.take() == ["blocks"]
    assert await people.messages(ROADS) == []


async def test_a_message_at_every_limit_passes(client: AsyncWebClient) -> None:
    blocks = [
        *[{"type": "divider"}] * 44,
        section("x" * 3000, block_id="b" * 255, accessory=button(action_id="a" * 255)),
        {"type": "header", "text": plain("x" * 150)},
        {"type": "context", "elements": [plain("x")] * 10},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 200}] * 10},
        actions(button(text=plain("x" * 75), value="x" * 2000, style="primary")),
        {"type": "rich_text", "elements": []},
    ]
    assert len(blocks) == 50
    answer = await client.chat_postMessage(channel=ROADS, text="x" * 4000, blocks=blocks)
    assert answer["ok"]


async def test_more_than_13200_characters_in_all_are_too_long(
    slack: StrictSlack, client: AsyncWebClient
) -> None:
    blocks = [section("x" * 2700)] * 5
    call = client.chat_postMessage(channel=ROADS, text="x", blocks=blocks)
    assert await error_of(call) == "msg_blocks_too_long"
    assert slack.take() == ["blocks"]


async def test_too_much_text_or_none_is_refused(slack: StrictSlack, client: AsyncWebClient) -> None:
    long = client.chat_postMessage(channel=ROADS, text="x" * 40_001)
    assert await error_of(long) == "msg_too_long"
    none = client.api_call("chat.postMessage", json={"channel": ROADS})
    assert await error_of(none) == "no_text"
    assert slack.take() == ["text", "no_text"]


VIEWS: dict[str, Json] = {
    "101 blocks": modal(*[section()] * 101),
    "title": modal(title=plain("x" * 25)),
    "submit": modal(submit=plain("x" * 25)),
    "close": modal(close=plain("x" * 25)),
    "private metadata": modal(private_metadata="x" * 3001),
    "callback id": modal(callback_id="x" * 256),
    "initial value": modal(text_input(initial_value="x" * 3001)),
    "initial value over its own": modal(text_input(initial_value="xx", max_length=1)),
    "same block id": modal(text_input(), text_input()),
    "no submit": {key: value for key, value in EDITOR.items() if key != "submit"},
    "no title": {key: value for key, value in EDITOR.items() if key != "title"},
    "size": modal(*[section("x" * 3000)] * 90),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
async def test_a_view_slack_would_refuse_is_refused(
    slack: StrictSlack, client: AsyncWebClient, view: Json
) -> None:
    call = client.views_open(trigger_id="any", view=view)
    assert await error_of(call) == "invalid_arguments"
    assert slack.take() == ["blocks"]
