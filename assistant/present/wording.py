"""How cards and threads name places, times, codes and origins."""

from dataclasses import dataclass
from datetime import date, datetime

from assistant.case import Case, Triage
from assistant.clean import clean, visible
from assistant.config import Organisation
from assistant.platforms import Platform
from assistant.words import Words

LINE = 140


@dataclass(frozen=True, kw_only=True)
class View:
    """A case, and what it takes to put it in words; `platform` where a card of it is drawn."""

    case: Case
    organisation: Organisation
    words: Words
    now: datetime
    platform: Platform | None = None

    def say(self, key: str, **values: object) -> str:
        """Return a sentence of `Words`."""
        return self.words.say(key, **values)

    def day(self, moment: datetime) -> str:
        """Return the local date of `moment`, with its year unless that is this year."""
        return day(self.organisation.local(moment), words=self.words, today=self.today)

    def moment(self, moment: datetime) -> str:
        """Return local date and time of `moment`."""
        return self.say("card.moment", day=self.day(moment), time=self.clock(moment))

    def time(self, moment: datetime) -> str:
        """Return the local time of `moment`, with its date unless that is today.

        Never "just now": a card is drawn when something happens, and read at any time after.
        """
        local = self.organisation.local(moment)
        return self.clock(moment) if local.date() == self.today.date() else self.moment(moment)

    def clock(self, moment: datetime) -> str:
        """Return the local time of `moment`."""
        return f"{self.organisation.local(moment):%H:%M}"

    @property
    def today(self) -> datetime:
        return self.organisation.local(self.now)

    @property
    def source(self) -> str:
        """The platform's name."""
        return self.organisation.called(self.case.platform, self.case.account)


def place_of(
    department: str | None, official: str | None, *, organisation: Organisation, words: Words
) -> str:
    """Return the name of whoever a case is with: an official, a department, else triage."""
    found = organisation.department(department)
    return official or (found.name if found else words.say("card.triage"))


def meant_for(triage: Triage, *, organisation: Organisation, words: Words) -> str:
    """Return where a verdict brings a case; where that is to triage, with the likely department."""
    where = (triage.department, triage.official)
    place = place_of(*where, organisation=organisation, words=words)
    likely = organisation.department(triage.likely) if where == (None, None) else None
    return words.say("card.place_likely", place=place, likely=likely.name) if likely else place


def coded(prefix: str, code: str, *, words: Words) -> str:
    """Return the words for a code; a code nobody gave words to is shown as it is."""
    try:
        return words.say(prefix + code)
    except KeyError:
        return code


def origin_by(by: str) -> str:
    """Return `model, prompt@version` from `model prompt@version+sha`; the record keeps the sha."""
    model, _, prompt = by.rpartition(" ")
    return ", ".join(filter(None, (model, prompt.partition("+")[0])))


def triage_by(by: str, *, words: Words) -> str:
    """Return who judged a post: the fixed rules or a model."""
    if by in ("", "rules"):
        return words.say("card.by_rules")
    return words.say("card.by_model", by=origin_by(by))


def day(local: date, *, words: Words, today: date | None = None) -> str:
    """Return the date of `local`, with its year unless that is the year of `today`."""
    month = words.say("card.months").split()[local.month - 1]
    if today and today.year == local.year:
        return words.say("card.day", day=local.day, month=month)
    return words.say("card.day_year", day=local.day, month=month, year=local.year)


def short(text: str, *, limit: int = LINE) -> str:
    """Return what is visible of `text` on one line of at most `limit` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else clean(line, limit=limit - 1).rstrip() + "…"
