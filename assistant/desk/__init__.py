"""What people do with a case: each act is checked, recorded in their name, then answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from assistant.amendable import Act, four_eyes
from assistant.card import Editor, Form, Reader
from assistant.case import (
    Actor,
    Case,
    Event,
    Kind,
    Reply,
    State,
)
from assistant.chats import Press, Presser, Submission, Verdict
from assistant.config import Organisation, Person
from assistant.desk.amending import correcting, standing, taking_back
from assistant.desk.asking import question
from assistant.desk.letter import Letter
from assistant.desk.permits import actor_of, allowed, destination, held, least, not_closed
from assistant.desk.picking import picked, taught
from assistant.desk.relabelling import relabelled
from assistant.desk.rewriting import wished
from assistant.desk.seen import changed, seen
from assistant.desk.settling import settled
from assistant.desk.texts import beginning, cited, signed
from assistant.errors import NotAllowed
from assistant.ground import lapsed, lasting, road_of, valid
from assistant.platforms import Platform
from assistant.present.wording import place_of
from assistant.store import URGENT, Decision, Loaded, Store, Work
from assistant.store.lanes import enlist
from assistant.words import Words


class Desk:
    """The organisation's desk; it keeps the Protocol `assistant.chats.Desk`."""

    def __init__(
        self,
        store: Store,
        organisation: Organisation,
        *,
        platforms: Mapping[tuple[str, str], Platform],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._organisation = organisation
        self._platforms = platforms
        self._clock = clock
        self._words = Words(organisation.language)

    def say(self, key: str, **values: object) -> str:
        return self._words.say(key, **values)

    async def press(self, press: Press) -> str | Editor | None:
        """Do what a button or its form asks; see `assistant.chats.Desk`."""
        # Another choice in the same form is another act.
        command = f"{press.action}:{press.version}:{press.by.chat_user}:{press.choice or ''}"
        loaded = await self._load(press.case, command=command)
        # A double click on what left this person's departments by the first is no mistake.
        if loaded.repeated:
            return await self._after(press)
        person = self._allowed(press.by, held(loaded), at_least=least(press.action))
        if press.action == "open":
            channel = self._channel(held(loaded))
            await enlist(self._store, channel, "open:" + press.case, rank=URGENT)
            return None
        now = self._clock()
        saw = await seen(self._store, press)

        def decide(case: Case | None) -> Decision:
            assert case is not None
            self._allowed(press.by, case, at_least=least(press.action))
            if changed(case, press, saw):
                raise self._went_on(case, press)
            return self._act(case, press, person, now)

        await self._store.decide(press.case, decide, command=command, now=now)
        return await self._after(press)

    async def _after(self, press: Press) -> Editor | None:
        return await self.editor(press) if press.action == "pick" else None

    def _went_on(self, case: Case, press: Press) -> NotAllowed:
        """Return why what stood on the card cannot be done any more."""
        if press.action != "give" or case.state not in (State.OPEN, State.FAILED):
            return self._not_now(case)
        if case.department is None and case.official is None:
            return NotAllowed("desk.likely_changed")
        places, words = self._organisation, self._words
        place = place_of(case.department, case.official, organisation=places, words=words)
        return NotAllowed("desk.was_given", place=place)

    def _act(self, case: Case, press: Press, person: Person, now: datetime) -> Decision:
        acts = {
            "claim": self._claim,
            "undo": self._undo,
            "approve": self._approve,
            "return": self._return,
            "close": self._close,
            "give": self._give,
            "hand_over": self._hand_over,
            "relabel": self._relabel,
            "rewrite": self._rewrite,
            "pick": self._pick,
            "teach": self._teach,
            "take_back": self._take_back,
            "reopen": self._reopen,
            "found": self._settle,
            "denied": self._settle,
        }
        if press.action not in acts:
            raise self._not_now(case)
        return acts[press.action](case, press, actor_of(person), now)

    def _undo(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        return self._plain(case, Kind.UNDONE, actor, now, State.QUEUED)

    def _return(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        return self._plain(case, Kind.RETURNED, actor, now, State.APPROVAL)

    def _reopen(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        # Once a reply is taken back the citizen is without an answer again.
        taken_back = case.state is State.SENT and case.taken_back
        state = State.SENT if taken_back else State.CLOSED
        reopened = self._plain(case, Kind.REOPENED, actor, now, state)
        return replace(reopened, work=(*reopened.work, Work(step="triage")))

    def _close(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.OPEN, State.FAILED)
        reason, note = press.choice or "other", (press.text or "").strip() or None
        event = Event(kind=Kind.CLOSED, at=now, by=actor, reason=reason, note=note)
        return Decision(events=(event,), work=(Work(lane=self._channel(case)),))

    def _plain(self, case: Case, kind: Kind, actor: Actor, now: datetime, state: State) -> Decision:
        self._must_be(case, state)
        show, again = Work(lane=self._channel(case)), Work(step="triage")
        work = (show,) if kind is Kind.CLAIMED else (show, again)  # what came may have no label
        return Decision(events=(Event(kind=kind, at=now, by=actor),), work=work)

    def _claim(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.OPEN)
        if case.owner and case.owner.chat_user == actor.chat_user:
            return Decision()
        return self._plain(case, Kind.CLAIMED, actor, now, State.OPEN)

    def _approve(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.APPROVAL)
        assert case.reply is not None
        if case.reply.by.chat_user == actor.chat_user:
            raise NotAllowed("desk.four_eyes")
        if lapsed(self._organisation, case.reply.sources, now=now):
            raise NotAllowed("desk.expired")
        due = now + timedelta(seconds=self._organisation.replies.undo_seconds)
        reply = case.reply.model_copy(update={"approved_by": actor, "due": due})
        return self._queue(case, reply, Kind.APPROVED, actor, now)

    def _queue(self, case: Case, reply: Reply, kind: Kind, actor: Actor, now: datetime) -> Decision:
        event = Event(kind=kind, at=now, by=actor, reply=reply)
        work = [Work(lane=self._channel(case))]
        if kind is Kind.APPROVED:
            work.append(Work(step="send", at=reply.due))
        return Decision(events=(event,), work=tuple(work))

    def _give(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        """Hand it to the department the card suggests, as if chosen in the form."""
        chosen = press.model_copy(update={"choice": f"dep:{case.likely}"})
        return self._hand_over(case, chosen, actor, now)

    def _hand_over(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.OPEN, State.FAILED)
        department, official = destination(press.choice, organisation=self._organisation)
        event = Event(
            kind=Kind.HANDED_OVER,
            at=now,
            by=actor,
            department=department,
            official=official,
            note=(press.text or "").strip() or None,
        )
        # The old lane turns its card into a stub first; then the new lane posts.
        return Decision(events=(event,), work=(Work(lane=self._channel(case)),))

    def _relabel(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.OPEN, State.FAILED)
        places, words = self._organisation, self._words
        return relabelled(case, press, actor, now, organisation=places, words=words)

    def _rewrite(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.OPEN)
        places, on, words = self._organisation, self._platforms, self._words
        return wished(case, press, actor, now, organisation=places, platforms=on, words=words)

    def _pick(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._pickable(case)
        places, words = self._organisation, self._words
        platform = self._platform(case)
        return picked(case, press, actor, now, organisation=places, platform=platform, words=words)

    def _pickable(self, case: Case) -> None:
        self._must_be(case, State.OPEN)
        self._editable(case)

    def _teach(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        return taught(case, actor, now, lane=self._channel(case))

    def _take_back(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        sent = self._standing(case, "take_back")
        return taking_back(sent, press, actor, now, lane=self._channel(case))

    def _settle(self, case: Case, press: Press, actor: Actor, now: datetime) -> Decision:
        self._must_be(case, State.IN_DOUBT)
        return settled(case, press, actor, now, lane=self._channel(case))

    async def form(self, press: Press) -> Form:
        """Return the question before an act, such as closing or handing over."""
        loaded = await self._load(press.case)
        case = held(loaded)
        self._allowed(press.by, case)
        self._askable(case, press)
        return question(
            press.action,
            case,
            version=loaded.version,
            organisation=self._organisation,
            platforms=self._platforms,
            words=self._words,
            now=self._clock(),
        )

    def _askable(self, case: Case, press: Press) -> None:
        """Refuse the question before an act that nobody may do now."""
        match press.action:
            case "close" | "hand_over" | "relabel":
                self._must_be(case, State.OPEN, State.FAILED)
            case "rewrite":
                self._must_be(case, State.OPEN)
            case "pick":
                self._pickable(case)
            case "take_back":
                self._standing(case, "take_back")
            case "found":
                self._must_be(case, State.IN_DOUBT)
            case _:
                raise self._not_now(case)

    async def editor(self, press: Press) -> Editor:
        """Return the editor with the whole outgoing text, signed by whoever opened it."""
        case = held(await self._load(press.case))
        person = self._allowed(press.by, case)
        if press.action == "correct":
            sent = self._standing(case, "correct")
            text = signed(sent.text, was=sent.by.initials, now=person.initials)
            letter = self._letter(case, person, text, corrects=sent)
            return replace(letter, draft=sent.draft).editor()
        self._editable(case)
        pointer = None
        if press.action == "pointer":
            pointer = road_of(case, organisation=self._organisation, now=self._clock())
        draft = lasting(case, organisation=self._organisation, now=self._clock())
        case = case.model_copy(update={"draft": draft})
        begun = beginning(case, initials=person.initials, pointer=pointer)
        hints = (self.say("editor.pointer", title=pointer.title),) if pointer else ()
        letter = self._letter(case, person, begun.text)
        # What was meant for one citizen and not sent is not offered to everybody.
        waits = case.unsent
        chosen: Reader | None = "private" if waits and waits.visibility == "direct" else None
        return replace(letter, draft=begun.draft, chosen=chosen).editor(hints=hints)

    async def submit(self, submission: Submission) -> Verdict:
        """Check the text and, when it may go, queue it in this person's name."""
        # Half a surrogate pair is no text: no store or platform would take it.
        text = submission.text.encode("utf-8", "replace").decode().strip()
        # The same text for other readers is another act.
        act = f"{submission.reader}:{text}" if submission.reader else text
        command = f"send:{submission.view}:{sha256(act.encode()).hexdigest()[:16]}"
        loaded = await self._load(submission.case, command=command)
        if loaded.repeated:
            return Verdict(outcome="queued")
        now, refused = self._clock(), None
        events = await self._store.events(submission.case)
        if submission.corrects is None:
            not_closed(held(loaded), events, words=self._words)

        def decide(case: Case | None) -> Decision:
            # Judged on the very case it is recorded in: nobody acts in between.
            nonlocal refused
            assert case is not None
            person = self._allowed(submission.by, case)
            letter = self._sent_in(case, person, text, submission, events=events, now=now)
            refused = self._judged(letter, submission)
            return Decision() if refused else self._send(letter, command=command, now=now)

        recorded = await self._store.decide(submission.case, decide, command=command, now=now)
        return refused if refused and not recorded.repeated else Verdict(outcome="queued")

    def _judged(self, letter: Letter, submission: Submission) -> Verdict | None:
        """Return why the text may not go yet, or None when it may."""
        if not letter.text:
            return Verdict(outcome="errors", told=self.say("desk.empty"))
        if letter.case.revision != submission.revision:
            # A hint: who has seen the new post owes nobody a reason for sending.
            hints = (self.say("desk.post_changed"),)
            return Verdict(outcome="confirm", editor=letter.editor(hints=hints))
        return letter.judged()

    def _letter(
        self, case: Case, person: Person, text: str, *, corrects: Reply | None = None
    ) -> Letter:
        return Letter(
            case=case,
            platform=self._platform(case),
            organisation=self._organisation,
            words=self._words,
            person=person,
            text=text,
            corrects=corrects,
        )

    def _sent_in(
        self,
        case: Case,
        person: Person,
        text: str,
        submission: Submission,
        *,
        events: Sequence[Event],
        now: datetime,
    ) -> Letter:
        """Return the text as it was sent in; raises NotAllowed where it may not go (any more)."""
        corrects = None
        if submission.corrects is None:
            self._editable(case)
        else:
            corrects = self._standing(case, "correct")
            if corrects.origin != submission.corrects:
                raise NotAllowed("desk.nothing_stands")
        leans = corrects.sources if corrects else cited(events, submission.draft)
        return replace(
            self._letter(case, person, text, corrects=corrects),
            draft=submission.draft,
            sources=tuple(each.id for each in valid(self._organisation, leans, now=now)),
            chosen=submission.reader,
            reason=submission.reason,
        )

    def _send(self, letter: Letter, *, command: str, now: datetime) -> Decision:
        """Put the text on its way: to be sent, to be approved, or in the place of another."""
        case, reply = letter.case, letter.as_reply(command, now=now)
        if letter.corrects is not None:
            return correcting(reply, now, lane=self._channel(case))
        second = four_eyes(case, organisation=self._organisation)
        return self._queue(case, reply, Kind.SUBMITTED if second else Kind.APPROVED, reply.by, now)

    def _standing(self, case: Case, act: Act) -> Reply:
        platform = self._platform(case)
        return standing(case, act, platform=platform, organisation=self._organisation)

    def _editable(self, case: Case) -> None:
        """Refuse an editor or a text for a case nobody may answer now, naming why."""
        if case.reply and case.state in (State.QUEUED, State.APPROVAL, State.SENDING, State.SENT):
            raise NotAllowed("desk.was_first", name=case.reply.by.name)
        self._must_be(case, State.OPEN, State.FAILED)
        if not case.answerable or self._organisation.ours(case.post):
            raise NotAllowed("desk.not_answerable")

    def _must_be(self, case: Case, *states: State) -> None:
        if case.state not in states:
            raise self._not_now(case)

    def _not_now(self, case: Case) -> NotAllowed:
        return NotAllowed("desk.not_now", state=self.say(f"card.state_{case.state}"))

    def _allowed(self, presser: Presser, case: Case, *, at_least: str = "writer") -> Person:
        return allowed(presser, case, organisation=self._organisation, at_least=at_least)

    async def _load(self, case: str, *, command: str | None = None) -> Loaded:
        loaded = await self._store.load(case, command=command)
        if loaded.case is None or loaded.case.erased:
            raise NotAllowed("desk.gone")
        return loaded

    def _channel(self, case: Case) -> str:
        return self._organisation.channel(case.department, case.official)

    def _platform(self, case: Case) -> Platform:
        found = self._platforms.get((case.platform, case.account))
        if found is None:
            raise NotAllowed("desk.no_platform", account=case.account)
        return found
