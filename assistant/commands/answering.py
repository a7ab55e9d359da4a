"""`luister answers`: the approved answers listed, checked and found, and what they do not cover."""

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

from assistant.aliases import spoken, with_learned
from assistant.answers import SURE_COVERAGE, Answer, load_answers, sure
from assistant.case import Case
from assistant.checks import Finding, Ground, check
from assistant.clean import clean
from assistant.commands.learning import forget, lapsed, learned_in, list_learned
from assistant.config import Account, Organisation
from assistant.draft import index_of
from assistant.errors import Misconfigured
from assistant.occasion import SIGNED
from assistant.opening import configured, opened
from assistant.rules.phrases import compiled, words
from assistant.store import utcnow
from assistant.store.aliases import learned
from assistant.terminal import counted, table
from assistant.words import Words

SOON = timedelta(days=60)
HANDLE = 16
"""Signs of a usual mention, which a reply begins with."""

ANONYMOUS = 3
"""Citizens of whom one may be told as a group: fewer might know one another in it."""

PLAIN = ("long_sentence", "hard_word")
"""What the checks say of plain language, greeting and initials apart."""

ASKING = ("question", "complaint", "report")
OTHER = "other"
FEW = f"subjects of fewer than {ANONYMOUS} citizens"


async def answers(args: argparse.Namespace) -> int:
    """Do what was asked for: list, check, find, gaps, learned or forget."""
    if len(args.words) != {"find": 1, "forget": 2}.get(args.what, 0):
        raise Misconfigured(
            "answers: find takes a text, forget an answer's id and a phrase, the others nothing"
        )
    asked = {
        "check": _check,
        "find": _find,
        "forget": forget,
        "gaps": _gaps,
        "learned": list_learned,
        "list": _list,
    }
    return await asked[args.what](args)


async def _list(args: argparse.Namespace) -> int:
    organisation = configured(args.config)
    today = organisation.local(utcnow()).date()
    rows = [
        (
            each.id,
            each.department,
            each.language,
            each.owner,
            f"expired {each.valid_until}" if each.valid_until < today else str(each.valid_until),
            len(each.aliases),
            len(each.short),
        )
        for each in organisation.answers
    ]
    head = ("answer", "department", "language", "owner", "valid until", "aliases", "short")
    print(table(head, rows))
    print(f"\n{counted(len(rows), 'approved answer')}")
    return 0


async def _find(args: argparse.Namespace) -> int:
    organisation = configured(args.config)
    known = with_learned(organisation, spoken(await learned_in(args.config), args.words[0]))
    hits = index_of(known, organisation.local(utcnow()).date()).find(clean(args.words[0]))
    chosen = sure(hits)
    rows = [
        (
            each.answer.id,
            each.answer.department,
            f"{each.score:.1f}",
            f"{each.coverage:.0%}",
            "yes" if each is chosen else "",
        )
        for each in hits
    ]
    if not rows:
        print("no approved answer shares a word with it")
        return 0
    print(table(("answer", "department", "score", "covers", "word for word"), rows))
    return 0


# Checking


async def _check(args: argparse.Namespace) -> int:
    """Tell what is wrong (exit 1) and what could be better."""
    found, mistakes = load_answers(args.config / "answers")
    organisation = None
    try:
        organisation = configured(args.config)
    except Misconfigured as error:
        mistakes = error.mistakes
    today = utcnow().date()
    told = [*mistakes, *_expired(found, today), *_doubles(found)]
    hints = list(_expiring(found, today))
    if organisation is not None:
        told += _too_long(found, organisation)
        worded = list(_worded(found, organisation))
        told += [line for line, grave in worded if grave]
        hints += [line for line, grave in worded if not grave]
        hints += lapsed(await learned_in(args.config), organisation, today)
    for line in told:
        print(f"mistake: {line}")
    for line in hints:
        print(f"hint: {line}")
    counts = ((found, "approved answer"), (told, "mistake"), (hints, "hint"))
    print(", ".join(counted(len(each), what) for each, what in counts))
    return 1 if told else 0


def _expired(found: Iterable[Answer], today: date) -> Iterator[str]:
    for each in found:
        if each.valid_until < today:
            yield f"{each.path}: valid-until: expired on {each.valid_until}, so nobody sees it"


def _expiring(found: Iterable[Answer], today: date) -> Iterator[str]:
    for each in found:
        if today <= each.valid_until < today + SOON:
            yield f"{each.path}: valid-until: expires on {each.valid_until}"


def _doubles(found: Sequence[Answer]) -> Iterator[str]:
    """Yield what two answers in one language share: a title, a short variant, an alias."""
    shared: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for each in found:
        called = {words(name) for name in (each.title, *each.aliases)}
        shared[each.language, "short", words(each.short)].append(each)
        for name in called:
            shared[each.language, "title or alias", name].append(each)
        written = Counter(words(alias) for alias in each.aliases)
        for alias, times in written.items():
            if times > 1:
                yield f"{each.path}: aliases: {alias.strip()!r} stands there {times} times"
    for (_, what, said), those in shared.items():
        if len(those) > 1:
            others = ", ".join(each.id for each in those[1:])
            quoted = f" {said.strip()!r}" if what != "short" else ""
            yield f"{those[0].path}: {what}:{quoted} is the same as of {others}"


