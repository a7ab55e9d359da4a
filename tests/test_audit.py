"""The audit trail: honest work always holds, whatever goes on meanwhile; roots and their lines."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from assistant.audit import BadRootLine, Verified, Witness, line_of, parse_line, verify
from assistant.case import (
    MOVES,
    NAMED,
    Alias,
    Case,
    Event,
    IllegalMove,
    Kind,
    Remote,
    Rewriting,
    State,
    evolve,
)
from assistant.listen import take
from assistant.store import Store, open_store
from assistant.store.ledger import Root, roots
from tests.core import (
    START,
    WRITER,
    Clock,
    add,
    arrival,
    drafted,
    new_case,
    queued_case,
    reply_to,
    triaged,
)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


# Honest work


WALKED = sorted(set(Kind) - {Kind.RECEIVED, Kind.EDITED, Kind.DELETED})


def _event(kind: Kind, case: Case, *, number: int) -> Event:
    """Return an event of this kind for this case."""
    sent = case.sent[-1].origin if case.sent else None
    parts: dict[Kind, dict[str, object]] = {
        Kind.TRIAGED: {"triage": triaged(reason=f"reason {number}").triage},
        Kind.RELABELLED: {"triage": triaged(reason=f"better {number}").triage},
        Kind.DRAFTED: {"draft": drafted(f"draft {number}").draft},
        Kind.REWRITE: {"rewriting": Rewriting(draft="d", wish="own", words=f"wish {number}")},
        Kind.PICKED: {
            "draft": drafted(f"picked {number}").draft,
            "alias": Alias(answer="bulky", phrase=f"words {number}", by=WRITER, at=START),
        },
        Kind.TAUGHT: {"alias": case.offered},
        Kind.UNTAUGHT: {"alias": case.taught[0] if case.taught else None},
        Kind.SUBMITTED: {"reply": reply_to(case, f"reply {number}")},
        Kind.APPROVED: {"reply": reply_to(case, f"reply {number}")},
        Kind.SENDING: {"attempt": case.attempt + 1},
        Kind.SENT: {"remote": Remote(id=f"r{number}")},
        Kind.FOUND: {"remote": Remote(id=f"r{number}")},
        Kind.CONFIRMED: {"remote": Remote(id=f"r{number}"), "text": "as seen"},
        Kind.DENIED: {"text": "as seen"},
        Kind.HIDDEN: {"reply_id": sent},
        Kind.ELSEWHERE: {"text": f"outside {number}", "remote": Remote(id=f"o{number}")},
        Kind.BARRED: {"post": case.post.model_copy(update={"barred": "blocked"})},
        Kind.UNQUOTED: {"post": case.post},
        Kind.TAKE_BACK: {"reply_id": sent, "text": "as seen"},
        Kind.CORRECT: {
            "reply_id": sent,
            "reply": reply_to(case, f"better {number}").model_copy(
                update={"id": f"b{number}", "corrects": sent}
            ),
        },
        Kind.AMENDED: {"reply_id": case.amendment.reply if case.amendment else None},
        Kind.AMEND_FAILED: {"reply_id": case.amendment.reply if case.amendment else None},
        Kind.SURFACED: {
            "reply": reply_to(case, f"reply {number}"),
            "remote": Remote(id=f"r{number}"),
        },
    }
    by = WRITER if kind in NAMED else None
    at = START + timedelta(seconds=number)
    return Event.model_validate({"kind": kind, "at": at, "by": by, **parts.get(kind, {})})


def _legal(case: Case, event: Event) -> bool:
    """Say whether what is told of a sent reply can be so: the table alone does not know."""
    try:
        evolve(case, event, id="-")
    except IllegalMove:
        return False
    return True


async def _live(store: Store, name: str, *, moves: int, chance: random.Random) -> str:
    """Let a case go through random legal moves, its citizen writing in between; return its id."""
    id = await new_case(store, name, author=f"did:{name}", handle=f"@{name}")
    for number in range(moves):
        case = (await store.load(id)).case
        assert case is not None
        again = f"{name}-{number}"
        change = chance.choice(("new", "edited", "deleted", "", "", "", ""))
        if change == "new":
            reply = arrival(again, root=name, parent=name, author=f"did:{name}", text=again)
            await take(store, reply, now=START)
        elif change and not case.erased:
            post = case.post.model_copy(update={"text": again})
            changed = arrival().model_copy(update={"event": change, "post": post})
            await take(store, changed, now=START)
        elif legal := [kind for kind in WALKED if case.state in MOVES[kind]]:
            kind = chance.choice(legal)
            event = _event(kind, case, number=number)
            if not case.erased and _legal(case, event):
                await add(store, id, event, forget=kind is Kind.ERASED)
    return id


@pytest.mark.parametrize("seed", range(5))
async def test_honest_histories_hold_and_are_counted(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    witness, clock, lines = Witness(store), Clock(), []
    cases = []
    for number in range(12):
        cases.append(await _live(store, f"c{number}", moves=15, chance=chance))
        root = await witness.take(now=clock.ahead(minutes=1))
        assert root is not None
        lines.append(parse_line(line_of(root, organisation="town")))
    events = sum([len(await store.events(case)) for case in cases])
    kinds = [{event.kind for event in await store.events(case)} for case in cases]
    erased = sum(Kind.ERASED in each for each in kinds)
    told = await verify(store, witnesses=lines)
    # A line says the same as the root that was kept, so each is met once.
    assert told == Verified(events=events, cases=12, roots=12, erased=erased)


async def test_an_empty_store_holds(store: Store) -> None:
    assert await verify(store) == Verified()


async def test_progress_is_told_case_by_case(store: Store) -> None:
    for number in range(3):
        await new_case(store, f"p{number}", author=f"did:{number}")
    told: list[tuple[int, int]] = []
    await verify(store, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


class Moving(Store):
    """A store in which something happens between the reading of the log and of the cases."""

    meanwhile: Callable[[], Awaitable[object]]

    async def ids(self, *states: State, **span: object) -> tuple[str, ...]:
        await self.meanwhile()
        return await super().ids(*states)


async def test_work_that_goes_on_meanwhile_is_no_tampering(store: Store, store_url: str) -> None:
    old = await queued_case(store)
    moving = Moving(store_url, "town")
    await moving.start()

    async def meanwhile() -> None:
        await add(store, old, Event(kind=Kind.UNDONE, at=START, by=WRITER))
        await queued_case(store, "p2")
        await take(store, arrival("p3", root="p1", parent="p1"), now=START)

    moving.meanwhile = meanwhile
    told = await verify(moving)
    await moving.close()
    assert told == Verified(events=12, cases=2)


async def test_many_writers_during_many_verifications_give_no_false_alarm(store: Store) -> None:
    stop = asyncio.Event()

    async def write(seed: int) -> None:
        chance, number = random.Random(seed), 0
        while not stop.is_set():
            number += 1
            await _live(store, f"w{seed}-{number}", moves=6, chance=chance)

    async with asyncio.TaskGroup() as group:
        for seed in range(4):
            group.create_task(write(seed))
        seen = [(await verify(store)) for _ in range(8)]
        stop.set()
    assert {each.broken for each in seen} == {None}
    assert seen[-1].events > seen[0].events


# Roots


async def test_a_root_is_taken_only_when_something_is_new(store: Store) -> None:
    witness, other, clock = Witness(store), Witness(store), Clock()
    assert await witness.take(now=clock()) is None
    await new_case(store)
    first = await witness.take(now=clock())
    assert first is not None
    assert (first.entries, first.cases) == (1, 1)
    assert await witness.take(now=clock.ahead(hours=1)) is None
    assert await other.take(now=clock()) is None  # another process has nothing to add
    await new_case(store, "p2", author="other")
    second = await witness.take(now=clock())
    assert second is not None
    assert (second.entries, second.cases) == (2, 2)
    assert await roots(store) == (first, second)
    assert (await verify(store)).roots == 2


async def test_processes_that_take_the_same_root_at_once_keep_and_tell_it_once(
    store: Store,
) -> None:
    for number in range(5):
        await new_case(store, f"p{number}", author=f"did:{number}")
        together = [Witness(store).take(now=START) for _ in range(6)]
        told: list[Root | None] = await asyncio.gather(*together)
        taken = [each for each in told if each is not None]
        assert len(taken) == 1
        assert (await roots(store))[number:] == tuple(taken)


async def test_a_line_read_back_says_the_same(store: Store) -> None:
    await new_case(store)
    root = await Witness(store).take(now=START)
    assert root is not None
    line = line_of(root, organisation="town")
    assert parse_line(f"> *Luister*: {line}\n") == root


LINE = "luister-root town at=2026-11-20T12:00:00Z position=1-0 entries=1 cases=1 root=" + "a" * 64


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        LINE[:-1],
        LINE.replace("2026-11-20T12:00:00Z", "yesterday"),
        LINE.replace("position=1-0", "position=1"),
        LINE.replace("entries=1", "entries=-1"),
        LINE.replace("entries=1", "entries=" + "9" * 5000),
        LINE.replace("root=a", "root=z"),
    ],
)
def test_a_line_that_is_none_is_refused(line: str) -> None:
    assert parse_line(LINE).entries == 1
    with pytest.raises(BadRootLine):
        parse_line(line)
