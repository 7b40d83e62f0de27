from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy.workflow import (
    Lora,
    Parameter,
    bind,
    check_graph,
    expected_outputs,
    parse_parameters,
    with_loras,
)
from tests.farm.comfy.recorded import recording

GRAPH: dict[str, Any] = recording("01-txt2img").exchanges("POST /prompt")[0]["json"]["prompt"]
ENTRY: dict[str, Any] = {
    "default_params": {"steps": 10, "sampler": "euler"},
    "parameters": {
        "prompt": {"kind": "prompt", "targets": [["6", "text"], ["7", "text"]]},
        "seed": {"kind": "seed", "targets": [["3", "seed"]], "minimum": 0, "maximum": 2**64 - 1},
        "steps": {"kind": "integer", "targets": [["3", "steps"]], "minimum": 1, "maximum": 150},
        "cfg": {"kind": "number", "targets": [["3", "cfg"]], "minimum": 1.0, "maximum": 30.0},
        "sampler": {"kind": "sampler", "targets": [["3", "sampler_name"]]},
        "width": {"kind": "integer", "targets": [["5", "width"]], "minimum": 64, "step": 8},
    },
}
PARAMETERS = parse_parameters(ENTRY)
PREFIX = Parameter("prefix", "prefix", (("9", "filename_prefix"),), "Prefix", node_bound=True)


def graph(**nodes: Any) -> dict[str, Any]:
    return copy.deepcopy(GRAPH) | nodes


@given(st.text())
def test_any_prompt_arrives_as_it_is(prompt: str) -> None:
    bound = bind(GRAPH, PARAMETERS, {"prompt": prompt})
    assert bound["6"]["inputs"]["text"] == prompt
    assert json.loads(json.dumps(bound))["7"]["inputs"]["text"] == prompt


@pytest.mark.parametrize(
    "prompt", ['a "cat"', 'x","seed":"1', "two\nlines\t", "\\back\\slash", "{{seed}}", "%s {0}", ""]
)
def test_a_prompt_cannot_reach_another_input(prompt: str) -> None:
    bound = bind(GRAPH, PARAMETERS, {"prompt": prompt, "seed": "7"})
    assert bound["6"]["inputs"]["text"] == prompt
    assert bound["3"]["inputs"]["seed"] == 7


def test_the_given_graph_stays_as_it_was() -> None:
    before = copy.deepcopy(GRAPH)
    bind(GRAPH, PARAMETERS, {"prompt": "new", "steps": 3})
    assert before == GRAPH


@given(st.integers(0, 2**64 - 1))
def test_any_seed_arrives_from_text(seed: int) -> None:
    assert bind(GRAPH, PARAMETERS, {"seed": str(seed)})["3"]["inputs"]["seed"] == seed


def test_what_is_not_given_is_the_default_or_stays() -> None:
    inputs = bind(GRAPH, PARAMETERS, {})["3"]["inputs"]
    assert (inputs["steps"], inputs["cfg"]) == (10, 7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"stepz": 3}, "no parameter stepz"),
        ({"steps": "many"}, "Steps must be a whole number"),
        ({"steps": 2.5}, "Steps must be a whole number"),
        ({"steps": True}, "Steps must be a whole number"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 151}, "at most 150"),
        ({"seed": -1}, "at least 0"),
        ({"seed": str(2**64)}, "at most"),
        ({"cfg": "nan"}, "Cfg must be a number"),
        ({"cfg": float("inf")}, "Cfg must be a number"),
        ({"cfg": "1e999"}, "Cfg must be a number"),
        ({"width": 100}, "multiple of 8"),
        ({"prompt": 3}, "must be text"),
        ({"prompt": "\ud800"}, "half of a character"),
    ],
)
def test_a_wrong_value_is_told_by_its_label(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bind(GRAPH, PARAMETERS, values)


def test_numbers_are_read_from_text() -> None:
    inputs = bind(GRAPH, PARAMETERS, {"cfg": " 4.5 ", "steps": "30", "width": 640.0})
    assert (inputs["3"]["inputs"]["cfg"], inputs["3"]["inputs"]["steps"]) == (4.5, 30)
    assert inputs["5"]["inputs"]["width"] == 640


def test_a_node_bound_parameter_needs_its_value() -> None:
    with pytest.raises(ValueError, match="no value for this node"):
        bind(GRAPH, [PREFIX], {})


@pytest.mark.parametrize(
    "prefix",
    ["../up", "/etc/x", "C:\\x", "a/../../b", "x%batch_num%", "", "a/", "a\nb", "\\\\nas\\x"],
)
def test_a_prefix_stays_in_the_output_folder(prefix: str) -> None:
    with pytest.raises(ValueError, match="file name prefix"):
        bind(GRAPH, [PREFIX], {"prefix": prefix})
    assert any(
        "file name prefix" in problem
        for problem in check_graph(
            graph(**{"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": prefix}}})
        )
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"parameters": {"Bad Name": {}}}, "not a parameter name"),
        ({"parameters": {"seed": {"kind": "dice", "targets": [["3", "seed"]]}}}, "no kind"),
        ({"parameters": {"seed": {"kind": "seed"}}}, "needs targets"),
        ({"parameters": {"seed": {"kind": "seed", "targets": [["3"]]}}}, "needs targets"),
        ({"parameters": {"seed": {"kind": "seed", "targets": [["3", "a"]], "x": 1}}}, "unknown"),
        ({"parameters": {}, "default_params": {"steps": 1}}, "no parameter: steps"),
        ({"parameters": []}, None),
        ({"parameters": [1]}, "not tables"),
    ],
)
def test_a_wrong_manifest_is_told_by_name(entry: dict[str, Any], words: str | None) -> None:
    if words is None:
        assert parse_parameters(entry) == ()
        return
    with pytest.raises(ValueError, match=words):
        parse_parameters(entry)


