"""X: from a post to an answer through the whole record, where X is unlike others."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from assistant.card import Card
from assistant.case import Case, Event, Kind, State, Visibility
from assistant.draft import draft
from assistant.listen import Taken, listen, tally
from assistant.platforms.x import X
from assistant.platforms.x.wire import RULE
from assistant.present import card_of
from assistant.reply import LOOKS, SETTLE, Sender
from assistant.store import Store, Work, open_store
from assistant.words import Words
from tests.core import ACK, START, TOWN, WRITER, Clock, add, drafted, triaged
from tests.platforms.contract import answer
from tests.platforms.x_server import US, XServer
from tests.platforms.x_world import Memory, Opening


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


class Town:
    """Our account on X with its store: reads, and sends what is queued."""

    def __init__(self, store: Store, x: XServer, platform: X, clock: Clock) -> None:
        self.store, self.x, self.platform, self.clock = store, x, platform, clock
        self._platforms = {(platform.name, platform.account): platform}
        self._sender = Sender(store, TOWN, platforms=self._platforms, clock=clock)

    async def hear(self) -> dict[Taken, int]:
        """Read all there is once; return what it was."""
        counter, counted = tally()
        # Read once: the next reading is the next call.
        self.platform.every = None
        await listen(self.store, self.platform, clock=self.clock, counted=counted)
        return dict(counter)

    async def only(self) -> Case:
        """Return the one case there is."""
        [id] = await self.store.ids()
        case = (await self.store.load(id)).case
        assert case is not None
        return case

    async def queue(self, text: str, *, visibility: Visibility = "public") -> Case:
        """Bring the case to `queued` with this answer."""
        case = await self.only()
        reply = answer(case.post, text=text, visibility=visibility, due=self.clock())
        await add(
            self.store,
            case.id,
            *(() if case.state is not State.NEW else (triaged(), drafted())),
            *(() if case.state is not State.NEW else (Event(kind=Kind.PRESENTED, at=START),)),
            Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply),
            work=(Work(step="send"),),
        )
        return await self.only()

    async def carded(self) -> tuple[Case, Card]:
        """Draft for the case as if it should be answered, without a model; return its card too."""
        words, case = Words("en"), await self.only()
        await add(self.store, case.id, triaged())
        await draft(
            self.store,
            case.id,
            None,
            organisation=TOWN,
            model=None,
            platforms=self._platforms,
            words=words,
            clock=self.clock,
        )
        case = await self.only()
        if case.state is State.TRIAGED:
            case = await add(self.store, case.id, Event(kind=Kind.PRESENTED, at=START))
        now = self.clock()
        return case, card_of(
            case, version=1, organisation=TOWN, words=words, now=now, platform=self.platform
        )

    async def send(self, *, ahead: timedelta = timedelta()) -> Case:
        """Let the sender go one step; return the case."""
        self.clock.now += ahead
        await self._sender.send((await self.only()).id, ACK)
        return await self.only()


@pytest.fixture
async def town(store: Store) -> AsyncIterator[Town]:
    """Our account on an X of its own."""
    clock = Clock()
    async with XServer(clock) as x, Opening(x, clock, Memory()) as opening:
        yield Town(store, x, await opening(direct=True), clock)
        assert x.wrong == []


async def test_a_mention_is_answered_once_under_it(town: Town) -> None:
    post = town.x.post(town.x.person("henk"), "@town when?")
    assert await town.hear() == {"new": 1}
    await town.queue("On Tuesday, see https://town.example/bins ^AB")
    case = await town.send()
    assert case.state is State.SENT
    [ours] = [each for each in town.x.tweets.values() if each.author == US]
    assert ours.parent == post
    # Read back it is known as ours, and no answer from outside.
    assert await town.hear() == {"ours": 1}
    assert (await town.only()).state is State.SENT


async def test_an_edit_is_followed_in_the_same_case(town: Town) -> None:
    id = town.x.post(town.x.person("henk"), "@town when?")
    assert await town.hear() == {"new": 1}
    town.x.edit(id, "@town when, please?")
    assert await town.hear() == {"edited": 1}
    case = await town.only()
    assert (case.post.text, case.post.edited) == ("@town when, please?", True)


async def test_an_answer_given_on_x_itself_is_noticed(town: Town) -> None:
    post = town.x.post(town.x.person("henk"), "@town when?")
    assert await town.hear() == {"new": 1}
    town.x.post(US, "@henk On Tuesday!", parent=post)
    assert await town.hear() == {"elsewhere": 1}
    case = await town.only()
    assert (case.state, case.reason) == (State.CLOSED, "answered_elsewhere")


async def test_a_lost_answer_is_looked_for_and_found(town: Town) -> None:
    town.x.post(town.x.person("henk"), "@town when?")
    await town.hear()
    await town.queue("On Tuesday. ^AB")
    town.x.fault = "timeout_after_accept"
    case = await town.send()
    assert case.state is State.SENT
    assert town.x.calls["reply"] == 1


async def test_what_is_not_found_stays_in_doubt_and_is_never_sent_again(town: Town) -> None:
    town.x.post(town.x.person("henk"), "@town when?")
    await town.hear()
    await town.queue("On Tuesday. ^AB")
    town.x.handlers["reply"] = _lose(town.x)
    case = await town.send()
    assert case.state is State.IN_DOUBT
    for ahead in (SETTLE, LOOKS, timedelta(hours=1)):
        case = await town.send(ahead=ahead)
    assert case.state is State.IN_DOUBT
    assert town.x.calls["reply"] == 1


def _lose(x: XServer) -> Any:
    def serve(request: Any) -> Any:
        raise x.failed(503, "about:blank", "Over capacity")

    return serve


async def test_a_refusal_by_x_s_rule_is_final_and_told_with_the_rule(town: Town) -> None:
    town.x.post(town.x.person("henk"), "@town when?")
    await town.hear()
    await town.queue("On Tuesday. ^AB")

    def refuse(request: Any) -> Any:
        said = "You can only reply to or quote posts where you are mentioned or are the author."
        raise town.x.failed(403, "about:blank", said)

    town.x.handlers["reply"] = refuse
    case = await town.send()
    assert (case.state, case.reason) == (State.FAILED, "refused")
    told = (await town.store.events(case.id))[-1].note
    assert told is not None
    assert RULE in told


async def test_the_card_of_a_post_x_lets_nobody_answer_says_so_and_has_no_suggestion(
    town: Town,
) -> None:
    ours = town.x.post(US, "The bins are emptied on Monday.")
    town.x.post(town.x.person("henk"), "When will my bin be emptied?", parent=ours)
    assert await town.hear() == {"ours": 1, "new": 1}
    case, card = await town.carded()
    assert case.post.barred == "not_summoned"
    assert case.draft is None
    assert Words("en").say("card.reason_not_summoned") in " ".join(card.notes)
    assert "edit" not in {each.id for each in card.actions}
    # The same question by somebody who names us.
    town.x.post(town.x.person("henk"), "@town When will my bin be emptied?", parent=ours)
    assert await town.hear() == {"follow_up": 1}
    case, card = await town.carded()
    assert case.draft is not None
    assert "edit" in {each.id for each in card.actions}
    [cost] = [each.value for each in card.facts if each.label == "Cost"]
    assert cost == "about $0.010 (price list of 2026-08-22)"


async def test_who_is_answered_in_private_goes_on_in_the_same_case(town: Town) -> None:
    henk = town.x.person("henk")
    town.x.post(henk, "@town my number is 06 12345678")
    await town.hear()
    for number, text in enumerate(("What is your address? ^AB", "Thank you. ^AB"), start=1):
        await town.queue(text, visibility="direct")
        assert (await town.send()).state is State.SENT
        assert await town.hear() == {"ours": 1}
        town.x.message(henk, f"Kerkstraat {number}", other=US)
        assert await town.hear() == {"follow_up": 1}
    case = await town.only()
    assert [each.visibility for each in case.posts] == ["public", "direct", "direct"]
    # Somebody else's message is somebody else's.
    town.x.message(town.x.person("truus"), "Hello", other=US)
    assert await town.hear() == {"new": 1}
    assert len(await town.store.ids()) == 2
