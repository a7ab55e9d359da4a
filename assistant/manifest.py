"""The Slack app's manifest: what the workspace is asked to grant, and nothing more."""

import json
from typing import Any

from assistant.chats.slack import PATH
from assistant.chats.slack.api import METHODS


def manifest(url: str | None = None) -> dict[str, Any]:
    """Return the manifest for Socket Mode, or for signed HTTP at the public address `url`."""
    interactivity: dict[str, Any] = {"is_enabled": True}
    if url is not None:
        interactivity["request_url"] = url.rstrip("/") + PATH
    return {
        "display_information": {
            "name": "Luister",
            "description": "Citizens' posts in the team's channels, and one provable reply.",
            "background_color": "#154273",
        },
        "features": {
            # Work is done on cards in channels; an empty tab, or a box to type in that nobody
            # reads, would promise more.
            "app_home": {"home_tab_enabled": False, "messages_tab_enabled": False},
            "bot_user": {"display_name": "Luister", "always_online": True},
        },
        "oauth_config": {
            "scopes": {"bot": sorted({each for m in METHODS.values() for each in m.scopes})}
        },
        "settings": {
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def as_yaml(value: Any, *, indent: str = "") -> str:
    """Return a manifest as YAML; it knows mappings, lists of texts, texts and booleans."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            lines.append(f"{indent}{key}:\n{as_yaml(inner, indent=indent + '  ')}")
        elif isinstance(inner, list):
            items = "".join(f"{indent}  - {_scalar(each)}\n" for each in inner)
            lines.append(f"{indent}{key}:\n{items}")
        else:
            lines.append(f"{indent}{key}: {_scalar(inner)}\n")
    return "".join(lines)


def _scalar(value: str | bool) -> str:
    return json.dumps(value, ensure_ascii=False)  # YAML includes JSON
