"""Numbers of a reply against those of its sources."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.checks.facts import find_facts, unsourced
from tests.test_checks import GROUND, OWN

# what a reply says | what its source says: the same in other words
SAME = """
€ 12,50|12,50 euro
€12.50|€ 12,50
EUR 12.50|12,50 euro
12 euro 50|€ 12,50
12 euro|€ 12,-
twaalf euro|12 euro
€ 1.250|1250 euro
€1,250|€ 1.250
€1,250.50|€ 1.250,50
12,000 people|12.000 mensen
1250 euro|€ 1.250,00
€ 1.250,50|1250,50 euro
1,2 miljoen euro|€ 1,2 miljoen
50 cent|€ 0,50
1 maart|01-03
1 maart|1 maart 2026
1 mrt|1/3
1 maart 2026|2026-03-01
01-03-2026|1 maart 2026
March 1st|1 maart
1st of March 2026|1 maart 2026
March 1, 2026|01-03-2026
in maart|op 1 maart
zes weken|6 weken
6 weeks|zes weken
binnen een week|1 week
within one week|binnen een week
5 working days|5 werkdagen
five business days|vijf werkdagen
een half uur|half uur
9.00 uur|09:00
9 uur|09:00 uur
elf uur|23.00 uur
half drie|14.30 uur
maandagochtend|op maandag
de helft|voor de helft
derde kwartaal|in het derde kwartaal
9:00|van 9.00 tot 17.00 uur
van 9 tot 17 uur|09:00-17:00
5 pm|17.00 uur
9 a.m.|09:00
10%|10 procent
10 percent|10%
twee zakken|2 zakken
vijftig euro|€ 50
vijfentwintig dagen|25 dagen
drieëntwintig keer|23 keer
fifty euro|50 euro
vijfhonderd euro|vijfhonderd euro
five hundred euros|five hundred euros
dit najaar|dit najaar
2 zakken|twee zakken
2e verdieping|tweede verdieping
12.000 inwoners|12000 inwoners
3,5 ton|3.5 ton
6 tot 8 weken|zes tot acht weken
maandag|ma t/m vr
dinsdag|maandag tot en met vrijdag
Tuesday|van maandag t/m donderdag
op zaterdagen|zaterdag
morgen|morgen
tomorrow|morgen
volgende week|komende week
A10|de a10
14 0341|14 0341
0341-411911|0341 - 41 19 11
+31 341 411911|0341-411911
0900 1234|0900-1234
1 dag|een dag
voor het weekend|in het weekend
komend weekend|op zaterdag en zondag
vóór de zomer|voor de zomer
in het voorjaar|komende lente
na de kerstvakantie|in de vakantie
eind van de week|aan het einde van de week
begin volgende maand|volgende maand
dagelijks|elke dag
eens per maand|1 keer per maand
wekelijks|iedere week
within the hour|binnen een uur
binnen enkele dagen|over een paar dagen
gratis|kosteloos
for free|u hoeft niets te betalen
tot middernacht|24.00 uur
at noon|12:00 uur
een derde van de kosten|1/3 van de kosten
de helft|1/2
fourteen days|two weeks
twaalf maanden|1 jaar
€ 1.180|elfhonderdtachtig euro
twaalfhonderd bomen|1.200 bomen
drieduizendvijfhonderd euro|3500 euro
a hundred|€ 100
vanochtend|vanmorgen
vorige week|afgelopen week
"""

# what a reply says | what its source says: not the same
OTHER = """
€ 12,50|€ 12,00
12 euro|12 dagen
50 euro|50%
€ 1.250|€ 1,25
€1,250|€ 1
1 maart|1 april
1 maart 2027|1 maart 2026
1 maart 2027|1 maart
zes weken|6 maanden
5 dagen|5 werkdagen
5 werkdagen|5 dagen
binnen een week|binnen een maand
24 uur|2 dagen
half drie|15.30 uur
elf uur|22.00 uur
maandagochtend|dinsdag
de helft|alles
een kwartier|een uur
derde kwartaal|tweede kwartaal
halverwege mei|in juni
honderden euro's|twintig euro
9.30 uur|9.00 uur
17:00|16:00
5 pm|5 am
10%|15%
twee zakken|drie zakken
zaterdag|maandag t/m vrijdag
morgen|vandaag
volgende week|deze week
A10|A12
0341-411911|0341-411912
3 lampen|de lampen
500|vijf
12.000|12
tomorrow|soon
in mei|in juni
twaalf keer|elf keer
half uur|een uur
vijftig euro|€ 60
vijfhonderd euro|vijfduizend euro
tweehonderd mensen|driehonderd mensen
volgend jaar|dit jaar
na de zomer|na de winter
voor het weekend|voor vrijdag
voor de kerst|voor de zomer
eind van de week|eind van de maand
dagelijks|wekelijks
gratis|€ 5
binnen enkele dagen|binnen enkele weken
binnen het uur|binnen een dag
tot middernacht|tot 23.00 uur
een derde van de kosten|een kwart
tien dagen|een week
elfhonderdtachtig euro|1190 euro
in een kwartiertje|in een uur
gisteren|vandaag
medio mei|in juni
duurt een week|duurt een maand
"""

NOTHING_STATED = [
    "Hoi! Dank voor uw bericht. ^AB",
    "Goedemorgen! Goede morgen Sanne. ^AB1",
    "Dat is een vraag voor één van ons.",
    "Wat een dag! Fijne dag nog.",
    "Een week is lang.",
    "1. Ga naar het loket.\n2. Neem uw pas mee.\n3) Klaar.",
    "#waterstad2026 @sanne12 ^A1",
    "Kijk op https://waterstad.example/2026/12 of mail team3@waterstad.example",
    "Druk op 1️⃣ of 2️⃣.",
    "Ten eerste, ten slotte, als eerste.",
    "Bel 14 0123 of kom naar Raadhuisplein 1, 1234 AB.",
    "Bel 112 bij nood, of 113. Geen spoed? 0900-8844.",
    "Mei is mooi. You may march.",
    "Fijn weekend! Geniet van de zomer.",
    "Feel free to ask. Is de weg vrij?",
    "Dat is een kwestie van tijd.",
]


def pairs(table: str) -> list[list[str]]:
    """Return the rows of a table, each said and source."""
    return [line.split("|") for line in table.strip().splitlines()]


def found(said: str, source: str) -> list[str]:
    """Return what of `said` is not in `source`."""
    ground = GROUND.model_copy(update={"sources": (source,), "own": OWN})
    return [one.words for one in unsourced(f"Dat is {said}.", ground=ground)]


@pytest.mark.parametrize(("said", "source"), pairs(SAME))
def test_the_same_fact_in_other_words(said: str, source: str) -> None:
    assert list(find_facts(f"Dat is {said}.")) != []
    assert found(said, f"Het is {source}, altijd.") == []


@pytest.mark.parametrize(("said", "source"), pairs(OTHER))
def test_another_fact_is_pointed_at(said: str, source: str) -> None:
    assert found(said, f"Het is {source}, altijd.") != []


@pytest.mark.parametrize("text", NOTHING_STATED)
def test_nothing_is_stated(text: str) -> None:
    assert list(unsourced(text, ground=GROUND.model_copy(update={"sources": ()}))) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("U betaalt 75 euro.", "75 euro"),
        ("Klaar op 3 april 2027!", "3 april 2027"),
        ("Binnen twee weken klaar", "twee weken"),
        ("Binnen een maand klaar", "Binnen een maand"),
        ("Wij bellen u morgen.", "morgen"),
        ("Om ９.３０ uur", "９.３０ uur"),
        ("Het kost €5", "€5"),
        ("Bel 030-7654321", "030-7654321"),
    ],
)
def test_points_at_the_words(text: str, words: str) -> None:
    ground = GROUND.model_copy(update={"sources": ("Niets daarvan.",)})
    assert [one.words for one in unsourced(text, ground=ground)] == [words]


def test_a_citizens_number_is_no_source() -> None:
    ground = GROUND.model_copy(update={"post": "Jullie betalen 500 euro toch?"})
    assert [one.words for one in unsourced("Ja, 500 euro.", ground=ground)] == ["500 euro"]


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="0123456789.,:-/€% eurodagmrtjhpv²①٣½", max_size=60))
def test_any_text_states_what_it_states(text: str) -> None:
    ground = GROUND.model_copy(update={"sources": (text,)})
    assert list(unsourced(text, ground=ground)) == []
