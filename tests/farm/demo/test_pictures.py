"""What comes out: sizes, numbering, text chunks, sources that stay visible."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from farm_app.demo.rendering import model_seed, upscale_factor
from farm_app.demo.values import Model
from tests.farm.demo.replay import file_bytes
from tests.farm.demo.running import RunningNode, a_spec, text_to_image


def pictures(node: RunningNode, entry: dict[str, Any]) -> list[Image.Image]:
    found: list[Image.Image] = []
    for output in entry["outputs"].values():
        for item in output["images"]:
            data = node.http.get("/view", params=item).content
            found.append(Image.open(io.BytesIO(data)))
    return found


def colour(node: RunningNode, graph: dict[str, Any]) -> Any:
    (picture,) = pictures(node, node.run(graph))
    return picture.convert("RGB").getpixel((1, 1))


def test_one_seed_gives_one_picture_and_another_seed_another(node: RunningNode) -> None:
    first, other = (colour(node, text_to_image(seed)) for seed in (1, 2))
    again = colour(node, text_to_image(1))
    assert first == again != other


def test_a_seed_does_not_carry_over_between_models() -> None:
    plain = Model("sd15", "a.safetensors")
    stacked = Model("sd15", "a.safetensors", ("grain@0.5",))
    other = Model("sd15", "b.safetensors")
    seeds = {model_seed(7, model) for model in (plain, stacked, other)}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_a_picture_carries_its_graph_and_the_extra_chunks(node: RunningNode) -> None:
    extra = {"workflow": {"id": "wf-1"}, "eliot": {"job": 17, "user": "é"}}
    graph = text_to_image(2**64 - 1)
    (picture,) = pictures(node, node.run(graph, extra_data={"extra_pnginfo": extra}))
    chunks = {key: json.loads(value) for key, value in picture.info.items()}
    assert chunks == {"prompt": graph, **extra}


def test_a_picture_shows_the_graph_as_it_was_cast(node: RunningNode) -> None:
    graph = text_to_image(1, steps=2.9)
    graph["3"]["inputs"]["seed"] = "12"
    (picture,) = pictures(node, node.run(graph))
    sampler = json.loads(picture.info["prompt"])["3"]["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (12, 2, 7.0)


def test_odd_sizes_are_rounded_down_to_eights(node: RunningNode) -> None:
    (picture,) = pictures(node, node.run(text_to_image(width=100)))
    assert picture.size == (96, 64)


def test_a_batch_gives_different_pictures(node: RunningNode) -> None:
    batch = pictures(node, node.run(text_to_image(batch_size=3)))
    assert len({picture.convert("RGB").getpixel((1, 1)) for picture in batch}) == 3


def test_a_source_stays_visible_the_lower_the_denoise(node: RunningNode) -> None:
    node.http.post("/upload/image", files={"image": ("up.png", file_bytes("red 64"))})
    graph = text_to_image()
    graph["50"] = {"class_type": "LoadImage", "inputs": {"image": "up.png"}}
    graph["5"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["50", 0], "vae": ["4", 2]}}
    distances = []
    for denoise in (0.1, 0.5, 0.9):
        graph["3"]["inputs"]["denoise"] = denoise
        red, green, blue = colour(node, graph)
        distances.append(255 - red + green + blue)
    assert distances == sorted(distances)
    assert distances[0] < distances[-1]


def test_numbering_goes_on_from_what_lies_on_disk(node: RunningNode) -> None:
    (node.spec.folder / "output" / "eliot_00041_.png").touch()
    entry = node.run(text_to_image())
    assert entry["outputs"]["9"]["images"][0]["filename"] == "eliot_00042_.png"


def test_a_prefix_may_hold_a_folder_and_tokens(node: RunningNode) -> None:
    entry = node.run(text_to_image(filename_prefix="eliot/job17/%width%x%height%"))
    (item,) = entry["outputs"]["9"]["images"]
    assert item == {
        "filename": "64x64_00001_.png",
        "subfolder": "eliot/job17",
        "type": "output",
    }


def test_batch_numbers_in_a_prefix_overwrite(node: RunningNode) -> None:
    names = []
    for seed in (1, 2):
        entry = node.run(text_to_image(seed, batch_size=2, filename_prefix="b%batch_num%"))
        names.append([item["filename"] for item in entry["outputs"]["9"]["images"]])
    assert names == [["b0_00001_.png", "b1_00002_.png"]] * 2


def test_a_prefix_that_escapes_fails_after_the_sampling(node: RunningNode) -> None:
    entry = node.run(text_to_image(filename_prefix="../../evil"))
    error = dict(entry["status"]["messages"])["execution_error"]
    assert (error["node_id"], error["exception_type"]) == ("9", "Exception")
    assert error["exception_message"].startswith("**** ERROR: Saving image outside")
    assert {"3", "8"} <= set(error["executed"])


def test_an_upscale_model_enlarges(tmp_path: Path) -> None:
    with RunningNode(a_spec(tmp_path, families=("upscale",), seconds={"upscale": 0.05})) as node:
        node.http.post("/upload/image", files={"image": ("up.png", file_bytes("red 16"))})
        graph = {
            "1": {"class_type": "LoadImage", "inputs": {"image": "up.png"}},
            "2": {
                "class_type": "UpscaleModelLoader",
                "inputs": {"model_name": "4x-UltraSharp.pth"},
            },
            "3": {
                "class_type": "ImageUpscaleWithModel",
                "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]},
            },
            "4": {
                "class_type": "SaveImage",
                "inputs": {"images": ["3", 0], "filename_prefix": "u"},
            },
        }
        (picture,) = pictures(node, node.run(graph))
    assert picture.size == (64, 64)


@pytest.mark.parametrize(
    ("name", "factor"),
    [("4x-UltraSharp.pth", 4), ("RealESRGAN_x2plus.pth", 2), ("8x_NMKD.pth", 8), ("odd.pth", 4)],
)
def test_the_name_of_an_upscaler_says_its_factor(name: str, factor: int) -> None:
    assert upscale_factor(name) == factor


def flux_graph() -> dict[str, Any]:
    graph = text_to_image()
    graph |= {
        "4": {
            "class_type": "UNETLoader",
            "inputs": {"unet_name": "flux1-dev-fp8.safetensors", "weight_dtype": "default"},
        },
        "40": {
            "class_type": "DualCLIPLoader",
            "inputs": {
                "clip_name1": "clip_l.safetensors",
                "clip_name2": "t5xxl_fp8_e4m3fn.safetensors",
                "type": "flux",
            },
        },
        "41": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}},
        "42": {
            "class_type": "FluxGuidance",
            "inputs": {"conditioning": ["6", 0], "guidance": 3.5},
        },
        "7": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["6", 0]}},
    }
    graph["6"]["inputs"]["clip"] = ["40", 0]
    graph["3"]["inputs"]["positive"] = ["42", 0]
    graph["8"]["inputs"]["vae"] = ["41", 0]
    return graph


def test_flux_runs_from_its_separate_files(tmp_path: Path) -> None:
    with RunningNode(a_spec(tmp_path, families=("flux",), seconds={"flux": 0.05})) as node:
        assert node.run(flux_graph())["status"]["status_str"] == "success"


def test_temp_is_emptied_at_the_start_and_outputs_stay(tmp_path: Path) -> None:
    for folder in ("temp", "output"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old.png").touch()
    with RunningNode(a_spec(tmp_path)) as node:
        found = {
            folder: node.http.get("/view", params={"filename": "old.png", "type": folder})
            for folder in ("temp", "output")
        }
    assert (found["temp"].status_code, found["output"].status_code) == (404, 200)
