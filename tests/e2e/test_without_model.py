"""Without a model: one post asks two things, and a suggestion is rewritten in approved words."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.town import Town, town
from tests.slack_ui import act_as, browser_page, find_element, screenshot, texts_of

SHOTS = Path("test-results")
TWO = {
    "id": "p1",
    "author": "u-1",
    "handle": "@sanne",
    "text": "@gemeentewaterstad hoe krijg ik een nieuwe afvalpas en wat kost een parkeervergunning",
    "url": "https://plein.example/@sanne/p1",
}
DUMP = {
    "id": "p2",
    "author": "u-2",
    "handle": "@kees",
    "text": "@gemeentewaterstad tot hoe laat is de milieustraat morgen open?",
    "url": "https://plein.example/@kees/p2",
}


@pytest.fixture
async def running(tmp_path: Path, store_url: str) -> AsyncIterator[Town]:
    """A town at work."""
    async with town(tmp_path, store_url=store_url) as made:
        await made.start()
        yield made


def variants(running: Town, id: str) -> tuple[str, str]:
    """Return the short and the long text of an approved answer."""
    answer = next(each for each in running.organisation.answers if each.id == id)
    return answer.short, answer.long


@pytest.mark.timeout(150)
async def test_both_answers_are_sent_as_they_were_approved(running: Town) -> None:
    await running.write(TWO)
    card = await running.card("C0PARKEREN", "Goedgekeurde antwoorden, woord voor woord")
    told = "\n".join(texts_of(card))
    assert "Afvalpas kwijt of kapot (van Afval en reiniging)" in told
    assert "Parkeervergunning voor bewoners" in told
    assert find_element(card["blocks"], "luister:form:rewrite") is None, "both have no room longer"
    _, editor = await running.window(card, "luister:editor:edit", user="U01ANNA")
    text = next(
        each["element"]["initial_value"]
        for each in editor["blocks"]
        if each.get("element", {}).get("initial_value")
    )
    await running.people.submit("U01ANNA", text=text)
    [sent] = await running.replied(1)
    assert sent["text"] == text
    assert all(variants(running, each)[0] in text for each in ("afvalpas", "parkeervergunning"))
    assert text.count("https://www.waterstad.example/") == 2


@pytest.mark.timeout(150)
async def test_longer_and_shorter_in_a_browser(running: Town) -> None:
    await running.write(DUMP)
    card = await running.card("C0AFVAL", "Goedgekeurd antwoord, woord voor woord")
    short, long = variants(running, "milieustraat")
    async with browser_page(running.local.url, height=1000) as page:
        await act_as(page, "Anna")
        await page.locator(".sidebar-item", has_text="afval").first.click()
        for wish, text in (("Uitgebreider", long), ("Korter", short), ("Uitgebreider", long)):
            await page.get_by_role("button", name="Herschrijf").first.click()
            choice = page.locator(".modal select.bk-select")
            await expect(choice.locator("option")).to_have_text(["Kies …", wish])
            await choice.select_option(label=wish)
            await screenshot(page, SHOTS, f"rewrite-{wish.lower()}")
            await page.locator(".modal-btn.primary").click()
            await running.thread_says(card, f"({wish}; goedgekeurd antwoord milieustraat")
            await expect(page.get_by_text(text).first).to_be_visible(timeout=10_000)
        await screenshot(page, SHOTS, "rewrite-longer")
        await page.get_by_role("button", name="Bewerk & verstuur").first.click()
        editor = page.locator(".modal .bk-plain-input").first
        await expect(editor).to_have_value(re.compile(re.escape(long)))
        await page.locator(".modal-btn.primary").click()
        await expect(page.locator(".modal")).to_have_count(0, timeout=10_000)
    [sent] = await running.replied(1)
    assert long in sent["text"]
    code, told = await running.luister("verify")
    assert (code, "all holds" in told) == (0, True), told
