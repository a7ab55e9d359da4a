"""Showing: one live card per open case, a thread that tells all, digests when many wait."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from assistant.audit import erase_case
from assistant.case import Kind, State
from assistant.config import Department
from assistant.show.digests import CROWD
from assistant.store import URGENT, Store, Work, open_store
from assistant.store.lanes import enlist
from assistant.store.work import move_due
from assistant.words import Words
from tests.core import ALWAYS, TOWN, WRITER, add, drafted, new_case, post, triaged
from tests.showing import Lose, Screen, StagedChat

WORDS = Words(TOWN.language)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@pytest.fixture
def screen(store: Store) -> Screen:
    """An empty screen."""
    return Screen(store)


async def crowd(screen: Screen, count: int = CROWD + 1) -> list[str]:
    """Bring so many cases that they are gathered in a digest."""
    cases = [await screen.begin(f"p{number}") for number in range(count)]
    await screen.quiet()
    return cases


async def test_a_triaged_case_gets_one_card_and_is_handed_to_people(screen: Screen) -> None:
    case = await screen.begin()
    assert (await screen.case(case)).state is State.TRIAGED
    await screen.quiet()
    await screen.holds(case)
    assert (await screen.case(case)).state is State.OPEN


async def test_what_nobody_triaged_yet_is_not_shown(screen: Screen) -> None:
    case = await new_case(screen.store)
    await enlist(screen.store, "CTRIAGE", case, rank=1)
    await screen.quiet()
    assert not screen.chat.messages


async def test_a_move_redraws_the_same_card_with_its_version(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    before = screen.card(case).at
    await screen.add(case, drafted())
    await screen.quiet()
    await screen.holds(case)
    assert screen.card(case).at == before
    assert screen.called("post_card") == 1


async def test_thread_lines_are_told_in_order_and_in_one_message_for_many(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    calls = screen.called("post_lines")
    acts = (Kind.CLAIMED, Kind.CLOSED)
    await screen.add(case, drafted(), *(screen.event(each, by=WRITER) for each in acts))
    await screen.quiet()
    await screen.holds(case)
    assert screen.called("post_lines") == calls + 1


async def test_a_hand_over_goes_stub_then_card_then_link(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    seen: list[tuple[int, str | None]] = []

    async def look() -> None:
        [stub] = screen.chat.stubs(case)
        assert stub.card
        seen.append((len(screen.chat.cards(case)), stub.card.stub_url))

    assert isinstance(screen.chat, StagedChat)
    screen.chat.before["post_card"] = look
    await screen.hand_over(case, "care")
    await screen.quiet()
    assert seen == [(0, None)]
    await screen.holds(case)
    [stub] = screen.chat.stubs(case)
    card = screen.card(case).at
    assert stub.card
    assert stub.at.channel == "CWASTE"
    assert stub.card.stub == WORDS.say("card.stub_moved", to="Care")
    assert stub.card.stub_url == f"https://chat.example/CCARE/{card.ts}"


async def test_handed_over_and_back_again_leaves_one_card_and_linked_stubs(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    for department in ("care", "waste"):
        await screen.hand_over(case, department)
        await screen.quiet()
        await screen.holds(case)
    live = screen.card(case).at
    links = {each.card.stub_url for each in screen.chat.stubs(case) if each.card}
    assert links == {f"https://chat.example/CWASTE/{live.ts}"}


async def test_two_departments_in_one_channel_share_the_card(store: Store) -> None:
    care = Department(id="care", name="Care", channel="CWASTE", subjects=("care",), hours=ALWAYS)
    shared = TOWN.model_copy(update={"departments": (TOWN.departments[0], care)})
    screen = Screen(store, organisation=shared)
    case = await screen.begin()
    await screen.quiet()
    before = screen.card(case).at
    await screen.hand_over(case, "care")
    await screen.quiet()
    await screen.holds(case)
    assert screen.card(case).at == before
    assert not screen.chat.stubs(case)


async def test_a_stub_gets_its_link_also_while_the_new_thread_is_being_told(
    screen: Screen,
) -> None:
    """The lanes are served side by side: one must not drop what the other's posting holds up."""
    case = await screen.begin()
    await screen.quiet()
    await screen.hand_over(case, "care")
    other = screen.another()

    async def serve_the_stub() -> None:
        assert "stub:" + case in await screen.members("CWASTE")
        await other.serve("CWASTE")

    assert isinstance(screen.chat, StagedChat)
    await screen.shower.serve("CWASTE")
    screen.chat.before["post_lines"] = serve_the_stub
    await screen.shower.serve("CCARE")
    await screen.quiet()
    [stub] = screen.chat.stubs(case)
    assert stub.card
    assert stub.card.stub_url is not None


