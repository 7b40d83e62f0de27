"""Small endpoints, origin rules and what comes back for nonsense."""

import json
from pathlib import Path
from typing import Any

import pytest

from farm_app.demo.classes import CLASSES
from tests.farm.demo.running import RunningNode, a_spec, text_to_image

FAMILIES = ("sd15", "sdxl", "pony", "illustrious", "flux", "upscale")

CHECKPOINT_LOADER = {
    "CheckpointLoaderSimple": {
        "input": {
            "required": {
                "ckpt_name": [
                    ["dreamshaper_8.safetensors", "v1-5-pruned-emaonly.safetensors"],
                    {},
                ]
            }
        },
        "input_order": {"required": ["ckpt_name"]},
        "is_input_list": False,
        "output": ["MODEL", "CLIP", "VAE"],
        "output_is_list": [False, False, False],
        "output_name": ["MODEL", "CLIP", "VAE"],
        "name": "CheckpointLoaderSimple",
        "display_name": "Load Checkpoint",
        "description": "",
        "python_module": "nodes",
        "category": "model/loaders",
        "output_node": False,
        "has_intermediate_output": False,
    }
}


@pytest.fixture
def rich_node(tmp_path: Path) -> Any:
    with RunningNode(a_spec(tmp_path, families=FAMILIES, layout="windows")) as node:
        yield node


@pytest.mark.parametrize("path", ["/prompt", "/queue", "/history", "/features", "/system_stats"])
def test_it_answers_with_and_without_the_api_prefix(node: RunningNode, path: str) -> None:
    bare, prefixed = node.http.get(path), node.http.get(f"/api{path}")
    assert bare.status_code == prefixed.status_code == 200
    assert bare.json() == prefixed.json()


def test_it_describes_every_class_it_knows(rich_node: RunningNode) -> None:
    info = rich_node.http.get("/object_info").json()
    assert list(info) == list(CLASSES)
    assert all(entry["input_order"].keys() == entry["input"].keys() for entry in info.values())


def test_it_lists_choices_in_both_forms(rich_node: RunningNode) -> None:
    info = rich_node.http.get("/object_info").json()
    checkpoints = info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
    upscalers = info["UpscaleModelLoader"]["input"]["required"]["model_name"]
    assert checkpoints[0] == rich_node.http.get("/models/checkpoints").json()
    assert upscalers[0] == "COMBO"
    assert upscalers[1]["options"] == rich_node.http.get("/models/upscale_models").json()


def test_a_single_known_class_looks_as_observed(node: RunningNode) -> None:
    assert node.http.get("/object_info/CheckpointLoaderSimple").json() == CHECKPOINT_LOADER


def test_an_unknown_class_is_an_empty_object(node: RunningNode) -> None:
    answer = node.http.get("/object_info/Nope")
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_windows_node_spells_folders_with_backslashes(rich_node: RunningNode) -> None:
    names = rich_node.http.get("/models/checkpoints").json()
    assert "sdxl\\juggernautXL_v9.safetensors" in names
    assert "v1-5-pruned-emaonly.safetensors" in names


def test_a_model_file_shows_up_without_a_restart(node: RunningNode) -> None:
    folder = node.spec.folder / "models" / "checkpoints" / "mine"
    folder.mkdir(parents=True)
    (folder / "noirXL.safetensors").touch()
    assert "mine/noirXL.safetensors" in node.http.get("/models/checkpoints").json()
    assert node.run(text_to_image(ckpt_name="mine/noirXL.safetensors"))["outputs"]


def test_unknown_folders_and_paths_are_404(node: RunningNode) -> None:
    for path in ("/models/nope", "/jobs", "/no/such/thing"):
        answer = node.http.get(path)
        assert (answer.status_code, answer.content) == (404, b"")


def test_embeddings_come_without_extension(node: RunningNode) -> None:
    assert node.http.get("/embeddings").json() == ["easynegative"]


def test_the_device_says_that_it_is_a_demo(node: RunningNode) -> None:
    stats = node.http.get("/system_stats").json()
    assert stats["system"]["comfyui_version"] == "0.33.0"
    assert "demo" in stats["devices"][0]["name"]
    assert stats["devices"][0]["vram_total"] == 12 * 1024**3


def test_history_pages_from_either_end(node: RunningNode) -> None:
    ids = [node.run(text_to_image(seed))["prompt"][1] for seed in range(4)]
    pages = {
        "?max_items=1": ids[-1:],
        "?max_items=2&offset=0": ids[:2],
        "?max_items=1&offset=3": ids[3:],
        "?offset=100": [],
        "": ids,
    }
    for query, expected in pages.items():
        assert list(node.http.get(f"/history{query}").json()) == expected
    assert node.http.get("/history?max_items=x").status_code == 500


