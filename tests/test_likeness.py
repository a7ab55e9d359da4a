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
from assistant.likeness import LONGEST, Likeness, pieces, pieces_of
from assistant.rules import ADVICE, Reading, Register, judge, judging
from assistant.rules import reading as rules_reading
from assistant.rules.phrases import words
from assistant.words import Words
from tests.eval import learning, train

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
REGISTER = Register(WATERSTAD, today=date(2026, 11, 20))
VEILED = "jullie gaan nog wat meemaken als die boete niet weg is, hoe laat sluit het stadhuis"
"""A threat without a word of the lists, and a question on our subject beside it."""
EARS = ("silence", "tone")


def reading(text: str) -> Reading:
    return Reading(text=text, addressed="mention", own=WATERSTAD.own, register=REGISTER)


def test_what_the_lists_do_not_know_goes_to_a_person() -> None:
    verdict = judge(reading(VEILED))

    assert (verdict.label, verdict.advice, verdict.why) == (
        "question",
        "hand_over",
        "like_abuse",
    )
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
def test_what_says_no_more_than_our_subject_is_answered(text: str) -> None:
    assert judge(reading(text)).advice == "answer"


TWO = Likeness(
    labels=("abuse", "question"),
    start=(0, 0),
    limits={},
    posts=10,
    pieces={
        "=haat": (2, (90, -90)),
        "=kliko": (2, (-120, 120)),
        "de kliko": (2, (-120, 120)),
        "=de": (9, (10, -10)),
    },
)


def test_each_word_weighs_for_one_label_and_against_another() -> None:
    assert TWO.shares(" haat ")["abuse"] > 0.5 > TWO.shares(" haat kliko / ")["abuse"]
    assert TWO.shares(" onbekend / ") == {"abuse": 0.5, "question": 0.5}
    assert sum(TWO.shares(" haat de kliko ").values()) == pytest.approx(1)


def test_two_words_side_by_side_are_heard_together() -> None:
    assert TWO.shares(" de kliko ")["question"] > TWO.shares(" kliko de ")["question"]


def test_what_is_told_are_the_words_that_speak_for_the_label() -> None:
    said = " kliko de haat onbekend / "

    assert TWO.told(said, "abuse") == ("haat",)
    assert TWO.told(said, "question") == ("kliko",)


def test_a_word_that_tells_a_reader_nothing_is_not_told() -> None:
    weights = dict.fromkeys(("=gaat", "=de", "=ich", "=@haatmij"), (2, (99, -99)))
    ear = replace(TWO, pieces={**TWO.pieces, **weights})

    assert ear.told(" gaat de ich @haatmij kliko haat / ", "abuse") == ("haat",)
    assert ear.shares(" gaat de ich / ")["abuse"] > 0.5
    assert ear.told(" gaat de ich / ", "abuse") == ()


def test_a_post_without_a_telling_word_is_held_back_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = dict.fromkeys(("=hoe", "=laat"), (2, (99, -99)))
    ear = replace(TWO, pieces=pieces, limits={"held": 0.5})
    for module in (judging, rules_reading):
        monkeypatch.setattr(module, "ear", lambda name: ear)

    verdict = judge(reading("Hoe laat kan ik de gladheid en de strooiwagen zien?"))

    assert (verdict.advice, verdict.why, verdict.heard) == ("hand_over", "like_abuse", ())
    assert verdict.reason(Words("nl")).startswith("Het bericht als geheel")


def test_nothing_general_is_suggested_under_what_is_most_like_thanks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = {"=dankjewel": (2, (-99, -99, 250))}
    ear = replace(
        TWO,
        labels=(*TWO.labels, "thanks"),
        start=(-99, 0, 0),
        pieces=heard,
        limits={"general": 0.5},
    )
    monkeypatch.setattr(judging, "ear", lambda name: ear)
    monkeypatch.setattr(rules_reading, "ear", lambda name: ear)

    assert judging.quiet(reading("de lamp is kapot"))
    assert not judging.quiet(reading("dankjewel"))


def test_what_is_held_back_keeps_whose_it_is_and_names_the_rule_to_think_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ear = replace(TWO, pieces={"=waterschapsbelasting": (2, (99, -99))}, limits={"held": 0.5})
    text = "Wanneer moet ik de waterschapsbelasting betalen?"
    body = judge(reading(text)).body
    for module in (judging, rules_reading):
        monkeypatch.setattr(module, "ear", lambda name: ear)

    verdict = judge(reading(text))

    assert (verdict.advice, verdict.why, verdict.rule) == ("hand_over", "like_abuse", 10)
    assert verdict.body == body is not None


