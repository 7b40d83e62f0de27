"""Files in and out: ``/upload/image``, ``/upload/mask``, ``/view``."""

import asyncio
import io
import json
import mimetypes
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from farm_app.demo.folders import BASES, Escape, split_annotation
from farm_app.demo.guard import NODE
from farm_app.demo.mischief import SERVED_FILE
from farm_app.demo.node import DemoNode
from farm_app.demo.routes.paths import both

PREVIEW_FORMATS = ("webp", "jpeg")
PREVIEW_QUALITY = 90
UNSAFE_TYPES = ("text/html", "text/javascript", "application/javascript", "text/css")

Form = Any
"""The parsed form: names to text or to an uploaded file."""


async def upload_image(request: web.Request) -> web.Response:
    """Store a file of any type; the name in the answer may differ from the one sent."""
    form = await request.post()
    return await _upload(request.app[NODE], form, None)


async def upload_mask(request: web.Request) -> web.Response:
    """Store the picture named in ``original_ref`` with the alpha of the uploaded mask."""
    form = await request.post()
    reference = json.loads(str(form["original_ref"]))
    return await _upload(request.app[NODE], form, reference)


async def _upload(node: DemoNode, form: Form, masked: dict[str, str] | None) -> web.Response:
    sent = form.get("image")
    if not isinstance(sent, web.FileField) or not sent.filename:
        return web.Response(status=400)
    base, subfolder = str(form.get("type", "input")), str(form.get("subfolder", ""))
    if base not in BASES:
        raise ValueError(f"no folder type {base!r}")
    try:
        path = node.folders.inside(base, subfolder, sent.filename)
    except Escape:
        return web.Response(status=400)
    node.folders.inside(base, subfolder).mkdir(parents=True, exist_ok=True)
    overwrite = form.get("overwrite") in ("true", "1")
    loop = asyncio.get_running_loop()
    data = await loop.run_in_executor(node.workshop.files, _content, node, sent, masked)
    name = await loop.run_in_executor(
        node.workshop.files, store_upload, path, sent.filename, data, overwrite
    )
    return web.json_response({"name": name, "subfolder": subfolder, "type": base})


def _content(node: DemoNode, sent: web.FileField, masked: dict[str, str] | None) -> bytes:
    data = sent.file.read()
    if masked is None:
        return data
    base = masked.get("type", "output")
    original = node.folders.inside(base, masked.get("subfolder", ""), masked["filename"])
    with Image.open(original) as opened, Image.open(io.BytesIO(data)) as mask:
        picture = opened.convert("RGBA")
        picture.putalpha(mask.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def store_upload(path: Path, name: str, data: bytes, overwrite: bool) -> str:
    """Write an upload and return its name.

    Other bytes under a taken name get ``name (1)``; the same bytes are not written again.

    Raises:
        FileNotFoundError: the name has a folder part that does not exist.
    """
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if dot else (name, "")
    number, chosen = 0, name
    while not overwrite and path.exists():
        if path.read_bytes() == data:
            return chosen
        number += 1
        chosen = f"{stem} ({number}){suffix}"
        path = path.with_name(chosen.rpartition("/")[2])
    path.write_bytes(data)
    return chosen


async def view(request: web.Request) -> web.StreamResponse:
    """Send a file, with ETag and ranges; or re-encoded at full size, without either."""
    node, query = request.app[NODE], request.query
    if "filename" not in query:
        return web.Response(status=404)
    filename, annotated = split_annotation(query["filename"])
    base = query.get("type") or annotated or "output"
    if base not in BASES or filename.startswith("/") or ".." in filename:
        return web.Response(status=400)
    try:
        folder = node.folders.inside(base, query.get("subfolder", ""))
    except Escape:
        return web.Response(status=403)
    path = folder / Path(filename).name
    if not path.is_file():
        return web.Response(status=404)
    return await _send(request, path)


async def _send(request: web.Request, path: Path) -> web.StreamResponse:
    disposition = {"Content-Disposition": f'filename="{path.name}"'}
    preview, channel = request.query.get("preview"), request.query.get("channel", "rgba")
    if preview is None and channel not in ("rgb", "a"):
        request[SERVED_FILE] = path
        headers = {**disposition, "X-Content-Type-Options": "nosniff"}
        return web.FileResponse(path, headers={**headers, "Content-Type": _content_type(path)})
    loop = asyncio.get_running_loop()
    pool = request.app[NODE].workshop.files
    if preview is not None:
        body, kind = await loop.run_in_executor(pool, reencode, path, preview, channel)
    else:
        body, kind = await loop.run_in_executor(pool, one_channel, path, channel), "png"
    return web.Response(body=body, content_type=f"image/{kind}", headers=disposition)


def _content_type(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return "application/octet-stream" if kind in UNSAFE_TYPES else kind


def reencode(path: Path, preview: str, channel: str) -> tuple[bytes, str]:
    """Encode as ``webp;50`` or ``jpeg;80`` asks; anything but these two gives webp.

    Raises:
        OSError: the file is no picture.
    """
    kind, *rest = preview.split(";")
    if kind not in PREVIEW_FORMATS or channel == "a":
        kind = "webp"
    quality = int(rest[-1]) if rest and rest[-1].isdigit() else PREVIEW_QUALITY
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        plain = picture.convert("RGB") if kind == "jpeg" or channel == "rgb" else picture
        plain.save(buffer, kind, quality=quality)
    return buffer.getvalue(), kind


def one_channel(path: Path, channel: str) -> bytes:
    """Return a PNG of the colours alone, or of the alpha as alpha of an empty picture."""
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        if channel == "rgb":
            result = picture.convert("RGB")
        else:
            result = Image.new("RGBA", picture.size)
            result.putalpha(picture.convert("RGBA").getchannel("A"))
        result.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


routes = [
    *both("POST", "/upload/image", upload_image),
    *both("POST", "/upload/mask", upload_mask),
    *both("GET", "/view", view),
]
