"""Finds the usual values in somebody's own graph: prompt, seed, steps, size, model files, and what the farm fills in.

So a graph that a program posts is planned, bound and remembered like any other workflow, and one that differs only
in these values is the same workflow. Touches no socket.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from farm_app.comfy.graph import expected_outputs, is_link
from farm_app.comfy.node_classes import phase_of

Graph = dict[str, Any]
Place = tuple[str, str]
"""Node id and input name."""


@dataclass(frozen=True)
class Knob:
    """A value that graphs usually have.

    Attributes:
        name: The parameter's name; templates use the same.
        inputs: What nodes call it.
        classes: Regular expression for the node classes in which an input of this name means it.
        low, high: ComfyUI's own limits.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    classes: str = ""
    low: float | None = None
    high: float | None = None
    node_bound: bool = False


_SIZES: Final = r"^Empty.*Latent|^ImageScale$"
_WORDS: Final = ("text", "text_g", "text_l", "clip_l", "t5xxl")
KNOBS: Final = (
    Knob("seed", "seed", ("seed", "noise_seed"), low=0, high=2**64 - 1),
    Knob("steps", "integer", ("steps",), low=1, high=10_000),
    Knob("cfg", "number", ("cfg",), low=0, high=100),
    Knob("guidance", "number", ("guidance",), low=0, high=100),
    # Node packs have more of these than the core; only the node at hand knows.
    Knob("sampler", "text", ("sampler_name",)),
    Knob("scheduler", "text", ("scheduler",)),
    Knob("denoise", "number", ("denoise",), low=0, high=1),
    Knob("width", "integer", ("width",), _SIZES, low=16, high=16_384),
    Knob("height", "integer", ("height",), _SIZES, low=16, high=16_384),
    Knob("checkpoint", "checkpoint", ("ckpt_name",), node_bound=True),
    Knob(
        "upscale_model", "upscale_model", ("model_name",), "^UpscaleModelLoader$", node_bound=True
    ),
    Knob("image", "image", ("image",), "^LoadImage", node_bound=True),
    Knob("prefix", "prefix", ("filename_prefix",), node_bound=True),
)
# What leads from a sampler back to the words, and what does not.
_ELSEWHERE: Final = re.compile(
    r"model|clip|vae|control_net|image|pixels|latent|mask|style|sigmas|noise", re.IGNORECASE
)


_KINDS: Final = {
    "seed": "a whole number from 0 to 2^64-1",
    "integer": "a whole number",
    "number": "a number",
    **dict.fromkeys(("text", "checkpoint", "upscale_model", "image", "prefix"), "a name"),
}
_LONGEST_NUMBER: Final = 40
_LONGEST_SHOWN: Final = 40


