"""The command line: luister COMMAND."""

import argparse
import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
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

ENVIRONMENT = """\
Secrets come from the environment only:
  SLACK_BOT_TOKEN       with SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (signed HTTP)
  OPENAI_API_KEY        the model's key, where [model] is configured

Also read:
  LUISTER_REDIS_URL     the store; else a Redis or Valkey found here, or the one installed along
  LUISTER_STATE         where the store's and other files stand; else DIR/.luister
  LUISTER_LISTEN        host:port of health, metrics and Slack's HTTP; else 127.0.0.1:8080
  LUISTER_MODEL, LUISTER_MODEL_URL   a model, when luister.toml has no [model]

Exit codes: 0 done; 1 it failed, or `verify` found something broken; 2 the command line or the
configuration is wrong; 130 interrupted.

`luister COMMAND --help` tells more, with an example.
"""

WIDTH = 100
"""Columns of the help; the texts here are broken to fit."""

# Per command: one line for the list, what it does, and an example.
HELP = {
    "demo": (
        "show the whole job here, with nothing else set up",
        """\
Starts a store, a local Slack in your browser and Luister, and lets the citizens of a fictional
municipality write. It prints where to click; Ctrl-C stops everything. A next demo starts afresh.
With OPENAI_API_KEY, or LUISTER_MODEL_URL, a model writes the suggestions. On bluesky you write
yourself, with `luister say`, on a real network that runs here (`make demo PLATFORM=bluesky`).""",
        "luister demo --platform bluesky",
    ),
    "say": (
        "write to the demo's town as a citizen, and see the answer arrive",
        """\
Needs a running `luister demo --platform bluesky`. Posts TEXT with a mention of the town, and waits
for the answer that a colleague sends from the local Slack.""",
        'luister say "Wanneer wordt het grofvuil opgehaald?"',
    ),
    "run": (
        "listen, triage, draft, show cards and send; the service itself",
        """\
Runs until SIGTERM or Ctrl-C. Any number may run on the same store, on any number of machines, and
each may run a part of the work. Log lines are JSON on standard error; LUISTER_LISTEN serves
/healthz, /readyz and /metrics.""",
        "luister run --config /etc/luister/org --only work,chat",
    ),
    "check": (
        "tell every mistake in the configuration, with file and key",
        """\
Reads luister.toml, answers/*.md and the prompts, and LUISTER_LISTEN and LUISTER_REDIS_URL where
set. Tells all mistakes at once, each with its file and key; exit code 2 if there is one.
With --online it also signs in to every account and to Slack, and tells who we are there and what
the account may do, or why not and what to do; exit code 1 if one fails. Nothing is posted.""",
        "luister check --config examples/waterstad",
    ),
    "authorize": (
        "let an account's owner allow Luister in on X, once",
        """\
Prints an address for the owner's browser, asks for the address the browser ends at, and prints the
refresh token for the environment. It needs the app's client secret there.""",
        "luister authorize @gemeentewaterstad --config /etc/luister/org",
    ),
    "replay": (
        "take in posts from a file, triage them and print what became of each",
        """\
FILE holds a post a line (JSON). Posts are recorded and triaged here, without chat or model; their
cards wait for `luister run`. A post that came before is a repeat; a line that cannot be read, or an
id that comes back with another text, goes to quarantine and is counted. Stopping it halfway does no
harm: start it again.""",
        "luister replay posts.jsonl --config examples/waterstad",
    ),
    "answers": (
        "list, check and try the approved answers, or count what they do not cover",
        """\
list     tells each answer's department, owner, last day and length.
check    tells what is wrong, with the file: keys nobody reads, expired, the same as another, too
         long for one of your platforms, or worded so that a check would stop it; exit code 1 if
         anything. Hints (long sentences, hard words, soon expired, words learned of an answer that
         is gone) change no exit code.
find     shows which answers a text finds, and which one would go out word for word.
gaps     counts the posts in the store that no answer covers, by department and by your own
         subjects; no name, no text, and no group of fewer than three citizens.
learned  lists the words of citizens that colleagues taught, with who and when, as lines for the
         aliases in each answer's file. They live as long as their case: put there what should stay.
forget   takes a phrase away from an answer, whoever taught it.""",
        "luister answers find 'waar kan ik mijn oude bank kwijt' --config examples/waterstad",
    ),
    "cases": (
        "list the cases: where each stands, its label, advice and department",
        "The case that moved last stands at the end. No citizen's name or text is shown.",
        "luister cases --config examples/waterstad --json | grep in_doubt",
    ),
    "export": (
        "print what colleagues corrected, as labelled cases without names",
        """\
A case a line (JSON): the text that waited for an answer, masked as for a model, with the label,
department, advice and language as people left them. Erased cases are left out. Look through it
before you share it: no mask finds everything.""",
        "luister export cases --config examples/waterstad",
    ),
    "eval": (
        "measure triage, search, drafts and checks on labelled posts",
        """\
Each FILE holds labelled posts (JSON Lines or CSV; docs/evaluating.md tells the form). Every post
goes through the very triage, search, draft and checks of the service; nothing is recorded or sent.
The worst mistakes come first: posts that call for silence and would be answered all the same. Every
share stands with its 95% interval. With --json what was tried is kept beside it, without texts, so
that a run that was stopped goes on where it was.""",
        "luister eval tests/eval/posts_a.jsonl tests/eval/posts_b.jsonl --half tuning",
    ),
    "show": (
        "tell everything that happened to one case, texts included",
        "Tells a case's story in the words its thread uses. `luister cases` lists the ids.",
        "luister show czx4t2k7qm5d3w6ab --config examples/waterstad",
    ),
    "dead": (
        "list the dead letters: work that failed too often",
        """\
Each line says which work (triage, draft, send, wake, or show with its channel) on which case, and
the kind of error. Mend the cause, then put it back to work.""",
        "luister dead --config examples/waterstad --replay all",
    ),
    "quarantine": (
        "list what nobody could read, or take it in once more",
        """\
Each line says where a record came from and what is wrong with it, without a citizen's text; --raw
prints the record itself. Once the cause is mended (a new version, a gateway that sends it well),
--retry takes it in, recorded as if it came now. A post whose id had come with another text is then
taken as an edit. What still cannot be read stays, and the exit code is 1.""",
        "luister quarantine --config examples/waterstad --retry all",
    ),
    "verify": (
        "check every event, snapshot, text and root; exit 1 if one is broken",
        """\
Reads the whole store and names the first thing that does not hold. With a root line from the
supervisors' channel it also finds what was cut off or removed since that line was posted.""",
        "luister verify --config examples/waterstad --root 'luister-root waterstad at=...'",
    ),
    "erase": (
        "erase one citizen: cases, indexes, files and chat messages",
        """\
Cannot be undone. Messages in the chat are deleted by `luister run`. A case whose reply is on its
way is left alone and named (exit code 1): erase again once that is done. `verify` still passes.""",
        "luister erase @sanne_dw --config examples/waterstad",
    ),
    "manifest": (
        "print the Slack app's manifest",
        """\
Paste it at https://api.slack.com/apps, Create New App, From a manifest. Without --url the app uses
Socket Mode; with it Slack calls your address, which must lead to LUISTER_LISTEN.""",
        "luister manifest --url https://luister.example.org",
    ),
}


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    layout = partial(argparse.RawDescriptionHelpFormatter, width=WIDTH)
    top = argparse.ArgumentParser(
        prog="luister", description=ABOUT, epilog=ENVIRONMENT, formatter_class=layout
    )
    top.add_argument("--version", action="version", version=f"luister {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {}
    for name, (help, about, example) in HELP.items():
        made[name] = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.\n\n{about}",
            epilog=f"Example:\n  {example}",
            formatter_class=layout,
        )
        if name not in ("demo", "manifest", "say"):
            made[name].add_argument(
                "--config",
                type=Path,
                required=name != "eval",
                metavar="DIR",
                help="the organisation's folder, with luister.toml and answers/",
            )
    _add_arguments(made)
    return top


