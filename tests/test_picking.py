"""Another approved answer, chosen by hand; its one click more, and what the search makes of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assistant.audit import erase_citizen, verify
from assistant.card import Editor
from assistant.case import Event, Kind, State
from assistant.chats import Submission
from assistant.config import Organisation
from assistant.desk import Desk
from assistant.errors import NotAllowed
from assistant.platforms.replay import Replay
from assistant.store import Store, open_store
from assistant.store.aliases import learned
from tests.people import kinds, press, sends
from tests.staff_cases import card
from tests.test_draft import ANNA, ANSWERS, PASSPORT, WATERSTAD, drafted, labelled, reply
from tests.test_store import everything
from tests.test_triage import MONDAY, SENDING, add, arrive, held, lane

CHAIR = "@gemeentewaterstad haalt de vuilnis ook mijn kapotte schommelstoel? Groet, Piet Smit"
PHRASE = "haalt vuilnis kapotte schommelstoel"
SIMILAR = "Komt de vuilnis een kapotte schommelstoel halen?"
BULKY = ANSWERS["grofvuil-ophalen"]
PASS = ANSWERS["afvalpas"]
REPLAY = Replay("@gemeentewaterstad", replies=Path("unused"))


class Brief(Replay):
    """The replay platform with as much room as Bluesky has."""

    limit = 300


class Tight(Replay):
    """The replay platform with room for the long variant, but not for its link."""

    limit = len(BULKY.long) + 60


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(store_url, "waterstad") as opened:
        yield opened


def desk_of(store: Store, *, town: Organisation = WATERSTAD, platform: Replay = REPLAY) -> Desk:
    """Return Waterstad's desk."""
    platforms = {("replay", "@gemeentewaterstad"): platform}
    return Desk(store, town, platforms=platforms, clock=lambda: MONDAY)


@pytest.fixture
def desk(store: Store) -> Desk:
    """Waterstad's desk."""
    return desk_of(store)


async def opened(store: Store, text: str = CHAIR, **more: Any) -> str:
    """Return the case of a post that stands on its card, with what was suggested."""
    id = await labelled(store, text, **{"department": "afval"} | more)
    await drafted(store, id)
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    return id


async def presses(store: Store, desk: Desk, id: str, action: str, **more: Any) -> Any:
    """Press a button on the newest card, or send its form in."""
    version = more.pop("version", (await store.load(id)).version)
    by = more.pop("by", "U01ANNA")
    return await desk.press(press(id, action, by=by, version=version, **more))


async def picks(store: Store, desk: Desk, id: str, answer: str | None = BULKY.id) -> Editor:
    """Choose an answer; return the editor that follows."""
    editor = await presses(store, desk, id, "pick", choice=answer)
    assert isinstance(editor, Editor)
    return editor


async def buttons(store: Store, id: str) -> list[str]:
    """Return the buttons on the card."""
    shown = card(await held(store, id), organisation=WATERSTAD, now=MONDAY)
    offered = [shown.offer.action] if shown.offer else []
    return [each.id for each in (*shown.actions, *offered)]


async def to_learn(store: Store, id: str) -> str | None:
    """Return the words the card offers to learn."""
    shown = card(await held(store, id), organisation=WATERSTAD, now=MONDAY)
    return shown.offer.text if shown.offer else None


# Choosing


async def test_the_form_offers_every_other_valid_answer_those_near_first(
    store: Store, desk: Desk
) -> None:
    id = await opened(store)
    near = (await held(store, id)).draft
    assert near is not None
    form = await desk.form(press(id, "pick", by="U01ANNA"))
    values = [each.value for each in form.choices]
    assert sorted(values) == sorted(ANSWERS)
    assert set(values[: len(near.sources)]) == set(near.sources)
    spoken = [ANSWERS[each].language for each in values]
    assert spoken == sorted(spoken, reverse=True)  # nl before en

    await picks(store, desk, id)
    again = await desk.form(press(id, "pick", by="U01ANNA"))
    assert BULKY.id not in [each.value for each in again.choices]


