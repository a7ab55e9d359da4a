"""Words of a citizen that may teach the search: the subject, and nothing of anybody's."""

import re
import time
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant.aliases import LONGEST, MOST, known, phrase_of, spoken, teachable, with_learned
from assistant.answers import Index, sure
from assistant.case import Alias, Kind, Label, State
from assistant.draft import index_of
from assistant.personal import Own, find_personal
from assistant.rules import ADVICE, SENSITIVE
from tests.staff_cases import ANSWER, OPEN, ORGANISATION, alias, case_in, event, fold, story, triage

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("post", "phrase"),
    [
        ("@waterstad hoe kan ik grofvuil laten ophalen?", "grofvuil ophalen"),
        ("Waar kan ik mijn oude bank kwijt? #afval www.foo.nl/bank", "oude bank kwijt"),
        ("WAAR KAN IK MIJN OUDE BANK KWIJT", "oude bank kwijt"),
        ("bank kwijt, oude bank!", "bank kwijt oude"),
        ("Goedemiddag beste mensen, mijn bank moet weg. Mvg", "mensen bank weg"),
        ("Ik heb 3 matrassen van 2019, welke container?", "heb matrassen container"),
        ("Waar blijft Stadsgenoot? De stoep ligt vol", "blijft stoep ligt vol"),
        ("https://waterstad.nl/afval zegt iets over matrassen", "zegt matrassen"),
        ("Mag de caf\u00e9-stoel\u200b ook mee?", "caf\u00e9 stoel"),
    ],
)  # fmt: skip
def test_the_telling_words_stay_in_their_order(post: str, phrase: str) -> None:
    assert phrase_of(post) == phrase


@pytest.mark.parametrize("post", ["", "hoi!", "Wat kan ik doen?", "@a #afval 14 099", "x" * 300])
def test_what_says_nothing_teaches_nothing(post: str) -> None:
    assert phrase_of(post) is None


@pytest.mark.parametrize(
    ("post", "private"),
    [
        ("Matras kwijt. Groeten, Piet Jansen", ("piet", "jansen")),
        ("mijn matras kwijt, groet piet", ("piet",)),
        ("buurman jansen dumpt een matras", ("jansen",)),
        ("Jan Smit dumpt een matras; jan doet dat vaak", ("jan", "smit")),
        ("Matras kwijt op Dijkstraat 12, 1234 AB", ("dijkstraat", "ab", "12")),
        ("Matras kwijt, bel 06-12345678 of mail p.jansen@example.nl", ("example", "jansen", "06")),
        ("Matras kwijt, kenteken 12-AB-CD", ("kenteken 12", "cd")),
        ("De matras van Fatimeh ligt op straat", ("fatimeh",)),
        ("@piet.jansen zet een matras buiten, Piet toch!", ("piet", "jansen")),
        ("Matras van de familie De Vries", ("vries",)),
        ("waar kan ik jan de vries mijn matras geven", ("jan", "vries")),
        ("ik ben mohammed el amrani, matras kwijt", ("mohammed", "el", "amrani")),
    ],
)
def test_nothing_personal_is_among_them(post: str, private: tuple[str, ...]) -> None:
    phrase = phrase_of(post)
    assert phrase is not None
    assert "matras" in phrase
    assert [each for each in private if each in phrase] == []


_PARTS = st.sampled_from(
    (
        *("matras", "container", "Grofvuil", "WAAR", "kan", "de", "caf\u00e9", ".", ",", "\n"),
        *("mevrouw", "Piet", "Jansen", "@henk", "jan.smit@example.nl", "06-12345678", "\u202e"),
        *("#afval", "https://a.nl/x", "Dijkstraat", "12", "1234 AB", "NL91ABNA0417164300"),
    )
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(_PARTS, max_size=30).map(" ".join)))
@example("\u0149Jan Smit")
@example("\u0130\u00df\ufb01")
def test_any_post_gives_short_plain_words_without_personal_data(post: str) -> None:
    phrase = phrase_of(post)
    if phrase is None:
        return
    words = phrase.split(" ")
    assert len(phrase) <= LONGEST
    assert len(words) <= MOST
    assert all(re.fullmatch(r"[^\W\d_]+", each) for each in words)
    assert len(set(words)) == len(words)
    assert find_personal(phrase, own=Own()) == ()
    # As it stands in a file it says the same again.
    assert known(ANSWER.model_copy(update={"aliases": (phrase,)}), phrase)


