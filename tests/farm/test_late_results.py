"""Late results: what a node finished when nobody waited any more is kept apart, and a person may still take it."""

import signal
from datetime import timedelta
from typing import Any

from django.utils import timezone

from eliot.soundness import Look, run
from farm_app import invariants, late, nudges
from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from tests.farm.rig import Farm, attempts, on_event, on_request, story, wait_until

SLOW: dict[str, Any] = {"seconds": {"sd15": 1.5}}


# A node that does not listen when it is told to stop.
DEAF = [
    on_request(path, {"status": 200, "json": {}})
    for path in ("/interrupt", "/api/jobs/*", "/queue")
]


def given_up_and_finished(farm: Farm) -> tuple[Job, Attempt]:
    """Let gpu-a sleep over a picture that gpu-b makes meanwhile, and finish it when it wakes."""
    sleeper = farm.node("gpu-a", rules=DEAF, **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(sleeper.executions)
    sleeper.signal(signal.SIGSTOP)
    farm.node("gpu-b")
    (job,) = farm.done(placed)
    sleeper.signal(signal.SIGCONT)
    found = wait_until(lambda: Attempt.objects.late().first())
    assert found is not None
    return job, found


def cancelled_too_late(farm: Farm, name: str = "gpu-a") -> tuple[Job, Attempt]:
    """Cancel a picture when its node has just finished it."""
    (attempt,) = farm.render(1)
    farm.cancel(attempt.job.generation.round)
    job = Job.objects.get()
    assert job.state == JobState.CANCELLED
    return job, Attempt.objects.get()


def test_a_node_that_wakes_up_and_finishes_is_noticed_and_changes_nothing(farm: Farm) -> None:
    job, found = given_up_and_finished(farm)
    assert attempts(job) == [("gpu-a", "superseded"), ("gpu-b", "committed")]
    assert found.node.slug == "gpu-a"
    assert any("gpu-a finished it after all" in said for said in story(job))
    assert job.outputs.count() == 1
    assert not Attempt.objects.adoptable().exists(), "a job that has its picture takes no other"
    assert not late.adopt(found)


def test_a_late_picture_can_be_taken(farm: Farm) -> None:
    farm.node()
    job, found = cancelled_too_late(farm)
    assert list(Attempt.objects.adoptable()) == [found]
    farm.work()
    assert late.adopt(found, actor="somebody")
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=JobState.DONE).exists())
    assert attempts(job) == [("gpu-a", "superseded"), ("gpu-a", "committed")]
    taken = Attempt.objects.get(is_adopted=True)
    assert (taken.fence, taken.node_prompt_id) == (2, str(found.pk))
    assert "The late picture of gpu-a is taken." in story(job)
    assert not Attempt.objects.adoptable().exists()
    assert not late.adopt(found)


def test_two_who_take_it_at_once_get_one_picture(farm: Farm) -> None:
    farm.node()
    job, found = cancelled_too_late(farm)
    assert [late.adopt(found), late.adopt(found)] == [True, False]
    farm.work()
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=JobState.DONE).exists())
    assert job.outputs.count() == 1


def test_one_that_the_node_no_longer_has_is_put_before_a_person(farm: Farm) -> None:
    node = farm.node()
    job, found = cancelled_too_late(farm)
    node.set_rules(on_request("/view", {"status": 404}, method="GET"))
    assert late.adopt(found)
    farm.work()
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=JobState.ATTENTION).exists())
    job.refresh_from_db()
    assert job.advice == "Ask again to render it anew."
    assert len(node.executions()) == 1


def test_one_from_a_node_that_is_gone_is_put_before_a_person(farm: Farm) -> None:
    node = farm.node()
    job, found = cancelled_too_late(farm)
    node.kill()
    assert late.adopt(found)
    farm.work()
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=JobState.ATTENTION).exists())


def test_another_node_goes_on_when_the_first_picture_does_not_come_over(farm: Farm) -> None:
    gone = farm.node("gpu-a")
    job, found = cancelled_too_late(farm)
    gone.kill()
    GpuNode.objects.update(is_enabled=False)
    farm.node("gpu-b", seconds={"sd15": 15.0})
    assert job.ask_again()
    farm.work()
    wait_until(Attempt.objects.filter(node__slug="gpu-b", state=AttemptState.RUNNING).exists)
    assert late.adopt(found)
    wait_until(Attempt.objects.filter(is_adopted=True, state=AttemptState.LOST).exists)
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
    assert any("gpu-b goes on with it." in said for said in story(job))
    assert not [one for one in run(invariants.ALL, Look(is_quiet=False)) if one.repair]


def test_a_week_later_it_is_no_longer_offered(farm: Farm) -> None:
    farm.node()
    job, found = cancelled_too_late(farm)
    Attempt.objects.update(produced=timezone.now() - timedelta(days=8))
    assert not Attempt.objects.adoptable().exists()
    assert not late.adopt(found)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_node_that_restarted_has_nothing_to_say(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[on_event("progress", {"exit": 1}, value=3)])
    placed = farm.ask(1)
    farm.work()
    wait_until(node.executions)
    node.restart()
    farm.done(placed)
    nudges.probe([GpuNode.objects.get().pk])
    wait_until(lambda: GpuNode.objects.get().health == Health.READY)
    assert not Attempt.objects.late().exists()
    assert Attempt.objects.filter(state=AttemptState.LOST).count() == 1
