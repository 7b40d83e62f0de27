"""Pictures, records and files for the archive's tests."""

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from PIL import Image

from gallery_app.intake import intake
from gallery_app.models import Library, MediaFile
from gallery_app.recipe import EliotRecord


def picture(
    *, kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **save: Any
) -> bytes:
    """A gradient, so that every pixel matters and lossy formats have something to do."""
    gradient = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (gradient, gradient.rotate(90), gradient.rotate(180)))
    out = io.BytesIO()
    image.convert(mode).save(out, kind, **save)
    return out.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Insert a chunk behind IHDR."""
    return png[:33] + png_chunk(kind, data) + png[33:]


def written(folder: Path, content: bytes, name: str = "") -> Path:
    path = folder / (name or f"{uuid4()}.spooled")
    path.write_bytes(content)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def taken_in(
    library: Library,
    spool: Path,
    *,
    content: bytes | None = None,
    wanted_path: str = "a/0001.png",
    uid: UUID | None = None,
    **further: Any,
) -> MediaFile:
    """Send a picture through the one door, as the farm does."""
    content = content or picture()
    record = EliotRecord(uid=str(uid or uuid4()), prompt="a lighthouse keeper", seed="7")
    return intake(
        written(spool, content),
        library=library,
        wanted_path=wanted_path,
        record=record,
        sha256_node=sha256(content),
        **further,
    )


def files_below(root: Path) -> list[str]:
    """Everything a visitor of the share sees, and what should not be left there."""
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in found if name != ".gallery/root.json")
