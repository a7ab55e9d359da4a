"""Who may know whom: imports go one way, and each outside package is known to one place."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "assistant"

STEPS = (
    "listen",
    "triage",
    "draft",
    "desk",
    "reply",
    "amend",
    "appear",
    "show",
    "audit",
    "watch",
    "follow",
)
"""The verbs; a step that became a folder keeps its name."""

EDGES = ("platforms", "chats", "llms")
"""The plural nouns: a Protocol each in `__init__`, and a file or folder for each service."""

TOP = ("accounts", "app", "commands", "demo", "evaluate", "opening", "terminal", "__main__")
"""What puts the parts together; nothing below may know these."""

FREE = {"assistant", "assistant.errors"}
"""What everybody may import."""

KNOWN_TO: dict[str, tuple[str, ...]] = {
    "slack_bolt": ("chats.slack",),
    "slack_sdk": ("chats.slack",),
    "openai": ("llms.openai",),
    "atproto": ("platforms.bluesky",),
    "atproto_client": ("platforms.bluesky",),
    "httpx": ("platforms.bluesky",),
    "redis": ("store",),
    "tenacity": ("retry",),
    "phonenumbers": ("personal",),
    "stdnum": ("personal",),
    "py3langid": ("language",),
    "snowballstemmer": ("answers",),
    "emoji": ("chats.slack",),
    "twitter_text": ("platforms.x",),
    "prometheus_client": ("health", "app"),
}
"""Each SDK and the only places that may import it."""

LONG: dict[str, str] = {}
"""Files over 400 lines, each with the reason why it is no folder."""


def modules() -> dict[str, Path]:
    """Return every module of the package by its name without `assistant.`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name or "__init__"] = path
    return found


MODULES = modules()


