"""The record in a PNG: one uncompressed iTXt chunk ``eliot`` before the pixels."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from gallery_app.failures import DamagedPicture, NotAPicture
from gallery_app.recipe.record import MAX_RECORD_BYTES, EliotRecord, RecordError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"eliot"
TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
BLOCK_BYTES = 1 << 20
_MAX_CHUNKS_BEFORE_PIXELS = 4096
_MAX_CHUNKS = 1_000_000
_MAX_LENGTH = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where one chunk stands; ``length`` is that of its data."""

    kind: bytes
    offset: int
    length: int

    @property
    def data_offset(self) -> int:
        """Where its data begins."""
        return self.offset + 8

    @property
    def size(self) -> int:
        """Bytes in the file: length, kind, data and checksum."""
        return self.length + 12


def chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks up to and with IEND, without reading their data.

    Raises:
        NotAPicture: No PNG.
        DamagedPicture: The file ends inside a chunk or before IEND.
    """
    stream.seek(0)
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        raise NotAPicture("This is not a PNG picture.")
    end = stream.seek(0, 2)
    offset = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        stream.seek(offset)
        chunk = _chunk_at(offset, stream.read(8), end)
        yield chunk
        offset += chunk.size
        if chunk.kind == b"IEND":
            return
    raise DamagedPicture("This PNG is in too many parts.")


def splice(source: Path, target: Path, record: EliotRecord) -> None:
    """Write ``source`` with the record to the new file ``target``; all else stays byte for byte.

    An earlier ``eliot`` chunk is replaced, so splicing twice gives the same file as once.

    Raises:
        NotAPicture, DamagedPicture: ``source`` is no whole PNG.
        FileExistsError: ``target`` exists.
    """
    ours = _encode(record)
    with source.open("rb") as reader, target.open("xb") as writer:
        writer.write(SIGNATURE)
        after_last = len(SIGNATURE)
        for chunk in chunks(reader):
            after_last = chunk.offset + chunk.size
            if chunk.kind == b"IDAT" and ours:
                writer.write(ours)
                ours = b""
            if not _is_ours(reader, chunk):
                copy_bytes(reader, writer, chunk.offset, chunk.size)
        copy_bytes(reader, writer, after_last, None)
    if ours:
        raise DamagedPicture("This PNG holds no pixels.")


def read(path: Path) -> EliotRecord | None:
    """Return the record before the pixels, or None: for no PNG, for none, and for junk alike."""
    try:
        with path.open("rb") as stream:
            return read_stream(stream)
    except OSError:
        return None


def read_stream(stream: BinaryIO) -> EliotRecord | None:
    """Return the record of an opened PNG; see ``read``."""
    try:
        for chunk in islice(chunks(stream), _MAX_CHUNKS_BEFORE_PIXELS):
            if chunk.kind == b"IDAT":
                return None
            if _is_ours(stream, chunk):
                return _decode(stream, chunk)
    except (NotAPicture, DamagedPicture, RecordError):
        pass
    return None


def copy_without_text(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a PNG less its text chunks, for a decoder that chokes on a bomb in one of them."""
    target.write(SIGNATURE)
    for chunk in chunks(source):
        if chunk.kind not in TEXT_CHUNKS:
            copy_bytes(source, target, chunk.offset, chunk.size)


def copy_bytes(reader: BinaryIO, writer: BinaryIO, offset: int, size: int | None) -> None:
    """Copy ``size`` bytes, or all that is left, in blocks."""
    reader.seek(offset)
    left = size
    while block := reader.read(BLOCK_BYTES if left is None else min(left, BLOCK_BYTES)):
        writer.write(block)
        left = None if left is None else left - len(block)


def _chunk_at(offset: int, header: bytes, end: int) -> Chunk:
    if len(header) < 8:
        raise DamagedPicture("This PNG ends before its last part.")
    length, kind = struct.unpack(">I4s", header)
    if not kind.isalpha() or length > _MAX_LENGTH or offset + length + 12 > end:
        raise DamagedPicture("This PNG is cut short or damaged.")
    return Chunk(kind, offset, length)


def _is_ours(stream: BinaryIO, chunk: Chunk) -> bool:
    if chunk.kind not in TEXT_CHUNKS:
        return False
    stream.seek(chunk.data_offset)
    head = stream.read(min(chunk.length, len(KEYWORD) + 1))
    return head == KEYWORD + b"\0"


def _encode(record: EliotRecord) -> bytes:
    # keyword, not compressed (flag, method), no language, no translated keyword
    data = KEYWORD + b"\0\0\0\0\0" + record.to_json().encode()
    checksum = zlib.crc32(data, zlib.crc32(b"iTXt"))
    return struct.pack(">I4s", len(data), b"iTXt") + data + struct.pack(">I", checksum)


def _decode(stream: BinaryIO, chunk: Chunk) -> EliotRecord | None:
    if chunk.kind != b"iTXt" or chunk.length > MAX_RECORD_BYTES + 64:
        return None
    stream.seek(chunk.data_offset + len(KEYWORD) + 1)
    body = stream.read(chunk.length - len(KEYWORD) - 1)
    parts = body[2:].split(b"\0", 2)
    if len(parts) < 3:
        return None
    return EliotRecord.from_json(_inflated(parts[2]) if body[:1] == b"\1" else parts[2])


def _inflated(packed: bytes) -> bytes:
    """Unpack what an optimiser compressed, never beyond the limit of a record."""
    try:
        return zlib.decompressobj().decompress(packed, MAX_RECORD_BYTES + 1)
    except zlib.error as error:
        raise RecordError(str(error)) from error
