"""The queue's pages and verbs: a GET shows a window or a sheet, each verb is one POST that replies with what moved."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_GET, require_POST

from eliot import live
from eliot.http import varied, wants_fragment
from farm_app import cancelling, planning
from farm_app.models import Job, JobEvent, JobGroup, Priority
from farm_app.models.states import JobState
from farm_app.pages import alone
from farm_app.queue import order, pausing
from farm_app.queue.entries import Reading, read_queue
from farm_app.queue.live import QUEUE_GROUP
from farm_app.queue.rows import inner_rows, rows_of, verb_url
from farm_app.queue.shown import WINDOW, View, look_anew, queue_context
from farm_app.queue.targets import Target, find_target
from farm_app.who import actor_of
from farm_app.why import why

GONE = "That is not in the queue any more."
_BACK = {"back_url": reverse_lazy("farm:nodes")}


def number_in(request: HttpRequest, name: str) -> int:
    """Return a whole number from the address; anything else is 0."""
    asked = request.GET.get(name, "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 0


def _count(number: int, noun: str = "job") -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", "\u202f")


# Looking


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Return the next window of the queue."""
    view = View.asked(request.GET)
    first = number_in(request, "first")
    if not wants_fragment(request):
        return redirect(f"{reverse('farm:nodes')}?{view.query}#queue")
    context = queue_context(view, first=first)
    return varied(render(request, "farm/_queue_window.html", {**context, "first": first}))


@require_GET
def jobs(request: HttpRequest, what: str) -> HttpResponse:
    """Return some of a batch's jobs, each in a row of its own."""
    reading = read_queue()
    target = find_target(what, reading)
    if target is None or target.entry is None:
        raise Http404
    first = number_in(request, "first")
    rows, has_more = inner_rows(target.entry, reading, first, WINDOW)
    following = f"{verb_url(what, 'jobs')}?first={first + WINDOW}" if has_more else ""
    context = {"rows": rows, "next_url": following}
    return alone(request, "farm/_queue_jobs.html", context, title=target.entry.asked.label)


@require_GET
def details(request: HttpRequest, what: str) -> HttpResponse:
    """Say why a row waits, node by node, and offer all that can be done to it."""
    reading = read_queue()
    target = find_target(what, reading)
    if target is None:
        return alone(request, "farm/_queue_gone.html", _BACK, title="Queue")
    first = target.jobs.select_related("group__version__template").first()
    if first is None:
        return alone(request, "farm/_queue_gone.html", _BACK, title="Queue")
    context = {**_details(target, first, reading), **_BACK}
    return alone(request, "farm/_queue_details.html", context, title="Queue")


def _details(target: Target, job: Job, reading: Reading) -> dict[str, Any]:
    entry = target.entry
    context: dict[str, Any] = {
        "key": target.key,
        "job": job,
        "count": 1 if entry is None else entry.count,
        "row": rows_of([entry], reading)[0] if entry else None,
        "priorities": [(one.value, one.label, one == job.class_now) for one in Priority],
        "urls": {verb: verb_url(target.key, verb) for verb in _VERBS},
        "of_all": _of_all(job, reading),
        "state": job.state,
        "is_waiting": job.state == JobState.QUEUED,
        "nodes": (),
    }
    if job.state in (JobState.QUEUED, JobState.WAITING):
        found = why(job)
        context |= {"sentence": found.sentence, "nodes": found.nodes, "resume": found.resume}
        context["any_node_url"] = found.any_node_url
    else:
        context["sentence"] = f"{job.reason} {job.advice}".strip()
    return context


def _of_all(job: Job, reading: Reading) -> dict[str, Any] | None:
    """Return what can be done to all of the same asker, if that is more than this row."""
    own = {entry.asked.together for entry in reading.entries if entry.asked.pk == job.group_id}
    count = sum(entry.count for entry in reading.entries if entry.asked.together in own)
    if count < 2:
        return None
    key = f"s{job.group_id}"
    is_program = job.group.request_id is not None
    return {
        "count": count,
        "is_program": is_program,
        "urls": {verb: verb_url(key, verb) for verb in _VERBS},
    }


@require_GET
def sure(request: HttpRequest, what: str) -> HttpResponse:
    """Ask before many are cancelled, with their number."""
    target = find_target(what, read_queue())
    count = target.jobs.count() if target else 0
    running = target.jobs.filter(state=JobState.RUNNING).count() if target else 0
    context = {"count": _count(count), "running": running, "url": verb_url(what, "cancel"), **_BACK}
    return alone(request, "farm/_queue_sure.html", context, title="Queue")


# Changing


def _replied(
    request: HttpRequest, said: str, *, undo_url: str = "", icon: str = ""
) -> HttpResponse:
    """Tell all pages, and reply with the queue as it is now."""
    look_anew()
    live.publish(QUEUE_GROUP, "page.changed")
    toast = {"text": said, "undo_url": undo_url, "icon": icon}
    if not wants_fragment(request):
        messages.info(request, said, extra_tags=undo_url)
        return redirect(f"{reverse('farm:nodes')}#queue")
    context = queue_context(View.asked(request.POST), read_queue())
    moved = {"rows": context["window"].rows, "order": context["window"].order}
    parts = [
        ("farm/_queue_moved.html", moved),
        ("farm/_queue_head.html", context),
        ("_toast.html", toast),
    ]
    texts = [
        render_to_string(template, {**said_, "oob": True}, request=request)
        for template, said_ in parts
    ]
    return varied(HttpResponse("\n".join(texts)))


