"""Older and stricter servers: what they do with ids, jobs and interrupts."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.farm.demo.running import RunningNode, a_spec, text_to_image

OLD = ("legacy", "honours_id")


@pytest.fixture(params=OLD)
def old_node(request: Any, tmp_path: Path) -> Any:
    with RunningNode(a_spec(tmp_path, profile=request.param)) as node:
        yield node


def test_old_servers_have_no_jobs(old_node: RunningNode) -> None:
    assert old_node.http.get("/api/jobs").status_code == 404
    cancel = old_node.http.post("/api/jobs/x/cancel")
    assert (cancel.status_code, cancel.text) == (405, "405: Method Not Allowed")
    assert cancel.headers["allow"] == "GET,HEAD"


def test_old_servers_say_less_about_themselves(old_node: RunningNode) -> None:
    assert old_node.http.get("/features").json() == {
        "supports_preview_metadata": True,
        "max_upload_size": 104857600,
    }
    assert old_node.http.get("/system_stats").json()["system"]["os"] == "posix"
    assert old_node.http.get("/node_replacements").status_code == 404


def test_old_servers_refuse_unknown_classes_in_their_own_words(old_node: RunningNode) -> None:
    graph = text_to_image()
    graph["3"]["class_type"] = "Nope"
    assert old_node.post(graph).json() == {
        "error": {
            "type": "invalid_prompt",
            "message": "Cannot execute because node Nope does not exist.",
            "details": "Node ID '#3'",
            "extra_info": {},
        },
        "node_errors": {},
    }


def test_old_servers_show_secrets_to_everybody(old_node: RunningNode) -> None:
    secret = {"auth_token_comfy_org": "SECRET"}
    entry = old_node.run(text_to_image(), extra_data=secret, client_id="C")
    assert entry["prompt"][3] == {**secret, "client_id": "C"}


def test_the_default_keeps_secrets_out(node: RunningNode) -> None:
    secret = {"auth_token_comfy_org": "SECRET", "eliot": {"task": 1}}
    entry = node.run(text_to_image(), extra_data=secret)
    assert set(entry["prompt"][3]) == {"eliot", "create_time"}


@pytest.mark.parametrize(("given", "used"), [("job-17", "job-17"), (17, "17"), (None, "None")])
def test_a_server_that_honours_ids_takes_anything(tmp_path: Path, given: Any, used: str) -> None:
    with RunningNode(a_spec(tmp_path, profile="honours_id")) as node:
        assert node.post(text_to_image(), prompt_id=given).json()["prompt_id"] == used


def test_a_legacy_server_makes_its_own_ids(tmp_path: Path) -> None:
    mine = str(uuid.uuid4())
    with RunningNode(a_spec(tmp_path, profile="legacy")) as node:
        entry = node.run(text_to_image(), prompt_id=mine, extra_data={"eliot": {"task": 5}})
        assert entry["prompt"][1] != mine
        assert entry["prompt"][3]["eliot"] == {"task": 5}


@pytest.mark.parametrize(("profile", "status"), [("legacy", "error"), ("honours_id", "success")])
def test_an_interrupt_for_another_prompt_hits_on_legacy_servers_only(
    tmp_path: Path, profile: str, status: str
) -> None:
    spec = a_spec(tmp_path, profile=profile, seconds={"sd15": 20.0})
    with RunningNode(spec) as node, node.socket() as listener:
        answer = node.post(text_to_image(), client_id=listener.client_id).json()
        listener.wait_for("progress")
        node.http.post("/interrupt", json={"prompt_id": str(uuid.uuid4())})
        assert node.entry(answer["prompt_id"])["status"]["status_str"] == status


def test_a_server_that_knows_ids_refuses_them_a_second_time(tmp_path: Path) -> None:
    mine = str(uuid.uuid4())
    with RunningNode(a_spec(tmp_path, profile="dedup_id")) as node:
        node.run(text_to_image(1), prompt_id=mine)
        again = node.post(text_to_image(2), prompt_id=mine)
        assert again.status_code == 409
        assert again.json()["error"]["type"] == "duplicate_prompt_id"
        assert node.status()["executed"] == 1


def test_the_default_runs_a_known_id_again(node: RunningNode) -> None:
    mine = str(uuid.uuid4())
    for seed in (1, 2):
        node.run(text_to_image(seed), prompt_id=mine)
        node.wait_idle()
    assert node.status()["executed"] == 2
    assert len(node.http.get("/history").json()) == 1


def test_anonymous_cached_prompts_lose_their_outputs_on_old_servers(
    old_node: RunningNode,
) -> None:
    assert old_node.run(text_to_image())["outputs"]
    assert old_node.run(text_to_image())["outputs"] == {}
