"""Rests for nodes that come and go: one that keeps dying over its work is back for good, or it is not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from django.db.models import Q
from django.utils import timezone

from farm_app.models import Attempt
from farm_app.models.states import AttemptState, FailureClass
from farm_app.timers import REST_FIRST_S, REST_LAST_S

# One death may have any reason.
FORGIVEN: Final = 1
MOST_COUNTED: Final = 10


@dataclass(frozen=True)
class Rest:
    """How long a node is left alone although it answers, and why."""

    left_s: float
    deaths: int

    @property
    def sentence(self) -> str:
        """Why, for people."""
        return f"It went away {self.deaths} times in a row while it rendered, and gets a rest."


def rest_of(node_id: int) -> Rest | None:
    """Return the rest that a node still has to take, by what became of its latest attempts; None if it has none."""
    lost_at_work = Q(
        state=AttemptState.LOST, started__isnull=False, failure=FailureClass.INFRASTRUCTURE
    )
    latest = (
        Attempt.objects.filter(lost_at_work | Q(state=AttemptState.COMMITTED), node=node_id)
        .exclude(ended=None)
        .order_by("-ended")
        .values_list("state", "ended")[:MOST_COUNTED]
    )
    ends: list[datetime] = [
        ended for _, ended in takewhile(lambda one: one[0] == AttemptState.LOST, latest) if ended
    ]
    if len(ends) <= FORGIVEN:
        return None
    rest_s = min(REST_LAST_S, REST_FIRST_S * 2 ** (len(ends) - FORGIVEN - 1))
    left = ends[0] + timedelta(seconds=rest_s) - timezone.now()
    return Rest(left.total_seconds(), len(ends)) if left > timedelta(0) else None
