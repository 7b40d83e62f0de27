"""What every page of Eliot needs around it, and the farm's own pages share."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from eliot.http import varied, wants_fragment
from farm_app.banner import banner
from farm_app.strip import draw_strip, newest_event


def frame(
    title: str, *, nav: str = "farm", ws_url: str = "/ws/farm/", has_strip: bool = True
) -> dict[str, Any]:
    """Return what base.html needs. The cursor is read first, so that nothing falls between it and the rows."""
    cursor = newest_event()
    return {
        "page_title": title,
        "nav": nav,
        "cursor": cursor,
        "strip": draw_strip() if has_strip else None,
        "banner": banner(),
        "ws_url": f"{ws_url}{'&' if '?' in ws_url else '?'}since={cursor}",
    }


def alone(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    title: str,
    status: int = 200,
) -> HttpResponse:
    """Reply with a fragment for the sheet, or with a page that holds nothing else for who came by link."""
    if wants_fragment(request):
        return varied(render(request, template, dict(context), status=status))
    back = reverse("farm:nodes")
    whole = {
        **frame(title),
        "crumb_url": back,
        "crumb_title": title,
        "back_url": back,
        **context,
        "fragment": template,
        "is_alone": True,
    }
    return varied(render(request, "farm/alone.html", whole, status=status))
