"""How a crash test ended: every reply once or parked, every case shown once, every step proven."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assistant.audit import verify
from assistant.case import Kind, Reply
from assistant.narrate import lines_of
from assistant.words import Words
from tests.faults.world import Told, World

CANCELLED = frozenset(
    {
        Kind.UNDONE,
        Kind.RECEIVED,
        Kind.EDITED,
        Kind.DELETED,
        Kind.RETURNED,
        Kind.ELSEWHERE,
        Kind.BARRED,
    }
)
OUTCOMES = {
    Kind.SENT: "sent",
    Kind.FOUND: "sent",
    Kind.DOUBTED: "parked",
    Kind.FAILED: "failed",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The counts of one run, and everything that should not be."""

    mode: str
    seed: int
    cases: int
    kills: int
    redis_kills: int
    replies: int
    exactly_one: int
    parked: int
    duplicates: int
    missing: int
    dead: int
    seconds: float
    problems: tuple[str, ...]

    HEAD = (
        "mode      cases  kills  redis  replies  once  parked  twice  missing  revived      s  seed"
    )

    def row(self) -> str:
        """Return the counts as a line under HEAD."""
        return (
            f"{self.mode:8} {self.cases:6} {self.kills:6} {self.redis_kills:6} {self.replies:8} "
            f"{self.exactly_one:5} {self.parked:7} {self.duplicates:6} {self.missing:8} "
            f"{self.dead:8} {self.seconds:6.0f} {self.seed:5}"
        )


async def judge(world: World, *, redis_kills: int = 0, seconds: float = 0) -> Verdict:
    """Read everything there is and return what holds and what does not."""
    told = await world.told()
    accepted = Counter(row["text"] for row in world.accepted())
    fates = {reply.text: fate for case in told.values() for reply, fate in replies_of(case)}
    wanted = {text for text, fate in fates.items() if fate == "sent"}
    checked = await verify(world.store, witnesses=())
    problems = [
        *_sent_wrongly(world, told, fates),
        *_shown_wrongly(told, await world.messages(), world),
        *(
            f"acknowledged but not recorded: {text}"
            for text in world.colleagues.acknowledged
            if text not in {each for case in told.values() for each in _texts(case)}
        ),
        *(f"both people were told theirs is sent: {id}" for id in world.colleagues.both_queued),
    ]
    if checked.broken or checked.cases != len(told):
        problems.append(f"verify: {checked.broken or f'only {checked.cases} cases'}")
    return Verdict(
        mode=world.mode,
        seed=world.seed,
        cases=len(told),
        kills=world.kills,
        redis_kills=redis_kills,
        replies=sum(fate != "cancelled" for fate in fates.values()),
        exactly_one=sum(accepted[text] == 1 for text in wanted),
        parked=sum(fate == "parked" for fate in fates.values()),
        duplicates=sum(count > 1 for count in accepted.values()),
        missing=sum(not accepted[text] for text in wanted),
        dead=world.dead,
        seconds=seconds,
        problems=tuple(problems),
    )


def replies_of(told: Told) -> Iterator[tuple[Reply, str]]:
    """Yield every approved reply of a case with what its events say became of it."""
    reply: Reply | None = None
    fate = "under way"
    for event in told.events:
        if event.kind is Kind.APPROVED:
            if reply is not None:
                yield reply, fate
            reply, fate = event.reply, "under way"
        elif event.kind is Kind.SENDING:
            fate = "sending"
        elif event.kind in OUTCOMES:
            fate = OUTCOMES[event.kind]
        elif event.kind in CANCELLED and fate == "under way":
            fate = "cancelled"
    if reply is not None:
        yield reply, fate


def _texts(told: Told) -> Iterator[str]:
    return (event.reply.text for event in told.events if event.reply)


def _sent_wrongly(world: World, told: dict[str, Told], fates: dict[str, str]) -> Iterator[str]:
    """Compare what the platform accepted with what people approved and what became of it."""
    accepted = Counter(row["text"] for row in world.accepted())
    targets = {
        event.reply.text: event.reply.target
        for case in told.values()
        for event in case.events
        if event.kind is Kind.APPROVED and event.reply
    }
    for row in world.accepted():
        if targets.get(row["text"]) != row["target"]:
            yield f"sent, yet nobody approved it: {row['text']}"
    allowed = {"sent": (1,), "parked": (0, 1), "failed": (0,), "cancelled": (0,)}
    for text, fate in fates.items():
        if accepted[text] not in allowed.get(fate, ()):
            yield f"{fate}, and {accepted[text]} times on the platform: {text}"


def _shown_wrongly(
    told: dict[str, Told], messages: list[dict[str, Any]], world: World
) -> Iterator[str]:
    """One live card or one digest line per case, true to it, with every step told once."""
    places = _places(told, messages)
    for id, held in told.items():
        if len(places[id]) != 1:
            stands = [f"{each['kind']} {each['mark']} ts {each['ts']}" for each, _ in places[id]]
            yield f"{id} ({held.case.state}) stands in {len(stands)} places: {stands}"
        for _, version in places[id]:
            if version is None:
                continue
            if version != held.version:
                yield f"{id}: its card shows version {version} of {held.version}"
            yield from _thread(id, held, messages, world)


Places = dict[str, list[tuple[dict[str, Any], int | None]]]


def _places(told: dict[str, Told], messages: list[dict[str, Any]]) -> Places:
    """Return per case its live cards, with the version they show, and its digest lines."""
    places: Places = {id: [] for id in told}
    for each in messages:
        body = each["body"]
        if each["kind"] == "card" and body["stub"] is None:
            places[body["case"]].append((each, body["version"]))
        if each["kind"] == "digest":
            for line in body["lines"]:
                if line["action"] is not None:
                    places[line["case"]].append((each, None))
    return places


def _thread(id: str, held: Told, messages: list[dict[str, Any]], world: World) -> Iterator[str]:
    """Compare what the threads of a case's cards, old and new, tell with what happened."""
    shown = [
        line
        for each in messages
        if each["kind"] == "lines" and each["mark"].startswith(id)
        for line in each["body"]["lines"]
    ]
    words = Words(world.town.language)
    expected = lines_of(held.events, start=0, words=words, organisation=world.town)
    if tuple(shown) != expected:
        yield f"{id}: its thread has {len(shown)} lines where {len(expected)} steps were taken"
