"""The table of the contract at the end of a run: rows are promises, columns the adapters."""

import re

import pytest

CELL = re.compile(r"test_contract\.py::test_(\w+)\[([^\]]+)\]$")


class Table:
    """Notes each cell as it is reported, over all processes, and prints them."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = CELL.search(report.nodeid)
        if found and (report.when == "call" or report.failed):
            self.cells[found[1], found[2]] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.cells:
            terminalreporter.section("the contract of a platform")
            for line in table(self.cells):
                terminalreporter.line(line)


def table(cells: dict[tuple[str, str], str]) -> list[str]:
    """Return the lines of the table: `passed`, `FAILED`, `-` where it may be empty, else blank."""
    # Only when the contract was run: importing it opens every adapter's module.
    from tests.platforms.columns import OUTSIDE, SKIPS, TOY, WORLDS
    from tests.platforms.test_contract import PROMISES

    names = sorted(name for name in WORLDS if OUTSIDE.get(name) != TOY)
    wide = max(map(len, PROMISES))
    lines = [" " * wide + "".join(f"  {name:<9}" for name in names)]
    empty: dict[tuple[str, str], list[str]] = {}
    for row in PROMISES:
        line = row.replace("_", " ").ljust(wide)
        for name in names:
            outcome = cells.get((row, name), "")
            if row in SKIPS[name]:
                outcome = "-"
                empty.setdefault((name, SKIPS[name][row]), []).append(row)
            line += f"  {outcome.upper() if outcome == 'failed' else outcome:<9}"
        lines.append(line.rstrip())
    for (name, reason), rows in empty.items():
        lines.append(f"- {name}: {reason} ({len(rows)})")
    return lines
