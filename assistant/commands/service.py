"""The commands that run something: the service, and the demo."""

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

from assistant.config import Secrets
from assistant.errors import Misconfigured
from assistant.opening import configured, served
from assistant.paths import example, state_of
from assistant.prompts import load_prompts

Found = TypeVar("Found")


async def demo(args: argparse.Namespace) -> int:
    """Run the whole job on embedded parts; see assistant/demo.py."""
    from assistant.demo import demo as run_demo

    code: int = await run_demo(open_port=args.open_port, platform=args.platform)
    return code


async def say(args: argparse.Namespace) -> int:
    """Write to the demo's town as a citizen, and print the answer once it stands there."""
    from assistant.citizen import answered, known
    from assistant.citizen import say as write

    citizen = known(state_of(example()))
    uri = await write(citizen, args.text)
    print(f"@{citizen.me.handle}: {args.text}\n  ... waiting for the answer (Ctrl-C ends that)")
    print(f"@{citizen.town.handle}: {await answered(citizen, uri)}")
    return 0


async def run(args: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    from assistant import app
    from assistant.health import log_lines

    log_lines()
    organisation = configured(args.config)
    load_prompts()
    only = app.PARTS if args.only is None else _parts(args.only, known=app.PARTS)
    host, port = address()
    async with served(args.config) as url:
        wiring = app.Wiring(
            organisation=organisation,
            store_url=url,
            state=state_of(args.config),
            secrets=Secrets.read(os.environ, organisation=organisation),
            only=only,
            slack_url=os.environ.get("SLACK_API_URL", "https://slack.com/api/"),
            host=host,
            port=port,
        )
        log = logging.getLogger("assistant.run")

        def ready() -> None:
            log.info("ready: %s on %s:%d", ",".join(sorted(only)), host, port)

        await until_stopped(lambda: app.run(wiring, started=ready))
    return 0


async def until_stopped(work: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run `work` until it ends or SIGTERM or SIGINT asks it to stop."""
    task = asyncio.create_task(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await task
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _parts(text: str, *, known: frozenset[str]) -> frozenset[str]:
    parts = frozenset(part.strip() for part in text.split(","))
    if unknown := sorted(parts - known):
        raise Misconfigured(f"--only: {unknown[0]!r} is no part; choose of listen, work and chat")
    return parts


def address() -> tuple[str, int]:
    text = os.environ.get("LUISTER_LISTEN", "127.0.0.1:8080")
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Misconfigured(f"LUISTER_LISTEN: {text!r} is not host:port, like 127.0.0.1:8080")
    return host.strip("[]"), int(port)
