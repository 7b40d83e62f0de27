"""Eliot's workers in processes of their own that die where a failpoint says so, and others that go on after them."""

import json
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.farm.rig import NodeProcess, wait_until
from tests.faults.nursery import Child, Nursery

PATIENCE_S = 90
# Longer than any lease of the farm, as tests scale them.
SLEEP = "sleep:9"


class Elsewhere:
    """One data folder, and the processes that work on it one after the other."""

    def __init__(
        self, nursery: Nursery, data: Path, nodes: Sequence[NodeProcess], action: str = "kill9"
    ) -> None:
        self.data = data
        self.nodes = nodes
        self.action = action
        self.more = 0
        """How often a picture may be begun beyond what the row of the test says."""
        self._nursery = nursery

    def start(self, *words: str, at: str = "", hit: int = 1) -> Child:
        """Start a process that meets its fate ``at`` a failpoint."""
        what = SLEEP if self.action == "sleep" else self.action
        return self._nursery.begin(self.data, list(words), f"{at}=hit:{hit},{what}" if at else "")

    def ended(self, process: Child) -> dict[str, Any]:
        """Let a process come to its end; return what it tells."""
        wait_until(process.poll, PATIENCE_S)
        assert process.status == 0, process.said()[-4000:]
        told: dict[str, Any] = process.told()
        return told

    def place(self, count: int = 1) -> Sequence[str]:
        """Return the words that make the rows of nodes and jobs."""
        ports = {node.name: node.port for node in self.nodes}
        return "place", json.dumps(ports), str(count)

    def crash(self, *words: str, at: str, hit: int = 1) -> None:
        """Let a process die at a failpoint, or stumble or sleep there and go on; see that it came by."""
        process = self.start(*words, at=at, hit=hit)
        wait_until(process.poll, PATIENCE_S)
        ends = -signal.SIGKILL if self.action == "kill9" else 0
        assert process.status == ends, process.said()[-4000:]
        assert f"failpoint {at}:" in process.said(), process.said()[-4000:]

    def go_on(self, *verbs: str) -> dict[str, Any]:
        """Let another process do what is left and tell what is there; the invariants are checked on the way."""
        return self.ended(self.start(",".join([*verbs, "work", "tell"])))

    def attempts(self) -> set[str]:
        """Return the ids of all its attempts."""
        with closing(sqlite3.connect(self.data / "eliot.sqlite3", timeout=10)) as link:
            found = link.execute("select id from farm_app_attempt").fetchall()
        return {str(UUID(pk)) for (pk,) in found}

    def executions(self) -> int:
        """Return how often any node began to render."""
        return sum(len(node.executions()) for node in self.nodes)


def assert_whole(told: dict[str, Any], count: int) -> None:
    """So many were asked for, and so many pictures are there, each once."""
    assert told["states"] == ["done"] * count
    assert len(told["files"]) == count
    assert (told["won"], told["rows"]) == (count, count)
