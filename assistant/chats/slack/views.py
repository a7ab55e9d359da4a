"""The editor and the forms as modals, and what a person typed in them; pure.

Limits: docs.slack.dev/reference/views (title, submit and close 24 characters, private_metadata
3,000) and docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element (3,000).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import emoji

from assistant.card import ActionId, Choice, Editor, Form, Reader
from assistant.case import Frozen
from assistant.chats.slack.blocks import Block, context, plain, section
from assistant.words import Words

View = dict[str, Any]

EDITOR, FORM = "luister:editor", "luister:form"
TEXT, REASON, CHOICE, SECOND, NOTE = "text", "reason", "choice", "second", "note"
READER = "reader"

_TITLE, _LABEL, _CHOICE, _HINT = 24, 500, 75, 500
_POST, _ASK = 2500, 500
_VALUE = 3000
_OPTIONS, _MOST = 100, 1000
"""Options of a list or of a group, and of all groups together: a view takes 250 kB.

docs.slack.dev/reference/block-kit/block-elements/select-menu-element
"""


class Typed(Frozen):
    """The editor as it was sent in; `nonce` is the same for every try of one editor.

    `asked` says whether a reason was asked for. `text` and `reason` are never None, but may be
    empty.
    """

    case: str
    revision: int
    draft: str | None
    nonce: str
    channel: str
    text: str
    reason: str
    asked: bool
    corrects: str | None = None
    reader: Reader | None = None


class Filled(Frozen):
    """A form as it was sent in; None where it has no such field or nothing was filled in."""

    case: str
    version: int
    action: ActionId
    channel: str
    choice: str | None
    second: str | None
    text: str | None
    text_required: bool


def loading_view(words: Words) -> View:
    """Return the modal that opens at once, for Slack's trigger lives three seconds."""
    return told_view(words.say("editor.loading_title"), words.say("editor.loading"), words)


def told_view(title: str, text: str, words: Words) -> View:
    """Return a modal that only says something."""
    return _modal(title, [section(plain(text))], words)


def editor_view(editor: Editor, *, nonce: str, channel: str, words: Words) -> View:
    """Return the editor: the post, what it asks, and the whole text to change."""
    blocks = [
        context({"type": "mrkdwn", "text": f"*{words.say('editor.post')}*"}),
        section(plain(editor.post, _POST)),
        {"type": "divider"},
        *(context(plain(each, _ASK)) for each in editor.hints[:10]),
    ]
    if editor.readers:
        label = editor.readers_label or editor.title
        blocks.append(_input(READER, label, _select(editor.readers, editor.reader, words)))
    blocks.append(_text_input(editor, words))
    if editor.asks:
        blocks += [section(plain(f"⚠️ {each}", _ASK)) for each in editor.asks[:10]]
        label = editor.reason_label or words.say("editor.reason")
        blocks.append(_input(REASON, label, _plain_text(multiline=False)))
    about = {
        "case": editor.case,
        "revision": editor.revision,
        "draft": editor.draft,
        "corrects": editor.corrects,
        "nonce": nonce,
        "channel": channel,
    }
    return _modal(editor.title, blocks, words) | {
        "callback_id": EDITOR,
        "submit": plain(editor.submit, _TITLE),
        "private_metadata": json.dumps(about),
    }


def form_view(form: Form, *, channel: str, words: Words) -> View:
    """Return the question that comes before an act."""
    blocks: list[Block] = []
    if form.choices:
        label = form.choice_label or form.title
        blocks.append(_input(CHOICE, label, _select(form.choices, form.chosen, words)))
    if form.second_choices:
        select = _select(form.second_choices, form.second_chosen, words)
        blocks.append(_input(SECOND, form.second_label or form.title, select))
    if form.text_label is not None:
        typing = _plain_text(multiline=True)
        blocks.append(_input(NOTE, form.text_label, typing, optional=not form.text_required))
    about = {
        "case": form.case,
        "version": form.version,
        "action": form.action,
        "channel": channel,
        "text_required": form.text_required,
    }
    return _modal(form.title, blocks, words) | {
        "callback_id": FORM,
        "submit": plain(form.submit, _TITLE),
        "private_metadata": json.dumps(about),
    }


def read_editor(view: Mapping[str, Any]) -> Typed:
    """Return what was typed in the editor, as it would go out."""
    about = json.loads(view["private_metadata"])
    return Typed(
        **about,
        text=outgoing(_typed(view, TEXT)),
        reason=_typed(view, REASON).strip(),
        reader=_chosen(view, READER),
        asked=any(block.get("block_id") == REASON for block in view["blocks"]),
    )


def read_form(view: Mapping[str, Any]) -> Filled:
    """Return what was chosen and typed in a form."""
    about = json.loads(view["private_metadata"])
    choice, second = _chosen(view, CHOICE), _chosen(view, SECOND)
    text = emojized(_typed(view, NOTE)).strip()
    return Filled(**about, choice=choice, second=second, text=text or None)


def _chosen(view: Mapping[str, Any], name: str) -> Any:
    """What stands chosen in an input; null means it was left as this very view showed it."""
    chosen = _state(view, name).get("selected_option") or _shown(view, name, "initial_option")
    return chosen["value"] if chosen else None


