"""People who may not act, who come too late, and citizens who write at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from assistant.localslack import SlackUser, Workspace
from tests.e2e.town import Town, town
from tests.redis_server import RedisServer
from tests.slack_ui import Json, texts_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

ANNA, BOB = "U01ANNA", "U02BOB"
STRANGER, GUEST, ELSEWHERE = "U09STRANGER", "U08GUEST", "U07ELSEWHERE"
LISTED = """
[[people]]
chat_user = "U08GUEST"
name = "Gerda Gast"
initials = "GG"

[[people]]
chat_user = "U07ELSEWHERE"
name = "Els Elders"
initials = "EE"
"""
EDIT, CLOSE, CLAIM = "luister:editor:edit", "luister:form:close", "luister:act:claim"


def _with_stranger(workspace: Workspace) -> Workspace:
    user = SlackUser(id=STRANGER, name="eva", real_name="Eva", email="eva@waterstad.example")
    return workspace.model_copy(update={"users": (*workspace.users, user)})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, own_store: RedisServer
) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("people")
    async with town(
        folder,
        store_url=own_store.url,
        change=lambda text: text + LISTED,
        workspace=_with_stranger,
    ) as made:
        made.slack.person(GUEST, is_restricted=True)
        made.slack.person(ELSEWHERE, team_id="T0OTHER")
        await made.start()
        yield made


def _post(name: str, words: str, **more: Any) -> Json:
    return {"id": name, "author": f"u-{name}", "handle": f"@{name}", "text": words, **more}


def _typed(text: str) -> dict[str, Any]:
    return {"text": {"text": {"type": "plain_text_input", "value": text}}}


def _initial(view: Json) -> str:
    field = next(each for each in view["blocks"] if each.get("block_id") == "text")
    return str(field["element"].get("initial_value", ""))


@pytest.mark.parametrize(
    ("user", "told"),
    [(STRANGER, "Je staat niet in de lijst"), (GUEST, "Gasten"), (ELSEWHERE, "mensen van buiten")],
)
async def test_who_may_not_act_is_told_whom_to_ask_and_nothing_changes(
    running: Town, user: str, told: str
) -> None:
    words = f"wat kost mijn parkeervergunning voor {user.lower()}?"
    await running.arrive(_post(f"who-{user}", words))
    card = await running.card("C0PARKEREN", words)
    before = len(running.slack.acks)
    await running.people.click(card, CLAIM, user=user)
    said = await running.hears("C0PARKEREN", told)
    assert "Vraag het aan Anna Bakker, Bob Jansen" in said
    _, view = await running.window(card, EDIT, user=user)
    assert told in " ".join(texts_of(view))
    assert "submit" not in {name for name, value in view.items() if value}
    assert len(running.slack.acks) > before
    case = (await _cases(running, card))[0]
    assert (case["state"], case["owner"]) == ("open", "")


async def test_a_text_for_a_case_closed_meanwhile_stays_and_says_who_closed_it(
    running: Town,
) -> None:
    words = "wanneer wordt de kliko geleegd in de tulpstraat?"
    await running.arrive(_post("closed", words))
    card = await running.card("C0AFVAL", words)
    editor, _ = await running.window(card, EDIT, user=ANNA)
    form, _ = await running.window(card, CLOSE, user=BOB)
    reason = {"text": {"type": "plain_text", "text": "spam"}, "value": "spam"}
    chosen = {"type": "static_select", "selected_option": reason}
    done = await running.slack.submit(BOB, view_id=form, values={"choice": {"choice": chosen}})
    assert done == {"response_action": "clear"}

    text = "@closed Dat zoek ik voor u uit. ^AB"
    answer = await running.slack.submit(ANNA, view_id=editor, values=_typed(text))
    assert answer["response_action"] == "errors"
    assert "Bob Jansen" in answer["errors"]["text"]
    assert "spam" in answer["errors"]["text"]
    assert editor in running.slack.open_views()  # still open, with what she typed
    await running.thread_says(card, "Bob Jansen (BJ) sloot de kaart af")
    assert (await _cases(running, card))[0]["state"] == "closed"
    assert [each for each in running.replies() if each["in_reply_to"] == "closed"] == []


async def test_a_text_for_a_post_changed_meanwhile_comes_back_and_the_next_send_goes(
    running: Town,
) -> None:
    old, new = "hoe werkt mijn afvalpas?", "hoe werkt mijn afvalpas in de ramsteeg?"
    await running.arrive(_post("changed", old))
    card = await running.card("C0AFVAL", old)
    editor, _ = await running.window(card, EDIT, user=ANNA)
    await running.arrive(_post("changed", new, event="edited"))

    text = "@changed U leest het op onze site. ^AB"
    answer = await running.slack.submit(ANNA, view_id=editor, values=_typed(text))
    assert answer["response_action"] == "update"
    again = answer["view"]
    assert _initial(again) == text
    shown = " ".join(texts_of(again))
    assert new in shown
    assert "De inwoner heeft het bericht intussen gewijzigd" in shown
    assert [each for each in running.replies() if each["in_reply_to"] == "changed"] == []

    # No reason is asked: she saw the new post.
    sent = await running.slack.submit(ANNA, view_id=editor, values={})
    assert sent == {"response_action": "clear"}
    await running.thread_says(card, "Verstuurd")
    mine = [each for each in running.replies() if each["in_reply_to"] == "changed"]
    assert [each["text"] for each in mine] == [text]


async def test_two_first_posts_at_once_are_one_case_with_one_card(running: Town) -> None:
    thread = {"author": "u-twice", "handle": "@twice", "conversation": "twice-thread"}
    posts = [
        _post("twice-1", "wanneer wordt de kliko in de eikenlaan geleegd?", **thread),
        _post("twice-2", "en wanneer de kliko met papier?", **thread),
    ]
    before = {each["case"] for each in await running.cases()}
    # Two programs, each with both posts, each in another order.
    await asyncio.gather(running.write(*posts), running.write(*reversed(posts)))
    after = [each for each in await running.cases() if each["case"] not in before]
    assert [each["posts"] for each in after] == [2]
    card = await running.card("C0AFVAL", "@twice ")
    await running.thread_says(card, "en wanneer de kliko met papier?")
    await running.thread_says(card, "wanneer wordt de kliko in de eikenlaan geleegd?")
    assert len(await _cards(running, "@twice ")) == 1


async def test_another_citizen_in_the_same_thread_is_another_case(running: Town) -> None:
    thread = {"conversation": "shared-thread"}
    one = _post("one", "waar lever ik mijn kerstboom in?", **thread)
    other = _post("other", "en waar lever ik snoeiafval in?", in_reply_to="one", **thread)
    before = {each["case"] for each in await running.cases()}
    await running.arrive(one, other)
    first = await running.card("C0AFVAL", "@one ")
    second = await running.card("C0AFVAL", "@other ")
    assert first["ts"] != second["ts"]
    after = [each for each in await running.cases() if each["case"] not in before]
    assert [each["posts"] for each in after] == [1, 1]


async def _cards(running: Town, words: str) -> list[Json]:
    messages = await running.people.messages("C0AFVAL")
    cards = [each for each in messages if not each.get("thread_ts")]
    return [each for each in cards if words in "\n".join(texts_of(each))]


async def _cases(running: Town, card: Json) -> list[Json]:
    """The case of this card, as `luister cases` tells it."""
    name = card["blocks"][0]["block_id"].split(":")[1]
    return [each for each in await running.cases() if each["case"] == name]
