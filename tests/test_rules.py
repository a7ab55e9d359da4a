"""The rules: what may never be answered, what sounds alike but is harmless, and what is ours."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from assistant.case import Addressed, Said
from assistant.config import load
from assistant.rules import (
    ADVICE,
    RULES,
    SENSITIVE,
    STRICTNESS,
    Reading,
    Register,
    Verdict,
    judge,
    stricter,
)
from assistant.rules.judging import heated, unrecognised
from assistant.rules.phrases import compiled, fold, words
from assistant.words import Words

WATERSTAD = load(Path(__file__).parent.parent / "examples" / "waterstad")
REGISTER = Register(WATERSTAD, today=date(2026, 11, 20))


def reading(text: str, *, addressed: Addressed | None = "mention") -> Reading:
    return Reading(text=text, addressed=addressed, own=WATERSTAD.own, register=REGISTER)


STOPPED = """
emergency|Mijn schuur staat in brand en het waait hard
emergency|Ik ruik al een uur een gaslucht in het trappenhuis
emergency|er ligt een oude man op de stoep, hij reageert niet
emergency|Meisje van 4 ligt in het water bij de steiger
emergency|twee auto's op elkaar, bestuurder zit klem
emergency|H E L P er is een ONTPLOFFING in onze straat
emergency|My neighbour's house is on fire!
emergency|Hier riecht nach Gas im ganzen Haus
emergency|Karşıda yangın var, çocuklar içeride
emergency|Il y a un incendie dans la rue
emergency|هناك حريق كبير في الشارع
emergency|W bloku czuć gaz, proszę o pomoc
emergency|У сусіда пожежа!
emergency|Hay fuego en el edificio de al lado
self_harm|Ik wil niet meer leven, het is genoeg zo
self_harm|mijn zus heeft het over zelfmoord, wat moet ik doen?
self_harm|Vanavond maak ik er een eind aan
self_harm|ik wil d00d
self_harm|I want to kill myself, nobody helps
self_harm|Ich will sterben
self_harm|Chcę umrzeć, nikt mnie nie słucha
self_harm|Я не хочу жити
self_harm|Quiero morir
self_harm|J'ai envie de mourir
self_harm|İntihar etmek istiyorum
self_harm|أفكر في الانتحار
abuse|Wat een stelletje kankerlijers zijn jullie
abuse|K A N K E R gemeente
abuse|kl00tzakken zijn het
abuse|F*ck jullie allemaal
abuse|Ik weet waar je woont, pas maar op
abuse|we komen je wel halen, wacht maar
abuse|I know where you live
abuse|Ihr seid alle Arschlöcher
abuse|Siktirin gidin
legal|Ik maak bezwaar tegen mijn aanslag
legal|Hierbij dien ik een Woo-verzoek in
legal|ik stel de gemeente aansprakelijk voor mijn kapotte velg
legal|Ik dien hierbij een formele klacht in over een medewerker
legal|U bent in gebreke, de dwangsom loopt vanaf morgen
legal|Ich lege Widerspruch ein
legal|I want to appeal this decision
political|Stem volgende week op de stadspartij!
political|De coalitie heeft ons allemaal voorgelogen met die begroting
political|Wat vindt de gemeente van het nieuwe asielbeleid?
opinion|Ik vind dat nieuwe plein echt een gemiste kans
opinion|wat een geldverspilling, dat kunstwerk
official|Burgemeester, wanneer komt u eens in onze straat kijken?
official|vraag aan wethouder El Amrani: waar blijft ons buurthuis
personal_data|Mijn bsn is 123456782, kunt u kijken of het klopt
personal_data|bel mij op 06-12345678 over mijn paspoort
personal_data|mijn buurvrouw Gerda Visser zit in de schulden, wie helpt haar?
personal_data|ik zoek mijn vader, Johan de Boer, woont hij hier nog?
spam|Win nu een gratis iPhone, klik hier
thanks|Dank jullie wel, de lamp doet het weer
"""


def cases(table: str) -> list[tuple[str, str]]:
    rows = [line.split("|", 1) for line in table.strip().splitlines()]
    return [(label, text) for label, text in rows]


@pytest.mark.parametrize(("label", "text"), cases(STOPPED))
def test_what_must_not_be_answered(label: str, text: str) -> None:
    verdict = judge(reading(text))

    assert verdict.label == label
    assert verdict.advice != "answer"
    assert verdict.rule == ADVICE[verdict.label][1]


HARMLESS = """
question|Ik heb geen bezwaar tegen een ondergrondse container, maar wanneer wordt de kliko geleegd?
question|Brandende vraag: mag een melkpak bij het plastic?
question|Dode boom in de tuin, heb ik een kapvergunning nodig?
question|Wat kost een nieuw paspoort?
question|Hoe vraag ik een parkeervergunning aan?
question|where can i renew my passport?
question|Hoe vraag ik een paspoort aan voor mijn zoon Tim?
question|Mag de kliko morgen buiten staan
complaint|Onze kliko is alweer niet geleegd, dit is de derde keer
complaint|Ik wacht al zes weken op mijn parkeervergunning
report|Er ligt een losse stoeptegel op de hoek van de Dorpsstraat
report|Straatlantaarn op het plein is kapot
report|Grofvuil gedumpt naast de container in onze straat
report|Er zit graffiti op de muur bij de speeltuin
"""


@pytest.mark.parametrize(("label", "text"), cases(HARMLESS))
def test_what_is_ours_to_answer(label: str, text: str) -> None:
    verdict = judge(reading(text))

    assert (verdict.label, verdict.advice) == (label, "answer"), verdict


@pytest.mark.parametrize(
    "text",
    [
        "tja",
        "🦆🦆🦆",
        "Wij gaan naar het strand",
        "",
        "Ο δήμος",
    ],
)
def test_what_no_rule_knows_and_neither_asks_nor_is_ours_is_left_alone(text: str) -> None:
    verdict = judge(reading(text))

    assert (verdict.advice, verdict.sure, verdict.why) == ("leave", False, "unrecognised")


@pytest.mark.parametrize(
    ("label", "why", "text"),
    [
        ("question", "like_question", "Wo bekomme ich eine Parkerlaubnis für Besucher?"),
        ("question", "asked", "Ο δήμος;？"),
        ("opinion", "maybe_ours", "er wordt weer drugs gedeald op de hoek"),
        ("report", "like_report", "Er leit een dooie zwaan in de vaart achter de Schoolstraat"),
        ("opinion", "maybe_ours", "geluidsoverlast van de buren"),
    ],
)
def test_what_no_rule_knows_yet_asks_or_may_be_ours_goes_to_a_person(
    label: str, why: str, text: str
) -> None:
    verdict = judge(reading(text))

    assert (verdict.label, verdict.advice, verdict.rule) == (label, "hand_over", 3)
    assert (verdict.why, verdict.sure, verdict.department) == (why, False, None)
    assert "Geen vaste regel" in verdict.reason(Words("nl"))


def test_what_no_rule_knows_gets_the_label_it_is_most_like() -> None:
    verdict = judge(reading("mijn buurman zegt dat het voor hem niet meer hoeft"))

    assert (verdict.label, verdict.advice, verdict.sure) == ("self_harm", "hand_over", False)
    assert "zelfdoding" in verdict.reason(Words("nl"))


def test_who_may_be_in_danger_is_not_left_to_a_quarrel() -> None:
    heat = Said(author="jan", text="Wat een idioot ben jij")
    text = "jij weet niet dat mijn buurman zegt dat het voor hem niet meer hoeft"
    quarrel = replace(reading(text), above=(heat,), writer=frozenset({"piet"}))
    assert heated(quarrel) is not None

    verdict = judge(quarrel)

    assert (verdict.label, verdict.advice, verdict.rule) == ("self_harm", "hand_over", 9)


def test_no_term_runs_for_a_legal_form_nobody_has_read() -> None:
    post = reading("ik wil alle stukken zien die over onze straat gaan")

    assert post.likest == "legal"
    assert unrecognised(post).label == "complaint"


@pytest.mark.parametrize(
    ("label", "rule", "sought", "text"),
    [
        ("emergency", 9, "noodgeval", "Dode vissen in de vijver"),
        ("self_harm", 9, "noodkreet", "Hoe hoog is de afvalstoffenheffing?"),
        ("abuse", 10, "dreigement", "Wat een schande"),
        ("legal", 9, "bezwaar", "Wat kost een offerte?"),
        ("political", 4, "politiek", "Waarom komt er geen zebrapad?"),
        ("staff", 10, "collega", "Hoe heet die ambtenaar aan de balie?"),
    ],
)
def test_words_that_may_mean_more_say_what_to_look_for(
    label: str, rule: int, sought: str, text: str
) -> None:
    verdict = judge(reading(text))

    assert verdict.rule == rule

    assert (verdict.why, verdict.advice, verdict.sure) == (f"careful_{label}", "hand_over", False)
    assert sought in verdict.reason(Words("nl"))
    assert verdict.reason(Words("en")) != verdict.reason(Words("nl"))


def test_a_question_on_nobodys_subject_goes_to_a_person() -> None:
    verdict = judge(reading("Hoe lang kook je een ei?"))

    assert (verdict.advice, verdict.sure, verdict.department) == ("hand_over", False, None)


def test_only_a_post_addressed_to_us_is_answered() -> None:
    verdict = judge(reading("Wat kost een nieuw paspoort?", addressed=None))

    assert (verdict.advice, verdict.rule) == ("leave", 1)


def test_danger_and_threats_are_urgent_and_swearing_is_not() -> None:
    assert judge(reading("brand in de flat, mensen op het balkon")).urgent
    assert judge(reading("ik wil dood")).urgent
    threatened = judge(reading("ik weet waar je woont"))
    assert (threatened.urgent, threatened.advice) == (True, "hand_over")
    sworn_at = judge(reading("stelletje idioten"))
    assert (sworn_at.urgent, sworn_at.advice) == (False, "leave")


def test_the_official_who_is_spoken_to_is_named() -> None:
    verdict = judge(reading("Beste wethouder Brouwer, wanneer komt de speeltuin?"))

    assert verdict.official == "Wethouder Brouwer"
    assert verdict.advice == "hand_over"


def test_a_street_named_after_a_mayor_is_not_the_mayor() -> None:
    assert judge(reading("Lantaarnpaal kapot in de Burgemeestersstraat")).label == "report"


@pytest.mark.parametrize(
    ("department", "text"),
    [
        ("afval", "Wanneer wordt de kliko geleegd?"),
        ("burgerzaken", "Hoe lang duurt het maken van een paspoort?"),
        ("parkeren", "Hoe kom ik aan een parkeervergunning voor bezoek?"),
        ("groen", "Hoe vaak wordt het gras in het plantsoen gemaaid?"),
        ("belastingen", "Kan ik kwijtschelding krijgen voor de hondenbelasting?"),
    ],
)
def test_the_department_follows_from_the_subject(department: str, text: str) -> None:
    assert REGISTER.subject(text).department == department


def test_the_reason_quotes_the_words_that_led_to_it() -> None:
    verdict = judge(reading("Ik wil bezwaar maken tegen mijn WOZ"))

    assert "bezwaar" in verdict.reason(Words("nl"))
    assert "bezwaar" in verdict.reason(Words("en"))


def test_every_rule_says_why_it_exists() -> None:
    assert all(rule.__doc__ for rule in RULES)


def test_no_sensitive_label_may_be_answered() -> None:
    assert all(ADVICE[label][0] != "answer" for label in SENSITIVE)


def test_advice_has_one_order_of_strictness() -> None:
    assert sorted(STRICTNESS, key=STRICTNESS.__getitem__) == [
        "answer",
        "wait",
        "leave",
        "hand_over",
    ]
    assert stricter("leave", "answer")
    assert not stricter("answer", "answer")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café CRÈME", "cafe creme"),
        ("h3lp", "help"),
        ("k u t weer", "kut weer"),
        ("heeeelp", "help"),
        ("z'n auto's", "zn autos"),
        ("kan\u200bker", "kanker"),
        ("40 m2 om 12u30", "40 m2 om 12u30"),
    ],
)
def test_disguises_are_taken_off(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_phrase_is_whole_words_within_one_sentence() -> None:
    phrase = compiled(["in brand", "(kat|hond) ~ weg", "graf*"])

    assert phrase.search(words("het staat in brand!"))
    assert phrase.search(words("de hond is al dagen weg"))
    assert phrase.search(words("de grafsteen"))
    assert not phrase.search(words("ik ben erin. Brandweer gebeld"))
    assert not phrase.search(words("mijn hond. Ik ga weg"))
    assert not phrase.search(words("fotograf"))


def test_a_verdict_never_quotes_more_than_a_few_words() -> None:
    verdict = Verdict(label="abuse", advice="leave", rule=10, why="abuse", heard=tuple("abcdefgh"))

    assert "d" not in verdict.reason(Words("nl")).split(":")[0]


@pytest.mark.parametrize("phrase", ["(a|(b|c)) d", "(a|b", "a|b", "a) b"])
def test_a_phrase_with_wrong_brackets_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match="brackets"):
        compiled([phrase])
