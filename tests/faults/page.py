"""The page of faults: which test shows what Eliot does when something goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

ROWS = Path(__file__).with_name("rows.yaml")
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
MOST_UNTESTED = 5
HEAD = """\
# What may go wrong

This is what Eliot promises when nodes, networks, people or Eliot itself fail. Each row is shown by one test, which
breaks things for real: nodes are processes that are killed and stopped, connections are cut on their way, and Eliot is
killed between two steps. After each of them it is checked that nothing asked for is lost, nothing is made twice, every
change of state has its reason, and other people's work on the nodes was left alone.

`make test` runs every row once, against the kind of server for which it matters most. `make drill-all` runs each
against every kind. `make faults` writes this page from `tests/faults/rows.yaml` and the marks of the tests; a row
without a test fails the suite unless it says why.
"""


@dataclass(frozen=True)
class Row:
    """One fault."""

    id: str
    group: str
    fault: str
    must: str
    renders: int = 1
    """How often nodes may begin the same picture."""
    untested: Mapping[str, str] | None = None
    """``why`` there is no test, and the ``drill`` that a person can run."""


def read_rows() -> dict[str, Row]:
    """Return all rows by id, in their order."""
    found: Mapping[str, Mapping[str, Any]] = yaml.safe_load(ROWS.read_text(encoding="utf-8"))
    return {
        key: Row(key, group, **facts)
        for group, rows in found.items()
        for key, facts in rows.items()
    }


def page(rows: Mapping[str, Row], tests: Mapping[str, str]) -> str:
    """Write the page.

    Args:
        rows: all rows by id.
        tests: the test of each row, as pytest calls it.
    """
    tables = [
        _table(group, list(found), tests)
        for group, found in groupby(rows.values(), key=lambda row: row.group)
    ]
    return "\n".join([HEAD, *tables])


def _table(group: str, rows: list[Row], tests: Mapping[str, str]) -> str:
    head = ["| | What goes wrong | What must happen | Shown by |", "|---|---|---|---|"]
    lines = [
        f"| {row.id} | {row.fault} | {row.must} | {_shown(row, tests.get(row.id))} |"
        for row in rows
    ]
    return "\n".join([f"## {group}", "", *head, *lines, ""])


def _shown(row: Row, test: str | None) -> str:
    if test is not None:
        file, _, name = test.partition("::")
        return f"[`{name}`](../{file})"
    if row.untested is not None:
        return f"not tested: {row.untested['why']} By hand: {row.untested['drill']}"
    return "**nothing yet**"
