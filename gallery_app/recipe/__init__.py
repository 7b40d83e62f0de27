"""How a picture was made, kept inside the picture: written without re-encoding, read unpixelled."""

from pathlib import Path
from typing import BinaryIO, Final

from gallery_app.recipe import jpeg, png, webp
from gallery_app.recipe.record import EliotRecord, Lora, RecordError

__all__ = ["EliotRecord", "Lora", "RecordError", "read", "read_stream", "splice"]

_SPLICERS: Final = {
    "image/png": png.splice,
    "image/jpeg": jpeg.splice,
    "image/webp": webp.splice,
}


def splice(source: Path, target: Path, record: EliotRecord, *, mime: str) -> None:
    """Write ``source`` with the record to the new file ``target``; see the format's module."""
    _SPLICERS[mime](source, target, record)


def read(path: Path) -> EliotRecord | None:
    """Return the record inside a file, or None: unreadable, of another kind, without one, junk."""
    try:
        with path.open("rb") as stream:
            return read_stream(stream)
    except OSError:
        return None


def read_stream(stream: BinaryIO) -> EliotRecord | None:
    """Return the record inside an opened file; see ``read``."""
    stream.seek(0)
    head = stream.read(12)
    if head.startswith(png.SIGNATURE):
        return png.read_stream(stream)
    if head.startswith(jpeg.SIGNATURE):
        return jpeg.read_stream(stream)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return webp.read_stream(stream)
    return None
