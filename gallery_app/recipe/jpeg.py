"""The record in a JPEG: APP15 segments ``eliot``, numbered, for one holds 64 KiB at most."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gallery_app.failures import DamagedPicture, NotAPicture
from gallery_app.recipe.png import copy_bytes
from gallery_app.recipe.record import MAX_RECORD_BYTES, EliotRecord, RecordError

SIGNATURE = b"\xff\xd8\xff"
_KEYWORD = b"eliot\0"
_APP15 = 0xEF
_START_OF_SCAN = 0xDA
_MAX_SEGMENTS = 1024
_MAX_PAYLOAD = 65_000
# Segments without a length: restart marks, start of image, temporary
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def splice(source: Path, target: Path, record: EliotRecord) -> None:
    """Write ``source`` with the record to the new file ``target``; all else stays byte for byte.

    The record stands behind the first run of APPn segments, where readers expect JFIF and EXIF
    first.

    Raises:
        NotAPicture, DamagedPicture: ``source`` is no JPEG with a readable head.
        FileExistsError: ``target`` exists.
    """
    with source.open("rb") as reader, target.open("xb") as writer:
        writer.write(SIGNATURE[:2])
        segments = list(_segments(reader))
        ours_at = next(at for at, (marker, _, _) in enumerate(segments) if not _is_app(marker))
        for at, (marker, offset, size) in enumerate(segments):
            if at == ours_at:
                writer.write(_encode(record))
            if not _is_ours(reader, marker, offset):
                copy_bytes(reader, writer, offset, None if marker == _START_OF_SCAN else size)


def read_stream(stream: BinaryIO) -> EliotRecord | None:
    """Return the record of an opened JPEG, or None; junk is None."""
    parts: list[bytes] = []
    try:
        for marker, offset, size in _segments(stream):
            if _is_ours(stream, marker, offset):
                stream.seek(offset + 4 + len(_KEYWORD) + 2)
                parts.append(stream.read(size - 4 - len(_KEYWORD) - 2))
        text = b"".join(parts)
        return EliotRecord.from_json(text) if 0 < len(text) <= MAX_RECORD_BYTES else None
    except (NotAPicture, DamagedPicture, RecordError):
        return None


def _segments(stream: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield marker, offset of its FF, size in the file; the last one is the start of scan."""
    stream.seek(0)
    if stream.read(3) != SIGNATURE:
        raise NotAPicture("This is not a JPEG picture.")
    offset = 2
    for _ in range(_MAX_SEGMENTS):
        stream.seek(offset)
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            break
        marker, length = head[1], int.from_bytes(head[2:], "big")
        size = 1 if marker == 0xFF else 2 if marker in _BARE else 2 + length
        yield marker, offset, size
        if marker == _START_OF_SCAN:
            return
        offset += size
    raise DamagedPicture("This JPEG is damaged before its pixels.")


def _is_app(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF


def _is_ours(stream: BinaryIO, marker: int, offset: int) -> bool:
    if marker != _APP15:
        return False
    stream.seek(offset + 4)
    return stream.read(len(_KEYWORD)) == _KEYWORD


def _encode(record: EliotRecord) -> bytes:
    text = record.to_json().encode()
    parts = [text[at : at + _MAX_PAYLOAD] for at in range(0, len(text), _MAX_PAYLOAD)]
    return b"".join(
        struct.pack(">BBH", 0xFF, _APP15, 2 + len(_KEYWORD) + 2 + len(part))
        + _KEYWORD
        + bytes((number, len(parts)))
        + part
        for number, part in enumerate(parts, start=1)
    )
