"""What people do to nodes, with real ones."""

from datetime import time, timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from farm_app import benchmark, cards, health, metrics, planning, setbacks, tending
from farm_app.models import (
    Attempt,
    GpuNode,
    HealthSpan,
    Job,
    JobEvent,
    LearnedSpeed,
    Level,
    NodeBlock,
)
from farm_app.models.states import AttemptState, JobState
from gallery_app.models import MediaFile
from tests import factories
from tests.farm.rig import Farm, attempts, story, wait_until

SLOW: dict[str, Any] = {"seconds": {"sd15": 3.0}}


def node(slug: str = "gpu-a") -> GpuNode:
    return GpuNode.everyone.get(slug=slug)


def runs() -> bool:
    return Attempt.objects.filter(state=AttemptState.RUNNING).exists()


def said(slug: str = "gpu-a") -> list[str]:
    return list(node(slug).events.filter(job=None).values_list("sentence", flat=True))


def test_each_switch_is_an_event_with_a_name_and_only_when_it_moves(db: None) -> None:
    row = factories.node("gpu-a")
    assert tending.drain(row, actor="ann")
    assert not tending.drain(node(), actor="ann")
    tending.resume(node(), actor="ben")
    tending.resume(node(), actor="ben")
    events = JobEvent.objects.values_list("sentence", "actor", "level")
    assert list(events) == [
        ("gpu-a drains: it takes nothing new.", "ann", "info"),
        ("gpu-a takes work again.", "ben", "info"),
    ]


def test_resuming_lifts_a_reservation_by_hand(db: None) -> None:
    factories.node("gpu-a", reserved_until=timezone.now() + timedelta(hours=1))
    assert node().standing == "reserved"
    tending.resume(node())
    assert node().standing == "ready"


def its_owners(row: GpuNode, **facts: Any) -> GpuNode:
    """Give it to its owner for good."""
    row.own_days, row.own_from, row.own_until = list(range(7)), time(0), time(0)
    row.save()
    GpuNode.objects.filter(pk=row.pk).update(**facts)
    return node(row.slug)


def test_in_its_owners_hours_resuming_changes_nothing_and_says_why(db: None) -> None:
    row = its_owners(factories.node("gpu-a"))
    assert not row.can_resume
    with pytest.raises(tending.ItsOwners):
        tending.resume(row, actor="ann")
    assert said() == []


def test_in_its_owners_hours_a_drain_is_lifted_for_when_they_are_over(db: None) -> None:
    row = its_owners(factories.node("gpu-a"), is_draining=True)
    assert row.can_resume
    tending.resume(row, actor="ann")
    assert (node().is_draining, node().standing) == (False, "reserved")
    assert said()[0].startswith("gpu-a is its owner's until ")


def test_pausing_all_leaves_drained_ones_drained_when_all_go_on(db: None) -> None:
    factories.node("gpu-a", is_draining=True)
    factories.node("gpu-b")
    assert len(tending.pause_all()) == 2
    assert {one.standing for one in GpuNode.objects.all()} == {"draining", "paused"}
    assert len(tending.resume_all()) == 2
    assert {one.slug: one.standing for one in GpuNode.objects.all()} == {
        "gpu-a": "draining",
        "gpu-b": "ready",
    }


def test_a_stopped_picture_goes_back_to_the_queue_and_is_drawn_elsewhere(farm: Farm) -> None:
    slow, _ = farm.nodes({"gpu-a": SLOW, "gpu-b": {}}, is_up=True)
    tending.disable(node("gpu-b"))
    placed = farm.ask(1)
    farm.work()
    wait_until(runs)
    tending.drain(node("gpu-a"))
    tending.enable(node("gpu-b"))
    job = Job.objects.get()
    assert tending.stop_what_renders(node("gpu-a"), actor="ann") == job.pk
    (done,) = farm.done(placed)
    assert attempts(done) == [("gpu-a", "superseded"), ("gpu-b", "committed")]
    assert "Stopped on gpu-a by hand. It goes back to the queue." in story(done)
    assert (done.failures, done.deaths) == (0, 0)
    # ComfyUI is told, and stops.
    wait_until(lambda: slow._waiting() == 0)
    assert tending.stop_what_renders(node("gpu-a")) is None


def test_other_peoples_prompts_are_not_stopped(farm: Farm) -> None:
    process = farm.node("gpu-a", **SLOW)
    farm.render()  # for a graph that this node takes
    graph = Attempt.objects.get().sent or {}
    for one in graph.values():
        one["inputs"] |= {"seed": 7} if "seed" in one["inputs"] else {}
    sent = httpx.post(f"{process.url}/prompt", json={"prompt": graph}, trust_env=False)
    assert sent.status_code == 200
    assert tending.stop_what_renders(node()) is None
    assert process._waiting() == 1


