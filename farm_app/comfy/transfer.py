"""Moves files between a node and us: pictures that came out, pictures that go in."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from farm_app.comfy.errors import NotFound, TooLarge, Truncated
from farm_app.comfy.history import OutputFile
from farm_app.comfy.untrusted import mapping, text
from farm_app.comfy.wire import Pace, TooSlow, Wire, declared_bytes, pieces, was_cut_off

LONGEST_S = 600.0
"""What the largest file may take, however steadily it comes."""


@dataclass(frozen=True)
class Fetched:
    """A file that came whole, as far as its length tells."""

    size_bytes: int
    sha256: str
    content_type: str
    """What the server calls it; empty if nothing. Trust the file's magic, not this."""


def fetch(
    wire: Wire, file: OutputFile, into: BinaryIO, *, cap_bytes: int, slow_after_s: float
) -> Fetched:
    """Copies an output file; see ``ComfyClient.fetch``."""
    if ".." in re.split(r"[/\\]", file.subfolder) or file.subfolder.startswith(("/", "\\")):
        raise NotFound(
            f"{wire.where} lists a file outside of its folders.", evidence=file.subfolder
        )
    names = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    with wire.open("GET", "/view", params=names, total_s=LONGEST_S) as response:
        wire.check(response)
        wire.plain(response)
        return _Copy(wire.where, file, response, cap_bytes).run(into, Pace(slow_after_s))


@dataclass(frozen=True)
class _Copy:
    """One download under way."""

    where: str
    file: OutputFile
    response: httpx.Response
    cap_bytes: int

    def run(self, into: BinaryIO, pace: Pace) -> Fetched:
        size, digest = 0, hashlib.sha256()
        declared = declared_bytes(self.response)
        self._within_cap(declared)
        try:
            for chunk in pieces(self.response):
                pace.came(len(chunk))
                size += len(chunk)
                self._within_cap(size)
                digest.update(chunk)
                into.write(chunk)
        except TooSlow:
            raise self._short(f"dripped, {size} bytes so far") from None
        except httpx.RemoteProtocolError as error:
            if not was_cut_off(error):
                raise
            raise self._short(f"{size} of {declared} bytes") from error
        if size == 0 or (declared >= 0 and size != declared):
            raise self._short(f"{size} of {declared} bytes")
        content_type = text(self.response.headers.get("content-type"), 100)
        return Fetched(size, digest.hexdigest(), content_type)

    def _within_cap(self, size_bytes: int) -> None:
        if size_bytes > self.cap_bytes:
            raise TooLarge(
                f"{self.where} offers a file of more than {self.cap_bytes / 2**20:g} MiB.",
                evidence=self.file.filename,
            )

    def _short(self, evidence: str) -> Truncated:
        return Truncated(
            f"A file from {self.where} did not come whole.",
            evidence=f"{evidence}: {self.file.filename}",
        )


def upload(wire: Wire, path: Path, name: str, *, subfolder: str) -> str:
    """Puts a picture into the node's input folder; see ``ComfyClient.upload``."""
    if not name or "/" in name or "\\" in name:
        raise ValueError("an upload's name has no folder in it")
    with path.open("rb") as picture:
        request: dict[str, Any] = {
            "files": {"image": (name, picture, "application/octet-stream")},
            "data": {"subfolder": subfolder, "type": "input"},
        }
        with wire.open("POST", "/upload/image", total_s=LONGEST_S, **request) as response:
            wire.check(response)
            answer = mapping(wire.parsed(response))
    given, folder = text(answer.get("name"), 300), text(answer.get("subfolder"), 300)
    if not given:
        raise wire.stranger("POST /upload/image gave no name")
    return f"{folder}/{given}" if folder else given
