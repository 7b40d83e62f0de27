"""Nodes that refuse, err or lack something: another one takes it, or the job says exactly why not."""

from typing import Any

import pytest
from django.utils import timezone

from farm_app.models import GpuNode, Job, NodeBlock, NodeModel
from farm_app.models.nodes import Health
from farm_app.models.states import JobState
from farm_app.timers import TROUBLE_INTERVAL
from tests.farm.rig import Farm, attempts, on_event, on_request, story, wait_until

RAISES = on_event("executing", {"raise": {"message": "the sampler broke"}}, in_class="KSampler")
RUNS_OUT = on_event("executing", {"oom": True}, in_class="KSampler")
OTHER = "dreamshaper_8.safetensors"


def out_of_range() -> dict[str, Any]:
    """Answer as a ComfyUI that was given 0 steps."""
    error = {
        "type": "value_smaller_than_min",
        "message": "Value 0 smaller than min of 1",
        "details": "steps",
        "extra_info": {"input_name": "steps", "received_value": 0},
    }
    whole = {"type": "prompt_outputs_failed_validation", "message": "No", "details": ""}
    found = {"3": {"class_type": "KSampler", "dependent_outputs": ["9"], "errors": [error]}}
    return {"status": 400, "json": {"error": whole, "node_errors": found}}


def nothing_to_save() -> dict[str, Any]:
    error = {"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": ""}
    return {"status": 400, "json": {"error": error, "node_errors": {}}}


@pytest.mark.fault("N14")
def test_a_graph_that_no_node_would_take_fails_with_a_reason(farm: Farm) -> None:
    first, second = farm.two(*[{"rules": [on_request("/prompt", nothing_to_save())]}] * 2)
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.FAILED
    assert job.reason == "The workflow has no node that saves or shows anything."
    assert job.advice
    assert first.hits() + second.hits() == 1
    for node in (first, second):
        node.set_rules(on_request("/prompt", out_of_range()))
    (job,) = farm.settled(farm.ask(1))
    assert job.state == JobState.FAILED
    assert job.reason == "Sampler: steps: Value 0 smaller than min of 1."
    assert first.hits() + second.hits() == 1


