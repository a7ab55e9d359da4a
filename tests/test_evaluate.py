"""The evaluation counts right, runs the product's own steps, and goes on where it was stopped."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from assistant.commands.evaluating import bench_of, measured
from assistant.config import load
from assistant.errors import Misconfigured
from assistant.evaluate.figures import figures, kappa, rate
from assistant.evaluate.page import page
from assistant.evaluate.rows import Row, half_of, labels_of, read_rows
from assistant.evaluate.runs import Results, configuration, tried_in_processes
from assistant.evaluate.telling import percent, told
from assistant.evaluate.trying import Tried
from tests.command_line import Luister

ROOT = Path(__file__).parent.parent
EVAL = ROOT / "tests" / "eval"
WATERSTAD = ROOT / "examples" / "waterstad"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

QUESTION = Row(id="q", text="Hoe vraag ik een paspoort aan?", label="question")
GAS = Row(id="g", text="Ik ruik gas in de hele straat, kan dat kwaad?", label="emergency")
PARTY = Row(id="p", text="Gaat de VVD dit weer regelen voor haar vriendjes?", label="political")


def outcome(id: str, **values: Any) -> Tried:
    """Return what may have been found for a post."""
    plain: dict[str, Any] = {
        "label": "question",
        "advice": "answer",
        "department": None,
        "sure": True,
        "language": "nl",
        "near": (),
    }
    return Tried(id=id, **plain | values)


def file_of(folder: Path, rows: Sequence[dict[str, Any] | str]) -> Path:
    """Write rows to a file; a text stands in it as it is."""
    path = folder / "posts.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), "utf-8")
    return path


# Counting


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Newcombe (1998), table I, to four decimals.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    found = rate(hits, of)
    assert found.share == hits / of
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_share_of_nothing_is_none() -> None:
    assert rate(0, 0).share is None
    assert percent(rate(0, 0)) == "-"
    assert percent(rate(0, 20)) == "0 of 20, 0.0% (0.0–16.1%)"


def test_kappa_is_cohens() -> None:
    # Twenty said yes by both, 15 no by both, 15 differ: Cohen's own kind of example, 0.4.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([("y", "y")] * 3) == 1.0


def test_an_answer_advised_to_a_stop_label_is_a_silence_error() -> None:
    rows = [GAS, PARTY, QUESTION]
    found = [
        outcome("g", offered=True, origin="template"),
        outcome("p", label="political", advice="leave"),
        outcome("q", advice="hand_over"),
    ]
    counted = figures(rows, found)
    silence = {each.name: each for each in counted.silence}
    assert (silence["emergency"].answered.hits, silence["emergency"].ids) == (1, ("g",))
    assert silence["emergency"].offered.hits == 1
    assert (silence["political, opinion"].answered.hits, silence["self_harm"].answered.of) == (0, 0)
    assert counted.held_back["question"].hits == 1
    assert counted.confusion["emergency"]["question"] == 1


def test_macro_f1_weighs_every_label_the_same() -> None:
    rows = [Row(id=str(n), text="x", label="question") for n in range(8)]
    rows += [Row(id="t", text="x", label="thanks"), Row(id="u", text="x", label="thanks")]
    found = [outcome(row.id) for row in rows]
    counted = figures(rows, found)
    # Questions: 8 right of 10 named, F1 16/18; thanks: never found, 0.
    assert counted.labels_f1 is not None
    assert counted.labels_f1.value == pytest.approx((16 / 18) / 2)
    assert counted.labels_f1.low <= counted.labels_f1.value <= counted.labels_f1.high


def test_answers_count_only_where_somebody_said_which_fits() -> None:
    rows = [
        Row(id="a", text="x", answer="bin"),
        Row(id="b", text="x", answer="bin"),
        Row(id="c", text="x", answer="none"),
        Row(id="d", text="x"),
        Row(id="e", text="x", answer="bin"),
    ]
    found = [
        outcome("a", near=("bin", "tree"), origin="answer", sources=("bin",)),
        outcome("b", near=("tree", "bin")),
        outcome("c", near=("tree",), origin="answer", sources=("tree",)),
        outcome("d", near=("bin",)),
        # The fixed pointer of its label says nothing of the search.
        outcome("e", near=("tree",), origin="answer", sources=("road",), pointer=True),
    ]
    counted = figures(rows, found).answers
    assert [(each.hits, each.of) for each in counted.values()] == [(1, 3), (2, 3), (1, 1), (1, 1)]


def test_departments_are_right_or_not_only_where_an_answer_may_be_given() -> None:
    rows = [
        Row(id="a", text="x", label="question", department="waste"),
        Row(id="b", text="x", label="question", department="waste"),
        Row(id="c", text="x", label="emergency", department="waste"),
    ]
    found = [
        outcome("a", department="waste"),
        outcome("b", department=None, sure=False),
        outcome("c", department="care"),
    ]
    counted = figures(rows, found)
    assert [(each.name, each.recall.hits, each.recall.of) for each in counted.departments] == [
        ("waste", 1, 2)
    ]
    assert (counted.coverage.hits, counted.right_when_sure.of) == (2, 1)


def test_a_department_may_be_named_or_suggested() -> None:
    rows = [Row(id=id, text="x", label="question", department="waste") for id in "abcd"]
    rows.append(Row(id="e", text="x", label="emergency", department="waste"))
    found = [
        outcome("a", department="waste", likely=None),
        outcome("b", likely="waste"),
        outcome("c", likely="care"),
        outcome("d"),
        outcome("e", likely="waste"),
    ]
    counted = figures(rows, found)
    assert (counted.suggested.hits, counted.suggested.of) == (2, 4)
    assert (counted.right_when_suggested.hits, counted.right_when_suggested.of) == (1, 2)
    assert counted.departments_f1 is not None
    assert counted.suggested_f1 is not None
    assert (counted.departments_f1.value, counted.suggested_f1.value) == pytest.approx(
        (2 / 5, 2 / 3)
    )
    shown = told(counted, ids=False)
    assert "right department named or suggested" in shown
    assert "2 of 4, 50.0%" in shown


# Reading


def test_the_halves_are_as_the_readme_says() -> None:
    rows = read_rows(sorted(EVAL.glob("posts_*.jsonl")))
    assert {half_of(row.id) for row in rows} == {"tuning", "test"}
    # SHA-256 of "a-0001" begins with an odd byte: tests/eval/second.jsonl holds it.
    assert half_of("a-0001") == "test"
    assert {half_of(id) for id in labels_of(EVAL / "second.jsonl")} == {"test"}


def test_the_answers_that_fit_are_known_and_none_is_for_the_test_half() -> None:
    fitting = read_rows([*sorted(EVAL.glob("posts_*.jsonl")), EVAL / "answers.jsonl"])
    told = [row for row in fitting if row.answer]
    assert len(told) > 100
    assert {half_of(row.id) for row in told} == {"tuning"}
    known = {each.id for each in load(WATERSTAD).answers} | {"none"}
    assert {row.answer for row in told} <= known


def test_a_later_row_adds_to_an_earlier_one(tmp_path: Path) -> None:
    file = file_of(tmp_path, [{"id": "1", "text": "x"}, {"id": "1", "answer": "bin"}])
    assert read_rows([file]) == (Row(id="1", text="x", answer="bin"),)


def test_every_mistake_is_told_with_its_line_and_no_text(tmp_path: Path) -> None:
    rows: list[dict[str, Any] | str] = [
        {"id": "1", "text": "geheim", "label": "vraag"},
        "geheim",
        {"id": "3"},
    ]
    with pytest.raises(Misconfigured) as caught:
        read_rows([file_of(tmp_path, rows)])
    said = str(caught.value)
    assert "geheim" not in said
    assert "vraag" not in said
    for place in ("posts.jsonl:1: label", "posts.jsonl:2: no JSON", "posts.jsonl:3: text: missing"):
        assert place in said


def test_others_posts_keep_their_own_words(tmp_path: Path) -> None:
    path = tmp_path / "abuse.csv"
    path.write_text("case_id,functionality,text,label\nd-2,quote_nh,Hoi,hateful\n", "utf-8")
    assert read_rows([path], by="functionality") == (Row(id="d-2", text="Hoi", group="quote_nh"),)


# Trying


async def tried_with(model: str, *rows: Row, results: Results | None = None) -> list[Tried]:
    return list(await measured(rows, folder=WATERSTAD, model=model, now=NOW, results=results))


async def test_a_model_that_always_says_answer_changes_no_stop_label() -> None:
    rows = (GAS, PARTY, QUESTION)
    for model in ("off", "scripted"):
        gas, party, question = await tried_with(model, *rows)
        assert (gas.label, gas.advice, gas.offered) == ("emergency", "hand_over", False)
        assert (party.label, party.advice, party.offered) == ("political", "leave", False)
        assert (question.advice, question.offered) == ("answer", True)
        assert "paspoort-aanvragen" in question.near
        assert question.calls == (2 if model == "scripted" else 0)


async def test_what_was_tried_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "e.results.jsonl"
    first = await tried_with("off", QUESTION, results=Results(path, configuration="1"))
    kept = path.read_text("utf-8")
    assert QUESTION.text not in kept
    assert json.loads(kept)["tried"]["id"] == ""
    # What the file says is believed, so this can only come from there; a torn line is passed over.
    path.write_text(kept.replace('"label":"question"', '"label":"spam"') + '{"key": "', "utf-8")

    again = await tried_with("off", QUESTION, results=Results(path, configuration="1"))
    other = await tried_with("off", QUESTION, results=Results(path, configuration="2"))

    assert [each.label for each in (*first, *again, *other)] == ["question", "spam", "question"]


async def test_processes_find_what_one_finds() -> None:
    rows = (GAS, QUESTION, PARTY)
    coming = tried_in_processes(rows, bench_of, (WATERSTAD, None, NOW))
    ((some, found),) = [each async for each in coming]
    here = await tried_with("off", *rows)
    assert tuple(some) == rows
    assert [untimed(each) for each in found] == [untimed(each) for each in here]


def untimed(found: Tried) -> Tried:
    return found.model_copy(update={"seconds": 0.0})


def test_the_configuration_is_known_by_model_day_and_answers() -> None:
    organisation = load(WATERSTAD)
    fewer = organisation.model_copy(update={"answers": organisation.answers[1:]})
    hashes = [
        configuration(each, model=model, on=day)
        for each, model, day in (
            (organisation, "off", "d1"),
            (organisation, "m", "d1"),
            (organisation, "off", "d2"),
            (fewer, "off", "d1"),
        )
    ]
    assert len(set(hashes)) == 4
    assert hashes[0] == configuration(organisation, model="off", on="d1")


# Telling


def test_the_page_needs_nothing_beside_itself_and_acts_on_no_text() -> None:
    counted = figures([GAS, QUESTION], [outcome("<script>"), outcome("q")])
    html = page(counted, title="A & B", facts={"model": "<b>"}, ids=True)
    assert "<script>" not in html
    assert "<title>A &amp; B</title>" in html
    assert not re.search(r"(?i)(src=|href=|url\(|@import|https?:)", html)
    assert 'title="emergency called question: 1 of 1"' in html
    for section in ("Silence errors", "Which label is taken for which", "Cost of a post"):
        assert section in html


def test_only_who_may_see_them_is_told_the_posts() -> None:
    counted = figures([GAS], [outcome("g-17")])
    assert "g-17" in told(counted, ids=True)
    assert "g-17" not in told(counted, ids=False)


def test_labels_are_anybodys_and_sure_posts_pass_no_triage_channel() -> None:
    counted = figures([GAS, QUESTION], [outcome("g"), outcome("q")])
    text = told(counted, ids=False)

    assert "labelled as" in text
    assert "goes straight to a department" in text
    assert "people" not in text + page(counted, title="", facts={}, ids=False)


# The command


def test_what_the_documented_command_writes_is_nothing_to_commit() -> None:
    asked = next(
        line
        for line in (ROOT / "docs" / "evaluating.md").read_text("utf-8").splitlines()
        if line.startswith("luister eval")
    )
    html, report = re.findall(r"--(?:html|json) (\S+)", asked)
    ignored = [each.lstrip("/") for each in (ROOT / ".gitignore").read_text("utf-8").split("\n")]

    for name in (html, report, str(Path(report).with_suffix(".results.jsonl"))):
        assert any(fnmatch(name, each) for each in ignored), name


def test_eval_writes_the_reports(luister: Luister, tmp_path: Path) -> None:
    rows: list[dict[str, Any] | str] = [
        {"id": "1", "text": GAS.text, "label": "emergency", "department": None, "language": "nl"},
        {"id": "2", "text": QUESTION.text, "label": "question", "department": "burgerzaken"},
    ]
    report, html = tmp_path / "e.json", tmp_path / "e.html"
    second = tmp_path / "second.jsonl"
    second.write_text('{"id": "1", "label": "emergency"}\n{"id": "2", "label": "report"}\n')

    asked = ("eval", file_of(tmp_path, rows), "--json", report, "--html", html, "--second", second)
    done = luister(*asked)

    assert done.code == 0
    assert "emergency" in done.out
    assert "0 of 1, 0.0% (0.0–79.3%)" in done.out
    assert "Agreement of the two labellings" in done.out
    found = json.loads(report.read_text("utf-8"))
    assert found["posts"] == 2
    assert found["departments"][0]["name"] == "burgerzaken"
    assert found["kappa"][0]["posts"] == 2
    assert "Silence errors" in html.read_text("utf-8")
    kept = report.with_suffix(".results.jsonl")
    assert len(kept.read_text("utf-8").splitlines()) == 2
    luister(*asked)
    assert len(kept.read_text("utf-8").splitlines()) == 2


def test_eval_of_a_half_nobody_is_in(luister: Luister, tmp_path: Path) -> None:
    file = file_of(tmp_path, [{"id": "a-0001", "text": "x"}])
    done = luister("eval", file, "--half", "tuning")
    assert done == (2, "", "nothing to measure: no posts in this half\n")


def test_eval_without_a_model_to_ask(luister: Luister, tmp_path: Path) -> None:
    done = luister("eval", file_of(tmp_path, [{"id": "1", "text": "x"}]), "--model", "configured")
    assert done.code == 2
    assert "[model]" in done.err
