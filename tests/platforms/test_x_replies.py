"""X: one reply, in private too, what X refuses and why, what is found again, and what it costs."""

import json
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assistant.case import Post
from assistant.config.accounts import XPrices
from assistant.errors import Barred, Doubtful, Refused, TryAgain
from assistant.platforms import Arrival, Corrects, KeyedReplies
from assistant.platforms.x import X
from assistant.platforms.x.prices import cost
from assistant.platforms.x.wire import RULE, refusal
from tests.core import Clock
from tests.platforms.contract import answer
from tests.platforms.x_server import US, XServer
from tests.platforms.x_world import Memory, Opening, account


@pytest.fixture
async def x() -> AsyncIterator[XServer]:
    """An X that was asked nothing it does not describe."""
    async with XServer(Clock()) as server:
        yield server
        assert server.wrong == []


@pytest.fixture
async def opening(x: XServer) -> AsyncIterator[Opening]:
    """Opens adapters that share a memory."""
    async with Opening(x, x.clock, Memory()) as made:
        yield made


async def the_post(platform: X) -> Post:
    """Return the citizen's post that arrives."""
    told = [each async for each in platform.arrivals(None)]
    return next(each.post for each in told if isinstance(each, Arrival) and each.post.addressed)


async def test_x_has_no_key_and_no_edit_so_it_offers_neither(opening: Opening) -> None:
    platform = await opening()
    assert not isinstance(platform, KeyedReplies)
    assert not isinstance(platform, Corrects)


async def test_an_answer_to_who_did_not_name_us_is_refused_for_good_with_the_rule(
    x: XServer, opening: Opening
) -> None:
    ours = x.post(US, "Monday.")
    x.post(x.person("henk"), "why?", parent=ours)
    platform = await opening()
    post = await the_post(platform)
    assert post.barred == "not_summoned"
    with pytest.raises(Refused, match="mentioned it or quoted its post") as refused:
        await platform.reply(answer(post))
    assert not isinstance(refused.value, Barred)
    # On the Enterprise plan X takes it, and so do we.
    x.rule = False
    platform = await opening(plan="enterprise", daily_budget=None)
    post = await the_post(platform)
    assert post.barred is None
    assert (await platform.look(post)).standing == "unchanged"
    await platform.reply(answer(post))


@pytest.mark.parametrize(
    ("status", "data", "kind", "said"),
    [
        (403, {"detail": "you are not mentioned by its author"}, Refused, RULE),
        (403, {"detail": "duplicate content"}, Refused, "very text before"),
        (403, {"detail": "You cannot send messages to this user."}, Refused, "direct messages"),
        (403, {"detail": "Something about Truus"}, Refused, "does not permit"),
        (403, {"reason": "client-not-enrolled"}, Barred, "project"),
        (403, {"title": "Client Forbidden", "type": "…/client-forbidden"}, Barred, "API"),
        (403, {"detail": "Your account is suspended"}, Barred, "suspended"),
        (403, {"detail": "The author is suspended; ask an admin"}, Refused, "does not permit"),
        (403, {"detail": "requires oauth2 permissions"}, Barred, "permission"),
        (402, {"title": "CreditsDepleted"}, Barred, "credits"),
        (404, {"detail": "Truus"}, Refused, "not there"),
        (400, {"detail": "Truus"}, Refused, "HTTP 400"),
        (418, {}, Refused, "HTTP 418"),
    ],
)
def test_what_a_refusal_means(status: int, data: Any, kind: type[Refused], said: str) -> None:
    error = refusal("reply", status, data)
    assert isinstance(error, kind)
    assert isinstance(error, Barred) == (kind is Barred)
    assert said in str(error)
    assert "Truus" not in str(error)


async def test_a_reply_that_may_have_arrived_is_in_doubt_and_found_again(
    x: XServer, opening: Opening
) -> None:
    x.post(x.person("henk"), "@town when?")
    platform = await opening()
    post = await the_post(platform)
    reply = answer(post, text="@henk Tuesday, see town.nl/bins &\nmore. ^AB")
    x.fault = "timeout_after_accept"
    with pytest.raises(Doubtful):
        await platform.reply(reply)
    x.fault = None
    [found] = await platform.replies_under(reply)
    assert found.text == reply.text
    assert found.remote.url == f"https://x.com/town/status/{found.remote.id}"
    other = reply.model_copy(update={"text": "Another answer."})
    [found] = await platform.replies_under(other)
    assert found.text == "Tuesday, see town.nl/bins &\nmore. ^AB"


async def test_an_answer_that_is_none_is_a_doubt(x: XServer, opening: Opening) -> None:
    x.post(x.person("henk"), "@town when?")
    platform = await opening()
    post = await the_post(platform)
    x.fault = "html"
    with pytest.raises(Doubtful):
        await platform.reply(answer(post))
    with pytest.raises(Doubtful):
        await platform.reply(answer(post, visibility="direct"))


async def test_a_store_that_stumbles_afterwards_makes_no_reply_unsent(
    x: XServer, opening: Opening
) -> None:
    """It would be sent again."""
    x.post(x.person("henk"), "@town when?")
    platform = await opening()
    post = await the_post(platform)

    opening.memory.stuck = True
    await platform.reply(answer(post))
    await platform.reply(answer(post, visibility="direct"))
    assert (x.calls["reply"], x.calls["send"]) == (1, 1)


