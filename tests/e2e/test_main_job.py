"""A citizen's post becomes one sent, provable reply: seen and clicked in a browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.town import Town, town
from tests.slack_ui import Json, act_as, browser_page, find_element, screenshot

SHOTS = Path("test-results")
POST = {
    "id": "p1",
    "author": "u-1",
    "handle": "@sanne",
    "text": "@gemeentewaterstad hoe maak ik een afspraak om grofvuil te laten ophalen?",
    "url": "https://plein.example/@sanne/p1",
}
EDITOR = ".modal .bk-plain-input"


@pytest.fixture
async def running(tmp_path: Path, store_url: str) -> AsyncIterator[Town]:
    async with town(tmp_path, store_url=store_url) as made:
        await made.start()
        yield made


async def _type(page: Page, text: str) -> None:
    await page.locator(EDITOR).first.fill(text)
    await page.locator(".modal-btn.primary").click()


@pytest.mark.timeout(150)
async def test_a_post_becomes_one_reply(running: Town) -> None:
    await running.write(POST)
    card = await running.card("C0AFVAL", "grofvuil te laten ophalen")
    async with browser_page(running.local.url, height=1000) as page:
        await act_as(page, "Anna")
        await page.locator(".sidebar-item", has_text="afval").first.click()
        await expect(page.get_by_text("Bewerk & verstuur").first).to_be_visible()
        await expect(page.get_by_text("Goedgekeurd antwoord").first).to_be_visible(timeout=10_000)
        await screenshot(page, SHOTS, "1-card")

        # The check stops an e-mail address that is not ours, and the text stays.
        await page.get_by_role("button", name="Bewerk & verstuur").first.click()
        await expect(page.locator(EDITOR).first).to_have_value(re.compile(r"\^AB$"))
        good = await page.locator(EDITOR).first.input_value()
        await _type(page, good.replace("^AB", "mail jan@voorbeeld.org ^AB"))
        await expect(page.locator(".modal-error").first).to_be_visible()
        await screenshot(page, SHOTS, "2-check")

        # Corrected, sent, undone once.
        await _type(page, good)
        await expect(page.locator(".modal")).to_have_count(0, timeout=10_000)
        await page.get_by_role("button", name="Ongedaan maken").first.click()
        await running.thread_says(card, "Ongedaan gemaakt")
        assert running.replies() == []

        # Sent again: the undo window runs out and the reply stands on the platform.
        await expect(page.get_by_text("Bewerk & verstuur").first).to_be_visible(timeout=10_000)
        await page.get_by_role("button", name="Bewerk & verstuur").first.click()
        await expect(page.locator(EDITOR).first).to_have_value(re.compile(r"\^AB$"))
        await _type(page, good)
        await expect(page.locator(".modal")).to_have_count(0, timeout=10_000)
        await screenshot(page, SHOTS, "3-queued")
        replies = await running.replied(1)
        assert [(each["in_reply_to"], each["text"]) for each in replies] == [("p1", good)]
        await running.thread_says(card, "Verstuurd")
        await expect(page.get_by_text("Verstuurd op").first).to_be_visible(timeout=10_000)
        await page.locator(".thread-summary").first.click()
        await page.wait_for_timeout(500)
        await screenshot(page, SHOTS, "4-sent")
        await _corrected_and_taken_back(running, page, card, good)
    assert (await running.cases())[0]["state"] == "sent"
    code, told = await running.luister("verify")
    assert (code, "all holds" in told) == (0, True), told


async def _corrected_and_taken_back(running: Town, page: Page, card: Json, sent: str) -> None:
    """What stands there is changed and then gone, and the card says so only once it is."""
    better = sent.replace("^AB", "Tot dan! ^AB")
    await page.get_by_role("button", name="Verbeteren").first.click()
    await expect(page.locator(EDITOR).first).to_have_value(sent)
    await _type(page, better)
    await expect(page.locator(".modal")).to_have_count(0, timeout=10_000)
    await running.thread_says(card, "Het antwoord is verbeterd")
    assert [each["text"] for each in running.replies()] == [better]
    await expect(page.get_by_text("verbeterd door Anna Bakker").first).to_be_visible(timeout=10_000)
    await screenshot(page, SHOTS, "5-corrected")
    await page.get_by_role("button", name="Terugnemen").first.click()
    await expect(page.locator(EDITOR).first).to_be_visible()
    await _type(page, "Het ging over een andere straat.")
    await running.thread_says(card, "Het antwoord is teruggenomen")
    assert running.replies() == []
    await expect(page.get_by_text("teruggenomen door Anna Bakker").first).to_be_visible(
        timeout=10_000
    )
    await screenshot(page, SHOTS, "6-taken-back")


@pytest.mark.timeout(150)
async def test_two_people_press_send_at_the_same_moment(running: Town) -> None:
    await running.write(POST)
    await running.card("C0AFVAL", "Goedgekeurd antwoord")
    card = await running.card("C0AFVAL", "grofvuil te laten ophalen")
    button = next(
        action
        for action in ("luister:editor:edit",)
        if find_element(card["blocks"], action) is not None
    )
    opened = []
    for user in ("U01ANNA", "U02BOB"):
        before = set(running.slack.open_views())
        await running.people.click(card, button, user=user)
        async with asyncio.timeout(10):
            while not (new := _filled(running, before)):
                await asyncio.sleep(0.05)
        opened.append((user, new))
    answers = await asyncio.gather(
        *(running.slack.submit(user, view_id=view, values={}) for user, view in opened)
    )
    refused = [each for each in answers if (each or {}).get("response_action") == "errors"]
    assert len(refused) == 1, answers
    assert "was je voor" in str(refused[0])
    replies = await running.replied(1)
    await asyncio.sleep(1)
    assert len(running.replies()) == len(replies) == 1


def _filled(running: Town, before: set[str]) -> str | None:
    for name, view in running.slack.open_views().items():
        inputs = [each for each in view["blocks"] if each["type"] == "input"]
        if name not in before and inputs:
            return name
    return None
