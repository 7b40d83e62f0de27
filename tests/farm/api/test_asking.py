"""Programs ask for pictures: by template or with a graph of their own, and never twice by accident."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from eliot.policy import local_owner
from farm_app.api.entrance import Caller
from farm_app.api.placing import place_job
from farm_app.api.schemas import JobPosted
from farm_app.models import Attempt, GpuNode, Job, JobGroup, JobRequest, WorkflowTemplate
from farm_app.seeding import SEEDED
from gallery_app import recipe
from tests.farm.api.program import DRAFT, Program, done, draft, rested
from tests.farm.rig import Farm

HERE = Program()


def graph(text: str = "a red barn", **sampler: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SEEDED / "sd15_txt2img.json").read_text())
    found["6"]["inputs"]["text"] = text
    found["3"]["inputs"] |= {"steps": 2, "seed": 77, **sampler}
    return found


def test_a_picture_is_asked_for_made_and_told_with_its_address(farm: Farm) -> None:
    farm.node()
    farm.work()
    asked = HERE.post("jobs", draft(metadata={"shot": 7}))
    assert (asked["state"], asked["outputs"]) == ("queued", [])
    done(asked["id"])
    made = HERE.get(f"jobs/{asked['id']}")
    assert (made["state"], made["node"], made["metadata"]) == ("done", "gpu-a", {"shot": 7})
    (output,) = made["outputs"]
    assert output["path"].startswith(f"jobs/{timezone.localdate():%Y-%m-%d}/")
    picture = HERE.send("GET", output["url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert [one["after"] for one in made["events"]] == ["queued", "running", "storing", "done"]
    assert [(one["node"], one["state"]) for one in made["attempts"]] == [("gpu-a", "committed")]


def test_what_is_not_said_is_the_templates_or_the_familys(farm: Farm) -> None:
    farm.node()
    asked = HERE.post("jobs", {"template": "sd15_txt2img", "parameters": {"prompt": "x"}})
    values = asked["parameters"]
    assert (values["steps"], values["sampler"], values["width"]) == (10, "euler", 512)
    assert asked["seed"] == values["seed"] != ""


def test_the_file_remembers_what_was_asked(farm: Farm) -> None:
    farm.node()
    farm.work()
    asked = HERE.post("jobs", draft(parameters={"seed": "18446744073709551615", "steps": 3}))
    (job,) = done(asked["id"])
    picture = job.output
    assert picture is not None
    record = recipe.read(picture.absolute_path)
    assert record is not None
    assert (record.prompt, record.seed, record.steps) == ("a lighthouse", str(2**64 - 1), 3)
    assert (record.template, record.family, record.job) == ("sd15_txt2img", "sd15", job.pk)


def test_a_graph_arrives_at_the_node_as_it_was_posted_but_for_where_it_saves(farm: Farm) -> None:
    farm.node()
    farm.work()
    posted = graph('a "barn" \\ {{seed}} ${x}\nby night')
    asked = HERE.post("jobs", {"graph": posted})
    done(asked["id"])
    sent = Attempt.objects.get(job=asked["id"]).sent
    assert sent is not None
    assert sent["9"]["inputs"].pop("filename_prefix").startswith("eliot/")
    posted["9"]["inputs"].pop("filename_prefix")
    assert sent == posted
    assert (asked["seed"], asked["family"]) == ("77", "sd15")


def test_parameters_change_a_posted_graph_by_name(farm: Farm) -> None:
    farm.node()
    asked = HERE.post("jobs", {"graph": graph(), "parameters": {"prompt": "a mill", "seed": "9"}})
    assert (asked["parameters"]["prompt"], asked["seed"]) == ("a mill", "9")


def test_graphs_of_one_structure_are_one_workflow_that_no_form_offers(farm: Farm) -> None:
    farm.node()
    before = [one.slug for one in WorkflowTemplate.objects.usable()]
    first = HERE.post("jobs", {"graph": graph("one", seed=1)})
    second = HERE.post("jobs", {"graph": graph("two", seed=2, steps=9)})
    assert first["template"] == second["template"]
    assert first["template"].startswith("api-")
    assert WorkflowTemplate.objects.filter(is_adhoc=True).count() == 1
    assert [one.slug for one in WorkflowTemplate.objects.usable()] == before
    assert first["template"] not in [one["slug"] for one in HERE.get("templates")]


def test_a_picture_starts_from_another_one_by_its_media_id(farm: Farm) -> None:
    farm.node()
    farm.work()
    first = HERE.post("jobs", draft())
    done(first["id"])
    (output,) = HERE.get(f"jobs/{first['id']}")["outputs"]
    parameters = {"prompt": "again", "steps": 2, "image": output["media_id"]}
    second = HERE.post("jobs", {"template": "sd15_img2img", "parameters": parameters})
    (job,) = done(second["id"])
    assert str(job.source_id) == output["media_id"]
    picture = job.output
    assert picture is not None
    assert [str(one.pk) for one in picture.parents.all()] == [output["media_id"]]


def test_a_wish_for_a_node_is_kept_or_falls_back(farm: Farm) -> None:
    farm.two()
    only = HERE.post("jobs", draft(affinity={"node": "gpu-b"}))
    prefer = HERE.post("jobs", draft(affinity={"node": "gpu-b", "fallback": "any"}))
    assert only["affinity"] == {"node": "gpu-b", "fallback": "none"}
    modes = JobGroup.objects.order_by("pk").values_list("node_mode", "node__slug")
    assert list(modes) == [("only", "gpu-b"), ("prefer", "gpu-b")]
    farm.work()
    done(only["id"], prefer["id"])
    assert HERE.get(f"jobs/{only['id']}")["node"] == "gpu-b"


def test_only_a_node_with_the_tag_takes_what_demands_it(farm: Farm) -> None:
    farm.two()
    GpuNode.objects.filter(slug="gpu-b").update(capabilities=["sd15", "fast-disk"])
    farm.work()
    ids = [HERE.post("jobs", draft(capabilities=["fast-disk"]))["id"] for _ in range(3)]
    done(*ids)
    assert {HERE.get(f"jobs/{one}")["node"] for one in ids} == {"gpu-b"}


def test_priority_label_and_owner_are_the_queues_own(farm: Farm) -> None:
    farm.node()
    HERE.post("jobs", draft(priority="interactive", label="Poster"))
    HERE.post("jobs", draft())
    first, second = JobGroup.objects.order_by("pk")
    assert (first.priority, first.label, str(first.owner)) == (0, "Poster", "local")
    assert (second.priority, second.label, second.share_key) == (2, "sd15_txt2img", "api")


def test_the_same_key_and_request_are_the_same_job(farm: Farm) -> None:
    farm.node()
    posted = draft(idempotency_key="shot-7")
    first = HERE.post("jobs", posted)
    again = HERE.post("jobs", posted, status=200)
    assert (again["id"], again["seed"]) == (first["id"], first["seed"])
    assert Job.objects.count() == 1


def test_the_same_key_with_another_request_is_refused(farm: Farm) -> None:
    farm.node()
    HERE.post("jobs", draft(idempotency_key="shot-7"))
    other = draft(idempotency_key="shot-7", parameters={"prompt": "another"})
    assert list(HERE.refused("jobs", other, 409)) == ["idempotency_key"]
    group = {"job": DRAFT, "idempotency_key": "shot-7"}
    assert list(HERE.refused("job-groups", group, 409)) == ["idempotency_key"]
    assert JobRequest.objects.count() == 1


def test_a_key_that_is_sent_again_is_answered_although_the_farm_has_changed(farm: Farm) -> None:
    farm.node()
    posted = draft(idempotency_key="k")
    first = HERE.post("jobs", posted)
    WorkflowTemplate.objects.update(is_enabled=False)
    assert HERE.post("jobs", posted, status=200)["id"] == first["id"]


@pytest.mark.parametrize("posted", [draft(), {"graph": graph()}], ids=["template", "graph"])
def test_the_same_key_at_the_same_moment_is_one_job(farm: Farm, posted: dict[str, Any]) -> None:
    farm.node()
    caller = Caller(user=local_owner(), may="graphs", share_key="api")
    start = Barrier(6)

    def place(_: int) -> tuple[int, bool]:
        start.wait(10)
        try:
            made, is_new = place_job(JobPosted(**posted, idempotency_key="k"), caller)
        finally:
            connections.close_all()
        return made.pk, is_new

    with ThreadPoolExecutor(6) as pool:
        placed = list(pool.map(place, range(6)))
    assert sorted(is_new for _, is_new in placed) == [False] * 5 + [True]
    assert len({pk for pk, _ in placed}) == Job.objects.count() == 1


def test_a_time_out_is_told_apart_from_other_failures(farm: Farm) -> None:
    farm.node(seconds={"sd15": 30.0})
    farm.work()
    asked = HERE.post("jobs", draft(timeout_s=1, parameters={"steps": 20}))
    assert asked["deadline"] is not None
    rested([asked["id"]])
    ended = HERE.get(f"jobs/{asked['id']}")
    assert (ended["state"], ended["timed_out"]) == ("failed", True)
    assert ended["reason"].startswith("Timed out")
    assert ended["advice"]
