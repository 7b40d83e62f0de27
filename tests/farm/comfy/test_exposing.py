"""The usual values of somebody's own graph: found, taken out, and put back as they were."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy.exposing import Exposed, expose, why_unfit
from farm_app.comfy.workflow import bind, check_graph, parse_parameters
from farm_app.seeding import SEEDED

SHIPPED = sorted(path.stem for path in SEEDED.glob("*.json"))
BOUND_HERE = {"checkpoint", "image", "upscale_model"}


def shipped(name: str = "sd15_txt2img") -> dict[str, Any]:
    graph: dict[str, Any] = json.loads((SEEDED / f"{name}.json").read_text())
    return graph


def put_back(found: Exposed, **changes: Any) -> dict[str, Any]:
    fields = parse_parameters({"parameters": found.parameters})
    values = {**found.values, "prefix": "eliot/x/picture", **changes}
    bound: dict[str, Any] = bind(found.graph, fields, values)
    return bound


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_taken_out_of_a_graph_and_put_back_is_the_same_graph(name: str) -> None:
    graph = shipped(name)
    again = put_back(expose(graph))
    for node in again.values():
        node["inputs"].pop("filename_prefix", None)
    for node in graph.values():
        node["inputs"].pop("filename_prefix", None)
    assert again == graph


@pytest.mark.parametrize("name", [one for one in SHIPPED if one != "upscale_esrgan"])
def test_the_usual_values_are_found_by_the_names_that_templates_use(name: str) -> None:
    found = expose(shipped(name))
    assert {"prompt", "seed", "steps", "sampler", "scheduler", "width", "height"} <= set(
        found.values
    )
    assert "prefix" in found.parameters
    assert not check_graph(found.graph, parse_parameters({"parameters": found.parameters}))


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)


@given(prompt=WORDS, negative=WORDS, seed=st.integers(0, 2**64 - 1), cfg=st.floats(0, 100))
def test_any_words_and_numbers_come_back_as_they_were(
    prompt: str, negative: str, seed: int, cfg: float
) -> None:
    graph = shipped()
    graph["6"]["inputs"]["text"], graph["7"]["inputs"]["text"] = prompt, negative
    graph["3"]["inputs"] |= {"seed": seed, "cfg": cfg}
    found = expose(graph)
    assert (found.values["prompt"], found.values["negative"]) == (prompt, negative)
    again = put_back(found)
    assert again["6"]["inputs"]["text"] == prompt
    assert again["7"]["inputs"]["text"] == negative
    assert (again["3"]["inputs"]["seed"], again["3"]["inputs"]["cfg"]) == (seed, cfg)


def test_graphs_that_differ_in_these_values_only_are_one_workflow() -> None:
    one, other = shipped(), shipped()
    other["3"]["inputs"] |= {"seed": 9, "steps": 33}
    other["6"]["inputs"]["text"] = "another"
    found, again = expose(one), expose(other)
    assert found.graph == again.graph
    assert found.structure == again.structure
    assert found.values != again.values


def test_a_graph_with_another_node_is_another_workflow() -> None:
    other = shipped()
    other["20"] = {"class_type": "VAELoader", "inputs": {"vae_name": "x.safetensors"}}
    other["8"]["inputs"]["vae"] = ["20", 0]
    assert expose(other).structure != expose(shipped()).structure


def test_of_two_samplers_the_first_ones_steps_count_and_the_other_keeps_its_own() -> None:
    graph = shipped()
    graph["13"] = copy.deepcopy(graph["3"])
    graph["13"]["inputs"] |= {"steps": 7, "latent_image": ["3", 0]}
    graph["8"]["inputs"]["samples"] = ["13", 0]
    found = expose(graph)
    assert found.values["steps"] == 10
    again = put_back(found, steps=20, seed=5)
    assert [again[one]["inputs"]["steps"] for one in ("3", "13")] == [20, 7]
    assert [again[one]["inputs"]["seed"] for one in ("3", "13")] == [5, 5]  # they were the same


def test_a_seed_may_be_text_since_javascript_cannot_count_so_far() -> None:
    graph = shipped()
    graph["3"]["inputs"]["seed"] = "18446744073709551615"
    assert put_back(expose(graph))["3"]["inputs"]["seed"] == 2**64 - 1


def test_numbers_are_read_as_comfyui_reads_them() -> None:
    graph = shipped()
    graph["3"]["inputs"] |= {"steps": "12", "cfg": "6.5", "seed": 7.0}
    graph["5"]["inputs"] |= {"width": 768.0, "height": "512", "batch_size": "1"}
    assert why_unfit(graph) == []
    values = expose(graph).values
    assert (values["steps"], values["cfg"], values["seed"]) == (12, 6.5, 7)
    assert (values["width"], values["height"]) == (768, 512)


def test_words_behind_a_control_net_belong_to_their_own_side() -> None:
    graph = shipped()
    graph["6"]["inputs"]["text"], graph["7"]["inputs"]["text"] = "yes", "no"
    graph["30"] = {
        "class_type": "ControlNetApplyAdvanced",
        "inputs": {"positive": ["6", 0], "negative": ["7", 0], "strength": 1.0},
    }
    graph["3"]["inputs"] |= {"positive": ["30", 0], "negative": ["30", 1]}
    values = expose(graph).values
    assert (values["prompt"], values["negative"]) == ("yes", "no")


def test_one_text_for_both_sides_is_the_prompt() -> None:
    graph = shipped()
    graph["3"]["inputs"]["negative"] = ["6", 0]
    assert "negative" not in expose(graph).values


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"5": {"batch_size": 4}}, "batch_size of node 5 is 4"),
        ({"4": {"ckpt_name": "/etc/passwd"}}, "names a file outside"),
        ({"4": {"ckpt_name": "../../x"}}, "names a file outside"),
        ({"4": {"ckpt_name": "C:\\x"}}, "names a file outside"),
        ({"4": {"ckpt_name": "x.png [output]"}}, "names a file outside"),
    ],
)
def test_what_cannot_be_one_picture_of_ours_is_refused(
    inputs: dict[str, dict[str, Any]], said: str
) -> None:
    graph = shipped()
    for node_id, changed in inputs.items():
        graph[node_id]["inputs"] |= changed
    assert said in " ".join(why_unfit(graph))


def test_two_nodes_that_save_are_refused() -> None:
    graph = shipped()
    graph["19"] = copy.deepcopy(graph["9"])
    assert "Nodes 19, 9 each save a picture" in " ".join(why_unfit(graph))


def test_a_sound_graph_is_fit() -> None:
    assert [why_unfit(shipped(name)) for name in SHIPPED] == [[]] * len(SHIPPED)
