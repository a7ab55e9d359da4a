"""The columns of the contract: every adapter, found by itself, and the fakes."""

import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Mapping
from types import ModuleType

import assistant.platforms
from tests.platforms import fakes
from tests.platforms.contract import Opens

TOY = "tests.platforms.toy.guestbook"
"""The platform that docs/adding-a-platform.md makes: the guide is true as long as it passes."""

INSIDE = [
    each.name
    for each in pkgutil.iter_modules(assistant.platforms.__path__)
    if not each.name.startswith("_")
]
OUTSIDE: dict[str, str] = {
    name: each
    for each in (TOY, *os.environ.get("LUISTER_ADAPTERS", "").split())
    if (name := each.rpartition(".")[2]) not in INSIDE
}
"""Adapters that lie elsewhere, by their module's last name; `world_NAME` lies beside each."""

ADAPTERS: dict[str, ModuleType] = {
    name: importlib.import_module(OUTSIDE.get(name, f"assistant.platforms.{name}"))
    for name in (*INSIDE, *OUTSIDE)
}
"""Every module in the folder of platforms, by its name, and those from outside."""


def _world(name: str) -> str:
    folder = OUTSIDE.get(name, f"tests.platforms.{name}").rpartition(".")[0]
    return f"{folder}.world_{name}"


WORLDS: dict[str, ModuleType] = {
    name: importlib.import_module(_world(name))
    for name in ADAPTERS
    if importlib.util.find_spec(_world(name))
}
"""The worlds that adapters brought."""

OPENS: Mapping[str, Opens] = {name: each.world for name, each in WORLDS.items()} | dict(
    fakes.WORLDS
)
SKIPS: Mapping[str, Mapping[str, str]] = {
    **{name: each.SKIPS for name, each in WORLDS.items()},
    **fakes.SKIPS,
}
"""The promises each column does not keep, with the reason."""
