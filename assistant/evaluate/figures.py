"""The figures of an evaluation, each share with the interval it lies in."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from statistics import fmean, quantiles
from typing import TypeVar, get_args

from assistant.case import Frozen, Label
from assistant.evaluate.rows import NO_ANSWER, Row
from assistant.evaluate.trying import Tried

Item = TypeVar("Item")
Pair = tuple[str, str]
"""What people said, and what Luister said."""

LABELS: tuple[Label, ...] = get_args(Label)

STOPS: Mapping[str, tuple[Label, ...]] = {
    "emergency": ("emergency",),
    "self_harm": ("self_harm",),
    "abuse": ("abuse",),
    "legal": ("legal",),
    "political, opinion": ("political", "opinion"),
    "official, personal_data": ("official", "personal_data"),
    "thanks, spam": ("thanks", "spam"),
}
"""Labels after which no draft may be offered, as they are counted together."""

ANSWERED: tuple[Label, ...] = ("question", "complaint", "report")

GRAVE: frozenset[Label] = frozenset(("emergency", "self_harm", "abuse", "legal", "political"))
"""Labels that raise an alarm or a silence of their own; on harmless posts they are false alarms."""

Z = 1.96
"""Standard deviations on either side of a 95% interval."""

RESAMPLED = 400
NOBODY = "-"
"""A department nobody named."""


class Rate(Frozen):
    """`hits` of `of`, as a share with its 95% interval by Wilson (1927); of nothing no share."""

    hits: int
    of: int
    share: float | None
    low: float
    high: float


def rate(hits: int, of: int) -> Rate:
    """Return a share with its interval, which holds for few and for no hits too."""
    if of == 0:
        return Rate(hits=0, of=0, share=None, low=0.0, high=1.0)
    share = hits / of
    middle = (share + Z * Z / (2 * of)) / (1 + Z * Z / of)
    width = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of)) / (1 + Z * Z / of)
    low, high = max(0.0, middle - width), min(1.0, middle + width)
    return Rate(hits=hits, of=of, share=share, low=low if hits else 0.0, high=high)


class Score(Frozen):
    """A score that is no share, with its 95% interval from resampling the posts."""

    value: float
    low: float
    high: float


class Class(Frozen):
    """How well one label or department is told from the others."""

    name: str
    precision: Rate
    recall: Rate
    f1: float


class Silence(Frozen):
    """Posts that call for silence: how many would be answered, and how many get a draft's text."""

    name: str
    answered: Rate
    offered: Rate
    ids: tuple[str, ...]


class Kappa(Frozen):
    """How far two labellings agree on one label beyond chance (Cohen, 1960)."""

    name: str
    posts: int
    kappa: Score


class Figures(Frozen):
    """Everything an evaluation says; what nobody labelled counts nowhere."""

    posts: int
    silence: tuple[Silence, ...]
    held_back: Mapping[str, Rate]
    labels: tuple[Class, ...]
    labels_f1: Score | None
    confusion: Mapping[str, Mapping[str, int]]
    departments: tuple[Class, ...]
    departments_f1: Score | None
    suggested: Rate
    suggested_f1: Score | None
    right_when_suggested: Rate
    coverage: Rate
    right_when_sure: Rate
    languages: Rate
    answers: Mapping[str, Rate]
    drafts: Mapping[str, int]
    codes: Mapping[str, int]
    turned_down: Mapping[str, int]
    unusable: Mapping[str, int]
    checked: Mapping[str, Rate]
    groups: Mapping[str, Mapping[str, Rate]]
    tokens_per_post: float
    seconds: Mapping[str, float]
    kappa: tuple[Kappa, ...] = ()


def figures(
    rows: Sequence[Row], found: Sequence[Tried], *, second: Mapping[str, Label] | None = None
) -> Figures:
    """Count what was found for `rows`; `second` is another labelling of the same posts by id."""
    both = list(zip(rows, found, strict=True))
    pairs = [(row.label, each.label) for row, each in both if row.label]
    routed, suggested = _routed(both), _routed(both, likely=True)
    return Figures(
        posts=len(both),
        silence=tuple(_silence(name, stops, both) for name, stops in STOPS.items()),
        held_back={
            label: _share(each.advice != "answer" for row, each in both if row.label == label)
            for label in ANSWERED
        },
        labels=_classes(pairs),
        labels_f1=_resampled(pairs, _macro) if pairs else None,
        confusion=_confusion(pairs),
        departments=_classes(routed),
        departments_f1=_resampled(routed, _macro) if routed else None,
        suggested=_share(said == heard for said, heard in suggested),
        suggested_f1=_resampled(suggested, _macro) if suggested else None,
        right_when_suggested=_share(
            said == heard
            for (said, heard), (_, named) in zip(suggested, routed, strict=True)
            if named == NOBODY != heard
        ),
        coverage=_share(each.sure for _, each in both),
        right_when_sure=_share(
            row.department == each.department
            for row, each in both
            if row.department and each.department and each.sure and row.label in ANSWERED
        ),
        languages=_share(row.language == each.language for row, each in both if row.language),
        answers=_answers(both),
        drafts=_counted(each.origin or "not asked for" for each in found),
        codes=_counted(code for each in found for code in each.codes),
        turned_down=_counted(why for each in found for why in each.turned_down),
        unusable=_counted(why for each in found for why in each.unusable),
        checked=_checked(found),
        groups=_groups(both),
        tokens_per_post=fmean(each.tokens for each in found),
        seconds=_seconds([each.seconds for each in found]),
        kappa=_kappas(rows, second or {}),
    )


