"""Rests for nodes that come and go: one that keeps dying over its work is back for good, or it is not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from farm_app.models import Attempt
from farm_app.models.states import AttemptState, FailureClass
from farm_app.timers import REST_FIRST_S, REST_LAST_S

# One death may have any reason.
FORGIVEN: Final = 1
MOST_COUNTED: Final = 10


class _End(NamedTuple):
    """When a node died, and over which job."""

    ended: datetime
    job_id: int


@dataclass(frozen=True)
class Rest:
    """How long a node is left alone although it answers, and why."""

    left_s: float
    deaths: int

    @property
    def sentence(self) -> str:
        """Why, for people."""
        return f"It went away {self.deaths} times in a row while it rendered, and gets a rest."


def rest_of(node_id: int, *, has_just_died: bool = False) -> Rest | None:
    """Return the rest that a node still has to take, by what became of its latest attempts; None if it has none.

    Args:
        node_id: Which node.
        has_just_died: What it was working on is not written down as lost yet.
    """
    ends = [timezone.now()] * has_just_died + [one.ended for one in _deaths(node_id)]
    if len(ends) <= FORGIVEN:
        return None
    rest_s = min(REST_LAST_S, REST_FIRST_S * 2 ** (len(ends) - FORGIVEN - 1))
    left = ends[0] + timedelta(seconds=rest_s) - timezone.now()
    return Rest(left.total_seconds(), len(ends)) if left > timedelta(0) else None


def is_to_blame(node_id: int, job_id: int) -> bool:
    """Say whether a node died over other jobs as well since something last came home from it."""
    return any(one.job_id != job_id for one in _deaths(node_id))


def _deaths(node_id: int) -> list[_End]:
    """Return what was lost on a node while it rendered, since something last came home from it; the latest first."""
    lost_at_work = Q(
        state=AttemptState.LOST, started__isnull=False, failure=FailureClass.INFRASTRUCTURE
    )
    latest = (
        Attempt.objects.filter(lost_at_work | Q(state=AttemptState.COMMITTED), node=node_id)
        .exclude(ended=None)
        .order_by("-ended")
        .values_list("state", "ended", "job_id", named=True)[:MOST_COUNTED]
    )
    in_a_row = takewhile(lambda one: one.state == AttemptState.LOST, latest)
    return [_End(one.ended, one.job_id) for one in in_a_row if one.ended]
