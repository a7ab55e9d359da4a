"""The whole product between a real Bluesky network and a local Slack, with its times."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import aiohttp
import pytest

from tests.e2e.town import Town, town
from tests.platforms.bluesky_faults import Between
from tests.platforms.world_bluesky import POST, Person, joined, mentioning
from tests.slack_ui import find_element

SERVER = os.environ["LUISTER_BLUESKY"]
REPLAY = 'platform = "replay"\nhandle = "@gemeentewaterstad"'
EDIT = "luister:editor:edit"
ANNA = "U01ANNA"
FOLLOWED = 200.0
"""Seconds within which an open case's post is looked at again: two minutes, and a round."""

T = TypeVar("T")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long it took."""
    began = perf_counter()
    yield
    print(f"{what}: {perf_counter() - began:.1f} s")


async def timely(what: str, wanted: Awaitable[T]) -> T:
    """Return what was waited for, and print for how long."""
    with timed(what):
        return await wanted


class People:
    """The town's account, and citizens with clients of their own."""

    def __init__(self, http: aiohttp.ClientSession, town: Person, password: str) -> None:
        self._http = http
        self.town = town
        self.password = password

    async def citizen(self, name: str) -> Person:
        """Return a new citizen."""
        return await joined(self._http, SERVER, name)

    async def ask(self, who: Person, text: str) -> dict[str, str]:
        """Let a citizen mention the town."""
        return await who.put(POST, mentioning(self.town, text) | {"langs": ["nl"]})


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """Everybody on the network."""
    async with aiohttp.ClientSession() as http:
        town = await joined(http, SERVER, "waterstad")
        made = await town.tell("com.atproto.server.createAppPassword", {"name": "luister"})
        yield People(http, town, made["password"])


@asynccontextmanager
async def running(
    people: People, folder: Path, *, store_url: str, server: str = SERVER
) -> AsyncIterator[Town]:
    """Run Luister for the town's account on `server`."""
    stream = f"{SERVER.replace('http', 'ws', 1)}/xrpc/com.atproto.sync.subscribeRepos"
    account = f'platform = "bluesky"\nhandle = "@{people.town.handle}"\nservice = "{server}"'
    account += f'\nevery = 5\nstream = "{stream}"'
    async with town(
        folder,
        store_url=store_url,
        change=lambda text: text.replace(REPLAY, account),
        environ={"BLUESKY_APP_PASSWORD": people.password},
    ) as made:
        await made.start()
        try:
            yield made
        except BaseException:
            print(made.log.read_text("utf-8")[-3000:])
            for each in await made.cases():
                print((await made.luister("show", each["case"]))[1])
            raise


async def send(town: Town, card: Mapping[str, Any], text: str) -> None:
    """Open the editor on a card, put in this text, and send."""
    editor, _ = await town.window(dict(card), EDIT, user=ANNA)
    typed = {"text": {"text": {"type": "plain_text_input", "value": text}}}
    answer = await town.slack.submit(ANNA, view_id=editor, values=typed)
    assert answer == {"response_action": "clear"}, answer


async def answered(who: Person, uri: str, *, seconds: float = 120) -> list[dict[str, Any]]:
    """Wait until the citizen's own client shows answers under the post; return them."""
    async with asyncio.timeout(seconds):
        while True:
            told = await who.ask("app.bsky.feed.getPostThread", uri=uri, depth=1)
            if replies := told["thread"].get("replies"):
                return [each["post"] for each in replies]
            await asyncio.sleep(0.05)


