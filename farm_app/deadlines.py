"""Time-outs: what is not made by its deadline is given up, wherever it stands."""

from typing import Final

from django.utils import timezone

from farm_app import nudges, progress
from farm_app.models import Job
from farm_app.models.states import OPEN_JOBS, AttemptState, JobState
from farm_app.portions import in_portions

# Who moved a job that timed out, in its event. No user can have this name.
BY_DEADLINE: Final = "the deadline"
# A picture that is made already is brought home, and a cancel that is under way stays one.
_GIVEN_UP_FROM: Final = (
    JobState.QUEUED,
    JobState.WAITING,
    JobState.RUNNING,
    JobState.ATTENTION,
)


def give_up_overdue() -> int:
    """Fail every job whose deadline has passed; return how many (for the sweep)."""
    overdue = Job.objects.filter(state__in=OPEN_JOBS, deadline__lte=timezone.now())
    found = overdue.filter(state__in=_GIVEN_UP_FROM).values_list("pk", flat=True)
    count = in_portions(found, _give_up)
    if count:
        nudges.idle_nodes_on_commit()
    return count


def _give_up(job: Job) -> bool:
    """Fail it; no result of it counts from here on, and a node that renders it is told to stop."""
    if job.deadline is None:  # somebody has asked for it again meanwhile
        return False
    whole_s = (job.deadline - job.created).total_seconds()
    said = f"Timed out: it was not made within {whole_s:.0f} s."
    won = job.move(
        JobState.FAILED,
        said,
        actor=BY_DEADLINE,
        only_from=_GIVEN_UP_FROM,
        reason=said,
        advice="Ask again without a time-out, or with a longer one.",
        finished=timezone.now(),
    )
    if won:
        for attempt in job.attempts.live():
            attempt.move(AttemptState.SUPERSEDED, reason=said)
            nudges.cancel_on_commit(attempt)
        progress.forget(job.pk)
    return won
