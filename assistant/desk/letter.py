"""One text a person means to send: its editor, what the checks say of it, the Reply it becomes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assistant.card import Choice, Editor, Reader
from assistant.case import Case, Reply, record_key, reply_id
from assistant.chats import Verdict
from assistant.checks import Finding, check
from assistant.config import Organisation, Person
from assistant.desk.audience import advised, readers_of, visibility_of
from assistant.desk.permits import actor_of
from assistant.errors import NotAllowed
from assistant.ground import ground_of, measure_of
from assistant.ours import normal
from assistant.platforms import AnswersPrivately, Platform
from assistant.words import Words


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A text for a case.

    `draft` is the id of what it began from, `sources` the approved answers it leans on by that;
    `chosen` who is to read it, None while nobody chose; `corrects` the sent reply it comes in the
    place of; `reason` why it goes in spite of a check.
    """

    case: Case
    platform: Platform
    organisation: Organisation
    words: Words
    person: Person
    text: str
    draft: str | None = None
    sources: tuple[str, ...] = ()
    chosen: Reader | None = None
    corrects: Reply | None = None
    reason: str | None = None

    @property
    def reader(self) -> Reader:
        """Who is to read it; a correction is read by whoever read the reply."""
        if self.corrects is not None:
            return "private" if self.corrects.visibility == "direct" else "public"
        own = self.organisation.own
        return self.chosen or advised(self.case, self.platform, text=self.text, own=own)

    def editor(
        self,
        *,
        asks: tuple[str, ...] = (),
        hints: tuple[str, ...] = (),
        reason_label: str | None = None,
    ) -> Editor:
        """Return the editor with this text in it."""
        limit, length = measure_of(self.platform, private=self.reader == "private")
        say, kind = self.words.say, "correct" if self.corrects else "send"
        return Editor(
            case=self.case.id,
            revision=self.case.revision,
            draft=self.draft,
            corrects=self.corrects.origin if self.corrects else None,
            title=say(f"editor.{kind}_title"),
            post=self.case.post.text,
            text=self.text,
            limit=limit,
            hint=say("editor.hint", limit=limit, length=length(self.text)),
            text_label=say(f"editor.{kind}_label"),
            submit=say(f"editor.{kind}_submit"),
            asks=asks,
            hints=(*hints, *self._about_readers()),
            reason_label=reason_label,
            **self._readers(),
        )

    def _readers(self) -> dict[str, Any]:
        """Return the choice who may read it, where there is one."""
        readers = readers_of(self.case.post, self.platform)
        if self.corrects is not None or len(readers) < 2:
            return {}
        return {
            "readers_label": self.words.say("editor.readers"),
            "readers": tuple(
                Choice(value=each, label=self.words.say(f"editor.reader_{each}"))
                for each in readers
            ),
            "reader": self.reader,
        }

    def _about_readers(self) -> tuple[str, ...]:
        if self.reader == "private" and not self._readers():
            return (self.words.say("editor.only_private"),)
        if self._readers() and isinstance(self.platform, AnswersPrivately):
            limits = {"public": self.platform.limit, "private": self.platform.private_limit}
            return (self.words.say("editor.limits", **limits),)
        return ()

    def judged(self) -> Verdict | None:
        """Return why it may not go yet, or None when it may."""
        if self.corrects is not None and normal(self.text) == normal(self.corrects.text):
            return Verdict(outcome="errors", told=self.words.say("desk.same_text"))
        told = {
            level: tuple(self._told(each) for each in self.findings() if each.severity == level)
            for level in ("block", "confirm", "hint")
        }
        if told["block"]:
            return Verdict(outcome="errors", told="\n".join(told["block"]))
        if told["confirm"] and not (self.reason or "").strip():
            label = self.words.say("editor.reason_label")
            asks, hints = told["confirm"], told["hint"]
            return Verdict(
                outcome="confirm",
                editor=self.editor(asks=asks, hints=hints, reason_label=label),
            )
        return None

    def findings(self) -> tuple[Finding, ...]:
        """Return what the checks say of it."""
        ground = ground_of(
            self.case,
            organisation=self.organisation,
            platform=self.platform,
            initials=self.person.initials,
            cited=self.sources,
            private=self.reader == "private",
        )
        _, length = measure_of(self.platform, private=ground.private)
        return check(self.text, ground=ground, length=length)

    def _told(self, finding: Finding) -> str:
        return self.words.say(f"checks.{finding.code}", words=finding.words, **finding.values)

    def as_reply(self, command: str, *, now: datetime) -> Reply:
        """Return the Reply of this Send: everything a repeat needs is fixed here.

        Raises NotAllowed when it was meant for the citizen alone and cannot be any more.
        """
        id = reply_id(command, self.case.id)
        confirmed = [each.code for each in self.findings() if each.severity == "confirm"]
        reason = (self.reason or "").strip() or None
        return Reply(
            id=id,
            text=self.text,
            key="luister-" + id,
            record_key=record_key(id, now),
            created_at=now,
            due=now + timedelta(seconds=self.organisation.replies.undo_seconds),
            by=actor_of(self.person),
            sources=self.sources,
            draft=self.draft,
            overruled=tuple(dict.fromkeys(confirmed)),
            overrule_reason=reason if confirmed else None,
            **self._target(),
        )

    def _target(self) -> dict[str, Any]:
        """Return where it goes and who sees it there."""
        if self.corrects is not None:
            names = ("target", "root", "author", "handle", "visibility", "language")
            held = {name: getattr(self.corrects, name) for name in names}
            return held | {"corrects": self.corrects.origin}
        post, triage = self.case.post, self.case.triage
        if self.reader not in readers_of(post, self.platform):
            raise NotAllowed("desk.not_private")
        return {
            "target": post.id,
            "root": post.root,
            "author": post.author,
            "handle": post.handle,
            "visibility": visibility_of(post, self.reader),
            "language": triage.language if triage else post.language,
        }
