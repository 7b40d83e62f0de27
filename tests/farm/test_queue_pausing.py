"""Pausing: nothing more starts, what renders goes on; the queue as a whole, a session, a batch, a job."""

import pytest

from farm_app import planning
from farm_app.models import Job, JobEvent, JobGroup, QueueState
from farm_app.models.states import JobState
from farm_app.queue import pausing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def farm() -> None:
    factories.workflows()
    planning.forget_stock()
    factories.node("gpu-a")


def starts() -> bool:
    return bool(planning.draw_plan().now)


def ids() -> list[int]:
    return list(Job.objects.order_by("pk").values_list("pk", flat=True))


def test_the_whole_queue_is_paused_also_for_what_is_asked_for_later() -> None:
    factories.placed(2)
    assert pausing.pause_all(actor="Ada")
    assert not pausing.pause_all(actor="Eve")
    factories.placed(1)
    assert not starts()
    assert not planning.has_work_now(1)
    assert planning.explain(Job.objects.all()[0]).sentence.startswith("The queue is paused by Ada")
    assert pausing.resume_all()
    assert not pausing.resume_all()
    assert starts()
    told = JobEvent.objects.filter(job=None).values_list("sentence", "actor")
    assert list(told) == [("The queue was paused.", "Ada"), ("The queue goes on.", "")]


def test_what_was_paused_apart_stays_so_when_the_queue_goes_on() -> None:
    factories.placed(1)
    pausing.pause(ids())
    pausing.pause_all()
    pausing.resume_all()
    assert not starts()


def test_a_job_is_paused_and_resumed_with_an_event_each() -> None:
    factories.placed(2)
    first, second = ids()
    assert pausing.pause([first], actor="Ada") == 1
    assert pausing.pause([first]) == 0
    assert [batch.job_ids for batch in planning.draw_plan().batches] == [(second,)]
    assert pausing.resume([first], actor="Ada") == 1
    job = Job.objects.get(pk=first)
    assert (job.is_paused, job.paused_at, job.paused_by) == (False, None, "")
    assert [event.sentence for event in job.events.all()][-2:] == ["Paused.", "Resumed."]
    assert starts()


def test_what_renders_is_not_paused() -> None:
    one, _ = factories.takes(factories.placed(2))
    factories.running(one)
    assert pausing.pause(ids()) == 1
    one.job.refresh_from_db()
    assert (one.job.state, one.job.is_paused) == (JobState.RUNNING, False)


def test_a_batch_that_is_paused_goes_on_as_one() -> None:
    factories.placed(3)
    JobGroup.objects.update(is_paused=True, paused_by="Ada")
    assert planning.explain(Job.objects.all()[0]).sentence == "Paused by Ada."
    assert pausing.resume(ids()[:1]) == 3
    assert not JobGroup.objects.filter(is_paused=True).exists()
    assert starts()


def test_there_is_one_row_about_the_queue() -> None:
    pausing.pause_all()
    pausing.resume_all()
    pausing.pause_all()
    assert QueueState.objects.count() == 1
