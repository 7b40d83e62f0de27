"""The form of a workflow graph in ComfyUI's API form: its links, its outputs, its mistakes.

A graph is ``{node id: {class_type, inputs, _meta}}``; a link is ``["source node id", slot]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from farm_app.comfy.node_classes import is_known, shows_preview, writes_files

MOST_NODES = 10_000
MOST_PROBLEMS = 20


def is_link(value: object) -> bool:
    """Says whether an input is fed by another node."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def expected_outputs(graph: Mapping[str, Any]) -> frozenset[str]:
    """Returns the nodes whose files the graph is run for.

    Those that save; if there are none those that only show a preview; if there are none either,
    the ends of the graph whose class is unknown to us, as node packs name savers as they like.
    """
    classes = {node_id: node["class_type"] for node_id, node in graph.items()}
    saving = {node_id for node_id, name in classes.items() if writes_files(name)}
    showing = {node_id for node_id, name in classes.items() if shows_preview(name)}
    if saving or showing:
        return frozenset(saving or showing)
    feeding = {link[0] for node in graph.values() for _, link in _links_of(node)}
    return frozenset(
        node_id
        for node_id, name in classes.items()
        if node_id not in feeding and not is_known(name)
    )


def _links_of(node: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, value


def problems_of(graph: object) -> list[str]:
    """Returns what is wrong with a graph, in sentences, at most 20 of them."""
    if not isinstance(graph, dict):
        return ["The workflow is not a JSON object."]
    if isinstance(graph.get("nodes"), list) and "links" in graph:
        return [
            "This is the editor's own format. In ComfyUI export the workflow with "
            "“Export (API)” and import that file."
        ]
    if not graph:
        return ["The workflow is empty."]
    if len(graph) > MOST_NODES:
        return [f"The workflow has more than {MOST_NODES} nodes."]
    problems = [problem for node_id, node in graph.items() for problem in _misshapen(node_id, node)]
    problems = problems or _unsendable(graph)
    return (problems or list(_wrong(graph)))[:MOST_PROBLEMS]


def _misshapen(node_id: object, node: object) -> Iterator[str]:
    if not isinstance(node_id, str) or not node_id:
        yield f"{node_id!r} is not a node id."
    elif not isinstance(node, dict):
        yield f"Node {node_id[:50]} is not an object."
    elif not isinstance(node.get("class_type"), str) or not node["class_type"]:
        yield f"Node {node_id[:50]} has no class_type."
    elif not isinstance(node.get("inputs"), dict):
        yield f"Node {node_id[:50]} ({node['class_type'][:50]}) has no inputs."


def _unsendable(graph: dict[str, Any]) -> list[str]:
    try:
        json.dumps(graph, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return ["The workflow holds something that JSON cannot say, or is nested too deep."]
    return []


def _wrong(graph: dict[str, Any]) -> Iterator[str]:
    for node_id, node in graph.items():
        yield from _bad_inputs(graph, node_id, node)
    yield from _cycle(graph)
    if not expected_outputs(graph):
        yield "The workflow has no node that saves or shows anything."


def _bad_inputs(graph: dict[str, Any], node_id: str, node: dict[str, Any]) -> Iterator[str]:
    for name, value in node["inputs"].items():
        place = f"{name} of node {node_id} ({node['class_type']})"
        if isinstance(value, list):
            yield from _bad_link(graph, place, value)
        elif name == "filename_prefix" and isinstance(value, str) and prefix_problem(value):
            yield f"{place}: {prefix_problem(value)}"


def _bad_link(graph: dict[str, Any], place: str, value: list[Any]) -> Iterator[str]:
    if not is_link(value):
        yield f'{place} is not a link of the form ["node id", slot].'
    elif value[0] not in graph:
        yield f"{place} is fed by node {value[0]}, which is not in the workflow."
    elif value[1] < 0:
        yield f"{place} asks for an output slot below 0."


def _cycle(graph: dict[str, Any]) -> Iterator[str]:
    sources = {node_id: {link[0] for _, link in _links_of(node)} for node_id, node in graph.items()}
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        around = " → ".join(error.args[1][:10])
        yield f"The workflow goes round in a circle: {around}."


def prefix_problem(prefix: str) -> str:
    """Returns what is wrong with a file name prefix for the node's output folder, or nothing.

    A prefix that leaves the folder passes the node's check and fails after all the sampling; one
    with ``%batch_num%`` overwrites older files.
    """
    parts = re.split(r"[/\\]", prefix)
    if not prefix.strip() or len(prefix) > 200 or not parts[-1].strip():
        return "The file name prefix is empty or longer than 200 characters."
    if any(part in ("..", ".") for part in parts) or parts[0] == "" or ":" in prefix:
        return "The file name prefix leads out of the node's output folder."
    if "%batch_num%" in prefix:
        return "The file name prefix must not hold %batch_num%: it overwrites older pictures."
    if re.search(r"[\x00-\x1f<>\"|?*]", prefix):
        return "The file name prefix holds a character that file names must not have."
    return ""
