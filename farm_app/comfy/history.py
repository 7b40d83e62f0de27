"""Turns what /history and /queue say into values: what is waiting, what ran, what came out of it.

Shapes as recorded from ComfyUI 0.33.0 and 0.3.64.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from farm_app.comfy.untrusted import (
    identifier,
    listing,
    mapping,
    milliseconds,
    number,
    text,
)

Outcome = Literal["success", "error", "interrupted"]
_ENDS = ("execution_success", "execution_error", "execution_interrupted")


@dataclass(frozen=True)
class OutputFile:
    """One file that a prompt left on the node. The names are the node's: never build paths of them.

    ``index`` counts the files of one graph node from 0 in the order of the answer, so
    (``node_id``, ``index``) is the same at each reading.
    """

    node_id: str
    index: int
    filename: str
    subfolder: str
    type: str
    """``output`` or ``temp``; temp files vanish when the node restarts."""
    animated: bool


@dataclass(frozen=True)
class NodeFailure:
    """Which graph node failed and why, in the server's words; without its dumps of tensors."""

    node_id: str
    node_type: str
    exception_type: str
    message: str


@dataclass(frozen=True)
class HistoryEntry:
    """What became of a prompt. An error or an interruption may still have left files."""

    prompt_id: str
    outcome: Outcome
    outputs: tuple[OutputFile, ...]
    failure: NodeFailure | None
    started_ms: int | None
    """The node's own clock, milliseconds since 1970."""
    ended_ms: int | None


@dataclass(frozen=True)
class Queue:
    """Prompt ids on the node, in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]
    markers: Mapping[str, str] = field(default_factory=dict)
    """From our own marker (``extra_data["eliot"]["attempt"]``) to the server's prompt id."""


@dataclass(frozen=True)
class Pending:
    """It waits in the node's queue."""

    prompt_id: str


@dataclass(frozen=True)
class Running:
    """It runs."""

    prompt_id: str


@dataclass(frozen=True)
class Finished:
    """It ended, well or badly."""

    entry: HistoryEntry


@dataclass(frozen=True)
class Absent:
    """The node knows nothing of it: never came, was deleted while pending, or lost in a restart."""


Fate = Pending | Running | Finished | Absent


def read_queue(answer: object) -> Queue:
    """Reads a /queue answer; pending prompts come in heap order there and are sorted here.

    Raises:
        ValueError: not such an answer. Half of it is not used: a prompt missed here would be
            taken for lost.
    """
    if not isinstance(answer, dict):
        raise ValueError("the queue is not an object")
    running, pending = (_items(answer.get(f"queue_{part}")) for part in ("running", "pending"))
    return Queue(
        running=tuple(prompt_id for _, prompt_id, _ in running),
        pending=tuple(prompt_id for _, prompt_id, _ in pending),
        markers={mark: prompt_id for _, prompt_id, mark in running + pending if mark},
    )


def _items(items: object) -> list[tuple[float, str, str]]:
    if not isinstance(items, list):
        raise ValueError("a part of the queue is not a list")
    return sorted(_item(item) for item in items)


def _item(item: object) -> tuple[float, str, str]:
    fields = listing(item)
    prompt_id = identifier(fields[1]) if len(fields) > 1 else None
    if prompt_id is None or not isinstance(fields[0], int | float):
        raise ValueError("a queue item is not [number, prompt id, …]")
    return number(fields[0]), prompt_id, marker_of(fields)


def marker_of(prompt: list[object]) -> str:
    """Returns our marker in a prompt as /queue and /history list it, or an empty text."""
    extra_data = mapping(prompt[3]) if len(prompt) > 3 else {}
    return text(mapping(extra_data.get("eliot")).get("attempt"))


def read_entry(prompt_id: str, entry: object) -> HistoryEntry:
    """Reads one entry of /history.

    Raises:
        ValueError: not an entry.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("outputs"), dict):
        raise ValueError("a history entry has no outputs")
    outputs = collect(entry["outputs"])
    status = mapping(entry.get("status"))
    messages = [_message(item) for item in listing(status.get("messages"))]
    outcome = _outcome(status, messages, bool(outputs))
    times = {kind: milliseconds(data.get("timestamp")) for kind, data in messages}
    return HistoryEntry(
        prompt_id=prompt_id,
        outcome=outcome,
        outputs=outputs,
        failure=_failure(messages) if outcome == "error" else None,
        started_ms=times.get("execution_start"),
        ended_ms=next((times[kind] for kind in _ENDS if kind in times), None),
    )


def _message(item: object) -> tuple[str, dict[str, object]]:
    pair = [*listing(item), None, None]
    return text(pair[0]), mapping(pair[1])


def _outcome(
    status: dict[str, object],
    messages: list[tuple[str, dict[str, object]]],
    has_files: bool,
) -> Outcome:
    """Says how it ended; the status calls an interruption an error, only the messages differ."""
    if any(kind == "execution_interrupted" for kind, _ in messages):
        return "interrupted"
    if not status:  # servers of 2023 kept none
        return "success" if has_files else "error"
    return "success" if status.get("status_str") == "success" else "error"


def _failure(messages: list[tuple[str, dict[str, object]]]) -> NodeFailure:
    for kind, data in reversed(messages):
        if kind == "execution_error":
            return read_failure(data)
    return NodeFailure("", "", "", "The node gave no reason.")


def read_failure(data: Mapping[str, object]) -> NodeFailure:
    """Reads an ``execution_error``, from the history or as an event."""
    return NodeFailure(
        node_id=identifier(data.get("node_id")) or "",
        node_type=text(data.get("node_type"), 200),
        exception_type=text(data.get("exception_type"), 200),
        message=text(data.get("exception_message")).strip(),
    )


def collect(outputs: object) -> tuple[OutputFile, ...]:
    """Collects files from an ``outputs`` object, whatever the keys are that node packs chose.

    Every item of a list that has a ``filename`` is a file. Sorted by graph node (9 before 10).
    """
    files = [
        file
        for node_id, output in mapping(outputs).items()
        for file in collect_node(text(node_id, 200), output)
    ]
    return tuple(sorted(files, key=lambda file: (natural(file.node_id), file.index)))


def collect_node(node_id: str, output: object) -> list[OutputFile]:
    """Collects the files of one graph node's output, which is null for some cached nodes."""
    found = mapping(output)
    animated = any(flag is True for flag in listing(found.get("animated")))
    items = [item for items in found.values() for item in listing(items) if _is_file(item)]
    return [_file(node_id, index, item, animated) for index, item in enumerate(items)]


def _is_file(item: object) -> bool:
    return isinstance(item, dict) and bool(text(item.get("filename")))


def _file(node_id: str, index: int, item: dict[str, object], animated: bool) -> OutputFile:
    return OutputFile(
        node_id=node_id,
        index=index,
        filename=text(item["filename"]),
        subfolder=text(item.get("subfolder")),
        type=text(item.get("type"), 20) or "output",
        animated=animated,
    )


def natural(node_id: str) -> tuple[tuple[int, int, str], ...]:
    """Returns a sort key that puts 9 before 10 and takes the dotted ids of expanded nodes too."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", node_id)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
