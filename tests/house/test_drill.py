"""`manage.py drill`: a few seconds of the soak, what it prints, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from eliot.drill.account import Account, Outcome, settle
from farm_app import setbacks
from farm_app.models import Job
from farm_app.models.states import AttemptState, FailureClass, JobState
from tests import factories
from tests.house.household import environment


def drilled(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    quick = {"ELIOT_TIME_PERCENT": "25", "TMPDIR": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "manage.py", "drill", *options],
        cwd=settings.BASE_DIR,
        env={**environment(tmp_path / "mine"), **quick},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.mark.drill
def test_a_few_seconds_of_it_lose_and_double_nothing(tmp_path: Path) -> None:
    ended = drilled(tmp_path, "--minutes", "0.1", "--seed", "3", "--json")
    found = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (found["seed"], found["missed"]) == (3, [])
    assert (found["lost"], found["duplicated"], found["stuck"]) == (0, 0, 0)
    assert 0 < found["done"] <= found["asked"] <= found["renders"] + found["cancelled"]
    assert not list((tmp_path / "mine").glob("eliot.sqlite3"))  # nothing of yours is touched
    assert not list(tmp_path.glob("eliot-drill-*"))


@pytest.mark.drill
def test_each_way_a_node_fails_is_noticed_and_costs_nothing(tmp_path: Path) -> None:
    ended = drilled(tmp_path, "--notice", "1", "--seed", "3", "--json")
    assert ended.stdout, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    ways = ["idle, killed", "idle, hung", "at work, killed", "at work, hung"]
    assert list(found["noticed_s"]) == ways
    assert (found["lost"], found["duplicated"], found["stuck"]) == (0, 0, 0)
    # A crowded machine may be late, and nothing else may be amiss.
    assert [one for one in found["missed"] if "noticed in" not in one] == []


@pytest.mark.parametrize(
    "options",
    [("--minutes", "0"), ("--kill-start", "-1"), ("--notice", "0"), ("--minutes", "x")],
)
def test_nonsense_is_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    ended = drilled(tmp_path, *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert options[0] in ended.stderr


def test_what_must_not_be_is_said() -> None:
    assert Outcome("soak", 1, lost=2, breaches=["I2: twice."]).missed() == ["2 lost", "I2: twice."]
    assert Outcome("soak", 1, asked=3, done=3).missed() == []


def test_what_stopped_is_counted_before_it_is_asked_for_again(studio: None) -> None:
    account = Account()
    account.ask(3)
    node = factories.node("gpu-a")
    broken, stumbled, fine = Job.objects.order_by("pk")
    for job, failure, evidence in (
        (broken, FailureClass.EXECUTION, ""),
        (stumbled, FailureClass.INFRASTRUCTURE, setbacks.STUMBLED),
    ):
        job.attempts.create(
            node=node, fence=1, state=AttemptState.LOST, failure=failure, evidence=evidence
        )
        job.move(JobState.ATTENTION, "No.", reason="No.")
    assert account.ask_again() == 2
    assert not account.stopped()
    outcome = settle(account, [], Outcome("soak", 1, deeds={"node raises": 1, "node killed": 2}))
    assert outcome.stopped == {"execution": 1, "infrastructure": 1}
    assert outcome.unexplained == [f"job {stumbled.pk}: No."]
    assert f"stopped without cause: job {stumbled.pk}: No." in outcome.missed()
    assert any("1 × execution" in line for line in outcome.lines())
    assert fine.state == JobState.QUEUED
