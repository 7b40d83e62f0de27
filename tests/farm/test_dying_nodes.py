"""Nodes that die, restart, fall silent or come back: the picture is made once, somewhere, or waits and says why."""

import signal
from datetime import timedelta
from typing import Any

import pytest

from farm_app import health, knocking, progress, rests, setbacks, sweep
from farm_app.models import Attempt, GpuNode, Job, nodes
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from tests.farm.rig import Farm, attempts, on_event, on_request, story, wait_until

pytestmark = pytest.mark.drill
SLOW: dict[str, Any] = {"seconds": {"sd15": 3.0}}
NOTICED_S = 3.0


@pytest.mark.fault("N01")
def test_work_goes_elsewhere_when_a_node_dies_while_rendering(farm: Farm) -> None:
    doomed = farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(doomed.executions)
    farm.node("gpu-b")
    doomed.kill()
    wait_until(lambda: GpuNode.objects.get(slug="gpu-a").health == Health.OFFLINE, NOTICED_S)
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-b", "committed")]
    assert any("gpu-a went away" in said for said in story(job))
    assert (job.failures, job.deaths) == (0, 1)
    assert GpuNode.objects.get(slug="gpu-a").unseen_since


def test_a_restart_that_nobody_saw_is_told_by_the_nodes_own_count(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = farm.node("gpu-a", load_s={"sd15": 0.4})
    farm.work()
    for _ in range(2):
        (job,) = farm.done(farm.ask(1))
    assert not job.attempts.get().was_cold
    before = GpuNode.objects.get().epoch
    monkeypatch.setattr(health, "due", list)
    monkeypatch.setattr(knocking, "quiet_nodes", GpuNode.objects.none)
    node.kill()
    node.restart()
    (job,) = farm.done(farm.ask(1))
    assert job.attempts.latest("fence").was_cold
    assert GpuNode.objects.get().epoch > before


def test_work_waits_for_the_only_node_to_come_back(farm: Farm) -> None:
    node = farm.node("gpu-a", **SLOW)
    placed = farm.ask(2)
    farm.work()
    wait_until(node.executions)
    node.kill()
    wait_until(lambda: GpuNode.objects.get().health == Health.OFFLINE)
    node.spec |= {"seconds": {"sd15": 0.1}}
    node.start()
    jobs = farm.done(placed)
    assert sorted(len(attempts(job)) for job in jobs) == [1, 2]


@pytest.mark.fault("N02")
def test_a_node_that_restarts_at_once_is_found_out(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[on_event("progress", {"exit": 1}, value=3)])
    placed = farm.ask(1)
    farm.work()
    wait_until(node.executions)
    node.restart()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-a", "committed")]
    assert len(node.executions()) == 2
    assert (job.failures, GpuNode.objects.get().epoch > 1) == (0, True)


@pytest.mark.fault("N03")
def test_a_node_may_restart_between_the_post_and_the_first_event(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[on_event("execution_start", {"exit": 1})])
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: not node.is_alive)
    node.restart()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-a", "committed")]
    assert (job.failures, job.deaths) == (0, 0)
    assert GpuNode.objects.get().epoch > 1


def test_a_silent_node_hands_its_work_to_an_idle_one(farm: Farm) -> None:
    silent = farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(silent.executions)
    silent.signal(signal.SIGSTOP)
    farm.node("gpu-b")
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "superseded"), ("gpu-b", "committed")]
    assert "gpu-a does not answer; gpu-b renders a copy." in story(job)
    silent.signal(signal.SIGCONT)
    wait_until(lambda: [line for line in silent.told("end") if line["status"] == "interrupted"])


def test_a_silent_node_that_comes_back_first_keeps_its_work(farm: Farm) -> None:
    silent = farm.node("gpu-a", seconds={"sd15": 2.0})
    placed = farm.ask(1)
    farm.work()
    wait_until(silent.executions)
    silent.signal(signal.SIGSTOP)
    slow = farm.node("gpu-b", seconds={"sd15": 30.0})
    wait_until(slow.executions)
    silent.signal(signal.SIGCONT)
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed"), ("gpu-b", "superseded")]
    wait_until(lambda: slow.told("end"))
    assert slow.told("end")[0]["status"] == "interrupted"


