"""One prompt while it runs: its plan, its messages, its outputs so far."""

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from farm_app.demo.cache import Result
from farm_app.demo.drawing import Drawing
from farm_app.demo.progress import ProgressBoard
from farm_app.demo.prompt_queue import Item


@dataclass
class Run:
    """The state of one execution; times are of the running loop's clock."""

    item: Item
    started: float
    modern: bool
    signatures: dict[str, str] = field(default_factory=dict)
    cached: dict[str, Result] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)
    drawing: Drawing | None = None
    deadline: float = 0.0
    tail_s: float = 0.0
    node: str | None = None
    """The node that runs now; blamed if anything raises."""
    over: bool = False
    """Set once the outcome is known: nothing may fail the prompt any more."""
    executed: set[str] = field(default_factory=set)
    outputs: dict[str, Any] = field(default_factory=dict)
    messages: list[list[Any]] = field(default_factory=list)
    board: ProgressBoard = field(init=False)
    said_too: list[list[Any]] = field(default_factory=list)
    """What a fault says after the event that is told now."""
    progress_said: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When and at which value a sampler last told its progress."""

    def __post_init__(self) -> None:
        """Start the clock and an empty board."""
        self.deadline = self.started
        self.board = ProgressBoard(self.item.prompt_id)

    @property
    def prompt_id(self) -> str:
        """The prompt's id."""
        return self.item.prompt_id

    @property
    def client_id(self) -> str | None:
        """Who gets the events."""
        return self.item.client_id

    @property
    def end(self) -> float:
        """When the prompt should be over."""
        return self.deadline + self.tail_s

    @cached_property
    def graph_text(self) -> str:
        """The graph as text, for rules that look for words in it."""
        return json.dumps(self.item.graph, ensure_ascii=False)

    def class_of(self, node_id: str | None) -> str | None:
        """The class of a node."""
        return None if node_id is None else str(self.item.graph[node_id]["class_type"])

    def note(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        """Add a time stamp, keep the message for the history, and return it."""
        data = {**data, "timestamp": now_ms()}
        self.messages.append([event, data])
        return data

    def entry(self, status: str) -> dict[str, Any]:
        """Return the history entry, without the ``prompt``."""
        return {
            "outputs": dict(self.outputs),
            "status": {
                "status_str": status,
                "completed": status == "success",
                "messages": self.messages,
            },
            "meta": {node_id: _meta(node_id) for node_id in self.outputs},
        }


def now_ms() -> int:
    """Return the wall clock in milliseconds."""
    return int(time.time() * 1000)


def _meta(node_id: str) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "display_node": node_id,
        "parent_node": None,
        "real_node_id": node_id,
    }