def _too_long(found: Iterable[Answer], organisation: Organisation) -> list[str]:
    """Return the answers that could never go out word for word on one of our platforms."""
    counts = {each.platform: _counting(each) for each in organisation.accounts}
    lines = []
    for each in found:
        for platform, (limit, length) in counts.items():
            size = length(_whole(each, organisation)) + HANDLE + SIGNED
            if size > limit:
                lines.append(
                    f"{each.path}: short: with greeting, mention and initials {size} signs; "
                    f"{platform} takes {limit}"
                )
    return lines


def _whole(answer: Answer, organisation: Organisation) -> str:
    """Return the short variant with the longest greeting there is in its language."""
    said = Words(organisation.language)
    try:
        times = ("morning", "afternoon", "evening")
        greeting = max((said.say(f"draft.greeting_{t}_{answer.language}") for t in times), key=len)
    except KeyError:
        return answer.short
    return f"{greeting} {answer.short}"


def _counting(account: Account) -> tuple[int, Callable[[str], int]]:
    """Return how long a reply may be where this account is, and how signs are counted there."""
    # Adapters take a second to import; only this command wants what they know.
    from assistant.platforms import replay
    from assistant.platforms.bluesky.account import LIMIT as BLUESKY
    from assistant.platforms.mastodon.instance import Instance
    from assistant.platforms.x.length import LIMIT as X
    from assistant.platforms.x.length import length as weighed

    if account.platform == "webhook":
        return account.limit, len
    # A Mastodon server may take more; only it can tell, and only to who is signed in.
    mastodon = Instance().characters
    limits = {"replay": replay.LIMIT, "bluesky": BLUESKY, "mastodon": mastodon, "x": X}
    return limits[account.platform], weighed if account.platform == "x" else len


def _worded(found: Iterable[Answer], organisation: Organisation) -> Iterator[tuple[str, bool]]:
    """Yield what the checks say of both variants, and whether a reply with it would be stopped."""
    said = Words(organisation.language)
    for each in found:
        ground = Ground(
            post=each.title,
            language=each.language,
            sources=(each.short, each.long),
            links=each.sources,
            own=organisation.own,
            hosts=organisation.own.hosts,
            limit=max(len(each.short), len(each.long)),
        )
        # What stands in its own source passes; how plain it is must be asked without one.
        bare = ground.model_copy(update={"sources": ()})
        for variant in ("short", "long"):
            text = getattr(each, variant)
            grave = [one for one in check(text, ground=ground) if one.severity != "hint"]
            plain = [one for one in check(text, ground=bare) if one.code in PLAIN]
            for one in (*grave, *plain):
                sentence = said.say(f"checks.{one.code}", **_filled(one))
                yield f"{each.path}: {variant}: {sentence}", one.severity != "hint"


def _filled(one: Finding) -> dict[str, object]:
    return {"words": one.words, **one.values}


# What is missing


async def _gaps(args: argparse.Namespace) -> int:
    """Count the questions no answer covers, by department and subject, naming nobody."""
    async with opened(args.config) as (organisation, store):
        loaded = [(await store.load(id)).case for id in await store.ids()]
        taught = await learned(store)
    today = organisation.local(utcnow()).date()

    def covered(case: Case) -> bool:
        text = clean(case.waiting)
        index = index_of(with_learned(organisation, spoken(taught, text)), today)
        return any(hit.coverage >= SURE_COVERAGE for hit in index.find(text))

    asking = [
        each
        for each in loaded
        if each and each.triage and each.triage.label in ASKING and not each.erased
    ]
    missing = [each for each in asking if not covered(each)]
    rows = _anonymous(missing, organisation)
    print(table(("department", "subject", "cases"), rows))
    print(f"\n{len(missing)} of {len(asking)} questions, complaints and reports found no answer")
    return 0


def _anonymous(missing: Iterable[Case], organisation: Organisation) -> list[tuple[str, str, int]]:
    """Return the groups of at least ANONYMOUS citizens; the rest is one group without subjects.

    Posts without an author count as one citizen's: nobody knows that they are more.
    """
    grouped: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in missing:
        grouped[case.department or "triage", _subject(case, organisation)].append(case)
    rows, few = [], 0
    for (department, subject), cases in grouped.items():
        if len({each.post.author for each in cases}) >= ANONYMOUS:
            rows.append((department, subject, len(cases)))
        else:
            few += len(cases)
    rows.sort(key=lambda row: (-row[2], row))
    return [*rows, ("", FEW, few)] if few else rows


def _subject(case: Case, organisation: Organisation) -> str:
    """Return the configured subject the case names: our own word, never the citizen's."""
    department = organisation.department(case.department)
    said = words(case.waiting)
    for subject in department.subjects if department else ():
        if compiled([f"{subject.replace('-', ' ')}*"]).search(said):
            return subject
    return OTHER
