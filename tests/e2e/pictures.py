"""Makes docs/pictures anew from a running demo: `python -m tests.e2e.pictures` (two minutes)."""

import asyncio
import os
import tempfile
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.e2e.test_demo import ROOT, all_gone, demo, environ
from tests.slack_ui import act_as, browser_page

PICTURES = ROOT / "docs/pictures"
QUESTION = "tot hoe laat is de milieustraat"


async def main() -> None:
    os.environ["TZ"] = "Europe/Amsterdam"  # the page shows the browser's time, cards the town's
    with tempfile.TemporaryDirectory() as state:
        async with demo(environ(Path(state))) as running:
            async with browser_page(running.url, width=920, height=1600) as page:
                await act_as(page, "Anna")
                await page.locator(".sidebar-item", has_text="afval").first.click()
                await walk(page)
            await running.stop()
            await all_gone(Path(state))


async def walk(page: Page) -> None:
    """Answer one question as the README tells it, and take a picture of each step."""
    card = page.locator(".msg", has_text=QUESTION).first
    await expect(card.get_by_role("button", name="Herschrijf")).to_be_visible(timeout=60_000)
    await take(card, "card")

    send = page.locator(".modal-btn.primary")
    text = page.locator(".modal textarea")
    await card.get_by_role("button", name="Bewerk & verstuur").click()
    approved = await text.input_value()
    await text.fill(approved.replace(" ^AB", " Of mail jan@voorbeeld.org ^AB"))
    await send.click()
    await page.locator(".modal-error").wait_for()
    await take(page.locator(".modal"), "editor")

    await text.fill(approved)
    await send.click()
    await expect(card.get_by_role("button", name="Ongedaan maken")).to_be_visible(timeout=10_000)
    await take(card, "queued")
    await card.get_by_role("button", name="Ongedaan maken").click()
    await card.get_by_role("button", name="Bewerk & verstuur").click()
    await send.click()

    await expect(card.get_by_role("button", name="Terugnemen")).to_be_visible(timeout=60_000)
    await card.locator(".thread-summary").click()
    await page.add_style_tag(content=".thread-pane{width:740px!important}.thread-body{flex:none}")
    thread = page.locator(".thread-body")
    await expect(thread.get_by_text("Verstuurd. Het platform gaf geen link.")).to_be_visible(
        timeout=30_000
    )
    await take(thread, "sent")


async def take(what: Locator, name: str) -> None:
    """Save what is to be seen of `what`, without the pointer over it."""
    await what.page.mouse.move(0, 0)
    await what.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