def _verb(act: Callable[[HttpRequest, Target, Reading], str]) -> Callable[..., HttpResponse]:
    """Wrap what is done to a target, and says what was done, into a view."""

    @require_POST
    def view(request: HttpRequest, what: str) -> HttpResponse:
        reading = read_queue(planning.recent_plan())  # in the order in which the person saw it
        target = find_target(what, reading)
        if target is None:
            return _replied(request, GONE, icon="info")
        return _replied(request, act(request, target, reading))

    return view


def _front(request: HttpRequest, target: Target, reading: Reading) -> str:
    held = target.jobs.filter(state=JobState.QUEUED)
    count = order.to_front(list(held.values_list("pk", flat=True)), actor=actor_of(request))
    if not count:
        return GONE
    if target.entry is not None and target.entry.pause is not None:
        return "It is first when it goes on."
    return f"{_count(count)} moved to the front: before all that waits."


def _step(by: int) -> Callable[[HttpRequest, Target, Reading], str]:
    def act(request: HttpRequest, target: Target, reading: Reading) -> str:
        if target.entry is None:
            return GONE
        if not target.entry.can_move:
            return "It has no place among those that wait. Nothing was moved."
        moved = order.step(
            target.entry, reading.turns, by, within=target.within, actor=actor_of(request)
        )
        if not moved:
            return "It is at the end already." if by > 0 else "It is at the front already."
        return "Moved up." if by < 0 else "Moved down."

    return act


def _following(above: str, target: Target, reading: Reading) -> str:
    """Return the key of what waits right after another row, whatever the page shows of it; empty after the last."""
    moved = target.within or target.entry
    keys = [one.key for one in reading.turns if moved is None or one.key != moved.key]
    following = keys[keys.index(above) + 1 :] if above in keys else [above]
    return following[0] if following else ""


def _place(request: HttpRequest, target: Target, reading: Reading) -> str:
    neighbour = request.POST.get("before", "")
    above = request.POST.get("after", "")
    if above:  # below all that the page shows, which need not be the end
        neighbour = _following(above, target, reading)
    before = reading.by_key.get(neighbour)
    if target.entry is None or (target.within or target.entry) not in reading.turns:
        return GONE
    if neighbour and before not in reading.turns:
        return "What it was put before waits no more. Nothing was moved."
    order.place(target.entry, before, reading.turns, actor=actor_of(request))
    return "Moved."


def _priority(request: HttpRequest, target: Target, reading: Reading) -> str:
    asked = request.POST.get("priority", "")
    if asked not in {str(one) for one in Priority.values}:
        return "There is no such priority. Nothing was changed."
    chosen = Priority(int(asked))
    count = order.set_priority(target.ids, chosen, actor=actor_of(request))
    return f"{_count(count)} set to {chosen.label.lower()}." if count else GONE


def _pause(request: HttpRequest, target: Target, reading: Reading) -> str:
    if target.key == "all":
        if not pausing.pause_all(actor=actor_of(request)):
            return "The queue is paused already."
        return "The queue is paused. What renders is finished."
    count = pausing.pause(target.ids, actor=actor_of(request))
    return f"{_count(count)} paused." if count else "Nothing of it waits: what renders is finished."


def _resume(request: HttpRequest, target: Target, reading: Reading) -> str:
    if target.key == "all":
        is_done = pausing.resume_all(actor=actor_of(request))
        return "The queue goes on." if is_done else "The queue was not paused."
    count = pausing.resume(target.ids, actor=actor_of(request))
    if reading.pause is not None:
        return f"{_count(count)} will go on with the queue, which is paused."
    return f"{_count(count)} go on." if count != 1 else "It goes on."


def _retry(request: HttpRequest, target: Target, reading: Reading) -> str:
    count = cancelling.ask_again(target.ids, actor=actor_of(request))
    return f"{_count(count)} asked again." if count else GONE


def _any(request: HttpRequest, target: Target, reading: Reading) -> str:
    groups = JobGroup.objects.filter(pk__in=target.jobs.values("group"))
    freed = [cancelling.use_any_node(group, actor=actor_of(request)) for group in groups]
    return "Any node may take it now." if any(freed) else "Any node could take it already."


@require_POST
def cancel(request: HttpRequest, what: str) -> HttpResponse:
    """Cancel what has not ended; undo asks for it again."""
    target = find_target(what, read_queue())
    newest = JobEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    actor = actor_of(request)
    count = cancelling.cancel(target.ids, actor=actor) if target else 0
    if not count:
        return _replied(request, GONE, icon="info")
    last = JobEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    undo_url = reverse("farm:queue_undo", args=[newest, last])
    return _replied(request, f"{_count(count)} cancelled.", undo_url=undo_url)


@require_POST
def undo(request: HttpRequest, after: int, upto: int) -> HttpResponse:
    """Ask again for what this person cancelled between two events, each in the place that it had."""
    events = JobEvent.objects.filter(
        pk__gt=after,
        pk__lte=upto,
        actor=actor_of(request),
        after__in=(JobState.CANCELLING, JobState.CANCELLED),
    ).exclude(before=JobState.CANCELLING)
    jobs = events.order_by("job_id").values_list("job_id", flat=True).distinct()
    asked_since = JobEvent.objects.filter(
        pk__gt=upto, job__in=jobs, after=JobState.QUEUED
    ).values_list("job_id", flat=True)
    ids = sorted(set(jobs) - set(asked_since))  # what was decided since then stands
    count = cancelling.ask_again(ids, actor=actor_of(request), in_place=True)
    if not count:
        return _replied(request, GONE, icon="info")
    return _replied(request, f"{_count(count)} asked again.")


front, up, down, place = _verb(_front), _verb(_step(-1)), _verb(_step(1)), _verb(_place)
priority, pause, resume, retry = _verb(_priority), _verb(_pause), _verb(_resume), _verb(_retry)
any_node = _verb(_any)
_VERBS = ("front", "up", "down", "priority", "pause", "resume", "cancel", "sure", "retry")
