"""Checks workflow graphs in ComfyUI's API form and fills their parameters. Touches no socket.

A value goes to a node id and an input name of the parsed graph, never into its text: a prompt may
hold quotation marks, backslashes or ``{{seed}}`` and arrives as it is.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from farm_app.comfy.graph import expected_outputs, is_link, prefix_problem, problems_of

__all__ = [
    "KINDS",
    "Lora",
    "Parameter",
    "bind",
    "check_graph",
    "expected_outputs",
    "parse_parameters",
    "read_value",
    "with_loras",
]

Graph = dict[str, Any]

_INTEGERS = frozenset({"seed", "integer"})
_NUMBERS = _INTEGERS | {"number"}
KINDS = _NUMBERS | {
    "prompt",
    "negative",
    "text",
    "flag",
    "choice",
    "sampler",
    "scheduler",
    "checkpoint",
    "lora",
    "vae",
    "upscale_model",
    "controlnet",
    "diffusion_model",
    "text_encoder",
    "image",
    "prefix",
}
"""What a parameter may be. A page shows ``prompt`` as a large field, ``seed`` with dice, and so on;
all values may travel as text."""

_FIELDS = {
    *(
        "kind",
        "targets",
        "label",
        "default",
        "minimum",
        "maximum",
        "step",
        "unit",
        "node_bound",
    ),
}
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


@dataclass(frozen=True)
class Parameter:
    """A named value that a template exposes, and the inputs of its graph that take it."""

    name: str
    kind: str
    """One of ``KINDS``."""
    targets: tuple[tuple[str, str], ...]
    """(node id, input name); all of them get the same value."""
    label: str
    default: object = None
    """None: the graph's own literal stays, or the node gives the value."""
    minimum: float | int | None = None
    maximum: float | int | None = None
    step: float | int | None = None
    """For integers the value must be a multiple of it; for numbers only a hint to the page."""
    unit: str = ""
    node_bound: bool = False
    """The farm fills it for the node at hand: model file names, uploaded pictures, the prefix."""


@dataclass(frozen=True)
class Lora:
    """A LoRA as the node at hand spells its file, and how strongly it works."""

    name: str
    strength: float = 1.0
    clip_strength: float | None = None
    """On the text encoder; None for the same as ``strength``."""


