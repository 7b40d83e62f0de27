"""Programs look: lists with filters, one job with its story, nodes, templates, the OpenAPI document."""

from typing import Any

from farm_app.models import GpuNode, Job, LearnedSpeed, Priority
from farm_app.models.states import JobState
from farm_app.queue import order
from tests.farm.api.program import Program, done, draft
from tests.farm.rig import Farm, wait_until
from tests.farm.test_refusals import RAISES

HERE = Program()


def ids(path: str) -> list[int]:
    return [one["id"] for one in HERE.get(path)["items"]]


def test_jobs_are_listed_newest_first_page_by_page(farm: Farm) -> None:
    farm.node()
    asked = [HERE.post("jobs", draft())["id"] for _ in range(5)]
    page = HERE.get("jobs?limit=2")
    found = [one["id"] for one in page["items"]]
    while page["next"]:
        page = HERE.get(f"jobs?limit=2&before={page['next']}")
        found += [one["id"] for one in page["items"]]
    assert found == asked[::-1]


def test_jobs_that_pages_asked_for_are_listed_too(farm: Farm) -> None:
    farm.node()
    placed = farm.ask()
    (found,) = HERE.get("jobs")["items"]
    assert (found["id"], found["group"], found["metadata"]) == (
        Job.objects.get(generation__round=placed).pk,
        None,
        {},
    )


def test_lists_are_filtered_by_state_node_and_group(farm: Farm) -> None:
    farm.two()
    one = HERE.post("jobs", draft(affinity={"node": "gpu-a"}))["id"]
    group = HERE.post("job-groups", {"job": draft(), "nodes": ["gpu-b"]})
    (child,) = [job["id"] for job in group["jobs"]]
    assert ids("jobs?state=queued") == [child, one]
    assert ids(f"jobs?group={group['id']}") == [child]
    farm.work()
    done(one, child)
    assert ids("jobs?state=queued") == []
    assert ids("jobs?state=done&state=failed") == [child, one]
    assert ids("jobs?node=gpu-a") == [one]
    assert ids("jobs?node=gpu-b&state=done") == [child]


def test_a_job_in_the_queue_says_why_it_waits_node_by_node(farm: Farm) -> None:
    farm.node(is_up=False)
    asked = HERE.post("jobs", draft())
    assert asked["waiting"]["position"] == 1
    assert asked["waiting"]["sentence"]
    assert [one["node"] for one in asked["waiting"]["nodes"]] == ["gpu-a"]


def test_a_job_that_renders_says_how_far_it_is(farm: Farm) -> None:
    farm.node(seconds={"sd15": 20.0})
    farm.work()
    asked = HERE.post("jobs", draft(parameters={"steps": 50}))["id"]

    def progress() -> dict[str, Any]:
        found: dict[str, Any] = HERE.get(f"jobs/{asked}")["progress"] or {}
        return found if found.get("step", 0) > 0 else {}

    seen = wait_until(progress)
    assert (seen["node"], seen["phase"], seen["steps"]) == ("gpu-a", "sampling", 50)
    assert 0 < seen["fraction"] < 1
    (node,) = HERE.get("nodes")
    assert (node["status"], node["job"]) == ("rendering", asked)
    assert HERE.post(f"jobs/{asked}/cancel", status=200) == {"cancelled": 1}
    wait_until(lambda: Job.objects.get(pk=asked).state == JobState.CANCELLED)
    assert HERE.post(f"jobs/{asked}/cancel", status=200) == {"cancelled": 0}


def test_a_job_that_failed_says_where_and_what_to_do(farm: Farm) -> None:
    farm.node(rules=[RAISES])
    farm.work()
    asked = HERE.post("jobs", draft())["id"]
    wait_until(lambda: Job.objects.get(pk=asked).state in (JobState.FAILED, JobState.WAITING))
    found = HERE.get(f"jobs/{asked}")
    assert found["reason"]
    assert found["timed_out"] is False
    assert [one["failure"] for one in found["attempts"]] == ["execution"]


def test_nodes_are_told_with_their_status_and_speed(farm: Farm) -> None:
    farm.two()
    GpuNode.objects.filter(slug="gpu-b").update(is_paused=True)
    farm.work()
    done(HERE.post("jobs", draft())["id"])
    first, second = HERE.get("nodes")
    assert (first["id"], first["status"], first["families"]) == ("gpu-a", "ready", ["sd15"])
    assert (second["id"], second["status"]) == ("gpu-b", "paused")
    (speed,) = HERE.get("nodes/gpu-a")["speeds"]
    assert (speed["template"], speed["count"]) == ("sd15_txt2img", 1)


def test_templates_are_told_with_the_limits_that_they_have(farm: Farm) -> None:
    found = {one["slug"]: one for one in HERE.get("templates")}
    steps = {one["name"]: one for one in found["sd15_txt2img"]["parameters"]}["steps"]
    assert (steps["kind"], steps["minimum"], steps["maximum"]) == ("integer", 1, 150)
    assert steps["default"] == 10
    assert "prefix" not in [one["name"] for one in found["sd15_txt2img"]["parameters"]]


def test_the_openapi_document_names_every_address_and_the_token(farm: Farm) -> None:
    found = HERE.get("openapi.json")
    of_farm = (one for one in found["paths"] if not one.startswith("/api/cinema/"))
    assert sorted(of_farm) == [
        "/api/job-groups",
        "/api/job-groups/{pk}",
        "/api/job-groups/{pk}/cancel",
        "/api/jobs",
        "/api/jobs/{pk}",
        "/api/jobs/{pk}/cancel",
        "/api/nodes",
        "/api/nodes/{name}",
        "/api/templates",
    ]
    assert found["components"]["securitySchemes"]["Entrance"]["scheme"] == "bearer"
    posted = found["paths"]["/api/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert posted["schema"]["$ref"].endswith("JobPosted")


def test_a_job_whose_class_somebody_changed_in_the_queue_tells_the_new_one(farm: Farm) -> None:
    farm.node()
    asked = HERE.post("jobs", draft(priority="bulk"))["id"]
    order.set_priority([asked], Priority.INTERACTIVE)
    assert HERE.get(f"jobs/{asked}")["priority"] == "interactive"


def test_a_load_that_was_never_seen_is_null_and_figures_have_few_digits(farm: Farm) -> None:
    farm.node()
    node = GpuNode.objects.get(slug="gpu-a")
    facts: dict[str, Any] = {
        "node": node,
        "template": "t",
        "fixed_s": 0.123456789,
        "rate_s": 0.00000123456789,
    }
    LearnedSpeed.objects.create(model="never", load_s=3.8e-05, **facts)
    LearnedSpeed.objects.create(model="seen", load_s=4.1234567, **facts)
    never, seen = HERE.get(f"nodes/{node.slug}")["speeds"]
    assert (never["load_s"], seen["load_s"]) == (None, 4.123)
    assert (seen["fixed_s"], seen["rate_s"]) == (0.1235, 1.235e-06)
