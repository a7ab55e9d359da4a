"""The local Slack: alone on loopback, gone when we are gone, and a real app can work with it."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from assistant.localslack import (
    LocalSlack,
    LocalSlackUnusable,
    NamespaceUnavailable,
    local_slack,
    local_slack_binary,
)
from tests.slack_ui import (
    act_as,
    browser_page,
    need_local_slack,
    screenshot,
    slack_people,
    town_workspace,
)

CARD: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "plain_text", "text": "Lamp out in Mill Street"}},
    {
        "type": "actions",
        "block_id": "card",
        "elements": [
            {
                "type": "button",
                "action_id": "edit",
                "text": {"type": "plain_text", "text": "Edit & send"},
            }
        ],
    },
]
EVERYBODY = {"text": {"type": "plain_text", "text": "Everybody"}, "value": "all"}
EDITOR = {
    "type": "modal",
    "callback_id": "editor",
    "title": {"type": "plain_text", "text": "Reply"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reply",
            "label": {"type": "plain_text", "text": "Reply"},
            "element": {
                "type": "plain_text_input",
                "action_id": "text",
                "multiline": True,
                "initial_value": "Thanks",
            },
        },
        {
            "type": "input",
            "block_id": "readers",
            "label": {"type": "plain_text", "text": "Readers"},
            "element": {
                "type": "static_select",
                "action_id": "readers",
                "options": [EVERYBODY],
                "initial_option": EVERYBODY,
            },
        },
    ],
}


@pytest.fixture(autouse=True)
def _installed() -> None:
    need_local_slack()


def desk(slack: LocalSlack) -> AsyncApp:
    """A bolt app that opens an editor for its card and says what was sent."""
    client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/")
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)

    async def edit(ack: Any, body: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=EDITOR)

    async def send(ack: Any, view: Any) -> None:
        text = view["state"]["values"]["reply"]["text"]["value"]
        if not text:
            await ack(response_action="errors", errors={"reply": "Say something."})
            return
        await ack()
        await client.chat_postMessage(channel="C01ROADS", text=f"sent: {text}")

    app.action("edit")(edit)
    app.view("editor")(send)
    return app


@contextlib.asynccontextmanager
async def over_socket_mode(folder: Path) -> AsyncIterator[LocalSlack]:
    async with local_slack(town_workspace(), state=folder) as slack:
        web_client = AsyncWebClient(token=slack.app_token, base_url=f"{slack.url}/api/")
        handler = AsyncSocketModeHandler(desk(slack), slack.app_token, web_client=web_client)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            yield slack
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


@contextlib.asynccontextmanager
async def over_http(folder: Path) -> AsyncIterator[LocalSlack]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/slack/events"
    async with local_slack(town_workspace(request_url=url), state=folder) as slack:
        runner = web.AppRunner(desk(slack).server(port=1, host="127.0.0.1").web_app)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            yield slack
        finally:
            await runner.cleanup()


@pytest.mark.parametrize("connected", [over_socket_mode, over_http])
async def test_a_bolt_app_gets_a_click_opens_a_modal_and_answers_it(
    tmp_path: Path, connected: Any
) -> None:
    async with connected(tmp_path) as slack, slack_people(slack.url) as people:
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/")
        await client.chat_postMessage(channel="C01ROADS", text="card", blocks=CARD)
        [card] = await people.messages("C01ROADS")
        await people.click(card, "edit", user="U01ALICE")
        await people.modal(callback_id="editor")
        await people.submit("U01ALICE")
        assert await people.modal_errors() == {"reply": "Say something."}
        await people.submit("U01ALICE", reply="We are on our way.")
        await people.until("C01ROADS", lambda m: m[-1]["text"] == "sent: We are on our way.")
        await people.no_modal()


async def test_a_browser_sees_the_card_and_works_the_modal(tmp_path: Path) -> None:
    async with over_socket_mode(tmp_path) as slack, slack_people(slack.url) as people:
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/")
        async with browser_page(slack.url) as page:
            await client.chat_postMessage(channel="C01ROADS", text="card", blocks=CARD)
            await act_as(page, "Bob")
            await page.get_by_text("Edit & send").click()
            await page.locator(".modal .bk-plain-input").fill("From the browser")
            picture = await screenshot(page, tmp_path / "pictures", "modal")
            await page.locator(".modal-btn.primary").click()
            await page.get_by_text("sent: From the browser").wait_for()
        assert picture.read_bytes().startswith(b"\x89PNG")
        submitted = [f for f in people.frames if "view_submission" in str(f) and f["t"] == "log"]
        assert "U02BOB" in str(submitted)


WRITTEN = "Good morning!\n\nWe are on our way."


async def test_the_page_draws_what_slack_draws(tmp_path: Path) -> None:
    lines: dict[str, Any] = {"type": "section", "text": {"type": "plain_text", "text": WRITTEN}}
    async with over_socket_mode(tmp_path) as slack, slack_people(slack.url) as people:
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/")
        await client.chat_postMessage(channel="C01ROADS", text="card", blocks=[lines, *CARD])
        async with browser_page(slack.url) as page:
            for _ in range(2):  # a reload may come over the same connection
                await page.reload()
                assert await page.get_by_text("We are on our way").inner_text() == WRITTEN
            await page.get_by_text("Edit & send").click()
            await page.locator(".modal-btn.primary").click()
            assert await page.locator(".modal-error").inner_text() == "Say something."
            await page.locator(".modal textarea").fill(WRITTEN)
            assert await page.locator(".modal select").input_value() == "all"
            await page.locator(".modal-btn.primary").click()
            await people.until("C01ROADS", lambda m: m[-1]["text"] == f"sent: {WRITTEN}")
            assert await page.get_by_role("button", name="luister").is_disabled()
            assert (await page.request.head(slack.url)).ok, "its head alone comes too"


async def listening_at(port: str) -> set[str]:
    """The addresses on which anything listens at this port, as this network namespace sees it."""
    ss = await asyncio.create_subprocess_exec("ss", "-Hltn", stdout=asyncio.subprocess.PIPE)
    shown, _ = await ss.communicate()
    places = [line.split()[3].rpartition(":") for line in shown.decode().splitlines()]
    return {address for address, _, its_port in places if its_port == port}


def family(pid: int) -> set[int]:
    """A process and everything it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pid}.union(*(family(int(child)) for child in children))