async def test_what_has_expired_is_no_choice(store: Store) -> None:
    id = await opened(store)
    yesterday = BULKY.model_copy(update={"valid_until": MONDAY.date().replace(day=1)})
    town = WATERSTAD.model_copy(update={"answers": (yesterday, ANSWERS["milieustraat"])})
    desk = desk_of(store, town=town)
    form = await desk.form(press(id, "pick", by="U01ANNA"))
    assert [each.value for each in form.choices] == ["milieustraat"]
    for choice in (BULKY.id, "nonsense", None):
        with pytest.raises(NotAllowed, match=r"desk\.choose_answer"):
            await presses(store, desk, id, "pick", choice=choice)


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        (REPLAY, BULKY.long),
        (Brief("@gemeentewaterstad", replies=Path("unused")), BULKY.short),
        (Tight("@gemeentewaterstad", replies=Path("unused")), BULKY.short),
    ],
)
async def test_the_chosen_answer_is_the_text_one_goes_on_with_and_its_source(
    store: Store, platform: Replay, body: str
) -> None:
    id, desk = await opened(store), desk_of(store, platform=platform)
    editor = await picks(store, desk, id)
    assert editor.text == f"@piet Goedemorgen! {body} {BULKY.sources[0]} ^AB"

    case = await held(store, id)
    assert case.draft is not None
    assert (case.draft.origin, case.draft.sources) == ("answer", (BULKY.id,))
    event = (await store.events(id))[-1]
    assert (event.kind, event.by) == (Kind.PICKED, ANNA)
    assert id in await lane(store, "C0AFVAL")

    sent = submission(editor)
    assert (await desk.submit(sent)).outcome == "queued"
    sends_it = (await held(store, id)).reply
    assert sends_it is not None
    assert (sends_it.sources, sends_it.overruled) == ((BULKY.id,), ())


def submission(editor: Editor, **more: Any) -> Submission:
    """Send the editor in as it is."""
    return sends(
        editor.case, editor.text, by="U01ANNA", draft=editor.draft, revision=editor.revision, **more
    )


async def test_an_answer_in_another_language_greets_in_its_own(store: Store, desk: Desk) -> None:
    id = await opened(store, "How do I get rid of my broken rocking chair?", language="en")
    form = await desk.form(press(id, "pick", by="U01ANNA"))
    first = [ANSWERS[each.value].language for each in form.choices[:2]]
    assert first == ["en", "en"]
    assert "Good morning!" in (await picks(store, desk, id, "waste-collection-en")).text
    assert "Goedemorgen!" in (await picks(store, desk, id)).text


async def test_it_takes_the_place_of_what_was_written_and_not_sent(
    store: Store, desk: Desk
) -> None:
    id = await opened(store)
    first = await picks(store, desk, id, "milieustraat")
    mine = submission(first).model_copy(update={"text": "@piet Goedendag! Mijn eigen tekst. ^AB"})
    assert (await desk.submit(mine)).outcome == "queued"
    await presses(store, desk, id, "undo")
    assert "eigen tekst" in (await desk.editor(press(id, "edit", by="U01ANNA"))).text

    assert "eigen tekst" not in (await picks(store, desk, id)).text
    later = await desk.editor(press(id, "edit", by="U02BRAM"))
    assert BULKY.long in later.text
    assert "eigen tekst" in str(await store.events(id))


async def test_nobody_chooses_where_nothing_may_be_written(store: Store, desk: Desk) -> None:
    on_its_way = await opened(store)
    await add(store, on_its_way, *SENDING[1:])
    barred = await opened(store, "Waar kan mijn matras heen?", id="p7", author="u7", addressed=None)
    for id in (on_its_way, barred):
        for act in (desk.form, desk.press):
            with pytest.raises(NotAllowed):
                await act(press(id, "pick", by="U01ANNA", choice=BULKY.id))
        assert "pick" not in await buttons(store, id)


async def test_the_same_form_sent_twice_chooses_once(store: Store, desk: Desk) -> None:
    id = await opened(store)
    version = (await store.load(id)).version
    chosen = press(id, "pick", by="U01ANNA", version=version, choice=BULKY.id)
    one, other = await asyncio.gather(desk.press(chosen), desk.press(chosen))
    assert one == other
    assert (await kinds(store, id)).count(Kind.PICKED) == 1


async def test_another_choice_in_the_same_form_is_another_choice(store: Store, desk: Desk) -> None:
    id = await opened(store)
    version = (await store.load(id)).version
    for answer in (BULKY, PASS):
        chosen = press(id, "pick", by="U01ANNA", version=version, choice=answer.id)
        editor = await desk.press(chosen)
        assert isinstance(editor, Editor)
        assert answer.short in editor.text or answer.long in editor.text


