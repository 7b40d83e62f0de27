"""Pages of the farm: nodes and queue, and the log."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from eliot.http import varied
from farm_app.cards import draw_farm
from farm_app.pages import frame


@require_GET
def nodes_page(request: HttpRequest) -> HttpResponse:
    """Show every node as a card; the cards take the strip's place here."""
    context = {
        **frame("Farm", ws_url="/ws/farm/nodes/", has_strip=False),
        "room": "nodes",
        "farm": draw_farm(),
    }
    return varied(render(request, "farm/page.html", context))


@require_GET
def log_page(request: HttpRequest) -> HttpResponse:
    """Show what happened, newest first."""
    context = {**frame("Farm log", ws_url="/ws/farm/log/"), "room": "log"}
    return varied(render(request, "farm/log.html", context))
