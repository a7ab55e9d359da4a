"""Exactly one reply: every answer a platform can give, in each of the three modes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from assistant.case import Kind, Remote, State
from assistant.errors import Barred, Doubtful, Refused, TryAgain
from assistant.ours import normal
from assistant.reply import KEY_TRUSTED, LOOKS, SETTLE, TRIES
from assistant.store import Store, open_store
from assistant.store.connections import connections
from assistant.testing import FakePlatform, KeyedPlatform, LookUpPlatform
from tests.core import add, queued_case
from tests.sending import Sending, sending, stand

MODES = [FakePlatform, LookUpPlatform, KeyedPlatform]


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


@pytest.mark.parametrize("mode", MODES)
async def test_all_well_is_one_reply_and_sent(store: Store, mode: type[FakePlatform]) -> None:
    on = await sending(store, mode())
    case = await on.wake()
    assert (case.state, case.remote) == (
        State.SENT,
        Remote(id="r1", url="https://social.example/r1"),
    )
    assert case.reply in case.sent
    assert on.texts == [case.sent[0].text]
    for _ in range(3):
        await on.wake(ahead=timedelta(hours=1))
    assert len(on.platform.calls) == 1
    assert on.counted == {"sent": 1}


async def test_nothing_goes_out_before_the_undo_window_is_over(store: Store) -> None:
    """Woken a moment too early, by another clock or the sweeper, it is woken again."""
    on = await sending(store, FakePlatform())
    on.clock.now -= timedelta(milliseconds=400)
    assert (await on.wake()).state is State.QUEUED
    assert on.platform.calls == []
    assert await on.due() == timedelta(milliseconds=400)
    assert (await on.wake(ahead=timedelta(seconds=1))).state is State.SENT


@pytest.mark.parametrize("mode", MODES)
async def test_a_refusal_is_told_and_final(store: Store, mode: type[FakePlatform]) -> None:
    on = await sending(store, mode(), Refused("403"))
    case = await on.wake()
    assert (case.state, case.reason) == (State.FAILED, "refused")
    assert (await store.events(on.case))[-1].note == "403"  # where it can be erased
    await on.wake(ahead=timedelta(hours=1))
    assert len(on.platform.calls) == 1


async def test_an_account_that_is_barred_is_noted_until_a_reply_goes_out(store: Store) -> None:
    on = await sending(store, FakePlatform(), Barred("the token was revoked"))
    case = await on.wake()
    assert (case.state, case.reason) == (State.FAILED, "connection")
    [noted] = await connections(store)
    assert (noted.account, noted.part, noted.reason, noted.grave) == (
        "replay:@town", "sending", "the token was revoked", True,
    )  # fmt: skip
    other = Sending(store, await queued_case(store, "p2"), FakePlatform())
    assert (await other.wake()).state is State.SENT
    assert (await connections(store))[0].ok


async def test_a_barred_account_at_the_last_look_is_no_closed_post(store: Store) -> None:
    on = await sending(store, FakePlatform())
    on.platform.looks["p1"] = Barred("the token was revoked")
    assert (await on.wake()).state is State.QUEUED
    assert await on.due() is not None
    del on.platform.looks["p1"]
    assert (await on.wake(ahead=timedelta(minutes=10))).state is State.SENT


@pytest.mark.parametrize("mode", MODES)
async def test_try_again_obeys_how_long_and_sends_the_same_reply(
    store: Store, mode: type[FakePlatform]
) -> None:
    on = await sending(store, mode(), TryAgain("busy", after=120.0))
    case = await on.wake()
    assert case.state is State.SENDING
    assert await on.due() == timedelta(seconds=120)
    case = await on.wake(ahead=timedelta(seconds=120))
    assert case.state is State.SENT
    assert [each.key for each in on.platform.calls] == [case.sent[0].key] * 2
    assert len(on.texts) == 1


async def test_giving_up_is_told_after_some_tries(store: Store) -> None:
    on = await sending(store, FakePlatform(), *[TryAgain("busy")] * (TRIES + 5))
    pauses = []
    for _ in range(TRIES):
        case = await on.wake(ahead=timedelta(minutes=11))
        if case.state is State.SENDING:
            pauses.append(await on.due())
    assert (case.state, case.reason) == (State.FAILED, "gave_up")
    assert len(on.platform.calls) == TRIES
    assert pauses == sorted(pauses)
    assert on.texts == []


@pytest.mark.parametrize("step", ["lost", Doubtful("500")])
async def test_in_doubt_without_any_means_nothing_is_ever_sent_again(
    store: Store, step: Any
) -> None:
    on = await sending(store, FakePlatform(), step)
    case = await on.wake()
    assert case.state is State.IN_DOUBT
    for _ in range(5):
        case = await on.wake(ahead=timedelta(hours=1))
    assert case.state is State.IN_DOUBT
    assert len(on.platform.calls) == 1


async def test_a_doubtful_reply_that_is_found_is_sent(store: Store) -> None:
    on = await sending(store, LookUpPlatform(), "lost")
    case = await on.wake()
    assert (case.state, case.remote and case.remote.id) == (State.SENT, "r1")
    assert (await store.events(on.case))[-1].kind is Kind.FOUND
    assert len(on.platform.calls) == 1


async def test_a_doubtful_reply_that_is_not_found_waits_for_a_person(store: Store) -> None:
    """Not found proves nothing: the server may be behind."""
    platform = LookUpPlatform()
    on = await sending(store, platform, "lost")
    platform.hidden = True
    case = await on.wake()
    assert case.state is State.IN_DOUBT
    assert await on.due() == LOOKS
    platform.hidden = False
    assert (await on.wake(ahead=LOOKS)).state is State.SENT
    assert len(platform.calls) == 1


@pytest.mark.parametrize("step", ["lost", Doubtful("cut")])
async def test_with_a_key_the_same_reply_is_said_again(store: Store, step: Any) -> None:
    on = await sending(store, KeyedPlatform(), step)
    case = await on.wake()
    assert case.state is State.SENT
    assert len(on.platform.calls) == 2
    assert len({each.model_dump_json() for each in on.platform.calls}) == 1
    assert len(on.texts) == 1


async def test_with_a_key_doubt_after_doubt_rests_and_ends_with_a_person(store: Store) -> None:
    on = await sending(store, KeyedPlatform(), *["lost"] * 20)
    case = await on.wake()
    assert len(on.platform.calls) == 2  # once more at once, then rests
    assert await on.due() == SETTLE
    while case.state is State.SENDING:
        case = await on.wake(ahead=SETTLE)
    assert case.state is State.IN_DOUBT
    assert len(on.platform.calls) == TRIES
    assert len(on.texts) == 1


async def test_a_key_that_is_too_old_is_not_trusted(store: Store) -> None:
    on = await sending(store, KeyedPlatform(), *["lost"] * 20)
    await on.wake()
    case = await on.wake(ahead=KEY_TRUSTED)
    assert case.state is State.IN_DOUBT
    assert len(on.platform.calls) == 2


async def test_a_refusal_after_a_doubt_does_not_say_it_failed(store: Store) -> None:
    """`Duplicate` is a refusal too: the first attempt may well have arrived."""
    on = await sending(store, KeyedPlatform(), Doubtful("cut"), Refused("duplicate"), Refused("x"))
    case = await on.wake()
    while case.state is State.SENDING:
        case = await on.wake(ahead=SETTLE)
    assert case.state in (State.SENT, State.IN_DOUBT)


async def test_try_again_after_a_doubt_stays_in_doubt(store: Store) -> None:
    on = await sending(store, KeyedPlatform(), "lost", *[TryAgain("busy", after=1)] * 20)
    case = await on.wake()
    while case.state is State.SENDING:
        case = await on.wake(ahead=SETTLE)
    assert case.state is State.IN_DOUBT
    assert len(on.texts) == 1


async def test_another_text_of_ours_is_not_taken_for_the_reply(store: Store) -> None:
    on = await sending(store, LookUpPlatform(), Doubtful("cut"))
    reply = (await on.held()).reply
    assert reply is not None
    stand(on.platform, reply, "Something a colleague typed by hand", "r0")
    assert (await on.wake()).state is State.IN_DOUBT


async def test_a_reply_that_another_one_claimed_is_not_taken_for_ours(store: Store) -> None:
    on = await sending(store, LookUpPlatform(), Doubtful("cut"))
    reply = (await on.held()).reply
    assert reply is not None
    stand(on.platform, reply, reply.text, "r0")
    await add(store, on.case, remotes=(("replay:r0", "an-earlier-reply"),))
    assert (await on.wake()).state is State.IN_DOUBT


async def test_a_platform_that_names_somebody_elses_reply_is_not_believed(store: Store) -> None:
    on = await sending(store, FakePlatform())
    await add(store, on.case, remotes=(("replay:r1", "an-earlier-reply"),))
    assert (await on.wake()).state is State.IN_DOUBT


async def test_the_same_remote_id_on_another_platform_is_another_reply(store: Store) -> None:
    on = await sending(store, FakePlatform())
    await add(store, on.case, remotes=(("bluesky:r1", "an-earlier-reply"),))
    assert (await on.wake()).state is State.SENT


def test_a_text_is_known_again_after_a_server_tidied_it() -> None:
    assert normal("Cafe\u0301  om \n 9 uur ") == normal("Caf\u00e9 om 9 uur")
