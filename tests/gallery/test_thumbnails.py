import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image, ImageCms

from gallery_app import thumbnails
from gallery_app.failures import IntakeError
from gallery_app.thumbnails import LONGEST_SIDE, draw, ensure_thumbnail, thumbnail_path
from tests.gallery.making import picture

MEDIA_ID = UUID(int=7)


def drawn(content: bytes, data: Path) -> Image.Image:
    target = data / "t" / "thumb.webp"
    assert draw(io.BytesIO(content), target) > 0
    assert [path.name for path in target.parent.iterdir()] == ["thumb.webp"]
    with Image.open(target) as thumbnail:
        thumbnail.load()
        assert thumbnail.format == "WEBP"
        return thumbnail


def saved(image: Image.Image, kind: str = "PNG", **save: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **save)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(1600, 900), (900, 1600), (64, 48)])
def test_it_fits_the_longest_side_and_never_enlarges(
    data: Path, kind: str, size: tuple[int, int]
) -> None:
    thumbnail = drawn(picture(kind=kind, size=size), data)
    scale = min(1.0, LONGEST_SIDE / max(size))
    assert thumbnail.size == (round(size[0] * scale), round(size[1] * scale))


def test_it_turns_a_picture_as_its_exif_says(data: Path) -> None:
    image = Image.new("RGB", (800, 400), "red")
    image.paste("blue", (0, 0, 400, 400))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is where the left was
    thumbnail = drawn(saved(image, "JPEG", exif=exif), data)
    assert thumbnail.size == (256, 512)
    top, bottom = pixel(thumbnail, 128, 100), pixel(thumbnail, 128, 400)
    assert top[2] > 200 > 60 > top[0]
    assert bottom[0] > 200 > 60 > bottom[2]


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def grey_of_16_bits() -> Image.Image:
    return Image.new("I;16", (40, 40), 0x8000)


def palette_with_hole() -> Image.Image:
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, 128, 128, 128])
    image.paste(0, (0, 0, 20, 40))
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("make", "kind", "mode"),
    [
        (grey_of_16_bits, "PNG", "RGB"),
        (palette_with_hole, "PNG", "RGBA"),
        (lambda: Image.new("CMYK", (40, 40), (0, 0, 0, 127)), "JPEG", "RGB"),
        (lambda: Image.new("L", (40, 40), 128), "PNG", "RGB"),
        (lambda: Image.new("LA", (40, 40), (128, 200)), "PNG", "RGBA"),
        (lambda: Image.new("RGBA", (40, 40), (128, 128, 128, 200)), "PNG", "RGBA"),
    ],
)
def test_it_shows_every_kind_of_pixel_as_the_same_grey(
    data: Path, make: Callable[[], Image.Image], kind: str, mode: str
) -> None:
    thumbnail = drawn(saved(make(), kind), data)
    assert thumbnail.mode == mode
    red, green, blue = pixel(thumbnail, 35, 20)[:3]
    assert all(abs(value - 128) <= 3 for value in (red, green, blue))


def test_a_hole_stays_a_hole(data: Path) -> None:
    assert pixel(drawn(saved(palette_with_hole()), data), 5, 20)[3] == 0


def test_it_converts_other_colour_spaces_to_srgb(data: Path) -> None:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    profile = ImageCms.ImageCmsProfile(srgb).tobytes()
    thumbnail = drawn(saved(Image.new("RGB", (40, 40), "red"), icc_profile=profile), data)
    assert pixel(thumbnail, 5, 5)[0] > 240
    broken = ImageCms.ImageCmsProfile(lab).tobytes()
    thumbnail = drawn(saved(Image.new("RGB", (40, 40), "red"), icc_profile=broken), data)
    assert thumbnail.size == (40, 40)


def test_nothing_of_the_original_s_metadata_gets_out(data: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home, 52.5 N 13.4 E"
    thumbnail = drawn(picture(kind="JPEG", exif=exif), data)
    assert not {"exif", "xmp", "icc_profile"} & thumbnail.info.keys()


def test_ten_requests_draw_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(stream: object, target: Path) -> float:
        calls.append(target)
        return draw(stream, target)  # type: ignore[arg-type]

    monkeypatch.setattr(thumbnails, "draw", counted)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: ensured(picture(size=(900, 900))), range(10)))
    assert len(calls) == 1


def ensured(content: bytes) -> Path:
    return ensure_thumbnail(MEDIA_ID, "ab" * 32, lambda: io.BytesIO(content)).path


def test_an_empty_file_after_a_power_cut_is_drawn_again(data: Path) -> None:
    path = ensured(picture())
    os.truncate(path, 0)
    assert ensured(picture()).stat().st_size > 0
    assert path == thumbnail_path(MEDIA_ID, "ab" * 32)


def test_what_cannot_be_drawn_leaves_nothing(data: Path) -> None:
    for content in (b"", b"<html>", picture()[:100]):
        with pytest.raises(IntakeError):
            ensured(content)
    assert not (data / "thumbs").exists()
