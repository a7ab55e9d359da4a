"""Bluesky: what only this network has; what it shares with others is in test_contract.py."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from assistant.case import Image, Said
from assistant.config import BlueskyAccount
from assistant.errors import BadInput, Barred, Doubtful, Refused, TryAgain
from assistant.platforms import Around, Arrival, Quarantined, Stirs
from assistant.platforms.bluesky import opened, parse
from assistant.platforms.bluesky.account import Bluesky
from assistant.platforms.bluesky.client import LOGINS, Client, Unwilling
from assistant.platforms.bluesky.pace import Pace
from assistant.platforms.bluesky.parse import raw, text_of, url_of
from assistant.platforms.bluesky.stream import Stream
from tests.core import START
from tests.platforms.bluesky_network import Network, served
from tests.platforms.contract import Doing, answer, posts, read, the_post
from tests.platforms.world_bluesky import PASSWORD, POST, RECORDED, BlueskyWorld, Memory, now, until

# Recorded from a real network; each file is one record as it arrives


def recorded(name: str) -> Arrival:
    """Return the arrival that a recorded file makes."""
    text = (RECORDED / f"{name}.json").read_text("utf-8")
    return parse(text, account="@town", now=START)


HENK, TRUUS, TOWN = "henk2dae36.test", "truus83a5f7.test", "waterstad993efa.test"
AT = f"@{TOWN}"
MARKET = Said(author=TOWN, text="Zaterdag is er weer markt op de Kade.", ours=True)
FULL = Said(author=HENK, text="De container op de Kade zit al dagen vol.")
TOO = Said(author=TRUUS, text="Bij ons in de Havenstraat ook.")
CAME = Said(author=TOWN, text="We sturen vandaag iemand langs. ^AB", ours=True)
READ: dict[str, dict[str, Any]] = {
    "mention": {
        "addressed": "mention",
        "handle": HENK,
        "text": f"{AT} wanneer wordt het grofvuil opgehaald? 🚮 Op"
        " https://waterstad.example/afval/grofvuil?wijk=haven staat niets.",
        "language": "nl",
        "barred": None,
        "url": None,
    },
    "reply_with_images_only": {
        "addressed": "reply",
        "text": "",
        "language": None,
        "images": ("Een volle container naast de visboer", None),
        "above": (MARKET,),
    },
    "quote": {
        "addressed": "quote",
        "text": "Hoe laat begint dat dan?",
        "parent": None,
        "above": (MARKET,),
    },
    "mention_with_a_card": {
        "text": f"{AT} klopt dit?\nhttps://nieuws.example/haven/brug-dicht",
        "images": ("Omrijden via de Stationsweg",),
    },
    "quote_with_a_picture": {"images": ("Mensen op de Kade",), "above": (MARKET,)},
    "labelled": {"warning": "graphic-media"},
    "right_to_left": {"text": f"{AT} متى تُفتح بلدية المدينة؟ שלום 👩‍👩‍👧‍👦", "language": "ar"},
    "our_own_answer": {"addressed": None, "handle": TOWN, "text": CAME.text, "above": (FULL, TOO)},
    "reply_in_a_thread": {"addressed": "reply", "above": (FULL, TOO, CAME)},
    "replies_closed": {"addressed": "mention", "barred": "replies_closed", "language": "en"},
}


def test_every_recorded_file_is_read_here() -> None:
    assert {each.stem for each in RECORDED.glob("*.json")} == set(READ)


@pytest.mark.parametrize("name", READ)
def test_a_recorded_post_is_read(name: str) -> None:
    post = recorded(name).post
    found = post.model_dump() | {
        "images": tuple(each.alt for each in post.images),
        "above": post.above,
    }
    assert {key: found[key] for key in READ[name]} == READ[name]
    assert all(each.url for each in post.images)


def test_a_thread_is_known_by_its_root() -> None:
    reply, ours = recorded("reply_in_a_thread"), recorded("our_own_answer")
    assert reply.conversation == reply.post.root == ours.post.root
    assert reply.post.parent == ours.post.id
    assert recorded("quote").conversation == recorded("quote").post.id


def changed(name: str = "mention", **changes: Any) -> str:
    """Return a recorded record with changes to its post's record."""
    item = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    item["post"]["record"] |= changes
    return json.dumps(item)


