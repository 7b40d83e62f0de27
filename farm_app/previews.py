"""Preview frames, answered past Django: they come twice a second for every running picture, from the cache only."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from farm_app import progress

PATH: Final = re.compile(r"^/farm/jobs/(\d{1,18})/preview/\d{1,9}$")
_HEADERS: Final = (
    (b"cache-control", b"private, max-age=60"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


async def previews_app(
    scope: dict[str, Any], receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Answer with the latest frame; the number in the address only keeps caches apart. 404 when there is none."""
    found = PATH.match(scope["path"])
    frame = None
    if found and scope["method"] in ("GET", "HEAD"):
        # A local cache answers at once, a shared one over a socket: never on the loop.
        frame = await asyncio.to_thread(progress.frame, int(found[1]))
    body = frame.data if frame else b""
    kind = frame.mime.encode() if frame else b"text/plain"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *_HEADERS]
    await send({"type": "http.response.start", "status": 200 if frame else 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
