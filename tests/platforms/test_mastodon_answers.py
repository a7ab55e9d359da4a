"""Mastodon: looking at posts again, answering them, and errors by what to do next."""

from datetime import timedelta
from typing import Any

import pytest

from assistant.case import Post, Remote
from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.platforms import Arrival, Corrects, FindsReplies, LooksAtMany, Platform, TakesBack
from assistant.platforms.mastodon import opened, parse
from assistant.platforms.mastodon.parse import record
from tests.core import START, Clock
from tests.platforms.contract import answer
from tests.platforms.mastodon_stand import TOWN, Answers, Asked, Said, Stand, recorded, stand
from tests.platforms.world_mastodon import settings

STATUSES = "/api/v1/statuses"
GONE = Said({"error": "Record not found"}, 404)
OURS = {**recorded("context")["ancestors"][1], "id": "77"}


def status(name: str = "mention", **changes: Any) -> dict[str, Any]:
    """Return a recorded post."""
    return dict(recorded(name)["status"]) | changes


def post(name: str = "mention", **changes: Any) -> Post:
    """Return it as the adapter understood it when it arrived."""
    raw = record(status(name, **changes), me=TOWN)
    return parse(raw, account="@town", now=START + timedelta(days=1)).post


def of(*statuses: dict[str, Any]) -> Answers:
    """Return the answers of a server on which these posts stand."""
    found = {f"GET {STATUSES}/{each['id']}": each for each in statuses}
    return {**found, f"POST {STATUSES}": OURS}


async def sent(server: Stand, platform: Platform, target: Post, **changes: Any) -> Asked:
    """Answer a post; return the call that did it."""
    remote = await platform.reply(answer(target, **changes))
    assert (remote.id, remote.url) == ("77", OURS["url"])
    return server.of(f"POST {STATUSES}")[-1]


# Answering


async def test_a_reply_goes_under_the_post_with_its_key_its_language_and_the_warning() -> None:
    async with stand(of(status())) as (server, platform):
        asked = await sent(server, platform, post(), key="luister-1", text="Op dinsdag. ^AB")
    assert asked.headers["Idempotency-Key"] == "luister-1"
    assert asked.body == {
        "status": "Op dinsdag. ^AB",
        "in_reply_to_id": post().id,
        "visibility": "public",
        "language": "nl",
        "spoiler_text": "afval",
        "sensitive": True,
        "content_type": "text/plain",
    }


@pytest.mark.parametrize(
    ("theirs", "wanted", "ours"),
    [
        ("public", "public", "public"),
        ("public", "direct", "direct"),
        ("unlisted", "public", "unlisted"),
        ("private", "public", "private"),
        ("mutuals_only", "public", "private"),
        ("limited", "public", "direct"),
        ("direct", "public", "direct"),
    ],
)
async def test_a_reply_is_never_wider_than_the_post(theirs: str, wanted: Any, ours: str) -> None:
    theirs_now = status(visibility=theirs)
    async with stand(of(theirs_now)) as (server, platform):
        asked = await sent(server, platform, post(), visibility=wanted)
    assert asked.body["visibility"] == ours


async def test_what_a_look_just_found_is_not_asked_again() -> None:
    clock = Clock()
    async with stand(of(status()), clock=clock) as (server, platform):
        await platform.look(post())
        await sent(server, platform, post())
        assert len(server.of(f"GET {STATUSES}/{post().id}")) == 1
        clock.ahead(minutes=2)
        await sent(server, platform, post())
        assert len(server.of(f"GET {STATUSES}/{post().id}")) == 2


async def test_a_post_that_is_gone_is_not_answered() -> None:
    async with stand() as (server, platform):
        with pytest.raises(Refused):
            await platform.reply(answer(post()))
        assert not server.of(f"POST {STATUSES}")


WRITING: list[tuple[Any, type[LuisterError]]] = [
    (Said({"error": "The access token was revoked"}, 401), Barred),
    (Said({"error": "This action is outside the authorized scopes"}, 403), Refused),
    (GONE, Refused),
    (Said({"error": "gone"}, 410), Refused),
    (Said({"error": "Validation failed: Truus"}, 422), Refused),
    (Said({"error": "Too many requests"}, 429), TryAgain),
    (Said({"error": "x"}, 408), Doubtful),
    (Said({"error": "x"}, 500), Doubtful),
    (Said("<html>Bad gateway</html>", 502), Doubtful),
    (Said({"error": "x"}, 503), Doubtful),
    (Said("<html>Truus</html>"), Doubtful),
    (Said("<html>no such page</html>", 404), Doubtful),
    ([], Doubtful),
    ({"id": 7}, Doubtful),
    (Said(None, 302, {"Location": "https://elsewhere.example/"}), Refused),
]


