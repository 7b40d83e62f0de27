"""Talks HTTP with one ComfyUI server.

Nothing here decides or retries: each method makes its exchange and returns values or raises a
``ComfyError``. Methods of servers that differ by version are probed, never guessed from a version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from farm_app.comfy.errors import ComfyError, NotFound
from farm_app.comfy.history import (
    Absent,
    Fate,
    Finished,
    HistoryEntry,
    NodeFailure,
    OutputFile,
    Pending,
    Queue,
    Running,
    marker_of,
    read_entry,
    read_queue,
)
from farm_app.comfy.inventory import Inventory, SystemStats, read_inventory, read_system_stats
from farm_app.comfy.rejection import drops_output, read_rejection
from farm_app.comfy.transfer import Fetched, fetch, upload
from farm_app.comfy.untrusted import identifier, listing, mapping, number
from farm_app.comfy.wire import JSON_BYTES, Wire, encoded

__all__ = [
    "Absent",
    "Accepted",
    "ComfyClient",
    "Fate",
    "Fetched",
    "Finished",
    "HistoryEntry",
    "Inventory",
    "NodeFailure",
    "OutputFile",
    "Pending",
    "Queue",
    "Running",
    "SystemStats",
]

HISTORY_BYTES = 32 * 2**20
OBJECT_INFO_BYTES = 64 * 2**20
RECENT_ENTRIES = 64
"""How far back a marker is looked for in the history."""
AIMS_SINCE = (0, 3, 64)
"""The oldest server of which it was seen that ``/interrupt`` heeds its prompt id; much older ones may not."""
MOST_QUEUED = 1_000_000
"""More cannot be: whoever says so lies."""


@dataclass(frozen=True)
class Accepted:
    """The node queued the graph."""

    prompt_id: str
    """Ours, or the server's own where it ignores ours."""
    number: float
    """Its place: lowest runs first. Counts from 0 again after a restart of the server."""


def _aims(version: str) -> bool:
    """Says whether a server of this version stops only the prompt that an interrupt names."""
    numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return numbers is not None and tuple(map(int, numbers.groups())) >= AIMS_SINCE


