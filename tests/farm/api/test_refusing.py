"""Bad requests: one shape of answer, a sentence at the field, and nothing is written."""

import copy
import json
from typing import Any

import pytest
from django.db import OperationalError

from farm_app.api import jobs as jobs_module
from farm_app.models import (
    GpuNode,
    Job,
    JobEvent,
    JobGroup,
    JobRequest,
    TemplateVersion,
    WorkflowTemplate,
)
from tests.farm.api.program import Program, draft
from tests.farm.api.test_asking import graph
from tests.farm.rig import Farm

HERE = Program()
ROWS = (JobRequest, JobGroup, Job, JobEvent, WorkflowTemplate, TemplateVersion)
GROUP: dict[str, Any] = {"job": draft(), "count": 2}


def counts() -> list[int]:
    return [one._default_manager.count() for one in ROWS]


def values(**parameters: Any) -> dict[str, Any]:
    return draft(parameters=parameters)


def changed(node_id: str, **inputs: Any) -> dict[str, Any]:
    found = graph()
    found[node_id]["inputs"] |= inputs
    return {"graph": found}


def without(node_id: str) -> dict[str, Any]:
    found = graph()
    del found[node_id]
    return {"graph": found}


def twice_saved() -> dict[str, Any]:
    found = graph()
    found["99"] = copy.deepcopy(found["9"])
    return {"graph": found}


def in_a_circle() -> dict[str, Any]:
    found = graph()
    found["8"]["inputs"]["samples"] = ["8", 0]
    return {"graph": found}


WRONG_JOBS = [
    ({}, "template", "one of them"),
    ({**draft(), "graph": graph()}, "template", "one of them"),
    ({"template": "nope"}, "template", "there are flux_img2img, "),
    (draft(count=3), "count", "no such field"),
    (draft(priority="urgent"), "priority", "'interactive', 'refine', 'bulk' or 'background'"),
    (draft(priority=0), "priority", "must be"),
    (draft(capabilities=["sd15", "sdxl"]), "capabilities", "one model family"),
    (draft(capabilities=["sdxl"]), "capabilities", "draws with sd15"),
    (draft(capabilities=["turbo"]), "capabilities", "not marked for turbo"),
    (draft(capabilities="sd15"), "capabilities", "must be a list"),
    (draft(capabilities=["x"] * 21), "capabilities", "at most 20"),
    (draft(label=7), "label", "must be text"),
    (draft(label="x" * 121), "label", "at most 120"),
    (draft(affinity="gpu-a"), "affinity", "must be an object"),
    (draft(affinity={"node": "gpu-z"}), "affinity.node", "there are gpu-a"),
    (
        draft(affinity={"node": "gpu-a", "fallback": "maybe"}),
        "affinity.fallback",
        "'none' or 'any'",
    ),
    (draft(timeout_s=0), "timeout_s", "greater than or equal to 1"),
    (draft(timeout_s=1e9), "timeout_s", "less than or equal"),
    (draft(timeout_s=True), "timeout_s", "must be a"),
    (draft(idempotency_key="x" * 201), "idempotency_key", "at most 200"),
    (draft(metadata=[1]), "metadata", "must be an object"),
    (draft(metadata={"x": "y" * 17_000}), "metadata", "at most 16,000"),
    (values(prompt=""), "parameters.prompt", "Write what"),
    (values(prompt=7), "parameters.prompt", "must be text"),
    (values(prompt="x" * 20_001), "parameters.prompt", "at most 20,000"),
    (values(prompt="a\0b"), "parameters.prompt", "NUL"),
    (values(steps=10**9), "parameters.steps", "at most 150"),
    (values(steps=0), "parameters.steps", "at least 1"),
    (values(steps="١٢"), "parameters.steps", "whole number"),
    (values(steps=1.5), "parameters.steps", "whole number"),
    (values(steps=True), "parameters.steps", "whole number"),
    (values(width=-1), "parameters.width", "at least 64"),
    (values(width=100), "parameters.width", "multiple of 8"),
    (values(height=2**63), "parameters.height", "at most 4096"),
    (values(cfg="inf"), "parameters.cfg", "must be a number"),
    (values(cfg=31), "parameters.cfg", "at most 30"),
    (values(seed=-1), "parameters.seed", "at least 0"),
    (values(seed=1.5), "parameters.seed", "whole number"),
    (values(seed=2**64), "parameters.seed", "as text"),
    (values(seed=2**53), "parameters.seed", "as text"),
    (values(seed=str(2**64)), "parameters.seed", "at most"),
    (values(seed="0x10"), "parameters.seed", "whole number"),
    (values(sampler="magic"), "parameters.sampler", "there are euler"),
    (values(scheduler="magic"), "parameters.scheduler", "there are normal"),
    (values(checkpoint="../../x"), "parameters.checkpoint", "No node has"),
    (values(checkpoint=["x"]), "parameters.checkpoint", "name of a file"),
    (values(prefix="../x"), "parameters.prefix", "no parameter prefix"),
    (values(wings=2), "parameters.wings", "no parameter wings"),
    ({"template": "sd15_img2img", "parameters": {"prompt": "x"}}, "parameters.image", "picture"),
    ({"graph": {}}, "graph", "empty"),
    ({"graph": [1]}, "graph", "must be an object"),
    ({"graph": {"nodes": [], "links": []}}, "graph", "editor's own format"),
    ({"graph": {"1": {"class_type": "X"}}}, "graph", "has no inputs"),
    ({"graph": {"__proto__": 1}}, "graph", "not an object"),
    (without("4"), "graph", "which is not in the workflow"),
    (in_a_circle(), "graph", "circle"),
    (twice_saved(), "graph", "each save a picture"),
    (changed("5", batch_size=4), "graph", "one picture"),
    (changed("5", batch_size="2"), "graph", 'is "2"; a job is one picture'),
    (changed("5", batch_size=2.0), "graph", "one picture"),
    (changed("5", batch_size=0), "graph", "one picture"),
    (changed("5", width=20_000.0), "graph", "at most 16384"),
    (changed("5", width="16385"), "graph", "at most 16384"),
    (changed("3", steps="x"), "graph", 'steps of node 3 is "x"; it must be a whole number'),
    (changed("3", steps=None), "graph", "steps of node 3 is null"),
    (changed("3", cfg="much"), "graph", "it must be a number"),
    (changed("3", sampler_name=5), "graph", "sampler_name of node 3 is 5; it must be a name"),
    (changed("9", filename_prefix="../../x"), "graph", "leads out"),
    (changed("3", steps=10**9), "graph", "at most 10000"),
    (changed("4", ckpt_name="unheard-of.safetensors"), "graph", "No node has"),
]
WRONG_GROUPS = [
    ({}, "job", "needed"),
    ({**GROUP, "job": draft(affinity={"node": "gpu-a"})}, "job.affinity", "no such field"),
    ({**GROUP, "job": values(steps=999)}, "job.parameters.steps", "at most 150"),
    ({**GROUP, "job": values(seed="5")}, "job.parameters.seed", "follow from"),
    ({**GROUP, "count": 0}, "count", "greater than or equal to 1"),
    ({**GROUP, "count": 1001}, "count", "less than or equal to 1000"),
    ({**GROUP, "count": 3, "nodes": ["gpu-a"]}, "count", "leave the count out"),
    ({**GROUP, "count": 3, "nodes": ["gpu-a"]}, "count", "One node makes one child"),
    ({**GROUP, "nodes": []}, "nodes", "at least one"),
    ({**GROUP, "nodes": ["gpu-z"]}, "nodes", "no node gpu-z"),
    ({"job": draft(), "nodes": ["gpu-a", "gpu-a"]}, "nodes", "named twice"),
    ({**GROUP, "seeds": {"strategy": "lucky"}}, "seeds.strategy", "'random', 'sequential'"),
    ({**GROUP, "seeds": {"base": "-1"}}, "seeds.base", "whole number"),
    ({**GROUP, "seeds": {"base": str(2**64)}}, "seeds.base", "whole number"),
    ({**GROUP, "seeds": {"base": 2**60}}, "seeds.base", "as text"),
]


