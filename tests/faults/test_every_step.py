"""`kill -9` on either side of every move that the table allows an attempt: somebody else ends each job, once.

Each move is made by the verb that makes it, in a process of its own, which dies there. All nodes of those attempts are
gone, too; one living node does what is left.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from eliot.launch.preparing import take_over
from eliot.writing import written
from farm_app import setbacks
from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.nodes import Health
from farm_app.models.states import (
    ATTEMPT_MOVES,
    COMING_HOME,
    HOLDING,
    AttemptState,
    FailureClass,
    JobState,
)
from farm_app.spool import Spool
from farm_app.store import store
from gallery_app.intake import reserve
from tests import factories
from tests.farm.rig import RESTING, Farm, wait_until
from tests.faults.dying import killed_at
from tests.gallery.making import picture, sha256

pytestmark = pytest.mark.drill
A = AttemptState
PAIRS = [(A(old), A(new)) for old, news in ATTEMPT_MOVES.items() for new in sorted(news)]


def test_every_move_that_the_table_allows_is_crashed_in() -> None:
    """No state is left out below: each has a way to get there, and each end a verb that brings it."""
    assert {old for old, _ in PAIRS} <= {A.RESERVED, *HOLDING, *COMING_HOME}
    assert {new for _, new in PAIRS} == VERBS.keys()


def _take(attempt: Attempt) -> None:
    attempt.move(A.SUBMITTING, submitted=timezone.now(), sent={}, client_id="eliot-dead")


def _accepted(attempt: Attempt) -> None:
    attempt.move(A.ACCEPTED)


def _running(attempt: Attempt) -> None:
    attempt.move(A.RUNNING, started=timezone.now())


def _produced(attempt: Attempt) -> None:
    listed: dict[str, Any] = {
        "filename": "x.png",
        "subfolder": "eliot",
        "type": "output",
        "node_id": "9",
    }
    listed |= {"index": 0, "animated": False}
    with written():
        attempt.move(A.PRODUCED, outputs=[listed], produced=timezone.now())
        attempt.job.move(JobState.STORING, "Made.", attempt=attempt)


def _fetched(attempt: Attempt) -> None:
    content, spool = picture(), Spool(attempt)
    spool.path.parent.mkdir(exist_ok=True)
    spool.path.write_bytes(content)
    name = reserve(attempt.job.library, attempt.job.destination, uid=attempt.pk)
    attempt.move(A.FETCHED, media_file=name, sha256_node=sha256(content), spool=spool.path.name)


def _placed(attempt: Attempt) -> None:
    """Only a commit that is broken off leaves it so; the row can stand there all the same."""
    if attempt.state == A.FETCHED:
        attempt.move(A.PLACED)


def _stored(attempt: Attempt) -> None:
    store(str(attempt.pk))


def _failed(attempt: Attempt) -> None:
    setbacks.fail(attempt, FailureClass.EXECUTION, "No.")


def _lost(attempt: Attempt) -> None:
    setbacks.lose(attempt, "Gone.")


def _superseded(attempt: Attempt) -> None:
    setbacks.supersede(attempt, "Silent.")


def _cancelled(attempt: Attempt) -> None:
    """What is on a node is cancelling before; what is made is cancelled together with its job."""
    if attempt.job.state == JobState.CANCELLING:
        setbacks.confirm_cancel(attempt, "Cancelled.")
        return
    with written():
        attempt.move(A.CANCELLED, reason="Cancelled.")
        now = timezone.now()
        attempt.job.move(JobState.CANCELLED, "Cancelled.", attempt=attempt, finished=now)


VERBS: dict[AttemptState, Callable[[Attempt], None]] = {
    A.SUBMITTING: _take,
    A.ACCEPTED: _accepted,
    A.RUNNING: _running,
    A.PRODUCED: _produced,
    A.FETCHED: _fetched,
    A.PLACED: _stored,
    A.COMMITTED: _stored,
    A.FAILED: _failed,
    A.LOST: _lost,
    A.SUPERSEDED: _superseded,
    A.CANCELLED: _cancelled,
}
WAY = (_take, _accepted, _running, _produced, _fetched, _placed)
REACHED = (A.SUBMITTING, A.ACCEPTED, A.RUNNING, A.PRODUCED, A.FETCHED, A.PLACED)


def brought_to(job: Job, node: GpuNode, old: AttemptState, new: AttemptState) -> Attempt:
    """Return an attempt of this job that stands where the move begins."""
    with written():
        attempt = Attempt.objects.create(
            job=job, node=node, origin=node.origin, fence=1, state=A.RESERVED
        )
        job.move(JobState.RUNNING, f"{node.slug} takes it.", attempt=attempt, fence=1)
    for state, step in zip(REACHED, WAY, strict=True):
        if attempt.state == old:
            break
        step(attempt)
        attempt.refresh_from_db()
        assert attempt.state == state
    if new == A.CANCELLED and old in HOLDING:
        job.move(JobState.CANCELLING, "Cancel asked.", attempt=attempt)
    return attempt


def killed_in(attempt: Attempt, new: AttemptState, point: str) -> None:
    """Make the move in a child that is killed at this point."""

    def make() -> None:
        VERBS[new](Attempt.objects.select_related("job__group", "node").get(pk=attempt.pk))

    killed_at(point, make)


@pytest.mark.fault
@pytest.mark.parametrize("side", ["before", "after"])
def test_somebody_else_ends_what_was_killed_at_any_step(farm: Farm, side: str) -> None:
    farm.node("gpu-z", seconds={"sd15": 0.02})
    placed = farm.ask(len(PAIRS))
    jobs = list(Job.objects.filter(generation__round=placed).select_related("group", "library"))
    dead: dict[str, Any] = {"health": Health.OFFLINE, "unseen_since": timezone.now()}
    for number, (job, (old, new)) in enumerate(zip(jobs, PAIRS, strict=True)):
        node = factories.node(f"dead-{number}", has=(), port=1 + number, **dead)
        attempt = brought_to(job, node, old, new)
        killed_in(attempt, new, f"attempt {old}>{new} {side}")
    take_over()
    farm.work()
    wait_until(lambda: not Job.objects.exclude(state__in=RESTING).exists())
    for job, (old, new) in zip(jobs, PAIRS, strict=True):
        job.refresh_from_db()
        wanted = (
            JobState.CANCELLED
            if new == A.CANCELLED and (side == "after" or old in HOLDING)
            else JobState.DONE
        )
        assert job.state == wanted, (old, new, job.reason)