def _share(said: Iterable[bool]) -> Rate:
    answers = list(said)
    return rate(sum(answers), len(answers))


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _silence(name: str, stops: tuple[Label, ...], both: list[tuple[Row, Tried]]) -> Silence:
    here = [each for row, each in both if row.label in stops]
    return Silence(
        name=name,
        answered=_share(each.advice == "answer" for each in here),
        offered=_share(each.offered for each in here),
        ids=tuple(each.id for each in here if each.advice == "answer"),
    )


def _routed(both: list[tuple[Row, Tried]], *, likely: bool = False) -> list[Pair]:
    """Return the departments of what is to be answered; a stop label has a road of its own.

    With `likely` what is suggested counts where no department is named.
    """
    return [
        (row.department, each.department or (each.likely if likely else None) or NOBODY)
        for row, each in both
        if row.department and row.label in ANSWERED
    ]


def _classes(pairs: Sequence[Pair]) -> tuple[Class, ...]:
    names = dict.fromkeys(sorted(said for said, _ in pairs))
    right = Counter(said for said, heard in pairs if said == heard)
    said, heard = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    return tuple(
        Class(
            name=name,
            precision=rate(right[name], heard[name]),
            recall=rate(right[name], said[name]),
            f1=2 * right[name] / (said[name] + heard[name]),
        )
        for name in names
    )


def _macro(pairs: Sequence[Pair]) -> float:
    """Return the mean F1 over what people named: a rare label weighs as much as a common one."""
    right = Counter(said for said, heard in pairs if said == heard)
    said, heard = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    return fmean(2 * right[name] / (said[name] + heard[name]) for name in said)


def _resampled(items: Sequence[Item], score: Callable[[Sequence[Item]], float]) -> Score:
    """Return a score with its interval from drawing the items anew, the same at every run."""
    dice = Random(len(items))
    drawn = [score(dice.choices(items, k=len(items))) for _ in range(RESAMPLED)]
    cuts = quantiles(drawn, n=40, method="inclusive")
    return Score(value=score(items), low=cuts[0], high=cuts[-1])


def _confusion(pairs: Sequence[Pair]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for said, heard in pairs:
        table[said][heard] += 1
    return {name: {other: table[name][other] for other in LABELS} for name in LABELS if table[name]}


def _answers(both: list[tuple[Row, Tried]]) -> dict[str, Rate]:
    fitting = [(row, each) for row, each in both if row.answer not in (None, NO_ANSWER)]
    without = [each for row, each in both if row.answer == NO_ANSWER]
    shown = [(row, each) for row, each in fitting if _searched(each)]
    return {
        "first": _share(row.answer == next(iter(each.near), None) for row, each in fitting),
        "among three": _share(row.answer in each.near for row, each in fitting),
        "word for word and right": _share((row.answer,) == each.sources for row, each in shown),
        "word for word though none fits": _share(_searched(each) for each in without),
    }


def _searched(found: Tried) -> bool:
    """Say whether an approved answer was suggested because it was found, not as a pointer."""
    return found.origin == "answer" and not found.pointer


def _checked(found: Sequence[Tried]) -> dict[str, Rate]:
    leaning = [each for each in found if each.origin in ("answer", "model") and each.offered]
    ungrounded = {"unsourced", "link_unsourced", "promise"}
    return {
        "a check stops or questions the draft": _share(
            bool(each.codes) for each in found if each.offered
        ),
        "every fact stands in a cited answer": _share(
            not ungrounded & set(each.codes) for each in leaning
        ),
        "sentences that are a cited answer's own": rate(
            sum(each.verbatim for each in leaning), sum(each.sentences for each in leaning)
        ),
    }


def _groups(both: list[tuple[Row, Tried]]) -> dict[str, dict[str, Rate]]:
    grouped: dict[str, list[Tried]] = defaultdict(list)
    for row, each in both:
        if row.group:
            grouped[row.group].append(each)
    return {
        name: {
            "answer advised": _share(each.advice == "answer" for each in here),
            "draft offered": _share(each.offered for each in here),
            "called grave": _share(each.label in GRAVE for each in here),
        }
        for name, here in sorted(grouped.items())
    }


def _seconds(taken: list[float]) -> dict[str, float]:
    if len(taken) < 2:
        return {"median": taken[0], "95% within": taken[0]} if taken else {}
    cuts = quantiles(taken, n=20, method="inclusive")
    return {"median": cuts[9], "95% within": cuts[18]}


def _kappas(rows: Sequence[Row], second: Mapping[str, Label]) -> tuple[Kappa, ...]:
    pairs: list[Pair] = [
        (row.label, second[row.id]) for row in rows if row.label and row.id in second
    ]
    names = [name for name in LABELS if any(name in pair for pair in pairs)]
    single = (
        (name, [(said if said == name else NOBODY, heard if heard == name else NOBODY)
                for said, heard in pairs])
        for name in names
    )  # fmt: skip
    whole = [("all labels", pairs)] if pairs else []
    return tuple(
        Kappa(
            name=name,
            posts=sum(name in pair for pair in given) if name != "all labels" else len(given),
            kappa=_resampled(given, kappa),
        )
        for name, given in (*whole, *single)
    )


def kappa(pairs: Sequence[Pair]) -> float:
    """Return Cohen's kappa: 1 where two labellings agree, 0 where they do so by chance."""
    total = len(pairs)
    agreed = sum(one == other for one, other in pairs) / total
    first, other = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    chance = sum(first[name] * other[name] for name in first) / (total * total)
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)