@cache
def tree(name: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(MODULES[name].read_text("utf-8"))


@cache
def imports(name: str) -> set[str]:
    """Return the full names of all a module imports, also inside its functions."""
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports hide the direction"
            assert node.module is not None
            # `from assistant import config` imports a module, not a name.
            inside = {f"{node.module}.{each.name}" for each in node.names}
            known = {each for each in inside if each.removeprefix("assistant.") in MODULES}
            found |= known or {node.module}
    return found


def own(name: str) -> set[str]:
    """Return the modules of ours that a module imports, without `assistant.`."""
    return {
        each.removeprefix("assistant.")
        for each in imports(name)
        if each.startswith("assistant.") and each not in FREE
    }


def within(name: str, place: str) -> bool:
    """Say whether a module is `place` or lies in it."""
    return name == place or name.startswith(place + ".")


def part(name: str) -> str:
    """Return the step or area a module belongs to: its first word."""
    return name.partition(".")[0]


def adapters() -> list[str]:
    """Return the modules that speak to an outside service: all in the edges but the Protocols."""
    return [name for name in MODULES if part(name) in EDGES and name not in EDGES]


def pairs() -> Iterator[tuple[str, str]]:
    """Yield every import among our own modules: (who, whom)."""
    for name in MODULES:
        for other in own(name):
            yield name, other


def test_every_step_and_edge_is_there() -> None:
    """The lists above would guard nothing if they named what is gone."""
    assert set(STEPS) | set(EDGES) | set(TOP) <= {part(name) for name in MODULES}
    assert "platforms.replay" in adapters()
    assert ("reply", "platforms") in set(pairs())
    assert "redis.asyncio" in imports("store.link")


def test_errors_know_nobody() -> None:
    assert own("errors") == set()


def test_the_case_knows_only_errors() -> None:
    assert {each for name in MODULES if within(name, "case") for each in own(name)} <= {
        name for name in MODULES if within(name, "case")
    }


def test_nobody_below_knows_who_puts_the_parts_together() -> None:
    wrong = [(a, b) for a, b in pairs() if part(b) in TOP and part(a) not in TOP]
    assert not wrong


def test_a_step_never_knows_another_step() -> None:
    wrong = [
        (a, b) for a, b in pairs() if part(a) in STEPS and part(b) in STEPS and part(a) != part(b)
    ]
    assert not wrong


def test_nobody_below_the_steps_knows_a_step() -> None:
    wrong = [
        (a, b)
        for a, b in pairs()
        if part(b) in STEPS and part(a) not in STEPS and part(a) not in TOP
    ]
    assert not wrong


def test_adapters_are_named_only_where_all_is_wired() -> None:
    """A step knows protocols; what belongs to one service stays in that service's place."""
    may = {"accounts", "app", "demo", "commands", "opening"}
    # The Slack app's manifest is made from what that adapter calls and listens to.
    honest = {("manifest", "chats.slack"), ("manifest", "chats.slack.api")}
    named = adapters()
    wrong = [
        (a, b)
        for a, b in pairs()
        if b in named
        and part(a) not in may
        and (a, b) not in honest
        # Among themselves only within one edge: `llms.openai` knows `llms.limits`.
        and not (a in named and part(a) == part(b))
    ]
    assert not wrong


def test_an_adapter_knows_no_step_no_store_and_no_other_edge() -> None:
    wrong = [
        (a, b)
        for a, b in pairs()
        if part(a) in EDGES and part(b) != part(a) and part(b) in {*EDGES, *STEPS, "store"}
    ]
    assert not wrong


def test_the_store_knows_only_the_case() -> None:
    wrong = [(a, b) for a, b in pairs() if part(a) == "store" and part(b) not in {"store", "case"}]
    assert not wrong


def test_pure_parts_reach_neither_store_nor_network() -> None:
    pure = ("checks", "rules", "personal", "mask", "clean", "names", "present", "narrate", "card")
    outside = {"asyncio", "aiohttp", "socket", "redis", "openai", "slack_sdk", "slack_bolt", "http"}
    for name in MODULES:
        if part(name) in pure:
            assert "store" not in {part(each) for each in own(name)}, name
            assert not outside & {part(each) for each in imports(name)}, name


def test_nothing_goes_round_in_a_circle() -> None:
    """Below the top, modules can be put in an order in which each knows only those before it."""
    left = {
        # A package's parts may know its front, which may know them.
        name: {each for each in own(name) if not within(each, name) and not within(name, each)}
        for name in MODULES
        if name not in TOP
    }
    while ready := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in ready:
            del left[name]
    assert not left


@pytest.mark.parametrize("sdk", sorted(KNOWN_TO))
def test_each_sdk_is_known_to_one_place(sdk: str) -> None:
    known = [name for name in MODULES if any(within(each, sdk) for each in imports(name))]
    places = KNOWN_TO[sdk]
    assert known, f"nobody imports {sdk}"
    strangers = [name for name in known if not any(within(name, place) for place in places)]
    assert not strangers


def test_only_the_reply_step_has_a_platform_reply() -> None:
    """The platforms' own `reply` has one caller, so one place decides that something goes out."""
    called = [
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".reply")
    ]
    # Handed on without a call, it could be called under another name.
    handed = [
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("platform.reply")
    ]
    assert len(called) == 1
    assert handed == called
    assert part(called[0]) == "reply"


@pytest.mark.parametrize("act", ["take_back", "correct"])
def test_only_the_amend_step_changes_what_stands(act: str) -> None:
    """What was sent is taken back or corrected in one place, and only as a person asked."""
    named = [
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(f"platform.{act}")
    ]
    assert named == ["amend"]


def test_what_a_draft_is_made_with_is_gathered_in_one_place() -> None:
    """Else a draft, a rewrite and a choice could each be made with something else."""
    made = [
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Occasion"
    ]
    assert made == ["occasion"]


def test_no_file_is_too_long() -> None:
    long = {
        name for name, path in MODULES.items() if len(path.read_text("utf-8").splitlines()) > 400
    }
    assert long == set(LONG)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_begins_with_one_sentence(name: str) -> None:
    said = ast.get_docstring(tree(name))
    assert said, name
    assert said.split("\n\n")[0].rstrip().endswith("."), said
