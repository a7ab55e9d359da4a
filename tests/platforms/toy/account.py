"""The guestbook's table of luister.toml; an adapter of Luister has it in config/accounts.py."""

from pathlib import Path
from typing import Literal

from assistant.config.accounts import _Account


class GuestbookAccount(_Account):
    """A folder in which a web form puts a file for each entry."""

    platform: Literal["guestbook"]
    folder: Path
