"""Reads the distilled recordings of real servers in ``fixtures/``: one JSON object per line."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farm_app.comfy.events import Event, parse

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Recording:
    """One file: what a server of that version sent, in order."""

    server: str
    lines: tuple[dict[str, Any], ...]

    def messages(self, ws: str | None = None) -> list[str | bytes]:
        rows = [row for row in self.lines if ws is None or row.get("ws") == ws]
        return [_message(row) for row in rows if "text" in row or "binary_type" in row]

    def events(self, ws: str | None = None) -> list[Event]:
        return [parse(message) for message in self.messages(ws)]

    def exchanges(self, start: str) -> list[dict[str, Any]]:
        return [row for row in self.lines if row.get("http", "").startswith(start)]

    def answer(self, start: str) -> Any:
        return self.exchanges(start)[0]["body"]

    def histories(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in self.exchanges("GET /history/"):
            found |= row["body"]
        return found


def recording(name: str) -> Recording:
    first, *rest = (FIXTURES / f"{name}.jsonl").read_text("utf-8").splitlines()
    return Recording(json.loads(first)["server"], tuple(json.loads(line) for line in rest))


def _message(row: dict[str, Any]) -> str | bytes:
    """Returns the frame as it came; of pictures only the head was kept, the rest is zeros."""
    if "text" in row:
        return str(row["text"])
    head = base64.b64decode(row["head_b64"])
    if "meta" in row:
        meta = row["meta"].encode()
        head = struct.pack(">II", 4, len(meta)) + meta + bytes.fromhex(row["magic"])
    return head + bytes(row["len"] - len(head))
