"""Questions about jobs that nobody has asked for yet: could they run, and when would they be there?"""

import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from farm_app import planner
from farm_app.models import TemplateVersion
from farm_app.needs import cost_of, needs_of
from farm_app.planner import Batch, Refusal
from farm_app.planning.drawing import recent_plan
from farm_app.planning.nodes import read_nodes, views_of
from farm_app.speeds import known_speeds


def refuse_beforehand(
    family: str, version: TemplateVersion, values: Mapping[str, Any]
) -> Refusal | None:
    """Say why no node of this farm could ever take such a job, before it is asked for; None when one could."""
    batch = Batch(
        key="asked",
        job_ids=(0,),
        needs=needs_of(version, family, values),
        cost=cost_of(version, family, values),
    )
    drawn = planner.plan([batch], views_of(read_nodes()), known_speeds(), time.time())
    refusal = drawn.impossible.get("asked")
    return refusal if refusal is not None and refusal.lasting else None


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
    plan = planner.plan(
        [*drawn.batches, asked],
        drawn.nodes,
        known_speeds(),
        drawn.at,
        policy=settings.ELIOT_POLICY,
    )
    end = plan.batch_done_s.get("asked")
    return None if end is None else end - drawn.at
