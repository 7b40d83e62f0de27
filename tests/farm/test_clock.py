"""The wall clock was set back an hour: what rows date an hour ahead freezes nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from farm_app import clock, health, sweep
from farm_app.models import Attempt, GpuNode, Job, Lease
from farm_app.models.nodes import Health
from tests.farm.rig import Farm

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_thawed_s", float("-inf"))


def test_a_pause_after_a_fault_ends(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(1)
    Job.objects.update(not_before=timezone.now() + HOUR)
    farm.work()
    farm.done(placed)


def test_a_node_in_trouble_is_looked_at(farm: Farm) -> None:
    farm.node()
    GpuNode.objects.update(health=Health.OFFLINE, health_checked_at=timezone.now() + HOUR)
    assert health.due() == []
    clock.thaw()
    assert health.due() == [GpuNode.objects.get().pk]


def test_a_picture_that_somebody_was_bringing_home_comes_home(farm: Farm) -> None:
    farm.node()
    (attempt,) = farm.render(1)
    Attempt.objects.update(store_until=timezone.now() + HOUR)
    farm.work()
    farm.done(attempt.job.generation.round)


def test_a_lease_of_the_dead_runs_out(farm: Farm) -> None:
    Lease.objects.create(
        name="sweep", holder="gone:1:x", host="gone", expires=timezone.now() + HOUR
    )
    clock.thaw()
    assert Lease.objects.get().expires < timezone.now() + timedelta(minutes=1)


def test_short_pauses_are_kept(farm: Farm) -> None:
    farm.node()
    farm.ask(1)
    soon = timezone.now() + timedelta(seconds=10)
    Job.objects.update(not_before=soon)
    clock.thaw()
    assert Job.objects.get().not_before == soon
