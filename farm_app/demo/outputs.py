"""Saved pictures: file names with tokens, numbered from what lies on disk."""

import io
import re
import time
from pathlib import Path

from PIL import Image

from farm_app.demo.failures import NodeFailure
from farm_app.demo.folders import Escape, Folders


def jpeg_bytes(picture: Image.Image) -> bytes:
    """Encode a preview frame."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def expand(prefix: str, width: int, height: int) -> str:
    """Fill the date and size tokens of a filename prefix; ``%batch_num%`` is left alone."""
    now = time.localtime()
    tokens = {
        "width": str(width),
        "height": str(height),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for token, value in tokens.items():
        prefix = prefix.replace(f"%{token}%", value)
    return prefix


def next_number(folder: Path, name: str) -> int:
    """Return one more than the highest number that ``name`` has in the folder.

    A name that still holds ``%batch_num%`` matches no file, so it starts at 1 every time and
    overwrites: a known trap of the real server.
    """
    pattern = re.compile(re.escape(name) + r"_(\d+)_", re.IGNORECASE)
    found = (pattern.match(path.name) for path in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0) + 1


def save_pictures(
    folders: Folders, base: str, prefix: str, size: tuple[int, int], files: list[bytes]
) -> list[dict[str, str]]:
    """Write PNG files and return what ``executed`` lists.

    Raises:
        NodeFailure: the prefix leads out of the folder.
    """
    path = Path(expand(prefix, *size))
    subfolder = "" if str(path.parent) == "." else path.parent.as_posix()
    try:
        folder = folders.inside(base, subfolder)
    except Escape as escape:
        raise NodeFailure("Exception", _outside(str(escape), folders.root / base)) from None
    folder.mkdir(parents=True, exist_ok=True)
    first = next_number(folder, path.name)
    items = []
    for index, data in enumerate(files):
        name = path.name.replace("%batch_num%", str(index))
        filename = f"{name}_{first + index:05}_.png"
        (folder / filename).write_bytes(data)
        items.append({"filename": filename, "subfolder": subfolder, "type": base})
    return items


def _outside(folder: str, base: Path) -> str:
    return (
        "**** ERROR: Saving image outside the output folder is not allowed."
        f"\n full_output_folder: {folder}\n         output_dir: {base}"
    )