async def test_a_suggestion_that_comes_late_does_not_overwrite_the_choice(
    store: Store, desk: Desk
) -> None:
    id = await labelled(store, CHAIR, department="afval")
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    await picks(store, desk, id)
    case = await drafted(store, id)
    assert case.draft is not None
    assert case.draft.sources == (BULKY.id,)


# Teaching


async def test_one_click_teaches_the_words_and_the_next_post_finds_the_answer(
    store: Store, desk: Desk
) -> None:
    id = await opened(store)
    assert "teach" not in await buttons(store, id)
    await picks(store, desk, id)
    assert await learned(store) == ()
    assert await to_learn(store, id) == f"Te leren: „{PHRASE}” hoort bij {BULKY.title}"
    assert "teach" in await buttons(store, id)

    await presses(store, desk, id, "teach", by="U02BRAM")

    [(case, alias)] = await learned(store)
    assert (case, alias.answer, alias.phrase) == (id, BULKY.id, PHRASE)
    assert (alias.by.name, alias.at) == ("Bram de Wit", MONDAY)
    event = (await store.events(id))[-1]
    assert (event.kind, event.by, event.alias) == (Kind.TAUGHT, alias.by, alias)
    assert "teach" not in await buttons(store, id)
    assert await to_learn(store, id) is None

    next_one = await labelled(store, SIMILAR, id="p10", author="u10", department="afval")
    draft = (await drafted(store, next_one)).draft
    assert draft is not None
    assert (draft.origin, draft.sources) == ("answer", (BULKY.id,))
    assert (await verify(store)).broken is None


async def test_without_the_click_the_next_post_finds_nothing(store: Store, desk: Desk) -> None:
    await picks(store, desk, await opened(store))
    other = await labelled(store, SIMILAR, id="p10", author="u10", department="afval")
    draft = (await drafted(store, other)).draft
    assert draft is not None
    assert draft.origin != "answer"


async def test_clicking_again_teaches_once_whoever_does_it(store: Store, desk: Desk) -> None:
    id = await opened(store)
    await picks(store, desk, id)
    version = (await store.load(id)).version
    clicks = [
        presses(store, desk, id, "teach", by=by, version=version)
        for by in ("U01ANNA", "U02BRAM", "U01ANNA", "U07SAMIRA")
    ]
    await asyncio.gather(*clicks)
    assert len(await learned(store)) == 1
    assert (await kinds(store, id)).count(Kind.TAUGHT) == 1


async def test_it_can_still_be_taught_once_the_answer_is_sent(store: Store, desk: Desk) -> None:
    id = await opened(store)
    editor = await picks(store, desk, id)
    assert (await desk.submit(submission(editor))).outcome == "queued"
    assert await buttons(store, id) == ["undo", "teach"]
    await add(store, id, *SENDING[2:], Event(kind=Kind.SENT, at=MONDAY))
    assert "teach" in await buttons(store, id)
    await presses(store, desk, id, "teach")
    assert len(await learned(store)) == 1
    assert (await held(store, id)).state is State.SENT


async def test_only_the_very_words_on_the_card_are_taught(store: Store, desk: Desk) -> None:
    id = await opened(store)
    await picks(store, desk, id)
    version = (await store.load(id)).version
    await picks(store, desk, id, "milieustraat")
    with pytest.raises(NotAllowed):
        await presses(store, desk, id, "teach", version=version)
    await arrive(store, "Waar kan mijn oude kast heen?", event="edited")
    for at in (version, version + 1, version + 2):
        with pytest.raises(NotAllowed):
            await presses(store, desk, id, "teach", version=at)
    assert await learned(store) == ()


async def test_what_the_case_taught_already_is_not_offered_again(store: Store, desk: Desk) -> None:
    id = await opened(store)
    await picks(store, desk, id)
    await presses(store, desk, id, "teach")
    await picks(store, desk, id, "milieustraat")
    assert "teach" in await buttons(store, id)
    await picks(store, desk, id)
    assert "teach" not in await buttons(store, id)


async def test_where_there_is_no_other_answer_there_is_nothing_to_choose(store: Store) -> None:
    id = await opened(store)
    town = WATERSTAD.model_copy(update={"answers": (BULKY,)})
    desk = desk_of(store, town=town)
    await picks(store, desk, id)
    shown = card(await held(store, id), organisation=town, now=MONDAY)
    assert "pick" not in [each.id for each in shown.actions]
    with pytest.raises(NotAllowed, match=r"desk\.choose_answer"):
        await desk.form(press(id, "pick", by="U01ANNA"))


