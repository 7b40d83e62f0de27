import io
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gallery_app import recipe
from gallery_app.failures import DamagedPicture, NotAPicture
from gallery_app.recipe import EliotRecord, png
from gallery_app.recipe.record import MAX_RECORD_BYTES
from tests.gallery.making import picture, png_chunk, with_chunk, written

RECORD = EliotRecord(prompt='a "quoted" line\nand an emoji 🎬', seed="18446744073709551615")
FORMATS = {
    "image/png": picture(),
    "image/jpeg": picture(kind="JPEG", quality=90),
    "image/webp": picture(kind="WEBP", quality=80),
    "image/webp; lossless": picture(kind="WEBP", lossless=True, mode="RGBA"),
    "image/webp; extended": picture(kind="WEBP", exif=Image.Exif().tobytes() + b"x"),
}


def spliced(folder: Path, content: bytes, record: EliotRecord, mime: str = "image/png") -> bytes:
    target = folder / f"{len(list(folder.iterdir()))}.out"
    recipe.splice(written(folder, content), target, record, mime=mime)
    return target.read_bytes()


def chunks_of(content: bytes) -> list[bytes]:
    found = png.chunks(io.BytesIO(content))
    return [content[chunk.offset : chunk.offset + chunk.size] for chunk in found]


@pytest.mark.parametrize("name", FORMATS)
def test_it_adds_the_record_and_no_pixel_changes(tmp_path: Path, name: str) -> None:
    content = spliced(tmp_path, FORMATS[name], RECORD, name.partition(";")[0])
    path = written(tmp_path, content)
    assert recipe.read(path) == RECORD
    with Image.open(path) as after, Image.open(io.BytesIO(FORMATS[name])) as before:
        assert (after.format, after.mode) == (before.format, before.mode)
        assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize("name", FORMATS)
def test_it_replaces_its_own_earlier_record(tmp_path: Path, name: str) -> None:
    mime = name.partition(";")[0]
    once = spliced(tmp_path, FORMATS[name], RECORD, mime)
    other = spliced(tmp_path, FORMATS[name], EliotRecord(prompt="other"), mime)
    assert spliced(tmp_path, once, RECORD, mime) == once
    assert spliced(tmp_path, other, RECORD, mime) == once


def test_it_keeps_every_other_png_chunk_byte_for_byte(tmp_path: Path) -> None:
    content = with_chunk(picture(), b"tEXt", b'prompt\0{"3": {"class_type": "KSampler"}}')
    content = with_chunk(content, b"zTXt", b"eliotic\0\0" + zlib.compress(b"not ours"))
    after = chunks_of(spliced(tmp_path, content + b"trailing zip", RECORD))
    ours = [chunk for chunk in after if chunk[4:14] == b"iTXteliot\0"]
    assert len(ours) == 1
    assert [chunk for chunk in after if chunk not in ours] == chunks_of(content)
    assert after[after.index(ours[0]) + 1][4:8] == b"IDAT"


def test_it_keeps_what_follows_the_end_of_a_png(tmp_path: Path) -> None:
    assert spliced(tmp_path, picture() + b"tail", RECORD).endswith(b"IEND\xaeB`\x82tail")


def test_pillow_reads_the_record_as_a_text(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(spliced(tmp_path, picture(), RECORD))) as image:
        assert image.info["eliot"] == RECORD.to_json()


def test_it_splits_a_long_record_over_several_jpeg_segments(tmp_path: Path) -> None:
    long = EliotRecord(prompt="é" * 200_000)
    content = spliced(tmp_path, FORMATS["image/jpeg"], long, "image/jpeg")
    assert recipe.read(written(tmp_path, content)) == long
    Image.open(io.BytesIO(content)).load()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_it_carries_any_text(tmp_path: Path, prompt: str) -> None:
    record = EliotRecord(prompt=prompt, negative=prompt[::-1])
    assert recipe.read(written(tmp_path, spliced(tmp_path, picture(), record))) == record


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_reading_junk_is_no_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(spliced(tmp_path, *data.draw(st.sampled_from(SPLICEABLE))))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content) - 1, 400)))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(0, len(content)))
    found = recipe.read(written(tmp_path, bytes(content[:cut]), "junk"))
    assert found is None or isinstance(found, EliotRecord)


SPLICEABLE = [(FORMATS[mime], RECORD, mime) for mime in ("image/png", "image/jpeg", "image/webp")]


@pytest.mark.parametrize("cut", [9, 40, -1, -12])
def test_it_does_not_splice_a_png_that_is_cut(tmp_path: Path, cut: int) -> None:
    with pytest.raises(DamagedPicture):
        spliced(tmp_path, picture()[:cut], RECORD)


def test_it_does_not_splice_what_is_no_png(tmp_path: Path) -> None:
    with pytest.raises(NotAPicture):
        spliced(tmp_path, b"GIF89a" + bytes(100), RECORD)


def test_it_reads_a_record_that_an_optimiser_compressed(tmp_path: Path) -> None:
    packed = b"eliot\0\1\0\0\0" + zlib.compress(RECORD.to_json().encode())
    assert recipe.read(written(tmp_path, with_chunk(picture(), b"iTXt", packed))) == RECORD


@pytest.mark.parametrize("flag", [0, 1])
def test_it_does_not_unpack_a_bomb(tmp_path: Path, flag: int) -> None:
    text = b'{"prompt":"' + b"x" * (MAX_RECORD_BYTES * 60) + b'"}'
    body = b"eliot\0" + bytes([flag]) + b"\0\0\0" + (zlib.compress(text) if flag else text)
    assert recipe.read(written(tmp_path, with_chunk(picture(), b"iTXt", body))) is None


def test_it_finds_no_record_where_there_is_no_file(tmp_path: Path) -> None:
    assert recipe.read(tmp_path / "nothing.png") is None
    assert recipe.read(tmp_path) is None


def test_a_png_of_endless_parts_ends(tmp_path: Path) -> None:
    content = picture()[:33] + png_chunk(b"teSt", b"") * 5000 + picture()[33:]
    assert recipe.read(written(tmp_path, content)) is None
