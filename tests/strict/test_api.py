"""The strict Web API refuses, paces, loses and keeps what the real one does."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant.localslack import LocalSlack
from tests.slack_ui import Slack
from tests.strict.desk import ROADS, client_of, error_of, section, strict
from tests.strict_slack import DROPPED, StrictSlack

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_method_without_its_scope_is_missing_scope(
    slack: StrictSlack, client: AsyncWebClient
) -> None:
    assert await error_of(client.users_lookupByEmail(email="a@b.c")) == "missing_scope"
    assert await error_of(client.pins_add(channel=ROADS)) == "unknown_method"
    assert slack.take() == ["scope", "method"]
    assert (await client.conversations_list())["ok"]


async def test_a_wrong_token_is_invalid_auth(slack: StrictSlack, local: LocalSlack) -> None:
    assert await error_of(client_of(slack, "xoxb-wrong").auth_test()) == "invalid_auth"
    assert await error_of(client_of(slack, local.app_token).auth_test()) == "not_allowed_token_type"
    assert slack.take() == ["token", "token"]


async def test_a_channel_without_the_app_is_not_in_channel(client: AsyncWebClient) -> None:
    assert await error_of(client.chat_postMessage(channel="C02ELSE", text="x")) == "not_in_channel"
    assert await error_of(client.chat_postMessage(channel="C0NONE", text="x")) == (
        "channel_not_found"
    )


async def test_a_channel_says_whether_the_app_is_in_it(client: AsyncWebClient) -> None:
    inside = await client.conversations_info(channel=ROADS)
    outside = await client.conversations_info(channel="C02ELSE")
    assert (inside["channel"]["is_member"], outside["channel"]["is_member"]) == (True, False)


async def test_a_guest_shows_as_a_guest(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.person("U02BOB", is_restricted=True)
    assert (await client.users_info(user="U02BOB"))["user"]["is_restricted"] is True
    assert "is_restricted" not in (await client.users_info(user="U01ALICE"))["user"]


async def test_a_fourth_message_at_once_is_429_and_coming_back_early_a_violation(
    slack: StrictSlack, client: AsyncWebClient
) -> None:
    for number in range(3):
        await client.chat_postMessage(channel=ROADS, text=str(number))
    assert await error_of(client.chat_postMessage(channel=ROADS, text="4")) == "ratelimited"
    await asyncio.sleep(0.2)  # long enough to have read the 429
    with pytest.raises(SlackApiError) as again:
        await client.chat_postMessage(channel=ROADS, text="4")
    assert again.value.response.status_code == 429
    assert again.value.response.headers["Retry-After"] == "1"
    assert slack.take() == ["retry_after"]
    assert slack.refused == 2
    await asyncio.sleep(0.85)  # what is left of the second
    await client.chat_postMessage(channel=ROADS, text="4")


async def test_a_channel_can_be_rate_limited_on_purpose(
    slack: StrictSlack, client: AsyncWebClient
) -> None:
    slack.ratelimit(ROADS, 7)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=ROADS, text="x")
    assert refused.value.response.headers["Retry-After"] == "7"


async def test_a_tier_limits_a_method(local: LocalSlack, people: Slack) -> None:
    async with strict(local, tiers={"users.info": 2}) as slack:
        client = client_of(slack, local.bot_token)
        for _ in range(2):
            await client.users_info(user="U01ALICE")
        assert await error_of(client.users_info(user="U01ALICE")) == "ratelimited"


async def test_every_nth_answer_is_lost_and_repeating_blindly_a_violation(
    slack: StrictSlack, client: AsyncWebClient, people: Slack
) -> None:
    slack.drop_every(2)
    await client.chat_postMessage(channel=ROADS, text="1")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=ROADS, text="2")
    assert [each["text"] for each in await people.messages(ROADS)] == ["1", "2"]
    slack.drop_every(0)
    await client.chat_postMessage(channel=ROADS, text="2")
    assert slack.take() == ["blind_repeat"]


async def test_repeating_after_a_look_is_none(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.drop_every(1)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=ROADS, text="1")
    slack.drop_every(0)
    await client.conversations_history(channel=ROADS)
    await client.chat_postMessage(channel=ROADS, text="1")
    assert slack.violations == []


async def test_methods_fail_and_dawdle_on_purpose(
    slack: StrictSlack, client: AsyncWebClient, people: Slack
) -> None:
    slack.fail("chat.postMessage", "fatal_error")
    slack.fail("chat.postMessage", 503)
    slack.fail("chat.postMessage", DROPPED)
    assert await error_of(client.chat_postMessage(channel=ROADS, text="1")) == "fatal_error"
    with pytest.raises(SlackApiError, match="503"):
        await client.chat_postMessage(channel=ROADS, text="1")
    assert await people.messages(ROADS) == []
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=ROADS, text="1")
    assert len(await people.messages(ROADS)) == 1
    slack.slow("auth.test", 30)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.auth_test(), 0.2)


async def test_history_has_metadata_limits_and_pages(client: AsyncWebClient, people: Slack) -> None:
    metadata = {"event_type": "card", "event_payload": {"case": "c1"}}
    first = await client.chat_postMessage(channel=ROADS, text="1", metadata=metadata)
    second = await client.chat_postMessage(channel=ROADS, text="2")
    await client.chat_postEphemeral(channel=ROADS, user="U01ALICE", text="only you")
    await client.chat_postMessage(channel=ROADS, text="3")
    page = await client.conversations_history(channel=ROADS, limit=2)
    assert [each["text"] for each in page["messages"]] == ["3", "2"]
    cursor = page["response_metadata"]["next_cursor"]
    rest = await client.conversations_history(
        channel=ROADS, limit=2, cursor=cursor, include_all_metadata=True
    )
    assert [each["metadata"] for each in rest["messages"]] == [metadata]
    newer = await client.conversations_history(channel=ROADS, oldest=first["ts"])
    assert [each["text"] for each in newer["messages"]] == ["3", "2"]
    older = await client.conversations_history(channel=ROADS, latest=second["ts"])
    assert [each["text"] for each in older["messages"]] == ["1"]


async def test_a_thread_has_its_metadata_and_first_message(client: AsyncWebClient) -> None:
    metadata = {"event_type": "line", "event_payload": {}}
    first = await client.chat_postMessage(channel=ROADS, text="1")
    reply = await client.chat_postMessage(
        channel=ROADS, text="2", thread_ts=first["ts"], metadata=metadata
    )
    changed = {**metadata, "event_payload": {"version": 2}}
    await client.chat_update(channel=ROADS, ts=reply["ts"], text="2b", metadata=changed)
    thread = await client.conversations_replies(
        channel=ROADS, ts=first["ts"], include_all_metadata=True, limit=10
    )
    assert [each["text"] for each in thread["messages"]] == ["1", "2b"]
    assert thread["messages"][1]["metadata"] == changed


async def test_metadata_without_its_parts_is_refused(
    slack: StrictSlack, client: AsyncWebClient
) -> None:
    call = client.chat_postMessage(channel=ROADS, text="x", metadata={"event_type": "x"})
    assert await error_of(call) == "invalid_metadata_format"
    assert slack.take() == ["metadata"]


async def test_an_update_without_blocks_keeps_them_and_is_a_violation(
    slack: StrictSlack, client: AsyncWebClient, people: Slack
) -> None:
    card = await client.chat_postMessage(channel=ROADS, text="x", blocks=[section("kept")])
    await client.chat_update(channel=ROADS, ts=card["ts"], text="y")
    [message] = await people.messages(ROADS)
    assert (message["text"], message["blocks"][0]["text"]["text"]) == ("y", "kept")
    assert slack.take() == ["update_without_blocks"]
