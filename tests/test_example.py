"""The example municipality is whole: it loads, its answers hold, its posts parse."""

import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assistant.answers import Answer, Index, sure
from assistant.checks import Ground, check
from assistant.config import load
from assistant.listen.outside import by_us
from assistant.platforms import Arrival
from assistant.platforms.replay import parse

FOLDER = Path(__file__).parent.parent / "examples" / "waterstad"
TODAY = date(2026, 11, 20)  # the day of the posts
WATERSTAD = load(FOLDER)

# The pointers of the house rules on legal forms and emergencies; triage names them by id.
POINTERS = {
    "verwijzing-112",
    "verwijzing-113",
    "verwijzing-bezwaar",
    "verwijzing-klacht",
    "verwijzing-woo",
    "verwijzing-melding",
}

# id of the answer that fits | what a citizen wrote
QUERIES = """
grofvuil-ophalen|Hoe kom ik van mijn oude bankstel af? Komen jullie dat halen?
grofvuil-ophalen|mag ik een kapotte wasmachine zomaar aan de straat zetten
container-niet-geleegd|De vuilniswagen heeft onze hele straat overgeslagen vanochtend
container-niet-geleegd|kliko staat er nog, vol en al. Wat nu?
afvalkalender|Wanneer moet het oud papier buiten staan bij ons?
ondergrondse-container-vol|Kan mn zak niet kwijt, de klep van de container zit muurvast
afvalpas|pasje voor de vuilcontainer ben ik kwijtgeraakt
milieustraat|Hoe laat sluit de stort op zaterdag?
afval-naast-container|Wat een troep hier op straat, allemaal zakken gedumpt
plastic-scheiden|Moet een melkpak bij het plastic of in de grijze bak?
kerstboom-inleveren|waar kunnen we onze kerstboom straks kwijt
waste-collection-en|What day is the garbage collected in my street?
gat-in-de-weg|Er zit een joekel van een kuil in het asfalt bij de rotonde
gat-in-de-weg|fietspad vol gaten, levensgevaarlijk in het donker
losse-stoeptegel|Mijn oma is gestruikeld over een scheve tegel
straatverlichting-kapot|het is hier aardedonker, de lantaarns doen het niet
gladheid-strooien|Spiegelglad op de fietspaden, komt er nog een strooiwagen?
havenbrug-dicht|tot wanneer is de brug afgesloten en hoe moet ik omrijden
wegwerkzaamheden|Onze straat ligt alweer open, hoe lang duren die werkzaamheden?
put-verstopt|na elke bui staat het water hier op straat, de kolk zit dicht
verkeersdrempel-verzoek|Er wordt zo hard gereden in onze straat, kan er een drempel komen?
parkeervergunning|wat moet ik doen om voor mijn eigen deur te mogen parkeren als bewoner
bezoekersparkeren|Mijn ouders komen op visite met de auto, hoe parkeren zij goedkoper?
gehandicaptenparkeerkaart|waar vraag ik een invalidenkaart aan voor mijn man
parkeertarief|moet ik op zondag betalen voor parkeren in het centrum
parkeerboete|Bon gekregen terwijl ik betaald had, hoe vecht ik dat aan?
foutparkeerders|buurman zet zijn bus elke dag op de stoep, kan niemand er langs
laadpaal-aanvragen|Hoe krijg ik een oplaadpunt voor mijn elektrische auto in de straat
kenteken-wijzigen|Rij deze week in een leenauto, geldt mijn vergunning dan ook?
gevaarlijke-boom|door de storm hangt een dikke tak los boven de weg
boom-snoeien|de boom voor ons huis neemt al het licht weg van de zonnepanelen
gras-maaien|Het gras in de berm staat zo hoog dat je het kruispunt niet meer ziet
onkruid|brandnetels groeien hier tussen de stoeptegels
hondenpoep|waar mag mijn hond los lopen
speeltuin-kapot|Schommel in het parkje is stuk en er ligt glas in de zandbak
bladkorven|overal natte bladeren, waar mogen wij die in kwijt
dood-dier|Langs de weg ligt een aangereden kat
paspoort-aanvragen|Mijn ID-kaart is verlopen, hoe kom ik aan een nieuwe?
paspoort-spoed|Overmorgen vliegen en nu is het paspoort niet meer geldig, kan het snel?
rijbewijs-verlengen|mijn opa van 76 wil zijn roze pasje vernieuwen
verhuizing-doorgeven|Hoe geef ik mijn adreswijziging door?
verhuizing-doorgeven|Ik trek in bij mijn vriendin, moet ik me dan inschrijven?
geboorte-aangeven|Onze baby is er! Waar geef ik hem aan
overlijden-aangeven|Mijn vader is gestorven, wat moet ik bij jullie regelen?
uittreksel-brp|de verhuurder wil een bewijs dat ik hier ingeschreven ben
trouwen|We willen volgend jaar gratis trouwen, op welke dag kan dat
stadhuis-openingstijden|is het gemeentehuis vanavond open
moving-house-en|I just moved here, where do I register my address?
huishoudelijke-hulp|Mijn moeder kan niet meer poetsen en heeft een traplift nodig
bijstand-aanvragen|ben mijn baan kwijt en krijg geen ww, kan ik een uitkering krijgen
schuldhulp|Er staat een deurwaarder voor de deur, wie kan mij helpen met rekeningen
waterstadpas|We hebben weinig geld, is er korting op de voetbalclub voor de kinderen?
mantelzorg|ik zorg al jaren voor mijn zieke vrouw en moet er even tussenuit
urgentie-woning|ga scheiden en heb geen huis, kom ik in aanmerking voor voorrang
kwijtschelding|Te weinig inkomen om de gemeentebelasting te betalen
betalingsregeling|mag ik de aanslag in stukjes betalen
woz-bezwaar|De waarde van ons huis is belachelijk hoog ingeschat door jullie
dakkapel-vergunning|heb ik toestemming nodig voor een uitbouw achter mijn huis
boom-kappen|mag ik de grote conifeer in mijn tuin omzagen
evenement-organiseren|Wij willen een barbecue met de hele buurt op straat houden
container-op-straat|er komt een puinbak voor de deur, moet ik dat melden
inrit-aanleggen|ik wil een oprit maken en de stoep laten verlagen
geluid-buren|De hele nacht kabaal van hiernaast, harde muziek en geboor
hangjongeren|elke avond een groep jochies met scooters bij de supermarkt
graffiti|De tunnel is helemaal beklad met leuzen
drugs-dealen|volgens mij wordt er in onze straat gedeald
vuurwerk|de hele avond harde knallen hier, hond is doodsbang
fietswrak|Er staan al maanden oude fietsen zonder wielen tegen het hek
ratten|zag net drie ratten bij de vijver lopen
verwijzing-klacht|Ik ben zo onbeleefd behandeld door een ambtenaar, waar kan ik klagen
verwijzing-woo|hoe kan ik documenten over het zwembad opvragen
melding-status|Heb dit al drie keer gemeld en hoor niets
website-storing|inloggen op jullie site lukt niet, krijg een foutmelding
vacatures|hebben jullie nog een stageplek voor een hbo-student
""".strip().splitlines()


