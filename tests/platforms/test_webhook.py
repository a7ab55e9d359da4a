"""The webhook beyond the contract: signatures, what is answered when, and exact refusals."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from jsonschema import Draft202012Validator
from pydantic import SecretStr, ValidationError

from assistant.accounts import platforms_of
from assistant.app import Wiring, run
from assistant.case import Event, Kind, Post, Remote, State
from assistant.config import Secrets
from assistant.errors import (
    BadInput,
    Barred,
    Doubtful,
    LuisterError,
    Misconfigured,
    Refused,
    TryAgain,
)
from assistant.listen import listen, take
from assistant.platforms import (
    AnswersPrivately,
    Arrival,
    Corrects,
    FindsReplies,
    Quarantined,
    TakesBack,
    Told,
)
from assistant.platforms.webhook import Webhook, opened, parse, payload, webhook
from assistant.platforms.webhook.inbound import ROOM, SIZE
from assistant.platforms.webhook.payload import MANY
from assistant.platforms.webhook.schema import ANSWERED, ASKED, PUSHED, document
from assistant.platforms.webhook.signing import TOLERANCE, Signer
from assistant.reply import Sender
from assistant.store import open_store
from assistant.store.intake import quarantined
from tests.core import ACK, START, TOWN, WRITER, add, triaged
from tests.platforms.contract import answer
from tests.platforms.world_webhook import CAN, SAMPLES, SECRET, SIGNER, account, around

ITEM: dict[str, Any] = json.loads(SAMPLES[0])
OTHER = "whsec_" + "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="


# Signatures


def test_signs_as_the_specification_does() -> None:
    """The example of the libraries at standard-webhooks/standard-webhooks."""
    signer = Signer(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), variable="V")
    at = START.fromtimestamp(1614265330, tz=START.tzinfo)
    body = b'{"test": 2432232314}'
    headers = signer.headers(body, id="msg_p5jXN8AQM9LWM0D4loKWxJek", now=at)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert signer.sender(headers, body, now=at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (299, True), (301, False)])
def test_a_signature_is_good_for_five_minutes(seconds: int, *, good: bool) -> None:
    assert TOLERANCE == 300
    for moment in (START + timedelta(seconds=seconds), START - timedelta(seconds=seconds)):
        headers = SIGNER.headers(b"{}", id="m1", now=moment)
        assert (SIGNER.sender(headers, b"{}", now=START) == "m1") is good


SIGNED = SIGNER.headers(b"{}", id="m1", now=START)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": "m2"},
        {"webhook-id": ""},
        {"webhook-id": "m" * 256},
        {"webhook-timestamp": str(int(START.timestamp()) + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 13},
        {"webhook-signature": ""},
        {"webhook-signature": SIGNED["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": "v1,é\udcff"},
    ],
)
def test_what_is_signed_otherwise_is_nobodys(changes: dict[str, str]) -> None:
    assert SIGNER.sender(SIGNED, b"{}", now=START) == "m1"
    assert SIGNER.sender(SIGNED, b"{ }", now=START) is None
    assert SIGNER.sender(SIGNED | changes, b"{}", now=START) is None
    missing = {name: value for name, value in SIGNED.items() if name not in changes}
    assert SIGNER.sender(missing, b"{}", now=START) is None


@pytest.mark.parametrize("id", ["", "m" * 256, "mé", "m\x1b[2J"])
def test_an_id_is_short_and_plain(id: str) -> None:
    assert SIGNER.sender(SIGNER.headers(b"{}", id="m" * 255, now=START), b"{}", now=START)
    assert SIGNER.sender(SIGNER.headers(b"{}", id=id, now=START), b"{}", now=START) is None


def test_one_secret_takes_over_from_another() -> None:
    old, new = SIGNER, Signer(SecretStr(OTHER), variable="V")
    both = Signer(SecretStr(f"{OTHER} {SECRET.get_secret_value()}"), variable="V")
    for one, other in ((old, both), (new, both), (both, old), (both, new)):
        headers = one.headers(b"{}", id="m1", now=START)
        assert other.sender(headers, b"{}", now=START) == "m1"
    assert new.sender(old.headers(b"{}", id="m1", now=START), b"{}", now=START) is None


@pytest.mark.parametrize(
    "secret", ["", "hush", "whsec_", "whsec_aHVzaA==", "whsec_hush hush", OTHER[6:]]
)
def test_a_weak_secret_is_a_mistake_that_is_not_shown(secret: str) -> None:
    with pytest.raises(Misconfigured, match="WEBHOOK_SECRET") as error:
        Signer(SecretStr(secret), variable="WEBHOOK_SECRET")
    assert "hush" not in str(error.value)
    assert "hush" not in repr(Signer(SECRET, variable="V"))


# What is pushed


class Square:
    """The adapter behind its own HTTP server, with a gateway's hand to push with."""

    def __init__(self, made: Webhook, session: aiohttp.ClientSession, url: str) -> None:
        self.made = made
        self.read: list[Told] = []
        self._session = session
        self._url = url

    async def push(
        self, body: Any, *, id: str = "m1", signer: Signer = SIGNER, claims: str | None = None
    ) -> tuple[int, Any]:
        """Push a body, signed for `id`; return the status and what was said."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signer.headers(raw, id=id, now=START) | {"webhook-id": claims or id}
        async with self._session.post(self._url, data=BytesIO(raw), headers=signed) as response:
            self.after = response.headers.get("Retry-After")
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def reads(self) -> None:
        """Read for ever, as `listen` does."""
        while True:
            await self.made.stirred()
            async for each in self.made.arrivals(None):
                self.read.append(each)


@asynccontextmanager
async def square(*, reading: bool = True, patience: float = 8.0) -> AsyncIterator[Square]:
    """Serve the adapter; `reading` somebody takes in what is pushed."""
    async with aiohttp.ClientSession() as session:
        made = webhook(account(), around(), session, patience=patience)
        app = web.Application(client_max_size=2**20)
        app.add_routes(made.routes())
        async with TestServer(app) as server:
            one = Square(made, session, str(server.make_url("/platforms/webhook/square")))
            reader = asyncio.create_task(one.reads()) if reading else None
            yield one
            if reader:
                reader.cancel()
                await asyncio.wait({reader})


async def test_says_200_only_after_the_post_was_recorded(store_url: str) -> None:
    async with open_store(store_url, "town") as store, square(reading=False) as here:
        pushed = asyncio.create_task(here.push({"posts": [ITEM]}))
        await here.made.stirred()
        async for each in here.made.arrivals(None):
            assert isinstance(each, Arrival)
            await asyncio.sleep(0.05)
            assert not pushed.done()
            assert await take(store, each, now=START) == "new"
            assert not pushed.done()
        assert await pushed == (200, {"recorded": 1})
        assert (await store.count())[State.NEW] == 1


async def test_a_listener_takes_in_what_is_pushed(store_url: str) -> None:
    async with open_store(store_url, "town") as store, square(reading=False) as here:
        listening = asyncio.create_task(listen(store, here.made, clock=lambda: START))
        for number in range(3):
            status = await here.push({"posts": [ITEM | {"id": f"p{number}"}]}, id=f"m{number}")
            assert status == (200, {"recorded": 1})
        assert (await here.push({"posts": [ITEM, {}]}, id="m3"))[0] == 400
        assert (await store.count())[State.NEW] == 3
        assert [each.where for each in await quarantined(store)] == ["m3, posts.1"]
        listening.cancel()
        await asyncio.wait({listening})


async def test_nobody_takes_it_in_so_it_must_be_sent_again() -> None:
    async with square(reading=False, patience=0.05) as here:
        status, said = await here.push({"posts": [ITEM]})
        assert (status, here.after) == (503, "10")
        assert "again" in said["error"]
        # What was given up is not read either: the gateway still has it.
        assert [each async for each in here.made.arrivals(None)] == []


async def test_what_was_not_recorded_is_read_again() -> None:
    """A reader that stops half-way, as `listen` does when the store is away."""
    async with square(reading=False) as here:
        items = [ITEM | {"id": f"p{number}"} for number in range(3)]
        pushed = asyncio.create_task(here.push({"posts": items}))
        await here.made.stirred()
        async for each in here.made.arrivals(None):
            assert isinstance(each, Arrival)
            if each.post.id == "@town/p1":
                break
        again = [each.post.id async for each in here.made.arrivals(None)]  # type: ignore[union-attr]
        assert again == ["@town/p1", "@town/p2"]
        assert await pushed == (200, {"recorded": 3})


@pytest.mark.parametrize(
    ("spoilt", "place"),
    [
        ({"text": 7}, "new.text: string_type"),
        ({"text": " "}, "new: empty"),
        ({"id": ""}, "new.id: string_too_short"),
        ({"created_at": "2026-11-20T12:00:00"}, "new.created_at: timezone_aware"),
        ({"created_at": "0001-01-01T12:00:00Z"}, "new.created_at: out_of_range"),
        ({"Truus": "Truus"}, "new: extra_forbidden"),
        ({"event": "Truus"}, "post: union_tag_invalid"),
        ({"images": [{"alt": {"Truus": 1}}]}, "new.images.0.alt: string_type"),
        ({"reason": "Truus"}, "new.reason: literal_error"),
        ({"url": "javascript:alert(1)"}, "new.url: string_pattern_mismatch"),
        ({"url": "https://x.example/" + "a" * 3000}, "new.url: string_too_long"),
    ],
)
async def test_what_is_malformed_is_told_by_its_place_and_kept(
    spoilt: dict[str, Any], place: str
) -> None:
    async with square() as here:
        body = {"posts": [ITEM, ITEM | spoilt, ITEM | {"id": "p2"}]}
        status, said = await here.push(body)
        assert (status, said) == (400, {"recorded": 2, "mistakes": [f"posts.1: {place}"]})
        [good, kept, other] = here.read
        assert isinstance(good, Arrival)
        assert isinstance(other, Arrival)
        assert isinstance(kept, Quarantined)
        assert (kept.where, kept.reason) == ("m1, posts.1", place)
        with pytest.raises(BadInput, match=place):
            here.made.parse(kept.raw)


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        (b"<html>Truus</html>", "body: no JSON"),
        (b"\xff\xfe", "body: no JSON"),
        (b"[" * 100_000, "body: no JSON"),
        (b"[]", "body: model_type"),
        ({"posts": []}, "posts: too_short"),
        ({"posts": [ITEM] * (MANY + 1)}, "posts: too_long"),
        ({"posts": "Truus"}, "posts: tuple_type"),
        ({"posts": [ITEM], "Truus": 1}, "body: extra_forbidden"),
    ],
)
async def test_a_body_nobody_understands_is_kept_whole(body: Any, mistake: str) -> None:
    async with square() as here:
        assert await here.push(body) == (400, {"recorded": 0, "mistakes": [mistake]})
        [kept] = here.read
        assert isinstance(kept, Quarantined)
        assert (kept.where, kept.reason) == ("m1", mistake)


async def test_no_depth_is_too_deep() -> None:
    """Where reading it gives up depends on how deep the program stands itself."""
    async with square() as here:
        for depth in (*range(900, 1000, 3), 5000, 50_000):
            body = b'{"posts": [' + b"[" * depth + b"]" * depth + b"]}"
            assert (await here.push(body, id=f"m{depth}"))[0] == 400


async def test_half_a_character_costs_no_post() -> None:
    async with square() as here:
        raw = json.dumps({"posts": [ITEM | {"text": "bins \ud83d?"}]}).encode()
        assert (await here.push(raw))[0] == 200
        [came] = here.read
        assert isinstance(came, Arrival)
        assert came.post.text == "bins ??"


async def test_a_stranger_is_refused_and_not_kept() -> None:
    async with square() as here:
        stranger = Signer(SecretStr(OTHER), variable="V")
        status, said = await here.push(b"nonsense", signer=stranger)
        assert (status, list(said)) == (401, ["error"])
        assert (await here.push({"posts": [ITEM]}, claims="m9"))[0] == 401
        assert here.read == []


async def test_a_call_has_a_size() -> None:
    async with square() as here:
        for size in (SIZE + 1, 2**20 + 1):
            assert (await here.push(b" " * size))[0] == 413
        assert (await here.push(b" " * SIZE))[0] == 400
        assert len(here.read) == 1


async def test_a_call_that_comes_again_is_answered_and_not_taken_again() -> None:
    async with square() as here:
        for _ in range(2):
            assert await here.push({"posts": [ITEM]}) == (200, {"recorded": 1})
        assert len(here.read) == 1
        # A gateway that gives all its calls one id loses no post by it.
        assert await here.push({"posts": [ITEM | {"id": "p2"}]}) == (200, {"recorded": 1})
        assert len(here.read) == 2


async def test_there_is_room_for_so_many_that_wait() -> None:
    async with square(reading=False) as here:
        calls = [
            [ITEM | {"id": f"p{number}.{each}"} for each in range(MANY)]
            for number in range(ROOM // MANY + 1)
        ]
        pushed = [
            asyncio.create_task(here.push({"posts": each}, id=each[0]["id"])) for each in calls
        ]
        full, waiting = await asyncio.wait(pushed, return_when=asyncio.FIRST_COMPLETED)
        assert [each.result()[0] for each in full] == [503]
        reader = asyncio.create_task(here.reads())
        assert {(await each)[0] for each in waiting} == {200}
        reader.cancel()
        await asyncio.wait({reader})
        assert len(here.read) == ROOM


# What is understood


def test_two_gateways_never_meet() -> None:
    """Both may number their posts and people from 1."""
    raw = json.dumps(ITEM | {"id": "1", "author": "1", "in_reply_to": "2", "conversation": "3"})
    one, other = (parse(raw, account=each, now=START) for each in ("@town", "@form"))
    for each in ("id", "root", "parent", "author"):
        assert getattr(one.post, each) != getattr(other.post, each)
    assert one.conversation != other.conversation


@pytest.mark.parametrize(
    ("told", "barred"),
    [
        ({}, None),
        ({"may_reply": False}, "replies_closed"),
        ({"may_reply": False, "reason": "account_gone"}, "account_gone"),
        ({"may_reply": True, "reason": "blocked"}, None),
    ],
)
def test_says_why_a_post_takes_no_answer(told: dict[str, Any], barred: str | None) -> None:
    assert parse(json.dumps(ITEM | told), account="@town", now=START).post.barred == barred


def test_language_conversation_and_who_wrote_it() -> None:
    above = [{"author": "Truus", "text": str(number)} for number in range(12)]
    read = parse(
        json.dumps(
            ITEM | {"language": "en-GB", "in_reply_to": "p0", "above": above, "handle": "T"}
        ),
        account="@town",
        now=START,
    )
    assert (read.post.language, read.post.root, read.post.author) == ("en", "@town/p0", "@town/T")
    assert [each.text for each in read.post.above] == [str(number) for number in range(2, 12)]
    assert read.conversation is None


# What is asked


@asynccontextmanager
async def gateway(
    respond: Callable[[web.Request], Any], **changes: Any
) -> AsyncIterator[tuple[Webhook, Post]]:
    """Yield the adapter before a gateway that answers so, and a post to answer."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        assert SIGNER.sender(request.headers, body, now=START)
        answered: web.StreamResponse = respond(request)
        return answered

    app = web.Application()
    app.router.add_post("/luister", handle)
    async with TestServer(app) as server:
        there = account(reply_url=str(server.make_url("/luister")), **changes)
        async with opened(there, around()) as made:
            yield made, made.parse(SAMPLES[0]).post


