"""A model that answers nonsense or nothing: the card stands all the same, with an approved text."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from assistant.llms import Reason
from tests import model_server as serve
from tests.e2e.town import Town, town
from tests.model_server import Behaviour, ModelServer
from tests.slack_ui import Json, texts_of

STANDS = 10.0
"""Seconds in which the card stands with the model silent (design: Brain); here beyond what it
takes with a model that fails at once, so that a loaded machine fails nobody."""

# In this order four failures of the endpoint come together, never five: those open the breaker,
# and the next behaviour would not be met.
USELESS: dict[str, tuple[Behaviour, Reason]] = {
    "an HTML page": (serve.text("<html><body>502</body></html>"), Reason.MALFORMED),
    "half JSON": (
        serve.text('{"choices": [{"message": {"cont', content_type="application/json"),
        Reason.MALFORMED,
    ),
    "a refusal": (serve.says(None, refusal="I cannot help with that."), Reason.REFUSAL),
    "an empty list": (serve.body({"choices": []}), Reason.EMPTY),
    "25 s of silence": (serve.silence(), Reason.DEADLINE),
}


SURE = {
    "label": "question",
    "department": "afval",
    "language": "nl",
    "advice": "answer",
    "confidence": "high",
    "reason": "Een vraag over ons werk.",
}
"""What a model says that leaves the first post where the rules put it."""


@pytest.mark.timeout(240)
async def test_a_useless_model_costs_nobody_a_card(tmp_path: Path, store_url: str) -> None:
    async with ModelServer(serve.ok(SURE)) as server:
        environ = {"LUISTER_MODEL": "loopback-1", "LUISTER_MODEL_URL": server.url}
        async with town(tmp_path, store_url=store_url, environ=environ) as made:
            await made.start()
            # The first post of all finds a cold program; it is not what is measured here.
            await made.arrive({"id": "w", "author": "w", "text": "waar is de milieustraat?"})
            await made.card("C0AFVAL", "waar is de milieustraat?", seconds=120)
            took: list[float] = []
            for number, (behaviour, reason) in enumerate(USELESS.values()):
                server.script(behaviour)
                before = await _calls(made, reason)
                words = f"hoe laat ik grofvuil ophalen, vraag {number}?"
                await made.arrive({"id": f"g{number}", "author": f"u{number}", "text": words})
                arrived = time.monotonic()
                await made.card("C0AFVAL", words, seconds=60)
                took.append(time.monotonic() - arrived)
                await made.people.until("C0AFVAL", _with_answer(words), seconds=60)
                assert len(server.requests) > number  # it was asked
                assert await _calls(made, reason) == before + 2, reason  # triage and draft
            assert max(took) < min(took) + STANDS
            log = made.log.read_text("utf-8")
            assert ("Traceback" in log, "vraag 0" in log, "I cannot" in log) == (False,) * 3


def _with_answer(words: str) -> Callable[[list[Json]], Json | None]:
    """Find the card with these words, once an approved answer stands on it."""

    def wanted(messages: list[Json]) -> Json | None:
        for each in messages:
            told = "\n".join(texts_of(each))
            if not each.get("thread_ts") and words in told and "Goedgekeurd antwoord" in told:
                return each
        return None

    return wanted


async def _calls(made: Town, reason: Reason) -> float:
    """How many model calls ended so, as /metrics tells it."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{made.port}/metrics") as answer,
    ):
        text = await answer.text()
    label = f'outcome="{reason.value}"'
    rows = re.findall(r"^luister_model_calls_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    return sum(float(value) for labels, value in rows if label in labels)
