"""The life of a case: the table of moves, who may make them, and the fold over events."""

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import ValidationError

from assistant.case import (
    FINISHED,
    HUMAN,
    MOVES,
    NAMED,
    Alias,
    Case,
    Event,
    IllegalMove,
    Kind,
    Remote,
    Reply,
    Rewriting,
    State,
    evolve,
    handle_key,
    record_key,
    reply_id,
)
from assistant.store.vault import SEALED, Vault, commit, transform
from tests.core import START, WRITER, drafted, post, reply_to, triaged

SETTLES = (Kind.AMENDED, Kind.AMEND_FAILED)
PAIRS = list(itertools.product([None, *State], Kind))


def event_for(kind: Kind, case: Case | None, *, number: int = 0) -> Event:
    """Return an event of this kind with all its parts, fit for this case."""
    at = START + timedelta(seconds=number)
    newest = case.post if case else post()
    reply = case.reply if case and case.reply else reply_to(case or begun(), now=at)
    sent = case.sent[-1] if case and case.sent else reply
    if case and case.amendment and kind in SETTLES:
        sent = sent.model_copy(update={"id": case.amendment.reply, "corrects": None})
    remote = Remote(id=f"r{number}")
    parts: dict[Kind, dict[str, Any]] = {
        Kind.RECEIVED: {"post": post(f"p{number}", text=f"text {number}")},
        Kind.EDITED: {"post": newest.model_copy(update={"text": f"edit {number}", "edited": True})},
        Kind.DELETED: {"post": newest.model_copy(update={"deleted": True})},
        Kind.TRIAGED: {"triage": triaged().triage},
        Kind.RELABELLED: {"triage": triaged(label="complaint").triage},
        Kind.DRAFTED: {"draft": drafted(id=f"d{number}").draft},
        Kind.REWRITE: {"rewriting": Rewriting(draft="d1", wish="own", words="Zeg dag.")},
        Kind.PICKED: {"draft": drafted(id=f"a{number}").draft, "alias": words(f"words {number}")},
        Kind.TAUGHT: {"alias": case.offered if case and case.offered else words()},
        Kind.UNTAUGHT: {"alias": case.taught[0] if case and case.taught else words()},
        Kind.SUBMITTED: {"reply": reply_to(case or begun(), now=at)},
        Kind.APPROVED: {"reply": reply_to(case or begun(), now=at)},
        Kind.CONFIRMED: {"text": reply.text, "reply_id": reply.id, "remote": remote},
        Kind.DENIED: {"text": reply.text, "reply_id": reply.id},
        Kind.SENT: {"text": reply.text, "reply_id": reply.id, "remote": remote},
        Kind.FOUND: {"text": reply.text, "reply_id": reply.id, "remote": remote},
        Kind.SURFACED: {"reply": reply, "remote": remote},
        Kind.SENDING: {"reply_id": reply.id, "attempt": (case.attempt if case else 0) + 1},
        Kind.HANDED_OVER: {"department": "care"},
        Kind.HIDDEN: {"reply_id": sent.origin, "reason": "unknown"},
        Kind.ELSEWHERE: {"text": f"outside {number}", "remote": remote},
        Kind.BARRED: {"post": newest.model_copy(update={"barred": "blocked"})},
        Kind.UNQUOTED: {"post": newest.model_copy(update={"above": ()})},
        Kind.TAKE_BACK: {"reply_id": sent.origin, "text": sent.text},
        Kind.CORRECT: {"reply_id": sent.origin, "reply": corrected(sent, number)},
        Kind.AMENDED: {"reply_id": sent.origin},
        Kind.AMEND_FAILED: {"reply_id": sent.origin, "reason": "gave_up"},
    }
    return Event(kind=kind, at=at, by=WRITER, **parts.get(kind, {}))


def words(phrase: str = "old couch") -> Alias:
    """Return words that may be taught."""
    return Alias(answer="bulky", phrase=phrase, by=WRITER, at=START)


def corrected(sent: Reply, number: int) -> Reply:
    """Return a reply that comes in the place of `sent`."""
    text = f"corrected {number}"
    return sent.model_copy(update={"id": f"c{number}", "corrects": sent.origin, "text": text})