def test_a_time_is_the_authors_but_never_later_than_the_servers() -> None:
    indexed = datetime(2026, 11, 26, 3, 53, tzinfo=UTC)
    for written, early in (
        ("2026-11-25T10:00:00+01:00", True),
        ("2099-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00Z", False),
        ("9999-12-31T23:59:59Z", False),
        ("yesterday", False),
        (12, False),
    ):
        post = parse(changed(createdAt=written), account="@town", now=START).post
        assert (post.created_at < indexed) is early, written


def test_half_a_surrogate_pair_is_stored_as_a_question_mark() -> None:
    post = parse(changed(text="bin \ud83d"), account="@town", now=START).post
    assert post.text == "bin ?"


@pytest.mark.parametrize(
    "spoilt",
    [
        changed(**{"$type": "app.bsky.feed.thought"}),
        changed(text=None),
        changed(reply={"root": {}, "parent": {}}),
        "[" * 100_000,
        "{",
    ],
)
def test_what_is_no_post_is_bad_input(spoilt: str) -> None:
    with pytest.raises(BadInput):
        parse(spoilt, account="@town", now=START)


@pytest.mark.parametrize(
    "parts",
    [
        {"facets": "none"},
        {
            "facets": [
                {"index": {"byteStart": -1, "byteEnd": 4}, "features": [{"uri": "https://x"}]}
            ]
        },
        {
            "facets": [
                {"index": {"byteStart": 0, "byteEnd": 9000}, "features": [{"uri": "https://x"}]}
            ]
        },
        {"facets": [{"index": None, "features": [{"uri": "https://x"}]}, 7]},
        {"langs": [7]},
        {"langs": {"nl": 1}},
    ],
)
def test_what_only_adorns_a_post_may_be_nonsense(parts: dict[str, Any]) -> None:
    assert "grofvuil" in parse(changed(**parts), account="@town", now=START).post.text


def link(start: int, end: int, uri: str = "https://waterstad.example/a/b") -> dict[str, Any]:
    """Return the facet of a link."""
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [{"uri": uri}]}


def test_links_are_written_out_by_their_bytes() -> None:
    text = "🚮 waterstad.example/a… of hier"
    cut, named = text.encode().index(b"water"), text.encode().index(b"hier")
    facets = [link(cut, cut + 22), link(named, named + 4)]
    assert text_of(text, facets) == (
        "🚮 https://waterstad.example/a/b of hier (https://waterstad.example/a/b)"
    )
    # Offsets that cut a letter in two, overlap, or lead to no web page are left alone.
    assert text_of("🚮 hier", [link(1, 6)]) == "🚮 hier"
    assert text_of("hier daar", [link(0, 6), link(5, 9)]).startswith("hier ")
    assert text_of("hier", [link(0, 4, "javascript:alert(1)")]) == "hier"


def test_a_quote_beside_twenty_pictures_keeps_them_all() -> None:
    item = json.loads((RECORDED / "quote_with_a_picture.json").read_text("utf-8"))
    picture = item["post"]["embed"]["media"]["images"][0]
    item["post"]["embed"]["media"]["images"] = [picture] * 25
    post = parse(json.dumps(item), account="@town", now=START).post
    assert post.images == (Image(alt="Mensen op de Kade", url=picture["fullsize"]),) * 20


def test_a_film_is_shown_by_its_text() -> None:
    item = json.loads((RECORDED / "mention.json").read_text("utf-8"))
    item["post"]["embed"] = {"alt": "Een volle bak", "playlist": "https://video.example/1.m3u8"}
    [film] = parse(json.dumps(item), account="@town", now=START).post.images
    assert film == Image(alt="Een volle bak", url="https://video.example/1.m3u8")


def test_a_post_is_shown_where_its_readers_are() -> None:
    uri = "at://did:plc:abc/app.bsky.feed.post/3k2a"
    assert url_of(uri, "henk.example") == "https://bsky.app/profile/did:plc:abc/post/3k2a"
    assert url_of(uri, "henk.test") is None


