"""Which links a reply may hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.checks import check
from assistant.checks.links import find_links
from tests.test_checks import GROUND, codes

SOURCED = GROUND.model_copy(
    update={
        "sources": ("Kijk op https://www.waterstad.example/afval of op politie.nl/aangifte.",),
        "links": ("https://www.waterstad.example/parkeren?zone=2",),
    }
)


@pytest.mark.parametrize(
    "link",
    [
        "https://www.waterstad.example/afval",
        "https://waterstad.example/afval/",
        "waterstad.example/afval",
        "WWW.Waterstad.Example/afval",
        "http://waterstad.example:80/afval",
        "https://waterstad.example/afval#openingstijden",
        "(https://waterstad.example/afval).",
        "waterstad.example/parkeren?zone=2",
        "https://politie.nl/aangifte!",
        "waterstad.example",
        "https://www.waterstad.example/",
        "loket.waterstad.example",
    ],
)
def test_known_links_pass(link: str) -> None:
    assert codes(f"Hoi! Kijk op {link} ^AB", ground=SOURCED) == []


@pytest.mark.parametrize(
    "link",
    [
        "https://waterstad.example/andere-pagina",
        "waterstad.example/Afval",
        "https://loket.waterstad.example/x",
        "rijksoverheid.example/paspoort",
        "rijksoverheid.example",
        "waterstad.example/parkeren?zone=3",
    ],
)
def test_another_page_of_a_known_host_asks_for_a_reason(link: str) -> None:
    assert codes(f"Hoi! Kijk op {link} ^AB", ground=SOURCED) == [("link_unsourced", link)]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/afval",
        "evil.com",
        "evil.zip",
        "www.evil.support/x",
        "EVIL.COM/pad",
        "waterstad.example.evil.com",
        "https://waterstad-example.com",
        "nepwaterstad.example.nl",
        "http://xn--wterstad-4fg.example/",
        "https://wаterstad.example/afval",  # a Cyrillic а
        "evil。com",
        "evil．com",
        "//evil.com/x",
        "http:evil.com",
        "http:\\\\evil.com",
        "politie.nl/anders",
        "https://intranet/x",
        "kapot.De",
        "bsky.app/profile/x",
        "пример.рф",
        "www.waterstad.exampel",
        "[klik](https://evil.com/x",
    ],
)
def test_unknown_hosts_are_stopped(link: str) -> None:
    found = codes(f"Hoi! Kijk op {link} ^AB", ground=SOURCED)
    assert [code for code, _ in found if code.startswith("link")] == ["link_unknown"]


@pytest.mark.parametrize(
    "link",
    [
        "https://waterstad.example@evil.com/afval",
        "https://jan:geheim@waterstad.example/afval",
        "http://127.0.0.1/x",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "https://waterstad.example:8080/afval",
        "https://%65vil.com/",
        "ftp://waterstad.example/afval",
        "javascript:alert(1)",
        "data:text/html,x",
        "waterstad punt nl slash subsidie",
        "waterstad .nl",
        "waterstad. nl",
        "intent://waterstad.example/afval",
    ],
)
def test_links_that_hide_where_they_lead_are_stopped(link: str) -> None:
    found = check(f"Hoi! Kijk op {link} ^AB", ground=SOURCED)
    assert "link_disguised" in {one.code for one in found}


@pytest.mark.parametrize("link", ["bit.ly/3xYz", "https://t.co/abc", "tinyurl.com/x"])
def test_shortened_links_are_stopped_even_on_an_allowed_host(link: str) -> None:
    ground = SOURCED.model_copy(update={"hosts": ("bit.ly", "t.co", "tinyurl.com")})
    assert codes(f"Hoi! Kijk op {link} ^AB", ground=ground) == [("link_shortened", link)]


@pytest.mark.parametrize(
    "text",
    [
        "Dat is o.a. voor u, enz. en m.b.t. dit t.z.t. ook",
        "Om 9.00 uur. Daarna niet.",
        "De stoep is kapot.Wij komen langs",
        "zie formulier.pdf en versie 2.1",
        "De data: maandag en dinsdag",
        "Let op: neem uw pas mee; en/of uw brief",
        "Vraag: mag dat? Antwoord:ja",
        "e.d. i.v.m. a.u.b.",
        "Het is klaar. Net op tijd",
        "dat punt is duidelijk",
    ],
)
def test_ordinary_text_has_no_links(text: str) -> None:
    assert find_links(text) == ()


def test_mentions_and_mail_addresses_are_no_links() -> None:
    assert find_links("@jan.bsky.social en jan.de.vries@voorbeeld.org en @jan@social.example") == ()


def test_a_link_ends_where_a_reader_says() -> None:
    text = "Zie (https://waterstad.example/a_(b)), „waterstad.example/c”… en waterstad.example/d?"
    assert [text[one.start : one.end] for one in find_links(text)] == [
        "https://waterstad.example/a_(b)",
        "waterstad.example/c",
        "waterstad.example/d",
    ]


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="a1.:/@#?[]()%xn-é。．\\ wnl", max_size=80))
def test_any_text_gives_links_in_their_places(text: str) -> None:
    for link in find_links(text):
        assert 0 <= link.start < link.end <= len(text)
