"""Which node takes what: switches on nodes, wishes of people, what was learned, and never two for one job."""

from collections import Counter
from typing import Any

from farm_app import planning, tending
from farm_app.models import Attempt, GpuNode, Job, LearnedSpeed
from farm_app.models.states import AttemptState, JobState
from farm_app.workers import Workers
from sessions_app.models import Round
from tests.farm.rig import Farm, attempts, story, wait_until

BRIEF: dict[str, Any] = {"seconds": {"sd15": 0.6}}


def node(name: str) -> GpuNode:
    return GpuNode.objects.get(slug=name)


def why(placed: Round) -> str:
    return planning.explain(Job.objects.get(generation__round=placed)).sentence


def one_runs() -> bool:
    return Attempt.objects.filter(state=AttemptState.RUNNING).exists()


def test_a_drained_node_finishes_and_takes_nothing_new(farm: Farm) -> None:
    farm.node("gpu-a", **BRIEF)
    placed = farm.ask(3)
    farm.work()
    wait_until(one_runs)
    tending.drain(node("gpu-a"))
    wait_until(lambda: Job.objects.filter(state=JobState.DONE).count() == 1)
    assert Job.objects.filter(state=JobState.QUEUED).count() == 2
    explained = planning.explain(Job.objects.filter(state=JobState.QUEUED)[0])
    assert "gpu-a is drained and takes nothing new." in explained.nodes[0][1]
    tending.resume(node("gpu-a"))
    farm.done(placed)


def test_a_node_that_is_switched_off_finishes_what_it_has(farm: Farm) -> None:
    process = farm.node("gpu-a", **BRIEF)
    placed = farm.ask(2)
    farm.work()
    wait_until(one_runs)
    GpuNode.objects.update(is_enabled=False)
    wait_until(lambda: Job.objects.filter(state=JobState.DONE).count() == 1)
    assert len(process.executions()) == 1
    GpuNode.objects.update(is_enabled=True)
    farm.done(placed)


def test_only_this_node_means_only_this_node(farm: Farm) -> None:
    chosen, _ = farm.two(BRIEF)
    placed = farm.ask(3, node_mode="only", node=node("gpu-a"))
    farm.work()
    farm.done(placed)
    assert len(chosen.executions()) == 3


def test_only_a_node_that_is_gone_waits_and_says_so(farm: Farm) -> None:
    gone, _ = farm.two()
    wished = node("gpu-a")
    gone.kill()
    placed = farm.ask(1, node_mode="only", node=wished)
    farm.work()
    wait_until(lambda: why(placed) == "gpu-a is offline.")
    gone.start()
    farm.done(placed)


def test_a_preferred_node_that_is_down_is_done_without(farm: Farm) -> None:
    gone, other = farm.two()
    gone.kill()
    placed = farm.ask(2, node_mode="prefer", node=node("gpu-a"))
    farm.work()
    jobs = farm.done(placed)
    assert len(other.executions()) == 2
    for job in jobs:
        taken = [line for line in story(job) if "takes it" in line][-1]
        assert taken.startswith("gpu-b takes it. Not on the preferred node: ")
        assert Attempt.objects.get(won_job=job).reason in taken


def test_a_fast_node_takes_more_and_a_slow_one_leaves_the_last(farm: Farm) -> None:
    fast, slow = farm.two({"seconds": {"sd15": 0.2}}, {"seconds": {"sd15": 1.6}})
    warm_up = [farm.ask(1, node_mode="only", node=node(one)) for one in ("gpu-a", "gpu-b")]
    farm.work()
    for placed in warm_up:
        farm.done(placed)
    assert LearnedSpeed.objects.count() == 2
    placed = farm.ask(5)
    farm.done(placed)
    assert len(slow.executions()) in (1, 2)  # its warm-up, and on a busy machine one of the first
    assert len(fast.executions()) >= 5


def test_a_paused_batch_waits_and_others_pass(farm: Farm) -> None:
    farm.node()
    paused, other = farm.ask(2), farm.ask(1)
    paused.group.is_paused = True
    paused.group.save()
    farm.work()
    farm.done(other)
    assert Job.objects.filter(group=paused.group, state=JobState.QUEUED).count() == 2
    paused.group.is_paused = False
    paused.group.save()
    farm.done(paused)


def test_two_sets_of_workers_never_take_the_same_job(farm: Farm) -> None:
    first, second = farm.two({"seconds": {"sd15": 0.05}}, {"seconds": {"sd15": 0.05}})
    placed = farm.ask(16)
    others = Workers()
    others.start()
    farm.work()
    farm.done(placed)
    others.stop(grace_s=10)
    ran = Counter(line["prompt_id"] for node in (first, second) for line in node.executions())
    assert len(ran) == 16
    assert set(ran.values()) == {1}
    assert Attempt.objects.count() == 16


def test_what_another_process_placed_is_found_without_a_nudge(farm: Farm) -> None:
    farm.node()
    farm.work()
    from huey.contrib.djhuey import HUEY

    placed = farm.ask(1)
    HUEY.flush()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]


def test_without_any_node_it_waits_for_the_first(farm: Farm) -> None:
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert (job.state, job.reason) == (JobState.WAITING, "There is no node yet.")
    farm.node()
    wait_until(lambda: Job.objects.filter(state=JobState.DONE).exists())


def test_a_picture_from_a_picture_uploads_what_it_starts_from(farm: Farm) -> None:
    farm.node()
    first = farm.ask(1)
    farm.work()
    (job,) = farm.done(first)
    assert job.output is not None
    placed = farm.ask(2, stage=1, sources=[job.output] * 2, values={"denoise": 0.5})
    for after in farm.done(placed):
        assert after.output is not None
        assert after.output.facts.recipe["parents"] == [str(job.output.pk)]


def test_a_source_that_is_gone_fails_with_a_reason(farm: Farm) -> None:
    farm.node()
    first = farm.ask(1)
    farm.work()
    (job,) = farm.done(first)
    assert job.output is not None
    there = job.output.absolute_path
    away = there.rename(farm.data / "away.png")
    placed = farm.ask(1, stage=1, sources=[job.output], values={"denoise": 0.5})
    (after,) = farm.settled(placed)
    assert after.state == JobState.FAILED
    assert after.reason == "The picture that it starts from is not in its library any more."
    away.rename(there)