def test_the_same_post_is_the_same_record_however_often_it_is_liked() -> None:
    view = json.loads((RECORDED / "quote.json").read_text("utf-8"))["post"]
    one, other = view | {"likeCount": 1}, view | {"likeCount": 2, "isRead": True}
    assert raw(one, me="did:plc:x", reason="quote") == raw(other, me="did:plc:x", reason="quote")


def test_who_has_no_account_here_does_not_wait_for_the_sdk() -> None:
    """It takes a second to load; `luister demo` is to stand within five."""
    code = "import sys, assistant.app; sys.exit('atproto' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# On a stand-in network


@pytest.fixture
def network() -> Network:
    """An empty network."""
    return Network()


@pytest.fixture
async def town(network: Network) -> AsyncIterator[BlueskyWorld]:
    """The town on that network."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        world = BlueskyWorld(await stack.enter_async_context(served(network)), http, stack)
        await world.begin()
        yield world


@pytest.fixture
async def client(town: BlueskyWorld) -> AsyncIterator[Client]:
    """A client of the town's account, without a session as yet."""
    made = client_of(town)
    yield made
    await made.aclose()


def client_of(
    town: BlueskyWorld, *, memory: Memory | None = None, password: str = PASSWORD, url: str = ""
) -> Client:
    """Return a client as another process would make it."""
    return Client(
        service=url or town.url,
        handle=f"@{town.town.handle}",
        password=SecretStr(password),
        variable="TOWN_PASSWORD",
        keep=memory or town.memory,
        clock=lambda: datetime.now(UTC),
    )


def platform_of(
    town: BlueskyWorld, client: Client, *, shown: Sequence[float] = (0.0,), ahead: float = 0
) -> Bluesky:
    """Return the adapter over this client."""
    account = BlueskyAccount(
        platform="bluesky", handle=f"@{town.town.handle}", service=town.url, variable="P"
    )

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead)

    return Bluesky(account, client=client, stream=None, clock=clock, shown=shown)


def logins(town: BlueskyWorld) -> int:
    """Return how often somebody logged in with the password."""
    return town.between.calls.count("com.atproto.server.createSession")


async def test_one_login_serves_every_process(town: BlueskyWorld) -> None:
    for _ in range(3):
        other = client_of(town)
        await other.me()
        await other.aclose()
    assert logins(town) == 1


async def test_a_session_that_expired_is_refreshed(
    town: BlueskyWorld, network: Network, client: Client
) -> None:
    before = await client.me()
    network.forget_sessions("access")
    await client.ask("app.bsky.notification.listNotifications")
    assert (await client.me(), logins(town)) == (before, 1)
    other = client_of(town)
    await other.ask("app.bsky.notification.listNotifications")
    await other.aclose()
    assert logins(town) == 1


async def test_where_refreshing_fails_one_login_follows(
    town: BlueskyWorld, network: Network, client: Client
) -> None:
    await client.me()
    network.forget_sessions("access")
    network.forget_sessions("refresh")
    calls = [client.ask("app.bsky.notification.listNotifications") for _ in range(3)]
    await asyncio.gather(*calls)
    assert logins(town) == 2


async def test_a_wrong_password_bars_and_is_not_tried_again_soon(town: BlueskyWorld) -> None:
    wrong = client_of(town, password="wrong")
    for _ in range(3):
        with pytest.raises(Barred, match="TOWN_PASSWORD") as refused:
            await wrong.me()
        assert "wrong" not in str(refused.value)
    await wrong.aclose()
    assert logins(town) == 1


async def test_logins_stay_far_below_what_a_server_allows(town: BlueskyWorld) -> None:
    memory = Memory()
    for _ in range(LOGINS):
        # A memory that loses its session is the worst that can happen to the server's limit.
        memory.held = {key: value for key, value in memory.held.items() if "logins" in key}
        one = client_of(town, memory=memory)
        await one.me()
        await one.aclose()
    memory.held = {key: value for key, value in memory.held.items() if "logins" in key}
    one = client_of(town, memory=memory)
    with pytest.raises(TryAgain) as limited:
        await one.me()
    await one.aclose()
    assert limited.value.after is not None
    assert 3500 < limited.value.after <= 3600
    assert logins(town) == LOGINS


