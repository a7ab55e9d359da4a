"""Drafts: only from approved answers, only for `answer`, and never in a person's way."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assistant.case import Actor, Case, Draft, Event, Kind, Reply, State, Triage
from assistant.config import Organisation, load
from assistant.draft import draft, suggest
from assistant.draft.address import form_of_address
from assistant.errors import ModelUnusable
from assistant.llms import Reason
from assistant.platforms.replay import Replay
from assistant.rules import PEOPLE
from assistant.store import Decision, Store, open_store
from assistant.store.work import pending
from assistant.words import Words
from tests.test_triage import MONDAY, ScriptedLLM, arrive, held, lane

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
ANSWERS = {each.id: each for each in WATERSTAD.answers}
ANNA = Actor(chat_user="U01ANNA", name="Anna Bakker", initials="AB")
LIBRARY = "Moet ik mijn bibliotheekpas zelf verlengen of gaat dat vanzelf, weten jullie dat?"
"""A question no answer is found for, and that is like none that may get no draft."""
PASSPORT = "Hoe vraag ik een paspoort aan, moet ik een afspraak maken?"


class Small(Replay):
    """The replay platform with less room."""

    limit = 100


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with open_store(store_url, "waterstad") as opened:
        yield opened


async def labelled(store: Store, text: str, *, label: Any = "question", **values: Any) -> str:
    """Let a post arrive and label it by hand; return the case's id."""
    keys = ("advice", "department", "language", "pointer", "by")
    chosen: dict[str, Any] = {"advice": "answer", "department": "burgerzaken", "language": "nl"}
    chosen["by"] = "rules"
    chosen |= {key: values.pop(key) for key in keys if key in values}
    id = await arrive(store, text, **values)
    found = Triage(label=label, rule=3, reason="omdat", **chosen)
    event = Event(kind=Kind.TRIAGED, at=MONDAY, triage=found)
    await store.decide(id, lambda case: Decision(events=(event,)), now=MONDAY)
    return id


async def drafted(
    store: Store,
    id: str,
    *,
    model: ScriptedLLM | None = None,
    platform: Replay | None = None,
    now: datetime = MONDAY,
    organisation: Organisation = WATERSTAD,
) -> Case:
    chosen = platform or Replay("@gemeentewaterstad", replies=Path("unused"))
    await draft(
        store,
        id,
        None,
        organisation=organisation,
        model=model,
        platforms={("replay", "@gemeentewaterstad"): chosen},
        words=Words("nl"),
        clock=lambda: now,
    )
    return await held(store, id)


def written(case: Case) -> Draft:
    assert case.draft is not None
    return case.draft


def reply(text: str = "Maak een afspraak.", sources: tuple[str, ...] = ("A1",)) -> ScriptedLLM:
    return ScriptedLLM({"reply": text, "sources": sources, "note": None})


def own_reply() -> Reply:
    return Reply(
        id="r1",
        target="p1",
        text="Dag ^AB",
        key="k",
        record_key="r",
        created_at=MONDAY,
        due=MONDAY,
        by=ANNA,
    )


async def test_without_a_model_a_sure_answer_stands_word_for_word(store: Store) -> None:
    answer = ANSWERS["kerstboom-inleveren"]
    id = await labelled(store, answer.title, department="afval")

    case = await drafted(store, id)

    found = written(case)
    assert (found.origin, found.sources, found.by) == ("answer", (answer.id,), "")
    assert found.text == f"Goedemorgen! {answer.short} {answer.sources[0]}"


async def test_a_draft_does_not_bring_the_card_before_its_hour(store: Store) -> None:
    id = await labelled(store, PASSPORT)

    case = await drafted(store, id)

    assert case.state is State.TRIAGED
    assert await lane(store, "C0BURGERZAKEN") == {}


async def test_a_draft_for_a_card_that_stands_is_shown_on_it(store: Store) -> None:
    id = await labelled(store, PASSPORT)
    presented = Event(kind=Kind.PRESENTED, at=MONDAY)
    await store.decide(id, lambda case: Decision(events=(presented,)), now=MONDAY)

    await drafted(store, id)

    assert list(await lane(store, "C0BURGERZAKEN")) == [id]


async def test_a_draft_dropped_once_can_still_be_made(store: Store) -> None:
    id = await labelled(store, PASSPORT)
    events = (
        Event(kind=Kind.PRESENTED, at=MONDAY),
        Event(kind=Kind.APPROVED, at=MONDAY, by=ANNA, reply=own_reply()),
    )

    class Overtaken(ScriptedLLM):
        async def ask(self, schema: Any, **values: Any) -> Any:
            await store.decide(id, lambda case: Decision(events=events), now=MONDAY)
            return await super().ask(schema, **values)

    slow = Overtaken({"reply": "Maak een afspraak.", "sources": ("A1",), "note": None})
    assert (await drafted(store, id, model=slow)).draft is None
    undone = Event(kind=Kind.UNDONE, at=MONDAY, by=ANNA)
    await store.decide(id, lambda case: Decision(events=(undone,)), now=MONDAY)

    assert (await drafted(store, id)).draft is not None


