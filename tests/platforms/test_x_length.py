"""X: length is counted as X counts, by its own conformance cases."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from assistant.platforms.x.length import length, links

CASES = Path(__file__).parent.parent.parent.parent / "shared/data/twitter-text"


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("Dinsdag.", 8),
        ("👩‍👩‍👧‍👦", 2),
        ("你好", 4),
        ("Zie https://town.nl/" + "a" * 200, 4 + 23),
        ("@henk @Truus_2 Dinsdag.", 8),
        ("Vraag @henk", 11),
        ("@henk", 5),
        ("e\u0301", 1),
    ],
)
def test_weights(text: str, weight: int) -> None:
    assert length(text) == weight


def test_what_is_a_link() -> None:
    assert links("Zie town.nl en https://town.nl/a") == ("town.nl", "https://town.nl/a")
    assert links("Zie de gemeente. Dinsdag") == ()


def _cases(file: str, section: str) -> list[dict[str, Any]]:
    if not CASES.exists():
        pytest.skip("the shared data with X's conformance cases is not beside this repository")
    told: dict[str, Any] = yaml.safe_load((CASES / file).read_text("utf-8"))
    found: list[dict[str, Any]] = told["tests"][section]
    return found


@pytest.mark.parametrize(
    "section",
    ["WeightedTweetsWithDiscountedEmojiCounterTest", "UnicodeDirectionalMarkerCounterTest"],
)
def test_conformance_of_weights(section: str, capsys: pytest.CaptureFixture[str]) -> None:
    cases = _cases("validate.yml", section)
    right = [
        each["description"]
        for each in cases
        if length(each["text"]) == each["expected"]["weightedLength"]
    ]
    with capsys.disabled():
        print(f"\ntwitter-text {section}: {len(right)}/{len(cases)}")
    assert len(right) == len(cases)


def test_conformance_of_links(capsys: pytest.CaptureFixture[str]) -> None:
    cases = _cases("extract.yml", "urls")
    right = [each for each in cases if list(links(each["text"])) == each["expected"]]
    with capsys.disabled():
        print(f"\ntwitter-text extract urls: {len(right)}/{len(cases)}")
    assert len(right) == len(cases)
