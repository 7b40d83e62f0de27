from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from farm_app.comfy.client import ComfyClient, Fetched, OutputFile
from farm_app.comfy.errors import BadResponse, NotFound, TooLarge, Truncated, Unreachable
from tests.farm.comfy import node as scripts
from tests.farm.comfy.node import Answer, Handler, ScriptedNode, body, promises, says, status
from tests.farm.comfy.recorded import recording

FILE = OutputFile("9", 0, "a b&c.png", "eliot/1", "output", False)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200_000)


def fetch(client: ComfyClient, file: OutputFile = FILE, cap_bytes: int = 2**20) -> bytes:
    into = io.BytesIO()
    client.fetch(file, into, cap_bytes=cap_bytes)
    return into.getvalue()


def test_a_file_comes_whole_with_its_hash(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /view", body(PNG, "image/png"))
    into = io.BytesIO()
    fetched = client.fetch(FILE, into, cap_bytes=2**20)
    assert into.getvalue() == PNG
    assert fetched == Fetched(len(PNG), hashlib.sha256(PNG).hexdigest(), "image/png")
    assert node.requests == ["GET /view?filename=a+b%26c.png&subfolder=eliot%2F1&type=output"]


@pytest.mark.parametrize("missing", [len(PNG) // 2, 200, 12, 1])
def test_a_file_that_ends_early_is_truncated(
    node: ScriptedNode, client: ComfyClient, missing: int
) -> None:
    node.on("GET /view", promises(len(PNG), PNG[:-missing]))
    with pytest.raises(Truncated, match="did not come whole"):
        fetch(client)


@pytest.mark.parametrize("answer", [scripts.cut_chunk, body(b"")])
def test_a_cut_chunk_and_an_empty_file_are_truncated(
    node: ScriptedNode, client: ComfyClient, answer: Answer
) -> None:
    node.on("GET /view", answer)
    with pytest.raises(Truncated):
        fetch(client)


def test_a_file_without_a_length_comes_too(node: ScriptedNode, client: ComfyClient) -> None:
    def answer(handler: Handler) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(PNG)

    node.on("GET /view", answer)
    assert fetch(client) == PNG


def test_a_file_above_the_cap_is_not_taken(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /view", body(PNG))
    with pytest.raises(TooLarge):
        fetch(client, cap_bytes=len(PNG) - 1)
    assert fetch(client, cap_bytes=len(PNG)) == PNG


def test_an_endless_file_is_cut_at_the_cap(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /view", scripts.endless(bytes(65536)))
    with pytest.raises(TooLarge):
        fetch(client, cap_bytes=2**20)


def test_a_file_that_drips_is_given_up(node: ScriptedNode) -> None:
    node.on("GET /view", scripts.drips)
    with ComfyClient(node.origin, slow_after_s=0.3) as hasty, pytest.raises(Truncated):
        fetch(hasty)


def test_a_file_that_is_gone_is_not_found(node: ScriptedNode, client: ComfyClient) -> None:
    with pytest.raises(NotFound):
        fetch(client)


def test_a_reset_in_the_middle_is_unreachable(node: ScriptedNode, client: ComfyClient) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.flush()
        scripts.reset(handler)

    node.on("GET /view", answer)
    with pytest.raises(Unreachable):
        fetch(client)


@pytest.mark.parametrize("subfolder", ["../..", "a/../../b", "/etc", "\\\\nas\\share"])
def test_a_hostile_folder_is_not_even_asked_for(
    node: ScriptedNode, client: ComfyClient, subfolder: str
) -> None:
    with pytest.raises(NotFound):
        fetch(client, OutputFile("9", 0, "x.png", subfolder, "output", False))
    assert node.requests == []


@pytest.mark.parametrize("name", ["../x", "C:\\x.png", "a" * 300, "\u202egnp.exe", "CON", "x."])
def test_a_hostile_name_is_only_text_in_a_query(
    node: ScriptedNode, client: ComfyClient, name: str
) -> None:
    node.on("GET /view", body(PNG))
    assert fetch(client, OutputFile("9", 0, name, "", "output", False)) == PNG


def test_a_picture_is_uploaded_and_named_as_the_server_says(
    node: ScriptedNode, client: ComfyClient, tmp_path: Path
) -> None:
    picture = tmp_path / "source.png"
    picture.write_bytes(PNG)
    node.on(
        "POST /upload/image", says({"name": "s (1).png", "subfolder": "eliot", "type": "input"})
    )
    assert client.upload(picture, "été.png", subfolder="eliot") == "eliot/s (1).png"
    assert PNG in node.bodies[0]
    assert b'name="subfolder"\r\n\r\neliot\r\n' in node.bodies[0]
    assert 'filename="été.png"'.encode() in node.bodies[0]
    assert b"overwrite" not in node.bodies[0]


def test_recorded_answers_to_uploads_are_understood(
    node: ScriptedNode, client: ComfyClient, tmp_path: Path
) -> None:
    picture = tmp_path / "up.png"
    picture.write_bytes(PNG)
    for row in recording("08-uploads").exchanges("POST /upload/image"):
        if row["status"] == 200:
            node.on("POST /upload/image", says(row["body"]))
            folder = row["body"]["subfolder"]
            expected = f"{folder}/{row['body']['name']}" if folder else row["body"]["name"]
            assert client.upload(picture, "up.png", subfolder=folder) == expected


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(status(400), BadResponse), (status(413), TooLarge), (says({}), BadResponse)],
)
def test_a_refused_upload_is_told(
    node: ScriptedNode, client: ComfyClient, tmp_path: Path, answer: Answer, kind: type[Exception]
) -> None:
    picture = tmp_path / "up.png"
    picture.write_bytes(PNG)
    node.on("POST /upload/image", answer)
    with pytest.raises(kind):
        client.upload(picture, "up.png")


def test_a_name_with_a_folder_is_refused_here(client: ComfyClient, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        client.upload(tmp_path / "x", "sub/dir.png")