async def test_what_never_left_is_tried_again(town: BlueskyWorld, client: Client) -> None:
    await client.me()
    nobody = client_of(town, url="http://127.0.0.1:1")
    with pytest.raises(TryAgain):
        await nobody.me()
    await nobody.aclose()


async def test_a_server_that_quotes_is_not_quoted(town: BlueskyWorld, client: Client) -> None:
    with pytest.raises(Unwilling) as refused:
        await client.ask("app.bsky.feed.getPostThread", uri="at://did:plc:x/y/Truus", depth=0)
    assert str(refused.value) == "app.bsky.feed.getPostThread: 400 NotFound"


async def test_a_pace_is_kept() -> None:
    clock, slept = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal clock
        slept.append(seconds)
        clock += seconds

    pace = Pace(3, 10.0, time=lambda: clock, sleep=sleep)
    for _ in range(7):
        await pace.step()
        clock += 1
    assert slept == [7, 7]


# Reading


async def test_a_post_dated_back_is_found_all_the_same(town: BlueskyWorld) -> None:
    """Lists are ordered by the author's clock, so it appears far below what was read already."""
    await town.citizen(Doing(id="p1"))
    told = await read(await town.platform())
    cursor = told[-1].cursor if isinstance(told[-1], Arrival) else None
    henk = await town.person("henk")
    old = (datetime.now(UTC) - timedelta(hours=20)).isoformat()
    record = (await town._record(henk, Doing(id="p2"), None)) | {"createdAt": old}
    made = await henk.put(POST, record)
    late = posts(await read(await town.platform(), cursor))
    assert made["uri"] in [each.id for each in late]


async def test_a_second_reading_passes_on_only_what_is_new(town: BlueskyWorld) -> None:
    await town.citizen(Doing(id="p1"), Doing(id="p2"))
    platform = await town.platform()
    first = await read(platform)
    assert len(posts(first)) == 2
    cursor = next(each.cursor for each in reversed(first) if isinstance(each, Arrival))
    assert await read(platform, cursor) == []
    # What was passed on and not recorded comes again.
    assert len(posts(await read(platform, None))) == 2
    await town.citizen(Doing(id="p3"))
    assert [each.id for each in posts(await read(platform, cursor))] == [town.id("p3")]


@pytest.mark.parametrize("cursor", ["", "no time", "9999-99-99T00:00:00Z"])
async def test_a_cursor_nobody_knows_begins_anew(town: BlueskyWorld, cursor: str) -> None:
    await town.citizen(Doing(id="p1"))
    assert len(posts(await read(await town.platform(), cursor))) == 1


async def test_a_first_reading_leaves_old_posts_alone(town: BlueskyWorld, client: Client) -> None:
    await town.citizen(Doing(id="p1"))
    later = platform_of(town, client, ahead=8 * 86_400)
    assert await read(later) == []


async def test_a_post_gone_before_it_was_read_is_no_arrival(town: BlueskyWorld) -> None:
    """It stands in the list of notifications and nowhere else."""
    gone = f"at://{town.town.did}/{POST}/3k22222222222"
    row = {"uri": gone, "reason": "mention", "indexedAt": now(), "record": {"text": "x"}}
    town.between.nonsense.append(row)
    await town.citizen(Doing(id="p1"))
    told = await read(await town.platform())
    assert [type(each) for each in told] == [Arrival]


async def test_a_long_thread_is_read_by_levels(town: BlueskyWorld) -> None:
    labels = [f"p{number}" for number in range(30)]
    for above, label in zip([None, *labels], labels, strict=False):
        await town.citizen(Doing(id=label, parent=above, text=f"Post {label}."))
    platform = await town.platform()
    before = len(town.between.calls)
    told = posts(await read(platform))
    assert len(told) == 30
    assert len(told[-1].above) == 10
    assert [each.text.split()[-1] for each in told[-1].above] == [f"p{n}." for n in range(19, 29)]
    # Not one call a post: levels of many threads are read together.
    assert len(town.between.calls) - before < 10