def test_a_default_outside_the_limits_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 150"):
        parse_parameters(ENTRY | {"default_params": {"steps": 500}})


def test_a_sound_graph_has_no_problems() -> None:
    assert check_graph(GRAPH, PARAMETERS) == []


def save(**inputs: Any) -> dict[str, Any]:
    return {"class_type": "SaveImage", "inputs": inputs}


@pytest.mark.parametrize(
    ("given_graph", "words"),
    [
        ([], "not a JSON object"),
        ({}, "empty"),
        ({"nodes": [], "links": [], "version": 0.4}, "Export (API)"),
        ({"1": []}, "not an object"),
        ({"1": {"inputs": {}}}, "no class_type"),
        ({"1": {"class_type": "SaveImage"}}, "no inputs"),
        ({"1": save(images=["99", 0])}, "node 99, which is not in the workflow"),
        ({"1": save(images=["1", 0])}, "round in a circle"),
        ({"1": save(images=[4, 0])}, "not a link"),
        ({"1": save(images=["1", 0, 1])}, "not a link"),
        ({"1": save(images=["1", -1])}, "below 0"),
        ({"1": save(width=float("nan"))}, "JSON cannot say"),
        ({"1": {"class_type": "VAEDecode", "inputs": {}}}, "no node that saves"),
        ({str(i): save() for i in range(10_001)}, "more than 10000 nodes"),
    ],
)
def test_a_broken_graph_is_told_in_plain_words(given_graph: object, words: str) -> None:
    assert any(words in problem for problem in check_graph(given_graph))


def test_a_graph_nested_too_deep_is_told() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert any("too deep" in problem for problem in check_graph({"1": save(x=deep)}))
    while deep:  # taking it apart by hand: the interpreter would recurse
        deep = deep.pop("a")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (("99", "text"), "not in the workflow"),
        (("6", "txt"), "no such input"),
        (("6", "clip"), "feeds"),
    ],
)
def test_a_target_that_is_not_there_is_told(target: tuple[str, str], words: str) -> None:
    parameter = Parameter("prompt", "prompt", (target,), "Prompt")
    assert any(words in problem for problem in check_graph(GRAPH, [parameter]))
    with pytest.raises(ValueError, match=words):
        bind(GRAPH, [parameter], {"prompt": "x"})


def test_two_parameters_of_one_name_are_told() -> None:
    assert any("two parameters" in p for p in check_graph(GRAPH, [*PARAMETERS, PARAMETERS[0]]))


def test_a_long_chain_is_no_circle() -> None:
    chain = {str(i): save(images=[str(i - 1), 0]) for i in range(1, 9000)} | {"0": save()}
    assert check_graph(chain) == []


def test_what_saves_is_expected_and_a_preview_is_not() -> None:
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    assert expected_outputs(graph(**{"20": preview})) == {"9"}
    only = {key: node for key, node in graph(**{"20": preview}).items() if key != "9"}
    assert expected_outputs(only) == {"20"}


def test_a_node_pack_s_end_is_expected_when_nothing_else_is() -> None:
    ends = {key: node for key, node in graph().items() if key != "9"}
    ends["20"] = {"class_type": "MyPackPublisher", "inputs": {"images": ["8", 0]}}
    assert expected_outputs(ends) == {"20"}


def test_loras_follow_the_checkpoint_in_order() -> None:
    chained = with_loras(GRAPH, [Lora("a.safetensors", 0.8), Lora("b.safetensors", 0.5, 0.2)])
    first, last = chained["10"], chained["11"]
    assert first["inputs"]["model"] == ["4", 0]
    assert (last["inputs"]["model"], last["inputs"]["clip"]) == (["10", 0], ["10", 1])
    assert (last["inputs"]["strength_model"], last["inputs"]["strength_clip"]) == (0.5, 0.2)
    assert chained["3"]["inputs"]["model"] == ["11", 0]
    assert chained["6"]["inputs"]["clip"] == ["11", 1]
    assert chained["8"]["inputs"]["vae"] == ["4", 2]
    assert check_graph(chained, PARAMETERS) == []


def test_no_loras_change_nothing() -> None:
    assert with_loras(GRAPH, []) == GRAPH


def test_loras_need_one_checkpoint_to_follow() -> None:
    two = graph(**{"40": GRAPH["4"]})
    with pytest.raises(ValueError, match="there are 2"):
        with_loras(two, [Lora("a")])
    assert with_loras(two, [Lora("a")], after="40")["41"]["inputs"]["model"] == ["40", 0]


JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.booleans() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
)


@given(
    JUNK
    | st.dictionaries(
        st.text(max_size=3),
        st.fixed_dictionaries(
            {
                "class_type": st.sampled_from(["SaveImage", "KSampler", "X"]),
                "inputs": st.dictionaries(
                    st.sampled_from(["images", "filename_prefix", "text"]), JUNK, max_size=3
                ),
            }
        ),
    )
)
def test_any_graph_can_be_checked(junk: object) -> None:
    assert all(isinstance(problem, str) for problem in check_graph(junk, PARAMETERS))
