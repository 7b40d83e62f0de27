"""What can be done to asked-for pictures: each verb is one POST that replies with the fragment that changed."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from eliot.http import wants_fragment
from farm_app.models.states import JobState
from farm_app.parameters import grouped
from farm_app.who import actor_of
from farm_app.why import why as why_it_waits
from sessions_app import takes
from sessions_app.cells import Cell, cells_of
from sessions_app.models import Generation
from sessions_app.order import CannotPlace
from sessions_app.pages import (
    asked_stage,
    fragment_or_page,
    fragments,
    session_or_404,
    table_context,
    table_of,
    take_or_404,
)
from sessions_app.table import Table
from sessions_app.tallies import FAULTS


def _cell(generation: Generation) -> Cell:
    return cells_of([generation])[0]


def _changed(request: HttpRequest, pk: int) -> HttpResponse:
    """Reply with the cell, or the large view that asked, and with the bars that count it."""
    generation = take_or_404(pk)
    session = generation.round.session
    if not wants_fragment(request):
        return redirect(f"{session.url}?stage={generation.round.stage + 1}#cell-{pk}")
    context = table_context(Table(session, generation.round.stage))
    bars = [
        (name, context)
        for name in ("sessions/_actions.html", "sessions/_stages.html", "sessions/_counts.html")
    ]
    cell = (
        "sessions/_cell.html",
        {"cell": _cell(generation), **({"oob": True} if _is_large(request) else {})},
    )
    if _is_large(request):
        return fragments(request, ("sessions/_large.html", large_context(generation)), cell, *bars)
    return fragments(request, cell, *bars)


def _is_large(request: HttpRequest) -> bool:
    return request.headers.get("HX-Target") == "large-body"


def _judge(request: HttpRequest, pk: int, flag: str) -> HttpResponse:
    generation = take_or_404(pk)
    try:
        takes.judge(generation, flag, actor=actor_of(request))
    except takes.NoPictureYet:
        messages.error(request, "There is no picture yet, so there is nothing to judge.")
    return _changed(request, pk)


@require_POST
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a picture: it feeds the next stage."""
    return _judge(request, pk, "keep")


@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Drop a picture: it stays, greyed."""
    return _judge(request, pk, "drop")


@require_POST
def clear(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the verdict back."""
    return _judge(request, pk, "")


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel one picture."""
    takes.cancel([take_or_404(pk)], actor=actor_of(request))
    return _changed(request, pk)


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a failed or cancelled picture again."""
    takes.retry([take_or_404(pk)], actor=actor_of(request))
    return _changed(request, pk)


@require_POST
def any_node(request: HttpRequest, pk: int) -> HttpResponse:
    """Let any node render what waits for one chosen node only."""
    takes.use_any_node(take_or_404(pk), actor=actor_of(request))
    return _changed(request, pk)


