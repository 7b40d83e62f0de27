"""Node results by class, inputs and everything upstream, kept from one prompt to the next."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from farm_app.demo.ordering import is_link

Graph = dict[str, Any]

FileHash = Callable[[str], str]
"""From the name in a LoadImage to a digest of the file's bytes."""

NEVER_CACHED = ("SaveImageWebsocket",)


@dataclass(frozen=True)
class Result:
    """What one node made."""

    values: tuple[Any, ...]
    ui: dict[str, Any] | None = None
    """What ``executed`` and the history show; None for nodes that show nothing."""


class NodeCache:
    """Keeps what the latest prompts made.

    As observed: the first node that runs to its end evicts whatever the running prompt has no
    use for; a prompt that fails before that leaves the cache as it was.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._results: dict[str, Result] = {}

    def get(self, signature: str) -> Result | None:
        """Return a kept result, if there is one."""
        return self._results.get(signature)

    def put(self, signature: str, result: Result, current: set[str]) -> None:
        """Keep a result, and drop all that is not in the ``current`` prompt."""
        self._results = {key: kept for key, kept in self._results.items() if key in current}
        self._results[signature] = result

    def clear(self) -> None:
        """Forget everything, as ``POST /free`` with ``free_memory`` asks."""
        self._results = {}


def signatures(graph: Graph, file_hash: FileHash) -> dict[str, str]:
    """Return the signature of every node that can be run; ids do not matter, links do."""
    known: dict[str, str] = {}
    for node_id in graph:
        _sign(graph, node_id, known, file_hash)
    return known


def _sign(graph: Graph, node_id: str, known: dict[str, str], file_hash: FileHash) -> str:
    if node_id in known:
        return known[node_id]
    node = graph.get(node_id)
    if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
        return f"broken:{node_id}"
    known[node_id] = f"cycle:{node_id}"
    inputs: dict[str, Any] = {}
    for name, value in sorted(node["inputs"].items()):
        if is_link(value):
            inputs[name] = [_sign(graph, value[0], known, file_hash), value[1]]
        else:
            inputs[name] = value
    extra = _changes(node, node_id, file_hash)
    text = json.dumps([node["class_type"], inputs, extra], sort_keys=True)
    known[node_id] = hashlib.sha256(text.encode()).hexdigest()
    return known[node_id]


def _changes(node: dict[str, Any], node_id: str, file_hash: FileHash) -> str:
    if node["class_type"] in ("LoadImage", "LoadImageMask"):
        return file_hash(str(node["inputs"].get("image")))
    return node_id if node["class_type"] in NEVER_CACHED else ""
