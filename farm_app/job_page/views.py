"""The page of a job, and its verbs: each is one POST that replies with what changed."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from eliot import live
from eliot.http import varied, wants_fragment
from farm_app import cancelling, late, setbacks
from farm_app.job_page.reading import JobView
from farm_app.models import Attempt, Priority
from farm_app.pages import frame
from farm_app.queue import order, pausing
from farm_app.queue.live import QUEUE_GROUP
from farm_app.queue.shown import look_anew
from farm_app.who import actor_of

PARTS = ("state", "outputs", "late", "attempts", "events")
TOO_LATE = "It has moved on meanwhile, so that could not be done."


def _view_or_404(job_id: int) -> JobView:
    found = JobView.find(job_id)
    if found is None:
        raise Http404
    return found


@require_GET
def page(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show a job."""
    view = _view_or_404(job_id)
    context = {
        **frame(f"Job {job_id}", ws_url=f"/ws/jobs/{job_id}/"),
        "crumb_url": reverse("farm:nodes"),
        "crumb_title": f"Job {job_id}",
        "view": view,
    }
    return varied(render(request, "farm/job.html", context))


@require_GET
def graph(request: HttpRequest, job_id: int) -> HttpResponse:
    """Send the graph as a file, in the form in which ComfyUI takes it."""
    response = HttpResponse(_view_or_404(job_id).graph, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="job-{job_id}.json"'
    return response


def _retry(view: JobView, actor: str, request: HttpRequest) -> str:
    return "Asked again." if cancelling.ask_again([view.pk], actor=actor) else TOO_LATE


def _requeue(view: JobView, actor: str, request: HttpRequest) -> str:
    held = list(view.job.attempts.holding().select_related("node", "job__group"))
    stopped = [one.node.slug for one in held if setbacks.give_back(one, actor=actor)]
    if not stopped:
        return TOO_LATE
    return f"Stopped on {' and '.join(stopped)}; it waits for its next turn."


def _cancel(view: JobView, actor: str, request: HttpRequest) -> str:
    return "Cancelled." if cancelling.cancel([view.pk], actor=actor) else TOO_LATE


def _pause(view: JobView, actor: str, request: HttpRequest) -> str:
    return "Paused." if pausing.pause([view.pk], actor=actor) else TOO_LATE


def _resume(view: JobView, actor: str, request: HttpRequest) -> str:
    return "It goes on." if pausing.resume([view.pk], actor=actor) else TOO_LATE


def _front(view: JobView, actor: str, request: HttpRequest) -> str:
    is_done = "front" in view.can and order.to_front([view.pk], actor=actor)
    return "Moved to the front: before all that waits." if is_done else TOO_LATE


def _priority(view: JobView, actor: str, request: HttpRequest) -> str:
    asked = request.POST.get("priority", "")
    if asked not in {str(one) for one in Priority.values}:
        return "There is no such priority. Nothing was changed."
    chosen = Priority(int(asked))
    order.set_priority([view.pk], chosen, actor=actor)
    return f"Priority set to {chosen.label.lower()}."


_ACTS: Mapping[str, Callable[[JobView, str, HttpRequest], str]] = {
    "retry": _retry,
    "requeue": _requeue,
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "front": _front,
    "priority": _priority,
}
_UNDO = {"cancel": "retry", "pause": "resume", "resume": "pause"}


@require_POST
def act(request: HttpRequest, job_id: int, verb: str) -> HttpResponse:
    """Do something to a job."""
    if verb not in _ACTS:
        raise Http404
    said = _ACTS[verb](_view_or_404(job_id), actor_of(request), request)
    undo = _UNDO.get(verb) if said != TOO_LATE else None
    undo_url = reverse("farm:job_act", args=[job_id, undo]) if undo else ""
    return _replied(request, job_id, said, undo_url)


@require_POST
def adopt(request: HttpRequest, job_id: int, attempt_id: UUID) -> HttpResponse:
    """Take a picture that came too late after all."""
    _view_or_404(job_id)
    kept = Attempt.objects.late().select_related("node")
    attempt = get_object_or_404(kept, pk=attempt_id, job=job_id)
    is_done = late.adopt(attempt, actor=actor_of(request))
    said = f"The picture is brought home from {attempt.node.slug}." if is_done else TOO_LATE
    return _replied(request, job_id, said)


def _replied(request: HttpRequest, job_id: int, said: str, undo_url: str = "") -> HttpResponse:
    look_anew()
    live.publish(QUEUE_GROUP, "page.changed")
    if not wants_fragment(request):
        messages.info(request, said, extra_tags=undo_url)
        return redirect("farm:job", job_id)
    context: dict[str, Any] = {"view": _view_or_404(job_id), "oob": True}
    parts = [render_to_string(f"farm/_job_{name}.html", context) for name in PARTS]
    toast = {"text": said, "undo_url": undo_url, "oob": True}
    parts.append(render_to_string("_toast.html", toast, request=request))
    return varied(HttpResponse("\n".join(parts)))
