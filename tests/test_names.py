"""Names by what stands around them, and what a public reply does about somebody else's."""

import pytest

from assistant.checks import Ground, check
from assistant.mask import mask
from assistant.names import find_names
from assistant.personal import Own

GROUND = Ground(post="De buurman zet alles vol. gr Sanne Bos", language="nl", limit=500)

STOPPED = [
    ("De buurman Piet van nummer 4 heeft een sleutel.", "Piet"),
    ("U vraagt het Piet van nummer 4.", "Piet"),
    ("Khalid van boven weet dat.", "Khalid"),
    ("Dat brood komt van Beppie uit de Dorpsstraat.", "Beppie"),
    ("Sjaak de conciërge sluit af.", "Sjaak"),
    ("Uw buurvrouw Fatima heeft er een.", "Fatima"),
    ("Uw buurman heet Xander en woont er.", "Xander"),
    ("uw buurman piet weet het", "piet"),
    ("Je zoontje Milan staat nog niet op de lijst.", "Milan"),
    ("Wij spraken mevrouw Van der Laan al.", "Van der Laan"),
    ("De akte passeert bij notaris Hoogendijk.", "Hoogendijk"),
    ("Dat ruimt boer Harmsen op.", "Harmsen"),
    ("It was Mrs Whitcombe who chose it.", "Mrs Whitcombe"),
    ("Dat regelt de familie Nijhof met ons.", "Nijhof"),
]

ASKED = [
    ("Sandra van de balie weet meer.", "Sandra"),
    ("Fatima heeft de sleutel.", "Fatima"),
    ("De onderneemster, Nguyen Thi Lan, heeft het gemeld.", "Nguyen Thi Lan"),
    ("De behandelaar is Xandra Oudman.", "Xandra Oudman"),
    ("Onze collega Ruth weet meer.", "Ruth"),
    ("Dat zei wethouder Jansen gisteren.", "Jansen"),
    ("De vraag kwam van raadslid Ter Horst.", "Ter Horst"),
    ("Alderman Visser visits the district.", "Visser"),
    ("Dank u wel, mevrouw Smit!", "Smit"),
    ("Fijne dag, meneer De Groot.", "De Groot"),
]

NOBODY = [
    *("Bij Albert Heijn hangt een kastje.", "Op Sint Maarten geldt dat ook.", "de Jan Linders"),
    *("De wethouder komt.", "De burgemeester van Waterstad komt.", "de minister van Defensie"),
    *("De wethouder Sociale Zaken komt.", "het college van Gedeputeerde Staten"),
    *("Goedenavond mevrouw. Doe dat vooral.", "Geachte heer. Applaus!", "A, B en C. Een besluit"),
    *("Elke Nederlander mag dat.", "Roos is een bloem.", "Wil is macht.", "Vraag de beheerder."),
    *("de ING Bank en MS Teams", "Bel Meld Misdaad Anoniem op 0800-7000.", "mijn buurman ben ik"),
    *("Op het Burgemeester Jansenplein.", "aan de Dokter Schaepmanstraat", "de huisarts kent u"),
    *("De Action uit de Dorpsstraat.", "De eigenaar is Ymere.", "Het plein heet Zonnehof nu."),
]


def found(text: str, *, ground: Ground = GROUND) -> list[tuple[str, str]]:
    about = ("third_person", "named_person")
    found = check(f"Hoi! {text} ^AB", ground=ground)
    return [(one.code, one.words) for one in found if one.code in about]


@pytest.mark.parametrize(("text", "words"), STOPPED)
def test_who_can_only_be_a_private_person_is_stopped(text: str, words: str) -> None:
    assert found(text) == [("third_person", words)]


@pytest.mark.parametrize(("text", "words"), ASKED)
def test_who_may_be_a_colleague_or_the_citizen_is_asked_about(text: str, words: str) -> None:
    assert found(text) == [("named_person", words)]


@pytest.mark.parametrize("text", NOBODY)
def test_nobody_is_named(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(("text", "words"), STOPPED + ASKED)
def test_a_source_may_name_them(text: str, words: str) -> None:
    ground = GROUND.model_copy(update={"sources": (f"Bel {words}, zie verder.",)})
    assert found(text, ground=ground) == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mijn buurman piet van nummer 4", "mijn buurman [NAAM] van nummer 4"),
        ("de familie Nijhof zet vuil buiten", "de familie [NAAM] zet vuil buiten"),
        ("wethouder Jansen zei dat", "wethouder Jansen zei dat"),
        ("bij de Albert Heijn", "bij de Albert Heijn"),
    ],
)
def test_a_private_person_is_masked_and_an_official_is_not(text: str, masked: str) -> None:
    assert mask(text, own=Own()) == masked


def test_whoever_writes_is_told_from_whoever_is_written_about() -> None:
    text = "Hoi Kees, dokter El Amrani en Xander Oudman en wethouder Vos. Groet, Anna"
    said = [(code, text[start:end]) for code, start, end in find_names(text)]
    for who in (
        ("greeting", "Kees"),
        ("private", "El Amrani"),
        ("person", "Xander Oudman"),
        ("office", "Vos"),
        ("signature", "Anna"),
    ):
        assert who in said
