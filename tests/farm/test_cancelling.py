"""Cancelling: what waits ends at once, what renders is told to stop, and no result of it counts."""

import random
import time
from typing import Any

from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.states import AttemptState, JobState
from tests.farm.rig import Farm, attempts, wait_until

SLOW: dict[str, Any] = {"seconds": {"sd15": 4.0}}


def test_a_queued_job_is_cancelled_at_once(farm: Farm) -> None:
    placed = farm.ask(3)
    assert farm.cancel(placed) == 3
    jobs = farm.settled(placed, 0)
    assert [job.state for job in jobs] == [JobState.CANCELLED] * 3
    assert [attempts(job) for job in jobs] == [[], [], []]


def test_a_running_job_is_stopped_on_its_node(farm: Farm) -> None:
    node = farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    farm.cancel(placed)
    (job,) = farm.settled(placed)
    assert job.state == JobState.CANCELLED
    assert attempts(job) == [("gpu-a", "cancelled")]
    assert [line["status"] for line in node.told("end")] == ["interrupted"]


def test_a_whole_batch_is_cancelled_and_the_node_goes_on_with_the_next(farm: Farm) -> None:
    first, second = farm.two(SLOW, SLOW)
    placed = farm.ask(20)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).count() == 2)
    assert farm.cancel(placed) == 20
    jobs = farm.settled(placed, 5)
    assert {job.state for job in jobs} == {JobState.CANCELLED}
    assert len(first.executions()) + len(second.executions()) == 2
    for node in (first, second):
        assert GpuNode.objects.get(slug=node.name).standing == "ready"
    after = farm.ask(1, values={"steps": 1})
    farm.done(after)


def test_a_cancel_reaches_a_node_although_its_nudge_was_lost(farm: Farm) -> None:
    farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    Job.objects.update(state=JobState.CANCELLING)
    wait_until(lambda: Job.objects.filter(state=JobState.CANCELLED).exists())
    Job.objects.get().events.filter(after=JobState.CANCELLED).update(before=JobState.RUNNING)
    assert farm.settled(placed)[0].finished is not None


def test_a_cancel_before_it_is_sent_sends_nothing(farm: Farm) -> None:
    node = farm.node("gpu-a")
    row = GpuNode.objects.get()
    placed = farm.ask(1)
    from farm_app import claiming

    claiming.claim(row)
    farm.cancel(placed)
    farm.feed()
    (job,) = farm.settled(placed, 0)
    assert (job.state, attempts(job)) == (JobState.CANCELLED, [("gpu-a", "cancelled")])
    assert node.told("prompt") == []


def test_a_cancel_at_any_moment_leaves_a_picture_or_none(farm: Farm) -> None:
    farm.two({"seconds": {"sd15": 0.1}}, {"seconds": {"sd15": 0.1}})
    rounds = [farm.ask(1) for _ in range(16)]
    farm.work()
    for placed in rounds:
        time.sleep(random.uniform(0, 0.1))
        farm.cancel(placed)
    jobs = [job for placed in rounds for job in farm.settled(placed)]
    assert {job.state for job in jobs} <= {JobState.DONE, JobState.CANCELLED}
    farm.done(farm.ask(2))


def test_what_is_done_stays_done(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(1)
    farm.work()
    farm.done(placed)
    assert farm.cancel(placed) == 0
    assert farm.retry(placed) == 0
    farm.done(placed)


def test_a_retry_of_what_runs_changes_nothing(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 0.8})
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    assert farm.retry(placed) == 0
    farm.done(placed)
    assert len(node.executions()) == 1


def test_what_is_asked_again_before_its_node_has_stopped_is_made_once(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 1.0})
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    farm.cancel(placed)
    assert Job.objects.filter(state=JobState.CANCELLING).count() == 1
    assert farm.retry(placed) == 2
    assert farm.retry(placed) == 0
    jobs = farm.done(placed)
    assert attempts(jobs[0]) == [("gpu-a", "superseded"), ("gpu-a", "committed")]
    assert attempts(jobs[1]) == [("gpu-a", "committed")]
    assert sorted(line["status"] for line in node.told("end")) == [
        "interrupted",
        "success",
        "success",
    ]


def test_what_is_asked_again_at_any_moment_of_its_cancelling_is_made_once(farm: Farm) -> None:
    farm.two({"seconds": {"sd15": 0.1}}, {"seconds": {"sd15": 0.1}})
    rounds = [farm.ask(1) for _ in range(16)]
    farm.work()
    for placed in rounds:
        time.sleep(random.uniform(0, 0.1))
        farm.cancel(placed)
        time.sleep(random.uniform(0, 0.05))
        farm.retry(placed)
    for placed in rounds:
        (job,) = farm.done(placed)
        assert [state for _, state in attempts(job)].count("committed") == 1


def test_what_was_cancelled_can_be_asked_for_again(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(2)
    farm.cancel(placed)
    assert farm.retry(placed) == 2
    farm.work()
    farm.done(placed)