async def test_an_edited_post_is_answered_as_it_is_now(x: XServer, opening: Opening) -> None:
    id = x.post(x.person("henk"), "@town when?")
    platform = await opening()
    post = await the_post(platform)
    newest = x.edit(id, "@town when, please?")
    look = await platform.look(post)
    assert look.post is not None
    remote = await platform.reply(answer(look.post))
    assert x.tweets[remote.id].parent == newest
    assert [each.remote for each in await platform.replies_under(answer(look.post))] == [remote]
    # Read back, it stands under the post as we know it.
    told = [each async for each in platform.arrivals(None)]
    [ours] = [each.post for each in told if isinstance(each, Arrival) and not each.post.addressed]
    assert ours.parent == id


async def test_a_private_answer_is_found_by_its_text(x: XServer, opening: Opening) -> None:
    x.post(x.person("henk"), "@town when?")
    platform = await opening(direct=True)
    post = await the_post(platform)
    reply = answer(post, visibility="direct", text="Your number is 12. ^AB")
    assert await platform.replies_under(reply) == ()
    remote = await platform.reply(reply)
    [found] = await platform.replies_under(reply)
    assert (found.remote, found.text) == (remote, reply.text)
    with pytest.raises(Refused, match="keeps it"):
        await platform.take_back(remote)


async def test_who_takes_no_direct_messages_is_known(x: XServer, opening: Opening) -> None:
    henk = x.person("henk")
    x.closed.add(henk)
    x.post(henk, "@town when?")
    platform = await opening(direct=True)
    post = await the_post(platform)
    assert not platform.private_to(post)
    assert platform.private_to(post.model_copy(update={"author": "77"}))
    assert not platform.private_to(post.model_copy(update={"author": None}))
    with pytest.raises(Refused, match="takes no direct messages"):
        await platform.reply(answer(post, visibility="direct"))
    assert not (await opening(direct=False)).private_to(post)


async def test_a_look_is_never_stopped_by_the_budget_and_many_are(
    x: XServer, opening: Opening
) -> None:
    x.post(x.person("henk"), "@town when?")
    post = await the_post(await opening())
    poor = await opening(daily_budget=Decimal("0.01"))
    assert [each async for each in poor.arrivals(None)]  # the condition alone
    assert (await poor.look(post)).standing == "unchanged"
    with pytest.raises(TryAgain, match="budget"):
        await poor.looks([post])
    await poor.reply(answer(post))


async def test_direct_messages_stay_as_they_are(x: XServer, opening: Opening) -> None:
    x.message(x.person("henk"), "12", other=US)
    platform = await opening(direct=True)
    post = await the_post(platform)
    assert (await platform.look(post)).standing == "unchanged"
    assert [each.standing for each in await platform.looks([post])] == ["unchanged"]
    assert x.calls["looks"] == x.calls["look"] == 0


async def test_an_edit_is_seen_by_one_look_and_by_many(x: XServer, opening: Opening) -> None:
    id = x.post(x.person("henk"), "@town when?")
    platform = await opening()
    post = await the_post(platform)
    x.edit(id, "@town never mind")
    one = await platform.look(post)
    assert (one.standing, one.post and one.post.text) == ("edited", "@town never mind")
    assert await platform.looks([post]) == (one,)
    assert one.post is not None
    assert one.post.id == id
    x.tweets[id].settings = "mentionedUsers"
    x.edit(id, "now about something else")
    barred = await platform.look(post)
    assert (barred.standing, barred.post and barred.post.barred) == ("barred", "not_summoned")


def _account(server_url: str = "http://127.0.0.1:1", **changes: Any) -> Any:
    server = XServer(Clock())
    server.url = server_url
    return account(server, **changes)


def test_costs_are_about_or_unknown() -> None:
    prices = XPrices(as_of=date(2026, 11, 1), reply=Decimal("0.012"))
    plain = cost("Tuesday. ^AB", account=_account(prices=prices))
    assert (plain.dollars, plain.as_of, plain.link) == (Decimal("0.012"), "2026-11-01", False)
    # Nobody outside X knows what a reply with a link costs.
    link = cost("See https://town.nl/a", account=_account(prices=prices))
    assert (link.dollars, link.link) == (None, True)
    known = XPrices(reply_with_link=Decimal("0.2"))
    assert cost("See town.nl", account=_account(prices=known)).dollars == Decimal("0.2")
    assert cost("Tuesday.", account=_account(plan="enterprise")).dollars is None


async def test_what_is_sent_is_counted_with_a_link_as_the_dear_one(
    x: XServer, opening: Opening
) -> None:
    x.post(x.person("henk"), "@town when?")
    prices = XPrices(dm_send=Decimal("0.3"), reply=Decimal("0.05"))
    platform = await opening(direct=True, prices=prices)
    post = await the_post(platform)
    for text, visibility, spent in (
        ("Tuesday.", "public", Decimal("0.05")),
        ("See https://town.nl/a", "public", Decimal("0.200")),
        ("See https://town.nl/a", "direct", Decimal("0.3")),
    ):
        before = _spent(opening)
        await platform.reply(answer(post, text=text, visibility=visibility))
        assert _spent(opening) - before == spent


def _spent(opening: Opening) -> Decimal:
    return Decimal(json.loads(opening.memory.held["spent"])["dollars"])