class ComfyClient:
    """One node's HTTP interface. Safe to share between threads; close it, or use it with ``with``.

    Every method may raise Unreachable, BadResponse, NeedsCredentials or Busy beside what it names.

    Args:
        origin: such as ``http://192.168.0.20:8188``; a path in front of the routes is kept.
        transport: replaces the network, for tests.
        connect_timeout_s: how long a node may take to accept a connection.
        read_timeout_s: how long it may be silent in the middle of an answer.
        slow_after_s: a file that comes with less than 1 KiB/s over this time is given up.
    """

    def __init__(
        self,
        origin: str,
        *,
        transport: httpx.BaseTransport | None = None,
        connect_timeout_s: float = 3.0,
        read_timeout_s: float = 15.0,
        slow_after_s: float = 30.0,
    ) -> None:
        self._wire = Wire(
            origin,
            transport=transport,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
        )
        self._slow_after_s = slow_after_s
        self._jobs_api: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._wire.close()

    # What the node is and has

    def queue_remaining(self) -> int:
        """Returns how many prompts run and wait, of everybody: the cheapest sign of life."""
        answer = mapping(self._ask("/prompt"))
        remaining = mapping(answer.get("exec_info")).get("queue_remaining")
        if isinstance(remaining, bool) or not isinstance(remaining, int):
            raise self._wire.stranger("GET /prompt has no queue_remaining")
        return min(max(0, remaining), MOST_QUEUED)

    def system_stats(self) -> SystemStats:
        """Returns what the machine is. Also the identity check: BadResponse if not a ComfyUI."""
        answer = self._ask("/system_stats")
        try:
            return read_system_stats(answer)
        except ValueError as error:
            raise self._wire.stranger(str(error)) from error

    def inventory(self) -> Inventory:
        """Returns the node's classes and model files. 0.1 to 0.4 s on the node, up to megabytes."""
        answer = self._ask("/object_info", cap_bytes=OBJECT_INFO_BYTES)
        try:
            return read_inventory(answer)
        except ValueError as error:
            raise self._wire.stranger(str(error)) from error

    # Prompts

    def queue(self) -> Queue:
        """Returns the prompts on the node in the order in which they will run."""
        answer = self._ask("/queue", cap_bytes=HISTORY_BYTES)
        try:
            return read_queue(answer)
        except ValueError as error:
            raise self._wire.stranger(str(error)) from error

    def submit(
        self,
        graph: Mapping[str, Any],
        *,
        prompt_id: str,
        client_id: str,
        extra_data: Mapping[str, Any] | None = None,
    ) -> Accepted:
        """Queues a graph on the node. Events may come before this returns.

        Args:
            graph: in API form, bound for this node.
            prompt_id: a canonical UUID4; current servers take nothing else.
            client_id: whose socket gets the events.
            extra_data: kept beside the prompt and shown to anybody who asks the node;
                ``{"eliot": {"attempt": marker}}`` lets ``look_up`` find it by the marker.

        Raises:
            Rejected: the node will not run it, or would leave out an output. In the second case
                it queued the rest, which has been cancelled as well as one request can.
            AlreadyKnown, TooLarge: see there.
            ComfyError: with ``ambiguous`` set, look it up before sending anything again.
        """
        body = {
            "prompt": graph,
            "prompt_id": prompt_id,
            "client_id": client_id,
            "extra_data": dict(extra_data or {}),
        }
        with self._wire.open("POST", "/prompt", **encoded(body)) as response:
            if response.status_code == 400:
                raise self._rejected(self._wire.parsed(response), graph)
            self._wire.check(response)
            answer = self._wire.parsed(response)
        return self._accepted(answer, graph)

    def _accepted(self, answer: object, graph: Mapping[str, Any]) -> Accepted:
        found = mapping(answer)
        prompt_id = identifier(found.get("prompt_id"))
        if prompt_id is None:
            raise self._wire.stranger("POST /prompt gave no prompt_id", ambiguous=True)
        if drops_output(found, graph):
            with suppress(ComfyError):
                self.cancel(prompt_id)
            raise read_rejection(found, graph, where=self._wire.where, accepted_as=prompt_id)
        return Accepted(prompt_id, number(found.get("number")))

    def _rejected(self, answer: object, graph: Mapping[str, Any]) -> ComfyError:
        found = mapping(answer)
        if not found.get("error") and not found.get("node_errors"):
            return self._wire.stranger("POST /prompt answers 400 without saying why")
        return read_rejection(found, graph, where=self._wire.where)

    def history(self, prompt_id: str) -> HistoryEntry | None:
        """Returns what became of a prompt; None if unknown, waiting, running or lost alike."""
        answer = self._history(f"/history/{quote(prompt_id, safe='')}")
        return self._entry(prompt_id, answer[prompt_id]) if prompt_id in answer else None

    def look_up(self, prompt_id: str, marker: str | None = None) -> Fate:
        """Finds out where a prompt is.

        A prompt moves from the queue to the history in one step, so it is looked for in that
        order; and twice, because a request that we gave up may arrive in the meantime.

        Args:
            prompt_id: the id that we sent, or that the server returned.
            marker: finds it also by ``extra_data["eliot"]["attempt"]``, on servers that use ids
                of their own.
        """
        for _ in range(2):
            fate = self._in_queue(prompt_id, marker) or self._in_history(prompt_id, marker)
            if fate is not None:
                return fate
        return Absent()

    def _in_queue(self, prompt_id: str, marker: str | None) -> Fate | None:
        queue = self.queue()
        wanted = (
            prompt_id,
            queue.markers.get(marker, prompt_id) if marker else prompt_id,
        )
        for found in wanted:
            if found in queue.running:
                return Running(found)
            if found in queue.pending:
                return Pending(found)
        return None

    def _in_history(self, prompt_id: str, marker: str | None) -> Fate | None:
        entry = self.history(prompt_id)
        if entry is None and marker:
            entry = self._by_marker(marker)
        return Finished(entry) if entry else None

    def _by_marker(self, marker: str) -> HistoryEntry | None:
        recent = self._history("/history", params={"max_items": str(RECENT_ENTRIES)})
        for prompt_id, found in reversed(recent.items()):
            if marker_of(listing(mapping(found).get("prompt"))) == marker:
                return self._entry(prompt_id, found)
        return None

    def _history(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer = self._ask(path, params=params, cap_bytes=HISTORY_BYTES)
        if not isinstance(answer, dict):
            raise self._wire.stranger("the history is not an object")
        return answer

    def _entry(self, prompt_id: str, found: object) -> HistoryEntry:
        try:
            return read_entry(prompt_id, found)
        except ValueError as error:
            raise self._wire.stranger(str(error)) from error

    def has_jobs_api(self) -> bool:
        """Says whether the server has /api/jobs, and with it a cancel without a race. Asks once."""
        if self._jobs_api is None:
            try:
                answer = self._wire.json("GET", "/api/jobs", params={"limit": "1"})
                self._jobs_api = isinstance(mapping(answer).get("jobs"), list)
            except NotFound:
                self._jobs_api = False
        return self._jobs_api

    def cancel(self, prompt_id: str, *, version: str = "") -> None:
        """Asks the node to drop a prompt, waiting or running, and no other.

        It may be too late, and a node looks at it only between steps: see ``look_up`` for what
        came of it, and repeat until it is finished or absent.

        Args:
            version: the server's, as it says. One that is not known to aim an interrupt at an id is
                not interrupted while anything else waits there: it would stop whatever runs by then.
                What it renders for nobody then ends by itself.
        """
        if self.has_jobs_api():
            try:
                self._wire.json("POST", f"/api/jobs/{quote(prompt_id, safe='')}/cancel")
            except NotFound:
                self._jobs_api = False  # an older server came back at this address
            else:
                return
        self._wire.json("POST", "/queue", body={"delete": [prompt_id]})
        queue = self.queue()
        if prompt_id in queue.running and (_aims(version) or not queue.pending):
            self._wire.json("POST", "/interrupt", body={"prompt_id": prompt_id})

    def free(self) -> None:
        """Asks the node to unload its models and empty its caches: at once when it is idle, else after what runs."""
        self._wire.json("POST", "/free", body={"unload_models": True, "free_memory": True})

    # Files

    def fetch(self, file: OutputFile, into: BinaryIO, *, cap_bytes: int) -> Fetched:
        """Copies an output file into a binary file, in pieces. On failure a part may be in it.

        Raises:
            NotFound: the node lists the file but does not have it (any more).
            Truncated: it came short, came empty, or dripped.
            TooLarge: it is larger than ``cap_bytes``.
        """
        return fetch(self._wire, file, into, cap_bytes=cap_bytes, slow_after_s=self._slow_after_s)

    def upload(self, path: Path, name: str, *, subfolder: str = "") -> str:
        """Puts a picture into the node's input folder; never overwrites another one there.

        The same bytes under the same name again are the same file; other bytes under a taken name
        get another name. The node does not clean up, so name it by its content.

        Returns:
            What a LoadImage node of a graph must be given, as the server named it.

        Raises:
            TooLarge: above the node's upload limit (100 MB unless changed).
            ValueError: a name with a slash in it, which the server answers with an error 500.
            OSError: our own file cannot be read.
        """
        return upload(self._wire, path, name, subfolder=subfolder)

    # Shared

    def _ask(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        cap_bytes: int = JSON_BYTES,
    ) -> object:
        """Gets a route that every ComfyUI has."""
        try:
            return self._wire.json("GET", path, params=params, cap_bytes=cap_bytes)
        except NotFound as error:
            raise self._wire.stranger(f"it has no {path}") from error