@require_POST
def upscale(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an enlarged version of a picture."""
    generation = take_or_404(pk)
    session = generation.round.session
    try:
        made = takes.upscale(generation, owner=request.user)
    except (CannotPlace, takes.NoPictureYet) as fault:
        sentence = getattr(fault, "sentence", "There is no picture yet to enlarge.")
        return _said(request, generation, sentence, icon="triangle-alert")
    if not wants_fragment(request):
        return redirect(f"{session.url}?stage={generation.round.stage + 1}#cell-{made.pk}")
    made = take_or_404(made.pk)
    context = table_context(Table(session, generation.round.stage))
    return fragments(
        request,
        ("sessions/_cell_rows.html", {"cells": cells_of([made]), "oob": True}),
        ("sessions/_actions.html", context),
        ("sessions/_stages.html", context),
        ("sessions/_counts.html", context),
        (
            "_toast.html",
            {
                "text": f"Upscale asked for, as picture {made.number:02d}.",
                "undo_url": reverse("sessions:cancel", args=[made.pk]),
            },
        ),
    )


def _said(
    request: HttpRequest, generation: Generation, sentence: str, *, icon: str
) -> HttpResponse:
    if not wants_fragment(request):
        messages.error(request, sentence)
        return redirect(f"{generation.round.session.url}?stage={generation.round.stage + 1}")
    return fragments(
        request, ("_toast.html", {"text": sentence, "undo_url": "", "icon": icon, "oob": True})
    )


@require_GET
def large(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one picture at full size, with how it was made."""
    generation = take_or_404(pk)
    return fragment_or_page(
        request, "sessions/_large.html", large_context(generation), session=generation.round.session
    )


def large_context(generation: Generation) -> dict[str, Any]:
    """Return what the large view shows."""
    session, job = generation.round.session, generation.job
    cell = _cell(generation)
    recipe = {
        **job.recipe,
        **(
            cell.media_file.known_facts.recipe
            if cell.media_file and cell.media_file.known_facts
            else {}
        ),
    }
    stage = (
        Table(session, generation.round.stage).stages[generation.round.stage]
        if (generation.round.stage < len(session.stages))
        else None
    )
    return {
        "session": session,
        "stage": stage or {"name": generation.round.stage_name},
        "cell": cell,
        "prompt": recipe.get("prompt", ""),
        "negative": recipe.get("negative", ""),
        "facts": facts_of(cell, recipe),
        "parents": _parents(cell),
        **_neighbours(generation),
    }


def facts_of(cell: Cell, recipe: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return label, shown text and copied text of everything that made a picture."""
    seed = cell.job.seed
    picture = cell.picture
    winner = cell.job.winner
    why_there = winner.reason if winner else ""
    facts = [
        ("Seed", grouped(seed), seed),
        ("Node", cell.node_name, cell.node_name),
        ("Why there", why_there, why_there),
        ("Seconds", cell.seconds_text, f"{cell.job.seconds:.2f}" if cell.job.seconds else ""),
        ("Model", str(recipe.get("model") or ""), str(recipe.get("model") or "")),
        (
            "Size",
            f"{picture.width} × {picture.height}" if picture else "",
            f"{picture.width}x{picture.height}" if picture else "",
        ),
    ]
    for label, name in (
        ("Steps", "steps"),
        ("Guidance", "cfg"),
        ("Sampler", "sampler"),
        ("Scheduler", "scheduler"),
        ("Denoise", "denoise"),
        ("Workflow", "template"),
    ):
        value = recipe.get(name)
        if value not in (None, ""):
            facts.append((label, str(value), str(value)))
    if cell.media_file:
        facts.append(("File", cell.media_file.name, cell.media_file.path))
    return [fact for fact in facts if fact[1]]


def _parents(cell: Cell) -> list[dict[str, str]]:
    source = cell.job.source
    if source is None:
        return []
    made = Generation.objects.filter(job__outputs__media_file=source).first()
    url = reverse("sessions:large", args=[made.pk]) if made else source.url
    return [
        {
            "thumb_url": source.thumb_url,
            "url": url,
            "alt": f"The picture it starts from, {source.name}",
        }
    ]


def _neighbours(generation: Generation) -> dict[str, str]:
    """Return the addresses of the pictures before and after it in its stage."""
    there = Generation.objects.of_stage(generation.round.session, generation.round.stage).filter(
        job__state=JobState.DONE, job__outputs__media_file__trashed_at__isnull=True
    )
    before = there.filter(number__lt=generation.number).order_by("-number").first()
    after = there.filter(number__gt=generation.number).first()
    return {
        "prev_url": reverse("sessions:large", args=[before.pk]) if before else "",
        "next_url": reverse("sessions:large", args=[after.pk]) if after else "",
    }


@require_GET
def why(request: HttpRequest, pk: int) -> HttpResponse:
    """Say why a picture waits, node by node; of a failed one, what was tried where."""
    generation = take_or_404(pk)
    job = generation.job
    if job.state in (JobState.FAILED, JobState.ATTENTION):
        context = _what_happened(generation)
    else:
        found = why_it_waits(job)
        ahead = f"Number {found.position} in the queue." if job.state == JobState.QUEUED else ""
        context = {"title": "", "position": ahead, "why": found, "nodes": found.nodes}
        context["sentence"] = found.sentence
    return fragment_or_page(
        request,
        "sessions/_why.html",
        {"session": generation.round.session, **context},
        session=generation.round.session,
    )


def _what_happened(generation: Generation) -> dict[str, Any]:
    job = generation.job
    tried = job.attempts.exclude(reason="").select_related("node").order_by("fence")
    nodes = [{"name": one.node.slug, "reason": one.reason, "icon": "cell-failed"} for one in tried]
    sentence = f"{job.reason} {job.advice}".strip()
    return {"title": "What went wrong?", "sentence": sentence, "position": "", "nodes": nodes}


def _stage_rows(request: HttpRequest, slug: str) -> tuple[Table, QuerySet[Generation]]:
    session = session_or_404(slug)
    table = Table(session, asked_stage(request, session))
    return table, Generation.objects.of_stage(session, table.index)


def _after_batch(request: HttpRequest, slug: str, toast: dict[str, Any]) -> HttpResponse:
    table = table_of(request, session_or_404(slug))
    if not wants_fragment(request):
        messages.info(request, toast["text"], extra_tags=toast.get("undo_url", ""))
        return redirect(table.url)
    context = table_context(table)
    return fragments(
        request,
        ("sessions/_actions.html", context),
        ("sessions/_stages.html", context),
        ("sessions/_counts.html", context),
        ("_toast.html", toast),
    )


@require_POST
def cancel_batch(request: HttpRequest, slug: str) -> HttpResponse:
    """Cancel everything of a stage that has not ended."""
    _, rows = _stage_rows(request, slug)
    count = takes.cancel(
        rows.exclude(job__state__in=(JobState.DONE, JobState.FAILED, JobState.CANCELLED)),
        actor=actor_of(request),
    )
    return _after_batch(request, slug, {"text": f"{count} cancelled.", "undo_url": ""})


@require_POST
def retry_failed(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask everything of a stage again that failed or needs somebody."""
    _, rows = _stage_rows(request, slug)
    count = takes.retry(rows.filter(job__state__in=FAULTS), actor=actor_of(request))
    return _after_batch(request, slug, {"text": f"{count} asked again.", "undo_url": ""})


@require_POST
def trash_dropped(request: HttpRequest, slug: str) -> HttpResponse:
    """Move the dropped pictures of a stage to the trash; undo brings them back."""
    table, _ = _stage_rows(request, slug)
    moved = takes.trash_dropped(table.session, table.index)
    undo = reverse("sessions:untrash", args=[slug])
    ids = ",".join(str(one.pk) for one in moved.generations)
    url = f"{undo}?stage={table.index + 1}&ids={ids}" if ids else ""
    return _after_moves(request, slug, moved, "moved to the trash", undo_url=url)


@require_POST
def untrash(request: HttpRequest, slug: str) -> HttpResponse:
    """Bring pictures back from the trash."""
    session = session_or_404(slug)
    asked = request.GET.get("ids", "").split(",")
    ids = [int(one) for one in asked if one.isascii() and one.isdecimal() and len(one) < 19]
    return _after_moves(request, slug, takes.restore(session, ids), "back from the trash")


def _after_moves(
    request: HttpRequest, slug: str, moved: takes.Moved, done: str, *, undo_url: str = ""
) -> HttpResponse:
    count = len(moved.generations)
    said = f"{count} {'picture' if count == 1 else 'pictures'} {done}. {moved.problem}"
    response = _after_batch(request, slug, {"text": said.strip(), "undo_url": undo_url})
    response["HX-Trigger"] = "eliot:stale"
    return response
