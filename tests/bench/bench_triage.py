"""How long the rules take on a post, and how often harmless reports of others are held back."""

import csv
import json
import time
from collections import Counter
from datetime import date
from pathlib import Path

from assistant.config import load
from assistant.rules import RULES, Reading, Register, judge

HERE = Path(__file__).parent
WATERSTAD = load(HERE.parent.parent / "examples" / "waterstad")
REGISTER = Register(WATERSTAD, today=date(2026, 11, 20))
DATA = HERE.parent.parent.parent / "shared" / "data"
POSTS = [
    json.loads(line)["text"]
    for line in (HERE.parent.parent / "examples" / "waterstad" / "posts.jsonl")
    .read_text("utf-8")
    .splitlines()
]


def reading(text: str) -> Reading:
    return Reading(text=text, addressed="mention", own=WATERSTAD.own, register=REGISTER)


def main() -> None:
    """Print microseconds per post and per rule, then what becomes of other people's material."""
    for text in POSTS:
        judge(reading(text))
    started = time.perf_counter()
    for text in POSTS:
        judge(reading(text))
    print(f"{(time.perf_counter() - started) / len(POSTS) * 1e6:.0f} us a post, {len(POSTS)} posts")
    for rule in RULES:
        started = time.perf_counter()
        for text in POSTS:
            rule(reading(text))
        print(f"{(time.perf_counter() - started) / len(POSTS) * 1e6:8.0f} us  {rule.__name__}")
    if not DATA.is_dir():
        print(f"other people's material is not at {DATA}")
        return
    reports = [json.loads(line)["text"] for line in (DATA / "meldingen_nl.jsonl").open()]
    _told("reports on public space", reports)
    with (DATA / "abuse_nl.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    harmless = [each["text"] for each in rows if each["functionality"].endswith("_nh")]
    counter = [each["text"] for each in rows if each["functionality"].startswith("counter_")]
    hateful = [each["text"] for each in rows if each["label"] == "hateful"]
    _told("harmless posts that sound like abuse", harmless)
    _told("of those, quoted in order to condemn", counter)
    _told("hateful posts", hateful)
    tweets = [json.loads(line) for line in (DATA / "posts_nl.jsonl").open()]
    _told("tweets", [each["text"] for each in tweets])
    blaming = [
        each for each in tweets if each["harmful"] == "1" or "blame" in (each["attention"] or "")
    ]
    _told("tweets called harmful or blaming", [each["text"] for each in blaming])


def _told(name: str, texts: list[str]) -> None:
    verdicts = [judge(reading(text)) for text in texts]
    advice = Counter(each.advice for each in verdicts)
    labels = Counter(each.label for each in verdicts).most_common(5)
    print(f"{name}: {len(texts)}; {dict(advice)}; {labels}")


if __name__ == "__main__":
    main()
