"""Plays the people in the local Slack: clicks, messages, modals, and a browser to look with."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from playwright.async_api import Page, async_playwright

from assistant.localslack import (
    LocalSlackUnusable,
    SlackApp,
    SlackChannel,
    SlackUser,
    Workspace,
    local_slack_binary,
)

CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Json = dict[str, Any]
Seen = TypeVar("Seen")


def find_element(blocks: Sequence[Json], action_id: str) -> Json | None:
    """The element called `action_id` in a card, with its block's id; None when it is not there."""
    for block in blocks:
        inside = [*block.get("elements", ()), *filter(None, [block.get("accessory")])]
        for element in inside:
            if element.get("action_id") == action_id:
                return {**element, "block_id": block.get("block_id")}
    return None


def texts_of(value: Any) -> list[str]:
    """Every text in a message, block or view, in order."""
    if isinstance(value, Mapping):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for each in value.values() for text in texts_of(each)]
    return [text for each in value for text in texts_of(each)] if isinstance(value, list) else []


class Slack:
    """The people of one local Slack: what they see and what they do."""

    def __init__(self, url: str, *, session: aiohttp.ClientSession) -> None:
        self.url, self._session = url, session
        self.modals: list[Json] = []  # the one stack of modals, top last
        self.errors: dict[str, str] = {}  # what the modal says under its inputs
        self.homes: dict[str, Json] = {}
        self.frames: list[Json] = []
        self._changed = asyncio.Condition()
        self._screen: aiohttp.ClientWebSocketResponse | None = None

    async def follow(self, *, ready: asyncio.Event) -> None:
        """Watch the screen until it is switched off."""
        async with self._session.ws_connect(f"{self.url}/ui", max_msg_size=0) as self._screen:
            async for message in self._screen:
                await self._take(json.loads(message.data))
                ready.set()

    async def _take(self, frame: Json) -> None:
        async with self._changed:
            self.frames.append(frame)
            if frame["t"] == "view":
                self.modals, self.errors = frame["stack"], {}
            elif frame["t"] == "init":
                self.modals = frame["state"]["modalStack"]
            elif frame["t"] == "view_errors":
                self.errors = frame["errors"]
            elif frame["t"] == "home":
                self.homes[frame["user"]] = frame["view"]
            self._changed.notify_all()

    async def wait_for(self, seen: Callable[[], Seen], *, seconds: float = 5) -> Seen:
        """Wait for what `seen` looks for on the screen; what it found (anything true)."""
        async with asyncio.timeout(seconds), self._changed:
            return await self._changed.wait_for(seen)

    async def until(
        self,
        channel: str,
        wanted: Callable[[list[Json]], Seen],
        *,
        seconds: float = 5,
    ) -> Seen:
        """Wait until the messages of `channel` show what `wanted` looks for; what it found."""
        async with asyncio.timeout(seconds), self._changed:
            while not (found := wanted(await self.messages(channel))):
                await self._changed.wait()
        return found

    async def modal(self, *, seconds: float = 5, **fields: Any) -> Json:
        """Wait for a modal with these fields (callback_id="editor"); the modal."""

        def top() -> Json | None:
            shown = self.modals[-1] if self.modals else None
            return shown if shown and fields.items() <= shown.items() else None

        found = await self.wait_for(top, seconds=seconds)
        assert found is not None
        return found

    async def no_modal(self, *, seconds: float = 5) -> None:
        """Wait until no modal is open."""
        await self.wait_for(lambda: not self.modals, seconds=seconds)

    async def modal_errors(self, *, seconds: float = 5) -> dict[str, str]:
        """Wait for errors in the modal; block id to text."""
        return await self.wait_for(lambda: self.errors, seconds=seconds)

    async def messages(self, channel: str) -> list[Json]:
        """Everything in a channel, oldest first, threads and ephemerals among it."""
        async with self._session.get(f"{self.url}/_control/messages/{channel}") as answer:
            return list((await answer.json())["messages"])

    async def thread(self, channel: str, ts: str) -> list[str]:
        """The texts in the thread under a message."""
        found = await self.messages(channel)
        return [str(each.get("text")) for each in found if each.get("thread_ts") == ts]

    async def control(self, path: str, **body: Any) -> Json:
        """One call of local-slack's control API."""
        async with self._session.post(f"{self.url}/_control/{path}", json=body) as answer:
            answer.raise_for_status()
            return dict(await answer.json())

    async def click(
        self, message: Json, action_id: str, *, user: str, option: str | None = None
    ) -> None:
        """Press the button, or choose the option with this value, on a card.

        Returns when the app has acknowledged it, or after 5 seconds without.
        """
        element = find_element(message["blocks"], action_id)
        assert element is not None, f"no element {action_id} on this card"
        action = {name: element.get(name) for name in ("type", "action_id", "block_id", "value")}
        if option is not None:
            options = {each["value"]: each for each in element["options"]}
            action["selected_option"] = options[option]
        await self.control(
            "interact",
            channel=message["channel"],
            messageTs=message["ts"],
            user=user,
            action={name: value for name, value in action.items() if value is not None},
        )

    async def say(self, channel: str, text: str, *, user: str, thread: str | None = None) -> Json:
        """Type a message; the message."""
        where = {"thread_ts": thread} if thread else {}
        answer = await self.control("message", channel=channel, user=user, text=text, **where)
        return dict(answer["message"])

    async def edit(self, message: Json, text: str) -> None:
        """Change one's own message."""
        place = {"channel": message["channel"], "ts": message["ts"], "user": message["user"]}
        await self.control("edit-message", **place, text=text)

    async def delete(self, message: Json) -> None:
        """Delete one's own message."""
        place = {"channel": message["channel"], "ts": message["ts"], "user": message["user"]}
        await self.control("delete-message", **place)

    async def command(self, channel: str, command: str, *, user: str, text: str = "") -> None:
        """Use a slash command."""
        await self.control("command", channel=channel, user=user, command=command, text=text)

    async def open_home(self, user: str) -> Json:
        """Open the app's Home; the view it publishes."""
        self.homes.pop(user, None)
        await self.control("open-home", user=user)
        await self.wait_for(lambda: user in self.homes)
        return self.homes[user]

    async def click_home(self, user: str, action_id: str) -> None:
        """Press a button on the app's Home."""
        element = find_element(self.homes[user]["blocks"], action_id)
        assert element is not None, f"no element {action_id} on this Home"
        action = {name: element.get(name) for name in ("type", "action_id", "block_id", "value")}
        await self._send(t="block_action", user=user, channel="", messageTs="", action=action)

    async def submit(self, user: str, **inputs: Any) -> None:
        """Submit the modal on top: block id to the text typed, or to the value chosen.

        An input left out counts as untouched, and local-slack sends null for it.
        """
        values: Json = {}
        for block in self.modals[-1]["blocks"]:
            if block.get("block_id") in inputs:
                element = block["element"]
                value = _filled(element, inputs[block["block_id"]])
                values[block["block_id"]] = {element["action_id"]: value}
        self.errors = {}
        await self._send(t="view_submit", user=user, values=values)

    async def close_modal(self, user: str) -> None:
        """Close the modal with its cross."""
        await self._send(t="view_close", user=user)

    async def reset(self) -> None:
        """Empty the workspace: no messages, modals or created channels."""
        await self.control("reset")

    async def _send(self, **frame: Any) -> None:
        assert self._screen is not None
        await self._screen.send_json(frame)