@pytest.mark.parametrize(("posted", "field", "said"), WRONG_JOBS)
def test_a_wrong_job_is_told_at_its_field_and_changes_nothing(
    farm: Farm, posted: dict[str, Any], field: str, said: str
) -> None:
    farm.node()
    before = counts()
    found = HERE.refused("jobs", posted)
    assert said in found.get(field, ""), found
    assert counts() == before


@pytest.mark.parametrize(("posted", "field", "said"), WRONG_GROUPS)
def test_a_wrong_group_is_told_at_its_field_and_changes_nothing(
    farm: Farm, posted: dict[str, Any], field: str, said: str
) -> None:
    farm.node()
    before = counts()
    found = HERE.refused("job-groups", posted)
    assert said in " ".join(text for name, text in found.items() if name.startswith(field)), found
    assert counts() == before


def test_all_that_is_wrong_is_told_at_once_with_what_would_do(farm: Farm) -> None:
    farm.node()
    error = HERE.post("jobs", values(steps=999, width=100, sampler="x"), 422)["error"]
    assert error["code"] == "invalid"
    use = {one["field"]: one["use"] for one in error["fields"]}
    assert use == {
        "parameters.steps": "150",
        "parameters.width": "96",
        "parameters.sampler": "euler",
    }


def test_what_no_node_could_hold_says_which_size_would_fit(farm: Farm) -> None:
    farm.node()
    GpuNode.objects.update(max_resolution=512)
    error = HERE.post("jobs", values(width=640, height=768), 422)["error"]
    assert [(one["field"], one["use"]) for one in error["fields"]] == [("parameters.height", "512")]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"template": NaN}',
        b'{"timeout_s": 1e400}',
        b"\xff\xfe",
        b'{"parameters": {"steps": ' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_told_so(farm: Farm, raw: bytes) -> None:
    answer = HERE.send("POST", "/api/jobs", raw=raw)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unreadable")


