"""`manage.py bench live`: what it says of what it measured."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from eliot.bench import queue, studio
from eliot.bench.elsewhere import measured_elsewhere
from eliot.bench.figures import Figures, missed
from eliot.bench.process import BenchFailed, wait_until
from eliot.bench.reading import Made, add_overruns, delays, gaps

MADE = Made("a1", "http://fast", "p1", asked=0, started=20, succeeded=500, finished=600, thumb=25)


def timing(prompt_id: str, overrun_ms: float, nominal_ms: float = 500.0) -> dict[str, Any]:
    return {"prompt_id": prompt_id, "overrun_ms": overrun_ms, "nominal_ms": nominal_ms}


def said_of(figures: Figures) -> str:
    return "\n".join(missed(figures.summary()))


def test_a_demo_that_overran_by_more_than_a_twentieth_makes_the_run_invalid() -> None:
    figures = Figures()
    add_overruns([timing("a1", 26.0), timing("a2", 40.0, 1500.0)], {"a1", "a2"}, figures)
    assert "the demo overran 1 times, at most 40 ms: the run is invalid" in said_of(figures)
    assert figures.overruns == 2


def test_a_small_overrun_is_counted_and_does_not_invalidate() -> None:
    figures = Figures()
    add_overruns([timing("a1", 24.0)], {"a1"}, figures)
    assert (figures.overruns, figures.worst_overrun_ms) == (1, 24.0)
    assert "invalid" not in said_of(figures)


def test_overruns_of_other_rounds_are_not_counted_again() -> None:
    figures = Figures()
    add_overruns([timing("other", 300.0), timing("a1", 0.0)], {"a1"}, figures)
    assert (figures.overruns, figures.spoiling_overruns) == (0, 0)


def test_a_pause_of_many_seconds_between_two_pictures_of_a_node_counts() -> None:
    late = replace(MADE, attempt="a2", started=4500, succeeded=5000)
    elsewhere = replace(MADE, attempt="a3", origin="http://slow", started=30, succeeded=900)
    assert gaps([late, MADE, elsewhere]) == [4000]


def test_the_thumbnail_s_own_time_is_no_delay() -> None:
    assert delays([MADE], {"p1": 600.0, "unknown": 1.0}) == [75.0]


def test_waiting_in_vain_says_what_is_missing() -> None:
    with pytest.raises(BenchFailed, match="The nodes were not ready within 0 s"):
        wait_until(lambda: False, 0, "The nodes were not ready")


def test_without_playwright_it_says_what_to_install() -> None:
    hidden = "import sys; sys.modules['playwright'] = None; sys.argv = ['manage.py', 'bench', 'live', '--json']; "
    code = hidden + "import runpy; runpy.run_path('manage.py', run_name='__main__')"
    reply = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert reply.returncode == 1
    assert "make install" in reply.stderr
    assert "Traceback" not in reply.stderr
    assert reply.stdout.startswith('{"error": ')


def test_a_queue_is_measured_on_a_folder_of_its_own() -> None:
    figures = measured_elsewhere("eliot.bench.queue", 4, 40)
    assert figures.keys() == queue.TARGETS.keys()
    assert min(figures.values()) > 0


def test_each_way_of_queueing_has_its_verdict() -> None:
    fine = dict.fromkeys(queue.TARGETS, 1.0)
    outcome = queue.Outcome({"batches": fine, "singles": {**fine, "plan_ms": 900.0}})
    assert outcome.missed() == ["singles: plan_ms is 900, and should be at most 250"]
    assert len(list(outcome.lines())) == 6


def test_a_queue_that_cannot_be_measured_says_why() -> None:
    with pytest.raises(BenchFailed, match="ZeroDivisionError"):
        measured_elsewhere("eliot.bench.queue", 0, 1)


def test_the_studio_is_measured_on_an_empty_eliot() -> None:
    assert 0 < studio.change_ms() < 60_000
