"""A Send while others act on the same case: judged by what its sender had on screen, or asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from assistant.case import Case, Draft, Event, Kind, Reply, Rewriting, State
from assistant.chats import Verdict
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.store import Decision, Recorded, Store
from tests.people import press
from tests.test_draft import ANNA, ANSWERS
from tests.test_picking import BULKY, desk_of, opened, picks, presses, submission
from tests.test_triage import MONDAY, add, arrive, held

CENTRE = ANSWERS["milieustraat"]
Act = Callable[[Store, str], Awaitable[Any]]


class Meanwhile(Store):
    """A store in which others act on the case right before the next decision about it."""

    act: Act | None = None

    async def decide(
        self, id: str, decide: Callable[[Case | None], Decision], **more: Any
    ) -> Recorded:
        act, self.act = self.act, None
        if act is not None:
            await act(self, id)
        return await super().decide(id, decide, **more)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Meanwhile]:
    """An empty store."""
    store = Meanwhile(store_url, "waterstad")
    await store.start()
    yield store
    await store.close()


@pytest.fixture
def desk(store: Meanwhile) -> Desk:
    """Waterstad's desk."""
    return desk_of(store)


async def another_chosen(store: Store, id: str) -> None:
    """Bram chooses another answer."""
    await presses(store, desk_of(store), id, "pick", by="U02BRAM", choice=CENTRE.id)


async def rewritten(store: Store, id: str) -> None:
    """Bram has the suggestion rewritten, and it leans on another answer."""
    draft = (await held(store, id)).draft
    assert draft is not None
    wish = Rewriting(draft=draft.id, wish="simpler")
    other = Draft(id="simpler", text="Kort.", origin="model", sources=(CENTRE.id,), revision=1)
    asked = Event(kind=Kind.REWRITE, at=MONDAY, by=ANNA, rewriting=wish)
    await add(store, id, asked, Event(kind=Kind.DRAFTED, at=MONDAY, draft=other))


async def understood_otherwise(store: Store, id: str) -> None:
    """A late label says that the citizen writes English."""
    triage = (await held(store, id)).triage
    assert triage is not None
    english = triage.model_copy(update={"language": "en"})
    await add(store, id, Event(kind=Kind.TRIAGED, at=MONDAY, triage=english))


async def edited(store: Store, id: str) -> None:
    """The citizen changes the post."""
    await arrive(store, "Waar kan mijn oude kast heen?", event="edited")


async def reply_of(store: Store, id: str) -> Reply:
    """Return the reply that is on its way."""
    case = await held(store, id)
    assert case.state is State.QUEUED
    assert case.reply is not None
    return case.reply


@pytest.mark.parametrize("act", [another_chosen, rewritten])
async def test_another_suggestion_takes_nothing_from_a_text_being_sent(
    store: Meanwhile, desk: Desk, act: Act
) -> None:
    id = await opened(store)
    sent = submission(await picks(store, desk, id))
    store.act = act
    assert await desk.submit(sent) == Verdict(outcome="queued")
    reply = await reply_of(store, id)
    assert (reply.text, reply.by, reply.draft) == (sent.text, ANNA, sent.draft)
    assert (reply.sources, reply.overruled, reply.overrule_reason) == ((BULKY.id,), (), None)


async def test_an_editor_opened_before_another_choice_keeps_its_own_sources(
    store: Meanwhile, desk: Desk
) -> None:
    id = await opened(store)
    mine = submission(await picks(store, desk, id))
    await another_chosen(store, id)
    theirs = (await desk.editor(press(id, "edit", by="U01ANNA"))).text
    # What another's choice says proves nothing in a text that began from mine.
    asked = await desk.submit(mine.model_copy(update={"text": theirs}))
    assert (asked.outcome, bool(asked.editor and asked.editor.asks)) == ("confirm", True)
    assert await desk.submit(mine) == Verdict(outcome="queued")
    assert (await reply_of(store, id)).sources == (BULKY.id,)


@pytest.mark.parametrize("reason", [None, "  "])
async def test_what_a_send_has_to_be_asked_for_since_is_asked(
    store: Meanwhile, desk: Desk, reason: str | None
) -> None:
    """No check is overruled without a reason, also not one that came up at this very moment."""
    id = await opened(store)
    sent = submission(await picks(store, desk, id), reason=reason)
    store.act = understood_otherwise
    asked = await desk.submit(sent)
    assert asked.outcome == "confirm"
    assert asked.editor is not None
    assert (asked.editor.text, bool(asked.editor.asks)) == (sent.text, True)
    assert (await held(store, id)).state is State.OPEN

    because = sent.model_copy(update={"reason": "zij leest Nederlands"})
    assert await desk.submit(because) == Verdict(outcome="queued")
    reply = await reply_of(store, id)
    assert (reply.overruled, reply.overrule_reason) == (("language",), "zij leest Nederlands")


async def test_a_post_that_changes_at_that_moment_is_shown_first(
    store: Meanwhile, desk: Desk
) -> None:
    id = await opened(store)
    sent = submission(await picks(store, desk, id))
    store.act = edited
    asked = await desk.submit(sent)
    assert asked.outcome == "confirm"
    assert asked.editor is not None
    assert (asked.editor.text, asked.editor.revision) == (sent.text, 2)
    assert "oude kast" in asked.editor.post
    assert (await held(store, id)).state is State.OPEN


async def test_who_may_not_send_any_more_is_refused(store: Meanwhile, desk: Desk) -> None:
    id = await opened(store)
    sent = submission(await picks(store, desk, id))

    async def closed(store: Store, id: str) -> None:
        await add(store, id, Event(kind=Kind.CLOSED, at=MONDAY, by=ANNA, reason="spam"))

    store.act = closed
    with pytest.raises(NotAllowed):
        await desk.submit(sent)
    assert (await held(store, id)).reply is None


async def test_what_was_written_and_not_sent_keeps_its_own_sources(
    store: Meanwhile, desk: Desk
) -> None:
    id = await opened(store)
    sent = submission(await picks(store, desk, id))
    await desk.submit(sent)
    await presses(store, desk, id, "undo")
    await rewritten(store, id)
    again = await desk.editor(press(id, "edit", by="U02BRAM"))
    assert again.text == sent.text.replace("^AB", "^BW")
    later = submission(again).model_copy(update={"by": press(id, "edit", by="U02BRAM").by})
    assert await desk.submit(later) == Verdict(outcome="queued")
    reply = await reply_of(store, id)
    assert (reply.sources, reply.overruled, reply.by.initials) == ((BULKY.id,), (), "BW")