async def test_a_mention_is_answered_in_its_thread(
    people: People, tmp_path: Path, store_url: str
) -> None:
    sanne = await people.citizen("sanne")
    async with running(people, tmp_path, store_url=store_url) as town:
        words = "hoe maak ik een afspraak om grofvuil te laten ophalen?"
        asked = await people.ask(sanne, words)
        card = await timely("mention to card", town.card("C0AFVAL", "grofvuil te laten"))
        text = f"@{sanne.handle} Dat kan, één keer per maand. #grofvuil ^AB"
        await send(town, card, text)
        [reply] = await timely(
            "Send to the citizen's own client (6 s of it to undo)", answered(sanne, asked["uri"])
        )
        record = reply["record"]
        assert reply["author"]["did"] == people.town.did
        assert record["text"] == text
        assert record["reply"] == {"root": asked, "parent": asked}
        assert record["langs"] == ["nl"]
        kinds = [each["features"][0]["$type"].split("#")[1] for each in record["facets"]]
        assert kinds == ["mention", "tag"]
        await town.thread_says(card, "Verstuurd")

        # What she answers joins her case.
        back = {"root": asked, "parent": {"uri": reply["uri"], "cid": reply["cid"]}}
        await sanne.put(
            POST, {"text": "En wat kost grofvuil laten ophalen?", "langs": ["nl"], "reply": back}
        )
        follow = town.hears("C0AFVAL", "En wat kost grofvuil laten ophalen?")
        await timely("follow-up to card", follow)
        assert len(await town.cases()) == 1
        code, told = await town.luister("verify")
        assert (code, "all holds" in told) == (0, True), told


async def test_what_citizens_take_back_or_close_is_told(
    people: People, tmp_path: Path, store_url: str
) -> None:
    """Each on a card of its own; without anybody asking, an open case's post is looked at again."""
    async with running(people, tmp_path, store_url=store_url) as town:
        names = ("wisser", "poort", "blok")
        who = {name: await people.citizen(name) for name in names}
        asked = {
            name: await people.ask(who[name], f"wanneer wordt de kliko van {name} geleegd?")
            for name in names
        }
        cards = {name: await town.card("C0AFVAL", f"de kliko van {name}") for name in names}
        key = {name: made["uri"].rsplit("/", 1)[-1] for name, made in asked.items()}
        place = {"repo": who["wisser"].did, "collection": POST, "rkey": key["wisser"]}
        await who["wisser"].tell("com.atproto.repo.deleteRecord", place)
        gate = {"post": asked["poort"]["uri"], "allow": []}
        await who["poort"].put("app.bsky.feed.threadgate", gate, key=key["poort"])
        await who["blok"].put("app.bsky.graph.block", {"subject": people.town.did})
        told = {
            "wisser": "verwijderd",
            "poort": "onder dit bericht mogen wij niet antwoorden",
            "blok": "de inwoner heeft ons account geblokkeerd",
        }
        await asyncio.gather(
            *(
                timely(
                    f"{words} told in the thread",
                    town.thread_says(cards[name], words, seconds=FOLLOWED),
                )
                for name, words in told.items()
            )
        )
        withdrawn = await town.card("C0AFVAL", "Antwoorden kan niet meer")
        assert withdrawn["ts"] == cards["wisser"]["ts"]
        assert find_element(withdrawn["blocks"], EDIT) is None


async def test_killed_between_acceptance_and_record_one_reply_stands(
    people: People, tmp_path: Path, store_url: str
) -> None:
    """The server has the reply and the process dies before it knows."""
    piet = await people.citizen("piet")
    runs: list[asyncio.subprocess.Process] = []

    async def die(method: str, sent: Any, told: Any) -> None:
        if method == "com.atproto.repo.putRecord" and runs:
            runs.pop().kill()

    async with (
        Between(SERVER, after=die).served() as server,
        running(people, tmp_path, store_url=store_url, server=server) as town,
    ):
        asked = await people.ask(piet, "wanneer wordt de kliko geleegd?")
        card = await town.card("C0AFVAL", "wanneer wordt de kliko")
        runs.append(town.runs[-1])
        await send(town, card, "Morgenochtend. ^AB")
        await answered(piet, asked["uri"])
        assert await town.runs[-1].wait() != 0
        with timed("kill -9 to `sent`, the lease's 30 s included"):
            await town.start()
            await town.thread_says(card, "Het antwoord bleek er te staan", seconds=200)
        [reply] = await answered(piet, asked["uri"])
        assert reply["record"]["text"] == "Morgenochtend. ^AB"
        held = await people.town.ask(
            "com.atproto.repo.listRecords", repo=people.town.did, collection=POST
        )
        assert len(held["records"]) == 1
