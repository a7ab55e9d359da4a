"""Tone: what is asked about and what is let through, with the rates printed."""

import pytest

from assistant.checks import check
from tests.test_checks import GROUND

PROMISES = [
    "Wij beloven dat het goed komt.",
    "Dat garanderen we.",
    "We gaan de lamp snel repareren.",
    "Wij zullen de stoep herstellen.",
    "De lantaarn wordt morgen gerepareerd.",
    "Uw aanvraag wordt goedgekeurd.",
    "Uw bezwaar is toegewezen.",
    "De boete is kwijtgescholden.",
    "U krijgt uw geld terug.",
    "U hoeft dit niet te betalen.",
    "Het komt helemaal goed!",
    "Maak je geen zorgen.",
    "We zorgen ervoor dat het stopt.",
    "Zo snel mogelijk doen we iets.",
    "Binnenkort is het klaar.",
    "Binnen enkele dagen hoort u iets.",
    "Uiterlijk vrijdag.",
    "Dit zal niet meer gebeuren.",
    "Dat is onze fout.",
    "Wij vergoeden de schade.",
    "De gemeente is aansprakelijk.",
    "U hebt recht op een uitkering, u ontvangt die.",
    "Je krijgt de vergunning.",
    "U kunt erop rekenen.",
    "We promise it will work.",
    "We will fix the light.",
    "Your request will be approved.",
    "You will receive a refund.",
    "It will never happen again.",
    "As soon as possible.",
    "That was our mistake.",
    "Reken daar maar op.",
    "Daar staan wij voor in.",
    "U kunt op een snelle beslissing rekenen.",
    "You have our word.",
    "Laat dat maar aan ons over.",
    "Dat probleem is straks verleden tijd.",
    "Wij nemen de kosten voor onze rekening.",
    "Wij fiksen dat voor je.",
    "Dat pakken we vandaag nog op.",
    "Ik zet er persoonlijk druk op.",
    "We trekken de vergunning in.",
    "U hoort volgende week van mijn collega.",
    "Het terras wordt stilgelegd.",
    "Your complaint will be dealt with.",
    "Voor u maken we een uitzondering.",
    "Uw aanvraag ligt bovenaan.",
]
OPINIONS = [
    "Wij vinden dat ook.",
    "Ik vind het beleid goed.",
    "Volgens mij klopt dat.",
    "Onze mening is anders.",
    "U heeft gelijk.",
    "Wij zijn het met u eens.",
    "Dat is terechte kritiek.",
    "Het is belachelijk.",
    "Het nieuwe tarief is eerlijk.",
    "De verhoging was nodig.",
    "Eerlijk gezegd niet.",
    "Wat ons betreft wel.",
    "Dat is een goed plan.",
    "Wij denken dat het klopt.",
    "We think so too.",
    "In our opinion it is fine.",
    "You are right.",
    "We agree.",
    "The fee is unfair.",
]
POLITICS = [
    "De VVD wilde dit.",
    "Dat is het werk van GroenLinks.",
    "Stem op iemand anders.",
    "De coalitie besliste dat.",
    "De wethouder heeft gelijk.",
    "Het college moet dit oplossen.",
    "Het kabinet faalt.",
    "Wij steunen dit voorstel.",
    "Wij zijn tegen deze wet.",
    "Dat is een politieke keuze.",
    "Dat is een linkse hobby.",
    "The mayor is right.",
    "We support this law.",
    "Vote for someone else.",
]
IRONIES = [
    "Fijn hoor.",
    "Tja, dat krijg je.",
    "Goed bezig!",
    "Wat een verrassing 🙄",
    "Wie had dat gedacht.",
    "Gefeliciteerd met uw ontdekking.",
    "Blijkbaar kunt u niet lezen.",
    "Zoals u had kunnen lezen.",
    "Leuk geprobeerd.",
    "Jammer dan.",
    "Haha, nee.",
    "Yeah right.",
    "What a surprise.",
    "Nice try 😏",
]
HARMLESS = [
    "Dank voor uw bericht.",
    "Wat vervelend dat de container vol is.",
    "Wij vinden het vervelend voor u.",
    "Ik vind het heel jammer voor u.",
    "U kunt dit melden op onze website.",
    "Stuur ons een privébericht met uw adres, dan kijken wij mee.",
    "U kunt een afspraak maken bij het loket.",
    "De provincie gaat over deze weg.",
    "Neem uw identiteitsbewijs mee.",
    "Wij hebben uw melding doorgegeven aan de afdeling.",
    "Heeft u nog een vraag? Bel ons gerust.",
    "De gemeenteraad vergadert in het stadhuis.",
    "Het college van burgemeester en wethouders neemt het besluit.",
    "Bent u het niet eens met het besluit? Dan kunt u bezwaar maken.",
    "U kunt stemmen met uw stempas.",
    "Ga bij de kruising rechts en dan links.",
    "Denk aan uw pas.",
    "Wilt u de plek en een foto sturen?",
    "Grof afval kunt u naar de milieustraat brengen.",
    "De aanvraag doet u online.",
    "Wij weten nog niet hoe dit komt.",
    "Wat goed dat u het meldt!",
    "Fijn dat u even laat weten dat het is opgelost.",
    "De lamp van 230 volt is stuk.",
    "Hier leest u hoe het werkt.",
    "Thank you for your message.",
    "We are sorry to hear that.",
    "You can report this on our website.",
    "Could you send us a private message?",
    "Please bring your passport.",
    "The province takes care of this road.",
    "Mocht u hulp nodig hebben, dan kunt u ons bellen.",
    "Dit is een taak van het waterschap.",
    "Er staat een container bij de school.",
    "Daar staan er meer in.",
    "Wij kunnen dat niet voor u regelen.",
    "Wij vinden het vervelend voor u.",
    "Als wij dat voor u zijn vergeten, meld het.",
    "Neem dan contact op met de provincie.",
    "In maart staan er zoutkisten in de wijk.",
]
CODES = {"promise": PROMISES, "opinion": OPINIONS, "political": POLITICS, "irony": IRONIES}
# What the lists above may at most miss or wrongly point at: the rates found when they were
# written. They are hints to a person, so a miss is a pity and a false alarm a nuisance.
MOST_FALSE_ALARMS = 4


