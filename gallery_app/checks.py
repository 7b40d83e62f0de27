"""System checks of the archive: wrong setups are named before the first picture is lost."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from PIL import features

from gallery_app.models import DEFAULT_SLUG

# As the kernel names them in mountinfo; 9p is a Windows drive seen from WSL2.
_NETWORK = re.compile(r"nfs\d?|cifs|smb\w*|9p|afs|ceph|glusterfs|lustre|fuse\.(sshfs|rclone|s3fs)")
_MOUNTS = Path("/proc/self/mountinfo")


@register("gallery")
def default_library_is_writable(**_: Any) -> Iterable[CheckMessage]:
    """gallery.E001: the folder of the default library can be written, or made."""
    folder = Path(settings.ELIOT_DATA) / DEFAULT_SLUG
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return []
    hint = "Give the user that runs Eliot the right to write there, or set ELIOT_DATA."
    return [Error(f"Pictures cannot be written to {folder}.", hint=hint, id="gallery.E001")]


@register("gallery")
def data_is_on_a_local_disk(**_: Any) -> Iterable[CheckMessage]:
    """gallery.W002: databases and thumbnails lie on a disk of this machine."""
    data = Path(settings.ELIOT_DATA)
    kind = file_system_of(data, _MOUNTS)
    if not _NETWORK.fullmatch(kind):
        return []
    hint = "Set ELIOT_DATA to a local folder; libraries of pictures may lie on a share."
    return [Warning(f"{data} is on a network disk ({kind}).", hint=hint, id="gallery.W002")]


@register("gallery")
def pillow_writes_webp(**_: Any) -> Iterable[CheckMessage]:
    """gallery.E003: thumbnails can be made."""
    if features.check("webp"):
        return []
    hint = "Install Pillow from its own wheels: pip install --force-reinstall pillow"
    return [Error("This Pillow cannot write WebP thumbnails.", hint=hint, id="gallery.E003")]


def file_system_of(path: Path, mounts: Path) -> str:
    """Return the kernel's name for the file system that holds ``path``, '' if it cannot tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    resolved, best, kind = path.resolve(), -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(re.sub(r"\\(\d{3})", _unescaped, before.split(" ")[4]))
        if resolved.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
