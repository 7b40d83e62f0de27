"""Time-outs: what is not made by its deadline is given up, wherever it stands."""

from datetime import timedelta

from django.utils import timezone

from farm_app import deadlines, sweep
from farm_app.models import Job
from farm_app.models.states import JobState
from sessions_app.models import Round
from tests.farm.rig import Farm, attempts, story, wait_until


def overdue(placed: Round) -> Job:
    """Give the only job of a round a deadline that has passed."""
    job = Job.objects.get(generation__round=placed)
    Job.objects.filter(pk=job.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    return job


def test_what_waits_in_the_queue_is_failed_with_the_reason(farm: Farm) -> None:
    farm.node(is_up=False)
    job = overdue(farm.ask())
    assert deadlines.give_up_overdue() == 1
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.reason.startswith("Timed out: it was not made within")
    assert job.advice
    assert job.has_timed_out


def test_a_deadline_that_is_still_to_come_changes_nothing(farm: Farm) -> None:
    job = overdue(farm.ask())
    Job.objects.update(deadline=timezone.now() + timedelta(minutes=1))
    assert deadlines.give_up_overdue() == 0
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_what_a_node_renders_is_stopped_there_and_the_node_goes_on_with_the_next(
    farm: Farm,
) -> None:
    node = farm.node(seconds={"sd15": 20.0})
    farm.work()
    placed = farm.ask()
    job = Job.objects.get(generation__round=placed)
    wait_until(node.executions)
    overdue(placed)
    wait_until(lambda: Job.objects.get(pk=job.pk).state == JobState.FAILED)
    wait_until(lambda: [line["status"] for line in node.told("end")] == ["interrupted"])
    assert attempts(job) == [("gpu-a", "superseded")]
    assert "Timed out" in story(job)[-1]
    assert not job.outputs.exists()
    farm.done(farm.ask(values={"steps": 1}))


def test_the_sweep_sees_to_it(farm: Farm) -> None:
    farm.node(is_up=False)
    job = overdue(farm.ask())
    sweep.sweep()
    job.refresh_from_db()
    assert job.has_timed_out


def test_who_asks_again_wants_it_however_late(farm: Farm) -> None:
    farm.node()
    placed = farm.ask()
    overdue(placed)
    deadlines.give_up_overdue()
    farm.retry(placed)
    assert deadlines.give_up_overdue() == 0
    farm.work()
    (job,) = farm.done(placed)
    assert not job.has_timed_out


def test_a_picture_that_is_made_is_brought_home(farm: Farm) -> None:
    farm.node()
    (attempt,) = farm.render()
    Job.objects.update(deadline=timezone.now())
    assert deadlines.give_up_overdue() == 0
    farm.work()
    wait_until(lambda: Job.objects.get(pk=attempt.job_id).state == JobState.DONE)


def test_what_was_cancelled_stays_so(farm: Farm) -> None:
    placed = farm.ask()
    job = overdue(placed)
    farm.cancel(placed)
    assert deadlines.give_up_overdue() == 0
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