HTML = "<html>Truus</html>"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, Doubtful),
        (307, Refused),
        (400, Refused),
        (401, Barred),
        (403, Refused),
        (404, Refused),
        (408, Doubtful),
        (409, Refused),
        (410, Refused),
        (422, Refused),
        (429, TryAgain),
        (500, Doubtful),
        (502, Doubtful),
        (503, Doubtful),
    ],
)
async def test_each_status_says_what_to_do_next(status: int, kind: type[LuisterError]) -> None:
    def respond(request: web.Request) -> web.Response:
        text = None if status == 204 else HTML
        return web.Response(status=status, text=text, headers={"Location": "/luister"})

    async with gateway(respond) as (made, post):
        with pytest.raises(LuisterError) as error:
            await made.reply(answer(post))
    assert type(error.value) is kind
    assert "Truus" not in str(error.value)


@pytest.mark.parametrize(
    "body", [HTML, "", "[]", "{}", '{"id": ""}', '{"id": 7}', '{"id": "r\\ud800"}']
)
async def test_an_answer_that_is_none_is_a_doubt(body: str) -> None:
    async with gateway(lambda _: web.Response(text=body)) as (made, post):
        with pytest.raises(Doubtful):
            await made.reply(answer(post))


async def test_who_cannot_be_reached_surely_did_nothing() -> None:
    nowhere = account(reply_url=f"http://127.0.0.1:{unused_port()}/luister")
    async with opened(nowhere, around()) as made:
        with pytest.raises(TryAgain):
            await made.reply(answer(made.parse(SAMPLES[0]).post))


