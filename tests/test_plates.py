"""Number plates: every series however it is written, and what looks like one and is none."""

from itertools import cycle

import pytest

from assistant.personal import Own, find_personal
from assistant.plates import LAYOUTS, find_plates

WRITTEN = {
    "with hyphens": "-",
    "with spaces": " ",
    "with dots": ".",
    "with hyphens and spaces": " - ",
    "in one": "",
}
TEXTS = ("die {} weer!", "de auto waarover u schrijft, {}, is bekend", "daar staat {}")
CALLED = ("kenteken {} staat fout", "mijn nummerbord is {}.", "de scooter met {} reed door rood")


def plate(layout: str, *, between: str) -> str:
    """Return a plate of a series, with letters and digits of its own."""
    letters, digits = cycle("XGZKPT"), cycle("481902")
    signs = {"L": letters, "D": digits}
    return "".join(next(signs[each]) if each in signs else between for each in layout)


def found(text: str) -> list[tuple[str, bool]]:
    return [(text[start:end], certain) for start, end, certain in find_plates(text)]


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_plate_of_every_series_is_found(layout: str, written: str, *, small: bool) -> None:
    shown = plate(layout, between=WRITTEN[written])
    shown = shown.lower() if small else shown
    for text in TEXTS:
        assert (shown, False) in [(words, False) for words, _ in found(text.format(shown))]


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("written", ["with hyphens", "in one"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_plate_that_is_called_so_is_certain(layout: str, written: str, *, small: bool) -> None:
    shown = plate(layout, between=WRITTEN[written])
    shown = shown.lower() if small else shown
    for text in CALLED:
        assert found(text.format(shown)) == [(shown, True)]


def test_there_are_fourteen_series() -> None:
    assert len(set(LAYOUTS)) == 14
    assert all(len(layout.replace(" ", "")) == 6 for layout in LAYOUTS)


@pytest.mark.parametrize(
    ("text", "words", "certain"),
    [
        ("kenteken ab 12 cd", "ab 12 cd", True),
        # A word before it that fits a series too hides none.
        ("De auto 41 TSZ 8 staat er", "41 TSZ 8", True),
        ("Kent u 41 TSZ 8?", "41 TSZ 8", False),
        ("Zwarte Golf 30 KL 68 reed door rood", "30 KL 68", False),
        # What spells a word is a plate all the same where it is called one.
        ("Kenteken 86 83 PP staat fout", "86 83 PP", True),
        ("busje met nummerbord 86 83 PP", "86 83 PP", True),
        ("de auto met kenteken 86-83-pp", "86-83-pp", True),
        ("kenteken is AB12-CD", "AB12-CD", True),
        ("de grijze op het plein, PX-01-1Z", "PX-01-1Z", False),
        ("voor Gx-12-Zk geldt dat niet", "Gx-12-Zk", False),
        ("een brommer, FXX-12-B, zonder licht", "FXX-12-B", True),
        ("de rode met BV-12-NH", "BV-12-NH", False),
        ("die 12-sp-gg", "12-sp-gg", False),
    ],
)
def test_is_found(text: str, words: str, *, certain: bool) -> None:
    assert found(text) == [(words, certain)]


@pytest.mark.parametrize(
    "text",
    [
        *("12 km 30", "3 van 12", "2 van 100", "10 op 100", "8 GB 256", "3 kg 20", "12 pk 30"),
        *("12 mei 3", "1-mei-20", "3-MRT-12", "9-tot-17", "3-km-100", "24-uur-7", "12-05-2026"),
        *("OPEN TOT 12 U", "OPEN VAN 9 TOT 17", "OP 12 EN 13 MEI", "MA 10-12 UUR", "ma 10-12"),
        *("de A 12 bij Arnhem", "de N 325 km 8", "lijn 12 en 3", "bus 12 om 30", "bus 3 van 12"),
        *("auto 3 van 12", "motor 12 km 30", "auto 12 jaar oud", "in jaren 30-huis met een auto"),
        *("WEEK38", "week38", "EK2024", "WK2026", "#COVD19", "groep 3 t/m 8", "art. 3 lid 12"),
        *("bel 06 12 34 xx", "kamer 2 hv 100", "mp3 speler", "iso 27001", "5 vwo 12"),
    ],
)
def test_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_code_that_is_spelled_as_a_plate_is_asked_about() -> None:
    codes = ["pakket XK-481-Z", "artikel GX481Z"]
    assert [
        [(one.kind, one.certain) for one in find_personal(text, own=Own())] for text in codes
    ] == [[("plate", False)]] * 2
