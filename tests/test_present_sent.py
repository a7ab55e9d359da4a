"""The card of a reply that was sent, of an answer given outside, and of what came with a post."""

from decimal import Decimal
from typing import Any

import pytest

from assistant.card import Picture
from assistant.case import Barred, Image, Kind, Said, State
from assistant.platforms import Cost, Platform
from assistant.testing import FakePlatform, FullPlatform
from assistant.words import Words
from tests.staff_cases import (
    LINK,
    OPEN,
    OUTSIDE,
    ROADS,
    SENDING,
    card,
    case_in,
    correction,
    event,
    fold,
    post,
    reply,
    story,
)

SENT = (*SENDING, Kind.SENT)
ABLE = FullPlatform()


def buttons(*kinds: Kind, platform: Platform | None = ABLE) -> list[str]:
    """Return what a card offers after these kinds."""
    return [each.id for each in card(fold(*story(*kinds)), platform=platform).actions]


def facts(shown: Any) -> dict[str, str]:
    """Return a card's facts by their label."""
    return {each.label: each.value for each in shown.facts}


# What became of a reply


def test_a_sent_reply_offers_what_its_platform_can_do() -> None:
    assert buttons(*SENT) == ["take_back", "correct"]
    assert buttons(*SENT, platform=FakePlatform()) == []
    assert buttons(*SENT, platform=None) == []
    assert buttons(*SENT, Kind.TAKE_BACK) == []
    assert buttons(*SENT, Kind.TAKE_BACK, Kind.AMENDED) == ["reopen"]
    assert buttons(*SENT, Kind.TAKE_BACK, Kind.AMEND_FAILED) == ["take_back", "correct"]
    again = buttons(*SENT, Kind.REOPENED, Kind.TRIAGED, Kind.PRESENTED)
    assert again[-2:] == ["take_back", "correct"]
    style = card(fold(*story(*SENT)), platform=ABLE).actions[0]
    assert (style.style, style.opens) == ("danger", "form")


def test_a_reply_of_which_only_a_persons_link_is_known_is_left_to_people() -> None:
    assert buttons(*SENDING, Kind.DOUBTED, Kind.CONFIRMED) == []


@pytest.mark.parametrize("state", set(State) - {State.SENT})
def test_without_a_sent_reply_there_is_nothing_to_take_back(state: State) -> None:
    offered = {each.id for each in card(case_in(state), platform=ABLE).actions}
    assert not offered & {"take_back", "correct"}


def test_taking_back_is_shown_as_done_only_once_it_is() -> None:
    asked = card(fold(*story(*SENT, Kind.TAKE_BACK)))
    assert asked.answer
    assert asked.answer.status == (
        "Verstuurd op 22 november 10:46 door Anna Bakker. Nu: Anna Bakker wil het terugnemen"
        " (22 november 10:48), dat is nog niet gebeurd."
    )
    assert (asked.answer.url, facts(asked)["Status"]) == (LINK, "verstuurd")
    done = card(fold(*story(*SENT, Kind.TAKE_BACK, Kind.AMENDED)))
    assert done.answer
    assert done.answer.status == "Nu: teruggenomen door Anna Bakker (22 november 10:48)."
    assert (done.answer.url, facts(done)["Status"]) == (None, "teruggenomen")


def test_a_correction_is_shown_only_once_it_stands() -> None:
    asked = card(fold(*story(*SENT, Kind.CORRECT)))
    assert asked.answer
    assert asked.answer.text == reply().text
    done = card(fold(*story(*SENT, Kind.CORRECT, Kind.AMENDED)))
    assert done.answer
    assert (done.answer.text, done.answer.url) == (correction().text, LINK)
    assert "verbeterd door Anna Bakker (22 november 10:48)" in done.answer.status