def test_a_silent_node_without_another_is_waited_for(farm: Farm) -> None:
    silent = farm.node("gpu-a", seconds={"sd15": 0.8})
    placed = farm.ask(1)
    farm.work()
    wait_until(silent.executions)
    silent.signal(signal.SIGSTOP)
    wait_until(lambda: GpuNode.objects.get().health == Health.SILENT)
    silent.signal(signal.SIGCONT)
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(silent.executions()) == 1


def test_a_cancel_does_not_wait_for_a_silent_node(farm: Farm) -> None:
    silent = farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(silent.executions)
    silent.signal(signal.SIGSTOP)
    farm.cancel(placed)
    (job,) = farm.settled(placed)
    assert job.state == JobState.CANCELLED
    silent.signal(signal.SIGCONT)
    wait_until(lambda: [line for line in silent.told("end") if line["status"] == "interrupted"])


def test_a_job_that_kills_two_nodes_is_put_aside(farm: Farm) -> None:
    deadly = on_event("progress", {"exit": 1}, prompt_contains="poison")
    farm.two({"rules": [deadly]}, {"rules": [deadly]})
    poison = farm.ask(1, "poison")
    farm.work()
    (job,) = farm.settled(poison)
    assert job.state == JobState.ATTENTION
    assert job.reason.startswith("It seems to crash nodes")
    assert [state for _, state in attempts(job)] == ["lost", "lost"]


def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes be looked at all the time, and tried as soon as they answer."""
    pauses = (rests, "REST_LAST_S"), (setbacks, "BACKOFF_LAST_S"), (sweep, "SWEEP_S")
    for owner, name in pauses:
        monkeypatch.setattr(owner, name, 0.05)
    monkeypatch.setattr(nodes, "TROUBLE_INTERVAL", timedelta(seconds=0.05))


@pytest.mark.parametrize(("has_killed_another", "most"), [(False, 3), (True, 6)])
def test_a_node_that_dies_over_everything_is_blamed_before_a_job_is(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, has_killed_another: bool, most: int
) -> None:
    no_pauses(monkeypatch)
    node = farm.node("gpu-a", rules=[on_event("progress", {"exit": 1})])
    farm.work()
    if has_killed_another:
        other = farm.ask(1)
        wait_until(lambda: Job.objects.get().deaths == 1)
        farm.cancel(other)
    placed = farm.ask(1)
    while not (aside := Job.objects.filter(state=JobState.ATTENTION)).exists():
        if not node.is_alive:
            node.start()
    assert aside.get().deaths == most
    farm.settled(placed)


def test_a_node_that_died_while_eliot_was_down_says_nothing_about_its_job(farm: Farm) -> None:
    node = farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    running = Attempt.objects.filter(state=AttemptState.RUNNING)
    wait_until(running.exists)
    farm.stop()
    node.kill()
    farm.work()
    wait_until(lambda: not running.exists())
    node.spec |= {"seconds": {"sd15": 0.1}}
    node.start()
    (job,) = farm.done(placed)
    assert (attempts(job)[0], job.deaths) == (("gpu-a", "lost"), 0)


def test_a_node_that_dies_after_its_job_was_taken_up_again_counts(farm: Farm) -> None:
    node = farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    farm.stop()
    progress.forget(Job.objects.get().pk)
    farm.work()
    wait_until(lambda: progress.glimpses([Job.objects.get().pk]))
    node.kill()
    wait_until(lambda: Job.objects.get().deaths == 1)
    node.spec |= {"seconds": {"sd15": 0.1}}
    node.start()
    farm.done(placed)


def test_a_node_that_dies_before_its_picture_is_fetched_costs_a_render(farm: Farm) -> None:
    rule = on_request("/view", {"exit": 1}, method="GET")
    farm.node("gpu-a", rules=[rule])
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Job.objects.filter(state=JobState.STORING).exists())
    farm.node("gpu-b")
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-b", "committed")]
    assert job.failures == 0


@pytest.mark.fault("N21")
def test_a_node_that_moves_keeps_its_work_at_the_old_address(farm: Farm) -> None:
    old, new = farm.two({"seconds": {"sd15": 1.0}})
    GpuNode.objects.filter(slug="gpu-b").delete()  # the server alone, to move to
    placed = farm.ask(2)
    farm.work()
    wait_until(old.executions)
    GpuNode.objects.filter(slug="gpu-a").update(port=new.port)
    farm.done(placed)
    origins = {one.origin for one in Attempt.objects.all()}
    assert origins == {old.url, new.url}
    assert (len(old.executions()), len(new.executions())) == (1, 1)
