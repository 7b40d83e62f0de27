"""Pre-warming: idle nodes load what a session will probably want next, if it says so, and only then."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from farm_app import nudges, planning, warming
from farm_app.comfy.warmup import warm_up
from farm_app.models import Attempt, GpuNode, Job, JobEvent, JobGroup, Lease
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from farm_app.seeding import seed_workflows
from farm_app.timers import LEASE_TTL
from gallery_app.models import Library
from sessions_app.funnel import DEFAULT_STAGES
from sessions_app.models import Round, WorkSession
from sessions_app.order import Order, place_round
from tests import factories
from tests.farm.rig import VALUES, Farm, wait_until

BOTH: dict[str, Any] = {"families": ["sd15", "sdxl"], "seconds": {"sd15": 0.15, "sdxl": 0.3}}


@pytest.fixture(autouse=True)
def nothing_tried() -> None:
    warming._tries.clear()
    warming._loaded.clear()


def ask(*, prewarms: bool, count: int = 1, **changes: Any) -> Round:
    session = WorkSession.begin(title="Test")
    session.set_stages(DEFAULT_STAGES, prewarms=prewarms)
    facts = {"stage": 0, "stage_name": "Drafts", "family": "sd15", "work": "draft", **changes}
    return place_round(session, Order(values=VALUES, count=count, **facts))


def warm_ups(node: Any) -> list[Any]:
    """Return what a node executed that is no job."""
    return [line for line in node.executions() if line["eliot"] is None]


def test_idle_nodes_load_what_comes_next(farm: Farm) -> None:
    node = farm.node("gpu-a", **BOTH)
    placed = ask(prewarms=True)
    farm.work()
    farm.done(placed)
    wait_until(lambda: "juggernautxl" in GpuNode.objects.get().warm_model)
    wait_until(lambda: GpuNode.objects.get().warming_until is None)
    assert len(warm_ups(node)) == 1
    assert not list((node.folder / "output").rglob("*warm*"))
    assert JobEvent.objects.filter(sentence__contains="for what comes next").count() == 1
    following = place_round(
        placed.session, Order(1, "Refined", "sdxl", "quality", 1, {**VALUES, "steps": 2})
    )
    (job,) = farm.done(following)
    assert not Attempt.objects.get(job=job).was_cold
    assert len(warm_ups(node)) == 1, "once for a group, and the next stage's next wants the same"


def test_a_session_that_does_not_ask_for_it_has_nothing_loaded(farm: Farm) -> None:
    node = farm.node("gpu-a", **BOTH)
    placed = ask(prewarms=False)
    assert JobGroup.objects.get().next_family == ""
    farm.work()
    farm.done(placed)
    farm.done(ask(prewarms=False))
    assert not warm_ups(node)


def test_a_node_that_lacks_the_model_is_left_alone(farm: Farm) -> None:
    node = farm.node("gpu-a")
    placed = ask(prewarms=True)
    farm.work()
    farm.done(placed)
    farm.done(farm.ask(1))
    assert not warm_ups(node)


def test_a_node_for_which_the_queue_has_work_loads_nothing_else(farm: Farm) -> None:
    node = farm.node("gpu-a", **{**BOTH, "seconds": {"sd15": 0.4, "sdxl": 0.4}})
    first = ask(prewarms=True)
    rest = farm.ask(8)
    farm.work()
    farm.done(first)
    assert Job.objects.queued().exists()
    assert not warm_ups(node)
    farm.cancel(rest)


@pytest.mark.django_db(transaction=True)
def test_of_all_nodes_only_those_load_it_that_are_idle_can_and_have_not(data: Path) -> None:
    seed_workflows()
    Library.default()
    both, away = {"has": ("sd15", "sdxl")}, {"health": Health.OFFLINE}
    facts: dict[str, dict[str, Any]] = {
        "cold": both,
        "colder": {**both, "warm_model": "checkpoints/sd15-base.safetensors"},
        "warm": {**both, "warm_model": "checkpoints/sdxl-base.safetensors"},
        "without": {"has": ("sd15",)},
        "away": {**both, **away},
        "paused": {**both, "is_paused": True},
        "lent": {**both, "foreign_queue": 2},
        "rendering": both,
        "wanted": both,
    }
    nodes = {slug: factories.node(slug, **found) for slug, found in facts.items()}
    factories.finish(factories.takes(ask(prewarms=True)), on=nodes["cold"])
    Job.objects.update(finished=timezone.now())
    for slug in ("rendering", "wanted"):
        factories.placed(1, node_mode="only", node=nodes[slug])
    taken = Job.objects.get(group__node=nodes["rendering"])
    here = {"node": nodes["rendering"], "origin": nodes["rendering"].origin, "fence": 1}
    Attempt.objects.create(job=taken, state=AttemptState.RUNNING, **here)
    Job.objects.filter(pk=taken.pk).update(state=JobState.RUNNING)
    warming.warm_idle_nodes(planning.draw_plan())
    loading = GpuNode.objects.filter(warming_until__isnull=False)
    assert set(loading.values_list("slug", flat=True)) == {"cold", "colder"}


@pytest.fixture
def told(data: Path, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The nodes that were told to load something, where nobody does what it is told."""
    seed_workflows()
    Library.default()
    found: list[int] = []
    monkeypatch.setattr(nudges, "warm", lambda node_id, _: found.append(node_id))
    node = factories.node("gpu-a", has=("sd15", "sdxl"))
    factories.finish(factories.takes(ask(prewarms=True)), on=node)
    Job.objects.update(finished=timezone.now())
    return found


def look_for_idle_nodes() -> None:
    warming.warm_idle_nodes(planning.draw_plan())


def test_a_node_that_somebody_still_held_is_told_again_but_not_for_ever(told: list[int]) -> None:
    node, group = GpuNode.objects.get(), JobGroup.objects.get()
    for _ in range(warming.MOST_TRIES + 2):
        look_for_idle_nodes()
        # Whoever fed it has not left yet.
        with Lease.objects.held(f"node:{node.pk}", ttl=LEASE_TTL):
            warming.warm(node.pk, group.pk)
    assert told == [node.pk] * warming.MOST_TRIES


def test_what_was_loaded_and_unloaded_since_is_not_loaded_again(told: list[int]) -> None:
    for model in ("", "checkpoints/sdxl-base.safetensors", "checkpoints/sd15-base.safetensors"):
        GpuNode.objects.update(warm_model=model, warming_until=None)
        look_for_idle_nodes()
    assert len(told) == 1


def test_a_load_that_fails_leaves_the_node_free(farm: Farm) -> None:
    node = farm.node("gpu-a", **BOTH)
    placed = ask(prewarms=True)
    farm.work()
    farm.done(placed)
    wait_until(lambda: warm_ups(node))
    node.kill()
    wait_until(lambda: GpuNode.objects.get().warming_until is None)
    node.restart()
    farm.done(farm.ask(1))


def test_a_warm_up_saves_no_picture():
    graph = {
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    }
    made = warm_up(graph)
    assert made["9"] == {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    assert made["8"] == graph["8"]
