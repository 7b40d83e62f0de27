"""What holds waiting work back, in the words of every page: the queue, a batch or a job by hand, or all the nodes."""

from collections.abc import Iterable
from typing import Final

from farm_app import planning
from farm_app.models import Job
from farm_app.models.jobs import HELD

BY_QUEUE: Final = "the queue is paused"
BY_HAND: Final = "paused"
FOR_NODE: Final = "waits for a node"

_AWAY: Final = ("offline", "unknown", "disabled")
_ALL: Final = {"paused": "all nodes are paused", "draining": "all nodes are draining"}


def held_among(jobs: Iterable[int]) -> frozenset[int]:
    """Return those of these jobs, by id, that somebody holds back alone or with their batch."""
    rows = Job.objects.filter(HELD, pk__in=list(jobs)).order_by()
    return frozenset(rows.values_list("pk", flat=True))


def waits_for() -> str:
    """Say what all that waits is waiting for, where the plan starts nothing."""
    return BY_QUEUE if planning.is_queue_paused() else by_nodes(planning.recent_plan())


def by_nodes(drawn: planning.Drawn) -> str:
    """Say what keeps the nodes of a plan from what they could take: what people did, as far as they answer."""
    states = {node.state for node in drawn.nodes if node.state not in _AWAY}
    if len(states) == 1:
        return _ALL.get(states.pop(), FOR_NODE)
    return "no node takes new work" if states and states <= {*_ALL, "reserved"} else FOR_NODE
