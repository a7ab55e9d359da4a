"""Time and quality of finding answers: `python -m tests.bench.bench_answers [NUMBER ...]`."""

import json
import random
import sys
import time
from datetime import date

from assistant.answers import Answer, Index, sure
from tests.answer_cases import ANSWERS, NEAR_MISSES, OUT_OF_SCOPE, POSTS

TODAY = date(2026, 11, 22)
SUBJECTS = (
    *("sporthal", "zwembad", "bibliotheek", "markt", "evenement", "subsidie", "begraafplaats"),
    *("haven", "speeltuin", "museum", "archief", "monument", "omgevingsplan", "riool", "dakkapel"),
    *("terras", "standplaats", "taxi", "halte", "laadpaal", "vuurwerk", "collecte", "erfpacht"),
    *("woonboot", "inburgering", "naturalisatie", "mantelzorg", "jeugdhulp", "stage"),
)
ACTS = ("aanvragen", "melden", "verlengen", "wijzigen", "stopzetten", "reserveren", "betwisten")
PARTS = ("centrum", "noord", "zuid", "oost", "west", "dorp", "eiland")


def filler(at: int, dice: random.Random) -> Answer:
    """Give an answer on another subject, so that the index is as large as asked."""
    subject, act, part = dice.choice(SUBJECTS), dice.choice(ACTS), dice.choice(PARTS)
    return ANSWERS[0].model_copy(
        update={
            "id": f"filler-{at}",
            "title": f"{subject.capitalize()} {act} in {part}",
            "aliases": (f"{subject} {part}",),
            "short": f"U kunt {subject} online {act} met DigiD.",
            "long": f"Voor {subject} in {part} gelden regels. Neem een identiteitsbewijs mee.",
        }
    )


def milliseconds(index: Index) -> list[float]:
    """Time each search, in order of duration."""
    taken = []
    for _, post in POSTS * 5:
        began = time.perf_counter()
        index.find(post)
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)


def rank(index: Index, key: str, post: str) -> int:
    """Give the place of the right answer, from 0; behind the last when it was not found."""
    ids = [hit.answer.id for hit in index.find(post)]
    return ids.index(key) if key in ids else len(ids) + 3


def suggested(index: Index, posts: tuple[str, ...]) -> str:
    """Say for how many posts an answer would be shown word for word."""
    return f"{sum(sure(index.find(post)) is not None for post in posts)}/{len(posts)}"


def main(number: int) -> dict[str, object]:
    """Build an index of at least `number` answers and measure it on the own posts."""
    dice = random.Random(7)
    fillers = [filler(at, dice) for at in range(max(0, number - len(ANSWERS)))]
    began = time.perf_counter()
    index = Index([*ANSWERS, *fillers], today=TODAY)
    built = time.perf_counter() - began
    ranks = [rank(index, key, post) for key, post in POSTS]
    shown = [(key, hit.answer.id) for key, post in POSTS if (hit := sure(index.find(post)))]
    taken = milliseconds(index)
    return {
        "answers": len(index),
        "build_s": round(built, 3),
        "find_p50_ms": round(taken[len(taken) // 2], 3),
        "find_p99_ms": round(taken[len(taken) * 99 // 100], 3),
        "recall@1": round(sum(each < 1 for each in ranks) / len(ranks), 3),
        "recall@3": round(sum(each < 3 for each in ranks) / len(ranks), 3),
        "sure": f"{len(shown)}/{len(POSTS)}",
        "sure_wrong": sum(right != given for right, given in shown),
        "sure_out_of_scope": suggested(index, OUT_OF_SCOPE),
        "sure_near_misses": suggested(index, NEAR_MISSES),
    }


if __name__ == "__main__":
    for asked in sys.argv[1:] or ["0", "5000"]:
        print(json.dumps(main(int(asked))))
