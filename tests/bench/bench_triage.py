"""How long the rules take on a post."""

import json
import time
from datetime import date
from pathlib import Path

from assistant.config import load
from assistant.rules import RULES, Reading, Register, judge

HERE = Path(__file__).parent
WATERSTAD = load(HERE.parent.parent / "examples" / "waterstad")
REGISTER = Register(WATERSTAD, today=date(2026, 11, 20))
POSTS = [
    json.loads(line)["text"]
    for line in (HERE.parent.parent / "examples" / "waterstad" / "posts.jsonl")
    .read_text("utf-8")
    .splitlines()
]


def reading(text: str) -> Reading:
    return Reading(text=text, addressed="mention", own=WATERSTAD.own, register=REGISTER)


def main() -> None:
    """Print microseconds per post and per rule."""
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


if __name__ == "__main__":
    main()
