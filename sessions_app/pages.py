"""What the pages of the table share: frame, stage, window, and a fragment as reply or as a page of its own."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse

from eliot.http import varied, wants_fragment
from farm_app import pages
from sessions_app.models import Generation, WorkSession
from sessions_app.table import Table


def frame(title: str, *, ws_url: str = "/ws/farm/") -> dict[str, Any]:
    """Return what base.html needs on the pages of the table."""
    return pages.frame(title, nav="sessions", ws_url=ws_url)


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


def asked_stage(request: HttpRequest, session: WorkSession) -> int:
    """Return the stage that the address names, from 1; without one, where the work is."""
    asked = number_in(request, "stage", -1)
    if asked < 0:
        return session.current_stage()
    return min(max(asked - 1, 0), len(session.stages) - 1)


def number_in(request: HttpRequest, name: str, default: int) -> int:
    """Return a whole number from the address, or the default for anything else."""
    asked = request.GET.get(name, "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else default


def table_of(request: HttpRequest, session: WorkSession) -> Table:
    """Return the stage that the request looks at."""
    return Table(session, asked_stage(request, session), request.GET.get("show", ""))


def table_context(table: Table) -> dict[str, Any]:
    """Return what the fragments around the grid need."""
    return {
        "session": table.session,
        "urls": table.urls,
        "stages": table.stages,
        "stage": table.stages[table.index],
        "counts": table.counts,
        "filter": table.filter,
        "actions": table.actions,
    }


def session_context(request: HttpRequest, table: Table) -> dict[str, Any]:
    """Return what the session page shows but its form: one window of cells, from ``first`` in the address."""
    session, first = table.session, number_in(request, "first", 0)
    ws_url = f"/ws/sessions/{session.pk}/?stage={table.index}&show={table.filter}"
    page = frame(session.title, ws_url=ws_url)
    cells, following = table.window(first)
    return {
        **page,
        **table_context(table),
        "cells": cells,
        "window_next_url": following,
        "grid_url": f"{table.url}&show={table.filter}&first={first}",
        "confirming": bool(request.GET.get("confirm")),
        "crumb_url": reverse("sessions:list"),
        "crumb_title": session.title,
    }


def went(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser to another page, in the way of htmx or plainly."""
    if not wants_fragment(request):
        return redirect(url)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = url
    return response


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