@pytest.mark.parametrize("visibility", ["direct", "private"])
async def test_what_was_said_in_private_teaches_nothing(
    store: Store, desk: Desk, visibility: str
) -> None:
    id = await opened(store, visibility=visibility)
    await picks(store, desk, id)
    assert "teach" not in await buttons(store, id)


@pytest.mark.parametrize("label", ["abuse", "political", "legal", "self_harm", "opinion", "thanks"])
async def test_a_post_no_answer_is_for_teaches_nothing(
    store: Store, desk: Desk, label: str
) -> None:
    id = await opened(store, label=label)
    await picks(store, desk, id)
    assert (await store.events(id))[-1].alias is None
    assert "teach" not in await buttons(store, id)


async def test_a_post_that_turns_out_to_be_sensitive_teaches_nothing(
    store: Store, desk: Desk
) -> None:
    id = await opened(store)
    await picks(store, desk, id)
    version = (await store.load(id)).version
    await presses(store, desk, id, "relabel", choice="abuse", second="leave")
    assert "teach" not in await buttons(store, id)
    with pytest.raises(NotAllowed):
        await presses(store, desk, id, "teach", version=version)
    assert await learned(store) == ()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("@gemeentewaterstad wat kan ik doen?", BULKY.id),  # nothing tells
        (f"Hallo, {BULKY.aliases[0]}?", BULKY.id),  # stands in the file
    ],
)
async def test_what_the_search_would_learn_nothing_from_is_not_offered(
    store: Store, desk: Desk, text: str, answer: str
) -> None:
    id = await labelled(store, text, department="afval")
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    await picks(store, desk, id, answer)
    assert "teach" not in await buttons(store, id)


async def test_what_a_model_found_by_itself_needs_no_teaching(store: Store, desk: Desk) -> None:
    id = await labelled(store, PASSPORT)
    case = await drafted(store, id, model=reply())
    assert case.draft is not None
    assert case.draft.origin == "model"
    await add(store, id, Event(kind=Kind.PRESENTED, at=MONDAY))
    await picks(store, desk, id, case.draft.sources[0])
    assert "teach" not in await buttons(store, id)


@pytest.mark.parametrize(("by", "why"), [("UNOBODY", "desk.not_listed"), ("U06FATMA", "desk.role")])
async def test_who_may_not_write_teaches_nothing(
    store: Store, desk: Desk, by: str, why: str
) -> None:
    id = await opened(store)
    await picks(store, desk, id)
    with pytest.raises(NotAllowed, match=why):
        await presses(store, desk, id, "teach", by=by)
    assert await learned(store) == ()


# Erasing


async def test_what_an_erased_citizens_case_taught_goes_with_it(
    store: Store, desk: Desk, store_url: str
) -> None:
    mine, hers = (
        await opened(store),
        await opened(store, CHAIR, id="p8", author="u8", handle="@ans"),
    )
    for id in (mine, hers):
        await picks(store, desk, id)
        await presses(store, desk, id, "teach")
    assert [case for case, _ in await learned(store)] == sorted([mine, hers])

    await erase_citizen(store, "@piet", platforms=["replay"], now=MONDAY)

    assert [case for case, _ in await learned(store)] == [hers]
    assert (await verify(store)).broken is None
    await erase_citizen(store, "@ans", platforms=["replay"], now=MONDAY)
    assert await learned(store) == ()
    kept = b"".join(everything(store_url).values()).lower()
    assert [each for each in PHRASE.encode().split() if each in kept] == []
    await arrive(store, "En nu?", id="p5", parent="p1")
    assert (await held(store, mine)).taught == ()
    assert (await verify(store)).broken is None


async def test_what_the_search_holds_must_be_what_was_taught(store: Store, desk: Desk) -> None:
    id = await opened(store)
    await picks(store, desk, id)
    await presses(store, desk, id, "teach")
    row = await store.redis.hget(store.keys.aliases, id)
    for field, value in ((id, row.replace("kapotte", "gratis")), ("cnobody", row)):
        await store.redis.hset(store.keys.aliases, field, value)
        assert (await verify(store)).broken is not None
        await store.redis.hdel(store.keys.aliases, field)
        if field == id:
            assert "other words" in str((await verify(store)).broken)
        await store.redis.hset(store.keys.aliases, id, row)
    assert (await verify(store)).broken is None
