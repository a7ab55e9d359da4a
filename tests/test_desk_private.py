"""Public or private: what is offered, what stands chosen, and what the Reply carries."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from assistant.case import Event, Kind, Reply, State
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.reply import Sender
from assistant.store import Store, open_store
from assistant.testing import FakePlatform, FullPlatform
from tests.core import ACK, START, TOWN, Clock, add, open_case, platforms, triaged
from tests.people import TEXT, held, press, sends

PHONE = "@Henk_de_Burger We call you at 06 12345678. ^AB"
BSN = "@Henk_de_Burger Is 111222333 your BSN? ^AB"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "town") as opened:
        yield opened


def desk_on(store: Store, platform: FakePlatform) -> Desk:
    """Return the town's desk with this platform."""
    return Desk(store, TOWN, platforms=platforms(platform), clock=Clock())


@pytest.fixture
def desk(store: Store) -> Desk:
    """The town's desk, with a platform that answers in private too."""
    return desk_on(store, FullPlatform())


async def reply_of(store: Store, case: str) -> Reply:
    """Return the reply that was made."""
    reply = (await held(store, case)).reply
    assert reply is not None
    return reply


@pytest.mark.parametrize(
    ("post", "label", "draft", "reader"),
    [
        ("When will the bins be emptied?", "question", "On Tuesday.", "public"),
        ("My number is 06 12345678, call me", "question", "On Tuesday.", "private"),
        ("When will the bins be emptied?", "personal_data", "On Tuesday.", "private"),
        ("When will the bins be emptied?", "question", "We call you at 06 12345678.", "private"),
    ],
)
async def test_what_touches_personal_data_is_meant_for_one(
    store: Store, desk: Desk, post: str, label: str, draft: str, reader: str
) -> None:
    case = await open_case(store, text=post)
    drafted = {"id": "d2", "text": draft, "origin": "template", "revision": 1}
    event = Event.model_validate({"kind": Kind.DRAFTED, "at": START, "draft": drafted})
    await add(store, case, triaged(label=label), event)
    opened = await desk.editor(press(case, "edit"))
    assert [each.value for each in opened.readers] == ["public", "private"]
    assert opened.reader == reader
    assert opened.limit == (1000 if reader == "private" else 300)


@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
@pytest.mark.parametrize("reader", [None, "public", "private"])
async def test_a_reply_is_never_seen_by_more_people_than_the_post(
    store: Store, desk: Desk, visibility: str, reader: Any
) -> None:
    case = await open_case(store, visibility=visibility, root="p0")
    if visibility == "direct" and reader == "public":
        with pytest.raises(NotAllowed, match="not_private"):
            await desk.submit(sends(case, reader=reader))
        return
    await desk.submit(sends(case, reader=reader))
    reply = await reply_of(store, case)
    assert reply.visibility == ("direct" if reader == "private" else visibility)
    assert (reply.target, reply.root, reply.author, reply.handle, reply.language) == (
        "p1",
        "p0",
        "did:citizen",
        "@Henk_de_Burger",
        "en",
    )


async def test_a_private_message_leaves_nothing_to_choose(store: Store, desk: Desk) -> None:
    case = await open_case(store, visibility="direct")
    opened = await desk.editor(press(case, "edit"))
    assert (opened.readers, opened.limit) == ((), 1000)
    assert desk.say("editor.only_private") in opened.hints


async def test_a_platform_without_private_messages_offers_none(store: Store) -> None:
    desk = desk_on(store, FakePlatform())
    case = await open_case(store)
    assert (await desk.editor(press(case, "edit"))).readers == ()
    with pytest.raises(NotAllowed, match="not_private"):
        await desk.submit(sends(case, reader="private"))
    assert (await held(store, case)).state is State.OPEN


async def test_who_cannot_be_written_to_is_answered_in_public(store: Store, desk: Desk) -> None:
    case = await open_case(store, author=None, handle=None)
    assert (await desk.editor(press(case, "edit"))).readers == ()


async def test_personal_data_is_stopped_in_public_and_asked_about_in_private(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store)
    assert (await desk.submit(sends(case, PHONE, reader="public"))).outcome == "errors"
    asked = await desk.submit(sends(case, PHONE, reader="private"))
    assert asked.outcome == "confirm"
    assert asked.editor is not None
    assert (asked.editor.reader, len(asked.editor.asks)) == ("private", 1)
    assert (await desk.submit(sends(case, BSN, reader="private", reason="x"))).outcome == "errors"
    sent = sends(case, PHONE, reader="private", reason="the citizen asked us to")
    assert (await desk.submit(sent)).outcome == "queued"
    assert (await reply_of(store, case)).overruled == ("phone",)


async def test_the_last_check_is_that_of_a_private_reply(store: Store) -> None:
    """What was allowed in private is not stopped at the door, nor for its length."""
    platform = FullPlatform()
    desk, case = desk_on(store, platform), await open_case(store)
    text = PHONE.replace("^AB", "As you asked us to. " * 20 + "^AB")
    assert platform.length(text) > platform.limit
    await desk.submit(sends(case, text, reader="private", reason="the citizen asked us to"))
    clock = Clock()
    clock.ahead(hours=1)
    sender = Sender(store, TOWN, platforms=platforms(platform), clock=clock)
    await sender.send(case, ACK)
    assert (await held(store, case)).state is State.SENT
    [(reply, _)] = platform.standing
    assert reply.visibility == "direct"


async def test_what_was_meant_for_one_stays_so_when_it_is_taken_up_again(
    store: Store, desk: Desk
) -> None:
    case = await open_case(store)
    await desk.submit(sends(case, reader="private"))
    await desk.press(press(case, "undo", version=5))
    assert (await desk.editor(press(case, "edit", by="UBRAM"))).reader == "private"


async def test_the_same_text_for_other_readers_is_another_act(store: Store, desk: Desk) -> None:
    """Whoever chose other readers after a lost answer must hear that the first choice holds."""
    case = await open_case(store)
    await desk.submit(sends(case, reader="public"))
    assert (await desk.submit(sends(case, reader="public"))).outcome == "queued"
    with pytest.raises(NotAllowed, match="was_first"):
        await desk.submit(sends(case, reader="private"))


async def test_the_choice_stands_while_a_reason_is_asked(store: Store, desk: Desk) -> None:
    case = await open_case(store)
    text = TEXT.replace("Thank you", "We promise to come tomorrow. Thank you")
    asked = await desk.submit(sends(case, text, reader="private"))
    assert asked.editor is not None
    assert asked.editor.reader == "private"