async def test_a_burst_stands_in_one_digest(screen: Screen) -> None:
    cases = await crowd(screen)
    assert screen.called("post_digest") == 1
    assert screen.called("post_card") == 0
    assert {len(screen.chat.digests(case)) for case in cases} == {1}
    assert await screen.members("CWASTE") == []
    assert {(await screen.case(case)).state for case in cases} == {State.OPEN}


async def test_a_follow_up_redraws_its_line_in_the_digest(screen: Screen) -> None:
    cases = await crowd(screen)
    again = post("again", author="did:p3", text="Still nothing!")
    await screen.add(cases[3], screen.event(Kind.RECEIVED, post=again))
    await screen.quiet()
    [digest] = screen.chat.digests(cases[3])
    assert digest.digest
    [line] = [each for each in digest.digest.lines if each.case == cases[3]]
    assert "Still nothing!" in line.text
    assert (screen.called("post_digest"), screen.called("post_card")) == (1, 0)


async def test_open_moves_a_case_out_of_the_digest(screen: Screen) -> None:
    cases = await crowd(screen)
    for _ in range(2):  # pressed by two people
        await enlist(screen.store, "CWASTE", "open:" + cases[3], rank=URGENT)
        await screen.quiet()
    await screen.holds(cases[3])
    assert all(len(screen.chat.digests(case)) == 1 for case in cases if case != cases[3])
    [digest] = screen.chat.digests(cases[0])
    assert digest.digest
    [line] = [each for each in digest.digest.lines if each.case == cases[3]]
    assert line.action is None


async def test_a_case_that_moves_out_of_a_digest_by_hand_over_stands_elsewhere(
    screen: Screen,
) -> None:
    cases = await crowd(screen)
    await screen.hand_over(cases[3], "care")
    await screen.quiet()
    await screen.holds(cases[3])
    assert len(screen.chat.digests(cases[0])) == 1


async def test_an_emergency_stands_in_no_digest(screen: Screen) -> None:
    cases = [await screen.begin(f"p{number}") for number in range(CROWD)]
    emergency = await screen.begin("fire", label="emergency")
    await screen.quiet()
    await screen.holds(emergency)
    assert all(not screen.chat.cards(case) for case in cases if screen.chat.digests(case))


async def test_a_line_that_becomes_an_emergency_gets_its_card(screen: Screen) -> None:
    cases = await crowd(screen)
    await screen.add(cases[3], triaged("waste", label="emergency"))
    await screen.add(cases[4], drafted())  # its neighbour has the digest drawn again
    await screen.quiet()
    await screen.holds(cases[3])


async def test_a_digest_that_a_person_deleted_is_posted_anew(screen: Screen) -> None:
    cases = await crowd(screen)
    [digest] = screen.chat.digests(cases[0])
    await screen.chat.delete(digest.at)
    await screen.add(cases[3], drafted())
    await screen.quiet()
    assert {len(screen.chat.digests(case)) for case in cases} == {1}


async def test_waking_broadcasts(screen: Screen) -> None:
    case = await screen.begin(advice="wait")
    await screen.quiet()
    assert not any(each.aloud for each in screen.chat.messages.values())
    await screen.add(case, screen.event(Kind.WOKEN))
    await screen.quiet()
    await screen.holds(case)
    assert [each.aloud for each in screen.chat.messages.values() if each.lines] == [False, True]


async def closed_and_back(screen: Screen, *, after: timedelta) -> str:
    """Close a case and have the citizen come back after some time."""
    case = await screen.begin()
    await screen.quiet()
    await screen.add(case, screen.event(Kind.CLOSED, by=WRITER, reason="spam"))
    await screen.quiet()
    screen.clock.ahead(seconds=after.total_seconds())
    await screen.add(case, screen.event(Kind.RECEIVED, post=post("again", author="did:p1")))
    await screen.add(case, triaged())
    await screen.quiet()
    return case


async def test_re_opened_within_a_week_the_same_card_lives_on_and_the_channel_hears(
    screen: Screen,
) -> None:
    case = await closed_and_back(screen, after=timedelta(days=6, hours=23))
    await screen.holds(case)
    assert screen.called("post_card") == 1
    assert any(each.aloud for each in screen.chat.messages.values())
    assert (await screen.case(case)).state is State.OPEN