def parse_parameters(manifest_entry: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Reads the parameters of one template of a manifest, in its order.

    Defaults come from the entry's ``default_params``.

    Raises:
        ValueError: what is wrong, in a sentence that names the parameter.
    """
    given = manifest_entry.get("parameters") or {}
    defaults = manifest_entry.get("default_params") or {}
    if not isinstance(given, dict) or not isinstance(defaults, dict):
        raise ValueError("parameters and default_params are not tables of names")
    strange = [str(name) for name in defaults if name not in given]
    if strange:
        raise ValueError(f"default_params names what is no parameter: {', '.join(strange)}")
    return tuple(_parameter(name, spec, defaults.get(name)) for name, spec in given.items())


def _parameter(name: object, spec: object, default: object) -> Parameter:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name):
        raise ValueError(f"{name!r} is not a parameter name")
    if not isinstance(spec, dict) or spec.get("kind") not in KINDS:
        raise ValueError(f"{name} has no kind that Eliot knows")
    strange = sorted(str(field) for field in spec if field not in _FIELDS)
    if strange:
        raise ValueError(f"{name} has unknown fields: {', '.join(strange)}")
    parameter = Parameter(
        name=name,
        kind=spec["kind"],
        targets=_targets(name, spec.get("targets")),
        label=str(spec.get("label") or name.replace("_", " ").capitalize()),
        default=spec.get("default", default),
        minimum=_limit(name, spec.get("minimum")),
        maximum=_limit(name, spec.get("maximum")),
        step=_limit(name, spec.get("step")),
        unit=str(spec.get("unit") or ""),
        node_bound=bool(spec.get("node_bound")),
    )
    if parameter.default is not None:
        read_value(parameter, parameter.default)
    return parameter


def _targets(name: str, targets: object) -> tuple[tuple[str, str], ...]:
    pairs = targets if isinstance(targets, list) else []
    if not pairs or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in pairs
    ):
        raise ValueError(f'{name} needs targets such as [["6", "text"]]')
    return tuple((pair[0], pair[1]) for pair in pairs)


def _limit(name: str, limit: object) -> float | int | None:
    if limit is None or (isinstance(limit, int | float) and not isinstance(limit, bool)):
        return limit
    raise ValueError(f"{name} has a limit that is not a number")


def check_graph(graph: object, parameters: Iterable[Parameter] = ()) -> list[str]:
    """Returns what is wrong with a graph and its parameters, in sentences; empty if all is well.

    It sees what can be seen without a node: whether classes and models exist, only a node knows.
    """
    problems = problems_of(graph)
    if problems or not isinstance(graph, dict):
        return problems
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name in seen:
            problems.append(f"There are two parameters called {parameter.name}.")
        seen.add(parameter.name)
        problems += [_target_problem(graph, parameter, *target) for target in parameter.targets]
    return [problem for problem in problems if problem]


def _target_problem(graph: Graph, parameter: Parameter, node_id: str, name: str) -> str:
    if node_id not in graph:
        return f"{parameter.label} goes to node {node_id}, which is not in the workflow."
    inputs = graph[node_id]["inputs"]
    if name not in inputs:
        return f"{parameter.label} goes to {name} of node {node_id}, which has no such input."
    if is_link(inputs[name]):
        return f"{parameter.label} goes to {name} of node {node_id}, which another node feeds."
    return ""


def bind(
    graph: Mapping[str, Any],
    parameters: Iterable[Parameter],
    values: Mapping[str, object],
) -> Graph:
    """Returns a copy of a graph with its parameters filled.

    Values may be text; numbers are read from it. What has no value gets its default; what has no
    default either keeps the graph's literal.

    Raises:
        ValueError: a value of an unknown name, out of its limits or of the wrong kind; no value
            for a node-bound parameter; a target that is not in the graph.
    """
    known = {parameter.name: parameter for parameter in parameters}
    strange = sorted(set(values) - set(known))
    if strange:
        raise ValueError(f"The workflow has no parameter {', '.join(strange)}.")
    bound: Graph = copy.deepcopy(dict(graph))
    for parameter in known.values():
        value = values.get(parameter.name, parameter.default)
        if value is not None:
            _assign(bound, parameter, read_value(parameter, value))
        elif parameter.node_bound:
            raise ValueError(f"{parameter.label} has no value for this node.")
    return bound


def _assign(graph: Graph, parameter: Parameter, value: object) -> None:
    for node_id, name in parameter.targets:
        problem = _target_problem(graph, parameter, node_id, name)
        if problem:
            raise ValueError(problem)
        graph[node_id]["inputs"][name] = value


def read_value(parameter: Parameter, value: object) -> object:
    """Returns the value as the graph needs it.

    Raises:
        ValueError: of the wrong kind or out of its limits, in a sentence.
    """
    if parameter.kind in _NUMBERS:
        return _numeric(parameter, value)
    if parameter.kind == "flag":
        return _flag(parameter, value)
    if not isinstance(value, str):
        raise ValueError(f"{parameter.label} must be text.")
    if re.search("[\ud800-\udfff]", value):
        raise ValueError(f"{parameter.label} holds half of a character.")
    if parameter.kind == "prefix" and (problem := prefix_problem(value)):
        raise ValueError(problem)
    return value


def _flag(parameter: Parameter, value: object) -> bool:
    word = str(value).strip().casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{parameter.label} must be yes or no.")
    return word in _TRUE


def _numeric(parameter: Parameter, value: object) -> float | int:
    whole = parameter.kind in _INTEGERS
    try:
        number = _integer(value) if whole else _float(value)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{parameter.label} must be {kind}.") from None
    if parameter.minimum is not None and number < parameter.minimum:
        raise ValueError(f"{parameter.label} must be at least {parameter.minimum}.")
    if parameter.maximum is not None and number > parameter.maximum:
        raise ValueError(f"{parameter.label} must be at most {parameter.maximum}.")
    if whole and parameter.step and number % parameter.step:
        raise ValueError(f"{parameter.label} must be a multiple of {parameter.step}.")
    return number


def _integer(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,40}\s*", value):
        return int(value)
    raise ValueError


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    if isinstance(value, str) and not re.fullmatch(
        r"\s*[+-]?[0-9.]{1,40}(e[+-]?[0-9]{1,3})?\s*", value, re.I
    ):
        raise ValueError
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not math.isfinite(number):
        raise ValueError
    return number


def with_loras(
    graph: Mapping[str, Any], loras: Iterable[Lora], *, after: str | None = None
) -> Graph:
    """Returns a copy of a graph with a chain of LoraLoader nodes behind its checkpoint.

    Everything that took the model or the text encoder from the checkpoint takes it from the last
    of the chain; the VAE stays the checkpoint's.

    Args:
        graph: in API form.
        loras: in the order in which they are applied.
        after: the node to chain behind; without it the graph's only checkpoint loader.

    Raises:
        ValueError: no such node, or several loaders to choose from.
    """
    chained: Graph = copy.deepcopy(dict(graph))
    wanted = list(loras)
    if not wanted:
        return chained
    source = _loader(chained, after)
    takers = [link for link in _links(chained) if link[0] == source and link[1] in (0, 1)]
    last = source
    for node_id, lora in zip(_free_ids(chained), wanted, strict=False):
        chained[node_id] = _lora_node(lora, last)
        last = node_id
    for link in takers:
        link[0] = last
    return chained


def _loader(graph: Graph, after: str | None) -> str:
    if after is not None:
        if after not in graph:
            raise ValueError(f"Node {after} is not in the workflow.")
        return after
    loaders = [
        node_id for node_id, node in graph.items() if "CheckpointLoader" in node["class_type"]
    ]
    if len(loaders) != 1:
        raise ValueError(f"LoRAs need one checkpoint loader to follow; there are {len(loaders)}.")
    return loaders[0]


def _links(graph: Graph) -> list[list[Any]]:
    return [value for node in graph.values() for value in node["inputs"].values() if is_link(value)]


def _free_ids(graph: Graph) -> Iterator[str]:
    """Yields ids above all numbers in use, so that none collides."""
    number = max(
        (int(node_id) for node_id in graph if re.fullmatch(r"[0-9]{1,9}", node_id)),
        default=0,
    )
    while True:
        number += 1
        yield str(number)


def _lora_node(lora: Lora, source: str) -> dict[str, Any]:
    clip = lora.strength if lora.clip_strength is None else lora.clip_strength
    return {
        "class_type": "LoraLoader",
        "inputs": {
            "model": [source, 0],
            "clip": [source, 1],
            "lora_name": lora.name,
            "strength_model": lora.strength,
            "strength_clip": clip,
        },
        "_meta": {"title": "LoRA"},
    }
