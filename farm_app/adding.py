"""Pages that bring nodes onto the farm: one by its address, or several by a search among addresses."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from eliot.http import varied, wants_fragment
from farm_app import families, health, planning, searching, tending
from farm_app.addresses import Address
from farm_app.forms import AddressForm, NodeForm, SearchForm
from farm_app.giving_way import give_way
from farm_app.models import GpuNode, NodeProbe
from farm_app.pages import frame
from farm_app.who import actor_of

TOO_MANY = "These were many searches in a minute. Wait a moment, then try again."


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    whole = {**frame(context["title"]), "room": "nodes", "crumb_url": reverse("farm:nodes"),
             "crumb_title": context["title"], **context}  # fmt: skip
    return varied(render(request, template, whole, status=status))


def _begun(form: Any, field: str, addresses: list[Address]) -> str:
    """Begin a search; where that is not possible now, say so at the field and return nothing."""
    try:
        return searching.begin(addresses)
    except searching.TooMany:
        form.add_error(field, ValidationError(TOO_MANY))
        return ""


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Ask where the node is; a worker looks there."""
    form = AddressForm(request.POST or None, initial={"address": request.GET.get("address", "")})
    if request.method == "POST" and form.is_valid():
        search = _begun(form, "address", [form.cleaned_data["address"]])
        if search:
            return redirect("farm:found", search)
    status = 422 if request.method == "POST" else 200
    return _page(request, "farm/add.html", {"title": "Add a node", "form": form}, status)


@require_http_methods(["GET", "POST"])
def found(request: HttpRequest, search: str) -> HttpResponse:
    """Show what is at the address as soon as somebody has looked, and add it."""
    wanted = NodeProbe.objects.filter(search=search)
    pk = request.GET.get("probe", "")
    probe = get_object_or_404(wanted, pk=pk) if pk.isdecimal() and len(pk) < 19 else wanted.first()
    if probe is None:
        return redirect("farm:add")
    form, known = None, _node_at(probe)
    if probe.state == NodeProbe.State.FOUND and known is None:
        form = NodeForm(request.POST or None, instance=_new_node(probe), facts=probe.facts)
        if request.method == "POST" and form.is_valid():
            with suppress(IntegrityError):  # pressed twice: the other one has added it
                return _added(request, form, probe)
            known = _node_at(probe)
    context = {
        "title": "Add a node",
        "probe": probe,
        "form": form,
        "families": _families_in_words(probe),
        "is_given_up": searching.is_given_up(probe),
        "known": known,
    }
    if wants_fragment(request) and request.method == "GET":
        return varied(render(request, "farm/_found.html", context))
    return _page(request, "farm/found.html", context, 422 if request.method == "POST" else 200)


def _node_at(probe: NodeProbe) -> GpuNode | None:
    return GpuNode.objects.filter(host__iexact=probe.host, port=probe.port).first()


def _new_node(probe: NodeProbe) -> GpuNode:
    """Return the row to be filled in: one that was removed from this address comes back with its history."""
    facts = probe.facts
    removed = GpuNode.everyone.removed().filter(host__iexact=probe.host, port=probe.port)
    node = removed.filter(is_demo=False).order_by("-removed_at").first() or GpuNode()
    if node.pk is None:
        node.slug = searching.free_name(facts.get("card") or probe.host)
        node.tier = facts.get("tier") or node.tier
        node.vram_gb = facts.get("vram_gb") or None
        node.max_resolution = facts.get("longest")
        node.card = facts.get("card", "")
    node.host, node.port = probe.host, probe.port
    node.removed_at, node.is_enabled = None, True
    return node


def _families_in_words(probe: NodeProbe) -> list[dict[str, Any]]:
    counted = probe.facts.get("families", {})
    fitting = probe.facts.get("fitting", ())
    return [
        {
            "label": family.label,
            "count": counted[family.id],
            "needs": "" if family.id in fitting else f"{family.vram_gb:g} GB",
        }
        for family in families.FAMILIES.values()
        if family.id in counted
    ]


def _added(request: HttpRequest, form: NodeForm, probe: NodeProbe) -> HttpResponse:
    was_here = form.instance.pk is not None
    with transaction.atomic():
        node = form.save()
        actor = actor_of(request)
        tending.say(node, f"{node.slug} is added at {node.host}:{node.port}.", actor=actor)
        count = give_way()
        transaction.on_commit(planning.forget_stock)
        transaction.on_commit(lambda: health.ask_again(GpuNode.objects.filter(pk=node.pk)))
    said = [f"{node.slug} is added."]
    if was_here:
        said.append("It was here before: what it learned is back.")
    if count:
        said.append(f"Demo nodes switched off: {count}.")
    undo = reverse("farm:act", args=[node.pk, "remove"])
    messages.success(request, " ".join(said), extra_tags=undo)
    return redirect(f"{reverse('farm:nodes')}#card-{node.pk}")


@require_http_methods(["GET", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Ask where to look; only what is typed is looked at."""
    form = SearchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        search = _begun(form, "addresses", form.cleaned_data["addresses"])
        if search:
            return redirect("farm:search", search)
    status = 422 if request.method == "POST" else 200
    return _page(request, "farm/find.html", {"title": "Find nodes", "form": form}, status)


@require_GET
def search(request: HttpRequest, search: str) -> HttpResponse:
    """Show what a search has found so far."""
    probes = list(NodeProbe.objects.filter(search=search).order_by("pk"))
    if not probes:
        return redirect("farm:find")
    known = {(node.host.casefold(), node.port): node for node in GpuNode.objects.without_lists()}
    rows = [
        {"probe": probe, "known": known.get((probe.host.casefold(), probe.port))}
        for probe in probes
        if probe.state != NodeProbe.State.ASKED and not _is_silence(probe)
    ]
    waiting = sum(probe.state == NodeProbe.State.ASKED for probe in probes)
    context = {
        "title": "Find nodes",
        "search": search,
        "rows": rows,
        "total": len(probes),
        "looked": len(probes) - waiting,
        "found": sum(probe.state == NodeProbe.State.FOUND for probe in probes),
        "is_over": not waiting,
        "is_given_up": any(searching.is_given_up(probe) for probe in probes),
    }
    if wants_fragment(request):
        return varied(render(request, "farm/_search.html", context))
    return _page(request, "farm/search.html", context)


def _is_silence(probe: NodeProbe) -> bool:
    """Say whether simply nothing is there: of a range most are, and nobody wants to read of each."""
    return probe.state == NodeProbe.State.FAILED and not probe.facts.get("answers")
