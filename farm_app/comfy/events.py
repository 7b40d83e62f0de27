"""Turns a WebSocket message of a ComfyUI server into an event. Touches no socket.

Events only hint: what counts is what the queue and the history say. Layouts as recorded from
ComfyUI 0.33.0 and 0.3.64.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from farm_app.comfy import monitors
from farm_app.comfy.history import NodeFailure, OutputFile, collect_node, read_failure
from farm_app.comfy.monitors import Monitored
from farm_app.comfy.untrusted import (
    identifier,
    listing,
    mapping,
    milliseconds,
    number,
    text,
)

PREVIEW_BYTES = 512 * 1024
_PICTURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"RIFF": "image/webp",
}


@dataclass(frozen=True)
class Status:
    """The queue changed. Goes to every client of the node."""

    queue_remaining: int | None
    """Running and pending prompts of everybody."""
    sid: str | None = None
    """Our client id as the server understood it; only in the first message."""
    prompt_id: str | None = None


@dataclass(frozen=True)
class Started:
    """The prompt left the queue."""

    prompt_id: str | None
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Cached:
    """Graph nodes whose results are still there and that will not run. Follows each start."""

    prompt_id: str | None
    nodes: tuple[str, ...]
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Executing:
    """A graph node begins; ``node`` None ends the prompt, however it went: the history is ready.

    After a reconnect the server repeats the present node without a prompt id.
    """

    prompt_id: str | None
    node: str | None
    display_node: str | None
    """The node of our graph when ``node`` is a part that it expanded into."""


@dataclass(frozen=True)
class Progressed:
    """A step of one graph node. Unclamped: a node pack may say 7 of 4."""

    prompt_id: str | None
    node: str | None
    value: float
    maximum: float


@dataclass(frozen=True)
class NodeProgress:
    """How far one graph node is, in a ``ProgressState``."""

    node: str
    display_node: str
    value: float
    maximum: float
    finished: bool


@dataclass(frozen=True)
class ProgressState:
    """All graph nodes touched so far, each time again: of several in a row the last one says it all."""

    prompt_id: str | None
    said: Mapping[str, object]
    """What the server says of each graph node, as it came."""

    @property
    def nodes(self) -> tuple[NodeProgress, ...]:
        """The same, read: worth it only for a state that somebody looks at."""
        return tuple(_node_progress(node, state) for node, state in self.said.items())


@dataclass(frozen=True)
class Executed:
    """A graph node with output is done. Its files can be fetched, but the prompt runs on."""

    prompt_id: str | None
    node: str | None
    outputs: tuple[OutputFile, ...]


@dataclass(frozen=True)
class Succeeded:
    """All went well; the history entry may come some milliseconds later."""

    prompt_id: str | None
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Failed:
    """A graph node raised. A blocked output says this too and then succeeds: ask the history."""

    prompt_id: str | None
    failure: NodeFailure
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Interrupted:
    """Somebody stopped the prompt."""

    prompt_id: str | None
    node: str | None
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Preview:
    """A picture of the sampler's present state, at most 512 KiB, of a type checked by its magic.

    ``prompt_id`` and ``node`` are None when the server does not send metadata: then it belongs to
    whatever ``Executing`` said last.
    """

    prompt_id: str | None
    node: str | None
    image: bytes
    content_type: str


@dataclass(frozen=True)
class TextFrame:
    """A line of text from a graph node."""

    node: str | None
    text: str
    prompt_id: str | None = None


@dataclass(frozen=True)
class FeatureFlags:
    """The server's answer to ours."""

    flags: Mapping[str, Any]
    prompt_id: str | None = None


@dataclass(frozen=True)
class Unknown:
    """Nothing that we read: junk, a node pack's own event, or an oversized preview."""

    reason: str
    type: str = ""
    prompt_id: str | None = None


Event = (
    Status
    | Started
    | Cached
    | Executing
    | Progressed
    | ProgressState
    | Executed
    | Succeeded
    | Failed
    | Interrupted
    | Preview
    | TextFrame
    | FeatureFlags
    | Monitored
    | Unknown
)


def parse(message: str | bytes) -> Event:
    """Reads one message. Never raises: what cannot be read is ``Unknown`` with the reason."""
    return _parse_text(message) if isinstance(message, str) else _parse_binary(message)


def _parse_text(message: str) -> Event:
    try:
        parsed = json.loads(message)
    except (ValueError, RecursionError) as error:
        return Unknown(f"not JSON: {text(str(error), 80)}")
    if not isinstance(parsed, dict):
        return Unknown("not an object")
    kind = text(parsed.get("type"), 100)
    data = mapping(parsed.get("data"))
    read = _READERS.get(kind)
    if read is None and kind in monitors.READERS:
        return monitors.READERS[kind](data)
    if read is None:
        return Unknown("no such type", kind, identifier(data.get("prompt_id")))
    return read(data, identifier(data.get("prompt_id")))


