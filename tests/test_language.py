"""Which language a short post is in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.language import LANGUAGES, detect, warm


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("nl", "Wanneer gaat het zwembad weer open?"),
        ("nl", "wat een zooi weer bij de containers, niemand die wat doet"),
        ("nl", "@waterstad #afval waar kan ik mijn paspoort ophalen https://t.example/x"),
        ("en", "Where can I get a parking permit for my street?"),
        ("en", "the street light in front of my house has been broken for weeks"),
        ("de", "Wann ist das Rathaus geöffnet und brauche ich einen Termin?"),
        ("fr", "Où puis-je demander une carte de stationnement ?"),
        ("tr", "çöp ne zaman toplanıyor, kaç gündür bekliyoruz"),
        ("ar", "متى يفتح المسبح البلدي أبوابه"),
        ("pl", "gdzie mogę odebrać paszport dla mojego dziecka"),
        ("uk", "Де я можу зареєструвати свою адресу?"),
        ("es", "¿Dónde puedo pedir una cita para el pasaporte?"),
        ("it", "Dove posso buttare i rifiuti ingombranti?"),
        ("pt", "Onde posso pedir uma licença de estacionamento?"),
        ("ro", "Unde pot să îmi înregistrez adresa nouă?"),
    ],
)
def test_detects(language: str, text: str) -> None:
    assert detect(text, default="xx") == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hoi",
        "👍👍👍",
        "ok thanks",
        "@waterstad #afval https://t.example/adres",
        "112",
        "[NAAM]",
    ],
)
def test_too_little_text_gives_the_default(text: str) -> None:
    assert detect(text, default="nl") == "nl"
    assert detect(text, default="en") == "en"


def test_a_close_call_gives_the_default() -> None:
    assert detect("info museum park radio taxi", default="xx") == "xx"


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300))
def test_any_text_has_a_language(text: str) -> None:
    assert detect(text, default="nl") in LANGUAGES