@pytest.mark.parametrize(("said", "error"), WRITING)
async def test_how_writing_failed_says_what_to_do_next(
    said: Any, error: type[LuisterError]
) -> None:
    answers = of(status()) | {f"POST {STATUSES}": said}
    async with stand(answers) as (_, platform):
        with pytest.raises(LuisterError) as raised:
            await platform.reply(answer(post()))
    assert type(raised.value) is error or (error is Refused and isinstance(raised.value, Refused))
    assert isinstance(raised.value, Barred) is (error is Barred)
    assert "Truus" not in str(raised.value)


@pytest.mark.parametrize(("said", "error"), WRITING)
async def test_taking_back_and_correcting_fail_alike(said: Any, error: type[LuisterError]) -> None:
    answers = of(status(), OURS) | {f"PUT {STATUSES}/77": said}
    if said != {"id": 7}:
        answers[f"DELETE {STATUSES}/77"] = said
    async with stand(answers) as (_, platform):
        assert isinstance(platform, Corrects)
        assert isinstance(platform, TakesBack)
        with pytest.raises(error):
            await platform.correct(answer(post()), Remote(id="77"))
        if isinstance(said, Said) and said.status in (404, 410) and error is Refused:
            await platform.take_back(Remote(id="77"))
        elif said != {"id": 7}:
            with pytest.raises(error):
                await platform.take_back(Remote(id="77"))


READING: list[tuple[Any, type[LuisterError]]] = [
    (Said({"error": "x"}, 401), Barred),
    (Said({"error": "x"}, 403), Refused),
    (Said({"error": "x"}, 429), TryAgain),
    (Said({"error": "x"}, 500), TryAgain),
    (Said({"error": "x"}, 503), TryAgain),
    (Said("<html></html>"), TryAgain),
    (Said("<html>no such page</html>", 404), TryAgain),
    ([], TryAgain),
    ({"id": 7}, TryAgain),
    (Said(None, 301, {"Location": "https://elsewhere.example/"}), Refused),
]


@pytest.mark.parametrize(("said", "error"), READING)
async def test_how_a_look_failed_says_what_to_do_next(said: Any, error: type[LuisterError]) -> None:
    async with stand({f"GET {STATUSES}/{post().id}": said}) as (server, platform):
        with pytest.raises(error):
            await platform.look(post())
        # Nothing was sent yet, so a reply surely did not happen either.
        with pytest.raises(error):
            await platform.reply(answer(post()))
        assert not server.of(f"POST {STATUSES}")


async def test_a_server_that_is_not_there_took_nothing() -> None:
    async with opened(*settings("http://127.0.0.1:9", clock=Clock())) as platform:
        for call in (platform.look(post()), platform.reply(answer(post()))):
            with pytest.raises(TryAgain):
                await call
        assert (platform.limit, platform.every) == (500, 30)


# Looking


async def test_looks_tell_what_became_of_posts_in_one_call() -> None:
    same, changed, gone = status(), status("reply"), status("direct")
    posts = [post(), post("reply"), post("direct")]
    answers = {
        f"GET {STATUSES}": [same, changed | {"content": "<p>Laat maar.</p>"}],
        f"GET {STATUSES}/{gone['id']}": GONE,
    }
    async with stand(answers) as (server, platform):
        assert isinstance(platform, LooksAtMany)
        looks = await platform.looks(posts)
        [many] = server.of(f"GET {STATUSES}")
    assert [each.standing for each in looks] == ["unchanged", "edited", "deleted"]
    assert looks[1].post is not None
    assert (looks[1].post.text, looks[1].post.edited) == ("Laat maar.", True)
    assert many.params == [("id[]", each.id) for each in posts]


@pytest.mark.parametrize("missing", [GONE, Said({"error": "x"}, 405), Said({"error": "x"}, 501)])
async def test_where_the_server_knows_no_list_posts_are_asked_one_by_one(missing: Said) -> None:
    posts = [post(), post("reply")]
    answers = of(status(), status("reply")) | {f"GET {STATUSES}": missing}
    async with stand(answers) as (server, platform):
        assert isinstance(platform, LooksAtMany)
        for _ in range(2):
            looks = await platform.looks(posts)
            assert [each.standing for each in looks] == ["unchanged", "unchanged"]
        assert len(server.of(f"GET {STATUSES}")) == 1


async def test_who_blocks_us_hides_posts_that_are_not_deleted() -> None:
    who = [{"id": post().author, "blocked_by": True}]
    answers: Answers = {"GET /api/v1/accounts/relationships": who}
    async with stand(answers) as (_, platform):
        look = await platform.look(post())
    assert (look.standing, look.post and look.post.barred) == ("barred", "blocked")


@pytest.mark.parametrize("rows", [GONE, [], ["x"], [{"id": "1"}]])
async def test_a_server_that_tells_no_blocks_shows_posts_as_they_are(rows: Any) -> None:
    answers = of(status()) | {"GET /api/v1/accounts/relationships": rows}
    async with stand(answers) as (_, platform):
        assert (await platform.look(post())).standing == "unchanged"


async def test_a_post_that_comes_back_as_it_was_read_is_unchanged() -> None:
    edited = status(edited_at=START.isoformat(), favourites_count=9)
    async with stand(of(edited)) as (_, platform):
        assert (await platform.look(post())).standing == "unchanged"