async def test_an_answer_expires_while_the_service_runs(store: Store) -> None:
    answer = ANSWERS["kerstboom-inleveren"]
    last = datetime.combine(answer.valid_until, datetime.min.time(), tzinfo=UTC)
    first = await labelled(store, answer.title, department="afval")
    second = await labelled(store, answer.title, department="afval", id="q1", root="q1", author="b")

    before = written(await drafted(store, first, now=last))
    after = written(await drafted(store, second, now=last + timedelta(days=1)))

    assert before.sources == (answer.id,)
    assert answer.id not in after.sources


async def test_without_a_sure_answer_there_is_a_template_in_the_citizens_form(
    store: Store,
) -> None:
    id = await labelled(store, "Weet je hoe ik een kliko bij mijn paspoort krijg?")

    found = written(await drafted(store, id))

    assert found.origin == "template"
    assert "je" in found.text.split()
    assert "u" not in found.text.split()


async def test_no_general_line_stands_under_what_is_like_posts_that_get_no_draft(
    store: Store,
) -> None:
    id = await labelled(store, "En, weten jullie nu eindelijk wel wat jullie met mij aan moeten?")

    found = written(await drafted(store, id))

    assert (found.origin, found.text) == ("held", "")


async def test_no_model_writes_where_no_general_line_may_stand(store: Store) -> None:
    """Its sources are near, yet none is sure: a text of its own fits any post as well."""
    text = "En, weten jullie nu eindelijk wel wat jullie met mij en mijn paspoort aan moeten?"
    id = await labelled(store, text)
    model = reply()

    found = written(await drafted(store, id, model=model))

    assert (found.origin, found.text, model.asked) == ("held", "", [])
    assert found.sources


async def test_a_colleague_who_labelled_it_gets_the_general_line(store: Store) -> None:
    text = "En, weten jullie nu eindelijk wel wat jullie met mij aan moeten?"
    id = await labelled(store, text, by=PEOPLE)

    assert written(await drafted(store, id)).origin == "template"


@pytest.mark.parametrize(
    ("language", "greeting"),
    [("nl", "Goedemorgen!"), ("en", "Good morning!"), ("de", "Guten Morgen!"), ("fr", "Bonjour !")],
)
async def test_the_greeting_is_in_the_citizens_language(
    store: Store, language: str, greeting: str
) -> None:
    id = await labelled(store, LIBRARY, language=language)

    assert written(await drafted(store, id)).text.startswith(greeting)


@pytest.mark.parametrize(("hour", "greeting"), [(13, "Goedemiddag!"), (19, "Goedenavond!")])
async def test_the_greeting_follows_the_local_clock(store: Store, hour: int, greeting: str) -> None:
    id = await labelled(store, LIBRARY)
    now = datetime(2026, 11, 23, hour - 1, tzinfo=UTC)

    assert written(await drafted(store, id, now=now)).text.startswith(greeting)


async def test_a_language_without_words_gets_an_empty_box_with_answers_beside_it(
    store: Store,
) -> None:
    id = await labelled(
        store, "Hoe laat is het stadskantoor open voor een paspoort?", language="pl"
    )

    found = written(await drafted(store, id))

    assert (found.origin, found.text) == ("empty", "")
    assert 0 < len(found.sources) <= 3


async def test_a_report_gets_the_approved_pointer(store: Store) -> None:
    text = "bij ons in de straat is de lamp kapot"
    id = await labelled(store, text, label="report", pointer="verwijzing-melding")

    found = written(await drafted(store, id))

    assert found.sources == ("verwijzing-melding",)
    assert ANSWERS["verwijzing-melding"].short in found.text


async def test_an_expired_pointer_is_not_used(store: Store) -> None:
    old = tuple(
        each.model_copy(update={"valid_until": date(2026, 1, 1)}) for each in WATERSTAD.answers
    )
    text = "bij ons in de straat is de lamp kapot"
    id = await labelled(store, text, label="report", pointer="verwijzing-melding")

    organisation = WATERSTAD.model_copy(update={"answers": old})
    found = written(await drafted(store, id, organisation=organisation))

    assert found.origin == "template"


async def test_a_models_draft_names_its_sources_and_code_adds_the_link(store: Store) -> None:
    id = await labelled(store, PASSPORT)

    found = written(await drafted(store, id, model=reply("Goedemorgen, maak een afspraak.")))

    assert found.origin == "model"
    link = ANSWERS[found.sources[0]].sources[0]
    assert found.text == f"Goedemorgen, maak een afspraak. {link}"
    assert found.by.startswith("scripted draft@")


async def test_the_model_sees_five_answers_and_the_departments_first(store: Store) -> None:
    id = await labelled(store, PASSPORT)
    model = reply()

    await drafted(store, id, model=model)

    sources = model.asked[0]["sources"]
    assert sources.count("[A") <= 5
    first = sources.splitlines()[0].removeprefix("[A1] ")
    assert first in {each.title for each in WATERSTAD.answers if each.department == "burgerzaken"}
    assert model.asked[0]["form_of_address"] == "u"


