"""Nodes as the planner sees them: what stands there now, what each is busy with, what each has."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from eliot.statements import Question
from farm_app import pauses
from farm_app.models import Attempt, GpuNode
from farm_app.planner import NodeView
from farm_app.planning.stock import File, Shelf, stock_for

# Somebody else's prompt in a node's own queue: nobody can know how long it takes.
FOREIGN_GUESS_S: Final = 10.0
LATEST_ANSWER_S: Final = 5.0

# Long lists that nobody reads here are held by the stock.
_nodes: Final = Question(lambda: GpuNode.objects.without_lists())
_held: Final[Question[Any]] = Question(
    lambda: (
        Attempt.objects.holding()
        .order_by()
        .values_list("node_id", "started", "submitted", "reserved", "expected_s")
    )
)


def read_nodes(
    *, freeing: GpuNode | None = None
) -> tuple[dict[int, GpuNode], tuple[NodeView, ...]]:
    """Return the rows of all nodes by id, and what the planner is told of them; ``freeing`` counts as idle."""
    # Who loses a node's attempt writes down first what is wrong with the node: in this order no dead one looks idle.
    ends = _expected_ends()
    rows = {node.pk: node for node in _nodes()}
    stock = stock_for(rows.values())
    if freeing is not None:
        ends.pop(freeing.pk, None)
    views = tuple(
        _view(
            node,
            ends.get(node.pk),
            stock.shelves.get(node.pk, Shelf()),
            stock.blocked.get(node.pk, frozenset()),
        )
        for node in rows.values()
    )
    return rows, views


def _expected_ends() -> dict[int, float]:
    """Return when each busy node should be through, in seconds since the epoch."""
    found: dict[int, float] = {}
    for node_id, started, submitted, reserved, expected_s in _held():
        since: datetime = started or submitted or reserved
        found[node_id] = since.timestamp() + (expected_s or 0.0)
    return found


def _view(
    node: GpuNode,
    busy_until_s: float | None,
    shelf: Shelf,
    blocked: frozenset[tuple[str, ...]],
) -> NodeView:
    return NodeView(
        id=node.pk,
        name=node.slug,
        tier=node.tier,
        vram_gb=node.vram_gb,
        families=families_of(node, shelf.files),
        tags=tags_of(node, shelf.files),
        models=shelf.models,
        meant_for=node.families,
        node_classes=shelf.node_classes,
        max_resolution=node.max_resolution,
        max_batch=node.max_batch,
        state=node.standing,
        delay_s=_delay_s(node),
        busy_until_s=busy_until_s if busy_until_s is not None else _warm_at_s(node),
        warm=node.warm_model or None,
        queue_ahead_s=node.foreign_queue * FOREIGN_GUESS_S,
        blocked=blocked,
    )


def _warm_at_s(node: GpuNode) -> float | None:
    """Return when the model should be in memory that it loads beforehand."""
    return None if node.warming_until is None else node.warming_until.timestamp()


def _delay_s(node: GpuNode) -> float:
    """Return what a job costs there beside its run: the pause before it, and no less than an answer takes."""
    answer_s = min((node.latency_ms or 0.0) / 1000, LATEST_ANSWER_S)
    return max(answer_s, pauses.usual_s(node.pk))


def families_of(node: GpuNode, files: Iterable[File]) -> frozenset[str]:
    """Return the families that a node can draw: those it is meant for, as far as it has their checkpoints."""
    on_disk = frozenset(family for folder, _, family in files if folder == "checkpoints" and family)
    if node.inventory_at is None:  # before its first look, or while somebody had it looked at anew
        return node.families or on_disk
    return on_disk & node.families if node.families else on_disk


def tags_of(node: GpuNode, files: Iterable[File]) -> frozenset[str]:
    """Return the node's free tags; one with an upscale model on disk can upscale, said or not."""
    can_upscale = any(folder == "upscale_models" for folder, _, _ in files)
    return node.tags | {"upscale"} if can_upscale else node.tags
