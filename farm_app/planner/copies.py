"""Backup copies: where a node turns out much slower than believed and a faster one stands idle, both render it."""

from collections.abc import Iterable
from typing import Final

from farm_app.planner.eligibility import why_not
from farm_app.planner.inputs import INTERACTIVE, Batch, NodeView
from farm_app.planner.speeds import Estimate, Speeds

# A node is much slower than believed when a job takes this many times as long,
SLOWER: Final = 1.1
# ... and a copy pays if the other node needs at most this share of what is left.
SHARE: Final = 0.9


def is_slow(expected_s: float, projected_s: float) -> bool:
    """Say whether a job that was expected to take so long, and will take so long as it looks now, is slow."""
    return projected_s > SLOWER * expected_s


def faster_node(
    batch: Batch, job_id: int, left_s: float, idle: Iterable[NodeView], speeds: Speeds
) -> tuple[NodeView, Estimate] | None:
    """Return the idle node that would end a copy of a running job soonest, and clearly before the job ends itself.

    Only what somebody waits for is rendered twice, and only on a node that has shown how fast it is.

    Args:
        batch: What the job needs and costs.
        job_id: The job.
        left_s: How long it will still take where it runs.
        idle: Nodes on which the plan starts nothing now.
        speeds: What is known.
    """
    if batch.priority != INTERACTIVE:
        return None
    able = [node for node in idle if why_not(batch, node, job_id) is None]
    shown = [node for node in able if speeds.has_shown(node, batch.cost)]
    found = [(node, speeds.estimate(node, batch.cost)) for node in shown]
    ends = [(_ends_in(node, estimate, batch), node.id) for node, estimate in found]
    if not ends or min(ends)[0] > SHARE * left_s:
        return None
    return found[ends.index(min(ends))]


def _ends_in(node: NodeView, estimate: Estimate, batch: Batch) -> float:
    load_s = 0.0 if node.warm == batch.cost.model else estimate.load_s
    return node.queue_ahead_s + node.delay_s + load_s + estimate.run_s