async def test_a_reply_carries_its_key_and_the_gateways_own_ids() -> None:
    seen = []

    def respond(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"id": "r1", "url": "https://x.example/r1", "more": 1})

    async with gateway(respond) as (made, _):
        post = made.parse(SAMPLES[1]).post
        reply = answer(post, text="On Tuesday.\n^AB")
        remote = await made.reply(reply)
        assert remote == Remote(id="@town/r1", url="https://x.example/r1")
        assert made.key_life == timedelta(hours=24)
        [request] = seen
        assert request.headers["Idempotency-Key"] == request.headers["webhook-id"] == reply.key
        assert await request.json() == {
            "do": "reply",
            "key": reply.key,
            "under": "p2",
            "conversation": "c1",
            "author": "1007",
            "handle": "Henk de Burger",
            "visibility": "unlisted",
            "language": "nl",
            "text": "On Tuesday.\n^AB",
            "created_at": "2026-11-20T12:00:00Z",
        }


@pytest.mark.parametrize("able", [(), ("find",), ("take_back", "private"), ("correct",), CAN])
async def test_offers_what_the_account_says_and_no_more(able: tuple[str, ...]) -> None:
    async with opened(account(can=able), around()) as made:
        assert {
            "find": isinstance(made, FindsReplies),
            "take_back": isinstance(made, TakesBack),
            "correct": isinstance(made, Corrects),
            "private": isinstance(made, AnswersPrivately),
        } == {each: each in able for each in ("find", "take_back", "correct", "private")}