# Finding, correcting


def under(*rows: dict[str, Any]) -> Answers:
    """Return the answers of a server with these posts under ours."""
    return {f"GET {STATUSES}/{post().id}/context": {"ancestors": [], "descendants": list(rows)}}


def ours(content: str, **changes: Any) -> dict[str, Any]:
    """Return a post of ours under the citizen's."""
    return {**OURS, "in_reply_to_id": post().id, "content": content, **changes}


MENTION = (
    '<span class="h-card"><a href="https://burgers.example/@henk" class="u-url mention">'
    "@<span>henk</span></a></span>"
)


@pytest.mark.parametrize(
    ("typed", "content", "changes"),
    [
        ("@henk@burgers.example Op dinsdag. ^AB", f"<p>{MENTION} Op dinsdag. ^AB</p>", {}),
        ("@Henk@burgers.example Op dinsdag. ^AB", f"<p>{MENTION} Op dinsdag. ^AB</p>", {}),
        ("Dag!\n\n\nOp  di & <zo> ^AB", "<p>Dag!</p><p>Op di &amp; &lt;zo&gt; ^AB</p>", {}),
        (
            "Zie https://town.example/a?b=1&c=2 ^AB",
            ('<p>Zie <a href="https://town.example/a?b=1&amp;c=2"><span>https://</span>'
            "town.example/a?b=1&amp;c=2</a> ^AB</p>"),
            {},
        ),
        ("In private. ^AB", f"<p>{MENTION} In private. ^AB</p>", {"visibility": "direct"}),
    ],
)  # fmt: skip
async def test_finds_a_reply_as_it_was_typed(
    typed: str, content: str, changes: dict[str, Any]
) -> None:
    rows = (
        ours(content),
        ours(content, id="78", in_reply_to_id="5"),
        {**status("reply"), "in_reply_to_id": post().id},
        {"id": 7},
        None,
    )
    async with stand(under(*rows)) as (_, platform):  # type: ignore[arg-type]
        assert isinstance(platform, FindsReplies)
        [found] = await platform.replies_under(answer(post(), text=typed, **changes))
    assert (found.remote.id, found.text) == ("77", typed)


async def test_another_text_of_ours_is_shown_as_it_stands() -> None:
    async with stand(under(ours(f"<p>{MENTION} Al klaar.</p>"))) as (_, platform):
        assert isinstance(platform, FindsReplies)
        [found] = await platform.replies_under(answer(post()))
    assert found.text == "@henk@burgers.example Al klaar."


@pytest.mark.parametrize(("told", "error"), [({"descendants": {}}, TryAgain), ([], TryAgain)])
async def test_a_thread_of_another_shape_finds_nothing_for_sure(
    told: Any, error: type[LuisterError]
) -> None:
    async with stand({f"GET {STATUSES}/{post().id}/context": told}) as (_, platform):
        assert isinstance(platform, FindsReplies)
        with pytest.raises(error):
            await platform.replies_under(answer(post()))


async def test_under_a_post_that_is_gone_stands_nothing() -> None:
    async with stand() as (_, platform):
        assert isinstance(platform, FindsReplies)
        assert await platform.replies_under(answer(post())) == ()


async def test_a_correction_keeps_the_warning_and_is_read_back() -> None:
    reply = answer(post(), text="Op woensdag. ^AB")
    new = ours("<p>Op woensdag. ^AB</p>")
    answers = of(status(), ours("<p>Op dinsdag. ^AB</p>")) | {f"PUT {STATUSES}/77": new}
    async with stand(answers) as (server, platform):
        assert isinstance(platform, Corrects)
        await platform.correct(reply, Remote(id="77"))
        [asked] = server.of(f"PUT {STATUSES}/77")
        assert (asked.body["status"], asked.body["spoiler_text"]) == ("Op woensdag. ^AB", "afval")
        server.answers[f"GET {STATUSES}/77"] = new
        await platform.correct(reply, Remote(id="77"))
        assert len(server.of(f"PUT {STATUSES}/77")) == 1


async def test_a_correction_nobody_sees_is_refused() -> None:
    old = ours("<p>Op dinsdag. ^AB</p>")
    async with stand(of(status(), old) | {f"PUT {STATUSES}/77": old}) as (server, platform):
        assert isinstance(platform, Corrects)
        with pytest.raises(Refused, match="old text"):
            await platform.correct(answer(post(), text="Op woensdag. ^AB"), Remote(id="77"))
        del server.answers[f"GET {STATUSES}/77"]
        with pytest.raises(Refused, match="no longer there"):
            await platform.correct(answer(post()), Remote(id="77"))


def test_a_record_is_the_same_whatever_is_counted_beside_it() -> None:
    one = record(status(favourites_count=1), me=TOWN)
    assert one == record(status(favourites_count=2, reblogs_count=8), me=TOWN)
    assert isinstance(parse(one, account="@town", now=START), Arrival)
