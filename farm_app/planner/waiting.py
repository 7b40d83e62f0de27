"""Why a queued job is not running yet, node by node, in plain sentences."""

from collections.abc import Sequence

from farm_app.planner.eligibility import why_not
from farm_app.planner.inputs import Batch, NodeView
from farm_app.planner.planning import Expectation, Plan
from farm_app.planner.wording import spell_s


def explain(
    batch: Batch, nodes: Sequence[NodeView], plan: Plan, now: float, job_id: int | None = None
) -> list[tuple[NodeView, str]]:
    """Answer "why is this waiting?" for one job, or for the first of its batch.

    The plan must come from the same batch and nodes. Every node gets a sentence: first the one
    where the job is expected, then those that could run it, then those that cannot, each by name.
    """
    if job_id is None and batch.job_ids:
        job_id = batch.job_ids[0]
    said = [(*_sentence(batch, node, plan, now, job_id), node) for node in nodes]
    said.sort(key=lambda one: (one[0], one[2].name, one[2].id))
    return [(node, sentence) for _, sentence, node in said]


def _sentence(
    batch: Batch, node: NodeView, plan: Plan, now: float, job_id: int | None
) -> tuple[int, str]:
    """Return how promising the node is, 0 being best, and the sentence."""
    reason = why_not(batch, node, job_id)
    if reason is not None:
        return 2, f"{reason.sentence} {reason.fix}"
    if batch.paused:
        return 1, f"{node.name} may take it when it goes on."
    expected = plan.expected.get(job_id) if job_id is not None else None
    if expected is None:
        return 1, _beyond_detail(batch, node, plan, now)
    if expected.node_id == node.id:
        return 0, _expected_here(expected, node, plan, now)
    return 1, _expected_elsewhere(batch, node, end_s=expected.end_s, plan=plan, now=now)


def _expected_here(expected: Expectation, node: NodeView, plan: Plan, now: float) -> str:
    ahead = sum(
        other.node_id == node.id and other.start_s < expected.start_s
        for other in plan.expected.values()
    )
    wait_s = expected.start_s - now
    if wait_s <= 0:
        return f"{node.name} starts it now."
    after = f", after {ahead} other{'s' if ahead > 1 else ''}" if ahead else ""
    return f"{node.name} starts it in about {spell_s(wait_s)}{after}."


def _expected_elsewhere(
    batch: Batch, node: NodeView, *, end_s: float, plan: Plan, now: float
) -> str:
    offer_s = plan.offers.get(batch.key, {}).get(node.id)
    if offer_s is None or offer_s < end_s:
        return f"{node.name} works on jobs that come first."
    alone, there = spell_s(offer_s - now), spell_s(end_s - now)
    return f"{node.name} would have it done in {alone}; waiting has it done in {there}."


def _beyond_detail(batch: Batch, node: NodeView, plan: Plan, now: float) -> str:
    done_s = plan.batch_done_s.get(batch.key)
    if done_s is None:
        return f"{node.name} is about to be asked."
    return f"{node.name} works on jobs that come first; all of it done in {spell_s(done_s - now)}."
