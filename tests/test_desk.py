"""What people may do, what is recorded in their name, and what they are told instead."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from assistant.case import Event, Kind, State
from assistant.chats import Presser, Verdict
from assistant.desk import Desk
from assistant.desk.texts import outgoing
from assistant.errors import NotAllowed, StoreUnavailable
from assistant.listen import take
from assistant.store import Store, milliseconds, open_store
from assistant.testing import FakePlatform
from tests.core import (
    START,
    TOWN,
    WRITER,
    Clock,
    add,
    arrival,
    open_case,
    platforms,
    queued_case,
)
from tests.people import TEXT, held, kinds, press, sends
from tests.redis_server import RedisServer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def desk(store: Store, clock: Clock) -> Desk:
    """The town's desk."""
    return Desk(store, TOWN, platforms=platforms(FakePlatform()), clock=clock)


REFUSED: Mapping[str, tuple[Presser, str]] = {
    "not listed": (Presser(chat_user="UNOBODY"), "desk.not_listed"),
    "guest": (Presser(chat_user="UANNA", guest=True), "desk.guest"),
    "foreign": (Presser(chat_user="UANNA", foreign=True), "desk.guest"),
    "reader": (Presser(chat_user="UFATMA"), "desk.role"),
    "other department": (Presser(chat_user="UCARE"), "desk.other_department"),
}


@pytest.mark.parametrize(("presser", "why"), REFUSED.values(), ids=REFUSED)
async def test_who_may_not_act_is_told_whom_to_ask(
    store: Store, desk: Desk, presser: Presser, why: str
) -> None:
    case = await open_case(store)
    version = (await store.load(case)).version
    acts = [
        desk.press(press(case, "claim", presser=presser)),
        desk.press(press(case, "open", presser=presser)),
        desk.form(press(case, "close", presser=presser)),
        desk.editor(press(case, "edit", presser=presser)),
        desk.submit(sends(case, by=presser.chat_user).model_copy(update={"by": presser})),
    ]
    for act in acts:
        with pytest.raises(NotAllowed) as raised:
            await act
        assert raised.value.why == why
        assert raised.value.values["ask"] == "Bram de Wit"
        assert "Bram de Wit" in desk.say(raised.value.why, **raised.value.values)
    assert (await store.load(case)).version == version


async def test_a_supervisor_and_who_has_no_departments_may_act_everywhere(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store, department="care")
    await desk.press(press(case, "claim", by="USAM"))
    await desk.press(press(case, "claim", by="UANNA", version=5))
    owner = (await held(store, case)).owner
    assert owner == WRITER


