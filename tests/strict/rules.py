"""What the real Slack refuses in blocks, views and messages, and which scope a method needs.

Limits are those of docs.slack.dev/reference/block-kit and /reference/views (November 2026); the
13,200 characters are not documented but real: slackapi/bolt-js issue 2509.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_TEXT, MESSAGE_BLOCK_CHARACTERS = 40_000, 13_200
VIEW_BYTES = 250_000

_TEXT = frozenset({"plain_text", "mrkdwn"})
_PLAIN = frozenset({"plain_text"})
_CHOICES = "options option_groups placeholder confirm focus_on_load"

# type: (required fields, other fields, {field: longest}); `a|b` means one of them is required.
# A limit counts the characters of a string or text object, or the members of a list.
_SHAPES: dict[str, tuple[str, str, dict[str, int]]] = {
    "section": ("text|fields", "accessory expand", {"text": 3000, "fields": 10}),
    "header": ("text", "level", {"text": 150}),
    "divider": ("", "", {}),
    "context": ("elements", "", {"elements": 10}),
    "context_actions": ("elements", "", {"elements": 5}),
    "actions": ("elements", "", {"elements": 25}),
    "image": (
        "alt_text image_url|slack_file",
        "title",
        {"alt_text": 2000, "title": 2000, "image_url": 3000},
    ),
    "input": (
        "label element",
        "hint optional dispatch_action",
        {"label": 2000, "hint": 2000},
    ),
    "markdown": ("text", "", {"text": 12_000}),
    "rich_text": ("elements", "", {}),
    "table": ("rows", "column_settings", {"rows": 100}),
    "button": (
        "text action_id",
        "url value style confirm accessibility_label",
        {"text": 75, "value": 2000, "url": 3000, "accessibility_label": 75},
    ),
    "overflow": ("options action_id", "confirm", {"options": 5}),
    "checkboxes": (
        "options action_id",
        "initial_options confirm focus_on_load",
        {"options": 10},
    ),
    "radio_buttons": ("options action_id", "initial_option confirm focus_on_load", {"options": 10}),
    "static_select": (
        "options|option_groups action_id",
        f"initial_option {_CHOICES}",
        {"options": 100, "option_groups": 100, "placeholder": 150},
    ),
    "multi_static_select": (
        "options|option_groups action_id",
        f"initial_options max_selected_items {_CHOICES}",
        {"options": 100, "option_groups": 100, "placeholder": 150},
    ),
    "users_select": (
        "action_id",
        "initial_user placeholder confirm focus_on_load",
        {"placeholder": 150},
    ),
    "conversations_select": (
        "action_id",
        (
            "initial_conversation default_to_current_conversation response_url_enabled filter "
            "placeholder confirm focus_on_load"
        ),
        {"placeholder": 150},
    ),
    "channels_select": (
        "action_id",
        "initial_channel response_url_enabled placeholder confirm focus_on_load",
        {"placeholder": 150},
    ),
    "datepicker": (
        "action_id",
        "initial_date placeholder confirm focus_on_load",
        {"placeholder": 150},
    ),
    "timepicker": (
        "action_id",
        "initial_time placeholder confirm focus_on_load timezone",
        {"placeholder": 150},
    ),
    "datetimepicker": ("action_id", "initial_date_time confirm focus_on_load", {}),
    "plain_text_input": (
        "action_id",
        (
            "initial_value multiline min_length max_length dispatch_action_config focus_on_load "
            "placeholder"
        ),
        {"initial_value": 3000, "placeholder": 150},
    ),
    "url_text_input": ("action_id", "initial_value placeholder focus_on_load", {}),
    "email_text_input": ("action_id", "initial_value placeholder focus_on_load", {}),
    "number_input": (
        "action_id is_decimal_allowed",
        "initial_value min_value max_value placeholder focus_on_load",
        {},
    ),
    "option": ("text value", "description url", {"text": 75, "value": 150, "description": 75}),
    "option_group": ("label options", "", {"label": 75, "options": 100}),
    "confirm": (
        "title text confirm deny",
        "style",
        {"title": 100, "text": 300, "confirm": 30, "deny": 30},
    ),
    "view": (
        "title blocks",
        (
            "submit close private_metadata callback_id clear_on_close notify_on_close external_id "
            "submit_disabled"
        ),
        {
            "title": 24,
            "submit": 24,
            "close": 24,
            "private_metadata": 3000,
            "callback_id": 255,
            "external_id": 255,
        },
    ),
}
_BLOCKS = frozenset(
    {"section", "header", "divider", "context", "context_actions", "actions", "image", "input"}
    | {"markdown", "rich_text", "table"}
)
_MARKUP_ALLOWED = frozenset({("section", "text"), ("confirm", "text"), ("option", "text")})
_CHILDREN = {
    "accessory": "",
    "element": "",
    "elements": "",
    "confirm": "confirm",
    "options": "option",
    "option_groups": "option_group",
    "initial_option": "option",
    "initial_options": "option",
}


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        return len(str(value.get("text", "")))
    return len(value) if isinstance(value, (str, list)) else 0


def _text_problems(value: Mapping[str, Any], *, where: str, kinds: frozenset[str]) -> Iterator[str]:
    if value.get("type") not in kinds:
        yield f"{where}: text type {value.get('type')!r} not allowed here"
    if not value.get("text"):
        yield f"{where}: must be more than 0 characters"
    if value.get("type") == "mrkdwn" and "emoji" in value:
        yield f"{where}: mrkdwn has no `emoji`"


def _field_problems(node: Mapping[str, Any], *, kind: str, where: str) -> Iterator[str]:
    required, others, limits = _SHAPES[kind]
    known = {name for group in required.split() for name in group.split("|")} | set(others.split())
    for group in required.split():
        if not any(name in node for name in group.split("|")):
            yield f"{where}: {group} is missing"
    for name in node.keys() - known - {"type", "block_id", "action_id"}:
        yield f"{where}: unknown field {name}"
    for name, longest in {"block_id": 255, "action_id": 255, **limits}.items():
        if _size(node.get(name)) > longest:
            yield f"{where}.{name}: {_size(node.get(name))} is more than {longest}"
    for name, value in node.items():
        if isinstance(value, Mapping) and value.get("type") in _TEXT:
            kinds = _TEXT if (kind, name) in _MARKUP_ALLOWED else _PLAIN
            yield from _text_problems(value, where=f"{where}.{name}", kinds=kinds)


def _choice_problems(node: Mapping[str, Any], *, where: str) -> Iterator[str]:
    groups = node.get("option_groups", ())
    offered = [*node.get("options", ()), *(each for g in groups for each in g.get("options", ()))]
    chosen = [*node.get("initial_options", ())]
    chosen += [node["initial_option"]] if "initial_option" in node else []
    if any(each not in offered for each in chosen):
        yield f"{where}: the initial option is not one of the options"
    if "options" in node and not node["options"]:
        yield f"{where}.options: must not be empty"


def _list_of_texts(node: Mapping[str, Any], *, kind: str, where: str) -> Iterator[str]:
    for number, field in enumerate(node.get("fields", ()) if kind == "section" else ()):
        if _size(field) > 2000:
            yield f"{where}.fields[{number}]: {_size(field)} is more than 2000"
        yield from _text_problems(field, where=f"{where}.fields[{number}]", kinds=_TEXT)


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name, kind in _CHILDREN.items():
        value = node.get(name)
        for child in value if isinstance(value, list) else [value] if value else []:
            if isinstance(child, Mapping):
                yield name, kind, child


def _node_problems(node: Mapping[str, Any], *, kind: str, where: str) -> Iterator[str]:
    if kind not in _SHAPES:
        yield f"{where}: unknown type {kind!r}"
        return
    yield from _field_problems(node, kind=kind, where=where)
    yield from _choice_problems(node, where=where)
    yield from _list_of_texts(node, kind=kind, where=where)
    value, longest = node.get("initial_value"), node.get("max_length")
    if value and longest and len(value) > longest:
        yield f"{where}.initial_value: {len(value)} is more than max_length {longest}"
    if kind == "rich_text":
        return
    for name, child_kind, child in _children(node):
        if kind == "confirm" and name == "confirm":
            continue  # here it is the text on the button, not a dialog
        if kind == "context" and child.get("type") in _TEXT:
            yield from _text_problems(child, where=f"{where}.{name}", kinds=_TEXT)
            continue
        yield from _node_problems(
            child, kind=child_kind or str(child.get("type")), where=f"{where}.{name}"
        )


def _repeated(names: Sequence[str | None]) -> list[str]:
    return [name for name, count in Counter(filter(None, names)).items() if count > 1]


def block_problems(blocks: Sequence[Mapping[str, Any]], *, most: int) -> list[str]:
    """Everything Slack's `invalid_blocks` would name in `blocks`, of which `most` are allowed.

    No text of a block is quoted, only places and sizes.
    """
    found = [f"{len(blocks)} blocks, more than {most}"] if len(blocks) > most else []
    twice = _repeated([block.get("block_id") for block in blocks])
    found += [f"block_id {name} is used twice" for name in twice]
    for number, block in enumerate(blocks):
        where, kind = f"blocks[{number}]", str(block.get("type"))
        if kind not in _BLOCKS:
            found.append(f"{where}: unknown block type {kind!r}")
            continue
        found += _node_problems(block, kind=kind, where=where)
        inside = [e.get("action_id") for e in block.get("elements", ()) if isinstance(e, Mapping)]
        found += [f"{where}: action_id {name} is used twice" for name in _repeated(inside)]
    return found


def view_problems(view: Mapping[str, Any]) -> list[str]:
    """Everything Slack would refuse in a modal or Home view."""
    blocks, home = view.get("blocks") or [], view.get("type") == "home"
    found = block_problems(blocks, most=VIEW_BLOCKS)
    shape = dict(view) | ({"title": {"type": "plain_text", "text": "-"}} if home else {})
    found += _field_problems(shape, kind="view", where="view")
    if any(block.get("type") == "input" for block in blocks) and not (home or view.get("submit")):
        found.append("view: input blocks need a submit")
    if (size := len(repr(view))) > VIEW_BYTES:
        found.append(f"view: {size} bytes are more than {VIEW_BYTES}")
    return found


def block_characters(value: Any) -> int:
    """Characters of all texts in `value`, as `msg_blocks_too_long` counts them."""
    if isinstance(value, Mapping):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(block_characters(v) for v in value.values() if not isinstance(v, str))
    return sum(map(block_characters, value)) if isinstance(value, list) else 0


# method: scopes of which one is needed; "" means none. `{kind}` is channels, groups or im,
# after the conversation asked about. Each method's page on docs.slack.dev says this.
SCOPES: dict[str, str] = {
    "api.test": "",
    "auth.test": "",
    "apps.connections.open": "",
    "bots.info": "users:read",
    "chat.delete": "chat:write",
    "chat.getPermalink": "",
    "chat.meMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "{kind}:history",
    "conversations.info": "{kind}:read",
    "conversations.join": "channels:join",
    "conversations.list": "channels:read groups:read im:read",
    "conversations.members": "{kind}:read",
    "conversations.open": "im:write",
    "conversations.replies": "{kind}:history",
    "emoji.list": "emoji:read",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "reactions.add": "reactions:write",
    "reactions.remove": "reactions:write",
    "team.info": "team:read",
    "users.conversations": "channels:read groups:read im:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "users.lookupByEmail": "users:read.email",
    "views.open": "",
    "views.publish": "",
    "views.push": "",
    "views.update": "",
}
