"""An append-only record of what the node was asked and did; it survives a SIGKILL of the node."""

import json
import os
import time
from pathlib import Path
from typing import Any


class Ledger:
    """One JSON object per line, written straight to the file: nothing waits in a buffer.

    Kinds: ``prompt`` (a POST and its status), ``start``, ``end``, ``cancel``, ``delete``,
    ``clear``, ``interrupt``.
    """

    def __init__(self, path: Path | None, node: str) -> None:
        """Open the file for appending; without a path nothing is written."""
        self.node = node
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, kind: str, **facts: Any) -> None:
        """Append one line; a single write, so that several processes may share the file."""
        if self._file is None:
            return
        line = {"t": time.time(), "node": self.node, "kind": kind, **facts}
        os.write(self._file, (json.dumps(line, default=str) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """Return all whole lines of a ledger, oldest first."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
