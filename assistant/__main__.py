"""The command line: luister COMMAND."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from assistant import __version__
from assistant.errors import LuisterError, Misconfigured, StoreUnavailable

Command = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]

ABOUT = """\
Luister brings citizens' posts into your team's chat, suggests a cautious reply, and sends what a
colleague approved exactly once, with proof of every step.

Start with:   luister demo
Then:         luister check --config DIR && luister run --config DIR
"""

SECRETS = """\
Secrets come from the environment only:
  SLACK_BOT_TOKEN, and SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (signed HTTP)
  OPENAI_API_KEY (when [model] is configured)
Also read: LUISTER_REDIS_URL (else a Redis found here, or the one installed along),
  LUISTER_LISTEN (host:port of health, metrics and Slack's HTTP; default 127.0.0.1:8080),
  LUISTER_MODEL and LUISTER_MODEL_URL (a model when luister.toml has no [model]).
"""


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = argparse.ArgumentParser(
        prog="luister",
        description=ABOUT,
        epilog=SECRETS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"luister {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help: str, *, config: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help)
        if config:
            command.add_argument(
                "--config",
                type=Path,
                required=True,
                metavar="DIR",
                help="the organisation's folder, with luister.toml and answers/",
            )
        return command

    demo = add("demo", "show the whole job here, with nothing else set up", config=False)
    demo.add_argument(
        "--open-port",
        action="store_true",
        help="start the local Slack without a network namespace; it then listens on all addresses",
    )
    run = add("run", "listen, triage, draft, show cards and send; the service itself")
    run.add_argument(
        "--only",
        metavar="PARTS",
        help="of listen,work,chat run only these, separated by commas",
    )
    add("check", "tell every mistake in the configuration, with file and key; exit 2 if any")
    replay = add(
        "replay", "take in posts from JSON Lines, triage them and print what became of each"
    )
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument(
        "--speed",
        default="max",
        metavar="N|max",
        help="N times as fast as the posts were written, or all at once (default: max)",
    )
    cases = add("cases", "list the cases: where each stands, its label, advice and department")
    cases.add_argument("--json", action="store_true", help="one JSON object a line")
    show = add("show", "tell everything that happened to one case")
    show.add_argument("case", metavar="CASE")
    dead = add("dead", "list the dead letters: work that failed too often")
    dead.add_argument("--replay", metavar="ID", help="put this one (or 'all') back to work")
    verify = add("verify", "check every event, snapshot, text and root; exit 1 if one is broken")
    verify.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="LINE",
        help="a root line as copied from the supervisors' channel; may be given more than once",
    )
    erase = add("erase", "erase one citizen: cases, indexes, files and chat messages")
    erase.add_argument("handle", metavar="HANDLE")
    manifest = add("manifest", "print the Slack app's manifest", config=False)
    manifest.add_argument("--url", help="for signed HTTP: the public address, https://…")
    return top


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 it failed, 2 the configuration is wrong."""
    args = parser().parse_args(argv)
    try:
        code = asyncio.run(_command(args.command)(args))
    except KeyboardInterrupt:
        code = 130
    except Misconfigured as error:
        code = _told(error.mistakes, 2)
    except StoreUnavailable as error:
        code = _told((f"{error}; look at LUISTER_REDIS_URL or at the server",), 1)
    except LuisterError as error:
        code = _told((str(error),), 1)
    except BaseExceptionGroup as group:
        code = _told_group(group)
    sys.stdout.flush()
    sys.exit(code)


def _told(lines: Sequence[str], code: int) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return code


def _told_group(group: BaseExceptionGroup[BaseException]) -> int:
    ours, rest = group.split(LuisterError)
    if rest is not None or ours is None:
        if group.subgroup(KeyboardInterrupt):
            return 130
        raise group
    first: BaseException = ours
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    mistakes = first.mistakes if isinstance(first, Misconfigured) else (str(first),)
    return _told(mistakes, 2 if isinstance(first, Misconfigured) else 1)


def _command(name: str) -> Command:
    # Imported late: `luister --help` and `check` need not wait for what they do not use.
    from assistant import commands

    logging.captureWarnings(True)
    found: Command = getattr(commands, name)
    return found


if __name__ == "__main__":
    main()
