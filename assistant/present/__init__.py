"""What staff see of a case: card, stub, line in a digest, and the questions before an act."""

from datetime import datetime

from assistant.card import Action, Card, DigestLine
from assistant.case import Case
from assistant.config import Organisation
from assistant.platforms import Platform
from assistant.present import around, citizen, reply
from assistant.present.forms import (
    close_form,
    found_form,
    hand_over_form,
    pick_form,
    relabel_form,
    rewrite_form,
    take_back_form,
)
from assistant.present.wording import View, short
from assistant.words import Words

__all__ = [
    "card_of",
    "close_form",
    "digest_line",
    "found_form",
    "hand_over_form",
    "pick_form",
    "relabel_form",
    "rewrite_form",
    "stub_of",
    "take_back_form",
]


def card_of(
    case: Case,
    *,
    version: int,
    organisation: Organisation,
    words: Words,
    now: datetime,
    platform: Platform | None,
) -> Card:
    """Return the card of `case` as it stands at `version`.

    `platform` says how long a reply may be, what it costs and what can be done with one that was
    sent; None where its account is no longer configured.
    """
    view = View(case=case, organisation=organisation, words=words, now=now, platform=platform)
    if case.erased:
        return _bare(
            view, version, title=words.say("card.erased_title"), post=words.say("card.erased")
        )
    title, author, post = citizen.title(view), citizen.author(view), citizen.post(view)
    return Card(
        case=case.id,
        version=version,
        title=title,
        summary=words.say("card.summary", title=title, author=author, post=short(post)),
        urgent=citizen.urgent(case),
        author=author,
        source=view.source,
        url=case.post.url,
        time=view.time(case.post.created_at),
        post=post,
        warning=around.warning(view),
        above=tuple(around.above(view)),
        pictures=tuple(around.pictures(view)),
        notes=tuple(citizen.notes(view)),
        advice=citizen.advice(view),
        facts=tuple(reply.facts(view)),
        suggestion=reply.suggestion(view),
        answer=reply.answer(view),
        warnings=tuple(reply.warnings(view)),
        actions=tuple(reply.actions(view)),
        offer=reply.offer(view),
    )


def stub_of(
    case: Case,
    *,
    version: int,
    organisation: Organisation,
    words: Words,
    now: datetime,
    to: str,
    url: str | None,
) -> Card:
    """Return what is left of a card whose case lives on elsewhere; it holds no citizen's data.

    `to` names the department or channel that took over; empty when the case goes on in a new card
    in the same place. `url` leads to the new card.
    """
    view = View(case=case, organisation=organisation, words=words, now=now)
    stub = words.say("card.stub_moved", to=to) if to else words.say("card.stub_continues")
    bare = _bare(view, version, title=citizen.title(view), post=stub)
    return bare.model_copy(update={"stub": stub, "stub_url": url})


def _bare(view: View, version: int, *, title: str, post: str) -> Card:
    """Return a card without the citizen and without actions."""
    return Card(
        case=view.case.id,
        version=version,
        title=title,
        summary=post,
        author=view.say("card.anonymous"),
        source=view.source,
        url=None,
        time=view.time(view.case.updated_at),
        post=post,
    )


def digest_line(
    case: Case, *, organisation: Organisation, words: Words, now: datetime, standing: bool
) -> DigestLine:
    """Return the line of `case` in a digest; without a button once it no longer stands there."""
    if case.erased:
        return DigestLine(case=case.id, text=words.say("card.erased"))
    view = View(case=case, organisation=organisation, words=words, now=now)
    text = words.say(
        "card.digest_line",
        title=citizen.title(view),
        time=view.time(case.post.created_at),
        post=short(citizen.post(view)),
    )
    button = Action(id="open", label=words.say("card.action_open")) if standing else None
    return DigestLine(case=case.id, text=short(text), action=button)
