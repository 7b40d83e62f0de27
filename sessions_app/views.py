"""Pages of the table: start, list, session; and what shapes a session: form, stages, Generate, Continue."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from eliot.http import varied, wants_fragment
from farm_app import families
from farm_app.who import actor_of
from sessions_app import covers, takes
from sessions_app.cells import cells_of
from sessions_app.forms import AskForm, TitleForm, checkpoint_note, family_values, tokens_of
from sessions_app.funnel import as_asked
from sessions_app.models import Flow, Round, WorkSession
from sessions_app.order import CannotPlace
from sessions_app.pages import (
    fragment_or_page,
    fragments,
    frame,
    number_in,
    session_context,
    session_or_404,
    table_context,
    table_of,
    went,
)
from sessions_app.placing import continue_session, order_from_form, place_asked
from sessions_app.stage_forms import BaseStageFormSet, StageFormSet, added_stage, stage_initial
from sessions_app.table import WINDOW, Table, estimate_text, families_of_farm, family_label

PER_PAGE = 24
RECENT = 4
FLOWS = {
    Flow.DRAFT_GRID: "Twenty quick drafts from one prompt. Keep what you like, continue to one final.",
}


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Show where work begins."""
    flows = [
        {
            "slug": flow.value.replace("_", "-"),
            "name": flow.label,
            "sentence": sentence,
            "url": reverse("sessions:new", args=[flow.value]),
        }
        for flow, sentence in FLOWS.items()
    ]
    recent = covers.cards_of(WorkSession.objects.current().for_list()[:RECENT])
    return render(
        request, "sessions/start.html", {**frame("Start"), "flows": flows, "recent": recent}
    )


@require_GET
def session_list(request: HttpRequest) -> HttpResponse:
    """Show all sessions, those at work or the archived ones."""
    archived = bool(request.GET.get("archived"))
    rows = WorkSession.objects.archived() if archived else WorkSession.objects.current()
    page = Paginator(rows.for_list(), PER_PAGE).get_page(request.GET.get("page"))
    cards = covers.cards_of(page.object_list)
    context = {**frame("Sessions"), "page": page, "cards": cards, "archived": archived}
    return render(request, "sessions/list.html", context)


@require_POST
def new(request: HttpRequest, flow: str) -> HttpResponse:
    """Begin a session."""
    if flow not in Flow.values:
        raise Http404
    return redirect(WorkSession.begin(owner=request.user, flow=flow))


def form_of(table: Table, *args: Any, **kwargs: Any) -> AskForm:
    """Return the prompt form of a table."""
    return AskForm(
        *args, session=table.session, stage=table.index, have=table.farm_families, **kwargs
    )


@require_GET
def session_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a session at one of its stages."""
    session = session_or_404(slug)
    if session.slug != slug:
        return redirect(f"{session.url}?{request.META.get('QUERY_STRING', '')}".rstrip("?"))
    table = table_of(request, session)
    context = session_context(request, table)
    context["form"] = None if table.stage.kind == "upscale" else form_of(table)
    context["estimate"] = estimate_of(table, context["form"])
    return varied(render(request, "sessions/session.html", context))


def estimate_of(table: Table, form: AskForm | None) -> str:
    """Return what pressing Generate would cost with a form that nobody has changed yet, in a sentence."""
    return estimate_sentence(table, form.initial) if form and table.farm_families else ""


def estimate_sentence(table: Table, said: Mapping[str, Any]) -> str:
    """Say what the pictures that a form asks for would cost on the farm as it stands."""
    stage = as_asked(table.stage, said)
    more = " more" if table.tally.total else ""
    many = "picture" if stage.want == 1 else "pictures"
    time = estimate_text(table.index, stage, stage.want, str(said.get("checkpoint") or ""))
    return f"{stage.want}{more} {many} would take about {time}."


@require_GET
def cells(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the next window of the grid."""
    session = session_or_404(slug)
    table = table_of(request, session)
    first = number_in(request, "first", 0)
    if not wants_fragment(request):
        return redirect(f"{table.url}&show={table.filter}&first={first}")
    found, following = table.window(first)
    context = {**table_context(table), "cells": found, "window_next_url": following}
    return varied(render(request, "sessions/_cells.html", context))


