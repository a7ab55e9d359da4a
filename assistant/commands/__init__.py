"""What each command of the command line does; `luister NAME` calls the function of that name."""

from assistant.commands.answering import answers
from assistant.commands.authorizing import authorize
from assistant.commands.checking import check
from assistant.commands.evaluating import eval  # noqa: A004 - the command bears that name
from assistant.commands.exporting import export
from assistant.commands.keeping import quarantine
from assistant.commands.looking import cases, dead, show
from assistant.commands.proving import erase, manifest, verify
from assistant.commands.service import demo, run, say, until_stopped
from assistant.commands.taking import replay

__all__ = [
    "answers",
    "authorize",
    "cases",
    "check",
    "dead",
    "demo",
    "erase",
    "eval",
    "export",
    "manifest",
    "quarantine",
    "replay",
    "run",
    "say",
    "show",
    "until_stopped",
    "verify",
]