@pytest.mark.skipif(not shutil.which("ss"), reason="no `ss` (Debian package iproute2)")
async def test_nothing_listens_outside_loopback(tmp_path: Path) -> None:
    async with local_slack(town_workspace(), state=tmp_path) as slack:
        assert await listening_at(slack.url.rpartition(":")[2]) == {"127.0.0.1"}
        networks = {Path(f"/proc/{pid}/ns/net").readlink() for pid in family(slack.pid)}
        assert len(networks) == 1
        assert Path("/proc/self/ns/net").readlink() not in networks


async def test_it_starts_within_a_second_and_a_half_and_is_gone_after_the_block(
    tmp_path: Path,
) -> None:
    began = time.monotonic()
    async with local_slack(town_workspace(), state=tmp_path) as slack:
        assert time.monotonic() - began < 1.5  # 0.35 s alone; CI runs other tests beside it
        pids = family(slack.pid)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


PARENT = """
import asyncio, pathlib, sys
from assistant.localslack import local_slack
from tests.slack_ui import town_workspace
async def main():
    async with local_slack(town_workspace(), state=pathlib.Path(sys.argv[1])) as slack:
        print(slack.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("killed", ["parent", "relay"])
async def test_it_dies_with_its_parent_and_with_its_relay(tmp_path: Path, killed: str) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    relay = int(await parent.stdout.readline())
    ends = [os.pidfd_open(pid) for pid in family(relay)]
    os.kill(relay if killed == "relay" else parent.pid, signal.SIGKILL)
    for end in ends:
        await ended(end)
    with contextlib.suppress(ProcessLookupError):
        parent.kill()
    await parent.wait()


async def ended(pidfd: int) -> None:
    """Wait until the process of this pidfd has ended."""
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, gone.set)
    await asyncio.wait_for(gone.wait(), 5)
    asyncio.get_running_loop().remove_reader(pidfd)
    os.close(pidfd)


async def test_many_connections_large_answers_and_half_closed_ones_come_through(
    tmp_path: Path,
) -> None:
    async with (
        local_slack(town_workspace(), state=tmp_path) as slack,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/")
        for _ in range(4):
            await client.chat_postMessage(channel="C01ROADS", text="x" * 900_000)

        async def size() -> int:
            async with session.get(f"{slack.url}/_control/messages/C01ROADS") as answer:
                return len(await answer.read())

        sizes = await asyncio.gather(*(size() for _ in range(50)))
        assert len(set(sizes)) == 1
        assert sizes[0] > 3_000_000
        assert b"C01ROADS" in await half_closed(slack.url)


async def half_closed(url: str) -> bytes:
    """What is answered to a client that says nothing more after its request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET /_control/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_its_tokens_are_new_each_time_and_in_no_repr(tmp_path: Path) -> None:
    async with local_slack(town_workspace(), state=tmp_path) as slack:
        secrets = {slack.bot_token, slack.app_token, slack.signing_secret}
        assert not [secret for secret in secrets if secret in repr(slack)]
        assert (tmp_path / "localslack.json").stat().st_mode & 0o077 == 0
    assert town_workspace().apps[0].bot_token not in secrets


async def test_without_unshare_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NamespaceUnavailable, match="unshare"):
        async with local_slack(town_workspace(), state=tmp_path):
            pytest.fail("it must not start")


async def test_where_namespaces_are_forbidden_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidding = tmp_path / "unshare"
    forbidding.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    forbidding.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(NamespaceUnavailable, match="Operation not permitted"):
        async with local_slack(town_workspace(), state=tmp_path):
            pytest.fail("it must not start")


OPEN = """
import asyncio, pathlib, sys, aiohttp
from assistant.localslack import local_slack
from assistant.localslack_relay import loopback_up
from tests.slack_ui import town_workspace
async def main():
    loopback_up()
    folder = pathlib.Path(sys.argv[1])
    async with local_slack(town_workspace(), state=folder, allow_open=True) as slack:
        async with aiohttp.ClientSession() as session:
            async with session.get(slack.url + "/_control/state") as answer:
                print((await answer.json())["workspace"]["name"])
asyncio.run(main())
"""


async def test_where_the_user_allows_it_it_runs_without_a_namespace(tmp_path: Path) -> None:
    # Itself inside one, so that this test too listens on no network.
    process = await asyncio.create_subprocess_exec(
        *("unshare", "-rn", sys.executable, "-c", OPEN, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 20)
    assert said == b"Town\n"


def test_a_missing_binary_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUISTER_LOCAL_SLACK", str(tmp_path / "nowhere"))
    with pytest.raises(LocalSlackUnusable, match="npm ci"):
        local_slack_binary()


async def test_a_workspace_it_does_not_take_is_told_in_its_own_words(tmp_path: Path) -> None:
    app = town_workspace().apps[0]
    twice = town_workspace().model_copy(update={"apps": (app, app)})
    with pytest.raises(LocalSlackUnusable, match="must be unique"):
        async with local_slack(twice, state=tmp_path):
            pytest.fail("it must not start")
