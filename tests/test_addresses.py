"""Streets with a number: those of a house, those that may be, and all the numbers that are not."""

import pytest

from assistant.addresses import find_addresses
from assistant.checks import Ground, check
from assistant.lists import listed
from assistant.personal import Own

SURE = [
    ("wilgenhof 12 ligt vol", "wilgenhof 12"),
    ("de lamp bij molenstraat 4a is stuk", "molenstraat 4a"),
    ("geen water op kastanjelaan 33!", "kastanjelaan 33"),
    ("aan de beukendreef 118 ligt afval", "beukendreef 118"),
    ("bij eikenplantsoen 7-2 is het donker", "eikenplantsoen 7-2"),
    ("kerkstr. 12 en verder", "kerkstr. 12"),
    ("Kerkstr 12", "Kerkstr 12"),
    ("kerkstraat12", "kerkstraat12"),
    ("bij joute van der meerstrjitte 5", "meerstrjitte 5"),
    ("de straatnaam is Jacobslaan 33", "Jacobslaan 33"),
    ("dorpsstraat 12 de lamp doet het niet", "dorpsstraat 12"),
    ("Dorpsstraat 12 de lamp doet het niet", "Dorpsstraat 12"),
    ("kerkstraat 5 in mei", "kerkstraat 5"),
    ("Kerkstraat 5 in mei", "Kerkstraat 5"),
    ("Molenstraat 45 mei", "Molenstraat 45"),
    ("Molenstraat 12a mei kom ik langs", "Molenstraat 12a"),
    ("Molenstraat 12 12 mei", "Molenstraat 12"),
    ("dorpsstraat 12 staan bomen", "dorpsstraat 12"),
    ("kerkstraat 14 links van de school", "kerkstraat 14"),
    ("Dorpsweg 5, lindes kapot", "Dorpsweg 5"),
    ("Dorpsweg 1 bomen gekapt", "Dorpsweg 1"),
    ("dorpsstraat nr 5 bomen gekapt", "dorpsstraat nr 5"),
    ("kerkstraat 20, u krijgt bericht", "kerkstraat 20"),
    ("12 Heron Street was not registered", "12 Heron Street"),
]

PERHAPS = [
    ("Molenstraat 12 mei", "Molenstraat 12"),
    ("ik woon op Molenstraat 12 mei ben ik weg", "Molenstraat 12"),
    ("kerkstraat 5 groningen", "kerkstraat 5"),
    ("Kerkstraat 5 kraaien", "Kerkstraat 5"),
    ("Kerkstraat 20 u krijgt bericht", "Kerkstraat 20"),
    ("in de nieuwstraat 3e lekkage", "nieuwstraat 3e"),
    ("klaverweide 12 geen licht", "klaverweide 12"),
    ("ik woon op zonnewijk 7", "zonnewijk 7"),
    ("mijn adres is de hoge duinen 14", "hoge duinen 14"),
    ("laan van meerdervoort 120", "laan van meerdervoort 120"),
    ("bij de oude gracht 12", "oude gracht 12"),
    ("they live at 12 heron street", "12 heron street"),
]

NONE = [
    *("Dorpsweg 5 lindes", "Op de Dorpsweg 5 lindes gekapt", "op het dorpsplein 5 nieuwe lindes"),
    *(
        "Markt 20 u",
        "vanavond op de Markt 20 u concert",
        "Markt 20 u tot 22 u",
        "Kerkstraat 20u",
        "Kerkstraat 3e keer",
    ),
    *("3 Broken Street lights", "3 Broken Street Lights near us", "near 3 dark road signs"),
    *("in de molenstraat 4 lantaarnpalen kapot", "in de kerkstraat 3 kapotte lampen"),
    *("op de kerkstraat 30 km/u", "dorpsstraat 30-zone", "dorpsstraat 24/7 herrie"),
    *("molenstraat 20.00 uur", "molenstraat 3 dagen dicht", "molenstraat 2x afgesloten"),
    *("bij de kerkstraat 112 gebeld", "molenstraat 12-05-2026", "de beukenlaan 10 % korting"),
    *("in de schoolstraat 5 fout geparkeerde auto's", "in de wilgenhof 12 woningen zonder water"),
    *("kerkstraat 3 van de 5 lampen kapot", "kerkstraat 1 grote bende"),
    *("de kerkstraat 1 van de drukste straten", "dorpsstraat 4 of 5 lampen kapot"),
    *(
        "de molenstraat 12 mei dicht",
        "op de molenstraat 12 en 13 mei kermis",
        "Dam 4 mei herdenking",
    ),
    *("Molenstraat 12 mei 2026 afgesloten", "molenstraat 12 t/m 20 mei dicht"),
    *("de milieustraat 3 keer", "Milieustraat 12 dicht", "op het fietspad 2 tegels los"),
    *("onderweg 2 uur", "rijksweg 12 richting Arnhem", "snelweg 15 afrit 12", "bus 12 rijdt niet"),
    *("opslaan 3 bestanden", "de prijs oversteeg 100 euro", "mijn ipad 4 doet het niet"),
    *("in een smalle dorpsstraat 3 verderop", "op een pad 4 jongens", "op bladzijde 12"),
    *("op de markt 20 kramen", "langs de singel 8 knotwilgen", "bij het kerkhof 3 graven"),
    *("op sportpark 4 velden bezet", "voetbalveld 2 bezet", "dierenpark 3 olifanten"),
    *("ik woon hier 12 jaar", "ik woon op nummer 12", "we wonen in blok 3", "ik woon op 3 hoog"),
    *("In Waterstad 4 scholen", "In Waterstad 4 openbare scholen"),
    *("op Facebook 500 volgers", "in Nederland 17 miljoen mensen"),
]


def found(text: str) -> list[tuple[str, bool]]:
    return [(text[start:end], certain) for start, end, certain in find_addresses(text)]


@pytest.mark.parametrize(("text", "words"), SURE)
def test_a_house_is_found_for_certain(text: str, words: str) -> None:
    assert (words, True) in found(text)


@pytest.mark.parametrize(("text", "words"), PERHAPS)
def test_what_may_be_a_house_is_found_too(text: str, words: str) -> None:
    assert found(text) == [(words, False)]


@pytest.mark.parametrize("text", NONE)
def test_a_number_of_something_else_is_no_house(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", NONE)
def test_a_reply_with_such_a_number_needs_no_reason_for_an_address(text: str) -> None:
    found = check(f"Hoi! {text} ^AB", ground=Ground(post="", language="nl", limit=500, own=Own()))
    assert {one.code for one in found}.isdisjoint({"address", "maybe_personal", "named_person"})


@pytest.mark.parametrize("name", ["counted.txt", "goes_on.txt", "not_streets.txt"])
def test_no_word_tells_two_things(name: str) -> None:
    others = {"counted.txt", "goes_on.txt", "not_streets.txt"} - {name}
    assert all(listed(name).isdisjoint(listed(other)) for other in others)
