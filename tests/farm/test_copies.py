"""Backup copies: a node that turns out much slower than believed does not hold up a batch while a faster one idles."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy.pace import Pace
from farm_app.models import Attempt, GpuNode, Job, JobGroup, LearnedSpeed
from farm_app.models.jobs import Priority
from farm_app.planner import BULK, Cost, Estimate, NodeView, Speeds, faster_node, is_slow
from tests.farm.planner_farm import SD15, batch, node, speeds_of
from tests.farm.rig import Farm, attempts, on_request, story, wait_until

JOB = Cost("t", "sd15", SD15)
FAST, SLOW = speeds_of({(1, SD15): (1.0, 0.0)}), speeds_of({(1, SD15): (9.0, 0.0)})


def faster(left_s: float, speeds: Speeds = FAST, **facts: Any) -> tuple[NodeView, Estimate] | None:
    return faster_node(batch(cost=JOB), 0, left_s, [node(1, warm=SD15, **facts)], speeds)


# The choice


def test_a_copy_must_end_clearly_before_the_job_itself():
    assert faster(1.0) is None
    assert faster(1.2) is not None
    assert faster(1.2, SLOW) is None


@pytest.mark.parametrize("facts", [{"queue_ahead_s": 5.0}, {"delay_s": 5.0}])
def test_what_holds_a_node_up_counts(facts):
    assert faster(5.0, **facts) is None
    assert faster(8.0, **facts) is not None


def test_a_model_that_must_be_loaded_counts():
    known = speeds_of({(1, SD15): (1.0, 10.0)})
    cold = [node(1, warm="other")]
    assert faster_node(batch(cost=JOB), 0, 9.0, cold, known) is None
    assert faster_node(batch(cost=JOB), 0, 13.0, cold, known) is not None


def test_a_node_of_which_only_the_tier_is_known_is_not_called_faster():
    assert faster(100.0, Speeds()) is None


def test_only_what_somebody_waits_for_is_rendered_twice():
    idle = [node(1, warm=SD15)]
    assert faster_node(batch(cost=JOB, priority=BULK), 0, 9.0, idle, FAST) is None


def test_a_node_that_may_not_run_it_renders_no_copy():
    assert faster(9.0, state="draining") is None
    assert (
        faster_node(batch(cost=JOB, excluded={0: frozenset({1})}), 0, 9.0, [node(1)], FAST) is None
    )


@given(st.floats(0.05, 100), st.lists(st.floats(0.05, 100), max_size=5))
def test_the_node_that_ends_first_is_taken_and_always_before_the_job(left_s, seconds):
    known = speeds_of({(k, SD15): (run_s, 0.0) for k, run_s in enumerate(seconds)})
    idle = [node(k, warm=SD15) for k in range(len(seconds))]
    found = faster_node(batch(cost=JOB), 0, left_s, idle, known)
    if found is not None:
        assert math.isclose(found[1].run_s, min(seconds), rel_tol=1e-6)
        assert found[1].run_s < left_s
    else:
        assert all(run_s > 0.89 * left_s for run_s in seconds)


# The pace


@given(st.integers(6, 60), st.floats(0.1, 30), st.data())
def test_the_pace_of_even_steps_tells_the_end(steps, step_s, data):
    pace = Pace()
    seen = data.draw(st.integers(5, steps))
    for step in range(1, seen + 1):
        pace.see(step, steps, 100.0 + step * step_s)
    left_s = pace.left_s(100.0 + seen * step_s)
    assert left_s == pytest.approx((steps - seen) * step_s, abs=1e-6)


def test_a_pace_needs_more_than_one_step_and_another_sampler_has_its_own():
    pace = Pace()
    assert pace.left_s(0.0) is None
    pace.see(1, 20, 10.0)
    assert pace.left_s(15.0) is None
    pace.see(5, 20, 14.0)
    assert pace.left_s(14.0) == 15.0
    assert pace.left_s(14.5) == 14.5
    pace.see(1, 8, 20.0)
    assert pace.left_s(21.0) is None


def test_slow_is_what_takes_clearly_longer_than_expected():
    assert is_slow(10.0, 12.0)
    assert not is_slow(10.0, 10.5)


# On real nodes


def learned(name: str, seconds: float) -> None:
    """Let Eliot believe that a node needs so long for a draft, its model in memory."""
    row = GpuNode.objects.get(slug=name)
    facts: dict[str, Any] = {"template": "sd15_txt2img", "family": "sd15", "count": 9}
    LearnedSpeed.objects.create(node=row, fixed_s=seconds, **facts)


def slow_and_fast(farm: Farm, **facts: Any) -> list[Any]:
    nodes = farm.nodes(
        {
            "gpu-slow": {"seconds": {"sd15": 6.0}, **facts},
            "gpu-fast": {"seconds": {"sd15": 0.5}},
        }
    )
    learned("gpu-slow", 0.6)
    learned("gpu-fast", 0.5)
    return nodes


@pytest.mark.usefixtures("copies")
def test_an_idle_node_renders_a_copy_of_what_a_slow_one_has(farm: Farm) -> None:
    slow, fast = slow_and_fast(farm)
    placed = farm.ask(2)
    farm.work()
    jobs = farm.done(placed)
    late = next(job for job in jobs if len(attempts(job)) == 2)
    assert attempts(late) == [("gpu-slow", "superseded"), ("gpu-fast", "committed")]
    assert "gpu-slow is slower than expected; gpu-fast renders a copy." in story(late)
    first, copy = Attempt.objects.filter(job=late).order_by("fence")
    assert (first.is_backup, copy.is_backup) == (False, True)
    assert (copy.fence, first.reason) == (2, "gpu-fast was first.")
    assert first.sent is not None
    assert copy.sent is not None
    seeds = {str(sent["3"]["inputs"]["seed"]) for sent in (first.sent, copy.sent)}
    assert seeds == {late.seed}
    wait_until(lambda: [line for line in slow.told("end") if line["status"] == "interrupted"])
    assert len(fast.executions()) == 2


@pytest.mark.usefixtures("copies")
def test_a_copy_that_comes_damaged_leaves_the_first_to_go_on(farm: Farm) -> None:
    cut = on_request("/view", {"truncate": 100}, method="GET")
    slow, fast = farm.nodes(
        {"gpu-slow": {"seconds": {"sd15": 6.0}}, "gpu-fast": {"seconds": {"sd15": 0.5}}}
    )
    learned("gpu-slow", 0.6)
    learned("gpu-fast", 0.5)
    fast.set_rules(cut)
    placed = farm.ask(1, node_mode="prefer", node=GpuNode.objects.get(slug="gpu-slow"))
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-slow", "committed"), ("gpu-fast", "failed")]
    assert len(slow.executions()) == 1


@pytest.mark.usefixtures("copies")
def test_a_cancel_stops_both(farm: Farm) -> None:
    slow, fast = slow_and_fast(farm)
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: Job.objects.filter(attempts__is_backup=True).exists())
    farm.cancel(placed)
    farm.settled(placed)
    assert Job.objects.ended().filter(generation__round=placed, attempts__is_backup=True).exists()
    wait_until(lambda: len(slow.told("end")) == len(slow.executions()))
    wait_until(lambda: len(fast.told("end")) == len(fast.executions()))
    assert not Attempt.objects.live().exists()


@pytest.mark.usefixtures("copies")
def test_bulk_work_is_not_rendered_twice(farm: Farm) -> None:
    slow_and_fast(farm)
    placed = farm.ask(2)
    JobGroup.objects.update(priority=Priority.BULK)
    farm.work()
    jobs = farm.done(placed)
    assert [len(attempts(job)) for job in jobs] == [1, 1]
