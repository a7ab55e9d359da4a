"""Every key of luister.toml acts: shown here, or by a test named here."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from assistant.accounts import OPENERS, platforms_of
from assistant.app import Wiring, _retired, model_of, witnessed
from assistant.audit import Witness
from assistant.case import Event, Kind, evolve, handle_key
from assistant.config import (
    BlueskyAccount,
    Model,
    Organisation,
    Retention,
    Secrets,
    WebhookAccount,
    XAccount,
)
from assistant.desk import Desk
from assistant.errors import Misconfigured, ModelUnusable
from assistant.health import Metrics
from assistant.llms import Reason
from assistant.personal import find_personal
from assistant.platforms import Serves
from assistant.present import hand_over_form
from assistant.present.wording import View
from assistant.prompts import parse_prompt
from assistant.store import open_store
from assistant.store.lanes import lanes
from assistant.words import Words
from tests import model_server
from tests.core import START, TOWN, WRITER, Clock, add, new_case, open_case, post

ROOT = Path(__file__).parent.parent


def test_channel_of_official_department_or_triage() -> None:
    assert TOWN.channel("waste", None) == "CWASTE"
    assert TOWN.channel("waste", "Mayor Linde") == "CMAYOR"
    assert TOWN.channel(None, None) == "CTRIAGE"
    # What was configured once and is no longer goes to people, not to nowhere.
    assert TOWN.channel("parks", "Mayor Gone") == "CTRIAGE"


def test_who_is_asked_and_who_is_who() -> None:
    bram, sam = TOWN.person("UBRAM"), TOWN.person("USAM")
    assert bram is not None
    assert sam is not None
    assert (bram.name, bram.initials, bram.role) == ("Bram de Wit", "BW", "writer")
    assert TOWN.person("UNOBODY") is None
    assert bram.name in TOWN.asked("waste")
    assert "Cato Zorg" not in TOWN.asked("waste")
    assert TOWN.asked("care") == "Cato Zorg, Erik Hoek"
    assert "Fatma" not in TOWN.asked("waste")  # a reader could not help
    assert TOWN.asked("parks") == sam.name


def test_our_own_accounts_are_known_in_every_spelling() -> None:
    assert TOWN.ours(post(handle="@TOWN"))
    assert TOWN.ours(post(author="town", handle=None))
    assert not TOWN.ours(post(platform="other", handle="@town"))
    assert not TOWN.ours(post())
    assert not TOWN.ours(post(author=None, handle=None))
    assert handle_key("@Town") == "town"


async def test_each_account_gets_its_platform(tmp_path: Path, store_url: str) -> None:
    wiring = Wiring(organisation=TOWN, store_url="", state=tmp_path, secrets=Secrets())
    async with open_store(store_url, TOWN.id) as store, platforms_of(wiring, store) as platforms:
        assert set(platforms) == {("replay", "@town")}
    on_bluesky = {"platform": "bluesky", "handle": "@town.example", "variable": "ITS_PASSWORD"}
    both = (*TOWN.accounts, BlueskyAccount.model_validate(on_bluesky))
    held = Secrets(accounts={"ITS_PASSWORD": SecretStr("hush")})
    more = replace(wiring, organisation=TOWN.model_copy(update={"accounts": both}), secrets=held)
    async with open_store(store_url, TOWN.id) as store, platforms_of(more, store) as platforms:
        assert set(platforms) == {("replay", "@town"), ("bluesky", "@town.example")}
        assert platforms["bluesky", "@town.example"].name == "bluesky"


async def test_an_account_on_x_is_opened_and_its_handle_serves_the_webhook(
    tmp_path: Path, store_url: str
) -> None:
    x = XAccount(
        platform="x",
        handle="@Town",
        plan="enterprise",
        client_id="an-app",
        webhook_variable="X_CONSUMER_SECRET",
    )
    town = TOWN.model_copy(update={"accounts": (x,)})
    held = {name: SecretStr("hush") for name in x.variables}
    secrets = Secrets(accounts=held)
    wiring = Wiring(organisation=town, store_url="", state=tmp_path, secrets=secrets)
    async with open_store(store_url, town.id) as store, platforms_of(wiring, store) as platforms:
        platform = platforms["x", "@Town"]
        assert isinstance(platform, Serves)
        assert {each.path for each in platform.routes()} == {"/platforms/x/town"}


async def test_a_webhook_account_gets_its_gateway(tmp_path: Path, store_url: str) -> None:
    square = WebhookAccount(
        platform="webhook", handle="@town", name="square", reply_url="https://x.example"
    )
    town = TOWN.model_copy(update={"accounts": (square,)})
    secret = SecretStr("whsec_bGlzdGVuIGZpcnN0LCB0aGVuIHRhbGssIGx1aXN0ZXI=")
    for held in ({}, {"WEBHOOK_SECRET": secret}):
        secrets = Secrets(accounts=held)
        wiring = Wiring(organisation=town, store_url="", state=tmp_path, secrets=secrets)
        async with open_store(store_url, town.id) as store:
            with nullcontext() if held else pytest.raises(Misconfigured, match="WEBHOOK_SECRET"):
                async with platforms_of(wiring, store) as platforms:
                    assert set(platforms) == {("webhook", "@town")}


def test_a_gateway_is_called_by_its_own_name() -> None:
    form = WebhookAccount(
        platform="webhook", handle="@form", name="facebook", reply_url="https://x.example"
    )
    town = TOWN.model_copy(update={"accounts": (*TOWN.accounts, form)})
    assert town.called("webhook", "@form") == "Facebook"
    assert town.called("webhook", "@gone") == "Webhook"
    event = Event(kind=Kind.RECEIVED, at=START, post=post(platform="webhook", account="@form"))
    case = evolve(None, event, id="c1")
    assert View(case=case, organisation=town, words=Words("en"), now=START).source == "Facebook"


def test_the_clock_is_the_organisations_own() -> None:
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert TOWN.local(noon).hour == 12
    elsewhere = TOWN.organisation.model_copy(update={"timezone": "America/Aruba"})
    assert TOWN.model_copy(update={"organisation": elsewhere}).local(noon).hour == 6


@pytest.mark.parametrize(
    ("ours", "text"),
    [
        ({"phones": ("020 624 11 11",)}, "Call 020 624 11 11"),
        ({"addresses": ("Kerkstraat 12, 1017 GA Amsterdam",)}, "Kerkstraat 12, 1017 GA Amsterdam"),
    ],
)
def test_what_is_our_own_is_no_personal_data(ours: dict[str, Any], text: str) -> None:
    assert find_personal(text, own=TOWN.own, names=False)
    about = TOWN.organisation.model_copy(update=ours)
    mine = TOWN.model_copy(update={"organisation": about}).own
    assert not find_personal(text, own=mine, names=False)


def test_a_hand_over_offers_departments_and_officials_by_name() -> None:
    event = Event(kind=Kind.RECEIVED, at=START, post=post())
    form = hand_over_form(
        evolve(None, event, id="c1"), version=1, organisation=TOWN, words=Words("en")
    )
    assert {"Waste", "Care", "Mayor Linde"} <= {each.label for each in form.choices}


@pytest.mark.parametrize(("language", "said"), [("nl", "bericht"), ("en", "post")])
async def test_the_desk_speaks_the_organisations_language(
    store_url: str, language: str, said: str
) -> None:
    about = TOWN.organisation.model_copy(update={"language": language})
    town = TOWN.model_copy(update={"organisation": about})
    async with open_store(store_url, town.id) as store:
        desk = Desk(store, town, platforms={}, clock=Clock())
        assert said in desk.say("desk.post_changed")


async def test_the_root_is_posted_to_the_supervisors(store_url: str) -> None:
    async with open_store(store_url, TOWN.id) as store:
        await new_case(store)
        await witnessed(store, TOWN, Witness(store), Clock())
        assert (await lanes(store))["CSUPER"] == 1


@pytest.mark.parametrize(("days", "erased"), [(30, True), (31, False)])
async def test_retention_is_as_long_as_configured(
    store_url: str, days: int, *, erased: bool
) -> None:
    town = TOWN.model_copy(update={"retention": Retention(days=days)})
    clock = Clock()
    async with open_store(store_url, town.id) as store:
        case = await open_case(store)
        closed = Event(kind=Kind.CLOSED, at=START, by=WRITER, reason="spam")
        await add(store, case, closed)
        clock.ahead(days=30)
        wiring = Wiring(
            organisation=town, store_url="", state=Path(), secrets=Secrets(), clock=clock
        )
        await _retired(wiring, store)
        held = (await store.load(case)).case
        assert held is not None
        assert held.erased is erased


class Answered(BaseModel):
    """What the model is asked for here."""

    word: str


PROMPT = parse_prompt(
    '+++\nname = "p"\nversion = "1"\ninputs = ["post"]\nmax_output_tokens = 9\n+++\n'
    "# system\nAnswer.\n# user\n{{ post }}\n",
    path="p/prompt.md",
)


async def _ask(model: Model) -> None:
    town = TOWN.model_copy(update={"model": model})
    wiring = Wiring(organisation=town, store_url="", state=Path(), secrets=Secrets())
    async with model_of(wiring, Metrics()) as llm:
        assert llm is not None
        await llm.ask(Answered, prompt=PROMPT, values={"post": "x"}, deadline=10)


async def test_the_model_that_is_asked_is_the_one_configured() -> None:
    async with model_server.ModelServer(model_server.ok({"word": "yes"})) as server:
        hosts = ("127.0.0.1",)
        await _ask(Model(name="our-own", base_url=server.url, allowed_hosts=hosts))
        assert [each.json["model"] for each in server.requests] == ["our-own"]
        with pytest.raises(ModelUnusable, match=Reason.BUDGET):
            await _ask(Model(name="m", base_url=server.url, allowed_hosts=hosts, tokens_per_day=0))
        with pytest.raises(Misconfigured, match="allowed"):
            await _ask(Model(name="m", base_url=server.url))
        assert len(server.requests) == 1
        assert "reasoning_effort" not in server.requests[0].json
        thinking = Model(name="m", base_url=server.url, allowed_hosts=hosts, reasoning_effort="low")
        await _ask(thinking)
        assert server.requests[1].json["reasoning_effort"] == "low"


async def test_without_a_model_there_is_none() -> None:
    wiring = Wiring(organisation=TOWN, store_url="", state=Path(), secrets=Secrets())
    async with model_of(wiring, Metrics()) as llm:
        assert llm is None


HERE = "test_config_acts.py::"
WEBHOOK = "platforms/test_webhook.py::"
BLUESKY = "platforms/test_bluesky.py::"
REGISTER = "test_register.py::"
ROADS = "test_roads.py::"
X_ACCOUNT = "platforms/test_x_account.py::"
X_READING = "platforms/test_x_reading.py::"
X_REPLIES = "platforms/test_x_replies.py::"
MASTODON = "platforms/test_mastodon_account.py::"
SHOWN_BY = {
    "organisation.id": "test_store.py::test_organisations_share_a_server_without_meeting",
    "organisation.name": "test_commands.py::test_check_of_a_good_folder_says_what_it_read",
    "organisation.language": HERE + "test_the_desk_speaks_the_organisations_language",
    "organisation.timezone": HERE + "test_the_clock_is_the_organisations_own",
    "organisation.hosts": "test_checks_links.py::test_unknown_hosts_are_stopped",
    "organisation.phones": HERE + "test_what_is_our_own_is_no_personal_data",
    "organisation.addresses": HERE + "test_what_is_our_own_is_no_personal_data",
    "accounts.replay.platform": HERE + "test_each_account_gets_its_platform",
    "accounts.replay.handle": HERE + "test_our_own_accounts_are_known_in_every_spelling",
    "accounts.bluesky.platform": HERE + "test_each_account_gets_its_platform",
    "accounts.bluesky.handle": BLUESKY + "test_an_account_is_opened_as_configured",
    "accounts.bluesky.service": BLUESKY + "test_an_account_is_opened_as_configured",
    "accounts.bluesky.variable": BLUESKY + "test_an_account_is_opened_as_configured",
    "accounts.bluesky.every": BLUESKY + "test_an_account_is_opened_as_configured",
    "accounts.bluesky.stream": BLUESKY + "test_an_account_reads_sooner_where_a_stream_is_named",
    "accounts.x.platform": HERE
    + "test_an_account_on_x_is_opened_and_its_handle_serves_the_webhook",
    "accounts.x.handle": HERE + "test_an_account_on_x_is_opened_and_its_handle_serves_the_webhook",
    "accounts.x.plan": X_REPLIES
    + "test_an_answer_to_who_did_not_name_us_is_refused_for_good_with_the_rule",
    "accounts.x.client_id": X_ACCOUNT + "test_each_variable_and_address_is_used",
    "accounts.x.variable": X_ACCOUNT + "test_each_variable_and_address_is_used",
    "accounts.x.refresh_variable": X_ACCOUNT + "test_each_variable_and_address_is_used",
    "accounts.x.webhook_variable": X_ACCOUNT + "test_without_a_secret_there_is_no_webhook",
    "accounts.x.service": X_ACCOUNT + "test_each_variable_and_address_is_used",
    "accounts.x.every": X_ACCOUNT + "test_each_variable_and_address_is_used",
    "accounts.x.direct": X_READING + "test_direct_messages_are_read_when_the_table_says",
    "accounts.x.daily_budget": X_READING + "test_the_budget_stops_reading_until_the_next_day",
    "accounts.x.prices.as_of": X_REPLIES + "test_costs_are_about_or_unknown",
    "accounts.x.prices.mention_read": X_READING + "test_prices_and_plan_decide_what_is_counted",
    "accounts.x.prices.post_read": X_READING + "test_prices_and_plan_decide_what_is_counted",
    "accounts.x.prices.user_read": X_READING + "test_prices_and_plan_decide_what_is_counted",
    "accounts.x.prices.dm_read": X_READING + "test_prices_and_plan_decide_what_is_counted",
    "accounts.x.prices.reply": X_REPLIES + "test_costs_are_about_or_unknown",
    "accounts.x.prices.reply_with_link": X_REPLIES + "test_costs_are_about_or_unknown",
    "accounts.x.prices.dm_send": X_REPLIES
    + "test_what_is_sent_is_counted_with_a_link_as_the_dear_one",
    "accounts.webhook.platform": HERE + "test_a_webhook_account_gets_its_gateway",
    "accounts.webhook.handle": HERE + "test_a_webhook_account_gets_its_gateway",
    "accounts.webhook.name": HERE + "test_a_gateway_is_called_by_its_own_name",
    "accounts.webhook.reply_url": WEBHOOK + "test_a_reply_carries_its_key_and_the_gateways_own_ids",
    "accounts.webhook.variable": HERE + "test_a_webhook_account_gets_its_gateway",
    "accounts.webhook.limit": WEBHOOK + "test_a_gateways_name_is_its_path_and_its_limit_its_own",
    "accounts.webhook.can": WEBHOOK + "test_offers_what_the_account_says_and_no_more",
    "accounts.mastodon.platform": MASTODON + "test_an_account_is_opened_by_its_table",
    "accounts.mastodon.handle": MASTODON + "test_a_token_of_another_account_is_told",
    "accounts.mastodon.server": MASTODON + "test_an_account_is_opened_by_its_table",
    "accounts.mastodon.variable": MASTODON + "test_an_account_is_opened_by_its_table",
    "accounts.mastodon.every": MASTODON + "test_an_account_is_opened_by_its_table",
    "triage_channel": HERE + "test_channel_of_official_department_or_triage",
    "supervisors_channel": HERE + "test_the_root_is_posted_to_the_supervisors",
    "departments.id": HERE + "test_channel_of_official_department_or_triage",
    "departments.name": HERE + "test_a_hand_over_offers_departments_and_officials_by_name",
    "departments.channel": HERE + "test_channel_of_official_department_or_triage",
    "departments.subjects": "test_rules.py::test_the_department_follows_from_the_subject",
    "departments.hours.days": "test_config.py::test_next_open",
    "departments.hours.opens": "test_config.py::test_next_open",
    "departments.hours.closes": "test_config.py::test_next_open",
    "departments.approval": "test_desk.py::"
    "test_four_eyes_take_two_people_and_the_text_that_was_seen",
    "people.chat_user": HERE + "test_who_is_asked_and_who_is_who",
    "people.name": HERE + "test_who_is_asked_and_who_is_who",
    "people.initials": "test_desk.py::test_the_editor_holds_the_whole_outgoing_text",
    "people.role": "test_desk.py::test_who_may_not_act_is_told_whom_to_ask",
    "people.departments": HERE + "test_who_is_asked_and_who_is_who",
    "officials.name": HERE + "test_a_hand_over_offers_departments_and_officials_by_name",
    "officials.called": "test_rules.py::test_the_official_who_is_spoken_to_is_named",
    "officials.channel": HERE + "test_channel_of_official_department_or_triage",
    "bodies.name": REGISTER + "test_a_question_of_another_bodys_names_that_body",
    "bodies.subjects": REGISTER + "test_a_star_in_a_bodys_words_stands_for_any_ending",
    "bodies.url": REGISTER + "test_the_card_names_the_body_and_its_door",
    "bodies.phone": REGISTER
    + "test_a_bodys_number_is_no_personal_data_and_its_door_of_last_resort",
    "not_public.name": "test_config.py::test_what_only_shows_side_by_side",
    "not_public.subjects": REGISTER + "test_what_is_not_public_yet_is_agreed_first",
    "not_public.until": REGISTER + "test_from_its_first_public_day_a_subject_may_be_told",
    "elections.from": REGISTER + "test_the_period_begins_and_ends_on_its_days",
    "elections.until": REGISTER + "test_the_period_begins_and_ends_on_its_days",
    "pointers.label": ROADS + "test_each_label_has_the_road_that_is_configured",
    "pointers.answer": ROADS + "test_each_label_has_the_road_that_is_configured",
    "pointers.days": ROADS + "test_the_term_counts_from_the_day_of_the_post",
    "pointers.remind": ROADS + "test_the_department_is_reminded_so_many_days_before",
    "triage.confidence": REGISTER + "test_below_the_confidence_the_rules_leave_the_department_open",
    "replies.undo_seconds": "test_desk.py::test_send_queues_the_exact_text_in_the_persons_name",
    "retention.days": HERE + "test_retention_is_as_long_as_configured",
    "model.name": HERE + "test_the_model_that_is_asked_is_the_one_configured",
    "model.base_url": HERE + "test_the_model_that_is_asked_is_the_one_configured",
    "model.allowed_hosts": HERE + "test_the_model_that_is_asked_is_the_one_configured",
    "model.tokens_per_day": HERE + "test_the_model_that_is_asked_is_the_one_configured",
    "model.reasoning_effort": HERE + "test_the_model_that_is_asked_is_the_one_configured",
}
"""Each key of luister.toml and the test that it acts."""


def keys(table: type[BaseModel] = Organisation, start: str = "") -> Iterator[str]:
    """Yield every key of the configuration, with the tables it lies in."""
    for name, field in table.model_fields.items():
        if name == "answers":  # their own files, tests/test_answers.py
            continue
        inner = [each for each in _types(field.annotation) if issubclass(each, BaseModel)]
        for each in inner:
            # A table of several kinds, told apart by their platform.
            kind = get_args(each.model_fields["platform"].annotation)[0] if inner[1:] else ""
            # An account nothing opens yet cannot be configured either.
            if kind in ("", "replay", *OPENERS):
                yield from keys(each, f"{start}{name}.{kind}.".replace("..", "."))
        if inner:
            continue
        # `from` is no name in Python.
        yield start + (field.alias or name)


def _types(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for each in get_args(annotation):
        yield from _types(each)


def test_every_key_has_a_test_that_it_acts() -> None:
    assert set(SHOWN_BY) == set(keys())
    for shown in set(SHOWN_BY.values()):
        file, _, test = shown.partition("::")
        source = (ROOT / "tests" / file).read_text("utf-8")
        assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), shown