def test_an_exception_on_one_node_sends_it_to_another(farm: Farm) -> None:
    farm.two({"rules": [RAISES]})
    placed = farm.ask(1, node_mode="prefer", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-b", "committed")]
    assert job.failures == 1


@pytest.mark.parametrize(
    ("rule", "said"), [(RAISES, "the sampler broke"), (RUNS_OUT, "Out of memory in KSampler")]
)
def test_after_three_failures_it_says_what_and_where(farm: Farm, rule: Any, said: str) -> None:
    farm.nodes({name: {"rules": [rule]} for name in ("gpu-a", "gpu-b", "gpu-c")})
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.FAILED
    assert said in job.reason
    assert "Tried on gpu-a, gpu-b, gpu-c." in job.reason
    assert job.advice


@pytest.mark.fault("N11")
def test_on_two_nodes_two_failures_are_all_that_can_be_tried(farm: Farm) -> None:
    farm.two(*[{"rules": [RUNS_OUT]}] * 2)
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.FAILED
    assert "Tried on gpu-a, gpu-b." in job.reason
    assert job.advice == "Try 384 × 384: that is half as many pixels."
    assert {node for node, _ in attempts(job)} == {"gpu-a", "gpu-b"}


@pytest.mark.fault("N10")
def test_where_memory_runs_out_only_a_bigger_card_is_tried(farm: Farm) -> None:
    freed = on_request("/free", {"latency_ms": 0})
    node, *_ = farm.nodes(
        {"gpu-a": {"rules": [RUNS_OUT, freed]}, "gpu-as-large": {}, "gpu-b": {}, "gpu-c": {}}
    )
    GpuNode.objects.filter(slug="gpu-b").update(vram_gb=4)
    GpuNode.objects.filter(slug="gpu-c").update(vram_gb=24)
    placed = farm.ask(1, node_mode="prefer", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-a", "failed"), ("gpu-c", "committed")]
    assert job.failures == 1
    assert node.hits() > 2  # it ran out twice, and was told to free its memory


def test_where_memory_runs_out_it_is_freed_and_tried_there_once_more(farm: Farm) -> None:
    asked_to_free = on_request("/free", {"latency_ms": 0})
    node = farm.node("gpu-a", rules=[{**RUNS_OUT, "count": 1}, asked_to_free])
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-a", "committed")]
    assert job.failures == 0
    assert any("Its memory is freed; it may be tried there once more." in s for s in story(job))
    assert node.hits() == 2


def test_what_has_worked_before_is_said_to_fit(farm: Farm) -> None:
    node = farm.node("gpu-a")
    placed = farm.ask(1, values={"width": 448, "height": 512})
    farm.work()
    farm.done(placed)
    node.set_rules(RUNS_OUT)
    (job,) = farm.settled(farm.ask(1))
    assert job.state == JobState.FAILED
    assert job.advice == "448 × 512 has worked with this model here."


def test_memory_that_runs_out_blocks_nobody(farm: Farm) -> None:
    farm.node("gpu-a", rules=[RUNS_OUT])
    placed = farm.ask(4)
    farm.work()
    farm.settled(placed)
    assert not NodeBlock.objects.exists()


def test_a_node_that_keeps_failing_is_blocked_until_somebody_lifts_it(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[RAISES])
    placed = farm.ask(4)
    farm.work()
    jobs = farm.settled(placed)
    assert [job.state for job in jobs] == [JobState.FAILED] * 3 + [JobState.WAITING]
    assert "gpu-a is blocked for sd15_txt2img" in jobs[3].reason
    assert jobs[3].advice == "Lift the block on the Farm page."
    node.set_rules()
    NodeBlock.objects.all().delete()
    wait_until(lambda: Job.objects.filter(pk=jobs[3].pk, state=JobState.DONE).exists())


def test_a_success_forgets_the_failures_before_it(farm: Farm) -> None:
    farm.node("gpu-a", rules=[{**RAISES, "count": 2}])
    placed = farm.ask(3)
    farm.work()
    farm.settled(placed)
    assert not NodeBlock.objects.exists()


@pytest.mark.fault("N12")
def test_a_node_that_lacks_the_model_after_all_passes_it_on(farm: Farm) -> None:
    _, second = farm.two()
    second.add_model("special_sd15.safetensors")
    liar, honest = GpuNode.objects.order_by("slug")
    for node in (liar, honest):
        facts = {"folder": "checkpoints", "name": "special_sd15.safetensors", "family": "sd15"}
        NodeModel.objects.create(node=node, key="special_sd15.safetensors", **facts)
    values = {"checkpoint": "special_sd15.safetensors"}
    placed = farm.ask(1, node_mode="prefer", node=liar, values=values)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-b", "committed")]
    assert job.failures == 0
    assert not NodeModel.objects.get(node=liar, key="special_sd15.safetensors").is_present


@pytest.mark.fault("N13")
def test_a_model_that_no_node_has_is_waited_for(farm: Farm) -> None:
    first, _ = farm.two()
    placed = farm.ask(1, values={"checkpoint": "rare_sd15.safetensors"})
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.WAITING
    assert job.reason == "No node has rare_sd15.safetensors."
    assert job.advice.startswith("Copy it to gpu-")
    first.add_model("rare_sd15.safetensors")
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=JobState.DONE).exists())
    assert attempts(job) == [("gpu-a", "committed")]


def test_a_node_class_that_is_missing_after_all_is_waited_for(farm: Farm) -> None:
    missing = {
        "type": "missing_node_type",
        "message": "Node not found",
        "details": "",
        "extra_info": {"node_id": "3", "class_type": "KSampler"},
    }
    refusal = {"status": 400, "json": {"error": missing, "node_errors": {}}}
    farm.node("gpu-a", rules=[on_request("/prompt", refusal)])
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.WAITING
    assert "KSampler" in job.reason
    assert job.failures == 0


