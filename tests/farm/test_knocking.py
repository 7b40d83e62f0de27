"""Idle nodes that die or hang: nobody listens to them, and they are known within one sweep."""

import signal

import pytest

from farm_app import health, knocking
from farm_app.models import Attempt, GpuNode
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState
from tests.farm.rig import Farm, wait_until

pytestmark = pytest.mark.drill


def node(slug: str = "gpu-a") -> GpuNode:
    return GpuNode.objects.get(slug=slug)


def test_a_dead_idle_node_is_known_between_two_looks(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed, other = farm.two({}, {})
    monkeypatch.setattr(health, "due", list)
    farm.work()
    # One that dies in the middle of a knock breaks off, and does not refuse.
    with knocking._under_way:
        doomed.kill()
    wait_until(lambda: node().health == Health.OFFLINE)
    assert node("gpu-b").health == Health.READY
    (job,) = farm.done(farm.ask(1))
    assert job.winner is not None
    assert job.winner.node.slug == "gpu-b"
    assert job.attempts.count() == 1
    assert other.told("prompt")


def test_a_hung_idle_node_is_known_between_two_looks(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = farm.node("gpu-a")
    monkeypatch.setattr(health, "due", list)
    farm.work()
    hung.signal(signal.SIGSTOP)
    wait_until(lambda: node().health == Health.SILENT)
    hung.signal(signal.SIGCONT)
    assert "did not answer" in node().last_error


def test_who_works_is_listened_to_and_not_knocked_at(farm: Farm) -> None:
    farm.node("gpu-a", seconds={"sd15": 5.0})
    assert knocking.quiet_nodes().count() == 1
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    assert not knocking.quiet_nodes().exists()
    farm.cancel(placed)
    farm.settled(placed)


@pytest.mark.parametrize("why", ["slow by nature", "somebody else's work"])
def test_who_may_well_be_late_is_left_to_a_whole_look(farm: Farm, why: str) -> None:
    late = farm.node("gpu-a")
    facts = {"latency_ms": 900} if why == "slow by nature" else {"foreign_queue": 1}
    GpuNode.objects.update(**facts)
    late.signal(signal.SIGSTOP)
    assert knocking.knock() == []
    assert node().health == Health.READY
    late.signal(signal.SIGCONT)
    late.kill()
    assert knocking.knock() == [node().pk]
    assert node().health == Health.OFFLINE
