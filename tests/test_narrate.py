"""The thread tells every step in words, truly and in order."""

from typing import Any

import pytest

from assistant.case import ERASED, Event, Kind, State
from assistant.differing import differing
from assistant.narrate import SILENT, broadcast, lines_of
from assistant.store.vault import transform
from assistant.words import Words
from tests.staff_cases import (
    LINK,
    OPEN,
    ORGANISATION,
    OUTSIDE,
    PIET,
    ROADS,
    SENDING,
    at,
    correction,
    draft,
    event,
    post,
    reply,
    story,
    triage,
    when,
)

ROAD_TO: dict[Kind, tuple[Kind, ...]] = {
    Kind.RECEIVED: (),
    Kind.TRIAGED: OPEN[:1],
    Kind.DRAFTED: OPEN[:2],
    Kind.PRESENTED: OPEN[:3],
    Kind.RETURNED: ROADS[State.APPROVAL],
    Kind.UNDONE: ROADS[State.QUEUED],
    Kind.SENDING: ROADS[State.QUEUED],
    Kind.CONFIRMED: ROADS[State.IN_DOUBT],
    Kind.SURFACED: (*ROADS[State.IN_DOUBT], Kind.DENIED),
    Kind.DENIED: ROADS[State.IN_DOUBT],
    Kind.REOPENED: ROADS[State.CLOSED],
    **dict.fromkeys((Kind.HIDDEN, Kind.TAKE_BACK, Kind.CORRECT), ROADS[State.SENT]),
    Kind.TAUGHT: (*OPEN, Kind.PICKED),
    Kind.UNTAUGHT: (*OPEN, Kind.PICKED, Kind.TAUGHT),
    Kind.AMENDED: (*ROADS[State.SENT], Kind.TAKE_BACK),
    Kind.AMEND_FAILED: (*ROADS[State.SENT], Kind.CORRECT),
    **dict.fromkeys((Kind.POSTPONED, Kind.SENT, Kind.FAILED, Kind.DOUBTED, Kind.FOUND), SENDING),
}
"""How to get to where an event can happen; by default an open case."""

