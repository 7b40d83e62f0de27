"""Job groups: seeds by strategy, a child on each named node, a time-out for all, and a cancel."""

from typing import Any

import pytest
from django.test import Client

from farm_app.models import Job
from farm_app.models.states import JobState
from farm_app.seed_strategies import SeedStrategy, seeds
from tests.farm.api.program import Program, done, draft, rested
from tests.farm.api.test_asking import graph
from tests.farm.rig import Farm, wait_until

HERE = Program()


def group(**changes: Any) -> dict[str, Any]:
    return {"job": draft(), "count": 4, **changes}


def children(found: dict[str, Any]) -> list[int]:
    return [one["id"] for one in found["jobs"]]


@pytest.mark.parametrize("strategy", list(SeedStrategy))
def test_children_have_the_seeds_of_the_strategy_from_the_base(
    farm: Farm, strategy: SeedStrategy
) -> None:
    farm.node()
    base = "18446744073709551614"
    found = HERE.post("job-groups", group(seeds={"strategy": strategy, "base": base}))
    assert [one["seed"] for one in found["jobs"]] == seeds(strategy, 4, int(base))
    assert (found["strategy"], found["base_seed"]) == (strategy, base)
    values = [job.values["seed"] for job in Job.objects.order_by("pk")]
    assert values == seeds(strategy, 4, int(base))


def test_a_base_that_is_not_given_is_drawn_and_told(farm: Farm) -> None:
    farm.node()
    found = HERE.post("job-groups", group(seeds={"strategy": "sequential"}))
    assert found["jobs"][0]["seed"] == found["base_seed"]
    assert HERE.get(f"job-groups/{found['id']}")["base_seed"] == found["base_seed"]


def test_any_node_makes_the_children_and_the_group_says_when_all_are_there(farm: Farm) -> None:
    farm.two()
    farm.work()
    found = HERE.post("job-groups", group(metadata={"film": "x"}))
    assert (found["is_complete"], found["counts"]["open"]) == (False, 4)
    done(*children(found))
    after = HERE.get(f"job-groups/{found['id']}")
    assert (after["is_complete"], after["counts"]["done"]) == (True, 4)
    assert after["metadata"] == {"film": "x"}
    paths = [job["outputs"][0]["path"].rpartition("/")[2] for job in after["jobs"]]
    assert paths == [f"{found['id']:06d}-{place:03d}.png" for place in (1, 2, 3, 4)]
    assert HERE.get("job-groups")["items"][0]["counts"]["done"] == 4


def test_each_named_node_makes_one(farm: Farm) -> None:
    farm.two()
    farm.work()
    found = HERE.post("job-groups", group(count=None, nodes=["gpu-b", "gpu-a"]))
    assert [one["affinity"]["node"] for one in found["jobs"]] == ["gpu-b", "gpu-a"]
    done(*children(found))
    after = HERE.get(f"job-groups/{found['id']}")
    assert [one["node"] for one in after["jobs"]] == ["gpu-b", "gpu-a"]
    assert len({one["seed"] for one in after["jobs"]}) == 2


def test_others_make_what_a_node_cannot_when_the_fallback_says_so(farm: Farm) -> None:
    farm.node("gpu-a")
    farm.node("gpu-b").kill()
    farm.work()
    found = HERE.post("job-groups", group(count=None, nodes=["gpu-b"], fallback="any"))
    done(*children(found))
    assert HERE.get(f"jobs/{children(found)[0]}")["node"] == "gpu-a"


def test_a_group_of_a_posted_graph_changes_its_seed_only(farm: Farm) -> None:
    farm.node()
    posted = group(job={"graph": graph()}, seeds={"strategy": "sequential", "base": "5"})
    found = HERE.post("job-groups", posted)
    assert [one["seed"] for one in found["jobs"]] == ["5", "6", "7", "8"]
    assert len({one["template"] for one in found["jobs"]}) == 1


def test_a_graph_without_a_seed_is_one_picture(farm: Farm) -> None:
    farm.node()
    plain = graph()
    del plain["3"]["inputs"]["seed"]
    assert "count" in HERE.refused("job-groups", group(job={"graph": plain}))


def test_a_cancel_ends_what_is_open(farm: Farm) -> None:
    farm.node(seconds={"sd15": 20.0})
    farm.work()
    found = HERE.post("job-groups", group(job=draft(parameters={"steps": 50})))
    wait_until(lambda: Job.objects.filter(state=JobState.RUNNING).exists())
    assert HERE.post(f"job-groups/{found['id']}/cancel", status=200) == {"cancelled": 4}
    rested(children(found))
    after = HERE.get(f"job-groups/{found['id']}")
    assert (after["is_complete"], after["counts"]["cancelled"]) == (True, 4)
    actors = [one["actor"] for one in HERE.get(f"jobs/{children(found)[3]}")["events"]]
    assert "you" in actors


def test_its_time_out_ends_all_that_is_not_made(farm: Farm) -> None:
    farm.node(seconds={"sd15": 30.0})
    farm.work()
    found = HERE.post("job-groups", group(timeout_s=1, job=draft(parameters={"steps": 50})))
    rested(children(found))
    counts = HERE.get(f"job-groups/{found['id']}")["counts"]
    assert (counts["failed"], counts["timed_out"], counts["open"]) == (4, 4, 0)


def test_the_same_key_is_the_same_group(farm: Farm) -> None:
    farm.node()
    posted = group(idempotency_key="film-7")
    first = HERE.post("job-groups", posted)
    assert HERE.post("job-groups", posted, status=200)["id"] == first["id"]
    assert Job.objects.count() == 4
    HERE.refused("job-groups", group(idempotency_key="film-7", count=5), 409)


def test_what_is_done_to_all_of_a_job_group_leaves_other_scripts_alone(farm: Farm) -> None:
    farm.node()
    mine = children(HERE.post("job-groups", group()))
    theirs = children(HERE.post("job-groups", group(count=2)))
    first = Job.objects.get(pk=mine[0])
    page = Client().get(f"/farm/queue/j{mine[0]}/details/", headers={"HX-Request": "true"})
    assert "All 4 of the same job group" in page.content.decode()
    Client().post(f"/farm/queue/s{first.group_id}/pause/")
    paused = Job.objects.filter(is_paused=True).order_by("pk").values_list("pk", flat=True)
    assert list(paused) == mine
    Client().post(f"/farm/queue/s{first.group_id}/cancel/")
    assert set(Job.objects.filter(pk__in=mine).values_list("state", flat=True)) == {"cancelled"}
    assert set(Job.objects.filter(pk__in=theirs).values_list("state", flat=True)) == {"queued"}
