"""A graph that does nothing but bring a model into a node's memory, made from one that draws a picture."""

from collections.abc import Mapping
from typing import Any

from farm_app.comfy.node_classes import writes_files

TINY: Mapping[str, int] = {"width": 64, "height": 64, "steps": 1, "batch_size": 1}
"""What is drawn is of no use: one step of the smallest latent is enough to load the weights."""


def warm_up(graph: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the graph with its pictures shown instead of saved, so that it leaves no file among the outputs.

    Args:
        graph: In API form, bound to the node, drawing something tiny.
    """
    return {node_id: _shown(node) for node_id, node in graph.items()}


def _shown(node: Mapping[str, Any]) -> dict[str, Any]:
    if not writes_files(str(node.get("class_type"))):
        return dict(node)
    images = node.get("inputs", {}).get("images")
    return {"class_type": "PreviewImage", "inputs": {"images": images}}