SENTENCES: dict[Kind, str] = {
    Kind.RECEIVED: "Bericht van de inwoner: Wanneer wordt mijn bank opgehaald?",
    Kind.EDITED: "De inwoner paste een bericht aan. Nu staat er: Wanneer komt u dan?",
    Kind.DELETED: "De inwoner verwijderde een bericht.",
    Kind.TRIAGED: "Ingedeeld: Vraag, voor Afval. Advies: beantwoorden, huisregel 3 "
    "(alleen vragen en klachten over ons werk):"
    " Vraag over ons eigen onderwerp (volgens vaste regels)",
    Kind.RELABELLED: "Anna Bakker (AB) corrigeerde de indeling: Klacht, advies beantwoorden."
    " Dat was: Vraag, advies beantwoorden.",
    Kind.DRAFTED: "AI-concept (gpt, draft@1): Goedemorgen! Maak eerst een afspraak.",
    Kind.REWRITE: "Anna Bakker (AB) vroeg om een andere versie van het voorstel: Korter.",
    Kind.REWRITE_FAILED: "Herschrijven gaf geen bruikbare tekst."
    " Het voorstel blijft zoals het was.",
    Kind.PICKED: "Anna Bakker (AB) koos goedgekeurd antwoord grofvuil, woord voor woord:"
    " Goedemorgen! Maak een afspraak.",
    Kind.TAUGHT: "Anna Bakker (AB) leerde Luister: „bank opgehaald” hoort bij antwoord grofvuil.",
    Kind.UNTAUGHT: "„bank opgehaald” hoort niet meer bij antwoord grofvuil:"
    " een beheerder haalde het weg.",
    Kind.WOKEN: "De wachttijd is voorbij. De kaart vraagt weer aandacht.",
    Kind.REMINDED: "De termijn loopt bijna af. De kaart noemt de laatste dag.",
    Kind.CLAIMED: "Anna Bakker (AB) pakt dit op.",
    Kind.HANDED_OVER: "Overgedragen van Afval naar Parkeren door Anna Bakker (AB).",
    Kind.SUBMITTED: "Anna Bakker (AB) legde een antwoord voor aan een collega."
    f" Woord voor woord het AI-concept. Tekst: {reply().text}",
    Kind.RETURNED: "Piet Prins (PP) gaf het antwoord terug aan de schrijver.",
    Kind.APPROVED: "Anna Bakker (AB) drukte op Verstuur."
    f" Woord voor woord het AI-concept. Tekst: {reply().text}",
    Kind.UNDONE: "Ongedaan gemaakt door Anna Bakker (AB).",
    Kind.SENDING: "Verzenden begonnen (poging 1).",
    Kind.POSTPONED: "Nog niet verstuurd. Luister probeert het later opnieuw.",
    Kind.SENT: f"Verstuurd: {LINK}",
    Kind.FAILED: "Niet verstuurd: het platform was te lang niet bereikbaar.",
    Kind.DOUBTED: "Niet zeker of het verstuurd is. Kijk op het platform en kies op de kaart.",
    Kind.FOUND: f"Het antwoord bleek er te staan: {LINK}",
    Kind.CONFIRMED: f"Anna Bakker (AB) zag dat het antwoord er staat: {LINK}",
    Kind.DENIED: "Anna Bakker (AB) keek en zag dat het antwoord er niet staat.",
    Kind.SURFACED: f"Let op: een eerder antwoord staat er toch: {LINK}"
    " Lees het voordat je opnieuw antwoordt.",
    Kind.HIDDEN: "Let op: het platform nam het antwoord aan, maar laat het aan niemand zien."
    " Reden: onder dit bericht mogen wij niet antwoorden.",
    Kind.ELSEWHERE: f"Wij antwoordden hier buiten Luister om: Kijk even op onze site. {OUTSIDE}",
    Kind.BARRED: "Antwoorden kan nu niet: de inwoner heeft ons account geblokkeerd.",
    Kind.TAKE_BACK: f"Anna Bakker (AB) wil het antwoord terugnemen. Er staat nu: {reply().text}",
    Kind.CORRECT: "Anna Bakker (AB) wil het antwoord verbeteren. Nieuwe tekst:"
    " @jan Bel ons even. ^AB",
    Kind.AMENDED: "Het antwoord is teruggenomen. Het staat niet meer op het platform.",
    Kind.AMEND_FAILED: "Verbeteren is niet gelukt: het platform was te lang niet bereikbaar."
    " Kijk op het platform wat er staat.",
    Kind.CLOSED: "Anna Bakker (AB) sloot de kaart af: niet voor ons.",
    Kind.REOPENED: "Anna Bakker (AB) heropende de kaart.",
    Kind.ERASED: "De gegevens van de inwoner zijn gewist.",
}


def told(*events: Event, start: int = 0, language: str = "nl") -> tuple[str, ...]:
    return lines_of(events, start=start, words=Words(language), organisation=ORGANISATION)


def last(*events: Event, language: str = "nl") -> str:
    (line,) = told(*events, start=len(events) - 1, language=language)
    return line


def to(kind: Kind, **parts: Any) -> tuple[Event, ...]:
    """Return a case's events up to and with one of `kind`."""
    before = story(*ROAD_TO.get(kind, OPEN))
    return (*before, event(kind, len(before), **parts))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_told_or_silent_on_purpose(kind: Kind) -> None:
    events = to(kind)
    if kind in SILENT:
        assert told(*events, start=len(events) - 1) == ()
        return
    time = f"10:{40 + len(events)}"
    assert last(*events).endswith(f"{time} {SENTENCES[kind]}")
    english = last(*events, language="en")
    assert time in english
    assert SENTENCES[kind] not in english


def test_lines_begin_where_asked_and_keep_their_order() -> None:
    events = story(*ROADS[State.SENT])
    lines = told(*events)
    assert len(lines) == len([each for each in events if each.kind not in SILENT])
    assert told(*events, start=4) == lines[3:]
    assert told(*events, start=len(events)) == ()


