import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from gallery_app.failures import DamagedPicture, NotAPicture, TooLarge
from gallery_app.intake import PictureFacts, verify_picture
from tests.gallery.making import picture, png_chunk, with_chunk, written

KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


@pytest.mark.parametrize("kind", KINDS)
def test_it_knows_a_picture_by_its_content(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, picture(kind=kind), "misnamed.txt")
    assert verify_picture(path) == PictureFacts(KINDS[kind], 64, 48)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script>", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (picture(kind="GIF"), "GIF"),
        (b"\0\0\0\x18ftypmp42" + bytes(64), "video"),
        (b"\x1aE\xdf\xa3" + bytes(64), "video"),
        (picture(kind="BMP"), "not a picture"),
        (b"%PDF-1.7", "not a picture"),
    ],
)
def test_it_says_why_it_is_not_a_picture(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(NotAPicture, match=said) as refusal:
        verify_picture(written(tmp_path, content, "renamed.png"))
    assert not refusal.value.transient


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [0.5, -200, -12, -1])
def test_it_notices_a_cut_picture(tmp_path: Path, kind: str, cut: float) -> None:
    content = picture(kind=kind, size=(256, 256))
    end = int(len(content) * cut) if cut > 0 else int(cut)
    with pytest.raises(DamagedPicture) as refusal:
        verify_picture(written(tmp_path, content[:end]))
    assert refusal.value.transient


def test_it_notices_a_flipped_bit_in_a_png(tmp_path: Path) -> None:
    content = bytearray(picture())
    content[len(content) // 2] ^= 1
    with pytest.raises(DamagedPicture):
        verify_picture(written(tmp_path, bytes(content)))


def test_it_refuses_a_bomb_by_its_head(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + pixels + png_chunk(b"IEND", b"")
    with pytest.raises(TooLarge, match="200 megapixels"):
        verify_picture(written(tmp_path, bomb))


def test_it_takes_what_pillow_alone_would_call_a_bomb(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("1", (13_500, 13_500)).save(out, "PNG")
    assert verify_picture(written(tmp_path, out.getvalue())).width == 13_500


def test_it_takes_a_picture_whose_text_is_a_bomb(tmp_path: Path) -> None:
    bomb = b"comment\0\0" + zlib.compress(bytes(60 << 20))
    path = written(tmp_path, with_chunk(picture(), b"zTXt", bomb))
    assert verify_picture(path) == PictureFacts("image/png", 64, 48)


def test_it_refuses_a_picture_without_pixels(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)
    empty = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IEND", b"")
    with pytest.raises(DamagedPicture):
        verify_picture(written(tmp_path, empty))


def test_it_tells_the_size_as_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = verify_picture(written(tmp_path, picture(kind="JPEG", exif=exif)))
    assert (facts.width, facts.height) == (48, 64)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_it_takes_every_png_mode(tmp_path: Path, mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (9, 7)).save(out, "PNG")
    assert verify_picture(written(tmp_path, out.getvalue())).height == 7


def test_it_takes_a_polyglot_as_the_picture_it_is(tmp_path: Path) -> None:
    assert verify_picture(written(tmp_path, picture() + b"PK\3\4zip")).mime == "image/png"
