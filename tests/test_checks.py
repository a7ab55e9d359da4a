"""The checks as a whole: severities, approved answers, people, personal data, length, words."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant.answers import load_answers
from assistant.checks import CHECKS, SEVERITY, Finding, Ground, check, graphemes
from assistant.personal import Own
from assistant.words import Words
from tests.bench import bench_checks
from tests.test_personal import FOUND, NOT_FOUND

ROOT = Path(__file__).parent.parent
REAL_ANSWERS = ROOT.parent / "shared" / "data" / "answers_nl_vac.jsonl"

OWN = Own(
    hosts=("waterstad.example",),
    phones=("14 0123",),
    addresses=("Raadhuisplein 1, 1234 AB Waterstad",),
)
SOURCE = (
    "U kunt grof afval gratis wegbrengen naar de milieustraat. De milieustraat is open van "
    "maandag t/m zaterdag van 9.00 tot 17.00 uur. Een extra rolcontainer kost € 12,50 per maand. "
    "Wij halen grof afval op binnen 5 werkdagen. U krijgt binnen zes weken bericht. Bel de "
    "kringloop op 030-2345678 of volg @kringloop_ws. Wij vinden een schone stad belangrijk."
)
GROUND = Ground(
    post="@waterstad hoi, waar kan mijn bank heen? Meneer Pietersen zet de boel vol. gr Sanne Bos",
    language="nl",
    sources=(SOURCE,),
    links=("https://www.waterstad.example/afval",),
    own=OWN,
    hosts=("rijksoverheid.example",),
    limit=600,
    handle="@sanne@social.example",
    initials="AB",
)


def codes(text: str, *, ground: Ground = GROUND, hints: bool = False) -> list[tuple[str, str]]:
    """Return (code, words) of what `check` finds."""
    found = check(text, ground=ground, length=graphemes)
    return [(one.code, one.words) for one in found if hints or one.severity != "hint"]


@pytest.mark.parametrize(
    "text",
    [
        f"@sanne@social.example Hoi Sanne, {SOURCE} ^AB",
        f"Goedemorgen! {SOURCE}\nhttps://www.waterstad.example/afval ^AB",
        f"Beste mevrouw De Vries,\n\n{SOURCE}\n\n^AB",
        "Hoi Sanne! U kunt grof afval gratis wegbrengen naar de milieustraat. ^AB",
        "Hoi! Breng de bank naar de milieustraat. Die is open tot 17 uur. ^AB",
        "Hoi Sanne, vervelend dat de boel vol staat! Bel ons op 14 0123. ^AB",
        "Hoi! Kom langs op Raadhuisplein 1 of kijk op waterstad.example. ^AB",
    ],
)
def test_what_was_approved_passes(text: str) -> None:
    assert codes(text) == []


def test_every_approved_answer_of_the_example_passes_word_for_word() -> None:
    answers, _ = load_answers(ROOT / "examples" / "waterstad" / "answers")
    alarms = []
    for answer in answers:
        ground = GROUND.model_copy(
            update={
                "sources": (f"{answer.short}\n{answer.long}",),
                "links": answer.sources,
                "language": answer.language,
                "limit": 5000,
            }
        )
        for body in (answer.short, answer.long):
            alarms += codes(
                f"@sanne@social.example Hoi Sanne, {body} {answer.sources[0]} ^AB", ground=ground
            )
    assert len(answers) > 20
    assert alarms == []


@pytest.mark.skipif(not REAL_ANSWERS.exists(), reason="the shared real answers are not here")
def test_real_answers_of_the_government_pass_word_for_word() -> None:
    alarms = []
    rows = [json.loads(line) for line in REAL_ANSWERS.read_text("utf-8").splitlines()]
    for row in rows:
        ground = GROUND.model_copy(update={"sources": (row["antwoord"],), "limit": 100_000})
        alarms += codes(f"Goedemorgen, {row['antwoord']} ^AB", ground=ground)
    assert alarms == []


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Uw bsn 111222333 is bekend.", "bsn", "111222333"),
        ("Uw nummer is 111222333.", "maybe_personal", "111222333"),
        ("Stort op NL91 ABNA 0417 1643 00.", "iban", "NL91 ABNA 0417 1643 00"),
        ("Kaart 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
        ("Uw paspoort nummer SPECI2014 is klaar.", "document", "SPECI2014"),
        ("Bel 06-12345678.", "phone", "06-12345678"),
        ("Mail jan@voorbeeld.org.", "email", "jan@voorbeeld.org"),
        ("Wij komen op Dorpsstraat 12.", "address", "Dorpsstraat 12"),
        ("Auto met kenteken 12-ABC-3.", "plate", "12-ABC-3"),
        ("U bent geboren op 12-03-1980.", "birth_date", "12-03-1980"),
        ("Uw zaaknummer Z2024123456.", "case_number", "Z2024123456"),
        ("Zie ook @buurman.", "mention", "@buurman"),
        ("Hoi @sanne@elders.example!", "mention", "@sanne@elders.example"),
        ("Hoi @sanne, tot ziens.", "mention", "@sanne"),
        ("Dat ligt aan meneer Pietersen.", "third_person", "Pietersen"),
        ("Onze collega Fatima Bakker weet meer.", "named_person", "Fatima Bakker"),
        ("Af\u200bval.", "hidden", "\u200b"),
        ("Afval\U000e0041\U000e0042.", "hidden", "\U000e0041\U000e0042"),
    ],
)
def test_points_at_what_may_not_be_public(text: str, code: str, words: str) -> None:
    found = codes(f"Hoi! {text} ^AB")
    assert (code, words) in found


@pytest.mark.parametrize(
    "text",
    [
        "Bel de kringloop op 030-2345678.",
        "Volg @kringloop_ws.",
        "Mail naar loket@waterstad.example.",
        "Hoi @sanne@social.example, tot ziens.",
        "Beste Sanne Bos, tot ziens.",
        "Dank je wel, Sanne Bos!",
        "De wethouder leest mee.",
    ],
)
def test_our_own_the_sources_and_the_citizen_may_be_named(text: str) -> None:
    assert codes(f"{text} ^AB") == []


def test_an_approved_answer_does_not_make_a_bsn_public() -> None:
    ground = GROUND.model_copy(update={"sources": ("Uw bsn is 111222333.",)})
    assert codes("Hoi! Uw bsn is 111222333. ^AB", ground=ground) == [("bsn", "111222333")]


def test_a_name_from_the_post_is_stopped_but_not_a_place() -> None:
    ground = GROUND.model_copy(
        update={"post": "Xandrine Oudman van de Jan Bakker school heeft afval. gr Piet Puk"}
    )
    assert codes("Hoi! Vraag het aan Xandrine Oudman. ^AB", ground=ground) == [
        ("named_person", "Xandrine Oudman")
    ]
    assert codes("Hoi! Vraag het aan de Jan Bakker school. ^AB", ground=ground) == []
    assert codes("Dag Piet Puk, dank voor uw vraag! ^AB", ground=ground) == []


def test_part_of_an_approved_sentence_is_not_approved() -> None:
    ground = GROUND.model_copy(update={"sources": ("U krijgt geld terug, tenzij u te laat bent.",)})
    assert codes("Hoi! U krijgt geld terug. ^AB", ground=ground) == [("promise", "U krijgt")]


def test_the_same_words_need_no_reason_inside_an_approved_sentence_only() -> None:
    approved = "Wij vinden een schone stad belangrijk."
    assert codes(f"Hoi! {approved} ^AB") == []
    assert codes(f"Hoi! {approved} Wij vinden dat. ^AB") == [("opinion", "Wij vinden")]


@pytest.mark.parametrize(("count", "limit", "found"), [(10, 10, False), (11, 10, True)])
def test_too_long_by_the_platforms_own_count(count: int, limit: int, *, found: bool) -> None:
    ground = GROUND.model_copy(update={"limit": limit})
    text = "👩‍👧" * count
    over = [one for one in check(text, ground=ground) if one.code == "too_long"]
    assert bool(over) is found
    for one in over:
        assert (one.severity, one.words) == ("block", "👩‍👧")
        assert one.values == {"count": count, "limit": limit}


def test_length_is_counted_as_the_platform_says() -> None:
    found = check("Hoi! Goed. ^AB", ground=GROUND, length=lambda text: len(text) * 100)
    assert [one.values for one in found if one.code == "too_long"] == [
        {"count": 1400, "limit": 600}
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("👨‍👩‍👧‍👦🇳🇱", 2), ("a\r\nb", 3), ("क्षि", 1)],
)
def test_graphemes(text: str, count: int) -> None:
    assert graphemes(text) == count


def test_a_tone_is_told_once_at_the_words_a_list_knows() -> None:
    text = "Hoi! Wij beloven plechtig dat deze hele straat morgen weer helemaal schoon is. ^AB"
    assert [words for code, words in codes(text) if code == "promise"] == ["Wij beloven"]


def test_a_promise_no_list_knows_is_heard_in_its_sentence() -> None:
    said = "Die kapotte lamp brandt straks gewoon weer, let maar op."
    assert codes(f"Hoi! {said} ^AB") == [("promise", said)]


def test_blocks_come_first_and_hints_never_block() -> None:
    text = "Reeds 3 weken. Bel 06-12345678. Wij beloven het."
    found = [one.severity for one in check(text, ground=GROUND)]
    assert found == sorted(found, key=["block", "confirm", "hint"].index)
    hints = {code for code, severity in SEVERITY.items() if severity == "hint"}
    assert hints == {"long_sentence", "hard_word", "no_greeting"}


def test_what_is_blocked_is_not_asked_about_as_well() -> None:
    assert codes("Hoi! Bel 06-12345678. ^AB") == [("phone", "06-12345678")]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Breng het weg.", "no_greeting", ""),
        ("Hoi! Dat is reeds bekend. ^AB", "hard_word", "reeds"),
        ("Hoi! Dat is ten behoeve van u. ^AB", "hard_word", "ten behoeve van"),
        ("Hi! You can utilise the bin. ^AB", "hard_word", "utilise"),
        (f"Hoi! {'dit is lang ' * 7}zo. ^AB", "long_sentence", f"{'dit is lang ' * 7}zo."),
    ],
)
def test_hints(text: str, code: str, words: str) -> None:
    assert (code, words) in codes(text, hints=True)


@pytest.mark.parametrize(
    "text",
    [
        "@sanne@social.example Goedemiddag Sanne, dat is bekend. ^AB",
        "👋 Hoi! Dat is bekend. ^AB",
        "Beste Sanne,\n\nDat is bekend.\n\n^AB",
        "Hello! You can use the bin. ^AB",
        "Merhaba! Hoi. ^AB",
        f"Hoi! {'dit is lang ' * 6}. ^AB",
    ],
)
def test_no_hint_where_none_is_needed(text: str) -> None:
    assert [code for code, _ in codes(text, hints=True) if SEVERITY[code] == "hint"] == []


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (" ^AB", []),
        ("^AB \n", []),
        ("", [("no_initials", "")]),
        (" ^ab", [("no_initials", "")]),
        (" ^AB Fijne dag!", [("no_initials", "")]),
        (" Dat is 2^3", [("no_initials", "")]),
        (" ^BW", [("other_initials", "^BW")]),
        ("^bw.", [("other_initials", "^bw")]),
        (" ^BW ^AB", [("other_initials", "^BW")]),
        (" ^AB^BW", [("other_initials", "^BW")]),
        (" ^ABC", [("other_initials", "^ABC")]),
    ],
)
def test_whoever_sends_signs_and_nobody_in_anothers_name(
    end: str, found: list[tuple[str, str]]
) -> None:
    assert codes("Hoi! Breng het weg." + end) == found
    assert (
        check("Hoi! Breng het weg." + end, ground=GROUND.model_copy(update={"initials": ""})) == ()
    )


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("code", SEVERITY)
def test_every_code_has_its_sentence(code: str, language: str) -> None:
    values = {"count": 1, "limit": 2, "host": "h", "language": "en", "expected": "nl"}
    values |= {"plain": "p", "initials": "AB"}
    assert Words(language).say(f"checks.{code}", words="W", **values)


def _sayable(one: Finding) -> str:
    return Words("nl").say(f"checks.{one.code}", words=one.words, **one.values)


PIECES = st.lists(
    st.sampled_from(
        [case[1] for case in FOUND]
        + NOT_FOUND
        + [
            "Hoi Jan, ",
            "\u200b",
            "https://x.example@evil.com ",
            "reeds ",
            "wij beloven ",
            "12 euro",
        ]
        + ["🙄", "je en u ", "1 maart ", "\n", " ^AB", "@sanne ", "١٢", "．com", "http://[::1", "€"]
    ),
    max_size=8,
).map(" ".join)


@settings(deadline=None, max_examples=200)
@given(text=st.one_of(st.text(max_size=300), PIECES), post=st.text(max_size=50))
def test_any_text_gives_findings_that_point_at_their_words(text: str, post: str) -> None:
    ground = GROUND.model_copy(update={"post": post, "limit": 50})
    for one in check(text, ground=ground, length=graphemes):
        assert 0 <= one.start <= one.end <= len(text)
        assert text[one.start : one.end] == one.words
        assert one.severity == SEVERITY[one.code]
        assert _sayable(one)


@settings(deadline=None, max_examples=100)
@given(text=PIECES)
@example(text="postcode 1012AB de Dorpsweg vijf huis")
def test_a_text_that_is_its_own_source_needs_no_confirmation_of_facts(text: str) -> None:
    ground = GROUND.model_copy(update={"sources": (text,)})
    found = {one.code for one in check(text, ground=ground)}
    assert not found & {"unsourced", "link_unsourced", "mention", "phone", "address", "email"}


@pytest.mark.parametrize("sign", ["1", "a.", "A", "@a", "wij ", "€1", "http://", "u ", "1 maart "])
@pytest.mark.timeout(30)
def test_a_long_hostile_text_takes_no_long_time(sign: str) -> None:
    text = sign * (4000 // len(sign))
    for look in CHECKS:
        list(look(text, ground=GROUND))


def test_a_reply_of_500_characters_is_checked_in_time() -> None:
    assert len(bench_checks.REPLY) == pytest.approx(500, abs=20)
    times = []
    for _ in range(30):
        began = time.process_time()
        check(bench_checks.REPLY, ground=bench_checks.GROUND, length=graphemes)
        times.append((time.process_time() - began) * 1000)
    assert min(times) < bench_checks.LIMIT_MS


STOPPED = {
    "Hoi! Bel 06-12345678. ^AB": "phone",
    "Hoi! Mail jan@voorbeeld.nl. ^AB": "email",
    "Hoi! Wij komen naar Dorpsstraat 12, 1234 AB Elders. ^AB": "address",
    "Hoi! Het gaat om NL91ABNA0417164300. ^AB": "iban",
    "Hoi! Meneer Pietersen is gebeld. ^AB": "third_person",
}


@pytest.mark.parametrize("text", STOPPED)
def test_what_is_stopped_in_public_is_asked_about_in_private(text: str) -> None:
    private = GROUND.model_copy(update={"private": True})
    for ground, severity in ((GROUND, "block"), (private, "confirm")):
        found = check(text, ground=ground)
        assert (STOPPED[text], severity) in [(one.code, one.severity) for one in found]


@pytest.mark.parametrize(
    "text", ["Uw bsn is 111222333. ^AB", "Volg @piet@social.example. ^AB", "@sanne Hoi! ^AB"]
)
def test_a_bsn_and_a_mention_of_others_are_stopped_also_in_private(text: str) -> None:
    private = GROUND.model_copy(update={"private": True})
    assert check(text, ground=private)[0].severity == "block"
