"""What staff see says what is so, and offers what can be done, in every state."""

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.card import Card
from assistant.case import (
    ERASED,
    Advice,
    Case,
    Earlier,
    Event,
    IllegalMove,
    Kind,
    Label,
    Origin,
    Remote,
    State,
    Visibility,
)
from assistant.clean import visible
from assistant.present import digest_line
from assistant.words import Words
from tests.staff_cases import (
    ANNA,
    LINK,
    NOON,
    ORGANISATION,
    PIET,
    ROADS,
    WITH_MODEL,
    alias,
    at,
    card,
    case_in,
    draft,
    event,
    fold,
    post,
    reply,
    story,
    triage,
    when,
)

LANGUAGES = ("nl", "en")
FORM_EDIT = {
    "edit": "editor",
    "pick": "form",
    "retry": "editor",
    "close": "form",
    "hand_over": "form",
    "relabel": "form",
}
ACTIONS = {
    State.NEW: (),
    State.TRIAGED: (),
    State.OPEN: ("edit", "pick", "claim", "close", "hand_over", "relabel"),
    State.APPROVAL: ("approve", "return"),
    State.QUEUED: ("undo",),
    State.SENDING: (),
    State.SENT: (),
    State.FAILED: ("retry", "close", "hand_over", "relabel"),
    State.IN_DOUBT: ("found", "denied"),
    State.CLOSED: ("reopen",),
}


def facts(shown: Card) -> dict[str, str]:
    return {each.label: each.value for each in shown.facts}


@pytest.mark.parametrize(
    ("state", "advice", "language"), list(product(State, get_args(Advice), LANGUAGES))
)
def test_each_state_and_advice_gives_a_card_with_its_actions(
    state: State, advice: Advice, language: str
) -> None:
    case = case_in(state)
    if case.triage:
        case = case.model_copy(update={"triage": triage(advice=advice)})
    shown = card(case, words=Words(language))
    assert tuple(each.id for each in shown.actions) == ACTIONS[state]
    for each in shown.actions:
        wanted = "form" if each.id == "found" else FORM_EDIT.get(each.id, "nothing")
        assert each.opens == wanted
    styles = {each.id: each.style for each in shown.actions}
    assert styles.get("edit") == (
        None if state is not State.OPEN else "primary" if advice == "answer" else "default"
    )
    assert styles.get("undo", "danger") == "danger"
    assert styles.get("approve", "primary") == "primary"
    everything = shown.model_dump_json()
    assert "{" not in "".join(shown.warnings) + shown.title
    assert "None" not in everything


@pytest.mark.parametrize("state", State)
def test_the_reply_s_buttons_come_first_and_each_group_fits_a_row(state: State) -> None:
    pointed = triage(advice="hand_over", pointer="grofvuil")
    taught = {"offered": alias()}
    for case in (
        case_in(state),
        case_in(state, **taught),
        case_in(state, **taught, triage=pointed) if state is not State.NEW else case_in(state),
    ):
        shown = card(case)
        about = [each.about for each in shown.actions]
        assert about == sorted(about, reverse=True)
        assert max(map(about.count, about), default=0) <= 5
        assert not {"claim", "close", "hand_over", "relabel"} & {
            each.id for each in shown.actions if each.about == "reply"
        }


def test_words_to_learn_stand_beside_their_own_button() -> None:
    offer = card(case_in(State.OPEN, offered=alias())).offer
    assert offer
    assert offer.text == "Te leren: „bank opgehaald” hoort bij Grofvuil laten ophalen"
    assert (offer.action.id, offer.action.opens) == ("teach", "nothing")
    assert card(case_in(State.OPEN)).offer is None
    gone = ORGANISATION.model_copy(update={"answers": ()})
    assert card(case_in(State.OPEN, offered=alias()), organisation=gone).offer is None


