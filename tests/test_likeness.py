"""The second ear: it only ever makes the advice stricter, and its weights can be made anew."""

import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from assistant import likeness
from assistant.checks.tone import TONES
from assistant.config import load
from assistant.evaluate.rows import Row, half_of, read_rows
from assistant.likeness import LONGEST, Likeness, pieces
from assistant.rules import ADVICE, Reading, Register, judge, judging
from assistant.rules.phrases import words
from assistant.words import Words
from tests.eval import learning, train

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
REGISTER = Register(WATERSTAD, today=date(2026, 11, 20))
VEILED = "jullie gaan nog wat meemaken als die boete niet weg is, hoe laat sluit het stadhuis"
"""A threat without a word of the lists, and a question on our subject beside it."""


def reading(text: str) -> Reading:
    return Reading(text=text, addressed="mention", own=WATERSTAD.own, register=REGISTER)


def test_what_the_lists_do_not_know_goes_to_a_person() -> None:
    verdict = judge(reading(VEILED))

    assert (verdict.label, verdict.advice, verdict.why) == ("question", "hand_over", "likeness")
    assert (verdict.sure, verdict.department) == (False, None)


def test_the_reason_names_words_of_the_post() -> None:
    verdict = judge(reading(VEILED))

    assert 1 <= len(verdict.heard) <= 3
    assert set(verdict.heard) <= set(words(VEILED).split())
    for language in ("nl", "en"):
        assert verdict.heard[0] in verdict.reason(Words(language))


@pytest.mark.parametrize(
    "text",
    [
        "Wat kost een nieuw paspoort?",
        "Hoe vraag ik een parkeervergunning aan?",
        "hoe maak ik een afspraak om grofvuil te laten ophalen?",
    ],
)
def test_what_is_about_our_subject_alone_has_no_room_to_mean_more(text: str) -> None:
    assert judge(reading(text)).advice == "answer"


def test_a_word_of_our_own_subjects_never_speaks_for_silence() -> None:
    ear = Likeness(
        posts=10,
        threshold=0,
        quiet=0,
        seen={"=paspoort": 2, "=haat": 2},
        weights={"=paspoort": 90, "=haat": 90},
    )
    ours = frozenset({"paspoort"})

    assert ear.hears("paspoort", ours=frozenset())
    assert ear.told("paspoort", ours=frozenset()) == ("paspoort",)
    assert not ear.hears("paspoort", ours=ours)
    assert ear.hears("paspoort haat", ours=ours)
    assert ear.told("paspoort haat", ours=ours) == ("haat",)


def test_no_word_is_shown_that_tells_nothing_or_speaks_for_an_answer() -> None:
    weights = {"=gaat": 99, "=de": 99, "=ich": 99, "=@haatmij": 99, "=haat": 50, "=kliko": -60}
    ear = Likeness(posts=10, threshold=0, quiet=0, seen=dict.fromkeys(weights, 2), weights=weights)

    assert ear.told(" gaat de ich @haatmij kliko haat / ", ours=frozenset()) == ("haat",)
    assert ear.hears(" gaat de ich / ", ours=frozenset())
    assert ear.told(" gaat de ich / ", ours=frozenset()) == ()


def test_a_post_without_a_telling_word_is_held_back_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = {"=hoe": 99, "=laat": 99}
    ear = Likeness(posts=10, threshold=0, quiet=0, seen=dict.fromkeys(weights, 2), weights=weights)
    monkeypatch.setattr(judging, "ear", lambda name: ear)

    verdict = judge(reading("Hoe laat kan ik de gladheid en de strooiwagen zien?"))

    assert (verdict.advice, verdict.why, verdict.heard) == ("hand_over", "likeness_whole", ())
    assert verdict.reason(Words("nl")).startswith("Dit bericht als geheel")


def test_what_speaks_for_an_answer_weighs_against_it() -> None:
    ear = Likeness(
        posts=10,
        threshold=0,
        quiet=0,
        seen={"=haat": 2, "=kliko": 2},
        weights={"=haat": 50, "=kliko": -60},
    )

    assert ear.score(" haat ") > 0 > ear.score(" haat kliko / ")
    assert ear.score(" onbekend / ") == 0


def test_no_piece_is_longer_than_a_word_or_stood_in_one_post_alone() -> None:
    for name in ("silence", *TONES):
        ear = likeness.ear(name)
        assert min(ear.seen.values()) >= learning.LEAST
        assert not [each for each in ear.seen if " " in each or "/" in each]
        assert all(each.startswith("=") or len(each) <= LONGEST for each in ear.seen)


def test_pieces_are_of_one_word() -> None:
    assert pieces("dak") == {"=dak", "^da", "dak", "ak$", "^dak", "dak$", "^dak$"}


def test_training_anew_gives_the_same_files() -> None:
    said = train.tone_samples()
    anew = {"silence": train.silence(train.samples())}
    anew |= {code: train.tone(code, said) for code in TONES}
    for name, ear in anew.items():
        held = likeness.ear(name)
        kept = replace(ear, threshold=held.threshold, quiet=held.quiet)
        assert learning.written(kept) == learning.file_of(name).read_text("utf-8")


def test_no_post_it_is_measured_on_has_a_part_in_the_training() -> None:
    """Neither by its id nor by its words: six in a row are nobody's chance."""
    measured = read_rows(sorted(train.HERE.glob("posts_*.jsonl")))
    test_half = [row for row in measured if half_of(row.id) == "test"]
    practice = read_rows([train.PRACTICE])
    assert not {row.id for row in measured} & {row.id for row in practice}
    assert not runs(test_half) & runs(practice)
    tuning = len([row for row in measured if half_of(row.id) == "tuning" and _apart(row)])
    assert likeness.ear("silence").posts == tuning + len([row for row in practice if _apart(row)])


def _apart(row: Row) -> bool:
    return row.label in (*train.SILENT, *train.ANSWERABLE)


def runs(rows: Iterable[Row], *, length: int = 6) -> set[tuple[str, ...]]:
    """Return every run of so many words in these posts."""
    texts = [words(row.text).split() for row in rows]
    return {tuple(text[i : i + length]) for text in texts for i in range(len(text) - length + 1)}


def test_they_are_small() -> None:
    assert sum(learning.file_of(each).stat().st_size for each in ("silence", *TONES)) < 2_000_000


def test_what_is_told_apart_are_labels_that_may_and_may_not_be_answered() -> None:
    assert all(ADVICE[label][0] == "answer" for label in train.ANSWERABLE)
    assert all(ADVICE[label][0] != "answer" for label in train.SILENT)


def test_the_threshold_holds_back_no_more_than_its_share() -> None:
    scored: list[tuple[str, float]] = [("question", float(each)) for each in range(10)]
    scored.append(("abuse", 99.0))

    threshold = train.threshold_for(0.4, scored)

    assert [score for label, score in scored if label == "question" and score > threshold] == [
        6.0,
        7.0,
        8.0,
        9.0,
    ]


def test_no_word_of_a_post_is_kept() -> None:
    ear = likeness.ear("silence")
    ear.score("paspoort")
    tracemalloc.start()
    for number in range(10):
        ear.score("".join(chr(97 + (at * at // 7 + number) % 26) for at in range(5000)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
