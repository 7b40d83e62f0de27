from __future__ import annotations

from typing import Any

import pytest

from farm_app.comfy.inventory import MOST_CHOICES, read_inventory, read_system_stats
from farm_app.comfy.node_classes import shows_preview, writes_files
from tests.farm.comfy.recorded import recording


def object_info() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in recording("23-surface").exchanges("GET /object_info/"):
        found |= row["body"]
    return found


def test_models_are_listed_by_folder() -> None:
    inventory = read_inventory(object_info())
    assert inventory.models["checkpoints"] == ("mini-sd15.safetensors", "random-sd15.safetensors")
    assert inventory.models["loras"][0] == "sub/tiny-c.safetensors"
    assert inventory.models["upscale_models"] == ()
    assert inventory.models["controlnet"] == ()
    assert "KSampler" in inventory.node_classes


def test_samplers_and_schedulers_keep_the_server_s_order() -> None:
    inventory = read_inventory(object_info())
    assert inventory.samplers[:2] == ("euler", "euler_cfg_pp")
    assert len(inventory.samplers) == 44
    assert "karras" in inventory.schedulers


def test_both_forms_of_lists_are_read() -> None:
    old = {"input": {"required": {"model_name": [["a.pth", "b.pth"], {}]}}}
    new = {"input": {"required": {"model_name": ["COMBO", {"options": ["a.pth", "b.pth"]}]}}}
    for form in (old, new):
        inventory = read_inventory({"UpscaleModelLoader": form})
        assert inventory.models["upscale_models"] == ("a.pth", "b.pth")


def test_a_list_without_end_is_cut_and_a_name_without_end_left_out() -> None:
    names = ["x" * 100_000, *(f"{n}.pth" for n in range(MOST_CHOICES + 5))]
    answer = {"LoraLoader": {"input": {"required": {"lora_name": [names, {}]}}}}
    found = read_inventory(answer).models["loras"]
    assert found[0] == "0.pth"
    assert len(found) == MOST_CHOICES - 1


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        ["COMBO"],
        ["COMBO", {"remote": {"route": "/x"}}],
        ["MODEL", {}],
        [[3, None, {"a": 1}, "", "\ud800.pth"], {}],
    ],
)
def test_a_list_that_is_none_is_empty(spec: object) -> None:
    answer = {"LoraLoader": {"input": {"required": {"lora_name": spec}}}}
    assert read_inventory(answer).models["loras"] == ()


@pytest.mark.parametrize("answer", [None, [], "x", {"KSampler": 3}, {}, {"a": {}}])
def test_what_is_no_object_info_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="node classes"):
        read_inventory(answer)


@pytest.mark.parametrize(("name", "version"), [("23-surface", "0.33.0"), ("31-old", "0.3.64")])
def test_system_stats_of_new_and_old_servers_are_read(name: str, version: str) -> None:
    stats = read_system_stats(recording(name).answer("GET /system_stats"))
    assert stats.version == version
    assert (stats.device, stats.device_type) == ("cpu", "cpu")
    assert 23 < (stats.vram_total_gb or 0) < 24


def test_only_harmless_switches_are_told() -> None:
    system = {"os": "nt", "argv": ["main.py", "--lowvram", "--base-directory", "C:\\Users\\ann"]}
    assert read_system_stats({"system": system, "devices": []}).argv_known == ("--lowvram",)


@pytest.mark.parametrize("answer", [None, {}, {"system": {}, "devices": []}, {"printer": "ready"}])
def test_what_is_no_comfyui_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="no system"):
        read_system_stats(answer)


def test_the_server_s_output_nodes_that_leave_pictures_are_known_by_name() -> None:
    [names] = [
        row["output_nodes"] for row in recording("23-surface").lines if "output_nodes" in row
    ]
    known = {name for name in names if writes_files(name) or shows_preview(name)}
    assert {"SaveImage", "PreviewImage", "SaveVideo", "SaveWEBM", "SaveImageAdvanced"} <= known
    for name in ("CheckpointSave", "LoraSave", "SaveTrainingDataset", "SaveImageWebsocket"):
        assert not writes_files(name)
    # the rest show something in the editor only
    assert {"ImageCompositor", "CreateBoundingBoxes", "PreviewAny"} <= set(names) - known


def test_loaders_and_samplers_write_no_files() -> None:
    for name in ("KSampler", "VAEDecode", "LoadImage", "CheckpointLoaderSimple", "ImageScale"):
        assert not writes_files(name)
        assert not shows_preview(name)
