"""Thumbnails: one size, WebP, on local disk, made at intake and again whenever one is gone."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID, uuid4

from django.conf import settings
from PIL import Image, ImageCms, ImageOps

from gallery_app.models import MediaFacts
from gallery_app.pictures import accepted_type, opened_picture

THUMBNAIL_VERSION: Final = 1  # raise it when the look below changes: all are then made anew
LONGEST_SIDE: Final = 512  # twice a grid cell of 256, for screens of double density
_QUALITY: Final = 80
_METHOD: Final = 1  # half of a JPEG; 2 saves a twelfth more and takes half as long again

# One lock for many files: ten requests for a missing thumbnail make one, and memory stays flat.
_LOCKS: Final = tuple(threading.Lock() for _ in range(64))


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Where the thumbnail is and how long making it took (0 if it was there)."""

    path: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture at the size of its thumbnail, and how long shrinking it took."""

    picture: Image.Image
    seconds: float


def thumbnail_path(media_id: UUID, sha256_file: str) -> Path:
    """Return where the thumbnail of this content lies, or will lie."""
    folder = Path(settings.ELIOT_DATA) / "thumbs" / media_id.hex[:2]
    return folder / f"{media_id}-{sha256_file[:12]}.webp"


def make_thumbnail(facts: MediaFacts, source: Path, sketch: Sketch | None = None) -> Thumbnail:
    """Draw the thumbnail of a local ``source``, and note it in the facts, which are not saved.

    With a ``sketch`` of it the source is not decoded.

    Raises:
        DamagedPicture, TooLarge: The source cannot be decoded.
        OSError: The data folder cannot be written.
    """
    target = thumbnail_path(facts.media_file_id, facts.sha256_file)
    if sketch is not None:
        seconds = _finished(sketch, target)
    else:
        with source.open("rb") as stream:
            seconds = draw(stream, target)
    facts.thumb_version, facts.thumb_s = THUMBNAIL_VERSION, seconds
    return Thumbnail(target, seconds)


def ensure_thumbnail(
    media_id: UUID, sha256_file: str, open_source: Callable[[], BinaryIO]
) -> Thumbnail:
    """Return the thumbnail, drawing it if it is gone; see ``make_thumbnail``."""
    target = thumbnail_path(media_id, sha256_file)
    with _LOCKS[media_id.int % len(_LOCKS)]:
        if is_there(target):
            return Thumbnail(target, 0.0)
        with open_source() as stream:
            return Thumbnail(target, draw(stream, target))


def is_there(target: Path) -> bool:
    """Say whether a thumbnail can be served; a power cut may have left an empty file."""
    try:
        return target.stat().st_size > 0
    except OSError:
        return False


def draw(stream: BinaryIO, target: Path) -> float:
    """Write the thumbnail of an opened picture atomically; return the seconds it took."""
    began = time.perf_counter()
    with opened_picture(stream, accepted_type(stream)) as picture:
        small = _shrunk(picture)
    _write(small, target)
    return time.perf_counter() - began


def sketch_of(picture: Image.Image) -> Sketch:
    """Shrink a decoded picture, which is used up by it."""
    began = time.perf_counter()
    small = _shrunk(picture)
    return Sketch(small, time.perf_counter() - began)


def _finished(sketch: Sketch, target: Path) -> float:
    began = time.perf_counter()
    _write(sketch.picture, target)
    return sketch.seconds + time.perf_counter() - began


def _shrunk(picture: Image.Image) -> Image.Image:
    """Shrink first, then turn and convert: all else then works on few pixels."""
    small = _resizable(picture)
    # For a JPEG this asks the decoder for a smaller picture (draft), up to eight times faster.
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _in_srgb(ImageOps.exif_transpose(small), picture.info.get("icc_profile"))


def _resizable(picture: Image.Image) -> Image.Image:
    """Return a mode that can be averaged: palettes cannot, 16 bits lose their upper half."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return picture.convert("F").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in ("P", "PA", "1"):
        return picture.convert("RGBA" if _is_see_through(picture) else "RGB")
    if picture.mode == "RGB" and "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture


def _is_see_through(picture: Image.Image) -> bool:
    return picture.mode == "PA" or "transparency" in picture.info


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGBA" if picture.mode in ("RGBA", "LA", "La", "RGBa") else "RGB"
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "L"):
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, own, srgb, outputMode=mode)
            return converted or picture.convert(mode)
    return picture if picture.mode == mode else picture.convert(mode)


def _write(picture: Image.Image, target: Path) -> None:
    """Save without any of the original's metadata: EXIF may say where somebody lives."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        picture.save(
            part, "WEBP", quality=_QUALITY, method=_METHOD, exif=b"", xmp=b"", icc_profile=b""
        )
        os.replace(part, target)  # noqa: PTH105 - ours alone, and may be replaced
    finally:
        part.unlink(missing_ok=True)