def test_the_first_line_of_a_day_has_the_date_in_local_time() -> None:
    lines = told(
        event(Kind.RECEIVED).model_copy(update={"at": when("23:50", day=21)}),
        event(Kind.TRIAGED).model_copy(update={"at": when("23:51", day=21)}),
        event(Kind.PRESENTED).model_copy(update={"at": when("00:10")}),
        event(Kind.CLAIMED).model_copy(update={"at": when("08:30")}),
        event(Kind.WOKEN).model_copy(update={"at": when("08:31")}),
    )
    starts = ["21 november 2026 23:50 ", "23:51 ", "22 november 2026 08:30 ", "08:31 "]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=True)] == [True] * 4


@pytest.mark.parametrize(
    ("text", "origin", "told_as"),
    [
        ("@jan Goedemorgen! Maak eerst een afspraak. ^AB", "model", "Woord voor woord het AI-"),
        ("@jan Goedemorgen! Maak  eerst\neen afspraak. ^AB", "model", "Woord voor woord het AI-"),
        (
            "@jan Goedemorgen! Maak snel een afspraak. ^AB",
            "model",
            "Met 1 woord anders dan het AI-",
        ),
        ("Goedemorgen! Maak nu snel een plan. ^AB", "answer", "Met 3 woorden anders dan het voor"),
        ("Goedemorgen! Maak eerst een afspraak.", "template", "Woord voor woord het voorstel."),
        ("Iets eigens.", "empty", "Zelf geschreven, zonder concept."),
    ],
)
def test_the_line_of_a_send_tells_what_the_person_changed(
    text: str, origin: str, told_as: str
) -> None:
    parts = {"text": ""} if origin == "empty" else {}
    before = story(*OPEN[:2])
    events = (
        *before,
        event(Kind.DRAFTED, 2, draft=draft(origin=origin, **parts)),
        event(Kind.PRESENTED, 3),
        event(Kind.APPROVED, 4, reply=reply(text=text)),
    )
    assert f"drukte op Verstuur. {told_as}" in last(*events)


def test_a_change_is_told_from_the_draft_the_reply_began_with() -> None:
    other = event(Kind.DRAFTED, 4, draft=draft(id="d2", text="Heel iets anders."))
    sent = event(Kind.APPROVED, 5)
    assert "Woord voor woord het AI-concept." in last(*story(*OPEN), other, sent)
    unknown = event(Kind.APPROVED, 5, reply=reply(draft=None))
    assert "Zelf geschreven" in last(*story(*OPEN), other, unknown)


def test_words_are_counted_without_mention_and_initials() -> None:
    assert differing("Bel 14 099.", "@a @b Bel 14 099. ^XYZ") == 0
    assert differing("Bel 14 099.", "Bel ons.") == 2
    assert differing("Bel", "") == 1


def test_a_check_sent_in_spite_of_is_told_with_the_reason() -> None:
    overruled = reply(overruled=("promise", "new_check"), overrule_reason="Staat in het besluit.")
    line = last(*to(Kind.APPROVED, reply=overruled))
    told_as = "ondanks de controle op: toezegging, new_check. Reden: Staat in het besluit. Tekst:"
    assert told_as in line


def test_a_second_person_s_approval_names_both() -> None:
    submitted = to(Kind.SUBMITTED)
    approved = event(Kind.APPROVED, 6, by=PIET, reply=reply(approved_by=PIET))
    assert "Piet Prins (PP) keurde de tekst goed. Anna Bakker schreef die." in last(
        *submitted, approved
    )


@pytest.mark.parametrize("kind", [Kind.RECEIVED, Kind.EDITED, Kind.DELETED])
@pytest.mark.parametrize("state", [State.QUEUED, State.APPROVAL, State.OPEN])
def test_what_a_citizen_did_to_a_waiting_reply_is_told(kind: Kind, state: State) -> None:
    parts = {"post": post("p2")} if kind is Kind.RECEIVED else {}
    line = last(*story(*ROADS[state]), event(kind, 9, **parts))
    assert ("Het klaarstaande antwoord is daarom niet verstuurd." in line) is (state != State.OPEN)


