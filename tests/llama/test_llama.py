"""A real llama.cpp server, its weights random: what is tested is everything around the model."""

import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from assistant.app import Wiring, workers
from assistant.case import State
from assistant.config import Secrets
from assistant.draft.model import ModelDraft
from assistant.errors import ModelUnusable
from assistant.health import Metrics
from assistant.llms.limits import FAILURES, REST, Limits
from assistant.llms.openai import Endpoint, OpenAIModel
from assistant.mask import mask
from assistant.prompts import fence, load_prompts
from assistant.store import Store, open_store
from assistant.store.work import pending
from assistant.testing import FakePlatform
from assistant.triage import ModelTriage
from tests.ports import free_port
from tests.showing import Screen
from tests.test_triage import MONDAY, WATERSTAD, arrive

BUILT = Path(__file__).parent.parent.parent / ".llama"
CALLS = 15
"""Of each of the two kinds."""


class Llama:
    """One server on one port, started and killed at will."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        with (BUILT / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(BUILT / "build/bin/llama-server", "-m", BUILT / "tiny.gguf", "--alias", "tiny"),
                *("--host", "127.0.0.1", "--port", str(self.port)),
                *("-c", "65536", "-np", "2", "-t", "2"),
                stdout=log,
                stderr=log,
            )
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            while not await self._healthy(session):
                await asyncio.sleep(0.1)

    async def _healthy(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest.fixture
async def llama() -> AsyncIterator[Llama]:
    """A running server."""
    made = Llama()
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store of its own."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


@asynccontextmanager
async def speaking(llama: Llama, *, limits: Limits | None = None) -> AsyncIterator[OpenAIModel]:
    """Yield the product's own model layer, on this server."""
    model = OpenAIModel(
        Endpoint(llama.url, "tiny", ("127.0.0.1",)),
        api_key=SecretStr("none"),
        mask=partial(mask, own=WATERSTAD.own),
        limits=limits,
    )
    try:
        yield model
    finally:
        await model.aclose()


def values(name: str) -> dict[str, str]:
    """Return what a prompt is filled with."""
    answers = WATERSTAD.answers[:5]
    given = {
        "organisation": "Gemeente Waterstad",
        "departments": "afval, wegen",
        "labels": "question, complaint",
        "label": "question",
        "language": "nl",
        "form_of_address": "u",
        "limit": "400",
        "sources": "\n\n".join(f"[A{n}] {each.short}" for n, each in enumerate(answers, start=1)),
        "post": fence("Tot hoe laat is de milieustraat open?", "bcdfghjklm"),
        "mark": "bcdfghjklm",
    }
    return {each: given[each] for each in load_prompts()[name].inputs}


async def test_every_call_is_parsed(llama: Llama) -> None:
    seconds, tokens = [], 0
    async with speaking(llama) as model:
        for schema, name in ((ModelTriage, "triage"), (ModelDraft, "draft")):
            for _ in range(CALLS):
                said = await model.ask(
                    schema, prompt=load_prompts()[name], values=values(name), deadline=120
                )
                assert said.attempts == 1
                seconds.append(said.seconds)
                tokens += said.tokens_out
    print(
        f"\n{len(seconds)} of {2 * CALLS} calls parsed; {statistics.median(seconds):.2f} s in the "
        f"median, {max(seconds):.2f} s at most, {tokens} tokens out"
    )


async def test_killed_in_the_middle_the_card_comes_and_the_breaker_opens_and_closes(
    llama: Llama, store: Store
) -> None:
    time = [0.0]
    screen = Screen(store, organisation=WATERSTAD)
    screen.clock.now = MONDAY
    async with speaking(llama, limits=Limits(clock=lambda: time[0])) as model:
        wiring = Wiring(
            organisation=WATERSTAD,
            store_url="",
            state=Path(),
            secrets=Secrets(),
            clock=screen.clock,
        )
        steps = workers(wiring, store, {("replay", "@gemeentewaterstad"): FakePlatform()}, model,
                        Metrics())  # fmt: skip
        running = [asyncio.create_task(each.run()) for each in steps[:2]]
        case = await arrive(store, "Tot hoe laat is de milieustraat open?")
        # The call is under way, or just over: either way the card must come.
        await asyncio.sleep(0.3)
        await llama.kill()
        async with asyncio.timeout(30):
            while (await pending(store))["triage"] or (await pending(store))["draft"]:
                await asyncio.sleep(0.05)
        await screen.quiet()
        [card] = screen.chat.cards(case)
        assert card.card is not None
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        held = await screen.case(case)
        assert held.state is State.OPEN
        assert held.draft is None or held.draft.origin != "model"
        await _opens_and_closes(model, llama, time)


async def _opens_and_closes(model: OpenAIModel, llama: Llama, time: list[float]) -> None:
    """The server is dead: after FAILURES nobody asks it; after REST one call closes the breaker."""

    async def ask() -> object:
        prompt = load_prompts()["triage"]
        return await model.ask(ModelTriage, prompt=prompt, values=values("triage"), deadline=60)

    for _ in range(FAILURES):
        with pytest.raises(ModelUnusable):
            await ask()
    opened = model.state
    assert opened == "degraded"
    with pytest.raises(ModelUnusable, match="breaker"):
        await ask()
    await llama.start()
    time[0] += REST + 1
    await ask()
    assert model.state == "up"
