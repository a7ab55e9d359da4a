"""Erasing a citizen from a running town: nothing of them is left in store, files or chat."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from assistant.demo import workspace_of
from tests.e2e.town import Town, town
from tests.redis_server import RedisServer
from tests.slack_ui import Json, texts_of

pytestmark = pytest.mark.timeout(240)

HENK = "@henk_uit_de_wijk"
WORDS = "afspraak om grofvuil te laten ophalen"
POST = {
    "id": "henk-1",
    "author": "auteur-van-henk",
    "handle": HENK,
    "text": f"@gemeentewaterstad hoe maak ik een {WORDS}?",
    "url": f"https://plein.example/{HENK}/henk-1",
    "created_at": "2026-11-20T12:00:00Z",
}
OTHER = {
    **POST,
    "id": "sanne-1",
    "author": "sanne",
    "handle": "@sanne",
    "text": "@gemeentewaterstad wanneer wordt de kliko geleegd?",
    "url": "https://plein.example/@sanne/sanne-1",
}
TRACES = (HENK.removeprefix("@"), WORDS, "auteur-van-henk", "henk-1")


@pytest.fixture
async def running(tmp_path: Path, own_store: RedisServer) -> AsyncIterator[Town]:
    own_store.flush()
    async with town(tmp_path, store_url=own_store.url) as made:
        await made.start()
        yield made


@pytest.fixture
async def patient(tmp_path: Path, own_store: RedisServer) -> AsyncIterator[Town]:
    """A town whose undo window stays open."""
    own_store.flush()

    def long(text: str) -> str:
        return text.replace("undo_seconds = 6", "undo_seconds = 300")

    async with town(tmp_path, store_url=own_store.url, change=long) as made:
        await made.start()
        yield made


async def press_send(made: Town) -> tuple[Json, str]:
    """Open the editor on Henk's card and send what is in it; the card and the reply."""

    def suggested(messages: list[Json]) -> Json | None:
        cards = ((each, "\n".join(texts_of(each))) for each in messages)
        return next(
            (each for each, text in cards if WORDS in text and "Goedgekeurd antwoord" in text), None
        )

    card = await made.people.until("C0AFVAL", suggested, seconds=60)
    assert card is not None
    view, window = await made.window(card, "luister:editor:edit", user="U01ANNA", seconds=60)
    (field,) = [each for each in window["blocks"] if each["type"] == "input"]
    answer = await made.slack.submit("U01ANNA", view_id=view, values={})
    assert not (answer or {}).get("errors"), answer
    return card, str(field["element"]["initial_value"])


async def stored(url: str) -> str:
    """Everything the store holds, keys and values."""
    redis: Any = Redis.from_url(url, decode_responses=True)
    async with redis:
        whole: dict[str, Any] = {}
        async for key in redis.scan_iter(count=1000):
            whole[key] = await _read(redis, key)
    return json.dumps(whole, ensure_ascii=False, default=list)


async def _read(redis: Any, key: str) -> Any:
    read = {
        "string": (redis.get, ()),
        "hash": (redis.hgetall, ()),
        "list": (redis.lrange, (0, -1)),
        "set": (redis.smembers, ()),
        "zset": (redis.zrange, (0, -1)),
        "stream": (redis.xrange, ()),
    }
    kind = await redis.type(key)
    if kind == "none":  # A lease that ended since its name was read holds nothing any more.
        return None
    call, more = read[kind]
    return await call(key, *more)


def written(server: RedisServer) -> str:
    """Every byte of the store's files."""
    files = [each for each in sorted(server.dir.rglob("*")) if each.is_file()]
    assert any(".aof" in each.name for each in files)
    return "".join(each.read_bytes().decode("utf-8", "replace") for each in files)


async def said(made: Town) -> str:
    """Every message of every channel, threads among it."""
    channels = workspace_of(made.organisation).channels
    found = [await made.people.messages(each.id) for each in channels]
    return json.dumps(found, ensure_ascii=False).replace("\\n", "\n")


def found_in(text: str) -> list[str]:
    return [each for each in TRACES if each in text]


async def metric(made: Town, name: str, **labels: str) -> float:
    """One number of the running service; 0 when it is not there yet."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{made.port}/metrics") as answer,
    ):
        page = await answer.text()
    samples = [each for family in text_string_to_metric_families(page) for each in family.samples]
    return sum(
        each.value
        for each in samples
        if each.name == name and labels.items() <= each.labels.items()
    )


async def test_an_erased_citizen_is_nowhere_and_the_proof_still_holds(
    running: Town, own_store: RedisServer
) -> None:
    await running.write(POST, OTHER)
    card, reply = await press_send(running)
    await running.replied(1, seconds=60)
    await running.thread_says(card, "Verstuurd", seconds=60)
    assert found_in(await stored(own_store.url)) == list(TRACES)
    assert found_in(written(own_store)) == list(TRACES)
    assert WORDS in await said(running)
    # What the chat and the sends did shows in the metrics of the real thing.
    assert await metric(running, "luister_chat_visits_total", outcome="shown") >= 2
    assert await metric(running, "luister_sends_total", outcome="sent") == 1

    code, told = await running.luister("erase", HENK)
    assert code == 0, told
    assert "erased: 1 case," in told
    assert "chat messages will be deleted by `luister run`" in told
    async with asyncio.timeout(60):
        while found_in(text := await said(running)) or reply in text:
            await asyncio.sleep(0.2)
    assert found_in(await stored(own_store.url)) == []
    assert found_in(written(own_store)) == []
    assert reply not in await stored(own_store.url)
    assert "kliko" in await said(running), "another citizen's card stays"
    assert found_in(running.log.read_text()) == []
    code, told = await running.luister("verify")
    assert code == 0, told
    assert "(1 erased)" in told

    # The next poll does not bring them back, and erasing again finds nobody.
    assert "2 repeat" in await running.write(POST, OTHER)
    assert found_in(await stored(own_store.url)) == []
    assert (await running.luister("erase", HENK))[0] == 1


async def test_a_citizen_whose_reply_is_on_its_way_waits(
    patient: Town, own_store: RedisServer
) -> None:
    await patient.write(POST)
    card, _ = await press_send(patient)
    (case,) = await patient.cases()
    assert case["state"] == "queued"
    code, told = await patient.luister("erase", HENK)
    assert code == 1
    assert f"case {case['case']}: NOT erased, a reply in it is on its way" in told
    assert "erase again once that is done" in told
    assert WORDS in await said(patient)

    card = await patient.card("C0AFVAL", "Ongedaan maken", seconds=60)
    undo = next(
        element["action_id"]
        for block in card["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
        if "Ongedaan maken" in texts_of(element)
    )
    await patient.people.click(card, undo, user="U01ANNA")
    await patient.thread_says(card, "Ongedaan gemaakt", seconds=60)
    assert (await patient.luister("erase", HENK))[0] == 0
    async with asyncio.timeout(60):
        while found_in(await said(patient)):
            await asyncio.sleep(0.2)
    assert found_in(await stored(own_store.url)) == []
    assert found_in(written(own_store)) == []
    assert (await patient.luister("verify"))[0] == 0