@require_POST
def generate(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for pictures; a wrong field comes back with its reason and nothing is placed."""
    session = session_or_404(slug)
    table = table_of(request, session)
    if table.stage.kind == "upscale":
        raise Http404  # its pictures come by Continue or by a picture's own Upscale
    form = form_of(table, request.POST)
    if not form.is_valid():
        return refused(request, table, form)
    try:
        placed = place_asked(session, order_from_form(form, table), form, owner=request.user)
    except CannotPlace as fault:
        said = f"{fault.sentence} {fault.fix}".strip()
        form.add_error(fault.field_name or None, ValidationError(said, params={"use": fault.use}))
        return refused(request, table, form)
    if not wants_fragment(request):
        return redirect(table.url)
    return placed_reply(request, Table(session, table.index, table.filter), placed)


def placed_reply(request: HttpRequest, table: Table, placed: Round) -> HttpResponse:
    """Reply with the waiting cells, and a form that is ready for the next press."""
    if table.tally.shown > WINDOW:
        return went(request, table.url)  # the page itself sorts more than one window
    form = form_of(table)
    context = {**table_context(table), "form": form}
    cells = cells_of(placed.generations.for_cells().order_by("number"))
    parts: list[tuple[str, dict[str, Any]]] = [
        ("sessions/_cell_rows.html", {"cells": cells, "oob": True}),
        ("sessions/_actions.html", context),
        ("sessions/_stages.html", context),
        ("sessions/_counts.html", context),
        ("sessions/_title.html", context),
        ("sessions/_generate.html", context),
        ("sessions/_submission_key.html", {"key": uuid.uuid4().hex}),
        ("sessions/_estimate.html", {"estimate": estimate_of(table, form)}),
    ]
    if request.POST.get("had_errors"):
        parts.append(("sessions/_ask_fields.html", context))
    response = fragments(request, *parts)
    response["HX-Replace-Url"] = table.url
    return response


def refused(request: HttpRequest, table: Table, form: AskForm) -> HttpResponse:
    """Reply with the form and its reasons."""
    if wants_fragment(request):
        context = {**table_context(table), "form": form}
        response = varied(render(request, "sessions/_ask_fields.html", context, status=422))
        response["HX-Retarget"] = "#ask-fields"
        response["HX-Reswap"] = "outerHTML"
        return response
    context = {**session_context(request, table), "form": form, "estimate": ""}
    return varied(render(request, "sessions/session.html", context, status=422))


@require_POST
def advance(request: HttpRequest, slug: str) -> HttpResponse:
    """Continue with the kept pictures; a stage that would grow is asked for first."""
    session = session_or_404(slug)
    table = table_of(request, session)
    if problem := table.cannot_continue:
        return _cannot_continue(request, table, problem)
    step = table.advance
    if step.grows and request.POST.get("confirmed") != str(step.count):
        return _asked_first(request, table)
    try:
        after = number_in(request, "after", table.asked_next)
        note = checkpoint_note(session, table.index + 1)
        continue_session(session, table, owner=request.user, after=after)
    except CannotPlace as fault:
        messages.error(request, f"{fault.sentence} {fault.fix}".strip())
        return went(request, table.url)
    if note:
        messages.info(request, note)
    return went(request, table.stage_url(table.index + 1))


def _cannot_continue(request: HttpRequest, table: Table, problem: str) -> HttpResponse:
    """Say why; the bar may be of a time when it could be done, so it comes along."""
    if not wants_fragment(request):
        messages.info(request, problem)
        return redirect(table.url)
    context = table_context(table)
    return fragments(
        request,
        ("sessions/_continue.html", context),
        ("sessions/_actions.html", context),
        ("_toast.html", {"text": problem, "icon": "triangle-alert"}),
    )


def _asked_first(request: HttpRequest, table: Table) -> HttpResponse:
    """Ask before a stage grows."""
    if not wants_fragment(request):
        return redirect(f"{table.url}&confirm=1")
    context = {**table_context(table), "confirming": True}
    return varied(render(request, "sessions/_continue.html", context))


@require_POST
def estimate(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what pressing Generate would cost with the form as it is."""
    table = table_of(request, session_or_404(slug))
    form = form_of(table, request.POST)
    form.is_valid()
    found = form.cleaned_data
    is_known = all(name in found for name in ("family", "width", "height", "steps", "count"))
    sentence = estimate_sentence(table, found) if is_known else ""
    return varied(render(request, "sessions/_estimate.html", {"estimate": sentence}))


@require_POST
def tokens(request: HttpRequest, slug: str) -> HttpResponse:
    """Count the tokens of the text that is being typed."""
    session_or_404(slug)
    name = "negative" if request.POST.get("counting") == "negative" else "prompt"
    counted = tokens_of(request.POST.get(name, ""), request.POST.get("family", ""))
    return varied(render(request, "sessions/_tokens.html", {"name": name, "tokens": counted}))


@require_POST
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the settings that go with the family just chosen."""
    table = table_of(request, session_or_404(slug))
    family = request.POST.get("family", "")
    if family not in families.FAMILIES:
        raise Http404
    values = family_values(family, from_picture=table.index > 0)
    form = form_of(table, initial={**request.POST.dict(), **values})
    return varied(render(request, "sessions/_settings.html", {"urls": table.urls, "form": form}))


@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the title as a field, or change it."""
    session = session_or_404(slug)
    asked = request.POST if request.method == "POST" else None
    form = TitleForm(asked, initial={"title": session.title})
    if form.is_valid():
        session.rename(form.cleaned_data["title"])
        if not wants_fragment(request):
            return redirect(session)
        return varied(render(request, "sessions/_title.html", {"session": session}))
    status = 422 if form.is_bound else 200
    context = {"session": session, "form": form}
    return fragment_or_page(
        request, "sessions/_rename.html", context, session=session, status=status
    )


@require_POST
def duplicate(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a copy with the same settings and prompt."""
    return went(request, session_or_404(slug).duplicate(owner=request.user).url)


@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a session away."""
    session = session_or_404(slug)
    session.archive()
    messages.success(
        request,
        f"“{session.title}” is in the archive.",
        extra_tags=reverse("sessions:restore", args=[slug]),
    )
    return went(request, reverse("sessions:list"))


@require_POST
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    """Bring a session back from the archive or from being deleted."""
    session = WorkSession.objects.at(slug)
    if session is None:
        raise Http404
    if session.deleted_at is not None:
        takes.undelete(session, actor=actor_of(request))
    else:
        session.unarchive()
    return went(request, session.url)


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a session out of sight; what it still waits for is cancelled, its pictures stay in the archive."""
    session = session_or_404(slug)
    takes.delete(session, actor=actor_of(request))
    messages.success(
        request,
        f"“{session.title}” is deleted; its pictures stay in the library.",
        extra_tags=reverse("sessions:restore", args=[slug]),
    )
    return went(request, reverse("sessions:list"))


@require_http_methods(["GET", "POST"])
def stages(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the funnel as a form, or change it."""
    session = session_or_404(slug)
    if request.method == "GET":
        formset = StageFormSet(initial=stage_initial(session.stages))
        return _stages_form(request, session, formset, prewarms=session.prewarms)
    prewarms = "prewarms" in request.POST
    formset = StageFormSet(
        request.POST, initial=stage_initial(session.stages), asked=session.last_stage_asked()
    )
    if not formset.is_valid():
        return _stages_form(request, session, formset, prewarms=prewarms, status=422)
    if adding := request.POST.get("add"):
        described = [*formset.stages(), added_stage(adding, formset.stages())]
        fresh = StageFormSet(initial=stage_initial(described))
        return _stages_form(request, session, fresh, prewarms=prewarms)
    session.set_stages(formset.stages(), prewarms=prewarms)
    return went(request, session.url)


def _stages_form(
    request: HttpRequest,
    session: WorkSession,
    formset: BaseStageFormSet,
    *,
    prewarms: bool,
    status: int = 200,
) -> HttpResponse:
    context = {"session": session, "formset": formset, "prewarms": prewarms}
    template = "sessions/_stages_form.html"
    return fragment_or_page(request, template, context, session=session, status=status)


@require_POST
def use_family(request: HttpRequest, slug: str, index: int, family: str) -> HttpResponse:
    """Let a stage draw with a family that the farm has."""
    session = session_or_404(slug)
    if family not in families.FAMILIES or index >= len(session.stages):
        raise Http404
    if family not in families_of_farm():
        messages.error(request, f"No node has {family_label(family)} any more.")
        return went(request, session.url)
    session.use_family(index, family)
    return went(request, session.url)