def fits(kind: Kind, case: Case | None) -> bool:
    """Say whether `kind` can be told of a case's newest sent reply or its words, by the design."""
    if kind in SETTLES:
        return bool(case and case.amending)
    if kind in (Kind.TAUGHT, Kind.UNTAUGHT):
        return bool(case and (case.offered if kind is Kind.TAUGHT else case.taught))
    if kind not in (Kind.HIDDEN, Kind.TAKE_BACK, Kind.CORRECT):
        return not (kind is Kind.ERASED and case and case.amending)
    if case is None or not case.sent:
        return False
    return kind is Kind.HIDDEN or not (case.amending or case.taken_back)


def begun() -> Case:
    """Return a case of one post."""
    return evolve(None, Event(kind=Kind.RECEIVED, at=START, post=post()), id="c1")


def case_in(state: State | None) -> Case | None:
    """Return a case that stands in this state, reached by the shortest legal way."""
    ways: list[tuple[Case | None, State | None]] = [(None, None)]
    known: set[State | None] = {None}
    while ways:
        case, at = ways.pop(0)
        if at == state:
            return case
        for kind in Kind:
            moves = kind is not Kind.ERASED and fits(kind, case)
            if moves and MOVES[kind].get(at) not in {*known, None}:
                after = evolve(case, event_for(kind, case), id="c1")
                known.add(after.state)
                ways.append((after, after.state))
    raise AssertionError(f"no way leads to {state}")


@pytest.mark.parametrize(("state", "kind"), PAIRS)
def test_every_pair_of_state_and_kind_does_what_the_table_says(
    state: State | None, kind: Kind
) -> None:
    case = case_in(state)
    event = event_for(kind, case, number=7)
    allowed = MOVES[kind].get(state) if fits(kind, case) else None
    if allowed is None:
        with pytest.raises(IllegalMove):
            evolve(case, event, id="c1")
    else:
        assert evolve(case, event, id="c1").state is allowed


@pytest.mark.parametrize("kind", Kind)
def test_an_erased_case_takes_only_what_the_citizen_writes_anew(kind: Kind) -> None:
    erased = evolve(case_in(State.CLOSED), Event(kind=Kind.ERASED, at=START), id="c1")
    event = event_for(kind, erased, number=7)
    if kind in (Kind.RECEIVED, Kind.ERASED):
        assert evolve(erased, event, id="c1").erased is (kind is Kind.ERASED)
        return
    with pytest.raises(IllegalMove):
        evolve(erased, event, id="c1")


def test_the_table_says_what_the_design_says() -> None:
    """The moves that matter most, written down a second time by hand."""
    received = MOVES[Kind.RECEIVED]
    assert {received[state] for state in (State.QUEUED, State.APPROVAL)} == {State.OPEN}
    assert {received[state] for state in FINISHED} == {State.NEW}
    for stays in (State.SENDING, State.IN_DOUBT, State.FAILED):
        assert received[stays] is stays
    assert set(MOVES[Kind.UNDONE]) == {State.QUEUED}
    leaving_doubt = {kind for kind in Kind if MOVES[kind].get(State.IN_DOUBT)}
    assert leaving_doubt == {
        Kind.RECEIVED,
        Kind.EDITED,
        Kind.DELETED,
        Kind.FOUND,
        Kind.CONFIRMED,
        Kind.DENIED,
        Kind.SURFACED,
        Kind.TRIAGED,
        Kind.REMINDED,
        # These stay: what is under way ends by itself.
        Kind.HIDDEN,
        Kind.ELSEWHERE,
        Kind.BARRED,
        Kind.AMENDED,
        Kind.AMEND_FAILED,
        Kind.UNQUOTED,
        Kind.TAUGHT,
        Kind.UNTAUGHT,
    }
    staying = leaving_doubt - {Kind.FOUND, Kind.CONFIRMED, Kind.DENIED}
    assert {MOVES[kind][State.IN_DOUBT] for kind in staying} == {State.IN_DOUBT}
    assert not {State.QUEUED, State.SENDING, State.IN_DOUBT} & set(MOVES[Kind.ERASED])


@pytest.mark.parametrize("kind", sorted(NAMED))
def test_a_named_move_without_its_person_is_refused(kind: Kind) -> None:
    whole = event_for(kind, case_in(State.OPEN)).model_dump()
    with pytest.raises(ValidationError, match="needs the person"):
        Event.model_validate(whole | {"by": None})


@pytest.mark.parametrize("kind", sorted(HUMAN))
@pytest.mark.parametrize("text", [None, ""])
def test_a_human_move_without_the_text_that_was_seen_is_refused(
    kind: Kind, text: str | None
) -> None:
    whole = event_for(kind, case_in(State.OPEN)).model_dump()
    with pytest.raises(ValidationError, match="exact text"):
        Event.model_validate(whole | {"reply": None, "text": text})


