"""What can be done to nodes: each verb is one POST that replies with the card that changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from eliot.http import varied, wants_fragment
from farm_app import benchmark, health, nudges, tending, waking
from farm_app.cards import draw_farm
from farm_app.forms import CareForm
from farm_app.models import GpuNode, NodeBlock
from farm_app.moments import clock
from farm_app.pages import alone
from farm_app.who import actor_of

WARNING: Final = "triangle-alert"


@dataclass(frozen=True)
class Reply:
    """What a verb says: one sentence, and the verb that undoes it."""

    text: str
    undo: str = ""
    is_refusal: bool = False


def _drain(node: GpuNode, request: HttpRequest) -> Reply:
    tending.drain(node, actor=actor_of(request))
    return Reply(f"{node.slug} finishes what renders there and takes nothing new.", "resume")


def _resume(node: GpuNode, request: HttpRequest) -> Reply:
    try:
        count = tending.resume(node, actor=actor_of(request))
    except tending.ItsOwners as held:
        said = f"{node.slug} is its owner's until {held.until}. Change that under Hours and sleep."
        return Reply(said, is_refusal=True)
    if node.owners_end is not None:
        until = clock(node.owners_end)
        return Reply(f"{node.slug} takes work again at {until}: until then it is its owner's.")
    return Reply(f"{node.slug} takes work again.{_gave_way(count)}")


def _enable(node: GpuNode, request: HttpRequest) -> Reply:
    count = tending.enable(node, actor=actor_of(request))
    return Reply(f"{node.slug} is switched on.{_gave_way(count)}", "disable")


def _disable(node: GpuNode, request: HttpRequest) -> Reply:
    tending.disable(node, actor=actor_of(request))
    return Reply(f"{node.slug} is switched off.", "enable")


def _gave_way(count: int) -> str:
    return f" Demo nodes gave way: {count}." if count else ""


def _pin(node: GpuNode, request: HttpRequest) -> Reply:
    tending.pin(node, actor=actor_of(request))
    return Reply(f"{node.slug} is shown first, here and in the strip.", "unpin")


def _unpin(node: GpuNode, request: HttpRequest) -> Reply:
    tending.unpin(node, actor=actor_of(request))
    return Reply(f"{node.slug} is shown in its turn.", "pin")


def _stop(node: GpuNode, request: HttpRequest) -> Reply:
    job = tending.stop_what_renders(node, actor=actor_of(request))
    if job is None:
        return Reply(f"Nothing of Eliot's renders on {node.slug}.", is_refusal=True)
    return Reply(f"Job {job} is stopped on {node.slug} and back in the queue.")


def _free(node: GpuNode, request: HttpRequest) -> Reply:
    tending.free_memory(node, actor=actor_of(request))
    return Reply(f"{node.slug} frees its memory, after what renders there.")


def _benchmark(node: GpuNode, request: HttpRequest) -> Reply:
    try:
        labels = benchmark.begin(node, owner=request.user, actor=actor_of(request))
    except benchmark.CannotBenchmark as fault:
        return Reply(str(fault), is_refusal=True)
    said = f"{node.slug} draws {benchmark.PICTURES} pictures each with {', '.join(labels)}, after other work."
    return Reply(said, "end-benchmark")


def _end_benchmark(node: GpuNode, request: HttpRequest) -> Reply:
    benchmark.end(node, actor=actor_of(request))
    return Reply(f"{node.slug} is not measured any more.")


def _look(node: GpuNode, request: HttpRequest) -> Reply:
    GpuNode.objects.filter(pk=node.pk).update(let_go_at=None)
    health.ask_again(GpuNode.objects.filter(pk=node.pk))
    return Reply(f"Eliot looks at {node.slug} now.")


def _wake(node: GpuNode, request: HttpRequest) -> Reply:
    try:
        waking.wake(node, actor=actor_of(request))
    except waking.CannotWake:
        said = f"Give {node.slug} a MAC address first, under Hours and sleep."
        return Reply(said, is_refusal=True)
    return Reply(
        f"{node.slug} was sent a wake-up call. It may take a minute until ComfyUI answers."
    )


def _remove(node: GpuNode, request: HttpRequest) -> Reply:
    try:
        tending.remove(node, actor=actor_of(request))
    except tending.StillWorks:
        said = f"{node.slug} still works. Drain it, and remove it when it is through."
        return Reply(said, is_refusal=True)
    return Reply(f"{node.slug} is removed. Its pictures and their history stay.", "bring-back")


def _bring_back(node: GpuNode, request: HttpRequest) -> Reply:
    why = tending.bring_back(node, actor=actor_of(request))
    return Reply(why or f"{node.slug} is back.", is_refusal=bool(why))


Verb = Callable[[GpuNode, HttpRequest], Reply]
VERBS: Final[Mapping[str, Verb]] = {
    "drain": _drain,
    "resume": _resume,
    "enable": _enable,
    "disable": _disable,
    "pin": _pin,
    "unpin": _unpin,
    "stop": _stop,
    "free": _free,
    "benchmark": _benchmark,
    "end-benchmark": _end_benchmark,
    "look": _look,
    "wake": _wake,
    "remove": _remove,
    "bring-back": _bring_back,
}
# These change which cards there are, or their order.
_OF_ALL: Final = ("remove", "bring-back", "pin", "unpin", "enable", "disable")


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do one thing to one node; the reply is its card, or all of them where their order changes."""
    if verb not in VERBS:
        raise Http404
    nodes = GpuNode.everyone if verb == "bring-back" else GpuNode.objects
    node = get_object_or_404(nodes.without_lists(), pk=pk)
    reply = VERBS[verb](node, request)
    undo = reverse("farm:act", args=[pk, reply.undo]) if reply.undo else ""
    return _answer(request, reply, undo, pk, is_of_all=verb in _OF_ALL and not reply.is_refusal)