def test_places_and_notes_are_told() -> None:
    moved = event(Kind.HANDED_OVER, 5, department=None, official="Burgemeester Vos", note="Vraag.")
    back = event(Kind.HANDED_OVER, 6, department=None)
    lines = told(*story(*OPEN), moved, back, start=4)
    assert "van Afval naar Burgemeester Vos door Anna Bakker (AB). Toelichting: Vraag." in lines[0]
    assert "van Burgemeester Vos naar Triage door" in lines[1]
    political = event(
        Kind.TRIAGED, triage=triage(label="official", official="Wethouder X", department=None)
    )
    assert "Aan een bestuurder, voor Wethouder X." in last(*story(Kind.RECEIVED), political)


@pytest.mark.parametrize(
    ("kind", "told_as"),
    [
        (Kind.SENT, "Verstuurd. Het platform gaf geen link."),
        (Kind.FOUND, "Het antwoord bleek er te staan."),
        (Kind.CONFIRMED, "Anna Bakker (AB) zag dat het antwoord er staat."),
    ],
)
def test_a_reply_without_a_link_is_told_without_one(kind: Kind, told_as: str) -> None:
    assert last(*to(kind, remote=None)).endswith(told_as)


def test_no_text_can_pass_for_a_line_of_ours() -> None:
    forged = "Hoi\n10:42 Anna Bakker (AB) drukte op Verstuur."
    asked = last(event(Kind.RECEIVED, post=post(text=forged)))
    sent = last(*to(Kind.APPROVED, reply=reply(text=forged)))
    assert "\n" not in asked
    assert "\n10:42" not in sent
    assert "Hoi\n    10:42" in sent


def test_a_long_post_is_cut_and_an_invisible_one_says_so() -> None:
    assert len(last(event(Kind.RECEIVED, post=post(text="a " * 9000)))) < 700
    assert last(event(Kind.RECEIVED, post=post(text="\u200b"))).endswith("(geen zichtbare tekst)")


def test_an_erased_case_is_still_told_without_the_citizen() -> None:
    events = (*story(*ROADS[State.SENT]), event(Kind.ERASED, 9))
    erased = [transform(each, lambda _: ERASED) for each in events]
    lines = told(*erased)
    assert len(lines) == len(told(*events))
    assert not any("bank" in line or "afspraak" in line or LINK in line for line in lines)


@pytest.mark.parametrize(
    ("road", "kind", "aloud"),
    [
        *((ROADS[state], Kind.RECEIVED, state in ("sent", "closed")) for state in State),
        (OPEN, Kind.WOKEN, True),
        (OPEN, Kind.REMINDED, True),
        (OPEN, Kind.CLAIMED, False),
        (ROADS[State.CLOSED], Kind.REOPENED, False),
    ],
)
def test_only_what_asks_for_attention_again_is_broadcast(
    road: tuple[Kind, ...], kind: Kind, aloud: bool
) -> None:
    parts = {"post": post("p2")} if kind is Kind.RECEIVED else {}
    events = (*story(*road), event(kind, 9, **parts))
    assert broadcast(events, start=len(road)) is aloud
    assert not broadcast(events, start=len(events))


def test_a_post_that_came_while_sending_is_broadcast_once_it_re_opens_the_case() -> None:
    events = (
        *story(*SENDING),
        event(Kind.RECEIVED, 7, post=post("p2")),
        event(Kind.SENT, 8),
        Event(kind=Kind.REOPENED, at=at(8)),
    )
    assert broadcast(events, start=len(events) - 2)
    assert last(*events).endswith("Weer open: er staat nog een bericht van de inwoner.")


def test_a_private_reply_and_a_correction_in_spite_of_a_check_are_told_as_such() -> None:
    before = story(*OPEN)
    private = event(Kind.APPROVED, 5, reply=reply(visibility="direct"))
    assert "Privé, alleen aan deze inwoner. Tekst:" in last(*before, private)
    spite = {"overruled": ("promise",), "overrule_reason": "the colleague said so."}
    corrected = event(Kind.CORRECT, 9, reply=correction(**spite))
    line = last(*story(*ROADS[State.SENT]), corrected)
    told = "Doorgezet ondanks de controle op: toezegging. Reden: the colleague said so. Nieuwe"
    assert told in line
