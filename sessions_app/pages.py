"""What every page of the table shares: its frame, and a fragment as reply or as a page of its own."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string

from eliot.http import varied, wants_fragment
from farm_app.banner import banner
from farm_app.strip import draw_strip, newest_event
from sessions_app.models import Generation, WorkSession


def frame(title: str, *, ws_url: str = "/ws/farm/") -> dict[str, Any]:
    """Return what base.html needs. The cursor is read first, so that nothing falls between it and the rows."""
    cursor = newest_event()
    return {
        "page_title": title,
        "nav": "sessions",
        "cursor": cursor,
        "strip": draw_strip(),
        "banner": banner(),
        "ws_url": f"{ws_url}{'&' if '?' in ws_url else '?'}since={cursor}",
    }


def session_or_404(slug: str) -> WorkSession:
    """Return a session that is not deleted."""
    session = WorkSession.objects.there().at(slug)
    if session is None:
        raise Http404
    return session


def take_or_404(pk: int) -> Generation:
    """Return a generation of a session that is not deleted, with all that its cell shows."""
    rows = Generation.objects.filter(round__session__deleted_at__isnull=True).with_pictures()
    return get_object_or_404(rows, pk=pk)


def fragment_or_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    session: WorkSession,
    status: int = 200,
) -> HttpResponse:
    """Reply with a fragment, or with a page that holds nothing else for who came by link."""
    if wants_fragment(request):
        return varied(render(request, template, dict(context), status=status))
    whole = {
        **frame(session.title),
        "crumb_url": session.url,
        "crumb_title": session.title,
        "back_url": session.url,
        **context,
        "fragment": template,
    }
    return varied(render(request, "sessions/alone.html", whole, status=status))


def fragments(request: HttpRequest, *parts: tuple[str, Mapping[str, Any]]) -> HttpResponse:
    """Reply with several fragments: the first goes to the target, the others ride out of band."""
    rendered = [
        render_to_string(template, {"oob": place > 0, **context}, request=request)
        for place, (template, context) in enumerate(parts)
    ]
    return varied(HttpResponse("\n".join(rendered)))
