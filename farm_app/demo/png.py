"""Write PNG files several times faster than an encoder that looks for the best filter per row.

Every row takes the Sub filter, and deflate only codes lengths: for drawn pictures with film grain
the files are no larger, and nodes spend their nominal seconds on drawing instead.
"""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {"L": 0, "RGB": 2, "RGBA": 6}
SUB_FILTER = 1
BAND_ROWS = 256


def png_bytes(picture: Image.Image, chunks: Mapping[str, Any]) -> bytes:
    """Encode a picture with one JSON text chunk per entry."""
    if picture.mode not in COLOUR_TYPES:
        picture = picture.convert("RGB")
    header = struct.pack(
        ">IIBBBBB", picture.width, picture.height, 8, COLOUR_TYPES[picture.mode], 0, 0, 0
    )
    parts = [SIGNATURE, _chunk(b"IHDR", header)]
    parts += [_chunk(kind, data) for kind, data in _texts(chunks)]
    parts += [_chunk(b"IDAT", data) for data in _deflated(np.asarray(picture))]
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def _texts(chunks: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    info = PngInfo()
    for key, value in chunks.items():
        info.add_text(key, json.dumps(value))
    for kind, data, *_ in info.chunks:
        yield kind, data


def _deflated(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Iterator[bytes]:
    """Yield the compressed rows, a band at a time."""
    step = pixels.shape[2] if pixels.ndim == 3 else 1
    rows = pixels.reshape(pixels.shape[0], -1)
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    for top in range(0, len(rows), BAND_ROWS):
        band = rows[top : top + BAND_ROWS]
        filtered = np.empty((len(band), band.shape[1] + 1), np.uint8)
        filtered[:, 0] = SUB_FILTER
        filtered[:, 1 : 1 + step] = band[:, :step]
        np.subtract(band[:, step:], band[:, :-step], out=filtered[:, 1 + step :])
        yield deflate.compress(filtered.data)
    yield deflate.flush()
