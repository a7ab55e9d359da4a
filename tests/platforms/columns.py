"""The columns of the contract: every adapter, found by itself, and the fakes."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from types import ModuleType

import assistant.platforms
from tests.platforms import fakes
from tests.platforms.contract import Opens

ADAPTERS: dict[str, ModuleType] = {
    each.name: importlib.import_module(f"assistant.platforms.{each.name}")
    for each in pkgutil.iter_modules(assistant.platforms.__path__)
    if not each.name.startswith("_")
}
"""Every module in the folder of platforms, by its name."""

WORLDS: dict[str, ModuleType] = {
    name: importlib.import_module(f"tests.platforms.world_{name}")
    for name in ADAPTERS
    if importlib.util.find_spec(f"tests.platforms.world_{name}")
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