def reachable(without: frozenset[Kind], *, start: State | None = None) -> set[State | None]:
    """Return every state the table reaches from `start` when nobody makes the moves `without`."""
    found: set[State | None] = {start}
    while True:
        more = {
            MOVES[kind][state]
            for kind in set(Kind) - without
            for state in found
            if state in MOVES[kind]
        }
        if more <= found:
            return found
        found |= more


def test_sent_is_reached_only_by_a_person_who_approved() -> None:
    assert State.SENT in reachable(frozenset())
    ours = {State.QUEUED, State.SENDING, State.IN_DOUBT, State.SENT}
    assert not reachable(HUMAN) & ours
    # Not by submitting for approval, and not a second time on the first approval either.
    for again in (None, State.OPEN, State.SENT, State.FAILED, State.CLOSED, State.APPROVAL):
        found = reachable(frozenset({Kind.APPROVED}), start=again)
        assert not found & (ours - {again})


@pytest.mark.parametrize("kind", [Kind.SENDING, Kind.SENT, Kind.FOUND, Kind.CONFIRMED])
@pytest.mark.parametrize("other", [{"reply_id": "another"}, {"text": "another text"}])
def test_what_is_told_of_a_reply_is_told_of_the_approved_one(
    kind: Kind, other: dict[str, str]
) -> None:
    case = case_in(min(state for state in MOVES[kind] if state))
    wrong = event_for(kind, case).model_copy(update=other)
    with pytest.raises(IllegalMove, match="another reply or text"):
        evolve(case, wrong, id="c1")


def sent_case() -> Case:
    """Return a case whose reply stands."""
    case = case_in(State.SENT)
    assert case is not None
    return case


def after(case: Case, *kinds: Kind, **parts: Any) -> Case:
    """Return the case after these kinds; `parts` are the last event's own."""
    for number, kind in enumerate(kinds, start=50):
        event = event_for(kind, case, number=number)
        last = number == 49 + len(kinds)
        case = evolve(case, event.model_copy(update=parts if last else {}), id="c1")
    return case


def test_a_reply_is_taken_back_only_once_the_platform_did_it() -> None:
    asked = after(sent_case(), Kind.TAKE_BACK)
    assert (asked.state, asked.amending, asked.taken_back) == (State.SENT, True, False)
    done = after(asked, Kind.AMENDED)
    assert (done.state, done.amending, done.taken_back) == (State.SENT, False, True)
    assert done.amendment is not None
    assert (done.amendment.by, done.amendment.remote) == (WRITER, asked.remote)
    for kind in (Kind.TAKE_BACK, Kind.CORRECT):
        with pytest.raises(IllegalMove):
            after(done, kind)


def test_a_corrected_reply_stands_with_its_new_text_and_is_still_the_one_that_was_sent() -> None:
    before = sent_case()
    asked = after(before, Kind.CORRECT)
    assert asked.sent == before.sent
    done = after(asked, Kind.AMENDED)
    assert [(each.text, each.origin) for each in done.sent] == [
        ("corrected 50", before.sent[0].id),
    ]
    again = after(done, Kind.CORRECT, Kind.AMENDED)
    assert [(each.id, each.origin) for each in again.sent] == [("c50", before.sent[0].id)]
    late = after(again, Kind.SURFACED, reply=before.sent[0])
    assert late.sent == again.sent


def test_a_correction_that_failed_leaves_the_text_and_may_be_asked_again() -> None:
    before = sent_case()
    failed = after(before, Kind.CORRECT, Kind.AMEND_FAILED)
    assert failed.sent == before.sent
    assert failed.amendment is not None
    assert (failed.amending, failed.amendment.reason) == (False, "gave_up")
    assert after(failed, Kind.TAKE_BACK).amending


def test_a_new_reply_ends_what_was_told_of_the_one_before_it() -> None:
    hidden = after(sent_case(), Kind.HIDDEN, Kind.TAKE_BACK, Kind.AMENDED)
    assert hidden.hidden == "unknown"
    road = (Kind.REOPENED, Kind.TRIAGED, Kind.PRESENTED, Kind.APPROVED)
    queued = after(
        hidden, *road, reply=reply_to(hidden, "Once more").model_copy(update={"id": "2"})
    )
    assert (queued.hidden, queued.taken_back) == ("unknown", True)
    sent = after(queued, Kind.SENDING, Kind.SENT)
    assert (len(sent.sent), sent.hidden, sent.amendment) == (2, None, None)
    assert (sent.taken_back, sent.standing) == (False, sent.sent[1:])


