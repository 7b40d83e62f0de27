"""`kill -9` while a node loads a model that nobody has asked for yet: it works on as if that had never begun."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from eliot.launch.preparing import take_over
from farm_app import warming
from farm_app.models import GpuNode, JobGroup
from sessions_app.funnel import DEFAULT_STAGES
from sessions_app.models import Round, WorkSession
from sessions_app.order import Order, place_round
from tests.farm.rig import VALUES, Farm
from tests.faults.dying import killed_at

pytestmark = pytest.mark.drill
BOTH: dict[str, Any] = {"families": ["sd15", "sdxl"], "seconds": {"sd15": 0.15, "sdxl": 0.3}}
LONG = timedelta(minutes=3)


def asked(farm: Farm) -> Round:
    """Ask for a picture with one node on the farm, which is about to load what comes after it."""
    farm.node("gpu-a", **BOTH)
    session = WorkSession.begin(title="Test")
    session.set_stages(DEFAULT_STAGES, prewarms=True)
    placed = place_round(session, Order(0, "Drafts", "sd15", "draft", 1, VALUES))
    GpuNode.objects.update(warming_until=timezone.now() + LONG)
    return placed


@pytest.mark.parametrize("side", ["before", "after"])
def test_who_loads_a_model_ahead_may_die(farm: Farm, side: str) -> None:
    placed = asked(farm)
    node, group = GpuNode.objects.get(), JobGroup.objects.get()
    killed_at(f"warm-up {side}", lambda: warming.warm(node.pk, group.pk))
    take_over()
    farm.work()
    farm.done(placed)


def test_a_nudge_to_load_ahead_may_be_lost(farm: Farm) -> None:
    placed = asked(farm)
    farm.work()
    farm.done(placed)


def test_a_nudge_that_comes_after_all_loads_nothing(farm: Farm) -> None:
    asked(farm)
    GpuNode.objects.update(warming_until=None)
    warming.warm(GpuNode.objects.get().pk, JobGroup.objects.get().pk)
    (node,) = farm.processes
    assert not node.executions()
