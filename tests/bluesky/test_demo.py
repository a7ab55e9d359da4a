"""`luister demo --platform bluesky`: a citizen writes in one command and sees the answer."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from time import perf_counter

from tests.slack_ui import Json, find_element, slack_people, texts_of

EDIT = "luister:editor:edit"
WORDS = "hoe maak ik een afspraak om grofvuil te laten ophalen?"


async def started(*arguments: str, state: Path) -> asyncio.subprocess.Process:
    """Start a command as a newcomer would."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", *arguments),
        env={**os.environ, "LUISTER_STATE": str(state), "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def told(process: asyncio.subprocess.Process, words: str) -> str:
    """Return what it said up to the line with these words."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(150):
        while words not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
    return said


def card(messages: list[Json]) -> Json | None:
    """Return the card of the question, once it can be answered."""
    return next(
        (
            each
            for each in messages
            if "grofvuil te laten" in " ".join(texts_of(each))
            and find_element(each.get("blocks", []), EDIT)
        ),
        None,
    )


async def test_a_citizen_writes_and_sees_the_answer(tmp_path: Path) -> None:
    began = perf_counter()
    demo = await started("demo", "--platform", "bluesky", state=tmp_path)
    try:
        welcome = await told(demo, "Ctrl-C")
        print(f"demo ready: {perf_counter() - began:.1f} s")
        assert ' say "' in welcome
        found = re.search(r"Open +(http://127\.0\.0\.1:\d+)\n", welcome)
        assert found
        said = await started("say", WORDS, state=tmp_path)
        async with slack_people(found[1]) as people, asyncio.timeout(90):
            while not (seen := card(await people.messages("C0AFVAL"))):
                await asyncio.sleep(0.1)
            await people.click(seen, EDIT, user="U01ANNA")
            await people.modal(seconds=20)
            while not (people.modals and people.modals[-1].get("submit")):
                await asyncio.sleep(0.1)
            await people.submit("U01ANNA", text="Dat kan op waterstad.example. ^AB")
        out, _ = await asyncio.wait_for(said.communicate(), 120)
        assert said.returncode == 0, out.decode()
        assert "Dat kan op waterstad.example. ^AB" in out.decode()
        print(f"and answered: {perf_counter() - began:.1f} s, 20 s of it to undo")
    finally:
        demo.send_signal(signal.SIGINT)
        await asyncio.wait_for(demo.wait(), 60)
    assert demo.returncode == 0
    left = await started("say", WORDS, state=tmp_path)
    out, _ = await left.communicate()
    assert left.returncode == 1
    assert "PLATFORM=bluesky" in out.decode()
