from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from farm_app import families
from farm_app.comfy.graph import is_link
from farm_app.comfy.workflow import Lora, bind, check_graph, parse_parameters, with_loras

FOLDER = Path(__file__).parents[2] / "farm_app" / "data" / "workflows"
TEMPLATES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "manifest.yaml").read_text("utf-8"))[
    "templates"
]
BY_NAME = {entry["name"]: entry for entry in TEMPLATES}

# Inputs and outputs of the core nodes in use, as /object_info of ComfyUI 0.33.0 and 0.3.64 tells
# them; "" stands for a value instead of a link.
SIGNATURES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "CheckpointLoaderSimple": ({"ckpt_name": ""}, ("MODEL", "CLIP", "VAE")),
    "LoraLoader": (
        {
            "model": "MODEL",
            "clip": "CLIP",
            "lora_name": "",
            "strength_model": "",
            "strength_clip": "",
        },
        ("MODEL", "CLIP"),
    ),
    "CLIPTextEncode": ({"text": "", "clip": "CLIP"}, ("CONDITIONING",)),
    "FluxGuidance": ({"conditioning": "CONDITIONING", "guidance": ""}, ("CONDITIONING",)),
    "EmptyLatentImage": ({"width": "", "height": "", "batch_size": ""}, ("LATENT",)),
    "EmptySD3LatentImage": ({"width": "", "height": "", "batch_size": ""}, ("LATENT",)),
    "LoadImage": ({"image": ""}, ("IMAGE", "MASK")),
    "ImageScale": (
        {"image": "IMAGE", "upscale_method": "", "width": "", "height": "", "crop": ""},
        ("IMAGE",),
    ),
    "VAEEncode": ({"pixels": "IMAGE", "vae": "VAE"}, ("LATENT",)),
    "KSampler": (
        {
            "model": "MODEL",
            "seed": "",
            "steps": "",
            "cfg": "",
            "sampler_name": "",
            "scheduler": "",
            "positive": "CONDITIONING",
            "negative": "CONDITIONING",
            "latent_image": "LATENT",
            "denoise": "",
        },
        ("LATENT",),
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "UpscaleModelLoader": ({"model_name": ""}, ("UPSCALE_MODEL",)),
    "ImageUpscaleWithModel": ({"upscale_model": "UPSCALE_MODEL", "image": "IMAGE"}, ("IMAGE",)),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": ""}, ("IMAGE",)),
}
every_template = pytest.mark.parametrize("entry", TEMPLATES, ids=lambda entry: str(entry["name"]))


def graph_of(entry: dict[str, Any]) -> dict[str, Any]:
    graph: dict[str, Any] = json.loads((FOLDER / entry["file"]).read_text("utf-8"))
    return graph


def filled(entry: dict[str, Any], **values: object) -> dict[str, Any]:
    """Binds an entry with a value for everything that has no default."""
    parameters = parse_parameters(entry)
    given = {"prompt": "a lighthouse", "seed": "18446744073709551615"} | {
        "checkpoint": "sub/model.safetensors",
        "upscale_model": "4x.pth",
        "image": "eliot/source.png",
        "prefix": "eliot/attempt-1/picture",
    }
    known = {parameter.name for parameter in parameters}
    chosen = {name: value for name, value in (given | values).items() if name in known}
    return bind(graph_of(entry), parameters, chosen)


def assert_well_typed(graph: dict[str, Any]) -> None:
    for node_id, node in graph.items():
        inputs, _ = SIGNATURES[node["class_type"]]
        assert set(node["inputs"]) == set(inputs), node_id
        for name, value in node["inputs"].items():
            kind = SIGNATURES[graph[value[0]]["class_type"]][1][value[1]] if is_link(value) else ""
            assert kind == inputs[name], (node_id, name)


def test_the_manifest_lists_every_graph_once() -> None:
    assert sorted(entry["file"] for entry in TEMPLATES) == sorted(
        path.name for path in FOLDER.glob("*.json")
    )
    assert set(BY_NAME) == {
        *("sd15_txt2img", "sd15_img2img", "sdxl_txt2img", "sdxl_img2img"),
        *("flux_txt2img", "flux_img2img", "upscale_esrgan"),
    }


@every_template
def test_a_graph_and_its_parameters_fit(entry: dict[str, Any]) -> None:
    assert check_graph(graph_of(entry), parse_parameters(entry)) == []


@every_template
def test_a_graph_uses_core_nodes_as_they_are(entry: dict[str, Any]) -> None:
    assert_well_typed(graph_of(entry))


@every_template
def test_every_node_of_a_graph_serves_its_picture(entry: dict[str, Any]) -> None:
    graph = graph_of(entry)
    reached, waiting = set[str](), ["9"]
    while waiting:
        node_id = waiting.pop()
        reached.add(node_id)
        waiting += [value[0] for value in graph[node_id]["inputs"].values() if is_link(value)]
    assert reached == set(graph)


@every_template
def test_a_bound_graph_is_well_typed(entry: dict[str, Any]) -> None:
    graph = filled(entry)
    assert_well_typed(graph)
    assert graph["9"]["inputs"]["filename_prefix"] == "eliot/attempt-1/picture"
    assert check_graph(graph) == []


@every_template
def test_a_template_asks_for_what_the_farm_must_fill(entry: dict[str, Any]) -> None:
    bound = {parameter.name for parameter in parse_parameters(entry) if parameter.node_bound}
    assert "prefix" in bound
    assert ("image" in bound) == entry["supports_img2img"]
    assert ("checkpoint" in bound) == (entry["name"] != "upscale_esrgan")


@every_template
def test_a_template_serves_families_that_exist(entry: dict[str, Any]) -> None:
    assert entry["work"] in {"draft", "standard", "quality", "upscale"}
    assert set(entry["model_families"]) <= {*families.FAMILIES, "any"}
    assert entry["description"]


def test_every_family_has_a_template_with_and_without_a_picture() -> None:
    for family in families.FAMILIES:
        found = {e["supports_img2img"] for e in TEMPLATES if family in e["model_families"]}
        assert found == {True, False}, family


@every_template
def test_every_size_of_a_family_fits_its_templates(entry: dict[str, Any]) -> None:
    for name in set(entry["model_families"]) & set(families.FAMILIES):
        for width, height, _ in families.FAMILIES[name].sizes:
            graph = filled(entry, width=width, height=height)
            node = graph["11"] if entry["supports_img2img"] else graph["5"]
            assert (node["inputs"]["width"], node["inputs"]["height"]) == (width, height)


@every_template
def test_loras_can_be_chained_where_the_manifest_says_so(entry: dict[str, Any]) -> None:
    loras = [Lora(f"{index}.safetensors", 0.5) for index in range(entry["max_loras"])]
    assert bool(loras) == entry["supports_lora"]
    graph = with_loras(filled(entry), loras)
    assert_well_typed(graph)
    assert sum(node["class_type"] == "LoraLoader" for node in graph.values()) == len(loras)


def test_flux_reads_no_negative_prompt() -> None:
    for name in ("flux_txt2img", "flux_img2img"):
        assert "negative" not in BY_NAME[name]["parameters"]
        assert BY_NAME[name]["default_params"]["cfg"] == 1.0


def test_a_picture_is_fitted_before_it_is_encoded() -> None:
    for entry in TEMPLATES:
        graph = graph_of(entry)
        if "12" in graph:
            assert graph["12"]["inputs"]["pixels"] == ["11", 0]
            assert graph["11"]["inputs"]["crop"] == "center"
            assert graph["11"]["inputs"]["upscale_method"] == "lanczos"