@pytest.mark.parametrize("raw", [b"null", b"[]", b"7", b'"x"', b""])
def test_json_that_is_no_object_is_told_so(farm: Farm, raw: bytes) -> None:
    answer = HERE.send("POST", "/api/jobs", raw=raw)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def test_half_a_character_is_found_wherever_it_is(farm: Farm) -> None:
    raw = json.dumps(draft(metadata={"a": [{"b": "\ud800"}]})).encode()
    answer = HERE.send("POST", "/api/jobs", raw=raw)
    assert [one["field"] for one in answer.json()["error"]["fields"]] == ["metadata.a.0.b"]


@pytest.mark.parametrize("size", [2_000_001, 5_000_000])
def test_a_body_that_is_too_long_is_not_read_to_its_end(farm: Farm, size: int) -> None:
    answer = HERE.send("POST", "/api/jobs", raw=b" " * size)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nowhere", 404, "not_found"),
        ("POST", "/api/", 404, "not_found"),
        ("GET", "/api/jobs/999", 404, "not_found"),
        ("GET", "/api/jobs/99999999999999999999", 404, "not_found"),
        ("GET", "/api/job-groups/999", 404, "not_found"),
        ("POST", "/api/jobs/999/cancel", 404, "not_found"),
        ("POST", "/api/job-groups/999/cancel", 404, "not_found"),
        ("GET", "/api/nodes/gpu-z", 404, "not_found"),
        ("GET", "/api/jobs/1/cancel", 405, "method"),
        ("PUT", "/api/jobs", 405, "method"),
        ("DELETE", "/api/jobs/1", 405, "method"),
        ("POST", "/api/nodes", 405, "method"),
        ("GET", "/api/jobs?state=lost", 422, "invalid"),
        ("GET", "/api/jobs?node=gpu-z", 422, "invalid"),
        ("GET", "/api/jobs?limit=0", 422, "invalid"),
        ("GET", "/api/jobs?limit=201", 422, "invalid"),
        ("GET", "/api/jobs?before=-1", 422, "invalid"),
        ("GET", "/api/jobs?before=1e9", 422, "invalid"),
        ("GET", "/api/jobs?group=99999999999999999999", 422, "invalid"),
        ("GET", "/api/jobs?order_by=password", 422, "invalid"),
        ("GET", "/api/job-groups?page=2", 422, "invalid"),
    ],
)
def test_every_no_has_one_shape(farm: Farm, method: str, path: str, status: int, code: str) -> None:
    answer = HERE.send(method, path)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], set(error)) == (code, {"code", "message", "fields"})
    assert error["message"]


def test_a_database_that_stays_locked_is_a_503_that_says_so(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(jobs_module, "place_job", locked)
    answer = HERE.send("POST", "/api/jobs", draft())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["error"]["code"] == "busy"


def test_a_fault_of_our_own_has_an_id_that_the_log_has_too(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("secret path")

    monkeypatch.setattr(jobs_module, "place_job", broken)
    answer = HERE.send("POST", "/api/jobs", draft())
    assert answer.status_code == 500
    message = answer.json()["error"]["message"]
    assert "secret" not in message
    assert message.split()[-1].rstrip(".") in caplog.text


@pytest.mark.parametrize("name", ["steps", "cfg", "width"])
def test_a_number_beyond_all_floats_is_refused_like_any_other(farm: Farm, name: str) -> None:
    farm.node(is_up=False)
    parameters = {"prompt": "x", name: 10**400}
    assert f"parameters.{name}" in HERE.refused("jobs", draft(parameters=parameters))


@pytest.mark.parametrize("field", ["metadata", "graph"])
def test_what_is_nested_too_deep_is_said_to_be(farm: Farm, field: str) -> None:
    farm.node(is_up=False)
    deep = "[" * 400 + "]" * 400
    raw = f'{{"template": "sd15_txt2img", "{field}": {{"a": {deep}}}}}'.encode()
    answer = HERE.send("POST", "/api/jobs", raw=raw)
    assert (answer.status_code, "too deep" in answer.text) == (400, True)


def test_more_nodes_than_any_farm_has_are_refused_before_they_are_looked_for(farm: Farm) -> None:
    farm.node(is_up=False)
    names = [f"n{place}" for place in range(20_000)]
    HERE.refused("job-groups", {"job": draft(), "nodes": names})


def test_more_fields_than_a_request_needs_are_refused(farm: Farm) -> None:
    asked = "&".join(f"a{place}=1" for place in range(3000))
    assert HERE.send("GET", f"/api/jobs?{asked}").status_code == 400


def test_the_message_names_the_fields_that_it_is_about(farm: Farm) -> None:
    farm.node()
    error = HERE.post("job-groups", {"cuont": 2}, status=422)["error"]
    assert "job: This is needed." in error["message"]
    assert "cuont: There is no such field." in error["message"]
    error = HERE.get("jobs?stat=done", status=422)["error"]
    assert error["message"] == "stat: There is no such field."
