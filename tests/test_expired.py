"""An approved answer that has expired is neither shown nor used any more, wherever it stood."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from assistant.case import State
from assistant.desk import Desk
from assistant.ground import lasting
from assistant.store import Store, open_store
from assistant.testing import FakePlatform
from tests.answer_cases import ANSWERS
from tests.core import TOWN, Clock, add, drafted, open_case, platforms
from tests.people import press
from tests.staff_cases import NOON, card, case_in, draft

LATER = datetime(2028, 1, 1, 12, 0, tzinfo=UTC)
"""The day after the last day of all answers here."""

BIN = ANSWERS[0]
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