async def test_a_notification_without_a_name_is_kept(town: BlueskyWorld) -> None:
    town.between.nonsense.append({"reason": "mention", "indexedAt": now()})
    [broken] = await read(await town.platform())
    assert isinstance(broken, Quarantined)
    assert broken.cursor


# Answering


async def record_after(town: BlueskyWorld, text: str, **changes: Any) -> dict[str, Any]:
    """Answer a citizen with this text; return the record that stands."""
    await town.citizen(Doing(id="root"), Doing(id="p1", parent="root", author="truus"))
    reply = answer(await the_post(town, "p1"), text=text, **changes)
    remote = await (await town.platform()).reply(reply)
    assert remote.id.endswith(f"/{reply.record_key}")
    held = await town.town.ask(
        "com.atproto.repo.getRecord",
        repo=town.town.did,
        collection=POST,
        rkey=reply.record_key,
    )
    value: dict[str, Any] = held["value"]
    return value


async def test_a_reply_knows_its_root_and_its_parent(town: BlueskyWorld) -> None:
    record = await record_after(town, "On Tuesday. ^AB", language="nl")
    assert record["reply"]["root"]["uri"] == town.id("root")
    assert record["reply"]["parent"] == {
        "uri": town.id("p1"),
        "cid": town.made["p1"]["cid"],
    }
    assert record["langs"] == ["nl"]
    assert record["createdAt"] == "2026-11-20T12:00:00.000Z"
    assert "facets" not in record


async def test_links_mentions_and_tags_are_placed_by_utf8_bytes(town: BlueskyWorld) -> None:
    truus = await town.person("truus")
    text = f"Beste @{truus.handle} 🚮, zie https://town.example/één of @nobody.test #afval"
    record = await record_after(town, text)
    data = text.encode()
    found = {
        data[each["index"]["byteStart"] : each["index"]["byteEnd"]].decode(): each["features"][0]
        for each in record["facets"]
    }
    assert set(found) == {f"@{truus.handle}", "https://town.example/één", "#afval"}
    assert found[f"@{truus.handle}"]["did"] == truus.did
    assert found["#afval"]["tag"] == "afval"


async def test_another_citizens_name_is_looked_up(town: BlueskyWorld) -> None:
    henk = await town.person("henk")
    record = await record_after(town, f"Zie ook @{henk.handle}.")
    assert record["facets"][0]["features"][0]["did"] == henk.did


async def test_a_post_that_is_gone_is_not_answered(town: BlueskyWorld) -> None:
    await town.citizen(Doing(id="p1"))
    reply = answer(await the_post(town, "p1"))
    await town.citizen(Doing(id="p1", event="deleted"))
    with pytest.raises(Refused, match="deleted"):
        await (await town.platform()).reply(reply)
    assert await town.standing() == []


async def test_html_after_a_write_is_a_doubt(town: BlueskyWorld) -> None:
    await town.citizen(Doing(id="p1"))
    reply, platform = answer(await the_post(town, "p1")), await town.platform()
    for fault in ("html", "malformed", "500"):
        town.between.only = "com.atproto.repo.putRecord"
        async with town.broken(fault):
            with pytest.raises(Doubtful):
                await platform.reply(reply)
    town.between.only = None


async def test_a_reply_behind_a_gate_is_known_to_be_unseen(
    town: BlueskyWorld, client: Client
) -> None:
    await town.citizen(Doing(id="p1"), Doing(id="p2"))
    open_, shut = [answer(await the_post(town, each)) for each in ("p1", "p2")]
    platform = platform_of(town, client)
    seen, unseen = await platform.reply(open_), await platform.reply(shut)
    await town.bar("p2", "replies_closed")
    assert await platform.visible(open_, seen)
    assert not await platform.visible(shut, unseen)
    await town.bar("p1", "blocked")
    assert not await platform.visible(open_, seen)
    await platform.take_back(seen)
    with pytest.raises(TryAgain):
        await platform.visible(open_, seen)


