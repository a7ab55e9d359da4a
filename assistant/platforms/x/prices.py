"""What X costs: the dated table, what was spent today, and the day's budget."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from assistant.config import XAccount
from assistant.platforms import Condition, Cost, Keep
from assistant.platforms.x.length import links

Kind = Literal["mention_read", "post_read", "user_read", "dm_read"]

LINK = Decimal("0.200")
"""An ordinary post with a link (docs.x.com, pricing, 2026-08-22): a reply may cost as much."""


def cost(text: str, *, account: XAccount) -> Cost:
    """Return what a reply with this text costs; an Enterprise contract has prices of its own."""
    prices, link = account.prices, bool(links(text))
    dollars = prices.reply_with_link if link else prices.reply
    if account.plan == "enterprise":
        dollars = None
    return Cost(dollars=dollars, as_of=prices.as_of.isoformat(), link=link)


class Purse:
    """What one account spent on this day (UTC), shared by all processes through `keep`."""

    def __init__(self, account: XAccount, *, keep: Keep, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._keep = keep
        self._clock = clock
        self._day_counted: date | None = None
        self._counted: set[tuple[Kind, str]] = set()

    async def spend_reads(self, read: Mapping[Kind, Collection[str]]) -> None:
        """Write down what was read, by its ids: X counts a thing once a day (UTC).

        It calls that no firm promise, and another process counts it again: rather too much.
        """
        today = self._clock().date()
        if today != self._day_counted:
            self._day_counted, self._counted = today, set()
        fresh = {(kind, id) for kind, several in read.items() for id in several} - self._counted
        self._counted |= fresh
        prices = self._account.prices
        await self._spend(sum((getattr(prices, kind) for kind, _ in fresh), Decimal(0)))

    async def spend_message(self) -> None:
        """Write down a direct message."""
        await self._spend(self._account.prices.dm_send)

    async def spend_reply(self, text: str) -> None:
        """Write down a public reply; a link whose price is unknown counts as the dear one."""
        prices = self._account.prices
        dear = LINK if prices.reply_with_link is None else prices.reply_with_link
        await self._spend(dear if links(text) else prices.reply)

    async def _spend(self, dollars: Decimal) -> None:
        if not dollars:
            return
        async with self._keep.alone("spent"):
            day = await self._day()
            day["dollars"] = str(Decimal(day["dollars"]) + dollars)
            await self._keep.put("spent", json.dumps(day))

    async def fits(self, each: Decimal, *, most: int) -> int:
        """Return how many reads at this price the day's budget still takes, `most` at most."""
        budget = self._account.daily_budget
        if budget is None or not each:
            return most
        left = budget - Decimal((await self._day())["dollars"])
        return max(0, min(most, int(left / each)))

    async def changed(self, *, spent: bool) -> Condition | None:
        """Return the condition of the budget if it is another than the one told last."""
        async with self._keep.alone("spent"):
            day = await self._day()
            if spent == day["told"]:
                return None
            await self._keep.put("spent", json.dumps({**day, "told": spent}))
        budget = self._account.daily_budget
        if not spent:
            return Condition(part="budget", well=True, reason="a new day: reading goes on")
        return Condition(
            part="budget",
            well=False,
            reason=f"the day's budget for X (${budget}) is spent: no posts are read until 00:00 "
            "UTC, then those of today too; replies still go out. To read more, raise "
            "daily_budget in luister.toml",
        )

    async def _day(self) -> dict[str, Any]:
        """Return today's `dollars`, and `told`: whether it was last said that all is spent."""
        today = self._clock().date().isoformat()
        try:
            kept = json.loads(await self._keep.get("spent") or "{}")
            told = bool(kept.get("told"))
            if kept.get("day") == today:
                return {"day": today, "dollars": str(Decimal(kept["dollars"])), "told": told}
        except (ValueError, KeyError, AttributeError, InvalidOperation):
            told = False
        return {"day": today, "dollars": "0", "told": told}
