"""Why a job waits as sheets show it: node by node with a fitting icon, and who could let it go on with one press."""

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from farm_app import planning
from farm_app.models import Job, JobGroup, QueueState
from farm_app.planner import Reason
from farm_app.strip import NodeCard, draw_strip

_RESUMED: Final = ("paused", "draining")


@dataclass(frozen=True)
class NodeReason:
    """What one node has to do with it; the reason follows the name."""

    name: str
    reason: str
    icon: str
    resume_url: str = ""
    """Where one press lets the node take work again, if that is what it lacks."""


@dataclass(frozen=True)
class Resume:
    """A button that lets go on what is paused."""

    url: str
    label: str


@dataclass(frozen=True)
class Why:
    """Why one job waits."""

    sentence: str
    position: int
    nodes: tuple[NodeReason, ...]
    resume: Resume | None


def why(job: Job) -> Why:
    """Return why a job is not running yet."""
    said = planning.explain(job)
    shown = {node.name: node for node in draw_strip().nodes}
    nodes = tuple(
        _node(name, sentence.removeprefix(name), said.refusals.get(name), shown.get(name))
        for name, sentence in said.nodes
    )
    return Why(said.sentence, said.position, nodes, _resume(job))


def _node(name: str, reason: str, refusal: Reason | None, node: NodeCard | None) -> NodeReason:
    if refusal is not None and refusal.code != "state":
        return NodeReason(name, reason, "ban")
    is_held = refusal is not None and node is not None and node.state in _RESUMED
    url = reverse("farm:act", args=[node.pk, "resume"]) if is_held and node else ""
    return NodeReason(name, reason, f"node-{node.state if node else 'reserved'}", url)


def _resume(job: Job) -> Resume | None:
    held = planning.who_paused(job)
    if held is None:
        return None
    if isinstance(held, QueueState):
        return Resume(reverse("farm:queue_resume", args=["all"]), "Resume the queue")
    what, label = (
        (f"g{job.group_id}", "Resume this batch")
        if isinstance(held, JobGroup)
        else (f"j{job.pk}", "Resume")
    )
    return Resume(reverse("farm:queue_resume", args=[what]), label)
