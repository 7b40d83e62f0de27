"""Faults of Eliot's own: rows stay, the log names them, nothing spins, and a person is asked in the end."""

import logging
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from huey.contrib.djhuey import HUEY

from farm_app import binding, claiming, dispatch, nudges, setbacks, store
from farm_app.follow import Follower
from farm_app.models import Attempt, GpuNode, Job, Lease
from farm_app.models.leases import HOST
from farm_app.models.states import AttemptState, JobState
from farm_app.verdicts import Verdict
from tests.farm.rig import Farm, attempts, story, wait_until


class Fault:
    """Raises instead of doing the work, so many times."""

    def __init__(self, real: object, fault: Exception, times: int) -> None:
        self.real, self.fault, self.left, self.calls = real, fault, times, 0

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls += 1
        if self.left > 0:
            self.left -= 1
            raise self.fault
        return self.real(*args, **kwargs)  # type: ignore[operator]


def test_a_fault_of_our_own_is_tried_again_later(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    farm.node()
    placed = farm.ask(1, node_mode="only", node=GpuNode.objects.get())
    monkeypatch.setattr(binding, "bind_for", Fault(binding.bind_for, TypeError("oops"), 2))
    monkeypatch.setattr(binding, "bind_at_once", lambda attempt: None)
    with caplog.at_level(logging.ERROR):
        farm.work()
        (job,) = farm.done(placed)
    assert [state for _, state in attempts(job)] == ["lost", "lost", "committed"]
    assert any(f"job {job.pk}, attempt " in line.getMessage() for line in caplog.records)


def test_a_fault_that_stays_is_put_before_a_person(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    placed = farm.ask(1)
    monkeypatch.setattr(setbacks, "BACKOFF_LAST_S", 0.1)
    fault = Fault(None, TypeError("oops"), 99)
    monkeypatch.setattr(binding, "bind_for", fault)
    monkeypatch.setattr(binding, "bind_at_once", lambda attempt: None)
    farm.work()
    (job,) = farm.settled(placed)
    assert (job.state, job.reason) == (JobState.ATTENTION, "Eliot stumbled over it 5 times.")
    assert fault.calls == 5


def test_a_plan_that_cannot_be_drawn_leaves_everything_as_it_was(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    placed = farm.ask(2)
    fault = Fault(claiming._claim_from, RuntimeError("oops"), 2)
    monkeypatch.setattr(claiming, "_claim_from", fault)
    farm.work()
    farm.done(placed)
    assert fault.left == 0


def test_a_fault_after_a_picture_was_made_does_not_cost_the_picture(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = farm.node("gpu-a")
    placed = farm.ask(2)
    real, faults = claiming.claim_after, [TypeError("oops")]

    def claim_after(*args: Any, **kwargs: Any) -> Attempt | None:
        found = real(*args, **kwargs)
        if faults:
            raise faults.pop()
        return found

    monkeypatch.setattr(claiming, "claim_after", claim_after)
    farm.work()
    jobs = farm.done(placed)
    assert attempts(jobs[0]) == [("gpu-a", "committed")]
    assert len([one for one in node.executions() if one["eliot"]["job"] == jobs[0].pk]) == 1


def test_a_database_that_is_locked_for_too_long_strands_nothing(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 0.4})
    placed = farm.ask(2)
    calls = Fault(claiming.claim_after, OperationalError("database is locked"), 2)
    monkeypatch.setattr(claiming, "claim_after", calls)
    farm.work()
    farm.done(placed)
    assert calls.left == 0
    assert len(node.executions()) == 2


def test_a_writer_that_keeps_the_database_is_waited_for(farm: Farm) -> None:
    farm.node("gpu-a", seconds={"sd15": 0.3})
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    from django.conf import settings

    link = sqlite3.connect(
        str(settings.DATABASES["default"]["NAME"]), timeout=20, isolation_level=None
    )
    link.execute("BEGIN IMMEDIATE")
    assert not Job.objects.filter(state=JobState.DONE).exists()
    link.execute("ROLLBACK")
    link.close()
    farm.done(placed)


@pytest.mark.parametrize("step", ["_fetch", "_place", "_commit"])
def test_a_fault_while_storing_is_tried_again(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    node = farm.node()
    placed = farm.ask(1)
    monkeypatch.setattr(store, "STORE_AGAIN", timedelta(seconds=0.1))
    monkeypatch.setattr(store, step, Fault(getattr(store, step), KeyError("oops"), 1))
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.executions()) == 1


def test_what_can_never_be_stored_is_put_before_a_person(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    placed = farm.ask(1)
    monkeypatch.setattr(store, "_commit", Fault(None, KeyError("oops"), 99))
    # Over before the retry is, which takes next to nothing on a node that has drawn the same before.
    monkeypatch.setattr(store, "STORE_AGAIN", timedelta(seconds=0.005))
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.ATTENTION
    assert job.reason == "The picture is made, but Eliot could not bring it home."
    monkeypatch.undo()
    assert farm.retry(placed) == 1
    (job,) = farm.done(placed)
    assert [state for _, state in attempts(job)] == ["superseded", "committed"]


@pytest.mark.fault("D20")
def test_lost_and_doubled_nudges_do_no_harm(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 0.1})
    placed = farm.ask(6)
    HUEY.flush()
    farm.work()
    for _ in range(10):
        nudges.feed([GpuNode.objects.get().pk] * 3)
        nudges.idle_nodes()
        for attempt in Attempt.objects.all():
            nudges.store(attempt)
            nudges.cancel_on_commit(attempt)
        HUEY.flush()
    for job in farm.done(placed):
        assert attempts(job) == [("gpu-a", "committed")]
        assert len(story(job)) == 4
    assert len(node.executions()) == 6


def test_a_queue_that_takes_no_nudges_loses_nothing(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    placed = farm.ask(2)
    full = Fault(HUEY.storage.enqueue, sqlite3.OperationalError("disk is full"), 4)
    monkeypatch.setattr(HUEY.storage, "enqueue", full)
    farm.work()
    farm.done(placed)
    assert full.left == 0


def test_who_wakes_at_the_end_of_a_picture_leaves_it_to_the_next_holder(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = farm.node()
    placed = farm.ask(2)
    lease = Lease.objects.filter(name__startswith="node:")
    follow = Follower.follow

    def fall_asleep(self: Follower, attempt: Attempt, **how: bool) -> Verdict:
        verdict = follow(self, attempt, **how)
        lease.update(holder="elsewhere", host="elsewhere")
        asleep.setattr(dispatch, "LEASE_TTL", timedelta(0))  # a look at the lease is due
        return verdict

    with monkeypatch.context() as asleep:
        asleep.setattr(Follower, "follow", fall_asleep)
        farm.feed()
    assert [one.state for one in Attempt.objects.all()] == [AttemptState.RUNNING]

    assert lease.get().holder == "elsewhere"  # who lost it does not give it back
    lease.update(holder="", host=HOST)
    farm.work()
    for job in farm.done(placed):
        assert [state for _, state in attempts(job)] == ["committed"]
    assert len(node.executions()) == 2