class Heard(Words):
    """Words that remember which sentences were said."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.keys: list[str] = []

    def say(self, key: str, **values: Any) -> str:
        self.keys.append(key)
        return super().say(key, **values)


def _all_cases() -> list[Case]:
    """Every case that a road or a road and one more event leads to."""
    cases = []
    for road in ROADS.values():
        before = fold(*story(*road))
        cases.append(before)
        for kind in Kind:
            changes = {"post": post("p2", created_at=at(9))} if kind is Kind.RECEIVED else {}
            with suppress(IllegalMove):
                cases.append(fold(*story(*road), event(kind, 9, **changes)))
    return cases


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", _all_cases(), ids=lambda case: str(case.state))
def test_only_a_sent_reply_is_called_sent_or_has_a_link(case: Case, language: str) -> None:
    words = Heard(language)
    shown = card(case.model_copy(update={"remote": Remote(id="99", url=LINK)}), words=words)
    claims = {"card.answer_sent", "card.state_sent"} & set(words.keys)
    text = shown.model_dump_json()
    if case.state is State.SENT:
        assert claims == {"card.answer_sent", "card.state_sent"}
        assert shown.answer
        assert shown.answer.url == LINK
    else:
        assert not claims
        assert LINK not in text
        assert "Verstuurd op" not in text
        assert "Sent on" not in text


@pytest.mark.parametrize(
    ("state", "changes", "status"),
    [
        (State.APPROVAL, {}, "Wacht op goedkeuring. Anna Bakker schreef deze tekst."),
        (
            State.QUEUED,
            {},
            "Wordt om 10:42:35 verstuurd door Anna Bakker. Tot dan kun je het ongedaan maken.",
        ),
        (State.SENDING, {}, "Wordt nu verstuurd. Ongedaan maken kan niet meer."),
        (
            State.SENDING,
            {"outstanding": False, "attempt": 2},
            "Nog niet verstuurd na poging 2. Luister probeert het zo opnieuw.",
        ),
        (State.SENT, {"updated_at": at(900)}, "Verstuurd op 22 november 10:46 door Anna Bakker."),
        (State.FAILED, {}, "Niet verstuurd: het platform was te lang niet bereikbaar."),
        (
            State.FAILED,
            {"reason": "replies_closed"},
            "Niet verstuurd: onder dit bericht mogen wij niet antwoorden.",
        ),
        (State.FAILED, {"reason": "E_42 {x}"}, "Niet verstuurd: E_42 {x}."),
        (
            State.IN_DOUBT,
            {},
            "Niet zeker of het verstuurd is. Kijk op Mastodon. Staat het antwoord er?",
        ),
        (State.OPEN, {"reply": reply()}, "Niet verstuurd. Anna Bakker schreef deze tekst."),
    ],
)
def test_the_reply_s_status_is_true(state: State, changes: dict[str, Any], status: str) -> None:
    answer = card(case_in(state, **changes)).answer
    assert answer
    assert answer.status == status
    assert answer.text == reply().text


def test_a_case_that_came_back_shows_no_old_reply_as_the_present_one() -> None:
    events = story(*ROADS[State.SENT])
    again = event(Kind.RECEIVED, 30, post=post("p2", text="En nu?"))
    opened = [event(Kind.TRIAGED, 31), event(Kind.PRESENTED, 32)]
    shown = card(fold(*events, again, *opened))
    assert shown.answer is None
    assert facts(shown)["Al beantwoord"] == "1 keer, door Anna Bakker"
    assert shown.notes == ("1 eerder bericht in dit gesprek",)
    assert shown.post == "En nu?"


@pytest.mark.parametrize(
    ("state", "gone"), list(product((State.OPEN, State.FAILED), ("deleted", "not_addressed")))
)
def test_nobody_is_offered_an_editor_for_what_cannot_be_answered(state: State, gone: str) -> None:
    changed = post(deleted=True) if gone == "deleted" else post(addressed=None)
    shown = card(case_in(state, posts=(changed,)))
    assert not {"edit", "retry"} & {each.id for each in shown.actions}
    assert {"close", "hand_over"} <= {each.id for each in shown.actions}
    assert shown.notes[0] == Words("nl").say(f"card.note_{gone}")


def test_the_upper_half_tells_who_where_what_and_why() -> None:
    case = case_in(
        State.OPEN,
        posts=(post("p0"), post("p00"), post(edited=True, visibility="direct")),
        owner=ANNA,
        triage=triage(by="gpt triage@2+ffff", wait_until=at(300)),
        earlier=(
            Earlier(case="c0", at=when("10:00", day=21)),
            Earlier(case="c9", at=when("10:00", day=12), helped_by=PIET),
        ),
    )
    shown = card(case, now=at(3.5))
    assert shown.title == "Vraag · Afval"
    assert shown.author == "@jan"
    assert shown.source == "Mastodon"
    assert shown.url == "https://social.example/@jan/1"
    assert shown.time == "10:41"
    assert shown.summary == "Vraag · Afval, van @jan: Wanneer wordt mijn bank opgehaald?"
    assert shown.notes == (
        "Privébericht: alleen wij zien dit.",
        "De inwoner heeft dit bericht aangepast.",
        "2 eerdere berichten in dit gesprek",
    )
    assert shown.advice == (
        "Advies: beantwoorden — huisregel 3 (alleen vragen en klachten over ons werk): "
        "Vraag over ons eigen onderwerp"
        " (volgens AI: gpt, triage@2)"
    )
    assert facts(shown) == {
        "Status": "open",
        "Afdeling": "Afval",
        "Opgepakt door": "Anna Bakker",
        "Wacht tot": "22 november 15:41",
        "Taal": "Nederlands",
        "Eerder contact": "Piet Prins hielp op 12 november",
    }


@pytest.mark.parametrize(
    ("created", "told"),
    [
        (NOON + timedelta(seconds=30), "10:41"),
        (NOON, "10:41"),
        (when("00:00"), "00:00"),
        (when("23:59"), "23:59"),
        (when("23:59", day=21), "21 november 23:59"),
        (when("14:05", day=20), "20 november 14:05"),
        (when("14:05") - timedelta(days=365), "22 november 2025 14:05"),
        (when("14:05", day=29), "29 november 14:05"),
    ],
)
def test_a_post_s_time_stays_true_and_is_the_organisation_s_own(
    created: datetime, told: str
) -> None:
    assert card(case_in(State.OPEN, posts=(post(created_at=created),))).time == told


@pytest.mark.parametrize("label", get_args(Label))
def test_only_danger_is_urgent_and_only_until_it_was_dealt_with(label: Label) -> None:
    danger = label in ("emergency", "self_harm", "abuse")
    verdict = triage(label=label)
    assert card(case_in(State.OPEN, triage=verdict)).urgent is danger
    assert not card(case_in(State.CLOSED, triage=verdict)).urgent


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"department": None}, "Vraag · Triage"),
        ({"department": "vervallen"}, "Vraag · Triage"),
        ({"official": "Burgemeester Vos", "department": None}, "Vraag · Burgemeester Vos"),
        ({"triage": None}, "Nieuw bericht · Afval"),
    ],
)
def test_the_title_names_whoever_has_the_case(changes: dict[str, Any], title: str) -> None:
    assert card(case_in(State.OPEN, **changes)).title == title


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("model", "AI-concept (gpt, draft@1), lees na voor je verstuurt"),
        ("answer", "Goedgekeurd antwoord, woord voor woord, niet door AI geschreven"),
        ("template", "Sjabloon, niet door AI geschreven"),
        ("empty", "Geen concept: schrijf zelf een antwoord"),
    ],
)
def test_each_suggestion_says_where_it_comes_from(origin: Origin, told: str) -> None:
    shown = card(case_in(State.OPEN, draft=draft(origin=origin))).suggestion
    assert shown
    assert shown.origin == told
    assert (shown.length, shown.limit) == (len(shown.text), 500)
    assert ("AI-concept" in shown.origin) is (origin == "model")
    assert shown.leans is (origin in ("model", "answer"))


def test_an_answer_of_another_department_says_whose_it_is() -> None:
    for department, title in (("afval", ""), ("parkeren", " (van Afval)"), (None, " (van Afval)")):
        shown = card(case_in(State.OPEN, department=department)).suggestion
        assert shown is not None
        assert [each.title for each in shown.sources] == [f"Grofvuil laten ophalen{title}"]


def test_sources_have_title_and_link_and_an_unknown_one_its_id() -> None:
    shown = card(case_in(State.OPEN, draft=draft(sources=("weg", "grofvuil")))).suggestion
    assert shown
    assert [(each.title, each.url) for each in shown.sources] == [
        ("weg", None),
        ("Grofvuil laten ophalen", "https://www.waterstad.example/grofvuil"),
    ]


@pytest.mark.parametrize("state", [each for each in State if each not in ("open", "triaged")])
def test_a_suggestion_stands_only_while_something_is_to_be_written(state: State) -> None:
    assert card(case_in(state, draft=draft())).suggestion is None


@pytest.mark.parametrize("advice", ["leave", "hand_over", "wait"])
def test_what_was_written_for_an_earlier_post_does_not_stand_beside_the_advice_to_be_silent(
    advice: Any,
) -> None:
    changed = {"revision": 2, "draft": draft(), "triage": triage(advice=advice)}

    assert card(case_in(State.OPEN, **changed)).suggestion is None
    assert card(case_in(State.OPEN, **changed | {"triage": triage()})).suggestion is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"draft": None},
        {"draft": draft(origin="empty", text="")},
        {"revision": 2, "triage": triage(advice="leave")},
        {"posts": (post(barred="blocked"),)},
    ],
)
def test_without_a_suggestion_there_is_nothing_to_rewrite(changes: dict[str, Any]) -> None:
    shown = card(case_in(State.OPEN, **changes), organisation=WITH_MODEL)
    assert "rewrite" not in [each.id for each in shown.actions]
    plain = card(case_in(State.OPEN), organisation=WITH_MODEL)
    assert "rewrite" in [each.id for each in plain.actions]


WARNINGS: dict[str, tuple[State, dict[str, Any]]] = {
    "in_doubt": (State.IN_DOUBT, {}),
    "newer": (State.SENDING, {"posts": (post(), post("p2"))}),
    "personal": (State.OPEN, {"posts": (post(text="Mijn BSN is 111222333, help!"),)}),
    "woken": (State.OPEN, {"woken": True}),
    "often": (State.OPEN, {"sent": (reply(), reply(id="r2"))}),
    "unsure": (State.OPEN, {"triage": triage(sure=False)}),
    "old_draft": (State.OPEN, {"revision": 2}),
    "no_answer": (State.OPEN, {"draft": draft(origin="empty", text="", sources=())}),
}


@pytest.mark.parametrize("name", list(WARNINGS))
def test_each_warning_stands_where_it_is_due_and_nowhere_else(name: str) -> None:
    state, changes = WARNINGS[name]
    told = Words("nl").say(f"card.warning_{name}", source="Mastodon", count=2)
    assert card(case_in(state, **changes)).warnings == (told,)
    assert card(case_in(State.OPEN)).warnings == ()


@pytest.mark.parametrize("origin", get_args(Origin))
def test_a_configured_model_that_gave_nothing_is_told(origin: Origin) -> None:
    case = case_in(State.OPEN, draft=draft(origin=origin))
    told = Words("nl").say("card.warning_no_model")
    assert (told in card(case, organisation=WITH_MODEL).warnings) is (origin in ("answer", "empty"))
    assert told not in card(case).warnings


@pytest.mark.parametrize("visibility", get_args(Visibility))
def test_personal_data_warns_only_where_others_can_read_it(visibility: Visibility) -> None:
    shown = card(
        case_in(State.OPEN, posts=(post(text="Bel mij: 06-12345678", visibility=visibility),))
    )
    assert bool(shown.warnings) is (visibility in ("public", "unlisted"))
    done = card(case_in(State.CLOSED, posts=(post(text="Bel mij: 06-12345678"),)))
    assert done.warnings == ()


@pytest.mark.parametrize("text", ["", "  \n\t", "\u200b\u2066", "\u00ad"])
def test_a_post_without_visible_text_says_so(text: str) -> None:
    shown = card(case_in(State.OPEN, posts=(post(text=text),)))
    assert shown.post == "(geen zichtbare tekst)"


@pytest.mark.parametrize("handle", [None, "", " \u200b"])
def test_a_citizen_without_a_name_is_anonymous(handle: str | None) -> None:
    shown = card(case_in(State.OPEN, posts=(post(handle=handle),)))
    assert shown.author == "anoniem"


@given(text=st.text(max_size=400), handle=st.text(max_size=50))
def test_whatever_a_citizen_writes_stands_unchanged_and_fits_a_line(text: str, handle: str) -> None:
    case = case_in(State.OPEN, posts=(post(text=text, handle=handle),))
    shown = card(case)
    assert shown.post == text or not visible(text).strip()
    line = digest_line(
        case, organisation=ORGANISATION, words=Words("nl"), now=NOON, standing=True
    ).text
    assert 0 < len(line) <= 140
    assert "\n" not in line + shown.author + shown.summary


def test_an_erased_case_shows_nothing_and_offers_nothing() -> None:
    erased: Event = event(Kind.ERASED, 60)
    case = fold(*story(*ROADS[State.SENT]), erased)
    shown = card(case)
    assert shown.post == "De gegevens van deze inwoner zijn gewist."
    assert (shown.actions, shown.facts, shown.notes) == ((), (), ())
    assert (shown.answer, shown.suggestion, shown.url) == (None, None, None)
    text = shown.model_dump_json()
    assert not any(part in text for part in ("@jan", "Wanneer", "afspraak", ERASED))
    line = digest_line(case, organisation=ORGANISATION, words=Words("nl"), now=NOON, standing=True)
    assert line.action is None
