"""The demo's citizen, and what the demo's Bluesky says where it cannot start."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from assistant.citizen import Citizen, NoNetwork, answered, join, known, say
from assistant.localbluesky import LocalBlueskyUnusable, local_bluesky
from tests.platforms.bluesky_network import served
from tests.platforms.world_bluesky import POST, Person


@pytest.fixture
async def citizen() -> AsyncIterator[Citizen]:
    """A citizen and a town on a stand-in network."""
    async with served() as server:
        yield Citizen(me=await join(server, "inwoner"), town=await join(server, "waterstad"))


async def test_a_citizen_writes_and_waits_for_the_answer(citizen: Citizen) -> None:
    uri = await say(citizen, "Wanneer komt het grofvuil?")
    waiting = asyncio.create_task(answered(citizen, uri))
    town = citizen.town
    async with aiohttp.ClientSession() as http:
        place = f"{town.server}/xrpc/com.atproto.server.createSession"
        body = {"identifier": town.handle, "password": town.password}
        async with http.post(place, json=body) as answer:
            person = Person(http, town.server, await answer.json())
        told = await person.ask("app.bsky.notification.listNotifications")
        [post] = told["notifications"]
        assert (post["uri"], post["reason"]) == (uri, "mention")
        assert post["record"]["text"] == f"@{town.handle} Wanneer komt het grofvuil?"
        above = {"uri": uri, "cid": post["cid"]}
        reply = {"root": above, "parent": above}
        await person.put(POST, {"text": "Donderdag. ^AB", "reply": reply})
    assert await waiting == "Donderdag. ^AB"


async def test_the_citizen_is_known_by_the_demos_folder(citizen: Citizen, tmp_path: Path) -> None:
    with pytest.raises(NoNetwork, match="PLATFORM=bluesky"):
        known(tmp_path)
    citizen.keep(tmp_path)
    assert known(tmp_path) == citizen
    assert (tmp_path / "citizen.json").stat().st_mode & 0o077 == 0
    assert citizen.me.password not in repr(citizen)


async def test_a_network_that_is_gone_is_told(citizen: Citizen) -> None:
    gone = citizen.me.model_copy(update={"server": "http://127.0.0.1:1"})
    with pytest.raises(NoNetwork, match="no Bluesky at"):
        await say(citizen.model_copy(update={"me": gone}), "hallo")


async def test_what_the_local_network_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LocalBlueskyUnusable, match=r"without .*redis-server.*make demo"):
        async with local_bluesky():
            pass
