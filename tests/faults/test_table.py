"""docs/faults.md says the truth: every row has its one test, or a reason and a way to see it by hand."""

import subprocess
import sys

import pytest
from django.conf import settings

from tests.faults.marking import found_by_row, refuse_unknown
from tests.faults.page import MOST_UNTESTED, PAGE, read_rows

EXPECTED = {"N": 24, "R": 28, "P": 10, "D": 25, "H": 8, "L": 4}
LEFT_OUT = {"L03"}
"""Another room's: how fast a gallery of 100,000 files is."""
MARK = "mark.fault("


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page anew from the marks of all tests, as `make faults` does."""
    tests = settings.BASE_DIR / "tests"
    files = [path for path in tests.rglob("test_*.py") if MARK in path.read_text(encoding="utf-8")]
    written = tmp_path_factory.mktemp("page") / "faults.md"
    names = sorted(str(path.relative_to(settings.BASE_DIR)) for path in files)
    options = ["--collect-only", "-qq", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--faults-page", str(written), *names],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return written.read_text(encoding="utf-8")


def test_the_page_of_faults_is_what_the_tests_say(collected: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == collected, "run `make faults`"


def test_every_fault_has_a_test_or_a_reason(collected: str) -> None:
    holes = [line for line in collected.splitlines() if line.endswith("**nothing yet** |")]
    assert holes == []


def test_few_faults_are_left_to_people_and_each_says_how() -> None:
    untested = [row.untested for row in read_rows().values() if row.untested is not None]
    assert len(untested) <= MOST_UNTESTED
    assert all(one["why"] and one["drill"] for one in untested)


def test_no_fault_is_forgotten() -> None:
    wanted = {f"{kind}{n:02}" for kind, most in EXPECTED.items() for n in range(1, most + 1)}
    assert read_rows().keys() == wanted - LEFT_OUT


def test_a_fault_has_one_test_and_a_name_that_is_known(request: pytest.FixtureRequest) -> None:
    item = request.node
    item.add_marker(pytest.mark.fault("N01"))
    assert found_by_row([item]) == {"N01": item.nodeid}
    with pytest.raises(pytest.UsageError, match="N01 has two tests"):
        found_by_row([item, item])
    item.add_marker(pytest.mark.fault("N99"))
    with pytest.raises(pytest.UsageError, match="no such fault: N99"):
        refuse_unknown([item])