@require_POST
def act_on_all(request: HttpRequest, verb: str) -> HttpResponse:
    """Pause or resume every node."""
    if verb == "pause":
        count = len(tending.pause_all(actor=actor_of(request)))
        reply = Reply(_counted(count, "paused"), "resume")
    elif verb == "resume":
        count = len(tending.resume_all(actor=actor_of(request)))
        reply = Reply(_counted(count, "resumed"), "pause")
    else:
        raise Http404
    undo = reverse("farm:act_on_all", args=[reply.undo]) if count else ""
    return _answer(request, reply, undo, is_of_all=True)


def _counted(count: int, done: str) -> str:
    if done == "paused":
        many = "1 node is paused" if count == 1 else f"{count} nodes are paused"
        return f"{many}. What renders is finished."
    return "1 node goes on." if count == 1 else f"{count} nodes go on."


@require_POST
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a node try a template again."""
    block = get_object_or_404(NodeBlock.objects.select_related("node"), pk=pk)
    tending.lift(block, actor=actor_of(request))
    return _answer(
        request, Reply(f"{block.node.slug} may try {block.template} again."), "", block.node_id
    )


def _answer(
    request: HttpRequest, reply: Reply, undo_url: str, pk: int = 0, *, is_of_all: bool = False
) -> HttpResponse:
    """Reply with what changed, and one line that says so; without scripts, go back to the page."""
    if not wants_fragment(request):
        level = messages.ERROR if reply.is_refusal else messages.SUCCESS
        messages.add_message(request, level, reply.text, extra_tags=undo_url)
        return redirect(f"{reverse('farm:nodes')}{f'#card-{pk}' if pk else ''}")
    toast = {"text": reply.text, "undo_url": undo_url, "oob": True}
    if reply.is_refusal:
        toast["icon"] = WARNING
    farm = draw_farm()
    parts: list[tuple[str, dict[str, Any]]] = [
        ("farm/_head.html", {"head": farm.head, "oob": True}),
        ("_toast.html", toast),
    ]
    card = None if is_of_all else next((one for one in farm.cards if one.pk == pk), None)
    if card is None:
        parts.insert(0, ("farm/_cards.html", {"farm": farm, "oob": True}))
    else:
        parts.insert(0, ("farm/_card.html", {"card": card, "oob": True}))
    rendered = [render_to_string(name, context, request=request) for name, context in parts]
    return varied(HttpResponse("\n".join(rendered)))


@require_http_methods(["GET", "POST"])
def care(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and change when a machine is its owner's, and how it sleeps and wakes."""
    node = GpuNode.objects.without_lists().filter(pk=pk).first()
    if node is None:
        messages.info(request, "That node was removed meanwhile.")
        return _to_farm(request)
    form = CareForm(request.POST or None, instance=node)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            with transaction.atomic():
                # The rest of the row belongs to those who look at the node meanwhile.
                node.save(update_fields=list(form.fields))
                tending.say(node, f"{node.slug}: {_care_in_words(node)}", actor=actor_of(request))
                nudges.idle_nodes_on_commit()
            return _saved(request, node)
        status = 422
    context = {"node": node, "form": form}
    return alone(request, "farm/_care.html", context, title=node.slug, status=status)


def _care_in_words(node: GpuNode) -> str:
    hours = node.own_hours
    said = f"its owner's {hours.sentence}" if hours else "the farm's at all hours"
    return f"{said}{'; it is woken when jobs wait' if node.wakes_for_jobs else ''}."


def _saved(request: HttpRequest, node: GpuNode) -> HttpResponse:
    messages.success(request, f"Saved for {node.slug}.")
    return _to_farm(request, f"#card-{node.pk}")


def _to_farm(request: HttpRequest, at: str = "") -> HttpResponse:
    if not wants_fragment(request):
        return redirect(f"{reverse('farm:nodes')}{at}")
    response = HttpResponse(status=204)
    response["HX-Redirect"] = reverse("farm:nodes")
    return response
