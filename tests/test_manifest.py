"""The Slack app's manifest asks for exactly what the code uses, in a form Slack takes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from assistant.chats.slack.api import METHODS
from assistant.chats.slack.listeners import Listeners
from assistant.manifest import as_yaml, manifest
from tests.strict.rules import SCOPES

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT.parent / "shared/data/slack-manifest.schema.json"
SOURCES = "".join(each.read_text("utf-8") for each in (ROOT / "assistant/chats/slack").glob("*.py"))


class RecordingApp:
    """Notes which kinds of listeners are registered."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()

    def __getattr__(self, kind: str) -> Callable[..., Callable[[Any], None]]:
        self.kinds.add(kind)
        return lambda *constraints: lambda listener: None


@pytest.mark.parametrize("url", [None, "https://luister.waterstad.example"])
def test_manifest_is_one_slack_takes(url: str | None) -> None:
    if not SCHEMA.exists():
        pytest.skip("the shared data with Slack's manifest schema is not beside this repository")
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.validate(manifest(url), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**manifest(url), "unknown": 1}, schema)


def test_file_is_the_manifest_for_socket_mode() -> None:
    assert (ROOT / "manifest.yml").read_text("utf-8") == as_yaml(manifest())


def test_scopes_are_those_of_the_methods_called() -> None:
    families = "|".join({method.split(".")[0] for method in SCOPES})
    called = set(re.findall(rf'"((?:{families})\.[A-Za-z.]+)"', SOURCES))
    assert called == set(METHODS), "every method stands in METHODS"
    for method in METHODS:
        assert SOURCES.count(f'"{method}"') > 1, f"{method} is never called"
    scopes = manifest()["oauth_config"]["scopes"]["bot"]
    assert scopes == ["channels:history", "chat:write", "groups:history", "users:read"]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_the_scopes_slack_asks(method: str) -> None:
    scope = SCOPES[method]
    kinds = [scope.format(kind=kind) for kind in ("channels", "groups")]
    assert set(METHODS[method].scopes) == set(filter(None, kinds))


def test_events_and_commands_are_those_listened_to() -> None:
    app = RecordingApp()
    Listeners.register(_listeners(), app)  # type: ignore[arg-type]
    assert app.kinds == {"action", "view"}
    made = manifest()
    assert "event_subscriptions" not in made["settings"]
    assert set(made["features"]) == {"app_home", "bot_user"}
    assert set(made["features"]["app_home"].values()) == {False}, "no tab that says nothing"
    assert made["settings"]["interactivity"]["is_enabled"] is True


def _listeners() -> Listeners:
    nothing: Any = None
    return Listeners(desk=nothing, api=nothing, words=nothing, team="T1")


def test_http_names_where_slack_sends() -> None:
    for url in ("https://x.example", "https://x.example/"):
        settings = manifest(url)["settings"]
        assert settings["socket_mode_enabled"] is False
        assert settings["interactivity"]["request_url"] == "https://x.example/slack/events"
    assert manifest()["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in manifest()["settings"]["interactivity"]


def test_yaml_of_each_kind_of_value() -> None:
    value = {"a": {"b": "true", "c": ['x"y', "é"]}, "d": False}
    assert as_yaml(value) == 'a:\n  b: "true"\n  c:\n    - "x\\"y"\n    - "é"\nd: false\n'