def test_a_corrected_reply_is_no_text_that_nobody_sent() -> None:
    corrected_case = after(sent_case(), Kind.CORRECT, Kind.AMENDED)
    again = after(corrected_case, Kind.REOPENED, Kind.TRIAGED, Kind.PRESENTED)
    assert again.unsent is None
    assert again.standing == corrected_case.sent
    undone = case_in(State.QUEUED)
    assert undone is not None
    assert after(undone, Kind.UNDONE).unsent == undone.reply


def test_an_answer_outside_ends_what_waits_and_only_notes_itself_on_what_is_under_way() -> None:
    for state in MOVES[Kind.ELSEWHERE]:
        case = case_in(state)
        assert case is not None
        told = after(case, Kind.ELSEWHERE)
        assert told.outside is not None
        assert told.outside.text == "outside 50"
        closes = state not in (State.SENT, State.CLOSED, State.SENDING, State.IN_DOUBT)
        assert (told.state is State.CLOSED) is (closes or state is State.CLOSED)
        assert told.reason == ("answered_elsewhere" if closes else case.reason)


def test_a_barred_post_cannot_be_answered_and_one_freed_again_can() -> None:
    case = case_in(State.QUEUED)
    assert case is not None
    barred = after(case, Kind.BARRED)
    assert (barred.state, barred.answerable, barred.revision) == (State.OPEN, False, case.revision)
    freed = after(barred, Kind.BARRED, post=case.post)
    assert (freed.state, freed.answerable) == (State.OPEN, True)


def test_a_post_that_addresses_us_stays_the_one_to_answer() -> None:
    chat = post("p2", text="thanks all").model_copy(update={"addressed": None})
    case = evolve(begun(), Event(kind=Kind.RECEIVED, at=START, post=chat), id="c1")
    assert (case.post.id, case.answerable) == ("p1", True)


def test_every_way_into_queued_is_human() -> None:
    into = {kind for kind, moves in MOVES.items() for a, b in moves.items() if b is State.QUEUED}
    into -= {kind for kind in into if MOVES[kind].get(State.QUEUED) is State.QUEUED} - HUMAN
    assert into
    assert into <= HUMAN


class Life(RuleBasedStateMachine):
    """Random legal events keep what must always hold, sealed or open."""

    @initialize()
    def begin(self) -> None:
        self.vault = Vault({})
        self.case: Case | None = None
        self.sealed: Case | None = None
        self.events: list[Event] = []
        self.happens(Kind.RECEIVED)

    @rule(data=st.data())
    @precondition(lambda self: self.case is not None)
    def next(self, data: st.DataObject) -> None:
        assert self.case is not None
        state = self.case.state
        self.happens(data.draw(st.sampled_from([kind for kind in Kind if state in MOVES[kind]])))

    def happens(self, kind: Kind) -> None:
        if self.case and self.case.erased and kind not in (Kind.RECEIVED, Kind.ERASED):
            with pytest.raises(IllegalMove):
                evolve(self.case, event_for(kind, self.case, number=0), id="c1")
            return
        approved = [each.reply for each in self.events if each.kind is Kind.APPROVED]
        if kind is Kind.SURFACED and (self.case is None or self.case.reply not in approved):
            return  # only a reply that was approved can surface
        event = event_for(kind, self.case, number=len(self.events))
        if not fits(kind, self.case):
            with pytest.raises(IllegalMove):
                evolve(self.case, event, id="c1")
            return
        closed = transform(event, self.vault.seal)
        self.events.append(event)
        self.case = evolve(self.case, event, id="c1")
        self.sealed = evolve(self.sealed, closed, id="c1")

    @invariant()
    def sealed_and_open_tell_the_same(self) -> None:
        assert self.case is not None
        assert self.sealed is not None
        assert transform(self.sealed, self.vault.open) == self.case

    @invariant()
    def the_fold_of_the_events_is_the_case(self) -> None:
        again = None
        for event in self.events:
            again = evolve(again, event, id="c1")
        assert again == self.case

    @invariant()
    def each_sent_reply_was_approved_once(self) -> None:
        assert self.case is not None
        approvals = [each for each in self.events if each.kind is Kind.APPROVED]
        if not self.case.erased:
            assert len(self.case.sent) <= len(approvals)
            corrections = [each.reply for each in self.events if each.kind is Kind.CORRECT]
            approved = [each.reply for each in approvals]
            assert all(
                each in (corrections if each.corrects else approved) for each in self.case.sent
            )
        if self.case.state in (State.QUEUED, State.SENDING, State.IN_DOUBT):
            assert self.case.reply is not None
            assert self.case.reply in [each.reply for each in approvals]

    @invariant()
    def a_finished_case_has_nothing_unanswered_by_chance(self) -> None:
        assert self.case is not None
        assert self.case.revision >= 1
        assert self.case.answered <= len(self.case.posts)

    @invariant()
    def no_private_value_is_in_the_sealed_case(self) -> None:
        assert self.sealed is not None
        for each in self.sealed.posts:
            assert each.text.startswith(SEALED)
            assert each.id.startswith(SEALED)
            assert each.handle is None or each.handle.startswith(SEALED)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@given(st.text(min_size=1))