def _add_arguments(of: dict[str, argparse.ArgumentParser]) -> None:
    of["demo"].add_argument(
        "--open-port",
        action="store_true",
        help="start the local Slack without a network namespace; it then listens on all addresses",
    )
    of["authorize"].add_argument("account", metavar="HANDLE", help="the account's, as configured")
    of["demo"].add_argument(
        "--platform",
        choices=["replay", "bluesky"],
        default="replay",
        help="where citizens write: by themselves from a file, or you on a Bluesky of your own",
    )
    of["say"].add_argument("text", metavar="TEXT", help="what the citizen writes")
    of["run"].add_argument(
        "--only",
        metavar="PARTS",
        help="run only these of listen, work and chat, separated by commas",
    )
    of["replay"].add_argument("file", type=Path, metavar="FILE", help="JSON Lines, a post a line")
    of["replay"].add_argument(
        "--speed",
        default="max",
        metavar="N|max",
        help="N times as fast as the posts were written, or all at once (default: max)",
    )
    of["answers"].add_argument(
        "what", choices=["list", "check", "find", "gaps", "learned", "forget"]
    )
    of["answers"].add_argument(
        "words",
        nargs="*",
        metavar="WORDS",
        help="for find: a citizen's text; for forget: an answer's id and the phrase",
    )
    of["cases"].add_argument("--json", action="store_true", help="one JSON object a line")
    of["export"].add_argument("what", choices=["cases"], help="what colleagues corrected")
    _add_eval(of["eval"])
    of["show"].add_argument("case", metavar="CASE", help="the id of a case")
    of["dead"].add_argument("--replay", metavar="ID", help="put this one, or all, back to work")
    of["check"].add_argument(
        "--online", action="store_true", help="also sign in to every account and to Slack"
    )
    of["quarantine"].add_argument("--raw", action="store_true", help="print the records themselves")
    of["quarantine"].add_argument("--retry", metavar="ID|all", help="take this one, or all, in")
    of["verify"].add_argument(
        "--root",
        action="append",
        default=[],
        metavar="LINE",
        help="a root line as copied from the supervisors' channel; may be given more than once",
    )
    of["erase"].add_argument("handle", metavar="HANDLE", help="the citizen's, with or without @")
    of["manifest"].add_argument("--url", help="for signed HTTP: the public address, https://…")