@pytest.mark.fault("N15")
def test_a_yes_that_drops_the_output_is_a_no(farm: Farm) -> None:
    dropped = {
        "9": {
            "class_type": "SaveImage",
            "dependent_outputs": ["9"],
            "errors": [{"type": "bad", "message": "Bad name", "details": "", "extra_info": {}}],
        }
    }
    rule = on_request("/prompt", {"accept": True, "then": {"merge": {"node_errors": dropped}}})
    node = farm.node("gpu-a", rules=[rule], seconds={"sd15": 2.0})
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.FAILED
    assert "Bad name" in job.reason
    wait_until(lambda: [line for line in node.told("end") if line["status"] == "interrupted"])


def test_a_node_that_cannot_take_it_now_is_left_alone_for_a_while(farm: Farm) -> None:
    farm.node("gpu-a", rules=[on_request("/prompt", {"status": 500}, count=1)])
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: GpuNode.objects.get().health == Health.SILENT)
    jobs = farm.done(placed)
    assert sum(len(attempts(job)) for job in jobs) == 3
    assert [job.failures for job in jobs] == [0, 0]


def test_a_node_that_never_takes_anything_is_not_hammered(farm: Farm) -> None:
    busy, _ = farm.two(
        {"rules": [on_request("/prompt", {"status": 503})]}, {"seconds": {"sd15": 0.4}}
    )
    placed = farm.ask(8)
    farm.work()
    jobs = farm.done(placed)
    assert busy.hits() <= 4
    assert {job.failures for job in jobs} == {0}


@pytest.mark.fault("R07")
def test_a_node_that_says_when_to_come_again_is_believed(farm: Farm) -> None:
    rule = on_request("/prompt", {"status": 429, "headers": {"Retry-After": "2"}}, count=1)
    node = farm.node("gpu-a", rules=[rule])
    placed = farm.ask(1)
    asked = timezone.now()
    farm.work()
    (job,) = farm.done(placed)
    assert (job.attempts.latest("reserved").reserved - asked).total_seconds() > 1.8
    assert [state for _, state in attempts(job)] == ["lost", "committed"]
    node.set_rules(on_request("/prompt", {"status": 429, "headers": {"Retry-After": "86400"}}))
    for_ever = farm.ask(1)
    wait_until(lambda: GpuNode.objects.get().health == Health.SILENT)
    again = GpuNode.objects.get().health_checked_at
    assert again is not None
    left_s = (again + TROUBLE_INTERVAL - timezone.now()).total_seconds()
    assert 200 < left_s <= 300  # five minutes at most, whatever it says
    farm.cancel(for_ever)
    farm.settled(for_ever)


@pytest.mark.fault("R06")
def test_a_proxy_that_asks_for_credentials_locks_the_node(farm: Farm) -> None:
    rule = on_request("/prompt", {"status": 401})
    node = farm.node("gpu-a", rules=[rule])
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: GpuNode.objects.get().health == Health.LOCKED)
    node.set_rules()
    (job,) = farm.done(placed)
    assert job.failures == 0


@pytest.mark.fault("R01")
def test_a_post_that_is_answered_by_silence_is_looked_up_and_not_sent_again(farm: Farm) -> None:
    rule = on_request("/prompt", {"accept": True, "then": {"drop_response": True}}, count=1)
    node = farm.node("gpu-a", rules=[rule])
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.executions()) == 1


@pytest.mark.fault("R04", profile="legacy")
def test_a_server_that_makes_its_own_ids_is_understood(farm: Farm) -> None:
    lost = on_request("/prompt", {"accept": True, "then": {"drop_response": True}}, count=1)
    node = farm.node("gpu-a", rules=[lost])
    placed = farm.ask(3)
    farm.work()
    jobs = farm.done(placed)
    assert len(node.executions()) == 3
    own = [bool(job.winner and job.winner.node_prompt_id) for job in jobs]
    assert own == [node.spec["profile"] == "legacy"] * 3