@pytest.mark.parametrize(
    "model",
    [
        reply("", ("A1",)),
        reply("Maak een afspraak.", ()),
        reply("Maak een afspraak.", ("A9",)),
        reply("Maak een afspraak.", ("A1", "paspoort")),
        reply("Bel 06-12345678 voor een afspraak.", ("A1",)),
        reply("Kijk op https://kwaad.example/nu", ("A1",)),
        reply("Vraag het @iemandanders", ("A1",)),
        reply("Lang verhaal. " * 60, ("A1",)),
        ScriptedLLM(ModelUnusable(Reason.SCHEMA)),
        ScriptedLLM(ModelUnusable(Reason.DEADLINE)),
    ],
)
async def test_what_the_model_may_not_write_falls_back(store: Store, model: ScriptedLLM) -> None:
    id = await labelled(store, PASSPORT)

    found = written(await drafted(store, id, model=model))

    assert found.origin != "model"


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        (reply(sources=()), ["no_source"]),
        (reply(text=""), ["empty"]),
        (reply(text="Kijk op x.example."), ["link", "link_unknown"]),
        (reply(text="Dat kost 999 euro en wij beloven het."), ["unsourced", "promise"]),
        (reply(text="Dag. " * 99), ["no_room"]),
        (reply(), []),
    ],
)
async def test_why_a_models_text_is_not_used_is_told(
    store: Store, model: ScriptedLLM, reasons: list[str]
) -> None:
    case = await held(store, await labelled(store, PASSPORT))
    told: list[str] = []

    found = await suggest(
        case,
        organisation=WATERSTAD,
        model=model,
        platform=Replay("@gemeentewaterstad", replies=Path("unused")),
        words=Words("nl"),
        now=MONDAY,
        turned_down=told.append,
    )

    assert told == reasons
    assert found is not None
    assert (found.origin == "model") == (not reasons)


@pytest.mark.parametrize("advice", ["wait", "leave", "hand_over"])
async def test_only_the_advice_to_answer_is_drafted_for(store: Store, advice: str) -> None:
    id = await labelled(store, PASSPORT, advice=advice)

    assert (await drafted(store, id)).draft is None


async def test_what_is_not_addressed_to_us_is_not_drafted_for(store: Store) -> None:
    id = await labelled(store, PASSPORT, addressed=None)

    assert (await drafted(store, id)).draft is None


async def test_a_deleted_post_is_not_drafted_for(store: Store) -> None:
    id = await labelled(store, PASSPORT)
    await arrive(store, PASSPORT, event="deleted")

    assert (await drafted(store, id)).draft is None


async def test_a_draft_is_made_once_per_revision(store: Store) -> None:
    id = await labelled(store, PASSPORT)
    model = reply()
    first = written(await drafted(store, id, model=model))
    again = written(await drafted(store, id, model=model))
    await arrive(store, PASSPORT + " En wat kost het?", event="edited")

    edited = written(await drafted(store, id, model=model))

    assert first == again
    assert len(model.asked) == 2
    assert (edited.revision, edited.id) != (first.revision, first.id)


async def test_a_late_draft_is_dropped(store: Store) -> None:
    id = await labelled(store, PASSPORT)
    now = MONDAY

    class Slow(ScriptedLLM):
        async def ask(self, schema: Any, **values: Any) -> Any:
            events = (
                Event(kind=Kind.PRESENTED, at=now),
                Event(kind=Kind.APPROVED, at=now, by=ANNA, reply=own_reply()),
            )
            await store.decide(id, lambda case: Decision(events=events), now=now)
            return await super().ask(schema, **values)

    slow = Slow({"reply": "Maak een afspraak.", "sources": ("A1",), "note": None})
    case = await drafted(store, id, model=slow)

    assert (case.state, case.draft) == (State.QUEUED, None)
    assert (await pending(store))["draft"] == 0


async def test_a_draft_fits_with_mention_and_initials(store: Store) -> None:
    answer = ANSWERS["kerstboom-inleveren"]
    id = await labelled(store, answer.title, department="afval")
    small = Small("@gemeentewaterstad", replies=Path("unused"))

    found = written(await drafted(store, id, platform=small))

    assert small.length(f"@piet {found.text} ^ABCD") <= small.limit


async def test_an_account_that_is_no_longer_ours_is_not_drafted_for(store: Store) -> None:
    id = await labelled(store, PASSPORT, account="@oud")

    assert (await drafted(store, id)).draft is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Kunt u mij helpen?", "formal"),
        ("kun je mij helpen", "familiar"),
        ("Doen jullie dat?", "familiar"),
        ("Paspoort kwijt", "formal"),
        ("Hoi, kunt u helpen?", "formal"),
    ],
)
def test_the_form_of_address_mirrors_theirs(text: str, form: str) -> None:
    assert form_of_address(text) == form