async def test_a_gateway_that_cannot_look_is_not_asked() -> None:
    def respond(request: web.Request) -> web.Response:
        raise AssertionError

    async with gateway(respond, can=["find"]) as (made, post):
        assert (await made.look(post)).standing == "unchanged"


async def test_an_anonymous_citizen_cannot_be_written_to_in_private() -> None:
    async with opened(account(), around()) as made:
        assert isinstance(made, AnswersPrivately)
        assert not made.private_to(made.parse(SAMPLES[0]).post)
        assert made.private_to(made.parse(SAMPLES[1]).post)


@pytest.mark.parametrize(("able", "lacks"), [(CAN, False), (["look"], True)])
async def test_says_where_table_and_gateway_differ(able: list[str], *, lacks: bool) -> None:
    async with gateway(lambda _: web.json_response({"can": able})) as (made, _):
        said = " ".join(await made.introduce())
        assert "look" in said
        assert ("correct, find, private, take_back; it does not" in said) is lacks


# The account's table


def test_a_reply_travels_sealed() -> None:
    for url in ("http://gateway.example/", "ftp://gateway.example", "http://127.0.0.1.example/"):
        with pytest.raises(ValidationError, match="reply_url"):
            account(reply_url=url)
    for url in ("https://gateway.example/in?a=1", "http://localhost:1/", "http://[::1]:8/"):
        assert account(reply_url=url).reply_url == url