def _add_eval(of: argparse.ArgumentParser) -> None:
    of.add_argument("file", type=Path, nargs="+", metavar="FILE", help="labelled posts")
    of.add_argument(
        "--model",
        choices=("off", "scripted", "configured"),
        default="off",
        help="off (default), the configured one, or a scripted one that always says: answer",
    )
    of.add_argument(
        "--half",
        choices=("tuning", "test", "all"),
        default="all",
        help="only this half, by the hash of the id; whoever tunes leaves the test half alone",
    )
    of.add_argument("--second", type=Path, metavar="FILE", help="another labelling, for kappa")
    of.add_argument("--by", metavar="COLUMN", help="others' posts: count by this column instead")
    of.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as JSON")
    of.add_argument("--html", type=Path, metavar="FILE", help="write them here as a page")
    of.add_argument(
        "--at-once", type=int, default=8, metavar="N", help="calls to a model at once (default: 8)"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; see ENVIRONMENT for the codes."""
    args = parser().parse_args(argv)
    try:
        code = asyncio.run(_command(args.command)(args))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left, as in `luister cases | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except (KeyboardInterrupt, Exception, BaseExceptionGroup) as error:
        code = _told(error)
    sys.exit(code)


def _told(error: BaseException) -> int:
    """Say on standard error what went wrong; return the exit code."""
    first = next(_leaves(error))
    if any(isinstance(each, KeyboardInterrupt) for each in _leaves(error)):
        return 130
    if isinstance(first, Misconfigured):
        lines, code = list(first.mistakes), 2
    elif isinstance(first, StoreUnavailable):
        lines, code = [f"{first}; look at LUISTER_REDIS_URL or at the server"], 1
    elif isinstance(first, LuisterError):
        lines, code = [str(first)], 1
    elif isinstance(first, OSError) and first.filename:
        lines, code = [f"{first.filename}: {first.strerror}"], 1
    else:
        lines, code = _crashed(first), 1
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the single errors in a group, those raised on purpose last: they only followed."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    leaves = [leaf for each in error.exceptions for leaf in _leaves(each)]
    yield from sorted(leaves, key=lambda each: isinstance(each, LuisterError))


def _crashed(error: BaseException) -> list[str]:
    """Say where a mistake of ours is; the error's own words may quote a citizen."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"  {each.filename}:{each.lineno} in {each.name}" for each in frames]
    return [f"Luister has a fault: {type(error).__name__}; please report these lines", *places]


def _command(name: str) -> Command:
    # Imported late: `luister --help` need not wait for it.
    from assistant import commands

    logging.captureWarnings(True)
    found: Command = getattr(commands, name)
    return found


if __name__ == "__main__":
    main()
