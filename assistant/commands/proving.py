"""The commands about the record: verify it, erase from it; and the Slack app's manifest."""

import argparse
import sys
from typing import TypeVar
from urllib.parse import urlsplit

from assistant import audit
from assistant.config import Organisation
from assistant.errors import Misconfigured
from assistant.opening import opened
from assistant.store import utcnow
from assistant.store.ledger import Root
from assistant.terminal import Progress, counted

Found = TypeVar("Found")


async def verify(args: argparse.Namespace) -> int:
    """Check everything; name the first broken thing."""
    async with opened(args.config) as (organisation, store):
        witnesses = _witnesses(args.root, organisation)
        progress = Progress("cases checked:")
        found = await audit.verify(store, witnesses=witnesses, progress=progress)
        progress.done()
    print(
        f"checked {counted(found.events, 'event')} of {counted(found.cases, 'case')} "
        f"({found.erased:,} erased) and {counted(found.roots, 'root')}"
    )
    if found.broken:
        print(f"BROKEN: {found.broken}")
        return 1
    print("all holds")
    return 0


def _witnesses(lines: list[str], organisation: Organisation) -> list[Root]:
    """Read root lines as copied from the channel; each must be this organisation's own."""
    mistakes, witnesses = [], []
    for line in lines:
        try:
            witnesses.append(audit.parse_line(line))
        except (audit.BadRootLine, ValueError):
            mistakes.append(
                "--root: that is no root line; copy the whole line that starts with luister-root"
            )
            continue
        whose = line.partition("luister-root")[2].split()[0]
        if whose != organisation.id:
            mistakes.append(
                f"--root: a line of {whose!r}; this is the store of {organisation.id!r}"
            )
    Misconfigured.raise_any(mistakes)
    return witnesses


async def erase(args: argparse.Namespace) -> int:
    """Erase one citizen; the chat's messages go with the running service."""
    if not args.handle.strip().removeprefix("@"):
        raise Misconfigured("HANDLE: empty; give the citizen's handle, like @sanne_dw")
    async with opened(args.config) as (organisation, store):
        platforms = {each.platform for each in organisation.accounts}
        handle = args.handle.strip()
        found = await audit.erase_citizen(store, handle, platforms=platforms, now=utcnow())
    for case in found.waiting:
        print(
            f"case {case}: NOT erased, a reply in it is on its way or in doubt; "
            f"erase again once that is done",
            file=sys.stderr,
        )
    if not found.cases and not found.waiting and not found.quarantined:
        print("nobody of that handle is known")
        return 1
    quarantined = counted(found.quarantined, "quarantined record")
    print(f"erased: {counted(found.cases, 'case')}, {quarantined}")
    if found.messages:
        print(f"{counted(found.messages, 'chat message')} will be deleted by `luister run`")
    if not found.rewritten:
        print("the store's files could not be rewritten: ask for BGREWRITEAOF on the server")
    return 1 if found.waiting else 0


async def manifest(args: argparse.Namespace) -> int:
    """Print the Slack app's manifest."""
    from assistant.manifest import as_yaml
    from assistant.manifest import manifest as slack_manifest

    parts = urlsplit(args.url or "https://socket.mode")
    if parts.scheme != "https" or not parts.hostname:
        raise Misconfigured(
            f"--url: {args.url!r} is no address Slack calls; it starts with https://"
        )
    print(as_yaml(slack_manifest(args.url)), end="")
    return 0