Data = dict[str, Any]


def _status(data: Data, prompt_id: str | None) -> Event:
    remaining = mapping(mapping(data.get("status")).get("exec_info")).get("queue_remaining")
    count = max(0, int(number(remaining))) if isinstance(remaining, int) else None
    return Status(count, identifier(data.get("sid")))


def _started(data: Data, prompt_id: str | None) -> Event:
    return Started(prompt_id, milliseconds(data.get("timestamp")))


def _cached(data: Data, prompt_id: str | None) -> Event:
    nodes = [identifier(node) for node in listing(data.get("nodes"))]
    stamp = milliseconds(data.get("timestamp"))
    return Cached(prompt_id, tuple(node for node in nodes if node), stamp)


def _executing(data: Data, prompt_id: str | None) -> Event:
    node = identifier(data.get("node"))
    return Executing(prompt_id, node, identifier(data.get("display_node")) or node)


def _progressed(data: Data, prompt_id: str | None) -> Event:
    node = identifier(data.get("node"))
    return Progressed(prompt_id, node, number(data.get("value")), number(data.get("max")))


def _progress_state(data: Data, prompt_id: str | None) -> Event:
    return ProgressState(prompt_id, mapping(data.get("nodes")))


def _node_progress(node: str, state: object) -> NodeProgress:
    found = mapping(state)
    name = text(node, 200)
    return NodeProgress(
        node=name,
        display_node=identifier(found.get("display_node_id")) or name,
        value=number(found.get("value")),
        maximum=number(found.get("max")),
        finished=found.get("state") == "finished",
    )


def _executed(data: Data, prompt_id: str | None) -> Event:
    node = identifier(data.get("node"))
    return Executed(prompt_id, node, tuple(collect_node(node or "", data.get("output"))))


def _succeeded(data: Data, prompt_id: str | None) -> Event:
    return Succeeded(prompt_id, milliseconds(data.get("timestamp")))


def _failed(data: Data, prompt_id: str | None) -> Event:
    return Failed(prompt_id, read_failure(data), milliseconds(data.get("timestamp")))


def _interrupted(data: Data, prompt_id: str | None) -> Event:
    node = identifier(data.get("node_id"))
    return Interrupted(prompt_id, node, milliseconds(data.get("timestamp")))


def _feature_flags(data: Data, prompt_id: str | None) -> Event:
    return FeatureFlags(data)


_READERS: dict[str, Callable[[Data, str | None], Event]] = {
    "status": _status,
    "execution_start": _started,
    "execution_cached": _cached,
    "executing": _executing,
    "progress": _progressed,
    "progress_state": _progress_state,
    "executed": _executed,
    "execution_success": _succeeded,
    "execution_error": _failed,
    "execution_interrupted": _interrupted,
    "feature_flags": _feature_flags,
}


def _parse_binary(message: bytes) -> Event:
    if len(message) < 8:
        return Unknown("a frame shorter than its header")
    kind, second = struct.unpack_from(">II", message)
    if kind == 1:  # the second word is the picture's type; its magic says so more surely
        return _preview(message[8:], {})
    if kind in (3, 4) and second > len(message) - 8:
        return Unknown("a frame shorter than it says", str(kind))
    if kind == 3:
        return TextFrame(
            _decoded(message[8 : 8 + second], 200) or None,
            _decoded(message[8 + second :]),
        )
    if kind == 4:
        return _preview(message[8 + second :], _metadata(message[8 : 8 + second]))
    return Unknown("no such kind of frame", str(kind))


def _decoded(data: bytes, limit: int = 1000) -> str:
    return text(data[: 4 * limit].decode("utf-8", "replace"), limit)


def _metadata(data: bytes) -> dict[str, Any]:
    try:
        return mapping(json.loads(data))
    except (ValueError, RecursionError):
        return {}


def _preview(image: bytes, metadata: dict[str, Any]) -> Event:
    prompt_id = identifier(metadata.get("prompt_id"))
    if len(image) > PREVIEW_BYTES:
        return Unknown("a preview over 512 KiB", "preview", prompt_id)
    content_type = next((_PICTURES[magic] for magic in _PICTURES if image.startswith(magic)), None)
    if content_type is None or (content_type == "image/webp" and image[8:12] != b"WEBP"):
        return Unknown("a preview that is no picture", "preview", prompt_id)
    node = identifier(metadata.get("display_node_id")) or identifier(metadata.get("node_id"))
    return Preview(prompt_id, node, image, content_type)
