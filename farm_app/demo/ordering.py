"""In which order the nodes of a graph run: by readiness, outputs and what feeds them first."""

from collections.abc import Callable, Iterator
from typing import Any

from farm_app.demo.classes import CLASSES

Graph = dict[str, Any]


def links(node: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield ``(input name, source id, slot)`` of every linked input, in the node's own order."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, value[0], value[1]


def is_link(value: Any) -> bool:
    """Whether an input value names another node's output."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def execution_order(
    graph: Graph, outputs: list[str], is_cached: Callable[[str], bool]
) -> list[str]:
    """Return the ids to run, cached outputs included, in the order observed on real servers.

    Args:
        graph: a valid graph.
        outputs: the output nodes to run.
        is_cached: whether a node's result is at hand; nothing above such a node runs.
    """
    waiting = _discover(graph, outputs, is_cached)
    feeds: dict[str, list[str]] = {node_id: [] for node_id in waiting}
    blockers: dict[str, set[str]] = {node_id: set() for node_id in waiting}
    for node_id in waiting:
        for _, source, _ in _needed(graph, node_id, is_cached):
            feeds[source].append(node_id)
            blockers[node_id].add(source)
    order: list[str] = []
    while waiting:
        ready = [node_id for node_id in waiting if not blockers[node_id]]
        chosen = _pick(graph, ready, feeds)
        waiting.remove(chosen)
        order.append(chosen)
        for fed in feeds[chosen]:
            blockers[fed].discard(chosen)
    return order


def _needed(
    graph: Graph, node_id: str, is_cached: Callable[[str], bool]
) -> list[tuple[str, str, int]]:
    if is_cached(node_id):
        return []
    return [link for link in links(graph[node_id]) if not is_cached(link[1])]


def _discover(graph: Graph, outputs: list[str], is_cached: Callable[[str], bool]) -> list[str]:
    """Return everything that must run, depth first, the last input of a node first."""
    found: dict[str, None] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node_id = stack.pop()
            if node_id not in found:
                found[node_id] = None
                stack += [source for _, source, _ in _needed(graph, node_id, is_cached)]
    return list(found)


def _pick(graph: Graph, ready: list[str], feeds: dict[str, list[str]]) -> str:
    """Choose what shows the user a picture soonest: an output, then what is one or two away."""

    def is_output(node_id: str) -> bool:
        return CLASSES[graph[node_id]["class_type"]].is_output

    def feeds_output(node_id: str) -> bool:
        return any(is_output(fed) for fed in feeds[node_id])

    def two_away(node_id: str) -> bool:
        return any(feeds_output(fed) for fed in feeds[node_id])

    for wanted in (is_output, feeds_output, two_away):
        for node_id in ready:
            if wanted(node_id):
                return node_id
    return ready[0]
