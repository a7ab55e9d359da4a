"""What is found as personal data and what is left alone; the numbers are test numbers."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.personal import FINDERS, Own, find_personal, is_own, national

OWN = Own(
    hosts=("waterstad.example",),
    emails=("loket@elders.example",),
    phones=("14 0123", "+31 20 123 45 67"),
    addresses=("Raadhuisplein 1, 1234 AB Waterstad",),
)

FOUND = [
    ("bsn", "mijn BSN is 111222333", "111222333"),
    ("bsn", "bsn: 123456782 graag checken", "123456782"),
    ("bsn", "Burgerservicenummer 123.456.782", "123.456.782"),
    ("bsn", "sofinummer 1234.56.782", "1234.56.782"),
    ("bsn", "111222333 is mijn bsn", "111222333"),
    ("bsn", "zonder woord erbij 111222333", "111222333"),
    ("bsn", "bsn １１１２２２３３３", "１１１２２２３３３"),
    ("bsn", "bsn 123456789 vertypt", "123456789"),
    ("bsn", "nummer 1112-2233-3 graag", "1112-2233-3"),
    ("bsn", "mijn nummer: 11 12 22 33 3", "11 12 22 33 3"),
    ("iban", "op NL 91 ABNA 041 716 4300 graag", "NL 91 ABNA 041 716 4300"),
    ("iban", "N L 9 1 A B N A 0 4 1 7 1 6 4 3 0 0", "N L 9 1 A B N A 0 4 1 7 1 6 4 3 0 0"),
    ("iban", "de 12 keer NL91ABNA0417164300", "NL91ABNA0417164300"),
    ("iban", "stort op NL91 ABNA 0417 1643 00 svp", "NL91 ABNA 0417 1643 00"),
    ("iban", "NL91ABNA0417164300", "NL91ABNA0417164300"),
    ("iban", "nl91abna0417164300 is van mij", "nl91abna0417164300"),
    ("iban", "vertypt: NL92ABNA0417164300", "NL92ABNA0417164300"),
    ("iban", "BE68 5390 0754 7034 uit België", "BE68 5390 0754 7034"),
    ("iban", "DE89370400440532013000.", "DE89370400440532013000"),
    ("card", "creditcard 4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("document", "mijn paspoort nummer SPECI2014 is weg", "SPECI2014"),
    ("phone", "bel 06-12345678", "06-12345678"),
    ("phone", "06 1234 5678 is mijn nummer", "06 1234 5678"),
    ("phone", "+31612345678", "+31612345678"),
    ("phone", "0031 6 12345678", "0031 6 12345678"),
    ("phone", "tel 0612345678!", "0612345678"),
    ("phone", "bel 030-2345678", "030-2345678"),
    ("phone", "(030) 234 56 78", "(030) 234 56 78"),
    ("phone", "bel 06–12345678", "06–12345678"),
    ("phone", "app 06 98 76 54 32", "06 98 76 54 32"),
    ("phone", "[06]12345678", "[06]12345678"),
    (
        "phone",
        "nul zes, twaalf, vierendertig, zesenvijftig, achtenzeventig",
        "nul zes, twaalf, vierendertig, zesenvijftig, achtenzeventig",
    ),
    ("phone", "bel 06 twaalf 34 zesenvijftig 78", "06 twaalf 34 zesenvijftig 78"),
    ("email", "jan at voorbeeld punt org", "jan at voorbeeld punt org"),
    ("email", "t.smit @ voorbeeld . nl", "t.smit @ voorbeeld . nl"),
    ("email", "mail jan@voorbeeld.org", "jan@voorbeeld.org"),
    ("email", "j.de.vries+x@mail.example.nl", "j.de.vries+x@mail.example.nl"),
    ("email", "jan(at)voorbeeld.org", "jan(at)voorbeeld.org"),
    ("email", "jan [at] voorbeeld [punt] org", "jan [at] voorbeeld [punt] org"),
    ("email", "info@waterstad.example.evil.com", "info@waterstad.example.evil.com"),
    ("address", "1012 AB 12", "1012 AB 12"),
    ("address", "ik woon op 3511LM, nr 4a", "3511LM, nr 4a"),
    ("address", "Dorpsstraat 12", "Dorpsstraat 12"),
    ("address", "op de dorpsstraat 12 ligt afval", "dorpsstraat 12"),
    ("address", "Lange Kerkweg 4-B heeft geen licht", "Lange Kerkweg 4-B"),
    ("address", "Jan van Galenstraat 10", "Jan van Galenstraat 10"),
    ("address", "Laan van Meerdervoort 120 hs", "Laan van Meerdervoort 120 hs"),
    ("address", "Markt 3, 1234 AB", "Markt 3, 1234 AB"),
    ("address", "ik woon op Zonnewijk 7 (1234AB) boven", "Zonnewijk 7 (1234AB"),
    ("address", "geen licht! Oud-West 29, 1234 AB.", "Oud-West 29, 1234 AB"),
    ("address", "postcode 1012AB", "1012AB"),
    ("address", "bij Zilverpad nummer zevenentwintig", "Zilverpad nummer zevenentwintig"),
    ("address", "aan de Lisdreef, huisnr. 66", "Lisdreef, huisnr. 66"),
    ("address", "Tarwekamp 12 (achterom)", "Tarwekamp 12"),
    ("address", "woont aan Veenmees 31 te Elders", "Veenmees 31"),
    ("address", "uw huis, 1234ZZ-19", "1234ZZ-19"),
    ("address", "outside 12 Heron Street", "12 Heron Street"),
    ("address", "Flat 3B, 21 Tulip Court", "Flat 3B, 21 Tulip Court"),
    ("address", "ik woon 1234ab 12", "1234ab 12"),
    ("address", "aan Wetering 12 woont iemand", "Wetering 12"),
    ("address", "ik woon Kerkstraat 12 en 2 dagen geen licht", "Kerkstraat 12"),
    ("address", "Brandweg 3", "Brandweg 3"),
    ("address", "de Dorpsweg vijf huis", "Dorpsweg vijf huis"),
    ("plate", "kenteken 12-ABC-3 rijdt door rood", "12-ABC-3"),
    ("plate", "auto G-123-BB", "G-123-BB"),
    ("plate", "die auto met AB123C staat fout", "AB123C"),
    ("plate", "kenteken ab-12-cd", "ab-12-cd"),
    ("plate", "zo'n rode, 12-ABC-3", "12-ABC-3"),
    ("plate", "er staat een DF 34 GH", "DF 34 GH"),
    ("plate", "die V123BB weer", "V123BB"),
    ("birth_date", "met 04/11/'52 als geboortedag", "04/11/'52"),
    ("birth_date", "1966-06-06 als dag van uw geboorte", "1966-06-06"),
    ("birth_date", "July 8, 1995 under date of birth", "July 8, 1995"),
    ("birth_date", "geboren 12-03-1980", "12-03-1980"),
    ("birth_date", "geboortedatum: 12 maart 1980", "12 maart 1980"),
    ("birth_date", "born on March 12, 1980", "March 12, 1980"),
    ("birth_date", "geboren te Elders op 12 maart 1980", "12 maart 1980"),
    ("case_number", "zaaknummer Z2024123456", "Z2024123456"),
    ("case_number", "melding 1234567 nog niet opgelost", "1234567"),
    ("case_number", "dossiernr. 2024-12345", "2024-12345"),
    ("handle", "zeg @buurman_1 eens", "@buurman_1"),
    ("handle", "met @jan@social.example gepraat", "@jan@social.example"),
    ("handle", "zie https://x.com/jan_devries/status/1", "https://x.com/jan_devries/status/1"),
    ("handle", "https://social.example/@jan/1", "https://social.example/@jan/1"),
    ("handle", "lees .@buurman_1 eens", "@buurman_1"),
    ("handle", "vraag het @ politie_elders", "@ politie_elders"),
    ("name", "onze collega Ruth weet het", "Ruth"),
    ("name", "de behandelaar is J. Kromhout", "J. Kromhout"),
    ("name", "vraag het Khalid van boven", "Khalid"),
    ("name", "Groeten, Jan de Vries", "Jan de Vries"),
    ("name", "Alvast bedankt, mvg Fatima", "Fatima"),
    ("name", "het is koud\ngroetjes sanne", "sanne"),
    ("name", "weer een volle bak. mvg k.jansen", "k.jansen"),
    ("name", "groet, j. de vries", "j. de vries"),
    ("name", "groetjes jan van der berg", "jan van der berg"),
    ("name", "Groeten van Piet en Ria", "Piet en Ria"),
    ("name", "Hoi Kees, jij werkt daar toch?", "Kees"),
    ("name", "Beste Anne-Marie Bakker,", "Anne-Marie Bakker"),
    ("name", "Mijn naam is Yusuf Demir", "Yusuf Demir"),
    ("name", "mevrouw De Jong heeft gebeld", "De Jong"),
    ("name", "dhr. van den Berg stond er", "van den Berg"),
    ("name", "mevr. A. de Vries belde", "A. de Vries"),
    ("name", "Groet, J.P. Bakker", "J.P. Bakker"),
    ("name", "volgens prof. dr. Jaap T. Bakker", "Jaap T. Bakker"),
    ("name", "mijn buurman Pietersen", "Pietersen"),
    ("name", "volgens Fatima El Amrani", "Fatima El Amrani"),
    ("name", "Kind regards, Emma Stone", "Emma Stone"),
]

NOT_FOUND = [
    "U kunt bellen met 14020.",
    "Bel 14 0123 of kom langs.",
    "Bel 020-1234567 voor het loket.",
    "Bel 0800-1234 voor hulp.",
    "0900-8844 is van de politie",
    "Bel 112 of 113.",
    "088-1234567 is van een organisatie",
    "Mail naar info@waterstad.example",
    "of naar loket@elders.example",
    "mail team@zorg.waterstad.example",
    "Raadhuisplein 1, 1234 AB Waterstad",
    "kom naar Raadhuisplein 1",
    "In 2024 waren er 12000 meldingen",
    "De boete is 100 euro",
    "bus 22 rijdt niet",
    "Openingstijden 09:00-17:00",
    "Op 12-03-2026 is het loket dicht",
    "lijn 300 naar het centrum",
    "bij de school aan de Dorpsstraat",
    "in de Dorpsstraat 3 weken geen licht",
    "de Kerkstraat 10:30 nog dicht",
    "artikel 12 van de APV",
    "3 weken geleden",
    "Raadsvoorstel 2026-104",
    "A10 afrit S100",
    "100000000 keer gevraagd",
    "op Kamer 12 van het stadhuis",
    "bij Loket 4 melden",
    "in Week 38 beginnen wij",
    "op 12 maart om 20.00 uur",
    "kom naar het Khalid Boulahrouzplein",
    "De zes van 12 maart",
    "na 1500km 2 keer pech",
    "groeten uit het mooie dorp",
    "De Kerkstraat 12 t/m 20 december afgesloten",
    "Op het Stadsplein 14 november de intocht",
    "Kerstmarkt 12 December",
    "de weekmarkt 9-14 uur",
    "op de Kerkstraat 6 avonden dicht",
    "Vergadering 12 uitgesteld",
    "Hemelvaart 14 gesloten",
    "Bij Brand 112 bellen",
    "Voetbalveld 3 is dicht",
    "op Koningsdag 27 april",
    "In Gebouw 12 is het loket",
    "In de Kerkstraat een huis te koop",
    "GEOPEND VANAF 12 MAART 2026 OM 20 UUR",
    "In week 38 Garden Place is closed",
    "Bent u geboren voor 1 januari 2008, dan mag u stemmen",
    "Kinderen geboren tussen 1-10-2021 en 30-9-2022",
    "jarig op of na 1-10-2020",
    "ik zag 3 man staan",
    "postcode invullen op de site",
    "op de Markt",
    "1e verdieping kamer 2",
    "onderweg 3 keer gestopt",
    "van 9 tot 17 uur",
    "aanvraag van 15-03-2026",
    "melding gedaan in 2026",
    "wethouder Jansen zegt nee",
    "burgemeester De Boer",
    "Hoi gemeente, wanneer?",
    "Beste mensen,",
    "Groeten uit Waterstad",
    "groeten van een bezorgde inwoner",
    "Dank je wel voor de hulp",
    "de beste Nederlandse stad",
    "bij de Anne Frank school",
    "de Jan van Galenstraat",
    "Goedemorgen! Fijne dag",
    "wij zijn @ home of @ de markt",
    "^AB",
    "[NAAM] [TELEFOON] [ADRES]",
]


@pytest.mark.parametrize(("kind", "text", "words"), FOUND)
def test_is_found(kind: str, text: str, words: str) -> None:
    found = find_personal(text, own=OWN)
    assert [(one.kind, text[one.start : one.end]) for one in found] == [(kind, words)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_left_alone(text: str) -> None:
    found = find_personal(text, own=OWN)
    assert [(one.kind, text[one.start : one.end]) for one in found] == []


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("mijn bsn is 111222333", True),
        ("nummer 111222333", False),
        ("bsn 123456789", False),
        ("NL91ABNA0417164300", True),
        ("NL92ABNA0417164300", False),
        ("Dorpsstraat 12", True),
        ("1012 AB", False),
        ("kenteken 12-ABC-3", True),
        ("WK-24-XX is een klasse", False),
        ("zaaknummer 1234567", False),
    ],
)
def test_says_how_certain_it_is(text: str, *, certain: bool) -> None:
    assert [one.certain for one in find_personal(text, own=OWN)] == [certain]


def test_the_first_kind_stands_where_two_overlap() -> None:
    text = "bsn 111222333, bel 06-12345678, mail a@b.example en NL91ABNA0417164300"
    kinds = [one.kind for one in find_personal(text, own=Own())]
    assert kinds == ["bsn", "phone", "email", "iban"]


def test_names_can_be_left_out() -> None:
    text = "Groeten, Jan de Vries 06-12345678"
    kinds = [one.kind for one in find_personal(text, own=Own(), names=False)]
    assert kinds == ["phone"]


@pytest.mark.parametrize("written", ["06-12345678", "+31 6 1234 5678", "0031612345678"])
def test_a_telephone_number_is_the_same_however_written(written: str) -> None:
    assert national(written) == "0612345678"


def test_a_longer_house_number_is_not_ours() -> None:
    assert is_own("address", "Raadhuisplein 1", OWN)
    assert not is_own("address", "Raadhuisplein 11", OWN)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=200))
def test_any_text_gives_places_in_order_without_overlap(text: str) -> None:
    found = find_personal(text, own=OWN)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(0 <= one.start < one.end <= len(text) for one in found)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from([case[1] for case in FOUND] + NOT_FOUND), max_size=6))
def test_mixed_texts_give_places_in_order_without_overlap(texts: list[str]) -> None:
    text = " ".join(texts)
    found = find_personal(text, own=OWN)
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize("sign", ["1", "1-", "12 ", "(0", "A", "Aa ", "a.", "@a", "AB12", "é'"])
@pytest.mark.timeout(30)
def test_a_long_hostile_text_takes_no_long_time(sign: str) -> None:
    text = sign * (20_000 // len(sign))
    for finder in FINDERS:
        list(finder(text))
    find_personal(text[:4000], own=OWN)


@pytest.mark.parametrize("letters", ["A", "NL", "Éa"])
def test_one_endless_word_holds_nobody_up(letters: str) -> None:
    text = f"Hoi {letters * (5000 // len(letters))}!"
    began = time.process_time()
    find_personal(text, own=OWN)
    assert time.process_time() - began < 1