def _filled(element: Json, value: Any) -> Json:
    """An input's state as the browser sends it."""
    kind = element["type"]
    if kind in ("static_select", "radio_buttons"):
        chosen = next(each for each in element["options"] if each["value"] == value)
        return {"type": kind, "selected_option": chosen}
    if kind == "checkboxes":
        chosen = [each for each in element["options"] if each["value"] in value]
        return {"type": kind, "selected_options": chosen}
    field = {"datepicker": "selected_date", "timepicker": "selected_time"}.get(kind, "value")
    return {"type": kind, field: value}


@contextlib.asynccontextmanager
async def slack_people(url: str) -> AsyncIterator[Slack]:
    """The people of the local Slack at `url` (not of the strict one before it)."""
    ready = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        slack = Slack(url, session=session)
        watching = asyncio.ensure_future(slack.follow(ready=ready))
        await asyncio.wait_for(ready.wait(), 5)
        try:
            yield slack
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


@contextlib.asynccontextmanager
async def browser_page(url: str, *, width: int = 1280, height: int = 900) -> AsyncIterator[Page]:
    """A page of headless Chromium at `url`; skips the test where Chromium is not installed.

    Raises AssertionError at the end when the page had a script error.
    """
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no Chromium at {CHROMIUM} (Debian package `chromium`)")
    broken: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        page = await browser.new_page(viewport={"width": width, "height": height})
        page.on("pageerror", lambda error: broken.append(str(error)))
        try:
            await page.goto(url)
            yield page
        finally:
            await browser.close()
    assert not broken, f"script errors in the page: {broken}"


async def act_as(page: Page, name: str) -> None:
    """Choose in the browser whom the next clicks come from, by (part of) the name shown."""
    chooser = page.get_by_label("Act as")
    option = chooser.locator("option", has_text=name).first
    await option.wait_for(state="attached")  # the page stands before its socket told who is there
    await chooser.select_option(label=await option.inner_text())


async def screenshot(page: Page, folder: Path, name: str) -> Path:
    """Save what the page shows as `name`.png in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    await page.screenshot(path=path)
    return path


def town_workspace(*, request_url: str | None = None) -> Workspace:
    """A small workspace: Alice and Bob, a channel with the app in it and one without."""
    people = [("U01ALICE", "alice", "Alice Anders"), ("U02BOB", "bob", "Bob Bakker")]
    return Workspace(
        name="Town",
        domain="town",
        apps=(SlackApp(request_url=request_url),),
        users=tuple(
            SlackUser(id=user, name=name, real_name=real, email=f"{name}@example.org")
            for user, name, real in people
        ),
        channels=(
            SlackChannel(id="C01ROADS", name="roads", members=("U01ALICE", "U02BOB", "U0BOT")),
            SlackChannel(id="C02ELSE", name="elsewhere", members=("U01ALICE",)),
        ),
    )


def need_local_slack() -> None:
    """Skip the test where local-slack is not installed."""
    try:
        local_slack_binary()
    except LocalSlackUnusable as missing:
        pytest.skip(str(missing))