def test_a_record_key_is_a_valid_tid_that_sorts_by_time(id: str) -> None:
    key = record_key(id, START)
    assert re.fullmatch("[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}", key)
    assert key == record_key(id, START)
    assert key < record_key(id, START + timedelta(milliseconds=1))


def test_a_record_key_holds_its_time_and_clock() -> None:
    digits = "234567abcdefghijklmnopqrstuvwxyz"
    number = 0
    for each in record_key("r1", START):
        number = number << 5 | digits.index(each)
    assert number >> 10 == int(START.timestamp() * 1_000_000)


def test_one_send_of_one_case_always_makes_the_same_reply() -> None:
    assert reply_id("send:v1:abc", "c1") == reply_id("send:v1:abc", "c1")
    assert len({reply_id(a, b) for a in ("x", "y") for b in ("c1", "c2")}) == 4


@pytest.mark.parametrize("handle", ["Henk", "@Henk", "@HENK"])
def test_a_handle_is_known_with_or_without_its_at(handle: str) -> None:
    assert handle_key(handle) == "henk"


def test_an_edit_and_a_deletion_change_the_post_they_are_about() -> None:
    case = evolve(None, Event(kind=Kind.RECEIVED, at=START, post=post("p1")), id="c1")
    case = evolve(case, Event(kind=Kind.RECEIVED, at=START, post=post("p2")), id="c1")
    gone = post("p2").model_copy(update={"deleted": True})
    case = evolve(case, Event(kind=Kind.DELETED, at=START, post=gone), id="c1")
    assert case.post.id == "p1"
    assert case.revision == 3
    assert not case.gone
    gone = post("p1").model_copy(update={"deleted": True})
    case = evolve(case, Event(kind=Kind.DELETED, at=START, post=gone), id="c1")
    assert case.gone
    assert not case.answerable


def test_a_new_post_after_erasure_knows_nothing_of_before() -> None:
    case = case_in(State.OPEN)
    assert case is not None
    case = evolve(case, Event(kind=Kind.ERASED, at=START), id="c1")
    before = case.revision
    case = evolve(case, event_for(Kind.RECEIVED, case, number=9), id="c1")
    assert [each.text for each in case.posts] == ["text 9"]
    assert (case.triage, case.draft, case.sent, case.reply, case.owner) == (
        None,
        None,
        (),
        None,
        None,
    )
    assert case.revision > before  # an editor opened before must not pass for one opened now


@pytest.mark.parametrize(
    "kinds",
    [
        (Kind.APPROVED, Kind.UNDONE),
        (Kind.SUBMITTED, Kind.RETURNED),
        (Kind.CLOSED, Kind.RECEIVED),
        (Kind.CLOSED, Kind.REOPENED),
        (Kind.ERASED, Kind.RECEIVED),
    ],
    ids="-".join,
)
def test_a_wish_for_another_version_ends_where_the_case_goes_on_without_it(
    kinds: tuple[Kind, ...],
) -> None:
    case = case_in(State.OPEN)
    assert case is not None
    for number, kind in enumerate((Kind.REWRITE, *kinds), start=5):
        case = evolve(case, event_for(kind, case, number=number), id="c1")
    assert case.rewriting is None


def test_the_same_value_keeps_its_commitment_and_another_salt_hides_it_elsewhere() -> None:
    one, other = Vault({}), Vault({})
    assert one.seal("text") == one.seal("text")
    assert one.seal("text") != other.seal("text")
    for sealed, stored in one.fresh.items():
        salt, _, value = stored.partition(":")
        assert commit(salt, value) == sealed
        assert len(salt) == 32
