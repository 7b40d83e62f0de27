"""What went wrong on each node of late, with what to do about it, as cards show it for an hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils import timezone

from eliot.live import kept_briefly
from farm_app.models import JobEvent, Level
from farm_app.models.states import FailureClass

SHOWN: Final = timedelta(hours=1)
# Of more in an hour than these the newest of each node are among them anyway.
_MOST: Final = 200
_FIXES: Final = {
    FailureClass.CAPABILITY: "Its job went on to another node. Copy or install there what it lacks.",
    FailureClass.RESOURCE: "Free its memory, or set a shorter longest side under All settings.",
    FailureClass.EXECUTION: "The job's page has the error in full; ComfyUI's window on the machine says more.",
    FailureClass.INFRASTRUCTURE: "Its job is done again. Look at ComfyUI's window there, and at the network.",
    FailureClass.FETCH: "The picture is rendered again. Check disk and network of that machine.",
}
_OF_NODE: Final = "It answers again. If that comes back, look at ComfyUI's window on the machine."


@dataclass(frozen=True)
class NodeFault:
    """The newest of what went wrong on a node."""

    at: str
    sentence: str
    fix: str
    url: str
    """Of the job that met it, if one did."""


@kept_briefly(2.0)
def recent_faults() -> Mapping[int, NodeFault]:
    """Return the newest fault of each node that had one during the last hour."""
    since = timezone.now() - SHOWN
    found: dict[int, NodeFault] = {}
    events = [event for level in (Level.WARN, Level.ERROR) for event in _events(level)]
    for event in sorted(events, key=lambda one: -one.pk):
        node = event.node or (event.attempt.node if event.attempt else None)
        failure = event.attempt.failure if event.attempt else ""
        is_nodes = failure in _FIXES or (event.job_id is None and not failure)
        if node is None or node.pk in found or event.at < since or not is_nodes:
            continue
        found[node.pk] = NodeFault(
            at=f"{timezone.localtime(event.at):%H:%M}",
            sentence=event.sentence.removeprefix(f"{node.slug}: "),
            fix=_FIXES.get(FailureClass(failure), _OF_NODE) if failure else _OF_NODE,
            url=reverse("farm:job", args=[event.job_id]) if event.job_id else "",
        )
    return found


def _events(level: Level) -> list[JobEvent]:
    rows = JobEvent.objects.filter(level=level).select_related("node", "attempt__node")
    light = rows.defer("attempt__sent", "attempt__outputs", "node__node_classes")
    return list(light.defer("attempt__node__node_classes").order_by("-pk")[:_MOST])