async def test_a_double_click_claims_once(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    await asyncio.gather(*(desk.press(press(case, "claim")) for _ in range(5)))
    await desk.press(press(case, "claim", version=9))
    assert (await kinds(store, case)).count(Kind.CLAIMED) == 1


async def test_send_queues_the_exact_text_in_the_persons_name(
    store: Store, desk: Desk, clock: Clock
) -> None:
    case = await open_case(store)
    assert await desk.submit(sends(case)) == Verdict(outcome="queued")
    reply = (await held(store, case)).reply
    assert reply is not None
    assert (reply.text, reply.by, reply.target) == (TEXT, WRITER, "p1")
    assert reply.due == clock() + timedelta(seconds=TOWN.replies.undo_seconds)
    assert (await held(store, case)).state is State.QUEUED
    [(_, due)] = await store.redis.zrange(store.keys.later, 0, -1, withscores=True)
    assert due == milliseconds(reply.due)


async def test_the_editor_holds_the_whole_outgoing_text(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    editor = await desk.editor(press(case, "edit", by="UBRAM"))
    assert editor.text == "@Henk_de_Burger Thank you for telling us! ^BW"
    assert (editor.revision, editor.draft, editor.limit) == (1, "d1", FakePlatform.limit)
    suggested = "Thank you for telling us!"
    assert editor.text == outgoing(await held(store, case), suggested, initials="BW")


async def test_the_same_send_again_is_queued_once(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    verdicts = [await desk.submit(sends(case)) for _ in range(3)]
    assert {each.outcome for each in verdicts} == {"queued"}
    assert (await kinds(store, case)).count(Kind.APPROVED) == 1
    await desk.press(press(case, "undo"))
    assert (await desk.submit(sends(case))).outcome == "queued"
    assert (await held(store, case)).state is State.OPEN  # an old click is not a new one


async def test_a_send_whose_answer_was_lost_is_queued_once(
    redis_server: RedisServer, store: Store, desk: Desk
) -> None:
    case = await open_case(store)
    redis_server.pause()
    with pytest.raises(StoreUnavailable):
        await desk.submit(sends(case))
    redis_server.resume()
    assert (await desk.submit(sends(case))).outcome == "queued"
    assert (await kinds(store, case)).count(Kind.APPROVED) == 1


async def test_two_people_press_send_at_the_same_moment(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    results = await asyncio.gather(
        desk.submit(sends(case)),
        desk.submit(sends(case, "Thanks for telling us. ^BW", by="UBRAM", reason="it is so")),
        return_exceptions=True,
    )
    [told] = [each for each in results if isinstance(each, NotAllowed)]
    first = (await held(store, case)).reply
    assert first is not None
    assert (told.why, told.values) == ("desk.was_first", {"name": first.by.name})
    assert (await kinds(store, case)).count(Kind.APPROVED) == 1


async def test_a_block_stands_at_the_text_and_cannot_be_overruled(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    text = "Mail jan@example.com ^AB"
    for reason in (None, "because I say so"):
        verdict = await desk.submit(sends(case, text, reason=reason))
        assert verdict.outcome == "errors"
        assert "jan@example.com" in (verdict.told or "")
    assert (await held(store, case)).state is State.OPEN


async def test_too_long_for_the_platform_is_a_block(store: Store, desk: Desk) -> None:
    verdict = await desk.submit(sends(await open_case(store), "a " * 200 + "^AB"))
    assert verdict.outcome == "errors"


async def test_a_confirmation_asks_for_a_reason_and_records_it(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    text = "We promise it will be fixed on 3 May. ^AB"
    asked = await desk.submit(sends(case, text))
    assert asked.outcome == "confirm"
    assert asked.editor is not None
    assert asked.editor.text == text
    assert asked.editor.asks
    assert asked.editor.reason_label
    assert (await desk.submit(sends(case, text, reason="  "))).outcome == "confirm"
    assert (await desk.submit(sends(case, text, reason="the planner says so"))).outcome == "queued"
    reply = (await held(store, case)).reply
    assert reply is not None
    assert reply.overrule_reason == "the planner says so"
    assert reply.overruled


async def test_hints_hold_nothing_up(store: Store, desk: Desk) -> None:
    assert (await desk.submit(sends(await open_case(store), "Thank you ^AB"))).outcome == "queued"


async def test_a_text_without_initials_is_asked_about(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    asked = await desk.submit(sends(case, "Hello! Thank you."))
    assert asked.editor is not None
    assert asked.editor.asks == ("Onderaan ontbreken uw initialen: ^AB. Moet het zonder weg?",)
    assert (await held(store, case)).state is State.OPEN

    await desk.submit(sends(case, "Hello! Thank you.", reason="it is a list of links"))
    reply = (await held(store, case)).reply
    assert reply is not None
    assert (reply.text, reply.overruled) == ("Hello! Thank you.", ("no_initials",))


async def test_nobody_signs_in_anothers_name(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    verdict = await desk.submit(sends(case, "Hello! Thank you. ^BW", reason="he asked me"))
    assert (verdict.outcome, verdict.told) == (
        "errors",
        "„^BW” zijn de initialen van iemand anders. Onderteken met uw eigen: ^AB.",
    )
    assert (await held(store, case)).state is State.OPEN


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_an_empty_text_is_an_error(store: Store, desk: Desk, text: str) -> None:
    verdict = await desk.submit(sends(await open_case(store), text))
    assert (verdict.outcome, verdict.told) == ("errors", desk.say("desk.empty"))


async def test_half_a_surrogate_pair_goes_out_as_a_mark(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    assert (await desk.submit(sends(case, "Thank you \ud83d ^AB"))).outcome == "queued"
    reply = (await held(store, case)).reply
    assert reply is not None
    assert reply.text == "Thank you ? ^AB"


async def test_a_post_that_changed_meanwhile_keeps_the_text(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    await take(store, arrival(event="edited", text="Now?"), now=START)
    verdict = await desk.submit(sends(case))
    assert verdict.outcome == "confirm"
    assert verdict.editor is not None
    assert (verdict.editor.text, verdict.editor.revision) == (TEXT, 2)
    again = sends(case, revision=verdict.editor.revision, reason="still true")
    assert (await desk.submit(again)).outcome == "queued"


async def test_a_case_closed_meanwhile_takes_no_text(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    await desk.press(press(case, "close", choice="spam"))
    with pytest.raises(NotAllowed):
        await desk.submit(sends(case))
    assert Kind.APPROVED not in await kinds(store, case)


async def test_undo_brings_it_back_and_comes_too_late_once_it_goes_out(
    store: Store, desk: Desk
) -> None:
    case = await queued_case(store)
    await desk.press(press(case, "undo", by="UBRAM"))
    assert (await held(store, case)).state is State.OPEN
    other = await queued_case(store, "p2")
    await add(store, other, Event(kind=Kind.SENDING, at=START, attempt=1))
    with pytest.raises(NotAllowed, match="not_now"):
        await desk.press(press(other, "undo"))


async def test_four_eyes_take_two_people_and_the_text_that_was_seen(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store, department="care")
    await desk.submit(sends(case, by="UERIK"))
    assert (await held(store, case)).state is State.APPROVAL
    version = (await store.load(case)).version
    with pytest.raises(NotAllowed, match="four_eyes"):
        await desk.press(press(case, "approve", by="UERIK", version=version))
    with pytest.raises(NotAllowed, match="role"):
        await desk.press(press(case, "approve", by="UCARE", version=version))
    await desk.press(press(case, "approve", by="USAM", version=version))
    reply = (await held(store, case)).reply
    assert reply is not None
    assert (reply.by.initials, reply.approved_by and reply.approved_by.initials) == ("EH", "SH")


async def test_an_approval_of_an_old_card_does_not_approve_a_newer_text(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store, department="care")
    await desk.submit(sends(case, by="UCARE"))
    old = (await store.load(case)).version
    await desk.press(press(case, "return", by="UERIK", version=old))
    await desk.submit(sends(case, "Another text ^CZ", by="UCARE", view="V2", reason="so it is"))
    with pytest.raises(NotAllowed):
        await desk.press(press(case, "approve", by="UERIK", version=old))
    assert (await held(store, case)).state is State.APPROVAL
