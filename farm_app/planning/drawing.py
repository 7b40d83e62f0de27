"""Drawing the plan of this moment."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings

from farm_app.models import GpuNode, Job
from farm_app.planner import Assignment, Batch, NodeView, Plan
from farm_app.planning.nodes import read_nodes
from farm_app.planning.queue import read_queue
from farm_app.planning.together import plan_together
from farm_app.speeds import known_speeds

RECENT_S: Final = 0.4


@dataclass(frozen=True)
class Drawn:
    """A plan with what it was drawn from; all seconds are since the epoch."""

    plan: Plan
    nodes: tuple[NodeView, ...]
    batches: tuple[Batch, ...]
    at: float
    rows: Mapping[int, GpuNode] = field(default_factory=dict)

    @property
    def now(self) -> Mapping[int, Assignment]:
        """What each idle node starts now."""
        return self.plan.now


def draw_plan(*, freeing: GpuNode | None = None, without: Collection[int] = ()) -> Drawn:
    """Draw the plan that the rows of this moment give.

    Args:
        freeing: This node's attempt is about to be booked as produced: take the node as idle.
        without: Jobs that are promised to a node already.
    """
    at = time.time()
    rows, views = read_nodes(freeing=freeing)
    queue = read_queue(without=without)
    drawn = plan_together(
        queue.batches,
        views,
        known_speeds(),
        at,
        policy=settings.ELIOT_POLICY,
        overflow=settings.ELIOT_OVERFLOW,
        served=queue.served or {},
        served_people=queue.served_people or {},
    )
    return Drawn(drawn, views, queue.batches, at, rows)


def has_work_now(node_id: int) -> bool:
    """Say whether the plan starts something on this node now."""
    return Job.objects.due().exists() and node_id in draw_plan().now


# A long queue takes longer to plan, and looks no different for being planned more often.
TIMES_AS_LONG: Final = 3

_recent: tuple[float, Drawn] | None = None
"""Until when it is good enough, and the plan."""


def forget_recent_plan() -> None:
    """Let the next page see what was changed just now."""
    global _recent
    _recent = None


def recent_plan() -> Drawn:
    """Return a plan that is good enough to show: at most a moment old, drawn once for all pages."""
    global _recent
    began, found = time.monotonic(), _recent
    if found is None or began > found[0]:
        drawn, now = draw_plan(), time.monotonic()
        found = _recent = (now + max(RECENT_S, TIMES_AS_LONG * (now - began)), drawn)
    return found[1]
