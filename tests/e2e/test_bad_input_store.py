"""The store away or frozen while people work: told, nothing twice, and everything comes back."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from assistant.store.link import client, translated
from tests.e2e.town import Town, town
from tests.redis_server import RedisServer
from tests.slack_ui import Json, texts_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

AWAY = 60.0 if os.environ.get("LUISTER_LONG") else 6.0
STALL = 7.0
ANNA, BOB = "U01ANNA", "U02BOB"
EDIT, CLAIM = "luister:editor:edit", "luister:act:claim"
AGAIN = "Niet bevestigd"
LATE = "wat kost een parkeervergunning in straat {}?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, own_store: RedisServer
) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("store"), store_url=own_store.url) as made:
        await made.start()
        yield made


def _post(name: str, words: str, *, second: int = 0) -> Json:
    at = f"2026-03-02T10:00:{second:02d}Z"
    more = {"author": f"u-{name}", "handle": f"@{name}", "created_at": at}
    return {"id": name, "text": f"@gemeentewaterstad {words}", **more}


def _typed(text: str) -> dict[str, Any]:
    return {"text": {"text": {"type": "plain_text_input", "value": text}}}


def _case_of(card: Json) -> str:
    return str(card["blocks"][0]["block_id"].split(":")[1])


async def _cards(running: Town, words: str) -> list[Json]:
    channels = [each.channel for each in running.organisation.departments]
    messages = [each for name in channels for each in await running.people.messages(name)]
    cards = [each for each in messages if not each.get("thread_ts")]
    return [each for each in cards if words in "\n".join(texts_of(each))]


async def _sent_once(running: Town, card: Json, name: str, text: str) -> None:
    """One reply on the platform, and one of every step in the case's story."""
    await running.thread_says(card, "Verstuurd", seconds=60)
    mine = [each["text"] for each in running.replies() if each["in_reply_to"] == name]
    assert mine == [text]
    _, story = await running.luister("show", _case_of(card))
    for line in ("Bericht van de inwoner", "drukte op Verstuur", "Verzenden begonnen"):
        assert story.count(line) == 1, story
    code, told = await running.luister("verify")
    assert (code, "all holds" in told) == (0, True), told


async def test_the_store_away_while_people_press_send(
    running: Town, own_store: RedisServer
) -> None:
    words = "hoe laat ik grofvuil ophalen bij de molen?"
    await running.arrive(_post("away", words))
    card = await running.card("C0AFVAL", words, seconds=40)
    await running.thread_says(card, "Voorstel", seconds=40)
    editor, _ = await running.window(card, EDIT, user=ANNA)
    # Somebody's file is being read all the while, a post every half second.
    late = [_post(f"late{at}", LATE.format(at), second=at) for at in range(6)]
    path = running.config / "late.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in late))
    reading = asyncio.create_task(running.luister("replay", str(path), "--speed", "2"))
    await running.card("C0PARKEREN", LATE.format(1), seconds=60)

    own_store.kill()
    text = "@away Dat zoeken we uit. ^AB"
    for _ in range(2):
        answer = await running.slack.submit(ANNA, view_id=editor, values=_typed(text))
        assert answer["response_action"] == "errors"
        assert AGAIN in answer["errors"]["text"]
    assert editor in running.slack.open_views()
    await running.people.click(card, CLAIM, user=BOB)
    await running.hears("C0AFVAL", AGAIN)
    code, out = await running.luister("cases")
    assert (code, "LUISTER_REDIS_URL" in out, "Traceback" in out) == (1, True, False)
    await asyncio.sleep(AWAY)  # how long it is away is what this test is about
    own_store.start()

    answer = await _pressed_until_taken(running, editor, text)
    assert answer == {"response_action": "clear"}
    await _sent_once(running, card, "away", text)
    code, out = await reading
    assert code == 0, out
    for row in late:
        words = row["text"].partition(" ")[2]
        await running.card("C0PARKEREN", words, seconds=60)
        assert len(await _cards(running, words)) == 1
    assert "Traceback" not in running.log.read_text("utf-8")


async def _pressed_until_taken(running: Town, editor: str, text: str) -> Any:
    """Press Send as a person does: again while it says that it is not confirmed."""
    async with asyncio.timeout(60):
        while True:
            answer = await running.slack.submit(ANNA, view_id=editor, values=_typed(text))
            if not (answer or {}).get("errors"):
                return answer
            assert AGAIN in answer["errors"]["text"]
            await asyncio.sleep(0.3)


async def test_a_store_that_stalls_doubles_nothing(running: Town, own_store: RedisServer) -> None:
    words = "wanneer wordt de kliko geleegd?"
    await running.arrive(_post("stall", words))
    card = await running.card("C0AFVAL", words, seconds=40)
    await running.thread_says(card, "Voorstel", seconds=40)
    editor, _ = await running.window(card, EDIT, user=ANNA)
    fresh = "waar lever ik mijn kerstboom in?"
    await running.arrive(_post("fresh", fresh))  # its card is on the way

    own_store.pause()
    thaw = asyncio.create_task(_resumed(own_store))
    text = "@stall Dat zoeken we uit. ^AB"
    answer = await running.slack.submit(ANNA, view_id=editor, values=_typed(text))
    assert answer["response_action"] == "errors"
    assert AGAIN in answer["errors"]["text"]
    await thaw

    # The first press may have been recorded when the store went on: the second is the same press.
    answer = await _pressed_until_taken(running, editor, text)
    assert answer == {"response_action": "clear"}
    await _sent_once(running, card, "stall", text)
    other = await running.card("C0AFVAL", fresh, seconds=60)
    await running.thread_says(other, "Bericht van de inwoner", seconds=60)
    for each in (words, fresh):
        assert len(await _cards(running, each)) == 1


async def _resumed(store: RedisServer) -> None:
    await asyncio.sleep(STALL)
    store.resume()


async def test_a_command_that_is_told_to_stop_stops(own_store: RedisServer) -> None:
    """Else a run whose token is wrong, or that gets SIGTERM, would sometimes never end."""
    own_store.start()
    for ticks in range(40):
        redis = client(own_store.url)
        task = asyncio.create_task(_asked(redis))
        for _ in range(ticks):
            await asyncio.sleep(0)
        if task.done():
            await redis.aclose()
            return
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled(), f"a cancellation after {ticks} ticks was lost"
        await redis.aclose()


async def _asked(redis: Any) -> None:
    async with translated():
        await redis.get("x")
