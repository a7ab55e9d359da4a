"""What a model gets to see: nothing hidden, nothing personal, the rest unchanged."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.clean import clean, fold, hidden, visible
from assistant.mask import WORDS, mask
from assistant.personal import Own, find_personal
from tests.test_personal import FOUND, NOT_FOUND, OWN

ANY_TEXT = st.text(max_size=300)
PIECES = st.lists(
    st.sampled_from(
        [case[1] for case in FOUND]
        + NOT_FOUND
        + ["bsn ", "auto ", "\u200b", "\u202e", "\U000e0041", "‍", "\n", "  ", "@", "-", "1", "Jan"]
    ),
    max_size=8,
).map("".join)

MASKED = [
    ("mijn bsn is 111222333", "mijn bsn is [BSN]"),
    ("nr 123456782?", "nr [BSN]?"),
    ("maak over op NL91 ABNA 0417 1643 00!", "maak over op [IBAN]!"),
    ("bel 06-12345678", "bel [TELEFOON]"),
    ("mail jan@voorbeeld.org.", "mail [E-MAIL]."),
    ("ik woon Dorpsstraat 12, 1012 AB", "ik woon [ADRES]"),
    ("kenteken 12-ABC-3", "kenteken [KENTEKEN]"),
    ("@waterstad zeg @jan eens", "[ACCOUNT] zeg [ACCOUNT] eens"),
    ("geboren 12-03-1980", "geboren [GEBOORTEDATUM]"),
    ("zaaknummer Z2024123456", "zaaknummer [NUMMER]"),
    ("wanneer? Groeten, Jan de Vries", "wanneer? Groeten, [NAAM]"),
    ("mvg Fatima", "mvg [NAAM]"),
    ("Hoi Kees, hallo!", "Hoi [NAAM], hallo!"),
    ("bsn 111\u200b222\u200b333", "bsn [BSN]"),
    ("bsn １１１２２２３３３", "bsn [BSN]"),
    ("bel\u202e 06\u00a012345678", "bel [TELEFOON]"),
    ("Bel 14 0123, info@waterstad.example", "Bel 14 0123, info@waterstad.example"),
    ("De boete is 100 euro", "De boete is 100 euro"),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_masks(text: str, masked: str) -> None:
    assert mask(text, own=OWN) == masked


@settings(deadline=None, max_examples=200)
@given(st.one_of(ANY_TEXT, PIECES))
def test_masking_twice_is_masking_once_and_leaves_nothing(text: str) -> None:
    masked = mask(text, own=OWN)
    assert mask(masked, own=OWN) == masked
    assert find_personal(masked, own=OWN) == ()
    assert hidden(masked) == ()


def test_a_mask_is_no_personal_data_itself() -> None:
    text = "Groeten, " + " ".join(WORDS.values())
    assert mask(text, own=Own()) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("af\u00advalbak", "afvalbak"),
        ("a\u200bb\u2060c\ufeff", "abc"),
        ("a\u202eb\u2066c\u200e", "abc"),
        ("a\U000e0068\U000e0069b", "ab"),
        ("a\ufe01\U000e0101b", "ab"),
        ("a\x00\x1b\x7fb\tc\nd", "ab\tc\nd"),
        ("een\r\ntwee\u2028drie", "een\ntwee\ndrie"),
        ("e\u0301e\u0301n", "één"),
        ("👩‍👧 en ❤️", "👩‍👧 en ❤️"),
        ("w\u200doord", "woord"),
        ("b\u200csn", "bsn"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("ب\u200d", "ب"),
        ("❤\ufe0f\ufe0f\ufe0e", "❤\ufe0f"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
    ],
)
def test_only_what_can_be_seen_stays(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text", ["gewone tekst", "é ü ‘’ “” € …", "👍🏽 ❤️ 👩‍👧", "een\r\ntwee\tdrie"]
)
def test_what_can_be_seen_is_not_hidden(text: str) -> None:
    assert hidden(text) == ()


def test_hidden_points_at_the_characters() -> None:
    assert hidden("ab\u200b\u200bc\r\n\U000e0041d") == ((2, 4), (7, 8))


def test_clean_caps_the_length() -> None:
    assert clean("a\u200b" * 3000) == "a" * 2000
    assert clean("abcdef", limit=3) == "abc"


@settings(deadline=None, max_examples=300)
@given(ANY_TEXT)
def test_cleaning_any_text(text: str) -> None:
    shown = clean(text, limit=100)
    assert len(shown) <= 100
    assert clean(shown, limit=100) == shown
    assert hidden(shown) == ()
    assert unicodedata.is_normalized("NFC", shown)


@settings(deadline=None, max_examples=300)
@given(ANY_TEXT)
def test_folding_keeps_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)


def test_folding_makes_look_alikes_plain() -> None:
    assert fold("０６–１２３ ٤ waterstad。example") == "06-123 4 waterstad.example"
