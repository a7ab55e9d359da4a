"""The figures of an evaluation as tables: for a terminal, and for whatever draws them."""

from collections.abc import Iterator, Mapping, Sequence

from assistant.case import Frozen
from assistant.evaluate.figures import Class, Figures, Kappa, Rate, Score, Silence
from assistant.terminal import table

COUNTS = {
    "drafts": "Drafts by where their text comes from",
    "codes": "What the checks say of the drafts",
    "turned_down": "Texts of the model that were not used, and why",
    "unusable": "Why the model gave nothing",
}


class Table(Frozen):
    """One table under a title; `note` says how to read it."""

    title: str
    note: str = ""
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def percent(given: Rate) -> str:
    """Return a rate as "3 of 60, 5.0% (1.7–13.7%)"."""
    if given.share is None:
        return "-"
    interval = f"{given.low * 100:.1f}–{given.high:.1%}"
    return f"{given.hits:,} of {given.of:,}, {given.share:.1%} ({interval})"


def scored(given: Score | None) -> str:
    """Return a score as "0.81 (0.78–0.84)"."""
    return "-" if given is None else f"{given.value:.2f} ({given.low:.2f}–{given.high:.2f})"


def tables(figures: Figures, *, ids: bool) -> Iterator[Table]:
    """Yield what there is to tell, the worst mistakes first; `ids` names the posts they are."""
    labelled = figures.labels_f1 is not None
    if labelled:
        yield _silence(figures.silence, ids=ids)
        yield Table(
            title="Held back though an answer may be given",
            head=("label", "held back"),
            rows=tuple((name, percent(each)) for name, each in figures.held_back.items()),
        )
        yield _whole(figures)
        yield _classes("Labels", figures.labels)
        yield _classes("Departments", figures.departments)
    if figures.groups:
        yield _groups(figures.groups)
    if any(each.of for each in figures.answers.values()):
        yield _rates("Approved answers", figures.answers)
    yield _rates("Drafts", figures.checked)
    for name, title in COUNTS.items():
        if counts := getattr(figures, name):
            yield Table(
                title=title,
                head=("what", "drafts" if name != "unusable" else "times"),
                rows=tuple((str(what), f"{number:,}") for what, number in counts.items()),
            )
    yield Table(
        title="Cost of a post",
        head=("what", "of one post"),
        rows=(
            ("tokens, mean", f"{figures.tokens_per_post:,.0f}"),
            *((f"seconds, {name}", f"{each:.3f}") for name, each in figures.seconds.items()),
        ),
    )
    if figures.kappa:
        yield _kappa(figures.kappa)


def told(figures: Figures, *, ids: bool) -> str:
    """Return all tables as a terminal shows them."""
    parts = (
        f"{each.title}\n{each.note + chr(10) if each.note else ''}\n{table(each.head, each.rows)}"
        for each in tables(figures, ids=ids)
    )
    return "\n\n".join(parts)


def _silence(found: Sequence[Silence], *, ids: bool) -> Table:
    head = ("labelled as", "answer advised", "draft offered")
    return Table(
        title="Silence errors",
        note="Posts that call for silence or for a person, and that Luister would answer all the "
        "same.",
        head=(*head, "posts") if ids else head,
        rows=tuple(
            (
                each.name,
                percent(each.answered),
                percent(each.offered),
                *((", ".join(each.ids),) if ids else ()),
            )
            for each in found
        ),
    )


def _whole(figures: Figures) -> Table:
    return Table(
        title="Labels, departments and languages as a whole",
        note="Macro-F1 weighs a rare label as much as a common one; what is unsure names no "
        "department.",
        head=("what", "figure"),
        rows=(
            ("labels, macro-F1", scored(figures.labels_f1)),
            ("departments, macro-F1", scored(figures.departments_f1)),
            ("goes straight to a department", percent(figures.coverage)),
            ("of those in the right department", percent(figures.right_when_sure)),
            ("right department named or suggested", percent(figures.suggested)),
            ("named or suggested, macro-F1", scored(figures.suggested_f1)),
            ("of those only suggested, right", percent(figures.right_when_suggested)),
            ("language right", percent(figures.languages)),
        ),
    )


def _classes(title: str, found: Sequence[Class]) -> Table:
    return Table(
        title=title,
        head=("name", "found of those there are", "right of those named", "F1"),
        rows=tuple(
            (each.name, percent(each.recall), percent(each.precision), f"{each.f1:.2f}")
            for each in found
        ),
    )


def _rates(title: str, found: Mapping[str, Rate]) -> Table:
    return Table(
        title=title,
        head=("what", "share"),
        rows=tuple((name, percent(each)) for name, each in found.items()),
    )


def _groups(found: Mapping[str, Mapping[str, Rate]]) -> Table:
    names = tuple(next(iter(found.values())))
    return Table(
        title="Others' posts, by what others call them",
        note="Grave: called an emergency, self-harm, abuse, a legal form or political.",
        head=("group", *names),
        rows=tuple(
            (group, *(percent(rates[name]) for name in names)) for group, rates in found.items()
        ),
    )


def _kappa(found: Sequence[Kappa]) -> Table:
    return Table(
        title="Agreement of the two labellings",
        note="Cohen's kappa: 1 where they agree, 0 where they agree by chance.",
        head=("label", "posts", "kappa"),
        rows=tuple((each.name, f"{each.posts:,}", scored(each.kappa)) for each in found),
    )
