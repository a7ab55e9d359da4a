"""`luister answers`: every mistake in the approved answers, what they find, and what they lack."""

import asyncio
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from assistant.case import Alias, Draft, Event, Kind, State, Triage
from assistant.store import Decision, Store, open_store
from tests.command_line import Luister
from tests.core import START, WRITER, add, post

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


# What was learned


async def finished(store_url: str, *, until: datetime) -> list[str]:
    """Return the cases that nothing happened to since `until`, as retention finds them."""
    async with open_store(store_url, "waterstad") as store:
        found = await store.ids(State.OPEN, until=until)
        return [
            id for id in found if (held := (await store.load(id)).case) and held.updated_at <= until
        ]


def taught(store_url: str, *learned: tuple[str, str]) -> None:
    """Have Anna teach a phrase for each (answer, phrase), each in a case of its own."""

    async def teach() -> None:
        async with open_store(store_url, "waterstad") as store:
            for number, (answer, phrase) in enumerate(learned):
                await asked(store, f"p{number}", f"Vraag {number}", f"u{number}")
                alias = Alias(answer=answer, phrase=phrase, by=WRITER, at=START)
                draft = Draft(id="d", text="x", origin="answer", sources=(answer,), revision=1)
                events = (
                    Event(kind=Kind.PRESENTED, at=START),
                    Event(kind=Kind.PICKED, at=START, by=WRITER, draft=draft, alias=alias),
                    Event(kind=Kind.TAUGHT, at=START, by=WRITER, alias=alias),
                )
                await add(store, f"cp{number}", *events)

    asyncio.run(teach())


def test_what_was_learned_is_printed_as_lines_for_the_files(
    luister: Luister, folder: Path, store_url: str
) -> None:
    write(folder, "een", aliases='"oude bank"')
    taught(
        store_url,
        *(("een", "zitzak kwijt"), ("een", "zitzak kwijt")),
        *(("een", "Oude  Bank"), ("weg", "matras")),
    )
    told = luister("answers", "learned", "--config", folder)
    assert told.code == 0
    file = folder / "answers" / "een.md"
    line = '    "zitzak kwijt",  # Anna Bakker (AB), 2026-11-20, case cp0'
    assert f"{file}\n{line}\n" in told.out
    assert "weg: no such answer any more\n" in told.out
    assert "bank" not in told.out.casefold()
    assert told.out.endswith("2 learned that stand in no file\n")

    # Pasted as it is, it is the file's own from now on.
    text = file.read_text("utf-8").replace('"oude bank"', f'"oude bank",\n{line}\n')
    file.write_text(text, "utf-8")
    assert "zitzak" not in luister("answers", "learned", "--config", folder).out
    assert luister("answers", "check", "--config", folder).code == 0


def test_what_was_learned_is_found_and_forgotten(
    luister: Luister, folder: Path, store_url: str
) -> None:
    write(folder, "een")
    taught(store_url, ("een", "zitzak kwijt"), ("een", "zitzak kwijt"), ("een", "matras"))
    found = luister("answers", "find", "waar kan ik mijn zitzak kwijt", "--config", folder)
    assert found.out.splitlines()[2].startswith("een")
    assert found.out.splitlines()[2].endswith("yes")

    told = luister("answers", "forget", "een", "Zitzak KWIJT", "--config", folder)
    assert (told.code, told.err) == (0, "")
    assert "(taught in 2 cases)" in told.out

    found = luister("answers", "find", "waar kan ik mijn zitzak kwijt", "--config", folder)
    assert found.out == "no approved answer shares a word with it\n"
    listed = luister("answers", "learned", "--config", folder)
    assert "matras" in listed.out
    assert "zitzak" not in listed.out
    story = luister("show", "cp0", "--config", folder)
    assert "een beheerder haalde het weg" in story.out
    assert "all holds" in luister("verify", "--config", folder).out
    soon = START + timedelta(minutes=1)
    assert sorted(asyncio.run(finished(store_url, until=soon))) == ["cp0", "cp1", "cp2"]
    again = luister("answers", "forget", "een", "zitzak kwijt", "--config", folder)
    assert again.code == 1
    assert again.err.startswith("een: learned no such phrase")


def test_what_was_learned_of_an_answer_that_is_gone_is_reported(
    luister: Luister, folder: Path, store_url: str
) -> None:
    write(folder, "een", until="2026-01-01")
    taught(store_url, ("een", "zitzak"), ("weg", "matras"))
    told = luister("answers", "check", "--config", folder)
    assert 'hint: learned: "zitzak": the answer een has expired\n' in told.out
    assert 'hint: learned: "matras": the answer weg is no more\n' in told.out


def test_without_a_store_the_files_are_still_looked_at(
    luister: Luister, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "een")
    monkeypatch.setenv("LUISTER_REDIS_URL", "redis://127.0.0.1:1/0")
    for command in (("check",), ("find", "bijnaam een")):
        told = luister("answers", *command, "--config", folder)
        assert told.code == 0
        assert told.err.endswith("what was learned is left out\n")
    monkeypatch.delenv("LUISTER_REDIS_URL")
    told = luister("answers", "find", "bijnaam een", "--config", folder)
    assert (told.code, told.err) == (0, "")
    assert not (folder.parent / "state").exists()


@pytest.mark.parametrize("words", [("forget", "een"), ("learned", "een"), ("find", "a", "b")])
def test_each_command_takes_its_own_words(
    luister: Luister, folder: Path, words: tuple[str, ...]
) -> None:
    told = luister("answers", *words, "--config", folder)
    assert told.code == 2
    assert told.err.startswith("answers: find takes a text")
