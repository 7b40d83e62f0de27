"""A pytest plugin: which test shows which fault, on which kind of server, and what is checked after it.

``@pytest.mark.fault("N01")`` marks the one test of a row. ``profile="legacy"`` names the kind of server that matters
for it; without it nodes are like the current ones. A drill that belongs to no single row has the mark without one.
With ``--drill-all`` only marked tests run, each over every kind of server, and over every way to die if it has the
fixture ``action``, unless ``crash=False`` says that it comes by no failpoint.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from farm_app.demo.spec import Profile
from tests.faults.page import page, read_rows

PROFILES: Final = get_args(Profile)
USUAL_PROFILE: Final = "jobs"
ACTIONS: Final = ("kill9", "raise", "sleep")
CROSSED: Final = {"profile": PROFILES, "action": ACTIONS}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption(
        "--drill-all",
        action="store_true",
        help="run the fault drills alone, over every kind of server and every way to die",
    )
    group.addoption(
        "--faults-page", type=Path, help="write the page of faults from what was collected"
    )


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> str:
    """Say what kind of server the nodes of this test are like."""
    given = getattr(request, "param", None)
    mark = request.node.get_closest_marker("fault")
    return str(given or (mark and mark.kwargs.get("profile")) or USUAL_PROFILE)


@pytest.fixture
def action(request: pytest.FixtureRequest) -> str:
    """Say what happens to Eliot at the failpoint of this test."""
    return str(getattr(request, "param", ACTIONS[0]))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if not metafunc.config.getoption("--drill-all") or not _is_about_a_fault(metafunc):
        return
    for name, values in CROSSED.items():
        if name in metafunc.fixturenames and not (name == "action" and _crashes_nowhere(metafunc)):
            metafunc.parametrize(name, values, indirect=True)


def _is_about_a_fault(metafunc: pytest.Metafunc) -> bool:
    """Say whether the function, or one of its cases, carries the mark."""
    marks = list(metafunc.definition.iter_markers())
    cases = [case for mark in marks if mark.name == "parametrize" for case in mark.args[1]]
    inner = [mark for case in cases for mark in getattr(case, "marks", ())]
    return any(mark.name == "fault" for mark in [*marks, *inner])


def _crashes_nowhere(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("fault")
    return any(mark.kwargs.get("crash") is False for mark in marks)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("fault")]
    refuse_unknown(marked)
    if config.getoption("--drill-all"):
        config.hook.pytest_deselected(items=[item for item in items if item not in marked])
        items[:] = marked
        return
    tests = found_by_row(marked)
    file: Path | None = config.getoption("--faults-page")
    if file is not None:
        file.write_text(page(read_rows(), tests), encoding="utf-8")


def refuse_unknown(items: Sequence[pytest.Item]) -> None:
    """Say so when a test is marked with a row that is not there."""
    rows = read_rows()
    for item in items:
        unknown = set(_ids(item)) - rows.keys()
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: no such fault: {', '.join(unknown)}")


def found_by_row(items: Sequence[pytest.Item]) -> dict[str, str]:
    """Return the test of each row; two for the same one are a mistake."""
    found: dict[str, str] = {}
    for item in items:
        for row in _ids(item):
            if row in found:
                raise pytest.UsageError(f"{row} has two tests: {found[row]} and {item.nodeid}")
            found[row] = item.nodeid
    return found


def _ids(item: pytest.Item) -> Iterator[str]:
    for mark in item.iter_markers("fault"):
        yield from mark.args


def rows_of(item: Any) -> list[str]:
    """Return the rows that a test shows."""
    return list(_ids(item))
