"""Questions about jobs that nobody has asked for yet: could they run, and when would they be there?"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from farm_app import planner
from farm_app.models import GpuNode, TemplateVersion
from farm_app.models.jobs import NodeMode
from farm_app.needs import cost_of, needs_of
from farm_app.planner import Batch, Needs, NodeView, Refusal
from farm_app.planning.drawing import recent_plan
from farm_app.planning.nodes import read_nodes
from farm_app.planning.together import plan_together
from farm_app.speeds import known_speeds


def refuse_beforehand(
    family: str,
    version: TemplateVersion,
    values: Mapping[str, Any],
    *,
    node_mode: str = NodeMode.ANY,
    node: GpuNode | None = None,
    tags: Iterable[str] = (),
) -> Refusal | None:
    """Say why no node that is switched on could ever take such a job, before it is asked for; None when one could.

    How a node stands at this moment does not matter.
    """
    batch = Batch(
        key="asked",
        job_ids=(0,),
        needs=needs_of(version, family, values, tags),
        cost=cost_of(version, family, values),
        node_mode=node_mode,
        node_id=None if node is None else node.pk,
    )
    rows, seen = read_nodes()
    views = [
        _at_its_best(rows[view.id], view, batch.needs) for view in seen if rows[view.id].is_enabled
    ]
    drawn = planner.plan([batch], views, known_speeds(), time.time())
    return drawn.impossible.get("asked")


def _at_its_best(row: GpuNode, view: NodeView, needs: Needs) -> NodeView:
    """Return a node as if it were up; one of which nothing is known yet may have all that is needed."""
    if row.inventory_at is not None or row.capabilities:
        return replace(view, state="ready")
    families = frozenset({needs.family} if needs.family else ())
    return replace(view, state="ready", families=families, tags=needs.tags)


def estimate(
    version: TemplateVersion, family: str, values: Mapping[str, Any], count: int
) -> float | None:
    """Return in how many seconds so many more pictures would be there, behind what is queued already.

    None when no node that is up could make them.
    """
    asked = Batch(
        key="asked",
        job_ids=tuple(range(-count, 0)),
        needs=needs_of(version, family, values),
        cost=cost_of(version, family, values),
        placed_at_s=time.time(),
    )
    drawn = recent_plan()
    plan = plan_together(
        [*drawn.batches, asked],
        drawn.nodes,
        known_speeds(),
        drawn.at,
        policy=settings.ELIOT_POLICY,
        overflow=settings.ELIOT_OVERFLOW,
    )
    end = plan.batch_done_s.get("asked")
    return None if end is None else end - drawn.at
