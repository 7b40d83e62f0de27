"""What counts as a picture, and how one is opened: by content, within bounds, whole."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from PIL import ExifTags, Image

from gallery_app.failures import DamagedPicture, IntakeError, NotAPicture, TooLarge
from gallery_app.recipe import png, webp

MAX_PIXELS: Final = 200_000_000  # film upscales are real; Pillow would stop at 179 million
MAX_BYTES: Final = 512 << 20
SUFFIXES: Final = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
}
_PILLOW_NAMES: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_HEAD_BYTES = 32
_JPEG_TAIL_BYTES = 1 << 16  # cameras and editors append a little after the end mark
_QUARTER_TURNS = frozenset({5, 6, 7, 8})

# Pillow's own limit is one for the process. At ours its warning begins where we refuse anyway.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a look at a picture yields; the size in pixels as shown, after its orientation."""

    mime: str
    width: int
    height: int


def sniff(head: bytes) -> str | None:
    """Return the MIME type of an accepted picture by its first bytes, or None."""
    if head.startswith(png.SIGNATURE):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


Use = Callable[[Image.Image], None]
"""Takes what it wants of a decoded picture, which is closed after it and may be changed by it."""


def verify_picture(path: Path, use: Use | None = None) -> PictureFacts:
    """Look at a local file as closely as it takes to show it; see ``verify_stream``."""
    with path.open("rb") as stream:
        return verify_stream(stream, use)


def verify_stream(stream: BinaryIO, use: Use | None = None) -> PictureFacts:
    """Look at an opened file: type, length, checksums, pixels; ``use`` spares decoding it again.

    Pillow's ``verify`` misses a cut JPEG and its ``load`` misses a PNG without an end, so both
    run. A flipped bit in a JPEG passes: nothing in the format could tell.

    Raises:
        NotAPicture: Empty, or neither PNG, JPEG nor WebP.
        TooLarge: Over ``MAX_BYTES`` or, by its head, over ``MAX_PIXELS``.
        DamagedPicture: Cut short, wrong checksum, or not decodable.
    """
    mime = accepted_type(stream)
    _require_whole(stream, mime)
    with opened_picture(stream, mime) as picture:
        picture.verify()
    with opened_picture(stream, mime) as picture:
        picture.load()
        width, height = picture.size
        turned = picture.getexif().get(ExifTags.Base.Orientation) in _QUARTER_TURNS
        if use is not None:
            use(picture)
    return PictureFacts(mime, *((height, width) if turned else (width, height)))


def accepted_type(stream: BinaryIO) -> str:
    """Return the MIME type by content.

    Raises:
        NotAPicture, TooLarge: With the reason.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    mime = sniff(head)
    if mime is None:
        raise NotAPicture(_why_not(head))
    if size > MAX_BYTES:
        raise TooLarge(f"This file has {size >> 20} MiB; Eliot takes up to {MAX_BYTES >> 20} MiB.")
    return mime


@contextmanager
def opened_picture(stream: BinaryIO, mime: str) -> Iterator[Image.Image]:
    """Hold a picture opened by Pillow; whatever a decoder throws becomes one of our failures.

    Raises:
        TooLarge: Before anything is decoded.
        DamagedPicture: When opening, or while the caller decodes.
    """
    stream.seek(0)
    try:
        with _pillow_opened(stream, mime) as picture:
            _require_decodable(picture)
            yield picture
    except IntakeError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(_too_many_pixels()) from error
    except Exception as error:  # decoders throw a dozen kinds at hostile input
        raise DamagedPicture(f"This picture is cut short or damaged ({error}).") from error


@contextmanager
def _pillow_opened(stream: BinaryIO, mime: str) -> Iterator[Image.Image]:
    """Open; where Pillow refuses a PNG for a bomb in a text chunk, open it without its texts."""
    formats = (_PILLOW_NAMES[mime],)
    try:
        picture: Image.Image = Image.open(stream, formats=formats)
    except ValueError:
        if mime != "image/png":
            raise
        with tempfile.TemporaryFile() as bare:
            png.copy_without_text(stream, cast("BinaryIO", bare))
            bare.seek(0)
            with Image.open(bare, formats=formats) as picture:
                yield picture
        return
    with picture:
        yield picture


def _why_not(head: bytes) -> str:
    if not head:
        return "This file is empty."
    if head.startswith(b"GIF8"):
        return "This is a GIF. Eliot takes PNG, JPEG and WebP."
    if head[4:8] == b"ftyp" or head.startswith(b"\x1aE\xdf\xa3"):
        return "This is a video. Eliot takes PNG, JPEG and WebP pictures so far."
    return "This is not a picture, whatever its name says. Eliot takes PNG, JPEG and WebP."


def _require_whole(stream: BinaryIO, mime: str) -> None:
    if mime == "image/png":
        for _ in png.chunks(stream):
            pass
    elif mime == "image/webp":
        webp.require_whole(stream)
    elif mime == "image/jpeg":
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _JPEG_TAIL_BYTES))
        if b"\xff\xd9" not in stream.read():
            raise DamagedPicture("This JPEG is cut short: its end mark is missing.")


def _require_decodable(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise TooLarge(_too_many_pixels())


def _too_many_pixels() -> str:
    return f"This picture has more than {MAX_PIXELS // 1_000_000} megapixels."
