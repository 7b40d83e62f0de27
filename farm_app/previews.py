"""Preview frames: they come twice a second for every running picture, so they are answered past Django."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from farm_app import progress

PATH: Final = re.compile(r"^/farm/jobs/(\d{1,18})/preview/\d{1,9}$")
_HEADERS: Final = {
    "Cache-Control": "private, max-age=60",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Answer(NamedTuple):
    """What a browser gets for one frame."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def answer(job_id: int) -> Answer:
    """Return the latest frame from the cache, or a 404; the number in the address only keeps caches apart."""
    frame = progress.frame(job_id)
    body, kind = (frame.data, frame.mime) if frame else (b"", "text/plain")
    facts = {"Content-Type": kind, "Content-Length": str(len(body)), **_HEADERS}
    return Answer(200 if frame else 404, facts, body)


@require_safe
def preview(request: HttpRequest, job_id: int, number: int) -> HttpResponse:
    """Give the address its name; behind Eliot's own server ``previews_app`` answers first, and the same."""
    status, headers, body = answer(job_id)
    return HttpResponse(body, status=status, headers=dict(headers))


async def previews_app(
    scope: dict[str, Any], receive: Any, send: Callable[[dict[str, Any]], Any]
) -> None:
    """Answer a path that matches ``PATH``."""
    found = PATH.match(scope["path"])
    if found is None or scope["method"] not in ("GET", "HEAD"):
        status, headers, body = Answer(404, {"Content-Length": "0", **_HEADERS}, b"")
    else:
        # A local cache answers at once, a shared one over a socket: never on the loop.
        status, headers, body = await asyncio.to_thread(answer, int(found[1]))
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
