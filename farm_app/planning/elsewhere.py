"""Who else could render what a silent node has, or one that is much slower than expected."""

from dataclasses import dataclass

from farm_app import planner
from farm_app.models import Attempt, GpuNode
from farm_app.planner import Batch, Estimate, NodeView
from farm_app.planning.drawing import draw_plan
from farm_app.planning.nodes import read_nodes
from farm_app.planning.queue import batch_of
from farm_app.speeds import known_speeds


@dataclass(frozen=True)
class Elsewhere:
    """Another node that could render an attempt's job.

    Attributes:
        idle: The one without work that would be fastest, with what it would take; None if all work.
        is_possible: Whether there is any, at work or not.
    """

    idle: tuple[GpuNode, Estimate] | None
    is_possible: bool


def look_elsewhere(attempt: Attempt) -> Elsewhere:
    """Look for a ready node beside this attempt's own that may take its job."""
    batch = batch_of(attempt.job)
    rows, views = read_nodes()
    able = [view for view in views if _is_able(batch, view, attempt)]
    idle = [(view, known_speeds().estimate(view, batch.cost)) for view in able if _is_idle(view)]
    best = min(idle, key=lambda one: one[1].run_s + one[1].load_s, default=None)
    found = None if best is None else (rows[best[0].id], best[1])
    return Elsewhere(found, bool(able))


def look_for_faster(attempt: Attempt, left_s: float) -> tuple[GpuNode, Estimate] | None:
    """Look for an idle node that would end a copy clearly before this attempt ends, which takes so long yet.

    A node on which the plan of this moment starts something is not idle.
    """
    if not any(_is_idle(view) for view in read_nodes()[1]):
        return None
    drawn = draw_plan()
    idle = [view for view in drawn.nodes if _is_idle(view) and view.id not in drawn.now]
    batch = batch_of(attempt.job)
    found = planner.faster_node(batch, attempt.job_id, left_s, idle, known_speeds())
    return None if found is None else (drawn.rows[found[0].id], found[1])


def _is_able(batch: Batch, view: NodeView, attempt: Attempt) -> bool:
    if view.id == attempt.node_id:
        return False
    return planner.why_not(batch, view, attempt.job_id) is None


def _is_idle(view: NodeView) -> bool:
    return view.busy_until_s is None and not view.queue_ahead_s
