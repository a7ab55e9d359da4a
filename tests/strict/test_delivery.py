"""Triggers, modals, events and acknowledgements are as strict as the real Slack's."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from assistant.localslack import LocalSlack
from tests.slack_ui import Slack, need_local_slack
from tests.strict.desk import (
    EDITOR,
    ROADS,
    Desk,
    Json,
    actions,
    button,
    client_of,
    error_of,
    http_desk,
    modal,
    section,
    strict,
    text_input,
)
from tests.strict_slack import StrictSlack, StrictSlackViolations

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_trigger_is_good_once(slack: StrictSlack, desk: Desk, people: Slack) -> None:
    client, trigger = client_of(slack, desk.local.bot_token), await desk.click(people)
    await client.views_open(trigger_id=trigger, view=EDITOR)
    again = client.views_open(trigger_id=trigger, view=EDITOR)
    assert await error_of(again) == "exchanged_trigger_id"
    assert await error_of(client.views_open(trigger_id="made.up", view=EDITOR)) == (
        "invalid_trigger_id"
    )
    assert slack.take() == ["trigger", "trigger"]


async def test_a_trigger_is_good_for_three_seconds(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    client, trigger = client_of(slack, desk.local.bot_token), await desk.click(people)
    await asyncio.sleep(3.1)  # the rule is about real seconds
    late = client.views_open(trigger_id=trigger, view=EDITOR)
    assert await error_of(late) == "expired_trigger_id"
    assert slack.take() == ["trigger"]


async def test_a_view_keeps_its_id_and_its_hash_guards_it(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    client, trigger = client_of(slack, desk.local.bot_token), await desk.click(people)
    opened = (await client.views_open(trigger_id=trigger, view=modal(section("Loading"))))["view"]
    filled = await client.views_update(view_id=opened["id"], hash=opened["hash"], view=EDITOR)
    assert filled["view"]["id"] == filled["view"]["root_view_id"] == opened["id"]
    stale = client.views_update(view_id=opened["id"], hash=opened["hash"], view=EDITOR)
    assert await error_of(stale) == "hash_conflict"
    await people.wait_for(lambda: people.modals[-1]["blocks"][0]["type"] == "input")
    await people.submit("U01ALICE")
    await people.no_modal()
    sent = desk.got[-1]["view"]
    assert (sent["id"], sent["hash"]) == (opened["id"], filled["view"]["hash"])
    assert sent["state"]["values"]["reply"]["text"]["value"] is None
    assert sent["blocks"][0]["element"]["initial_value"] == "Thanks"
    closed = client.views_update(view_id=opened["id"], view=EDITOR)
    assert await error_of(closed) == "not_found"


async def test_an_answer_to_a_submission_updates_and_stacks_views(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    replies: list[Json] = [
        {"response_action": "errors", "errors": {"reply": "Too short."}},
        {"response_action": "update", "view": modal(text_input(), private_metadata="2")},
        {"response_action": "push", "view": modal(text_input(), private_metadata="3")},
        {"response_action": "errors", "errors": {"elsewhere": "No such input."}},
        {"response_action": "clear"},
    ]

    async def submit(ack: Any, body: Json) -> None:
        await ack(**replies.pop(0))

    desk.submit = submit
    client, trigger = client_of(slack, desk.local.bot_token), await desk.click(people)
    first = (await client.views_open(trigger_id=trigger, view=EDITOR))["view"]["id"]
    await people.modal()
    await people.submit("U01ALICE", reply="x")
    assert await people.modal_errors() == {"reply": "Too short."}
    await people.submit("U01ALICE", reply="longer")
    await people.modal(private_metadata="2")
    await people.submit("U01ALICE", reply="longer")
    await people.modal(private_metadata="3")
    await people.submit("U01ALICE", reply="longer")
    await people.modal_errors()
    assert slack.take() == ["view_errors"]
    await people.submit("U01ALICE", reply="longer")
    await people.no_modal()
    views = [body["view"] for body in desk.got if body["type"] == "view_submission"]
    assert [view["id"] == first for view in views] == [True, True, True, False, False]
    assert {view["root_view_id"] for view in views} == {first}
    assert views[-1]["previous_view_id"] == first
    assert slack.open_views() == {}


async def test_two_people_have_their_own_modals(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    client = client_of(slack, desk.local.bot_token)
    ids = []
    for _ in range(2):
        trigger = await desk.click(people)
        ids.append((await client.views_open(trigger_id=trigger, view=EDITOR))["view"]["id"])
    await client.views_update(view_id=ids[0], view=modal(text_input(initial_value="First")))
    await people.modal(blocks=EDITOR["blocks"])  # what the screen shows is still the second
    values = {"reply": {"text": {"type": "plain_text_input", "value": "mine"}}}
    await asyncio.gather(
        slack.submit("U01ALICE", view_id=ids[0], values={}),
        slack.submit("U02BOB", view_id=ids[1], values=values),
    )
    views = {body["user"]["id"]: body["view"] for body in desk.got if "view" in body}
    assert views["U01ALICE"]["state"]["values"]["reply"]["text"]["value"] == "First"
    assert views["U02BOB"]["state"]["values"]["reply"]["text"]["value"] == "mine"
    assert slack.open_views() == {}


async def test_a_click_on_the_home_tells_which_view_it_was_on(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    client = client_of(slack, desk.local.bot_token)
    home = {"type": "home", "blocks": [actions(button())]}
    published = await client.views_publish(user_id="U01ALICE", view=home)
    await people.wait_for(lambda: "U01ALICE" in people.homes)
    await people.click_home("U01ALICE", "edit")
    await desk.heard.wait()
    assert desk.got[0]["view"]["id"] == published["view"]["id"]
    assert desk.got[0]["container"] == {"type": "view", "view_id": published["view"]["id"]}
    assert "channel" not in desk.got[0]
    await slack.acknowledged(1)


async def test_an_acknowledgement_after_three_seconds_is_a_violation_and_events_come_again(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    desk.delay = 3.2
    await people.say(ROADS, "hello", user="U01ALICE")
    await desk.heard.wait()
    desk.heard.clear()
    desk.delay = 0
    [ack] = await slack.acknowledged(1)
    assert ack.kind == "events_api"
    assert ack.seconds < 1
    assert len({body["event_id"] for body in desk.got}) == 1
    assert desk.tries == ["0", "1"]
    assert slack.take() == ["late_ack"]


async def test_a_late_acknowledgement_of_a_click_is_a_violation(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    desk.delay = 3.2
    await desk.click(people)
    assert slack.take() == ["late_ack"]
    assert slack.lost == 1


async def test_events_can_come_three_times(slack: StrictSlack, desk: Desk, people: Slack) -> None:
    slack.copies("events_api", 3)
    await people.say(ROADS, "hello", user="U01ALICE")
    await slack.acknowledged(3)
    assert len(desk.got) == 3
    assert len({body["event_id"] for body in desk.got}) == 1


async def test_each_envelope_goes_to_one_connection(
    slack: StrictSlack, local: LocalSlack, people: Slack
) -> None:
    async with Desk(slack, local).connected(connections=3) as desk:
        for number in range(3):
            await people.say(ROADS, str(number), user="U01ALICE")
        await slack.acknowledged(3)
        assert sorted(body["event"]["text"] for body in desk.got) == ["0", "1", "2"]


async def test_an_event_waits_for_a_connection(
    slack: StrictSlack, local: LocalSlack, people: Slack
) -> None:
    await people.say(ROADS, "nobody home", user="U01ALICE")
    async with Desk(slack, local).connected() as desk:
        await asyncio.wait_for(desk.heard.wait(), 5)
    assert desk.got[0]["event"]["text"] == "nobody home"


async def test_an_app_told_to_disconnect_comes_back(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    await slack.disconnect()
    await people.say(ROADS, "still there?", user="U01ALICE")
    await slack.acknowledged(1, seconds=10)
    assert desk.got[-1]["event"]["text"] == "still there?"


async def test_only_subscribed_events_come(local: LocalSlack, people: Slack) -> None:
    async with (
        strict(local, subscribed={"message.channels"}) as slack,
        Desk(slack, local).connected() as desk,
    ):
        await people.say(ROADS, "<@U0BOT> hello", user="U01ALICE")
        await slack.acknowledged(1)
    assert [body["event"]["type"] for body in desk.got] == ["message"]


async def test_a_response_url_takes_five_messages_within_the_limits(
    slack: StrictSlack, desk: Desk, people: Slack
) -> None:
    await desk.click(people)
    url = desk.got[0]["response_url"]
    assert url.startswith(slack.url)
    async with aiohttp.ClientSession() as session:
        statuses = []
        for _ in range(6):
            async with session.post(url, json={"text": "hello"}) as answer:
                statuses.append(answer.status)
        async with session.post(url, json={"text": "x", "blocks": [section("")]}) as answer:
            assert answer.status == 404
    assert statuses == [200] * 5 + [404]
    assert slack.take() == ["response_url", "response_url"]


async def test_the_end_raises_what_was_violated(local: LocalSlack, people: Slack) -> None:
    with pytest.raises(StrictSlackViolations, match=r"token: auth\.test"):
        async with strict(local) as slack:
            await error_of(client_of(slack, "xoxb-wrong").auth_test())
    async with strict(local, allowed={"token"}) as slack:
        await error_of(client_of(slack, "xoxb-wrong").auth_test())


async def test_over_http_clicks_and_modals_work_and_events_come_again(tmp_path: Path) -> None:
    need_local_slack()
    async with http_desk(tmp_path) as (desk, people):
        client = client_of(desk.slack, desk.local.bot_token)
        trigger = await desk.click(people)
        opened = (await client.views_open(trigger_id=trigger, view=EDITOR))["view"]
        await people.modal()
        await people.submit("U01ALICE", reply="x")
        await people.no_modal()
        assert desk.got[-1]["view"]["id"] == opened["id"]
        desk.delay = 3.2
        desk.heard.clear()
        await people.say(ROADS, "hello", user="U01ALICE")
        await desk.heard.wait()
        desk.heard.clear()
        desk.delay = 0
        await asyncio.wait_for(desk.heard.wait(), 5)
        assert desk.slack.take() == ["late_ack"]
        assert desk.got[-1]["event_id"] == desk.got[-2]["event_id"]
        assert desk.tries[-2:] == ["-", "1"]