async def test_a_correction_nobody_would_see_is_refused_and_undone(
    town: BlueskyWorld, network: Network, client: Client
) -> None:
    await town.citizen(Doing(id="p1"))
    reply = answer(await the_post(town, "p1"))
    platform = platform_of(town, client)
    remote = await platform.reply(reply)
    network.ignores_edits = True
    better = reply.model_copy(update={"text": "On Wednesday. ^AB"})
    with pytest.raises(Refused):
        await platform.correct(better, remote)
    assert [each.text for each in await town.standing()] == [reply.text]
    await platform.take_back(remote)
    with pytest.raises(Refused):
        await platform.correct(better, remote)


async def test_a_text_too_long_in_bytes_alone_is_too_long(
    town: BlueskyWorld, client: Client
) -> None:
    platform = platform_of(town, client)
    family = "👨‍👩‍👧‍👦"  # one grapheme of 25 bytes
    assert platform.length(family * 120) == 300
    assert platform.length(family * 121) > platform.limit
    assert platform.length("é" * 300) == 300


async def test_an_account_says_when_it_uses_its_own_password(
    town: BlueskyWorld, client: Client, network: Network
) -> None:
    platform = platform_of(town, client)
    assert len(await platform.introduce()) == 2
    network.scope = "com.atproto.access"
    network.forget_sessions("access")
    assert "app password" in (await platform.introduce())[-1]


# What its keys in luister.toml do


async def test_an_account_is_opened_as_configured(town: BlueskyWorld) -> None:
    keys = {"handle": f"@{town.town.handle}", "service": town.url, "variable": "ITS_PASSWORD"}
    account = BlueskyAccount.model_validate({"platform": "bluesky", "every": 42, **keys})
    assert account.variables == ("ITS_PASSWORD",)
    around = Around(
        secrets={"ITS_PASSWORD": SecretStr(PASSWORD)},
        keep=Memory(),
        clock=lambda: datetime.now(UTC),
    )
    async with opened(account, around) as platform:
        assert platform.every == 42
        [signed, _] = await platform.introduce()
        assert signed == f"Signed in as @{town.town.handle} ({town.town.did}) on {town.url}."
        # Without a stream there is only the clock to read by.
        stirred = asyncio.create_task(platform.stirred())
        await town.citizen(Doing(id="p1"))
        await asyncio.wait({stirred}, timeout=0.05)
        assert not stirred.done()
        stirred.cancel()


async def test_an_account_reads_sooner_where_a_stream_is_named(
    town: BlueskyWorld, network: Network
) -> None:
    platform = await town.platform()
    assert isinstance(platform, Stirs)
    stirred = asyncio.create_task(platform.stirred())
    await until(lambda: _is(bool(network.sockets)))
    await town.citizen(Doing(id="p1"))
    await stirred


async def test_a_stream_that_is_cut_or_refused_says_so(town: BlueskyWorld) -> None:
    place = town.server.replace("http", "ws", 1)
    for url, wanted in ((f"{place}/elsewhere", Refused), ("ws://127.0.0.1:1/", TryAgain)):
        stream = Stream(url)
        with pytest.raises(wanted):
            await stream.about(town.town.did)
        await stream.aclose()


async def test_a_stream_goes_on_after_it_was_cut(town: BlueskyWorld, network: Network) -> None:
    place = town.server.replace("http", "ws", 1)
    stream = Stream(f"{place}/xrpc/com.atproto.sync.subscribeRepos", settle=0)
    waiting = asyncio.create_task(stream.about(town.town.did))
    await until(lambda: _is(bool(network.sockets)))
    for each in tuple(network.sockets):
        await each.close()
    with pytest.raises(TryAgain):
        await waiting
    network.sockets.clear()
    waiting = asyncio.create_task(stream.about(town.town.did))
    await until(lambda: _is(bool(network.sockets)))
    await town.citizen(Doing(id="p1"))
    await waiting
    await stream.aclose()


async def _is(true: bool) -> bool:
    return true
