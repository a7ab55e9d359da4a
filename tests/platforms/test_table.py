"""The table at the end of a run says of each cell what became of it."""

import pytest

from tests.platforms.columns import SKIPS, TOY, WORLDS
from tests.platforms.table import Table, table
from tests.platforms.test_contract import PROMISES


def test_each_promise_is_a_row_and_each_adapter_a_column() -> None:
    first = PROMISES[0]
    cells = {(first, "x"): "failed", (first, "replay"): "passed"}
    head, row, *rest = table(cells)
    assert set(head.split()) == set(WORLDS) - {TOY.rpartition(".")[2]}
    assert row.split()[-2:] == ["passed", "FAILED"]
    assert len(rest) >= len(PROMISES) - 1


def test_a_cell_that_may_be_empty_says_so_with_its_reason() -> None:
    head, *lines = table({})
    row = next(each for each in lines if each.startswith("answers in private"))
    assert row.split().count("-") == sum(
        "answers_in_private" in SKIPS[name] for name in head.split()
    )
    assert "- replay: a file reaches nobody (1)" in lines


class Report(pytest.TestReport):
    """A report as pytest makes one."""

    def __init__(self, nodeid: str, when: str, outcome: str) -> None:
        super().__init__(
            nodeid=nodeid,
            location=("", 0, ""),
            keywords={},
            outcome=outcome,  # type: ignore[arg-type]
            longrepr=None,
            when=when,  # type: ignore[arg-type]
        )


def test_cells_are_noted_from_the_contract_only_and_a_failed_end_counts() -> None:
    noted = Table()
    suite = "tests/platforms/test_contract.py::test_"
    for nodeid, when, outcome in (
        (suite + "reads_in_order_of_posting[x]", "setup", "passed"),
        (suite + "reads_in_order_of_posting[x]", "call", "passed"),
        (suite + "takes_a_reply_back[x]", "call", "passed"),
        (suite + "takes_a_reply_back[x]", "teardown", "failed"),
        ("tests/test_case.py::test_moves[x]", "call", "passed"),
    ):
        noted.pytest_runtest_logreport(Report(nodeid, when, outcome))
    assert noted.cells == {
        ("reads_in_order_of_posting", "x"): "passed",
        ("takes_a_reply_back", "x"): "failed",
    }
