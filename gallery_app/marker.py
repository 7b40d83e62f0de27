"""The marker that tells a library's root from an empty mount point: ``.gallery/root.json``."""

import json
import os
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

GALLERY_FOLDER = ".gallery"
_MAX_BYTES = 4096


def read_marker(root: Path) -> UUID | None:
    """Return the root's own UUID, or None where no marker stands.

    Raises:
        ValueError: There is a marker, but it cannot be understood.
        OSError: The disk does not answer.
    """
    try:
        with _path(root).open("rb") as stream:
            found = json.loads(stream.read(_MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except RecursionError as error:
        raise ValueError(error) from error
    if not isinstance(found, dict) or not isinstance(found.get("uuid"), str):
        msg = f"{_path(root)} names no UUID"
        raise ValueError(msg)
    return UUID(found["uuid"])


def found_marker(root: Path) -> UUID:
    """Return the root's UUID; give a root that has none a new one. For a library's first day only.

    Two processes that found the same root at once end with the same UUID.
    """
    existing = read_marker(root)
    if existing is not None:
        return existing
    _path(root).parent.mkdir(parents=True, exist_ok=True)
    fresh = _path(root).with_name(f"root.json.{uuid4().hex}")
    with fresh.open("x", encoding="utf-8") as stream:
        json.dump({"v": 1, "uuid": str(uuid4())}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    _publish(fresh, _path(root))
    written = read_marker(root)
    if written is None:
        msg = f"{_path(root)} vanished right after it was written"
        raise OSError(msg)
    return written


def _path(root: Path) -> Path:
    return root / GALLERY_FOLDER / "root.json"


def _publish(fresh: Path, final: Path) -> None:
    """Let the first writer win where hard links exist; elsewhere the last one does."""
    try:
        with suppress(FileExistsError):
            os.link(fresh, final)
        fresh.unlink()
    except OSError:
        fresh.replace(final)
