"""A clean stop lets go at once; renders on nodes go on and are taken up at the next start."""

from typing import Any

from farm_app.models import Attempt, GpuNode, Job, Lease
from farm_app.models.states import AttemptState, JobState
from tests.farm.rig import Farm, attempts, wait_until

LONG: dict[str, Any] = {"seconds": {"sd15": 20.0}}


def test_a_stop_does_not_wait_for_renders(farm: Farm) -> None:
    nodes = farm.two(LONG, LONG)
    farm.ask(4)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).count() == 2)
    farm.stop()
    assert not any(node.told("end") for node in nodes)
    assert Attempt.objects.filter(state=AttemptState.RUNNING).count() == 2
    assert not Lease.objects.held_now().exists()
    Job.objects.filter(state=JobState.QUEUED).update(is_paused=True)


def test_the_next_start_takes_up_what_renders(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 0.8})
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    farm.stop()
    farm.work()
    jobs = farm.done(placed)
    assert [attempts(job) for job in jobs] == [[("gpu-a", "committed")]] * 2
    assert len(node.executions()) == 2


def test_what_ended_while_nobody_was_there_is_found_at_the_next_start(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 0.8})
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    farm.stop()
    wait_until(lambda: node.told("end"))
    farm.work()
    farm.done(placed)
    assert len(node.executions()) == 1


def test_what_was_reserved_and_never_sent_is_sent(farm: Farm) -> None:
    from farm_app import claiming

    node = farm.node()
    placed = farm.ask(1)
    assert claiming.claim(GpuNode.objects.get()) is not None
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.executions()) == 1


def test_what_may_have_been_sent_is_looked_for_before_it_is_given_up(farm: Farm) -> None:
    from farm_app import claiming

    node = farm.node()
    placed = farm.ask(1)
    attempt = claiming.claim(GpuNode.objects.get(), client_id="eliot-that-died")
    assert attempt is not None
    assert attempt.state == AttemptState.SUBMITTING
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-a", "committed")]
    assert len(node.executions()) == 1


def test_a_feeder_that_lost_its_lease_leaves_the_node_alone(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 1.2})
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    lease = Lease.objects.filter(name__startswith="node:")
    lease.update(holder="somebody else", epoch=99)
    wait_until(lambda: lease.get().holder == "somebody else")
    lease.update(expires="2000-01-01T00:00:00Z")
    farm.done(placed)
    assert len(node.executions()) == 1
