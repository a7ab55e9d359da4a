"""A colleague chooses another answer; one click more and the next such post gets it by itself."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.town import Town, town
from tests.slack_ui import act_as, browser_page, find_element, screenshot, texts_of

SHOTS = Path("test-results")
CHAIR = {
    "id": "p1",
    "author": "u-1",
    "handle": "@sanne",
    "text": "@gemeentewaterstad haalt de vuilnis ook mijn kapotte schommelstoel? Groet, Sanne Smit",
    "url": "https://plein.example/@sanne/p1",
}
SIMILAR = {
    "id": "p2",
    "author": "u-2",
    "handle": "@kees",
    "text": "@gemeentewaterstad komt de vuilnis een kapotte schommelstoel halen?",
    "url": "https://plein.example/@kees/p2",
}
PHRASE = "haalt vuilnis kapotte schommelstoel"
BULKY, TITLE = "grofvuil-ophalen", "Grofvuil laten ophalen"
TAUGHT = f"Anna Bakker (AB) leerde Luister: „{PHRASE}” hoort bij antwoord {BULKY}."
EDITOR = ".modal .bk-plain-input"


@pytest.fixture
async def running(tmp_path: Path, store_url: str) -> AsyncIterator[Town]:
    """A town at work."""
    async with town(tmp_path, store_url=store_url) as made:
        await made.start()
        yield made


@pytest.mark.timeout(150)
async def test_a_phrase_seen_and_clicked_finds_the_answer_next_time(running: Town) -> None:
    await running.write(CHAIR)
    card = await running.card("C0AFVAL", "kapotte schommelstoel")
    async with browser_page(running.local.url, height=1000) as page:
        await act_as(page, "Anna")
        await page.locator(".sidebar-item", has_text="afval").first.click()
        await page.get_by_role("button", name="Ander antwoord").first.click()
        choice = page.locator(".modal select.bk-select")
        await choice.select_option(label=TITLE)
        await screenshot(page, SHOTS, "another-1-choice")
        await page.locator(".modal-btn.primary").click()

        # The editor follows at once, with the answer as its text.
        await expect(page.locator(EDITOR).first).to_have_value(re.compile(r"grofvuil.*\^AB$"))
        await screenshot(page, SHOTS, "another-2-editor")
        text = await page.locator(EDITOR).first.input_value()
        await page.locator(EDITOR).first.fill(text)
        await page.locator(".modal-btn.primary").click()
        await expect(page.locator(".modal")).to_have_count(0, timeout=10_000)

        # What would be learned stands on the card, and nothing is until it is clicked.
        offer = page.get_by_text(f"„{PHRASE}” hoort bij {TITLE}").first
        await expect(offer).to_be_visible(timeout=10_000)
        await screenshot(page, SHOTS, "another-3-offer")
        _, listed = await running.luister("answers", "learned")
        assert listed == "0 learned that stand in no file\n"
        await page.get_by_role("button", name="Leer deze woorden").first.click()
        await running.thread_says(card, TAUGHT)
        await expect(offer).to_have_count(0, timeout=10_000)

        await running.replied(1)
        await running.write(SIMILAR)
        card = await running.card("C0AFVAL", "Goedgekeurd antwoord, woord voor woord")
        assert f"|{TITLE}>" in "\n".join(texts_of(card))
        await expect(page.get_by_text("Goedgekeurd antwoord, woord").last).to_be_visible()
        await screenshot(page, SHOTS, "another-4-next")
    assert running.replies()[0]["text"] == text
    _, listed = await running.luister("answers", "learned")
    assert f'    "{PHRASE}",  # Anna Bakker (AB), ' in listed
    code, told = await running.luister("verify")
    assert (code, "all holds" in told) == (0, True), told


@pytest.mark.timeout(150)
async def test_two_people_click_and_it_is_learned_once_then_forgotten(running: Town) -> None:
    await running.write(CHAIR)
    card = await running.card("C0AFVAL", "kapotte schommelstoel")
    _, form = await running.window(card, "luister:form:pick", user="U01ANNA")
    options = form["blocks"][0]["element"]["options"]
    assert BULKY in [each["value"] for each in options]
    await running.people.submit("U01ANNA", choice=BULKY)
    await running.people.modal(callback_id="luister:editor")
    await running.people.close_modal("U01ANNA")
    card = await running.card("C0AFVAL", PHRASE)
    assert "Leer deze woorden" in texts_of(card)
    assert find_element(card["blocks"], "luister:act:teach") is not None

    clicks = ("U01ANNA", "U02BOB", "U01ANNA")
    await asyncio.gather(
        *(running.people.click(card, "luister:act:teach", user=user) for user in clicks)
    )
    line = await running.thread_says(card, "leerde Luister")
    _, listed = await running.luister("answers", "learned")
    assert listed.count(PHRASE) == 1
    assert listed.endswith("1 learned that stand in no file\n")
    assert line.split(" (")[0].rpartition(" ")[2] in ("Bakker", "Jansen")

    code, told = await running.luister("answers", "forget", BULKY, PHRASE)
    assert code == 0, told
    await running.thread_says(card, "een beheerder haalde het weg")
    await running.write(SIMILAR)
    later = await running.card("C0AFVAL", "komt de vuilnis")
    assert "Goedgekeurd antwoord" not in "\n".join(texts_of(later))
    code, told = await running.luister("verify")
    assert (code, "all holds" in told) == (0, True), told