@pytest.mark.parametrize(
    ("act", "told"), [(Kind.TAKE_BACK, "Terugnemen"), (Kind.CORRECT, "Verbeteren")]
)
def test_what_did_not_succeed_is_warned_of(act: Kind, told: str) -> None:
    shown = card(fold(*story(*SENT, act, Kind.AMEND_FAILED)))
    assert shown.warnings[0] == (
        f"{told} is niet gelukt: het platform was te lang niet bereikbaar."
        " Kijk op Mastodon wat er staat."
    )
    assert shown.answer
    assert (shown.answer.text, "Nu:" in shown.answer.status) == (reply().text, False)


def test_a_case_that_came_back_tells_what_became_of_its_reply() -> None:
    road = (*SENT, Kind.TAKE_BACK, Kind.AMENDED, Kind.REOPENED, Kind.TRIAGED, Kind.PRESENTED)
    shown = card(fold(*story(*road)))
    told = "teruggenomen door Anna Bakker (22 november 10:48)"
    assert facts(shown)["Vorig antwoord"] == told


def test_a_corrected_reply_is_not_called_unsent_when_the_case_comes_back() -> None:
    road = (*SENT, Kind.CORRECT, Kind.AMENDED, Kind.REOPENED, Kind.TRIAGED, Kind.PRESENTED)
    shown = card(fold(*story(*road)))
    assert shown.answer is None
    assert facts(shown)["Al beantwoord"] == "1 keer, door Anna Bakker"


def test_a_reply_that_was_taken_back_is_not_counted_as_an_answer() -> None:
    road = (*SENT, Kind.TAKE_BACK, Kind.AMENDED, Kind.REOPENED, Kind.TRIAGED, Kind.PRESENTED)
    assert "Al beantwoord" not in facts(card(fold(*story(*road))))


def test_a_reply_nobody_sees_is_warned_of_until_it_is_taken_back() -> None:
    hidden = card(fold(*story(*SENT, Kind.HIDDEN)))
    [told] = hidden.warnings
    assert told == (
        "Het platform nam dit antwoord aan, maar laat het aan niemand zien: onder dit bericht mogen"
        " wij niet antwoorden. De inwoner heeft dus nog geen antwoord."
    )
    gone = card(fold(*story(*SENT, Kind.HIDDEN, Kind.TAKE_BACK, Kind.AMENDED)))
    assert gone.warnings == ()


def test_a_private_reply_is_told_as_such() -> None:
    case = fold(*story(*SENT))
    private = case.sent[0].model_copy(update={"visibility": "direct"})
    shown = card(case.model_copy(update={"sent": (private,)}))
    assert shown.answer
    assert shown.answer.status.endswith("Privé: alleen voor deze inwoner.")


@pytest.mark.parametrize("state", [State.APPROVAL, State.QUEUED, State.SENDING, State.FAILED])
def test_who_approves_or_waits_sees_that_it_is_private(state: State) -> None:
    case = case_in(state)
    assert case.reply
    private = case.reply.model_copy(update={"visibility": "direct"})
    for held, told in ((case, False), (case.model_copy(update={"reply": private}), True)):
        answer = card(held).answer
        assert answer
        assert ("Privé" in answer.status) is told


def test_an_answer_given_outside_is_what_a_closed_card_shows() -> None:
    shown = card(fold(*story(*OPEN, Kind.ELSEWHERE)))
    assert shown.answer
    assert (shown.answer.text, shown.answer.url) == ("Kijk even op onze site.", OUTSIDE)
    assert shown.answer.status == "Buiten Luister om geantwoord, gezien op 22 november 10:45."
    assert facts(shown)["Status"] == "afgesloten: ergens anders beantwoord"


@pytest.mark.parametrize("state", [State.SENT, State.IN_DOUBT])
def test_an_answer_given_outside_beside_ours_is_warned_of(state: State) -> None:
    shown = card(fold(*story(*ROADS[state], Kind.ELSEWHERE)))
    told = "Een van ons antwoordde ook buiten Luister om: Kijk even op onze site."
    assert told in shown.warnings


# What came with a post


def shown_of(**changes: Any) -> Any:
    """Return the card of an open case with this post."""
    return card(case_in(State.OPEN, posts=(post(**changes),)))


