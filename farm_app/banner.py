"""The one thing to know about the farm before all else, with the next step."""

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from farm_app import found, standing
from farm_app.models import GpuNode
from farm_app.models.nodes import Health

Banner = dict[str, str]
"""Kind, title, text, action_url and action_label."""

_NUMBERS: Final = {1: "One", 2: "Two", 3: "Three", 4: "Four"}


def banner() -> Banner | None:
    """Return the banner that every page shows, or None when all is well."""
    seen = GpuNode.objects.enabled().aggregate(
        all=Count("pk"),
        demo=Count("pk", filter=Q(is_demo=True)),
        up=Count("pk", filter=Q(health__in=(Health.READY, Health.UNKNOWN))),
    )
    since = standing.away_since()
    if since is not None:
        return _nobody_works(since)
    origin = found.found_node()
    if origin is not None:
        return _offer(origin)
    if not seen["all"]:
        return _nothing()
    if not seen["up"]:
        return _silence()
    if not seen["demo"]:
        return None
    return _demo(seen["demo"]) if seen["demo"] == seen["all"] else _mixed(seen["demo"])


def _offer(origin: str) -> Banner:
    start = {"address": f"{found.USUAL_HOST}:{found.USUAL_PORT}"}
    return {
        "kind": "found",
        "title": "A ComfyUI answers on this machine",
        "text": f"It is at {origin}. Add it, and your own GPU does the rendering.",
        "action_url": f"{_add()}?{urlencode(start)}",
        "action_label": "Add this ComfyUI",
    }


def _nobody_works(since: datetime) -> Banner:
    moment = date_format(timezone.localtime(since), "j F, H:i")
    return {
        "kind": "offline",
        "title": f"Dispatcher not running since {moment}",
        "text": "Whatever you ask for is kept and starts when Eliot's workers are back.",
        "action_url": "",
        "action_label": "",
    }


def _nothing() -> Banner:
    return {
        "kind": "offline",
        "title": "No nodes yet",
        "text": "Eliot renders on machines that run ComfyUI. Add the first one.",
        "action_url": _add(),
        "action_label": "Add a node",
    }


def _silence() -> Banner:
    return {
        "kind": "offline",
        "title": "No node answers",
        "text": "Whatever you ask for is kept and starts as soon as one is back.",
        "action_url": reverse("farm:nodes"),
        "action_label": "Look at the nodes",
    }


def _demo(count: int) -> Banner:
    return {
        "kind": "demo",
        "title": "Demo farm",
        "text": f"{_pretend(count)} labelled pictures; no GPU needed.",
        "action_url": _add(),
        "action_label": "Add a real node",
    }


def _mixed(count: int) -> Banner:
    return {
        "kind": "demo",
        "title": "Not all nodes are real",
        "text": f"{_pretend(count)} labelled pictures beside your own nodes.",
        "action_url": reverse("farm:nodes"),
        "action_label": "Look at the demo nodes",
    }


def _pretend(count: int) -> str:
    nodes = "pretend node draws" if count == 1 else "pretend nodes draw"
    return f"{_NUMBERS.get(count, count)} {nodes}"


def _add() -> str:
    return reverse("farm:add")
