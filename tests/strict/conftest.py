"""One local Slack for these tests, emptied before each, and a strict one before it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from assistant.localslack import LocalSlack, local_slack
from tests.slack_ui import Slack, need_local_slack, slack_people, town_workspace
from tests.strict.desk import Desk, client_of, strict
from tests.strict_slack import StrictSlack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalSlack]:
    need_local_slack()
    async with local_slack(town_workspace(), state=tmp_path_factory.mktemp("slack")) as slack:
        yield slack


@pytest_asyncio.fixture(loop_scope="module")
async def people(local: LocalSlack) -> AsyncIterator[Slack]:
    async with slack_people(local.url) as people:
        await people.reset()
        yield people


@pytest_asyncio.fixture(loop_scope="module")
async def slack(local: LocalSlack, people: Slack) -> AsyncIterator[StrictSlack]:
    async with strict(local) as slack:
        yield slack


@pytest.fixture
def client(slack: StrictSlack, local: LocalSlack) -> AsyncWebClient:
    return client_of(slack, local.bot_token)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(slack: StrictSlack, local: LocalSlack) -> AsyncIterator[Desk]:
    async with Desk(slack, local).connected() as desk:
        yield desk