def test_what_came_with_a_post_is_on_the_card() -> None:
    above = (
        Said(author="@piet", text="Hier  ook\nal", ours=False),
        Said(author="@waterstad", text="Wij kijken ernaar.", ours=True),
    )
    images = (Image(alt="Een volle bak", url="https://social.example/1.jpg"), Image())
    shown = shown_of(warning="dode vogel", language="en", above=above, images=images)
    assert shown.warning == "Waarschuwing van de inwoner bij dit bericht: dode vogel"
    assert shown.above == ("@piet: Hier ook al", "Wij: Wij kijken ernaar.")
    assert shown.pictures == (
        Picture(label="Beeld: Een volle bak", url="https://social.example/1.jpg"),
        Picture(label="Beeld zonder beschrijving"),
    )
    assert facts(shown)["Taal"] == "Nederlands (volgens de inwoner Engels)"
    assert facts(shown_of(language="nl"))["Taal"] == "Nederlands"


def test_much_that_came_with_a_post_is_bounded() -> None:
    above = tuple(Said(text=f"bericht {n} " + "x" * 5000) for n in range(500))
    shown = shown_of(above=above, images=(Image(alt="y" * 5000),) * 20)
    assert len(shown.above) == 5
    assert shown.above[0] == "(en 496 eerdere berichten)"
    assert shown.above[-1].startswith("anoniem: bericht 499 xxx")
    assert max(map(len, shown.above)) < 200
    assert [each.label for each in shown.pictures[4:]] == ["en nog 16"]
    assert max(len(each.label) for each in shown.pictures) < 200


REASONS: dict[Barred, str] = {
    "not_summoned": "de inwoner noemt ons niet, en dan staat dit platform geen antwoord toe",
    "replies_closed": "onder dit bericht mogen wij niet antwoorden",
    "blocked": "de inwoner heeft ons account geblokkeerd",
    "account_gone": "het account van de inwoner bestaat niet meer",
    "protected": "de inwoner laat niet iedereen reageren",
}


@pytest.mark.parametrize("why", REASONS)
def test_a_card_says_why_we_may_not_answer_and_offers_no_editor(why: Barred) -> None:
    shown = shown_of(barred=why)
    assert shown.notes == (f"Antwoorden kan hier niet: {REASONS[why]}.",)
    assert [each.id for each in shown.actions] == ["claim", "close", "hand_over", "relabel"]
    assert REASONS[why] != Words("en").say(f"card.reason_{why}")


class Priced(FakePlatform):
    """A platform that asks money; a link makes a reply dearer."""

    known = True

    def cost(self, text: str) -> Cost:
        """Return a cent, and twenty with a link."""
        link = "https://" in text
        dollars = Decimal("0.20" if link else "0.01") if self.known else None
        return Cost(dollars=dollars, as_of="2026-11-01", link=link)


@pytest.mark.parametrize(
    ("text", "known", "told"),
    [
        ("Dag!", True, "ongeveer $0.01 (prijslijst van 2026-11-01)"),
        ("Kijk op https://waterstad.example", True,
         "ongeveer $0.20, want er staat een link in (prijslijst van 2026-11-01)"),
        ("Dag!", False, "onbekend (prijslijst van 2026-11-01)"),
    ],
)  # fmt: skip
def test_what_a_reply_costs_is_on_the_card(text: str, known: bool, told: str) -> None:
    platform = Priced()
    platform.known = known
    case = case_in(State.OPEN)
    assert case.draft
    ready = case.model_copy(update={"draft": case.draft.model_copy(update={"text": text})})
    assert facts(card(ready, platform=platform))["Kosten"] == told
    assert "Kosten" not in facts(card(case_in(State.SENT), platform=platform))
    assert "Kosten" not in facts(card(ready))


def test_a_queued_text_is_what_its_cost_is_told_of() -> None:
    case = fold(*story(*OPEN), event(Kind.APPROVED, 5, reply=reply(text="https://x.example")))
    assert facts(card(case, platform=Priced()))["Kosten"].startswith("ongeveer $0.20")
