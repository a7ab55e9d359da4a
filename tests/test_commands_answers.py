"""`luister answers`: every mistake in the approved answers, what they find, and what they lack."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from assistant.case import Event, Kind, Triage
from assistant.store import Decision, Store, open_store
from tests.command_line import Luister
from tests.core import START, post

EXAMPLE = Path(__file__).parent.parent / "examples" / "waterstad"

FILE = """+++
id = "{id}"
department = "{department}"
title = "{title}"
aliases = [{aliases}]
sources = ["https://www.waterstad.example/x"]
owner = "Team Afval"
valid-until = {until}
+++
{short}

---

{short}
"""


def write(to: Path, id: str, **values: str) -> None:
    """Write one approved answer; each says something of its own unless told otherwise."""
    plain = {
        "department": "afval",
        "title": f"Titel {id}",
        "aliases": f'"bijnaam {id}"',
        "until": "2099-12-31",
        "short": f"Dit gaat over {id}.",
    }
    (to / "answers" / f"{id}.md").write_text(FILE.format(id=id, **plain | values), "utf-8")


def test_the_example_has_no_mistake(luister: Luister) -> None:
    told = luister("answers", "check", "--config", EXAMPLE)
    assert told.code == 0
    assert "88 approved answers, 0 mistakes" in told.out


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"until": "2026-01-01"}, "een.md: valid-until: expired on 2026-01-01"),
        ({"title": "Titel twee"}, "title or alias: 'titel twee' is the same as of twee"),
        ({"aliases": '"Bijnaam  TWEE"'}, "'bijnaam twee' is the same as of twee"),
        ({"aliases": '"bank", "Bank"'}, "een.md: aliases: 'bank' stands there 2 times"),
        ({"short": "Dit gaat over twee."}, "short: is the same as of twee"),
        ({"short": "Lang verhaal. " * 40}, "replay takes 500"),
        ({"short": "Dit is\u200b een \u202etruc."}, "een.md: short: "),
        ({"department": "zee"}, "'zee' is no department"),
        ({"aliases": '"a"]\nkleur = ["rood"'}, "een.md: kleur: unknown key"),
    ],
)
def test_check_tells_each_mistake(
    luister: Luister,
    folder: Path,
    values: dict[str, str],
    said: str,
) -> None:
    write(folder, "een", **values)
    write(folder, "twee")
    told = luister("answers", "check", "--config", folder)
    assert told.code == 1
    assert any(said in line for line in told.out.splitlines() if line.startswith("mistake: "))


def test_the_same_words_in_another_language_are_no_mistake(
    luister: Luister,
    folder: Path,
) -> None:
    write(folder, "een", aliases='"container"')
    write(folder, "twee", aliases='"container"')
    file = folder / "answers" / "twee.md"
    file.write_text(file.read_text("utf-8").replace("owner =", 'language = "en"\nowner ='), "utf-8")
    told = luister("answers", "check", "--config", folder)
    assert "same as" not in told.out


def test_a_hint_changes_no_exit_code(luister: Luister, folder: Path) -> None:
    write(folder, "een", short="Wij doen dit teneinde u te helpen.")
    told = luister("answers", "check", "--config", folder)
    assert told.code == 0
    assert "hint: " in told.out


def test_list_and_find(luister: Luister, folder: Path) -> None:
    shutil.copy(EXAMPLE / "answers" / "grofvuil-ophalen.md", folder / "answers")
    write(folder, "oud", title="Oud bankstel ophalen", until="2026-01-01")
    listed = luister("answers", "list", "--config", folder)
    assert "3 approved answers" in listed.out
    assert "expired 2026-01-01" in listed.out

    found = luister("answers", "find", "bankstel laten ophalen", "--config", folder)
    assert found.out.splitlines()[2].split()[0] == "grofvuil-ophalen"
    assert found.out.splitlines()[2].endswith("yes")
    assert "oud " not in found.out
    nothing = luister("answers", "find", "xylofoon", "--config", folder)
    assert nothing.out == "no approved answer shares a word with it\n"
    assert luister("answers", "find", "--config", folder).code == 2
    assert luister("answers", "list", "bank", "--config", folder).code == 2


def test_gaps_tell_of_no_fewer_than_three_citizens(
    luister: Luister,
    folder: Path,
    store_url: str,
) -> None:
    texts = {
        "Mag ik een xylofoon naar de milieustraat brengen, meneer Jansen?": ("u1", "u2", "u3"),
        "Is er hier vuilnis voor gele dozen van oma?": ("u4", "u4", "u5"),
        "Wanneer staat er een zeppelin?": (None, None, None),
    }

    async def filled(store: Store) -> None:
        for text, authors in texts.items():
            for number, author in enumerate(authors):
                id = f"{text[:6]}{number}"
                await asked(store, id, text, author)

    async def opened() -> None:
        async with open_store(store_url, "waterstad") as store:
            await filled(store)

    asyncio.run(opened())
    told = luister("answers", "gaps", "--config", folder)
    assert told.code == 0
    rows = [line.split() for line in told.out.splitlines()[2:]]
    assert ["afval", "milieustraat", "3"] in rows
    assert "vuilnis" not in told.out
    assert "subjects of fewer than 3 citizens  6" in told.out
    for private in ("Jansen", "xylofoon", "oma", "zeppelin", "u1"):
        assert private not in told.out
    assert "9 of 9 questions, complaints and reports found no answer" in told.out


async def asked(store: Store, id: str, text: str, author: str | None) -> None:
    """Record a question and what triage said of it."""
    given = post(id, text=text, author=author, handle=None, account="@gemeentewaterstad")
    found = Triage(
        label="question",
        department="afval",
        language="nl",
        advice="answer",
        rule=3,
        reason="r",
        by="rules",
    )
    events = (
        Event(kind=Kind.RECEIVED, at=START, post=given),
        Event(kind=Kind.TRIAGED, at=START + timedelta(seconds=1), triage=found),
    )
    await store.decide(f"c{id}", lambda case: Decision(events=events), now=START)
