from __future__ import annotations

from typing import Any

import pytest

from farm_app.comfy.errors import Rejected
from farm_app.comfy.rejection import drops_output, read_rejection
from tests.farm.comfy.recorded import recording


def rejected(note: str, name: str = "06-validation") -> Rejected:
    row = next(r for r in recording(name).exchanges("POST /prompt") if r["note"].startswith(note))
    return read_rejection(row["body"], row["json"]["prompt"], where="gpu-1:8188")


def test_a_missing_checkpoint_is_the_node_s_lack() -> None:
    error = rejected("unknown checkpoint name")
    assert (error.kind, error.missing) == ("capability", ("nope.safetensors",))
    assert "gpu-1:8188 does not have “nope.safetensors”" in error.sentence
    [problem] = error.problems
    assert (problem.node_id, problem.input_name) == ("4", "ckpt_name")


def test_an_unknown_sampler_of_a_long_list_is_the_node_s_lack_too() -> None:
    assert rejected("unknown sampler").missing == ("magic",)


@pytest.mark.parametrize(
    ("name", "note", "missing"),
    [
        ("06-validation", "unknown class_type", "KSamplerDoesNotExist"),
        ("31-old", "unknown class", "Nope"),
    ],
)
def test_a_missing_class_is_the_node_s_lack(name: str, note: str, missing: str) -> None:
    error = rejected(note, name)
    assert (error.kind, error.missing) == ("capability", (missing,))
    assert missing in error.sentence


def test_the_editor_s_title_is_kept() -> None:
    error = rejected("unknown class_type with _meta")
    assert error.problems[0].title == "My sampler"


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("missing required input", "KSampler: a value for steps is missing."),
        ("steps above max", "KSampler: steps: Value 100000 bigger than max of 10000."),
        ("negative seed", "KSampler: seed: Value -1 smaller than min of 0."),
        ("no output node", "The workflow has no node that saves or shows anything."),
        ("empty prompt", "The workflow has no node that saves or shows anything."),
        ("cycle", "Dependency cycle detected"),
        ("link of wrong type", "Return type mismatch"),
        ("no class_type", "has no class_type"),
        ("no prompt key", "No prompt provided"),
    ],
)
def test_a_fault_of_the_graph_is_told_in_a_sentence(note: str, words: str) -> None:
    rows = recording("06-validation").exchanges("POST /prompt")
    row = next(r for r in rows if r["note"].startswith(note))
    sent: Any = row["json"] if isinstance(row["json"], dict) else {}
    error = read_rejection(row["body"], sent.get("prompt", {}), where="gpu-1")
    assert error.kind == "graph"
    assert error.missing == ()
    assert words in error.sentence


def test_an_inner_fault_does_not_name_another_node_s_input() -> None:
    error = rejected("link to a node id that is not in the graph")
    assert error.problems[0].node_id == "3"
    assert error.problems[0].input_name == ""


def test_several_problems_are_counted() -> None:
    error = rejected("cycle")
    assert len(error.problems) == 3
    assert error.sentence.endswith("(2 more problems.)")


def test_an_accepted_graph_that_lost_an_output_is_noticed() -> None:
    rows = recording("06-validation").exchanges("POST /prompt")
    partly = next(row for row in rows if row["note"].startswith("two outputs"))
    whole = next(row for row in rows if row["note"].startswith("extra unknown"))
    assert drops_output(partly["body"], partly["json"]["prompt"])
    assert not drops_output(whole["body"], whole["json"]["prompt"])


def test_an_uploaded_picture_that_is_gone_is_the_node_s_lack() -> None:
    error = rejected("two outputs")
    assert (error.kind, error.missing) == ("capability", ("missing.png",))


@pytest.mark.parametrize("answer", [None, [], {}, {"error": 3, "node_errors": {"4": None}}])
def test_junk_is_a_rejection_all_the_same(answer: object) -> None:
    error = read_rejection(answer, {}, where="gpu-1")
    assert error.kind == "graph"
    assert error.sentence
