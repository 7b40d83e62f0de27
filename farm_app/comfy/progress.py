"""How far a prompt is, over its whole graph, from one event to the next. Touches no socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from farm_app.comfy.events import (
    Cached,
    Event,
    Executed,
    Executing,
    Progressed,
    ProgressState,
    Succeeded,
)
from farm_app.comfy.node_classes import Phase, declared_steps, phase_of, weight_of
from farm_app.comfy.untrusted import mapping

_ALMOST = 0.99
"""As far as it goes before the node says that the prompt succeeded."""

_MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Node:
    """What one graph node adds to the whole."""

    phase: Phase | None
    weight: float
    steps: int


@dataclass(frozen=True)
class Progress:
    """How far one prompt is. The fraction never falls, whatever the node says.

    Feed it only events of one prompt; those of others would count as its own.
    """

    phase: Phase
    node_id: str | None
    """The graph node at work."""
    step: int
    """Steps done of the sampler at work; 0 in other phases."""
    steps: int
    fraction: float
    """0.0 to 1.0 of the whole graph by estimated time; 1.0 only after the success event."""
    nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)
    """The graph nodes that have to run: cached ones drop out."""
    parts: Mapping[str, float] = field(default_factory=dict, repr=False)
    """How far each of them is, 0.0 to 1.0."""

    @classmethod
    def begin(cls, graph: Mapping[str, Any]) -> Progress:
        """Returns the progress of a prompt that waits or has just started."""
        nodes = {node_id: _node(mapping(found)) for node_id, found in graph.items()}
        return cls("loading", None, 0, 0, 0.0, nodes)

    def after(self, event: Event) -> Progress:
        """Returns the progress after an event. Events that say nothing of it change nothing."""
        match event:
            case Cached(nodes=cached):
                return self._without(cached)
            case Executing(display_node=str(node)):
                return self._at(node)
            case Progressed(node=str(node), value=value, maximum=maximum):
                return self._at(_own(node, self.nodes))._stepped(node, value, maximum)
            case ProgressState():
                return self._seen(event)
            case Executed(node=str(node)):
                return self._with_parts({node: 1.0})
            case Succeeded():
                return replace(self, phase="saving", step=0, steps=0, fraction=1.0)
            case _:
                return self

    def _without(self, cached: tuple[str, ...]) -> Progress:
        gone = set(cached)
        left = {node_id: node for node_id, node in self.nodes.items() if node_id not in gone}
        return replace(self, nodes=left)._with_parts({})

    def _at(self, node_id: str) -> Progress:
        """Moves to another graph node; the one before it has ended then."""
        if node_id == self.node_id or node_id not in self.nodes or self.fraction >= 1.0:
            return self
        node = self.nodes[node_id]
        done = {self.node_id: 1.0} if self.node_id else {}
        steps = node.steps if node.phase == "sampling" else 0
        moved = replace(self, phase=node.phase or self.phase, node_id=node_id, step=0, steps=steps)
        return moved._with_parts(done)

    def _stepped(self, node: str, value: float, maximum: float) -> Progress:
        if node != self.node_id or value <= 0 or maximum <= 0:
            return self  # each node opens with 0 of 1, whatever its steps
        part = min(max(value / maximum, 0.0), 1.0)
        if self.phase != "sampling" and maximum <= 1:
            return self._with_parts({node: part})
        steps = min(int(maximum), _MOST_STEPS) or 1
        return replace(self, step=round(part * steps), steps=steps)._with_parts({node: part})

    def _seen(self, state: ProgressState) -> Progress:
        """Takes over what a state says of our own graph nodes, not of parts they expanded into."""
        own = [node for node in state.nodes if node.node in self.nodes]
        running = [node for node in own if not node.finished]
        progress = self._with_parts({node.node: 1.0 for node in own if node.finished})
        for node in running[-1:]:
            progress = progress._at(node.node)._stepped(node.node, node.value, node.maximum)
        return progress

    def _with_parts(self, parts: Mapping[str, float]) -> Progress:
        news = {
            node_id: part
            for node_id, part in parts.items()
            if node_id in self.nodes and part > self.parts.get(node_id, 0.0)
        }
        merged = {**self.parts, **news}
        whole = sum(node.weight for node in self.nodes.values())
        done = sum(node.weight * merged.get(node_id, 0.0) for node_id, node in self.nodes.items())
        fraction = min(done / whole, _ALMOST) if whole else 0.0
        return replace(self, parts=merged, fraction=max(self.fraction, fraction))


def _node(found: Mapping[str, Any]) -> Node:
    class_type, inputs = str(found.get("class_type")), mapping(found.get("inputs"))
    return Node(phase_of(class_type), weight_of(class_type, inputs), declared_steps(inputs))


def _own(node: str, nodes: Mapping[str, Node]) -> str:
    """Returns the node of our graph that ``80.0.0.1`` expanded from."""
    return node if node in nodes else node.split(".", 1)[0]
