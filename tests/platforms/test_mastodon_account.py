"""Mastodon: what its table does, what it learns of a server, and errors by what to do next."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from assistant.accounts import platforms_of
from assistant.app import Wiring
from assistant.config import MastodonAccount, Secrets
from assistant.errors import Barred, Misconfigured
from assistant.platforms import Introduces, KeyedReplies
from assistant.store import open_store
from tests.core import TOWN
from tests.platforms.contract import read
from tests.platforms.mastodon_stand import GOTOSOCIAL, Said, stand

ACCOUNT = MastodonAccount.model_validate(
    {
        "platform": "mastodon",
        "handle": "@town",
        "server": "http://127.0.0.1:9",
        "variable": "TOWNS_TOKEN",
        "every": 45,
    }
)


async def test_an_account_is_opened_by_its_table(tmp_path: Path, store_url: str) -> None:
    async with open_store(store_url, TOWN.id) as store, stand() as (server, _):
        account = ACCOUNT.model_copy(update={"server": server.url + "/"})
        town = TOWN.model_copy(update={"accounts": (account,)})
        wiring = Wiring(organisation=town, store_url="", state=tmp_path, secrets=Secrets())
        with pytest.raises(Misconfigured, match="TOWNS_TOKEN"):
            async with platforms_of(wiring, store):
                pass
        secrets = Secrets(accounts={"TOWNS_TOKEN": SecretStr("s3cret")})
        wiring = Wiring(organisation=town, store_url="", state=tmp_path, secrets=secrets)
        async with platforms_of(wiring, store) as platforms:
            platform = platforms["mastodon", "@town"]
            assert platform.every == 45
            await read(platform)
        [me] = server.of("GET /api/v1/accounts/verify_credentials")
        assert me.headers["Authorization"] == "Bearer s3cret"


async def test_a_token_of_another_account_is_told() -> None:
    other = {"id": "1", "acct": "somebody"}
    async with stand({"GET /api/v1/accounts/verify_credentials": other}) as (_, platform):
        with pytest.raises(Barred, match="another account"):
            await read(platform)


@pytest.mark.parametrize("away", [Said("away", 503), Said("<html>"), {"unexpected": []}, []])
async def test_a_server_that_is_away_at_the_start_is_asked_later(away: Any) -> None:
    async with stand({"GET /api/v2/instance": away}) as (server, platform):
        assert (platform.limit, platform.length("https://town.example/a")) == (500, 23)
        assert isinstance(platform, KeyedReplies)
        assert platform.key_life == timedelta(0)
        server.answers["GET /api/v2/instance"] = GOTOSOCIAL
        await read(platform)
        assert (platform.limit, platform.length("https://town.example/a")) == (5000, 25)


@pytest.mark.parametrize(
    ("version", "source", "life"),
    [
        ("4.5.1", "https://github.com/mastodon/mastodon", timedelta(hours=1)),
        ("4.4.0+glitch", "https://github.com/glitch-soc/mastodon", timedelta(hours=1)),
        ("0.19.1+git-5ee8c9c", "https://codeberg.org/superseriousbusiness/gotosocial", timedelta()),
        ("2.7.2 (compatible; Akkoma 3.10.4)", "", timedelta()),
        ("unknown", "", timedelta()),
    ],
)
async def test_a_key_is_trusted_only_where_it_is_kept(
    version: str, source: str, life: timedelta
) -> None:
    told = {"version": version, "source_url": source}
    async with stand({"GET /api/v2/instance": told}) as (_, platform):
        assert isinstance(platform, KeyedReplies)
        assert platform.key_life == life


async def test_a_server_that_says_nothing_of_itself_is_read_all_the_same() -> None:
    missing = Said({"error": "Not found"}, 404)
    async with stand({"GET /api/v2/instance": missing}) as (server, platform):
        assert await read(platform) == []
        assert await read(platform) == []
        assert len(server.of("GET /api/v2/instance")) == 1
        assert platform.limit == 500


async def test_an_older_server_tells_its_numbers_at_the_older_address() -> None:
    missing = Said({"error": "Not found"}, 404)
    old = {"version": "3.5.3", "configuration": {"statuses": {"max_characters": 640}}}
    answers = {"GET /api/v2/instance": missing, "GET /api/v1/instance": old}
    async with stand(answers) as (_, platform):
        assert platform.limit == 640


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        (["read", "write:statuses"], "may read notifications, posts and accounts"),
        (["read:statuses"], "lacks a scope for: notifications, accounts, blocks, replies"),
        (None, "does not say"),
    ],
)
async def test_says_what_the_token_may_do(scopes: list[str] | None, said: str) -> None:
    app = Said({"scopes": scopes}) if scopes else Said({"error": "Not found"}, 404)
    async with stand({"GET /api/v1/apps/verify_credentials": app}) as (_, platform):
        assert isinstance(platform, Introduces)
        sentences = await platform.introduce()
        assert any(said in each for each in sentences)
