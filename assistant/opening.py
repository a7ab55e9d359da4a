"""Opens an organisation's folder and its store for the command line."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from assistant.config import Organisation, load
from assistant.errors import Misconfigured
from assistant.paths import state_of
from assistant.store import Store, open_store


def configured(folder: Path) -> Organisation:
    """Return the organisation in `folder`; raises Misconfigured, also for what cannot be read."""
    if not folder.is_dir():
        what = "is a file; give the folder it is in" if folder.exists() else "no such folder"
        raise Misconfigured(f"{folder}: {what}")
    try:
        return load(folder, environ=os.environ)
    except OSError as error:
        raise Misconfigured(f"{error.filename}: cannot be read ({error.strerror})") from error


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """Yield the URL of the store for `folder`; raises Misconfigured where none can be had."""
    # Imported here: it starts servers, which `check` and `manifest` never need.
    from assistant.embedded import open_store as open_server

    if given := os.environ.get("LUISTER_REDIS_URL"):
        _check_url(given)
    async with open_server(state_of(folder), environ=os.environ) as url:
        yield url


def _check_url(url: str) -> None:
    """Refuse what is no Redis URL, without quoting it: it may hold a password."""
    parts = urlsplit(url)
    with suppress(ValueError):
        where = parts.path if parts.scheme == "unix" else parts.hostname
        if parts.scheme in ("redis", "rediss", "unix") and where and parts.port != 0:
            return
    raise Misconfigured("LUISTER_REDIS_URL: no address of a store, like redis://127.0.0.1:6379/0")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Organisation, Store]]:
    """Yield the organisation in `folder` and its store."""
    organisation = configured(folder)
    async with served(folder) as url, open_store(url, organisation.id) as store:
        yield organisation, store
