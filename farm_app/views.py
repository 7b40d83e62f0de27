"""Pages of the farm: nodes and queue, and the log."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from eliot.http import varied, wants_fragment
from farm_app import log
from farm_app.cards import draw_farm
from farm_app.pages import frame
from farm_app.queue.shown import View, queue_context
from farm_app.timeline.drawing import asked_minutes, recent_timeline


@require_GET
def nodes_page(request: HttpRequest) -> HttpResponse:
    """Show every node as a card; the cards take the strip's place here."""
    view, minutes = View.asked(request.GET), asked_minutes(request.GET.get("span", ""))
    query = "&".join(filter(None, (view.query, f"span={minutes}")))
    context = {
        **frame("Farm", ws_url=f"/ws/farm/nodes/?{query}", has_strip=False),
        "room": "nodes",
        "farm": draw_farm(),
        "timeline": recent_timeline(minutes),
        **queue_context(view),
    }
    return varied(render(request, "farm/page.html", context))


@require_GET
def log_page(request: HttpRequest) -> HttpResponse:
    """Show what happened, newest first; an older page by the id that it is before."""
    filters, before = log.Filters.asked(request.GET), log.number(request.GET.get("before"))
    # Of an older page nothing new is told.
    ws_url = "/ws/farm/" if before else f"/ws/farm/log/?{filters.query}"
    page = frame("Farm log", ws_url=ws_url)
    events = filters.newest(before=before)
    shown = {
        "entries": log.entries(events),
        "filters": filters,
        "older": events[-1].pk if len(events) == log.PAGE else 0,
    }
    if wants_fragment(request):
        return varied(render(request, "farm/_events_page.html", shown))
    asked_job = request.GET.get("job", "").strip()
    context = {
        **page,
        **shown,
        "wrong_job": asked_job[:40] if asked_job and not filters.job else "",
        "room": "log",
        "before": before,
        "choices": log.choices(filters),
        "formats": list(log.FORMATS),
    }
    return varied(render(request, "farm/log.html", context))


@require_GET
def download_log(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    """Send all of it that the filters let through."""
    if kind not in log.FORMATS:
        raise Http404
    form = log.FORMATS[kind]
    pieces = _read_ahead(log.chunks(log.Filters.asked(request.GET), form))
    response = StreamingHttpResponse(pieces, content_type=form.mime)
    response["Content-Disposition"] = f'attachment; filename="eliot-farm-log.{kind}"'
    return response


async def _read_ahead(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Read each piece in a thread; an iterator that blocks would be read whole before its first byte is sent."""
    read = sync_to_async(lambda: next(pieces, None))
    while (piece := await read()) is not None:
        yield piece
