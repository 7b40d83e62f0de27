"""The record in a WebP: a private RIFF chunk, for which the extended format makes room."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gallery_app.failures import DamagedPicture, NotAPicture
from gallery_app.recipe.png import copy_bytes
from gallery_app.recipe.record import MAX_RECORD_BYTES, EliotRecord, RecordError

_KIND = b"ELIO"
_MAX_CHUNKS = 100_000
_ALPHA_FLAG = 0x10


def splice(source: Path, target: Path, record: EliotRecord) -> None:
    """Write ``source`` with the record to the new file ``target``; the pixels stay as they are.

    Only the extended format allows further chunks; a simple file gets its VP8X head, which says
    the size and whether there is transparency.

    Raises:
        NotAPicture, DamagedPicture: ``source`` is no whole WebP.
        FileExistsError: ``target`` exists.
    """
    with source.open("rb") as reader, target.open("xb") as writer:
        found = list(_chunks(reader))
        writer.write(b"RIFF\0\0\0\0WEBP")
        if found and found[0][0] != b"VP8X":
            writer.write(_packed(b"VP8X", _extended_head(reader, *found[0])))
        for kind, offset, length in found:
            if kind != _KIND:
                copy_bytes(reader, writer, offset, 8 + length)
                writer.write(b"\0" * (length % 2))
        writer.write(_packed(_KIND, record.to_json().encode()))
        size = writer.tell() - 8
        writer.seek(4)
        writer.write(struct.pack("<I", size))


def read_stream(stream: BinaryIO) -> EliotRecord | None:
    """Return the record of an opened WebP, or None; junk is None."""
    try:
        for kind, offset, length in _chunks(stream):
            if kind == _KIND and length <= MAX_RECORD_BYTES:
                stream.seek(offset + 8)
                return EliotRecord.from_json(stream.read(length))
    except (NotAPicture, DamagedPicture, RecordError):
        pass
    return None


def require_whole(stream: BinaryIO) -> None:
    """Raise ``DamagedPicture`` if the file ends before its RIFF head says it does."""
    for _ in _chunks(stream):
        pass


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, offset and data length."""
    stream.seek(0)
    head = stream.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise NotAPicture("This is not a WebP picture.")
    end = 8 + int.from_bytes(head[4:8], "little")
    if stream.seek(0, 2) < end:
        raise DamagedPicture("This WebP is cut short.")
    offset = 12
    for _ in range(_MAX_CHUNKS):
        if offset >= end:
            return
        stream.seek(offset)
        kind, length = struct.unpack("<4sI", stream.read(8).ljust(8, b"\xff"))
        if offset + 8 + length > end:
            break
        yield kind, offset, length
        offset += 8 + length + length % 2
    raise DamagedPicture("This WebP is damaged.")


def _packed(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)


def _extended_head(stream: BinaryIO, kind: bytes, offset: int, length: int) -> bytes:
    """Return the data of VP8X for a simple file, from the head of its only frame."""
    stream.seek(offset + 8)
    head = stream.read(min(length, 10))
    if kind == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        width_less_1, height_less_1, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    elif kind == b"VP8 " and len(head) == 10 and head[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[6:10])
        width_less_1, height_less_1, alpha = (width & 0x3FFF) - 1, (height & 0x3FFF) - 1, 0
    else:
        raise DamagedPicture("This WebP has no readable picture in it.")
    if min(width_less_1, height_less_1) < 0:
        raise DamagedPicture("This WebP has no size.")
    flags = struct.pack("<I", _ALPHA_FLAG if alpha else 0)
    return flags + width_less_1.to_bytes(3, "little") + height_less_1.to_bytes(3, "little")
