"""The figures of an evaluation as one HTML page that needs nothing beside itself."""

from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files

from assistant.evaluate.figures import LABELS, Figures
from assistant.evaluate.telling import Table, tables

CONFUSED = "Rows: labelled as. Columns: what Luister called it. A dark cell off the diagonal is a \
mistake made often."


def page(figures: Figures, *, title: str, facts: Mapping[str, str], ids: bool) -> str:
    """Return the page; `facts` say what was measured, with what, and when."""
    style = (files("assistant.evaluate") / "page.css").read_text("utf-8")
    body = "\n".join(_sections(figures, ids=ids))
    known = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<dl>{known}</dl>
{body}
</main>
</body>
</html>
"""


def _sections(figures: Figures, *, ids: bool) -> Iterator[str]:
    for number, each in enumerate(tables(figures, ids=ids)):
        yield _table(each, grave=each.title == "Silence errors")
        if number == 0 and figures.confusion:
            yield _confusion(figures.confusion)


def _table(given: Table, *, grave: bool) -> str:
    head = "".join(f"<th scope=col>{escape(each)}</th>" for each in given.head)
    rows = "\n".join(
        f"<tr><th scope=row>{escape(first)}</th>"
        + "".join(f"<td>{escape(each)}</td>" for each in rest)
        + "</tr>"
        for first, *rest in given.rows
    )
    note = f"<p>{escape(given.note)}</p>\n" if given.note else ""
    kind = ' class="grave"' if grave else ""
    return (
        f"<section{kind}>\n<h2>{escape(given.title)}</h2>\n{note}"
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n</section>"
    )


def _confusion(found: Mapping[str, Mapping[str, int]]) -> str:
    """Draw the confusion matrix: each row shaded by the share of its posts."""
    head = "".join(f"<th scope=col><span>{escape(each)}</span></th>" for each in LABELS)
    rows = "\n".join(
        f"<tr><th scope=row>{escape(said)}</th>"
        + "".join(_cell(said, heard, number, sum(row.values())) for heard, number in row.items())
        + f'<td class="all">{sum(row.values())}</td></tr>'
        for said, row in found.items()
    )
    return (
        f"<section>\n<h2>Which label is taken for which</h2>\n<p>{CONFUSED}</p>\n"
        f'<div class="wide"><table class="confusion">\n'
        f"<thead><tr><th></th>{head}<th scope=col><span>posts</span></th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n</section>"
    )


def _cell(said: str, heard: str, number: int, of: int) -> str:
    share = number / of if of else 0.0
    kind = "right" if said == heard else "wrong"
    told = f"{said} called {heard}: {number} of {of}"
    dark = " dark" if share > 0.5 else ""
    shown = str(number) if number else ""
    return (
        f'<td class="{kind}{dark}" style="--share:{share:.3f}" title="{escape(told)}">{shown}</td>'
    )