def test_history_entries_can_be_deleted_and_cleared(node: RunningNode) -> None:
    first, second = (node.run(text_to_image(seed))["prompt"][1] for seed in range(2))
    node.http.post("/history", json={"delete": [first]})
    assert list(node.http.get("/history").json()) == [second]
    node.http.post("/history", json={"clear": True})
    assert node.http.get("/history").json() == {}
    assert node.http.get("/view?filename=eliot_00001_.png").status_code == 200


def test_free_needs_a_body_and_forgets_results(node: RunningNode) -> None:
    assert node.http.post("/free").status_code == 500
    node.run(text_to_image())
    assert node.http.post("/free", json={"free_memory": True}).status_code == 200
    messages = dict(node.run(text_to_image())["status"]["messages"])
    assert messages["execution_cached"]["nodes"] == []


def test_jobs_come_newest_first_unless_asked_otherwise(node: RunningNode) -> None:
    ids = [node.run(text_to_image(seed))["prompt"][1] for seed in range(3)]

    def listed(**params: str) -> list[str]:
        jobs = node.http.get("/api/jobs", params=params).json()["jobs"]
        return [job["id"] for job in jobs]

    assert listed() == ids[::-1]
    assert listed(sort_order="asc") == ids
    assert listed(limit="1", offset="1") == ids[1:2]
    assert listed(status="pending,failed") == []
    assert node.http.get("/api/jobs", params={"limit": "x"}).status_code == 400


def test_a_node_nobody_asks_for_may_be_nonsense(node: RunningNode) -> None:
    graph = text_to_image()
    graph["99"] = {"class_type": "VAEDecode", "inputs": {"samples": [["3"], 0], "vae": 7}}
    graph["98"] = {"class_type": "VAEDecode"}
    assert node.run(graph)["status"]["status_str"] == "success"


ORIGINS = [
    ({}, 200),
    ({"Origin": "http://127.0.0.1:{port}"}, 200),
    ({"Origin": "http://127.0.0.1:9"}, 403),
    ({"Origin": "http://example.test"}, 403),
    ({"Origin": "null"}, 200),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 200),
    ({"Host": "gpu7.lan:8188"}, 200),
    ({"Host": "gpu7.lan:8188", "Origin": "http://example.test"}, 200),
    ({"Host": "localhost:{port}", "Origin": "http://127.0.0.1:{port}"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), ORIGINS)
def test_it_keeps_foreign_pages_out(
    node: RunningNode, headers: dict[str, str], status: int
) -> None:
    port = node.server.port
    sent = {name: value.format(port=port) for name, value in headers.items()}
    answer = node.http.get("/prompt", headers=sent)
    assert answer.status_code == status
    assert status == 200 or answer.content == b""


def test_options_is_answered_empty(node: RunningNode) -> None:
    assert node.http.options("/prompt").status_code == 200


def test_a_socket_needs_an_upgrade(node: RunningNode) -> None:
    answer = node.http.get("/ws")
    assert answer.status_code == 400
    assert answer.text == ('No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".')


def test_a_body_above_the_limit_is_413(node: RunningNode) -> None:
    body = b'{"prompt": "' + b"x" * (101 * 1024 * 1024) + b'"}'
    answer = node.http.post("/prompt", content=body)
    assert answer.status_code == 413
    assert answer.text == "Maximum request body size 104857600 exceeded."


def test_trouble_is_plain_text(node: RunningNode) -> None:
    answer = node.http.post("/prompt", content="{not json")
    assert answer.status_code == 500
    assert answer.text == "500 Internal Server Error\n\nServer got itself in trouble"
    assert answer.headers["content-type"].startswith("text/plain")


def test_control_routes_take_rules_and_show_them(node: RunningNode) -> None:
    node.rules({"on": {"path": "/queue"}, "do": {"status": 503}, "count": 2})
    assert node.http.get("/queue").status_code == 503
    (rule,) = node.status()["rules"]
    assert (rule["count"], rule["hits"]) == (2, 1)
    wrong = node.http.post("/demo/rules", json=[{"on": {"event": "x"}, "do": {"fly": 1}}])
    assert wrong.status_code == 400
    assert "fly" in wrong.json()["error"]


def test_the_spec_in_the_status_reads_back(node: RunningNode) -> None:
    spec = node.status()["spec"]
    assert json.dumps(spec)
    assert type(node.spec).from_json(spec) == node.spec