def found(text: str) -> set[str]:
    """Return the tone codes found in a reply saying `text` in its own language."""
    english = " the " in f" {text.lower()} " or text.split(maxsplit=1)[0] in {
        "We",
        "You",
        "It",
        "As",
        "In",
    }
    ground = GROUND.model_copy(update={"language": "en" if english else "nl"})
    return {one.code for one in check(f"Hoi! {text} ^AB", ground=ground)} & set(CODES)


@pytest.mark.parametrize(("code", "text"), [(code, t) for code, ts in CODES.items() for t in ts])
def test_is_asked_about(code: str, text: str) -> None:
    assert code in found(text)


def test_harmless_sentences_are_let_through(capsys: pytest.CaptureFixture[str]) -> None:
    alarms = [(text, found(text)) for text in HARMLESS if found(text)]
    with capsys.disabled():
        total = sum(map(len, CODES.values()))
        print(f"\ntone: {total} cases found, {len(alarms)} of {len(HARMLESS)} false alarms")
    assert len(alarms) <= MOST_FALSE_ALARMS, alarms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kunt u je pas meenemen?", ["u"]),
        ("Je kunt uw pas ophalen, jij kunt dat.", ["uw"]),
        ("U kunt bellen. Neem jouw pas en uw brief mee.", ["jouw"]),
        ("U kunt uw pas halen a.u.b.", []),
        ("Je kunt je pas halen, jullie ook.", []),
        ("Neem a.u.b. je pas mee.", []),
        ("Na de U-bocht kun je links.", []),
    ],
)
def test_mixed_address_points_at_the_rarer_form(text: str, words: list[str]) -> None:
    found = check(f"Hoi! {text} ^AB", ground=GROUND)
    assert [one.words for one in found if one.code == "mixed_address"] == words


@pytest.mark.parametrize(
    ("language", "text", "differs"),
    [
        ("nl", "Hoi! U kunt uw pas ophalen bij het loket. ^AB", False),
        ("en", "Hoi! U kunt uw pas ophalen bij het loket. ^AB", True),
        ("nl", "Hi! You can collect your passport at the desk. ^AB", True),
        ("en", "Hi! You can collect your passport at the desk. ^AB", False),
        ("en", "Hi! Ok. ^AB", False),
        ("ar", "Hi! Ok. ^AB", False),
    ],
)
def test_the_reply_is_in_the_posts_language(language: str, text: str, *, differs: bool) -> None:
    ground = GROUND.model_copy(update={"language": language})
    findings = [one for one in check(text, ground=ground) if one.code == "language"]
    assert bool(findings) is differs
    for one in findings:
        assert one.values["expected"] == language


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", "You can apply for the permit online, through our website."),
        ("nl", "Bitte bringen Sie Ihren gültigen Personalausweis mit."),
        ("en", "Neem ook een recente pasfoto mee naar het stadhuis."),
    ],
)
def test_one_sentence_in_another_language_is_pointed_at(language: str, said: str) -> None:
    own = {
        "nl": "Wat vervelend dat het zo lang duurt, en dat u daar nu al weken op wacht. Uw vraag "
        "ligt bij de collega's van de afdeling, die er deze week samen naar kijken en u schrijven.",
        "en": "We are sorry that it takes this long and that you have been waiting for it. Your "
        "question is with our colleagues, who will look at it together and write to you.",
    }[language]
    ground = GROUND.model_copy(update={"language": language})
    found = [one for one in check(f"{own} {said} ^AB", ground=ground) if one.code == "language"]
    assert [one.words for one in found] == [said]
