"""Where triage is unsure the card suggests a department, and one click brings the case there."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.town import Town, town
from tests.slack_ui import act_as, browser_page, find_element, screenshot, texts_of

SHOTS = Path("test-results")
CAREFUL = {
    "id": "p1",
    "author": "u-1",
    "handle": "@sanne",
    "text": "@gemeentewaterstad wat een schande, die troep naast de container bij het afval",
    "url": "https://plein.example/@sanne/p1",
}
GIVE, NAME = "luister:act:give", "Afval en reiniging"
GIVEN = f"Overgedragen van Triage naar {NAME} door "


@pytest.fixture
async def running(tmp_path: Path, store_url: str) -> AsyncIterator[Town]:
    """A town at work."""
    async with town(tmp_path, store_url=store_url) as made:
        await made.start()
        yield made


@pytest.mark.timeout(150)
async def test_one_click_brings_a_case_to_the_department_the_card_suggests(running: Town) -> None:
    await running.write(CAREFUL)
    await running.card("C0TRIAGE", "die troep")
    async with browser_page(running.local.url, height=1000) as page:
        await act_as(page, "Anna")
        await page.locator(".sidebar-item", has_text="triage").first.click()
        await expect(page.get_by_text(f"Vermoedelijk: {NAME}").first).to_be_visible()
        await screenshot(page, SHOTS, "likely-1-card")
        await page.get_by_role("button", name=f"Naar {NAME}").first.click()
        await expect(page.get_by_text(f"Overgedragen aan {NAME}").first).to_be_visible(
            timeout=10_000
        )
        await screenshot(page, SHOTS, "likely-2-given")

    there = await running.card("C0AFVAL", "die troep")
    assert find_element(there["blocks"], GIVE) is None
    await running.thread_says(there, GIVEN + "Anna Bakker (AB)")
    _, exported = await running.luister("export", "cases")
    row = json.loads(exported)
    assert (row["department"], row["corrected_by"]) == ("afval", "AB")
    code, told = await running.luister("verify")
    assert (code, "all holds" in told) == (0, True), told


@pytest.mark.timeout(150)
async def test_who_clicks_too_late_is_told_where_it_is_now(running: Town) -> None:
    await running.write(CAREFUL)
    card = await running.card("C0TRIAGE", "die troep")
    assert f"Naar {NAME}" in texts_of(card)

    clicks = ("U01ANNA", "U02BOB", "U01ANNA")
    await asyncio.gather(*(running.people.click(card, GIVE, user=user) for user in clicks))

    there = await running.card("C0AFVAL", "die troep")
    await running.thread_says(there, GIVEN)
    assert "\n".join(await running.people.thread("C0AFVAL", there["ts"])).count(GIVEN) == 1
    await running.hears("C0TRIAGE", f"deze kaart is nu bij {NAME}")
    [case] = await running.cases()
    assert case["department"] == "afval"