def _shown(view: Mapping[str, Any], name: str, initial: str) -> Any:
    elements = (
        block.get("element", {}).get(initial)
        for block in view["blocks"]
        if block.get("block_id") == name
    )
    return next(elements, None)


def _modal(title: str, blocks: list[Block], words: Words) -> View:
    return {
        "type": "modal",
        "title": plain(title, _TITLE),
        "close": plain(words.say("editor.close"), _TITLE),
        "blocks": blocks,
    }


def _text_input(editor: Editor, words: Words) -> Block:
    hint = words.say("editor.limit", limit=editor.limit)
    element = _plain_text(multiline=True)
    if editor.text:
        element["initial_value"] = editor.text[:_VALUE]
    return _input(TEXT, editor.text_label, element) | {
        "hint": plain(f"{hint} {editor.hint}".strip(), _HINT)
    }


def _plain_text(*, multiline: bool) -> Block:
    return {"type": "plain_text_input", "multiline": multiline, "max_length": _VALUE}


def _input(name: str, label: str, element: Block, *, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, _LABEL),
        "element": element | {"action_id": name},
        "optional": optional,
    }


def _select(choices: tuple[Choice, ...], chosen: str | None, words: Words) -> Block:
    # No initial option by itself: a choice that matters is made, not left standing.
    initial = [_option(each) for each in choices if each.value == chosen]
    return {
        "type": "static_select",
        "placeholder": plain(words.say("editor.choose"), _CHOICE),
        **_options(choices),
        **({"initial_option": initial[0]} if initial else {}),
    }


def _options(choices: tuple[Choice, ...]) -> Block:
    """Return the options, more than 100 of them in groups; people find one by typing."""
    options = [_option(each) for each in choices[:_MOST]]
    if len(options) <= _OPTIONS:
        return {"options": options}
    parts = [options[at : at + _OPTIONS] for at in range(0, len(options), _OPTIONS)]
    starts = range(1, len(options) + 1, _OPTIONS)
    return {
        "option_groups": [
            {"label": plain(f"{start}-{start + len(part) - 1}"), "options": part}
            for start, part in zip(starts, parts, strict=True)
        ]
    }


def _option(choice: Choice) -> Block:
    return {"text": plain(choice.label, _CHOICE), "value": choice.value}


def _state(view: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    found: Mapping[str, Any] = (values.get(name) or {}).get(name) or {}
    return found


def _typed(view: Mapping[str, Any], name: str) -> str:
    """What stands in an input; null means it was left as this very view showed it."""
    value = _state(view, name).get("value")
    if value is None:
        value = _shown(view, name, "initial_value")
    return value or ""


def outgoing(text: str) -> str:
    """Return what was typed with plain line ends and real emoji, and no space round it."""
    return emojized(re.sub("\r\n?|\u2028|\u2029", "\n", text)).strip()


# Slack's own names that the emoji package lacks (github.com/iamcal/emoji-data), as far as a
# public body is likely to use them.
_SLACK_NAMES = {
    "barely_sunny": "🌥️",
    "face_palm": "🤦",
    "first_place_medal": "🥇",
    "grinning_face_with_star_eyes": "🤩",
    "ladybug": "🐞",
    "large_green_circle": "🟢",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "lightning": "🌩️",
    "medal": "🎖️",
    "mostly_sunny": "🌤️",
    "octagonal_sign": "🛑",
    "partly_sunny_rain": "🌦️",
    "rain_cloud": "🌧️",
    "scooter": "🛴",
    "smiling_face_with_3_hearts": "🥰",
    "snow_cloud": "🌨️",
    "sun_small_cloud": "🌤️",
}
_SHORTCODE = re.compile(
    r"https?://\S+|:([a-z0-9_+'-]*[a-z+][a-z0-9_+'-]*|-1)(?:::skin-tone-([2-6]))?:"
)


def emojized(text: str) -> str:
    """Return `text` with the :shortcodes: Slack makes of emoji as the emoji they stand for.

    What is no known name stays as typed, as does a time such as 10:30:00 and any link.
    """
    return _SHORTCODE.sub(_emoji, text)


def _emoji(match: re.Match[str]) -> str:
    name, tone = match.groups()
    if name is None:
        return match[0]
    found = _flag(name) or _known(name)
    if found is None:
        return match[0]
    if tone is None:
        return found
    # skin-tone-2 to -6 are Fitzpatrick modifiers U+1F3FB to U+1F3FF (Unicode TR 51); they
    # stand right after the person, before any variation selector or joined sign.
    return found[0] + chr(0x1F3FB + int(tone) - 2) + found[1:].removeprefix("\ufe0f")


def _known(name: str) -> str | None:
    common = re.sub("^male_", "man_", re.sub("^female_", "woman_", name.replace("-", "_")))
    for each in (name, common):
        made = emoji.emojize(f":{each}:", language="alias")
        if made != f":{each}:":
            return made
    return _SLACK_NAMES.get(name)


def _flag(name: str) -> str | None:
    if not re.fullmatch("flag-[a-z]{2}", name):
        return None
    made = "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in name[5:])
    return made if emoji.is_emoji(made) else None
