"""Events are hints: lost, doubled or cut off, the node's own queue and history decide."""

from functools import partial

import httpx
import pytest

from farm_app import follow, patience
from farm_app.comfy.events import ProgressState
from farm_app.models import Attempt, GpuNode, Job, NodeBlock, WorkflowTemplate, templates
from farm_app.models.states import AttemptState, JobState
from farm_app.progress import glimpses
from farm_app.timers import HISTORY_LAG_S
from tests.farm.rig import Farm, Rule, attempts, on_event, on_request, story, wait_until


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(
            on_event("any", {"drop": True}), id="all lost", marks=pytest.mark.fault("P02")
        ),
        pytest.param(on_event("any", {"duplicate": 2}), id="all thrice"),
        pytest.param(on_event("execution_success", {"drop": True}), id="no end"),
        pytest.param(on_event("progress", {"close_sockets": True}, value=3), id="cut off"),
        pytest.param(on_event("execution_start", {"close_sockets": True}), id="cut off at first"),
        pytest.param(on_event("progress", {"data": {"value": -7, "max": 0}}), id="nonsense"),
    ],
)
def test_the_end_is_found_whatever_is_heard(farm: Farm, rule: Rule) -> None:
    node = farm.node("gpu-a", rules=[rule])
    placed = farm.ask(2)
    farm.work()
    jobs = farm.done(placed)
    assert [attempts(job) for job in jobs] == [[("gpu-a", "committed")]] * 2
    assert len(node.executions()) == 2


@pytest.mark.fault("R24")
def test_a_history_that_lags_is_waited_for(farm: Farm) -> None:
    lag_s = 0.6 * HISTORY_LAG_S
    lags = {"for_seconds": lag_s, "after_event": "execution_success"}
    node = farm.node("gpu-a")
    node.set_rules({"on": {"method": "GET", "path": "/history*", **lags}, "do": {"json": {}}})
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    (end,) = node.told("end")
    produced = job.attempts.get().produced
    assert produced
    assert produced.timestamp() - end["t"] > 0.9 * lag_s
    assert (job.failures, job.deaths) == (0, 0)
    assert len(node.executions()) == 1


@pytest.mark.parametrize("do", [{"status": 502}, {"body": "<html>"}, {"json": []}])
def test_a_history_that_makes_no_sense_for_a_moment_is_asked_again(farm: Farm, do: Rule) -> None:
    node = farm.node("gpu-a", rules=[on_request("/history/*", do, method="GET", count=2)])
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.executions()) == 1


def test_a_proxy_that_lets_no_sockets_pass_makes_it_ask(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[on_request("/ws", {"status": 404}, method="GET")])
    placed = farm.ask(2)
    farm.work()
    farm.done(placed)
    assert len(node.executions()) == 2


def test_a_render_without_progress_is_stopped_and_another_node_takes_it(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STALLED_S", 0.6)
    stuck, _ = farm.two({"rules": [on_event("progress", {"stop_progress": True}, value=3)]})
    placed = farm.ask(1, node_mode="prefer", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-b", "committed")]
    assert any("It showed no progress for" in said for said in story(job))
    assert stuck.told("end")[0]["status"] == "interrupted"


def test_a_render_that_goes_on_and_on_is_stopped_at_its_workflows_limit(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "KNOWN_S", 0.0)
    WorkflowTemplate.objects.update(cap_s=10)
    endless, _ = farm.two({"seconds": {"sd15": 60.0}}, {"seconds": {"sd15": 0.3}})
    placed = farm.ask(1, node_mode="only", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    wait_until(lambda: endless.told("end"))
    assert endless.told("end")[0]["status"] == "interrupted"
    wait_until(lambda: Job.objects.get().failures == 1)
    (told,) = [said for said in story(Job.objects.get()) if "It rendered for" in said]
    assert "It rendered for 10 s and was stopped." in told
    farm.cancel(placed)
    farm.settled(placed)


def test_waiting_behind_others_is_no_lack_of_progress(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STALLED_S", 1.5)  # two pictures of others take 4 s
    node = farm.node("gpu-a", seconds={"sd15": 2.0})
    for _ in range(2):
        post_foreign(node.url)
    placed = farm.ask(1, values={"steps": 2})
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]


@pytest.mark.fault("N17")
def test_somebody_elses_interrupt_is_forgiven_once_and_then_a_person_is_asked(farm: Farm) -> None:
    nodes = farm.two({"seconds": {"sd15": 6.0}}, {"seconds": {"sd15": 6.0}})
    placed = farm.ask(1)
    farm.work()
    running = Attempt.objects.filter(state=AttemptState.RUNNING)
    for times in (1, 2):
        wait_until(
            partial(lambda wanted: sum(len(one.executions()) for one in nodes) == wanted, times)
        )
        wait_until(running.exists)
        httpx.post(f"{running.get().origin}/interrupt", json={}, trust_env=False)
        wait_until(lambda: not running.exists())
    (job,) = farm.settled(placed)
    assert [state for _, state in attempts(job)] == ["lost", "lost"]
    assert (job.state, job.failures) == (JobState.ATTENTION, 0)
    assert job.reason.startswith("Somebody interrupted it on gpu-")
    assert not NodeBlock.objects.exists()


@pytest.mark.fault("N18")
def test_a_queue_that_somebody_clears_costs_nothing(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 2.0})
    for _ in range(2):
        post_foreign(node.url)
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.ACCEPTED).exists())
    httpx.post(f"{node.url}/queue", json={"clear": True}, trust_env=False)
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-a", "committed")]
    assert job.failures == 0


def post_foreign(url: str) -> str:
    """Queue somebody else's picture."""
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamshaper_8.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "theirs", "clip": ["1", 1]}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
        "4": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0],
                "seed": 1, "steps": 10, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
            },
        },
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "theirs"}},
    }  # fmt: skip
    answer = httpx.post(f"{url}/prompt", json={"prompt": graph}, trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def test_other_peoples_prompts_are_left_alone(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 0.5})
    theirs = [post_foreign(node.url) for _ in range(2)]
    placed = farm.ask(4)
    farm.work()
    wait_until(lambda: Job.objects.filter(state=JobState.RUNNING).exists())
    farm.cancel(placed)
    farm.settled(placed)
    wait_until(lambda: len([line for line in node.told("end") if line["status"] == "success"]) >= 2)
    ended = {line["prompt_id"]: line["status"] for line in node.told("end")}
    assert [ended[one] for one in theirs] == ["success", "success"]


def test_a_running_job_shows_how_far_it_is(farm: Farm) -> None:
    farm.node("gpu-a", seconds={"sd15": 2.0})
    placed = farm.ask(1)
    farm.work()
    job = Job.objects.get(generation__round=placed)
    seen = wait_until(lambda: [one for one in glimpses([job.pk]).values() if one.step > 2])
    assert seen[0].node_name == "gpu-a"
    assert seen[0].phase == "sampling"
    assert 0 < seen[0].percent < 100
    farm.done(placed)
    wait_until(lambda: not glimpses([job.pk]))  # forgotten once the commit is over
    assert story(job)[-1].startswith("Done")


def test_states_are_read_no_more_often_than_pages_are_told(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    farm.ask(1)
    read: list[int] = []

    def nodes(_: ProgressState) -> tuple[()]:
        read.append(1)
        return ()

    monkeypatch.setattr(ProgressState, "nodes", property(nodes))
    monkeypatch.setattr(follow, "PROGRESS_S", 60.0)
    farm.feed()
    assert read == [1]
    assert Attempt.objects.get().state == AttemptState.PRODUCED
