"""The payload of ``progress_state``: every node a prompt has touched so far, repeated each time."""

from typing import Any


class ProgressBoard:
    """Progress of the nodes of one prompt, in the order they were touched."""

    def __init__(self, prompt_id: str) -> None:
        """Start with no node touched."""
        self.prompt_id = prompt_id
        self._nodes: dict[str, dict[str, Any]] = {}

    def start(self, node_id: str) -> None:
        """A node begins: 0.0 of 1.0."""
        self._set(node_id, 0.0, 1.0, "running")

    def step(self, node_id: str, value: int, total: int) -> None:
        """A node says how far it is."""
        self._set(node_id, value, total, "running")

    def finish(self, node_id: str) -> None:
        """A node ends; one that never began (its result was at hand) counts as 1 of 1."""
        total = self._nodes[node_id]["max"] if node_id in self._nodes else 1
        self._set(node_id, total, total, "finished")

    def _set(self, node_id: str, value: float, total: float, state: str) -> None:
        self._nodes[node_id] = {
            "value": value,
            "max": total,
            "state": state,
            "node_id": node_id,
            "prompt_id": self.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }

    def payload(self) -> dict[str, Any]:
        """Return the event's data; later changes do not touch it."""
        return {
            "prompt_id": self.prompt_id,
            "nodes": {node_id: dict(state) for node_id, state in self._nodes.items()},
        }