def arrivals() -> list[Arrival]:
    """The posts as the replay platform reads them; a line it cannot read fails the test."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    lines = (FOLDER / "posts.jsonl").read_text("utf-8").split("\n")
    return [parse(line, account="@gemeentewaterstad", now=now) for line in lines if line]


def test_loads_without_a_mistake() -> None:
    assert WATERSTAD.id == "waterstad"
    assert len(WATERSTAD.departments) == 10
    assert all(12 <= len(each.subjects) <= 150 for each in WATERSTAD.departments)
    assert [each.id for each in WATERSTAD.departments if "sun" in each.hours.days] == ["overlast"]


def test_every_department_has_somebody_who_can_send() -> None:
    writers = [each for each in WATERSTAD.people if each.role in ("writer", "approver")]
    for department in WATERSTAD.departments:
        assert sum(department.id in each.departments for each in writers) >= 2
        if department.approval:
            assert any(
                each.role == "approver" and department.id in each.departments for each in writers
            )


def test_sixty_answers_over_all_departments() -> None:
    assert len(WATERSTAD.answers) >= 60
    per_department = Counter(each.department for each in WATERSTAD.answers)
    assert set(per_department) == {each.id for each in WATERSTAD.departments}
    assert min(per_department.values()) >= 5
    assert {each.id for each in WATERSTAD.answers} >= POINTERS


@pytest.mark.parametrize("answer", WATERSTAD.answers, ids=lambda each: each.id)
def test_answer_keeps_its_form(answer: Answer) -> None:
    """The short variant fits a reply of 280 characters; no variant knows a number alone."""
    assert Path(answer.path).stem == answer.id
    assert len(answer.short) <= 240
    assert answer.short.endswith(".")
    assert 3 <= len(re.findall(r"[.?!](?=\s|$)", answer.long)) <= 8
    assert not re.search(r"https?:|www\.|\.example", answer.short + answer.long)
    assert not re.search(r"(?i)\b(je|jij|jouw|jullie)\b", f"{answer.short} {answer.long}")
    assert numbers(answer.short) <= numbers(answer.long)
    assert all(each.startswith("https://www.waterstad.example/") for each in answer.sources)
    assert answer.valid_until.year >= 2027


@pytest.mark.parametrize("answer", WATERSTAD.answers, ids=lambda each: each.id)
@pytest.mark.parametrize("variant", ["short", "long"])
def test_answer_passes_the_checks_as_its_own_source(answer: Answer, variant: str) -> None:
    greeting = {"nl": "Goedemiddag,", "en": "Hello,"}[answer.language]
    ground = Ground(
        post=answer.title,
        language=answer.language,
        sources=(answer.short, answer.long),
        links=answer.sources,
        own=WATERSTAD.own,
        hosts=WATERSTAD.organisation.hosts,
        limit=280 if variant == "short" else 1000,
        initials="AB",
    )
    found = check(f"{greeting} {getattr(answer, variant)} ^AB", ground=ground)
    assert [each for each in found if each.severity != "hint"] == []


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d(?:[\d.,]*\d)?", text))


def test_the_right_answer_is_among_the_first_three() -> None:
    index = Index(WATERSTAD.answers, today=TODAY)
    missed = []
    for fitting, text in (line.split("|") for line in QUERIES):
        found = [hit.answer.id for hit in index.find(text, top=3)]
        if fitting not in found:
            missed.append((fitting, text, found))
    assert len(QUERIES) >= 60
    assert len(missed) <= 0.15 * len(QUERIES), missed


def test_the_first_post_gets_an_answer_word_for_word() -> None:
    """A demo without a model shows a suggestion on its first card."""
    first = arrivals()[0].post
    hit = sure(Index(WATERSTAD.answers, today=TODAY).find(first.text))
    assert hit is not None
    assert hit.answer.id == "grofvuil-ophalen"


def test_an_id_returns_only_to_be_edited_or_deleted() -> None:
    seen: set[str] = set()
    for arrival in arrivals():
        post = arrival.post
        assert (post.id in seen) == (arrival.event != "new")
        assert {post.root, post.parent or post.root} <= seen | {post.id}
        assert post.created_at.date() == TODAY
        seen.add(post.id)
    assert len(seen) >= 55


def test_posts_hold_every_kind_of_difficulty() -> None:
    posts = [each.post for each in arrivals()]
    texts = [post.text for post in posts]
    together = "".join(texts)
    for difficult in ("<!channel>", "<@U01ANNA>", "*", "&lt;", "\u202e", "\u200b", "\U000e0061"):
        assert difficult in together
    assert max(map(len, texts)) >= 3000
    assert any(text and not re.search(r"\w", text) for text in texts)
    assert sum("brug" in text.lower() for text in texts) >= 5
    assert sum(post.author is None for post in posts) == 1
    assert {each.event for each in arrivals()} == {"new", "edited", "deleted"}
    citizens = [post for post in posts if not by_us(post)]
    assert {post.addressed for post in citizens} == {"mention", "reply", "quote", "direct"}
    assert any(image.alt for post in citizens for image in post.images)


def test_one_post_is_answered_by_hand() -> None:
    """The demo shows what becomes of a card when a colleague answers outside Luister."""
    [ours] = [each.post for each in arrivals() if by_us(each.post)]
    assert (ours.parent, ours.addressed) == ("wp-004", None)


def test_another_citizen_and_the_same_one_answer_in_a_thread() -> None:
    by_id = {each.post.id: each.post for each in arrivals() if each.event == "new"}
    pairs = [(post.author, by_id[post.parent].author) for post in by_id.values() if post.parent]
    assert any(author == before for author, before in pairs)
    assert any(author != before for author, before in pairs)
