"""The one thing to know about the farm before all else, with the next step."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from eliot.live import kept_briefly
from farm_app import found, standing
from farm_app.models import GpuNode, QueueState
from farm_app.models.nodes import Health
from farm_app.who import spelled

Banner = dict[str, str]
"""Kind, title, text, action_label, and either action_url, which leads somewhere, or post_url, which does it."""

_UP: Final = Q(health__in=(Health.READY, Health.UNKNOWN))
_TAKES_NOTHING: Final = "None of them takes anything new."
_NUMBERS: Final = {1: "One", 2: "Two", 3: "Three", 4: "Four"}


@kept_briefly(1.0)
def recent_banner() -> Banner | None:
    """Return what it was a moment ago, read once for all pages."""
    return banner()


def banner() -> Banner | None:
    """Return the banner that every page shows, or None when all is well."""
    seen = GpuNode.objects.enabled().aggregate(
        all=Count("pk"),
        demo=Count("pk", filter=Q(is_demo=True)),
        up=Count("pk", filter=_UP),
        paused=Count("pk", filter=_UP & Q(is_paused=True)),
        held=Count("pk", filter=_UP & (Q(is_paused=True) | Q(is_draining=True))),
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
    if (by_hand := _by_hand(seen)) is not None:
        return by_hand
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


def _by_hand(seen: Mapping[str, int]) -> Banner | None:
    """Say what people hold back: the queue, or every node that answers."""
    state = QueueState.now()
    if state.is_paused:
        url = reverse("farm:queue_resume", args=["all"])
        return _held(
            "The queue is paused", _by_whom(state), post_url=url, action_label="Resume the queue"
        )
    if seen["held"] < seen["up"]:
        return None
    if away := seen["all"] - seen["up"]:
        return _few_left(seen["held"], away)
    if seen["paused"] == seen["up"]:
        url = reverse("farm:act_on_all", args=["resume"])
        return _held(
            "All nodes are paused", _TAKES_NOTHING, post_url=url, action_label="Resume all nodes"
        )
    title = "No node takes new work" if seen["paused"] else "All nodes are draining"
    label = "Resume them on the farm page"
    return _held(title, _TAKES_NOTHING, action_url=reverse("farm:nodes"), action_label=label)


def _few_left(held: int, away: int) -> Banner:
    """Some do not answer, and people hold back the rest."""
    silent = f"{away} {'does' if away == 1 else 'do'} not answer"
    back = f"{held} {'is' if held == 1 else 'are'} paused or draining"
    url = reverse("farm:nodes")
    return _held(
        "No node takes new work",
        f"{silent}, {back}.",
        action_url=url,
        action_label="Look at the nodes",
    )


def _by_whom(held: QueueState) -> str:
    at = f"Since {timezone.localtime(held.paused_at):%H:%M}" if held.paused_at else "By hand"
    return f"{at}, by {spelled(held.paused_by)}." if held.paused_by else f"{at}."


def _held(title: str, text: str, **action: str) -> Banner:
    said = f"{text} Whatever you ask for is kept until work goes on."
    return {"kind": "paused", "title": title, "text": said, **action}


def _demo(count: int) -> Banner:
    return {
        "kind": "demo",
        "title": "Demo farm",
        "text": f"{_pretend(count)} labelled pictures; no GPU needed.",
        "action_url": _add(),
        "action_label": "Add a real node",
    }


def _mixed(count: int) -> Banner:
    demo = GpuNode.objects.enabled().filter(is_demo=True)
    first = demo.order_by("slug").values_list("pk", flat=True).first()
    return {
        "kind": "demo",
        "title": "Not all nodes are real",
        "text": f"{_pretend(count)} labelled pictures beside your own nodes.",
        "action_url": f"{reverse('farm:nodes')}#card-{first}",
        "action_label": "Look at the demo nodes",
    }


def _pretend(count: int) -> str:
    nodes = "pretend node draws" if count == 1 else "pretend nodes draw"
    return f"{_NUMBERS.get(count, count)} {nodes}"


def _add() -> str:
    return reverse("farm:add")