def test_freed_memory_is_cold_memory(farm: Farm) -> None:
    farm.node("gpu-a", load_s={"sd15": 0.2})
    farm.render()
    assert node().warm_model
    tending.free_on_node(node().pk)
    assert not node().warm_model
    assert said()[-1] == "gpu-a frees its memory; the next picture loads its model anew."


def test_a_dead_node_that_is_to_free_its_memory_says_so_in_the_log(farm: Farm) -> None:
    process = farm.node("gpu-a")
    process.kill()
    tending.free_on_node(node().pk)
    event = JobEvent.objects.latest("pk")
    assert event.level == Level.WARN
    assert event.sentence.startswith("gpu-a did not free its memory: Nothing listens at")


def test_a_working_node_cannot_be_removed_and_an_idle_one_comes_back_with_its_history(
    farm: Farm,
) -> None:
    farm.node("gpu-a", **SLOW)
    placed = farm.ask(1)
    farm.work()
    wait_until(runs)
    with pytest.raises(tending.StillWorks):
        tending.remove(node())
    farm.done(placed)
    tending.remove(node(), actor="ann")
    assert not GpuNode.objects.exists()
    assert Attempt.objects.get().node.slug == "gpu-a"
    assert planning.draw_plan().nodes == ()
    assert tending.bring_back(node(), actor="ann") == ""
    assert GpuNode.objects.get().slug == "gpu-a"
    assert LearnedSpeed.objects.filter(node__slug="gpu-a").exists()


def test_a_removed_node_leaves_its_name_and_address_to_another(db: None) -> None:
    old = factories.node("gpu-a", port=8188)
    tending.remove(old)
    factories.node("gpu-a", port=8188)
    assert tending.bring_back(old) == "Another node is called gpu-a now."


def test_a_block_is_told_in_the_log_and_lifted_by_hand(farm: Farm) -> None:
    farm.node("gpu-a")
    attempt = farm.render()[0]
    for _ in range(setbacks.BLOCK_AFTER):
        setbacks._count_against_node(attempt, "KSampler raised.")
    block = NodeBlock.objects.get()
    (card,) = cards.draw_farm().cards
    assert card.blocks.rows == ((block.pk, block.template, "KSampler raised."),)
    assert "takes no more" in said()[-1]
    tending.lift(block, actor="ann")
    (card,) = cards.draw_farm().cards
    assert card.blocks.rows == ()


def test_a_benchmark_teaches_each_family_and_stands_in_no_session(farm: Farm) -> None:
    farm.node("gpu-a", families=["sd15"], seconds={"sd15": 0.05}, load_s={"sd15": 0.1})
    assert benchmark.begin(node(), actor="ann") == ["SD 1.5"]
    with pytest.raises(benchmark.CannotBenchmark):
        benchmark.begin(node())
    farm.work()
    wait_until(lambda: not Job.objects.open().exists())
    assert Job.objects.filter(state=JobState.DONE).count() == benchmark.PICTURES
    paths = MediaFile.objects.values_list("path", flat=True)
    assert all(path.startswith("benchmarks/") for path in paths)
    speed = LearnedSpeed.objects.get()
    assert speed.count >= 1
    (card,) = cards.draw_farm().cards
    row = next(row for row in card.paces.rows if row.label == "SD 1.5")
    assert row.is_learned
    assert row.said == "warm"


def test_a_benchmark_that_nobody_wants_any_more_is_cancelled(farm: Farm) -> None:
    farm.node("gpu-a")
    benchmark.begin(node())
    assert benchmark.end(node()) == benchmark.PICTURES
    assert not benchmark.open_jobs(node()).exists()


def test_what_a_node_pack_tells_while_it_renders_stands_on_its_card(farm: Farm) -> None:
    farm.node("gpu-a", seconds={"sd15": 3.0}, monitor="crystools", vram_gb=12)
    farm.ask(1)
    farm.work()
    wait_until(lambda: metrics.latest([node().pk]))
    (card,) = cards.draw_farm().cards
    assert card.gauges.load == 97
    assert card.gauges.heat
    assert card.gauges.vram_total == "12"


def test_a_node_without_such_a_pack_shows_memory_only(farm: Farm) -> None:
    farm.node("gpu-a", vram_gb=12)
    farm.render()
    (card,) = cards.draw_farm().cards
    assert (card.gauges.load, card.gauges.heat) == (None, None)
    assert card.gauges.vram_total == "12"


def test_a_dead_node_says_what_is_wrong_and_what_to_do(farm: Farm) -> None:
    process = farm.node("gpu-a")
    process.kill()
    health.probe(node().pk)
    (card,) = cards.draw_farm().cards
    assert card.title.state == "offline"
    assert card.now.kind == "trouble"
    assert card.now.title.startswith("Nothing listens at 127.0.0.1:")
    assert card.now.line.startswith("Start ComfyUI on it")
    assert not card.gauges.is_told
    kinds = HealthSpan.objects.values_list("kind", flat=True)
    assert list(kinds) == ["well", "lost"]
    assert JobEvent.objects.latest("pk").level == Level.WARN