def test_what_is_like_several_a_little_is_doubted_and_called_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    three = replace(
        TWO,
        labels=("abuse", "legal", "question"),
        start=(40, 30, 35),
        pieces={"=paspoort": (2, (1, 1, 1))},
        limits={"held": 0.5},
    )
    for module in (judging, rules_reading):
        monkeypatch.setattr(module, "ear", lambda name: three)

    verdict = judge(reading("Wat kost een nieuw paspoort?"))

    assert (verdict.label, verdict.advice, verdict.why) == ("question", "hand_over", "doubt")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_reason_says_what_a_post_may_be(language: str) -> None:
    for label in train.SILENT:
        for why in (f"like_{label}", "doubt"):
            assert Words(language).say(f"triage.{why}", words="x")


def test_no_piece_is_longer_than_two_words_or_stood_in_one_post_alone() -> None:
    for name in EARS:
        ear = likeness.ear(name)
        assert min(seen for seen, _ in ear.pieces.values()) >= learning.LEAST
        assert all(each.count(" ") <= 1 and "/" not in each for each in ear.pieces)
        bare = [each for each in ear.pieces if " " not in each and not each.startswith("=")]
        assert all(len(each) <= LONGEST for each in bare)


def test_a_text_is_heard_by_its_words_their_pieces_and_their_order() -> None:
    assert pieces("dak") == {"=dak", "^da", "dak", "ak$", "^dak", "dak$"}
    assert pieces_of(" een dak / ") == tuple(sorted(pieces("dak") | pieces("een") | {"een dak"}))


@pytest.mark.timeout(300)  # it learns from thousands of texts: half a minute here
@pytest.mark.parametrize("name", EARS)
def test_training_anew_hears_the_same(name: str) -> None:
    """Not the same to the last digit: that is another machine's arithmetic."""
    texts, most = {
        "silence": (train.samples, train.MOST),
        "tone": (train.tone_samples, train.MOST_OF_TONE),
    }[name]
    learned = texts()
    anew, held = train.taught(learned, most=most), likeness.ear(name)
    for each in learned[::50]:
        assert anew.shares(each.plain) == pytest.approx(held.shares(each.plain), abs=0.02)


def test_triage_weighs_a_post_as_the_threshold_was_chosen() -> None:
    post = reading(VEILED)

    assert post.silence == pytest.approx(
        train.silent(likeness.ear("silence").shares(post.all_words))
    )


def test_no_post_it_is_measured_on_has_a_part_in_the_training() -> None:
    """Neither by its id nor by its words: six in a row are nobody's chance."""
    measured = read_rows(sorted(train.HERE.glob("posts_*.jsonl")))
    test_half = [row for row in measured if half_of(row.id) == "test"]
    practice = read_rows([train.PRACTICE])
    assert not {row.id for row in measured} & {row.id for row in practice}
    # Counted, so that a failure shows nobody a post of the test half.
    assert len(runs(test_half) & runs(practice)) == 0
    tuning = len([row for row in measured if half_of(row.id) == "tuning" and _apart(row)])
    assert likeness.ear("silence").posts == tuning + len([row for row in practice if _apart(row)])


def _apart(row: Row) -> bool:
    return row.label in (*train.SILENT, *train.ANSWERABLE, *train.NEITHER)


def runs(rows: Iterable[Row], *, length: int = 6) -> set[tuple[str, ...]]:
    """Return every run of so many words in these posts."""
    texts = [words(row.text).split() for row in rows]
    return {tuple(text[i : i + length]) for text in texts for i in range(len(text) - length + 1)}


def test_they_are_small() -> None:
    assert sum(learning.file_of(each).stat().st_size for each in EARS) < 2_000_000


def test_what_is_told_apart_are_labels_that_may_and_may_not_be_answered() -> None:
    assert set(likeness.ear("silence").labels) == {
        *train.SILENT,
        *train.ANSWERABLE,
        *train.NEITHER,
    }
    assert set(likeness.ear("tone").labels) == {*TONES, train.FINE}
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
    ear.shares("paspoort")
    tracemalloc.start()
    for number in range(10):
        ear.shares("".join(chr(97 + (at * at // 7 + number) % 26) for at in range(5000)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