@pytest.mark.parametrize("label", ADVICE)
def test_only_posts_that_are_answered_teach_anything(label: Label) -> None:
    case = fold(*story(*OPEN, Kind.PICKED)).model_copy(update={"triage": triage(label=label)})
    assert case.offered is not None
    assert (teachable(case) is not None) == (label in ("question", "complaint", "report"))
    assert not (label in SENSITIVE and teachable(case))


@pytest.mark.parametrize("kind", [Kind.RECEIVED, Kind.EDITED, Kind.DELETED, Kind.ERASED])
def test_words_of_a_post_that_is_not_the_same_any_more_are_not_offered(kind: Kind) -> None:
    case = fold(*story(*OPEN, Kind.PICKED, kind))
    assert case.offered is None


def test_who_chooses_an_answer_waits_for_no_rewriting() -> None:
    assert fold(*story(*OPEN, Kind.REWRITE)).rewriting is not None
    assert fold(*story(*OPEN, Kind.REWRITE, Kind.PICKED)).rewriting is None


# Searching


def learned(*phrases: str, answer: str = "grofvuil") -> list[tuple[str, Alias]]:
    """Return what the store holds."""
    return [("c1", alias().model_copy(update={"phrase": p, "answer": answer})) for p in phrases]


def found(post: str, aliases: Iterable[tuple[str, Alias]]) -> tuple[Any, ...]:
    """Return what the search makes of a post, with these words learned."""
    hits = index_of(with_learned(ORGANISATION, aliases), TODAY).find(post)
    return tuple((each.answer.id, each.score, each.coverage) for each in hits), sure(hits) is None


def test_a_learned_word_finds_its_answer_just_as_one_in_its_file_does() -> None:
    post = "mag een zitzak mee?"
    assert found(post, ()) == ((), True)
    filed = ANSWER.model_copy(update={"aliases": (*ANSWER.aliases, "zitzak schommelstoel")})
    hits = Index((filed,), today=TODAY).find(post)
    as_filed = tuple((each.answer.id, each.score, each.coverage) for each in hits)
    assert found(post, learned("zitzak schommelstoel"))[0] == as_filed != ()


def test_words_that_stand_twice_count_once() -> None:
    once = found("bank weg", ())
    assert found("bank weg", learned("Bank  weg", "bank weg")) == once
    assert found("zitzak", learned("zitzak")) == found("zitzak", learned("zitzak", "Zitzak"))


def test_words_of_an_answer_that_is_gone_are_nobodys() -> None:
    assert (
        with_learned(ORGANISATION, learned("zitzak", answer="weg")).answers == ORGANISATION.answers
    )
    assert with_learned(ORGANISATION, ()) is ORGANISATION


def test_thousands_of_learned_words_hold_no_draft_up() -> None:
    own = tuple(f"oude bank {number}" for number in range(40))
    answers = (ANSWER.model_copy(update={"aliases": own}),)
    organisation = ORGANISATION.model_copy(update={"answers": answers})
    taught = learned(*(f"zitzak {number}" for number in range(3000)))
    began = time.process_time()
    (answer,) = with_learned(organisation, taught).answers
    assert len(answer.aliases) == 3040
    assert time.process_time() - began < 0.5


def test_a_case_without_a_label_teaches_nothing() -> None:
    assert teachable(case_in(State.NEW).model_copy(update={"offered": alias()})) is None
    assert event(Kind.TAUGHT).alias == alias()


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("mijn kliko zit begin volgende week nog vol, lang wachten", True),
        ("kan ik begin volgende week naar de milieustraat, of moet ik wachten?", False),
    ],
)
def test_learned_words_count_only_where_a_post_says_nearly_all_of_them(
    text: str, *, counts: bool
) -> None:
    taught = learned("begin volgende week wachten kliko zit")

    assert spoken(taught, text) == (tuple(taught) if counts else ())
