"""The dispatcher against real demo nodes: what is asked for ends in exactly one picture."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from farm_app import binding, dispatch, nudges
from farm_app.models import Attempt, LearnedSpeed
from farm_app.models.states import JobState
from tests.farm.rig import Farm, attempts, story


def test_it_brings_every_picture_home(farm: Farm) -> None:
    first, second = farm.two()
    placed = farm.ask(6)
    farm.work()
    jobs = farm.done(placed)
    assert all(job.output.absolute_path.is_file() for job in jobs if job.output)
    # A busy machine may make one look slow, and the other renders a copy.
    assert len(first.executions()) + len(second.executions()) in (6, 7)
    assert {path.name for path in farm.data.rglob("*.png") if "pictures" in path.parts} == {
        f"{number:04d}.png" for number in range(1, 7)
    }


def test_a_prompt_arrives_byte_for_byte(farm: Farm) -> None:
    farm.node()
    prompt = 'he said "no", {{seed}} \\n ${x}\n\ttab — é 🎬 \u202e end'
    placed = farm.ask(1, prompt)
    farm.work()
    (job,) = farm.done(placed)
    sent = Attempt.objects.get(job=job).sent or {}
    assert prompt in [node["inputs"].get("text") for node in sent.values()]
    assert job.output is not None
    assert job.output.facts.recipe["prompt"] == prompt


def test_every_seed_arrives_up_to_the_largest(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(2, seed="18446744073709551614")
    farm.work()
    jobs = farm.done(placed)
    sent = [Attempt.objects.get(job=job).sent or {} for job in jobs]
    seeds = [
        node["inputs"]["seed"]
        for graph in sent
        for node in graph.values()
        if "seed" in node["inputs"]
    ]
    assert seeds == [2**64 - 2, 2**64 - 1]


def test_a_job_tells_its_story(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    asked, taken, finished, done = story(job)
    assert asked == "Asked for."
    assert taken == "gpu-a takes it."
    assert re.match(r"gpu-a finished it in \d+\.\d s", finished)
    assert re.match(r"Done on gpu-a in \d+\.\d s", done)


def test_what_it_learns_of_a_node_outlives_the_workers(farm: Farm) -> None:
    farm.node(seconds={"sd15": 0.3})
    placed = farm.ask(3)
    farm.work()
    farm.done(placed)
    (row,) = LearnedSpeed.objects.all()
    assert row.count == 3
    assert 0.25 < row.fixed_s + row.rate_s * 10 * 0.262144 < 2.0


def test_a_retry_keeps_the_seed(farm: Farm) -> None:
    node = farm.node(
        rules=[
            {"on": {"event": "executing", "class": "KSampler"}, "do": {"raise": {"message": "no"}}}
        ]
    )
    placed = farm.ask(1, seed="42")
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.FAILED
    node.set_rules()
    assert farm.retry(placed) == 1
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-a", "committed")]
    assert job.seed == "42"
    assert all("42" in str(one.sent) for one in job.attempts.all())


def telling(word: str, real: Callable[..., Any], told: list[str]) -> Callable[..., Any]:
    """Return ``real`` with a word on each call."""

    def tell(*asked: Any) -> Any:
        told.append(word)
        return real(*asked)

    return tell


def test_a_picture_is_brought_home_after_the_next_prompt_is_sent(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    placed = farm.ask(3)
    told: list[str] = []
    feeder = dispatch.Feeder
    monkeypatch.setattr(feeder, "_post", telling("sent", feeder._post, told))
    monkeypatch.setattr(nudges, "store", telling("home", nudges.store, told))
    farm.feed()
    assert told == ["sent", "sent", "home", "sent", "home", "home"]
    farm.work()
    farm.done(placed)


def test_the_first_job_is_claimed_ready_to_be_sent(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    farm.ask(2)
    bound: list[Attempt] = []
    monkeypatch.setattr(dispatch.Feeder, "_bound", lambda _, attempt, __: bound.append(attempt))
    farm.feed()
    assert bound == []
    first, second = Attempt.objects.order_by("reserved")
    assert first.client_id == second.client_id != ""
    assert (first.state, second.state) == ("produced", "produced")


def test_a_picture_does_not_wait_for_the_upload_of_the_next_ones_source(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    farm.ask(2)
    told: list[str] = []
    feeder = dispatch.Feeder
    monkeypatch.setattr(binding, "bind_at_once", lambda _: None)  # as if there were one
    monkeypatch.setattr(feeder, "_bound", telling("bound", feeder._bound, told))
    monkeypatch.setattr(nudges, "store", telling("home", nudges.store, told))
    farm.feed()
    assert told == ["bound", "home", "bound", "home"]
