"""Jobs and attempts only ever follow the tables, whatever is asked of them and in whatever order."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.states import (
    ATTEMPT_MOVES,
    ENDED_JOBS,
    JOB_MOVES,
    LIVE,
    AttemptState,
    JobState,
)
from farm_app.seeding import seed_workflows
from gallery_app.models import Library
from tests.farm.rig import VALUES

pytestmark = pytest.mark.django_db
PATIENT = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def job(data: Any) -> Job:
    from sessions_app.models import WorkSession
    from sessions_app.order import Order, place_round

    seed_workflows()
    Library.default()
    order = Order(stage=0, stage_name="Drafts", family="sd15", work="draft", count=1, values=VALUES)
    placed = place_round(WorkSession.begin(title="Moves"), order)
    return Job.objects.get(generation__round=placed)


def attempt_of(job: Job, fence: int = 1, **facts: Any) -> Attempt:
    node, _ = GpuNode.objects.get_or_create(
        slug=f"gpu-{fence}", host="127.0.0.1", port=8000 + fence
    )
    return Attempt.objects.create(job=job, node=node, origin=node.origin, fence=fence, **facts)


# A done job needs its winner, which only a real picture brings.
ASKED = st.lists(
    st.sampled_from([state for state in JobState if state != JobState.DONE]), max_size=12
)


@PATIENT
@given(asked=ASKED)
def test_a_job_follows_the_table_whatever_is_asked(job: Job, asked: list[JobState]) -> None:
    with transaction.atomic():
        state = job.state
        for to in asked:
            won = job.move(to, "Asked.")
            assert won == (to in JOB_MOVES[state])
            state = to if won else state
            assert (job.state, Job.objects.get(pk=job.pk).state) == (state, state)
        moves = [(e.before, e.after) for e in job.events.all() if e.before and e.before != e.after]
        assert all(after in JOB_MOVES[before] for before, after in moves)
        transaction.set_rollback(True)
    job.refresh_from_db()


@PATIENT
@given(asked=ASKED, stale=st.sampled_from(JobState))
def test_a_stale_copy_of_a_job_cannot_leave_the_table(
    job: Job, asked: list[JobState], stale: JobState
) -> None:
    with transaction.atomic():
        for to in asked:
            before = Job.objects.get(pk=job.pk).state
            copy = Job.objects.get(pk=job.pk)
            copy.state = stale
            assert copy.move(to, "Asked.") == (to in JOB_MOVES[before])
            event = job.events.order_by("-pk").first()
            if to in JOB_MOVES[before]:
                assert event is not None
                assert (event.before, event.after) == (before, to)
        transaction.set_rollback(True)


@PATIENT
@given(asked=st.lists(st.sampled_from(AttemptState), max_size=12))
def test_an_attempt_follows_the_table_and_its_end_is_dated(
    job: Job, asked: list[AttemptState]
) -> None:
    with transaction.atomic():
        attempt = attempt_of(job)
        state: str = attempt.state
        for to in asked:
            won = attempt.move(to)
            assert won == (to in ATTEMPT_MOVES[state])
            state = to if won else state
        attempt.refresh_from_db()
        assert attempt.state == state
        assert (attempt.ended is None) == (state in LIVE)
        transaction.set_rollback(True)


def test_only_one_of_two_copies_wins_a_move(job: Job) -> None:
    first, second = Job.objects.get(pk=job.pk), Job.objects.get(pk=job.pk)
    assert first.move(JobState.RUNNING, "First.")
    assert not second.move(JobState.RUNNING, "Second.")
    assert second.state == JobState.QUEUED


def test_a_node_has_one_slot(job: Job) -> None:
    first = attempt_of(job)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(job=job, node=first.node, origin="", fence=2)
    first.move(AttemptState.LOST)
    Attempt.objects.create(job=job, node=first.node, origin="", fence=2)


def test_a_job_cannot_be_done_without_a_winner(job: Job) -> None:
    job.move(JobState.RUNNING, "x")
    job.move(JobState.STORING, "x")
    with pytest.raises(IntegrityError), transaction.atomic():
        job.move(JobState.DONE, "x")


@pytest.mark.parametrize("state", JobState)
def test_only_what_has_ended_or_waits_for_a_person_can_be_asked_again(
    job: Job, state: JobState
) -> None:
    attempt = attempt_of(job, state=AttemptState.PRODUCED)
    Job.objects.filter(pk=job.pk).update(state=state, winner=attempt, failures=3, fence=1)
    job.refresh_from_db()
    people = (*ENDED_JOBS[1:], JobState.CANCELLING, JobState.ATTENTION, JobState.WAITING)
    assert job.ask_again() == (state in people)
    job.refresh_from_db()
    assert job.state == (JobState.QUEUED if state in people else state)
    if state in people:
        attempt.refresh_from_db()
        assert (job.failures, job.forgiven, attempt.state) == (0, 1, AttemptState.SUPERSEDED)


def test_ends_are_final_but_for_a_person() -> None:
    assert {state for state in JOB_MOVES if not JOB_MOVES[state]} == {JobState.DONE}
    # asked again, or a late picture taken
    assert all(JOB_MOVES[state] <= {JobState.QUEUED, JobState.STORING} for state in ENDED_JOBS)
    assert not JOB_MOVES[JobState.DONE]
    assert all(not ATTEMPT_MOVES[state] for state in AttemptState if state not in LIVE)