async def test_re_opened_after_a_week_a_new_card_stands_and_the_old_one_leads_to_it(
    screen: Screen,
) -> None:
    case = await closed_and_back(screen, after=timedelta(days=7, hours=1))
    await screen.holds(case)
    [stub] = screen.chat.stubs(case)
    card = screen.card(case)
    assert stub.card
    assert stub.at.channel == card.at.channel
    assert stub.card.stub == WORDS.say("card.stub_continues")
    assert stub.card.stub_url == f"https://chat.example/CWASTE/{card.at.ts}"


async def test_a_card_that_a_person_deleted_is_posted_anew_with_its_whole_thread(
    screen: Screen,
) -> None:
    case = await screen.begin()
    await screen.quiet()
    await screen.chat.delete(screen.card(case).at)
    await screen.add(case, drafted())
    await screen.quiet()
    await screen.holds(case)


async def test_an_erased_case_goes_from_the_chat(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    await screen.hand_over(case, "care")
    await screen.quiet()
    assert await erase_case(screen.store, case, reason="request", now=screen.clock()) == 4
    await screen.quiet()
    assert not screen.chat.messages
    await enlist(screen.store, "CCARE", case, rank=1)
    await screen.quiet()
    assert not screen.chat.messages


async def test_an_erased_case_goes_from_its_digest(screen: Screen) -> None:
    cases = await crowd(screen)
    assert await erase_case(screen.store, cases[3], reason="request", now=screen.clock()) == 1
    await screen.quiet()
    [digest] = screen.chat.digests(cases[0])
    assert digest.digest
    assert cases[3] not in [each.case for each in digest.digest.lines]


async def test_a_case_erased_while_its_digest_is_being_posted_goes_from_it(
    screen: Screen,
) -> None:
    cases = [await screen.begin(f"p{number}") for number in range(CROWD + 1)]

    async def erase() -> None:
        await erase_case(screen.store, cases[3], reason="request", now=screen.clock())

    assert isinstance(screen.chat, StagedChat)
    screen.chat.before["post_digest"] = erase
    await screen.quiet()
    [digest] = screen.chat.digests(cases[0])
    assert digest.digest
    assert cases[3] not in [each.case for each in digest.digest.lines]


async def test_a_case_answered_elsewhere_before_its_card_needs_none(screen: Screen) -> None:
    case = await screen.begin()
    await screen.add(case, screen.event(Kind.ELSEWHERE, text="Look on our site."))
    await screen.quiet()
    assert screen.chat.cards(case) == []
    again = screen.event(Kind.RECEIVED, post=post("again", author="did:p1"))
    await screen.add(case, again, triaged())
    await screen.quiet()
    await screen.holds(case)


async def test_a_card_that_was_answered_elsewhere_says_so(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    await screen.add(case, screen.event(Kind.ELSEWHERE, text="Look on our site."))
    await screen.quiet()
    shown = screen.card(case)
    assert shown.card
    assert shown.card.answer
    assert shown.card.answer.text == "Look on our site."
    assert "Look on our site." in screen.chat.thread(shown.at)[-1]


async def test_a_case_erased_while_its_card_is_being_posted_goes(screen: Screen) -> None:
    case = await screen.begin()

    async def erase() -> None:
        await erase_case(screen.store, case, reason="request", now=screen.clock())

    assert isinstance(screen.chat, StagedChat)
    screen.chat.before["post_card"] = erase
    await screen.quiet()
    assert not screen.chat.messages


async def test_a_citizen_who_comes_back_after_erasure_gets_a_new_card(screen: Screen) -> None:
    case = await screen.begin()
    await screen.quiet()
    await erase_case(screen.store, case, reason="request", now=screen.clock())
    await screen.add(case, screen.event(Kind.RECEIVED, post=post("again", author="did:p1")))
    await screen.add(case, triaged())
    # The old message is not gone yet, and the answer about the new one gets lost.
    screen.chat.fault = Lose("post_card")
    await screen.quiet()
    assert len(screen.chat.cards(case)) == 1
    await screen.holds(case)


async def test_what_waits_for_opening_time_comes_then(screen: Screen) -> None:
    case = await new_case(screen.store)
    opens = screen.clock() + timedelta(hours=8)
    work = (Work(lane="CWASTE", at=opens),)
    await add(screen.store, case, triaged(), now=screen.clock(), work=work)
    await move_due(screen.store, now=opens - timedelta(seconds=1))
    await screen.quiet()
    assert not screen.chat.messages
    await move_due(screen.store, now=opens)
    await screen.quiet()
    await screen.holds(case)
