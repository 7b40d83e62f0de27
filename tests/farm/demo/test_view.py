"""``/view`` and ``/upload``: whole files, parts, re-encoded ones, and refusals."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.farm.demo.replay import file_bytes
from tests.farm.demo.running import RunningNode

NAME = "eliot_00001_.png"


@pytest.fixture
def saved(node: RunningNode) -> RunningNode:
    (node.spec.folder / "output" / NAME).write_bytes(file_bytes("red 32"))
    (node.spec.folder / "output" / "clip.mp4").write_bytes(b"no picture")
    return node


def test_it_sends_a_file_with_its_headers(saved: RunningNode) -> None:
    answer = saved.http.get("/view", params={"filename": NAME, "type": "output"})
    assert answer.content == file_bytes("red 32")
    assert answer.headers["content-disposition"] == f'filename="{NAME}"'
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert {"etag", "last-modified"} <= set(answer.headers)


def test_it_knows_what_a_client_has(saved: RunningNode) -> None:
    etag = saved.http.get("/view", params={"filename": NAME}).headers["etag"]
    again = saved.http.get("/view", params={"filename": NAME}, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_it_sends_parts(saved: RunningNode) -> None:
    part = saved.http.get("/view", params={"filename": NAME}, headers={"Range": "bytes=0-9"})
    whole = file_bytes("red 32")
    assert (part.status_code, part.content) == (206, whole[:10])
    assert part.headers["content-range"] == f"bytes 0-9/{len(whole)}"


def test_head_has_the_length_only(saved: RunningNode) -> None:
    answer = saved.http.head("/view", params={"filename": NAME})
    assert answer.headers["content-length"] == str(len(file_bytes("red 32")))


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({"preview": "webp;50"}, "WEBP"),
        ({"preview": "jpeg"}, "JPEG"),
        ({"preview": "jpeg;30"}, "JPEG"),
        ({"preview": "png"}, "WEBP"),
        ({"preview": "jpeg", "channel": "a"}, "WEBP"),
        ({"channel": "rgb"}, "PNG"),
        ({"channel": "a"}, "PNG"),
    ],
)
def test_it_re_encodes_at_full_size(saved: RunningNode, query: dict[str, str], kind: str) -> None:
    answer = saved.http.get("/view", params={"filename": NAME, **query})
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, picture.size) == (kind, (32, 32))
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": "nope.png"}, 404),
        ({"filename": NAME, "type": "temp"}, 404),
        ({"filename": NAME, "type": "bogus"}, 400),
        ({"filename": "../x.png"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": NAME, "subfolder": "../../"}, 403),
        ({"filename": f"{NAME} [output]"}, 200),
        ({"filename": f"{NAME} [temp]"}, 404),
        ({"filename": "clip.mp4"}, 200),
        ({"filename": "clip.mp4", "preview": "webp"}, 500),
    ],
)
def test_it_refuses_what_the_real_server_refuses(
    saved: RunningNode, query: dict[str, str], status: int
) -> None:
    assert saved.http.get("/view", params=query).status_code == status


def test_pages_among_the_outputs_are_not_served_as_pages(saved: RunningNode) -> None:
    (saved.spec.folder / "output" / "x.html").write_text("<script>")
    answer = saved.http.get("/view", params={"filename": "x.html"})
    assert answer.headers["content-type"] == "application/octet-stream"


def test_an_upload_outside_the_folder_is_refused_and_writes_nothing(
    node: RunningNode, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    for name, form in (("up.png", {"subfolder": "../../x"}), ("../../up.png", {})):
        answer = node.http.post(
            "/upload/image", data=form, files={"image": (name, file_bytes("red 8"))}
        )
        assert (answer.status_code, answer.content) == (400, b"")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mask_lends_its_alpha_to_the_original(node: RunningNode) -> None:
    original = {"filename": "up.png", "subfolder": "", "type": "input"}
    node.http.post("/upload/image", files={"image": ("up.png", file_bytes("red 8"))})
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 77)).save(buffer, "PNG")
    answer = node.http.post(
        "/upload/mask",
        data={"original_ref": str(original).replace("'", '"'), "type": "input"},
        files={"image": ("mask.png", buffer.getvalue())},
    )
    with Image.open(node.spec.folder / "input" / answer.json()["name"]) as masked:
        assert masked.getpixel((0, 0)) == (255, 0, 0, 77)