def test_a_gateways_name_is_its_path_and_its_limit_its_own() -> None:
    session: Any = None
    made = webhook(account(name="form", limit=300), around(), session)
    assert [each.path for each in made.routes()] == ["/platforms/webhook/form"]
    assert made.limit == 300
    for name in ("", "a/b", "Form", "x" * 32):
        with pytest.raises(ValidationError, match="name"):
            account(name=name)


def test_the_secret_is_the_one_the_account_names() -> None:
    assert account().variables == ("WEBHOOK_SECRET",)
    named = account(variable="FORM_SECRET")
    assert named.variables == ("FORM_SECRET",)
    with pytest.raises(KeyError):
        webhook(named, around(), session=None)  # type: ignore[arg-type]


# What is published

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(
    r"^```json (\w+)\n(.*?)^```", (DOCS / "webhook.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def test_the_schema_is_that_of_the_models() -> None:
    """When it is not: `python -m assistant.platforms.webhook.schema > docs/webhook.schema.json`."""
    assert (DOCS / "webhook.schema.json").read_text("utf-8") == document()


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_what_the_guide_shows_is_true(name: str, text: str) -> None:
    whole = json.loads((DOCS / "webhook.schema.json").read_text("utf-8"))
    value = json.loads(text)
    Draft202012Validator(whole | {"$ref": f"#/$defs/{name}"}).validate(value)
    assert getattr(payload, name).model_validate_json(text)


def test_the_guide_shows_every_object() -> None:
    assert {name for name, _ in EXAMPLES} == {
        each.__name__ for each in (*PUSHED, *ASKED, *ANSWERED)
    }


async def test_the_example_client_pushes_a_post_and_gets_the_reply() -> None:
    port, secret = unused_port(), SECRET.get_secret_value()
    there = account(reply_url=f"http://127.0.0.1:{port}/")
    now = replace(around(), clock=lambda: datetime.now(UTC))
    async with opened(there, now) as made:
        app = web.Application()
        app.add_routes(made.routes())
        async with TestServer(app) as server:
            client = await asyncio.create_subprocess_exec(
                sys.executable,
                str(DOCS.parent / "examples" / "webhook_client.py"),
                str(server.make_url("/platforms/webhook/square")),
                str(port),
                env={**os.environ, "WEBHOOK_SECRET": secret},
                stdout=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(30):
                await made.stirred()
                [came] = [each async for each in made.arrivals(None)]
                assert isinstance(came, Arrival)
                assert came.post.text == "When will the bins be emptied?"
                reply = answer(came.post, text="On Tuesday. ^AB")
                assert (await made.reply(reply)).id == f"@town/r-{reply.key}"
                told, _ = await client.communicate()
    # Its two threads tell in their own time.
    assert sorted(told.decode().splitlines()) == ["200", "p1 On Tuesday. ^AB"]


async def test_the_service_serves_it_and_sends_through_it(store_url: str, tmp_path: Path) -> None:
    """Pushed over HTTP, answered by a colleague, and put there by the gateway."""
    put: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        put.append(await request.json())
        return web.json_response({"id": "r1", "url": "https://x.example/r1"})

    gate = web.Application()
    gate.router.add_post("/", handle)
    async with TestServer(gate) as server, asyncio.timeout(30):
        there = account(reply_url=str(server.make_url("/")), can=())
        town = TOWN.model_copy(update={"accounts": (there,)})
        wiring = Wiring(
            organisation=town,
            store_url=store_url,
            state=tmp_path,
            secrets=Secrets(accounts={"WEBHOOK_SECRET": SECRET}),
            only=frozenset({"listen"}),
            port=unused_port(),
        )
        started = asyncio.Event()
        running = asyncio.create_task(run(wiring, started=started.set))
        await started.wait()
        async with aiohttp.ClientSession() as session, open_store(store_url, town.id) as store:
            url = f"http://127.0.0.1:{wiring.port}/platforms/webhook/square"
            body = json.dumps({"posts": [ITEM]}).encode()
            headers = SIGNER.headers(body, id="m1", now=datetime.now(UTC))
            async with session.post(url, data=body, headers=headers) as response:
                assert response.status == 200
            [case] = await store.ids(*State)
            held = await add(store, case, triaged(), Event(kind=Kind.PRESENTED, at=START))
            reply = answer(held.post)
            await add(store, case, Event(kind=Kind.APPROVED, at=START, by=WRITER, reply=reply))
            async with platforms_of(wiring, store) as platforms:
                sender = Sender(store, town, platforms=platforms, clock=lambda: datetime.now(UTC))
                await sender.send(case, ACK)
            assert (await store.count())[State.SENT] == 1
        running.cancel()
        await asyncio.wait({running})
    [sent] = put
    assert (sent["under"], sent["text"], sent["key"]) == ("p1", reply.text, reply.key)
