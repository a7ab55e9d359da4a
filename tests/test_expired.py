"""An approved answer that has expired is neither shown nor used any more, wherever it stood.

What a named person sent while it was valid goes out all the same, and the record says so.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assistant.amend import amend
from assistant.audit import verify
from assistant.case import Kind, State
from assistant.chats import Submission, Verdict
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.ground import lasting
from assistant.narrate import lines_of
from assistant.reply import Sender
from assistant.store import Store, open_store
from assistant.testing import FakePlatform, FullPlatform
from assistant.words import Words
from tests.answer_cases import ANSWERS
from tests.core import ACK, TOWN, Clock, add, drafted, open_case, platforms, triaged
from tests.people import held, kinds, press, sends
from tests.staff_cases import NOON, card, case_in, draft

LATER = datetime(2028, 1, 1, 12, 0, tzinfo=UTC)
"""The day after the last day of all answers here."""

BIN = ANSWERS[0].model_copy(update={"short": "Een afspraak kost 35 euro per keer."})
WITH_ANSWERS = TOWN.model_copy(update={"answers": (BIN,)})


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with open_store(store_url, "town") as opened:
        yield opened


def test_a_card_drops_the_suggestion_and_says_why() -> None:
    case = case_in(State.OPEN, draft=draft(sources=("grofvuil",)))
    before, after = card(case, now=NOON), card(case, now=LATER)
    assert before.suggestion is not None
    assert after.suggestion is None
    told = [each for each in after.warnings if "verlopen" in each]
    assert len(told) == 1
    assert told[0] not in before.warnings


def test_an_empty_suggestion_points_to_no_expired_answer() -> None:
    case = case_in(State.OPEN, draft=draft(origin="empty", text="", sources=("grofvuil", "weg")))
    shown = card(case, now=LATER).suggestion
    assert shown is not None
    assert [each.id for each in shown.sources] == ["weg"]


@pytest.mark.parametrize(("days", "there"), [(0, True), (1, False)])
async def test_an_editor_begins_with_it_through_its_last_day(
    store: Store, days: int, there: bool
) -> None:
    clock = Clock()
    clock.now = datetime.combine(BIN.valid_until, datetime.min.time(), UTC) + timedelta(
        days=days, hours=12
    )
    desk = Desk(store, WITH_ANSWERS, platforms=platforms(FakePlatform()), clock=clock)
    id = await open_case(store)
    case = await add(store, id, drafted(BIN.short, id="d2", origin="answer", sources=(BIN.id,)))

    editor = await desk.editor(press(id, "edit"))

    assert (BIN.short in editor.text) is there
    assert (editor.draft is not None) is there
    assert (lasting(case, organisation=WITH_ANSWERS, now=clock()) is not None) is there


TEXT = f"@Henk_de_Burger {BIN.short} ^AB"


class Night:
    """A case with a suggestion on its answer's last day, shortly before midnight."""

    def __init__(self, store: Store, id: str) -> None:
        self.store, self.id, self.clock = store, id, Clock()
        self.clock.now = datetime.combine(BIN.valid_until, datetime.min.time(), UTC)
        self.clock.ahead(hours=22, minutes=59)  # the town's clock is an hour ahead
        self.platform = FullPlatform()
        made = platforms(self.platform)
        self.desk = Desk(store, WITH_ANSWERS, platforms=made, clock=self.clock)
        self.sender = Sender(store, WITH_ANSWERS, platforms=made, clock=self.clock)

    def submission(self, text: str = TEXT, **more: Any) -> Submission:
        """Return the editor sent in, with the approved answer in it."""
        return sends(self.id, text, draft="d2", **more)

    async def told(self) -> str:
        """Return the thread."""
        events = await self.store.events(self.id)
        words = Words("nl")
        return "\n".join(lines_of(events, start=0, words=words, organisation=WITH_ANSWERS))

    async def version(self) -> int:
        return (await self.store.load(self.id)).version


async def night(store: Store, *, department: str = "waste") -> Night:
    id = await open_case(store, department=department)
    suggested = drafted(BIN.short, id="d2", origin="answer", sources=(BIN.id,))
    await add(store, id, triaged(department, language="nl"), suggested)
    return Night(store, id)


PASSED = f"het goedgekeurde antwoord {BIN.id} verliep nadat een collega op Verstuur drukte"


@pytest.mark.parametrize("expires", [False, True])
async def test_what_a_person_sent_goes_out_and_the_record_says_that_it_expired_since(
    store: Store, expires: bool
) -> None:
    on = await night(store)
    assert await on.desk.submit(on.submission()) == Verdict(outcome="queued")
    on.clock.ahead(seconds=TOWN.replies.undo_seconds + (60 if expires else 0))
    await on.sender.send(on.id, ACK)

    case = await held(store, on.id)
    assert (case.state, case.sent[0].text) == (State.SENT, TEXT)
    assert case.sent[0].sources == (BIN.id,)
    attempts = [e.expired for e in await store.events(on.id) if e.kind is Kind.SENDING]
    assert attempts == ([(BIN.id,)] if expires else [()])
    assert (PASSED in await on.told()) is expires
    assert (await verify(store)).broken is None


async def test_a_correction_across_that_moment_says_so_too(store: Store) -> None:
    on = await night(store)
    await on.desk.submit(on.submission())
    on.clock.ahead(seconds=TOWN.replies.undo_seconds)
    await on.sender.send(on.id, ACK)
    sent = (await held(store, on.id)).sent[0]
    corrected = on.submission(f"Dag! {TEXT}", corrects=sent.id, view="V2")
    assert await on.desk.submit(corrected) == Verdict(outcome="queued")
    on.clock.ahead(minutes=1)
    made = platforms(on.platform)
    await amend(store, on.id, ACK, organisation=WITH_ANSWERS, platforms=made, clock=on.clock)
    event = (await store.events(on.id))[-1]
    assert (event.kind, event.expired) == (Kind.AMENDED, (BIN.id,))
    assert PASSED in await on.told()


async def test_a_second_person_approves_no_text_whose_answer_has_expired(store: Store) -> None:
    on = await night(store, department="care")
    await on.desk.submit(on.submission(by="UANNA"))
    assert (await held(store, on.id)).state is State.APPROVAL
    on.clock.ahead(minutes=1)
    version = await on.version()
    with pytest.raises(NotAllowed, match=r"desk\.expired"):
        await on.desk.press(press(on.id, "approve", by="UERIK", version=version))
    assert Kind.APPROVED not in await kinds(store, on.id)

    await on.desk.press(press(on.id, "return", by="UERIK", version=version))
    asked = await on.desk.submit(on.submission(by="UANNA", view="V2"))
    assert asked.outcome == "confirm"
    again = on.submission(by="UANNA", view="V2", reason="blijft zo, zegt de redactie")
    assert await on.desk.submit(again) == Verdict(outcome="queued")
    await on.desk.press(press(on.id, "approve", by="UERIK", version=await on.version()))
    reply = (await held(store, on.id)).reply
    assert reply is not None
    assert (reply.sources, bool(reply.overruled)) == ((), True)


async def test_an_answer_that_expired_before_send_proves_nothing(store: Store) -> None:
    on = await night(store)
    editor = await on.desk.editor(press(on.id, "edit"))
    assert editor.draft == "d2"
    on.clock.ahead(minutes=1)
    asked = await on.desk.submit(on.submission())
    assert asked.outcome == "confirm"
    assert asked.editor is not None
    assert asked.editor.asks
