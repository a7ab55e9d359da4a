"""Where files stand: beside the package in a checkout, inside it once installed."""

import os
from pathlib import Path

PACKAGE = Path(__file__).parent
INSTALLED = PACKAGE / "_example"


def example() -> Path:
    """Return the folder of the fictional municipality."""
    if INSTALLED.is_dir():
        return INSTALLED
    checkout = PACKAGE.parent / "examples" / "waterstad"
    here = Path.cwd()
    return checkout.relative_to(here) if checkout.is_relative_to(here) else checkout


def state_of(folder: Path) -> Path:
    """Return where a folder's embedded store and files stand: LUISTER_STATE, else inside it.

    The example that is installed along keeps its state in the folder one works in.
    """
    given = os.environ.get("LUISTER_STATE")
    if given:
        return Path(given)
    return (Path.cwd() if folder == INSTALLED else folder) / ".luister"
