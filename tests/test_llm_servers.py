"""Each model server of docs/configuring.md, against a stand-in that has its manners.

These are from the servers' own documentation, and for vLLM and llama.cpp from runs.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from pydantic import SecretStr

from assistant.config.tables import Model
from assistant.llms import LLM
from assistant.llms.openai import Endpoint, OpenAIModel
from assistant.prompts import load_prompts
from assistant.triage import ModelTriage
from tests import model_server
from tests.model_server import ModelServer, Received

DOCS = Path(__file__).parent.parent / "docs" / "configuring.md"
DOCUMENTED = {
    name: Model.model_validate(tomllib.loads(block)["model"])
    for name, block in re.findall(
        r"```toml\n# ([^\n]+)\n(\[model\]\n.+?)```", DOCS.read_text(), re.DOTALL
    )
}
Refuses = Callable[[dict[str, Any]], str | None]
"""What a server says against a request, None when it takes it."""


def vendor(body: dict[str, Any]) -> str | None:
    """Refuse what OpenAI and Azure refuse of a model that reasons."""
    schema = body["response_format"]["json_schema"]
    if "max_tokens" in body or "temperature" in body:
        return "Unsupported parameter"
    if not schema["strict"] or "'default'" in str(schema):
        return "Invalid schema for response_format"
    return None if body["store"] is False else "a post would be kept"


def plain(body: dict[str, Any]) -> str | None:
    """Refuse what the others do not know, and what Ollama lets pass and then ignores."""
    known = {"model", "messages", "response_format", "max_tokens"}
    return None if set(body) == known else f"unknown: {sorted(set(body) - known)}"


SERVERS: dict[str, tuple[Refuses, str]] = {
    "OpenAI": (vendor, "https://api.openai.com/v1/chat/completions"),
    "Azure": (vendor, "https://our-resource.openai.azure.com/openai/v1/chat/completions"),
    "vLLM": (plain, "http://127.0.0.1:8000/v1/chat/completions"),
    "llama.cpp": (plain, "http://127.0.0.1:8080/v1/chat/completions"),
    "Ollama": (plain, "http://127.0.0.1:11434/v1/chat/completions"),
}


def strict(refuses: Refuses) -> model_server.Behaviour:
    """Answer as the schema asks, or refuse with 400."""
    fine = model_server.ok()

    async def answer(
        server: ModelServer, request: web.Request, received: Received
    ) -> web.StreamResponse:
        if (why := refuses(received.json)) is not None:
            return web.json_response({"error": {"message": why}}, status=400)
        return await fine(server, request, received)

    return answer


def test_every_server_is_documented() -> None:
    assert DOCUMENTED.keys() == SERVERS.keys()


@pytest.mark.parametrize("name", SERVERS)
async def test_the_documented_configuration_is_asked_as_that_server_wants(name: str) -> None:
    chosen, (refuses, address) = DOCUMENTED[name], SERVERS[name]
    model = OpenAIModel(
        Endpoint(chosen.base_url, chosen.name, chosen.allowed_hosts, chosen.reasoning_effort),
        api_key=SecretStr("sk-1"),
        mask=str,
    )
    prompt = load_prompts()["triage"]
    async with ModelServer(strict(refuses)) as server:
        base = str(model._client.base_url)
        assert base + "chat/completions" == address
        model._client.base_url = f"{server.root}{urlsplit(base).path}"
        llm: LLM = model
        told = await llm.ask(
            ModelTriage, prompt=prompt, values=dict.fromkeys(prompt.inputs, "x"), deadline=20
        )
        [request] = server.requests
    await model.aclose()
    assert told.attempts == 1
    assert request.json["model"] == chosen.name
    assert request.json.get("reasoning_effort") == chosen.reasoning_effort
    assert request.headers["Authorization"] == "Bearer sk-1"