@dataclass(frozen=True)
class Exposed:
    """A graph and its usual values, apart.

    Attributes:
        graph: With those values emptied, so that graphs that differ only there are equal.
        parameters: As a manifest describes them.
        values: What stood in the graph, by parameter; not those that the farm fills in by itself.
    """

    graph: Graph
    parameters: dict[str, Any]
    values: dict[str, Any]

    @property
    def structure(self) -> str:
        """What graphs share that differ in literal values only, as a short hash."""
        bare = {
            node_id: (node["class_type"], _bare(node["inputs"]))
            for node_id, node in self.graph.items()
        }
        text = json.dumps([bare, self.parameters], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bare(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if is_link(value) else None for name, value in inputs.items()}


def expose(graph: Mapping[str, Any]) -> Exposed:
    """Takes the usual values out of a sound graph.

    Where several inputs mean the same and differ, as two samplers' steps do, the first sampler's is the value and the
    others stay as they are.
    """
    emptied: Graph = copy.deepcopy(dict(graph))
    parameters: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for knob, places, value in _found(graph):
        parameters[knob.name] = _described(knob, places)
        if knob.name != "prefix":
            values[knob.name] = value
        for node_id, name in places:
            emptied[node_id]["inputs"][name] = _nothing(knob, value)
    return Exposed(emptied, parameters, values)


def _nothing(knob: Knob, value: object) -> object:
    """Return what stands in an emptied graph, which still is a sound one."""
    if knob.name == "prefix":
        return "eliot/picture"
    return "" if isinstance(value, str) else 0


def _described(knob: Knob, places: Iterable[Place]) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": knob.kind, "targets": [list(place) for place in places]}
    if knob.low is not None:
        described |= {"minimum": knob.low, "maximum": knob.high}
    if knob.node_bound:
        described["node_bound"] = True
    return described


def _found(graph: Mapping[str, Any]) -> Iterator[tuple[Knob, list[Place], Any]]:
    nodes = sorted(
        graph, key=lambda one: (phase_of(_class(graph, one)) != "sampling", len(one), one)
    )
    for knob in KNOBS:
        there = [(place, value) for place, value in _literals(graph, nodes, knob)]
        if not there:
            continue
        value = there[0][1]
        places = [place for place, other in there if other == value or knob.name == "prefix"]
        yield knob, places, value
    yield from _words(graph, nodes)


def _class(graph: Mapping[str, Any], node_id: str) -> str:
    return str(graph[node_id]["class_type"])


def _literals(
    graph: Mapping[str, Any], nodes: Iterable[str], knob: Knob
) -> Iterator[tuple[Place, Any]]:
    for node_id in nodes:
        if knob.classes and not re.search(knob.classes, _class(graph, node_id)):
            continue
        for name in knob.inputs:
            value = _read(knob, graph[node_id]["inputs"].get(name))
            if value is not None:
                yield (node_id, name), value


def _read(knob: Knob, value: object) -> Any:
    """Return a literal as its knob has it, None if it is none of that kind.

    ComfyUI makes numbers of texts and whole ones of fractions, so what limits a number must see it as such.
    """
    if knob.kind == "seed" and isinstance(value, str):
        # More than JavaScript can count.
        return value if re.fullmatch("[0-9]{1,20}", value) else None
    if knob.kind in ("seed", "integer"):
        return _whole(value)
    if knob.kind == "number":
        return _number(value)
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            value = float(value)
        except ValueError:
            return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None  # type: ignore[return-value]  # which the line before has seen to


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _words(
    graph: Mapping[str, Any], nodes: Iterable[str]
) -> Iterator[tuple[Knob, list[Place], Any]]:
    """Follow the samplers' conditioning back to the words."""
    order = list(nodes)
    positive = _words_behind(graph, _links_called(graph, order, "positive"))
    positive = positive or _words_behind(graph, _links_called(graph, order, "conditioning"))
    negative = _words_behind(graph, _links_called(graph, order, "negative"))
    for kind, places in (("prompt", positive), ("negative", negative)):
        if not places or (kind == "negative" and places == positive):
            continue
        node_id, name = places[0]
        yield Knob(kind, kind, _WORDS), places, graph[node_id]["inputs"][name]


def _links_called(
    graph: Mapping[str, Any], nodes: Iterable[str], name: str
) -> list[tuple[str, str]]:
    """Return where the inputs of this name come from, with the name."""
    inputs = [graph[node_id]["inputs"].get(name) for node_id in nodes]
    return [(link[0], name) for link in inputs if is_link(link)]


def _words_behind(graph: Mapping[str, Any], starts: Iterable[tuple[str, str]]) -> list[Place]:
    """Return the inputs of the nearest text encoder that hold its first text."""
    left, seen = deque(starts), set[str]()
    while left:
        node_id, side = left.popleft()
        if node_id in seen:
            continue
        seen.add(node_id)
        inputs = graph[node_id]["inputs"]
        texts = [name for name in _WORDS if isinstance(inputs.get(name), str)]
        if texts:
            return [(node_id, name) for name in texts if inputs[name] == inputs[texts[0]]]
        left.extend((source, side) for source in _sources(inputs, side))
    return []


def _sources(inputs: Mapping[str, Any], side: str) -> Iterator[str]:
    """Yield the nodes that the conditioning of one side may come from."""
    if is_link(inputs.get(side)):  # a node that passes both sides on keeps them apart
        yield inputs[side][0]
        return
    for name, value in inputs.items():
        if is_link(value) and not _ELSEWHERE.search(name):
            yield value[0]


def why_unfit(graph: Mapping[str, Any]) -> list[str]:
    """Returns why a sound graph cannot be a job, in sentences; empty if it can.

    A job is one picture, and the only files that it reads are pictures of ours.
    """
    found = [*_more_than_one(graph), *_wrong_kinds(graph), *_strange_files(graph)]
    savers = expected_outputs(graph)
    if len(savers) > 1:
        listed = ", ".join(sorted(savers))
        found.append(f"Nodes {listed} each save a picture; a job is one. Leave one of them.")
    return found


def _more_than_one(graph: Mapping[str, Any]) -> Iterator[str]:
    for node_id, node in graph.items():
        size = node["inputs"].get("batch_size", 1)
        if not is_link(size) and _whole(size) != 1:
            yield (
                f"batch_size of node {node_id} is {_shown(size)}; a job is one picture. "
                "Set it to 1 and ask for a job group."
            )


def _wrong_kinds(graph: Mapping[str, Any]) -> Iterator[str]:
    """Values of samplers and sizes that are none: a node would refuse them, or make something else of them."""
    for knob in KNOBS:
        for node_id, node in graph.items():
            is_known = phase_of(node["class_type"]) == "sampling" or (
                knob.classes and re.search(knob.classes, node["class_type"])
            )
            for name in knob.inputs:
                value = node["inputs"].get(name, "")
                is_said = name in node["inputs"] and not is_link(value)
                if is_known and is_said and _read(knob, value) is None:
                    yield f"{name} of node {node_id} is {_shown(value)}; it must be {_KINDS[knob.kind]}."


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _strange_files(graph: Mapping[str, Any]) -> Iterator[str]:
    """Files that a loader would read from the node's disk: only what the farm uploads is known to be harmless."""
    pictures: set[str] = set()
    for node_id, node in graph.items():
        if "Load" not in node["class_type"]:
            continue
        for name, value in node["inputs"].items():
            if name == "image" and isinstance(value, str):
                pictures.add(value)
            elif isinstance(value, str) and _leads_out(value):
                yield f"{name} of node {node_id} names a file outside the node's own folders."
    if len(pictures) > 1:
        yield "The workflow starts from several pictures; a job starts from one."


def _leads_out(value: str) -> bool:
    parts = re.split(r"[/\\]", value)
    is_absolute = parts[0] == "" and len(parts) > 1
    has_place = re.search(r"\[(input|output|temp)\]\s*$", value) is not None
    return is_absolute or ".." in parts or has_place or re.match(r"^[A-Za-z]:", value) is not None
