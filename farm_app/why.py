"""Why a job waits as sheets show it: node by node with a fitting icon, and who could let it go on with one press."""

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from farm_app import planning
from farm_app.models import Job, JobGroup, QueueState
from farm_app.models.jobs import NodeMode
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
    any_node_url: str = ""
    """Where one press lets any node take it, if it may run on a chosen one only."""


def why(job: Job) -> Why:
    """Return why a job is not running yet."""
    said = planning.explain(job)
    shown = {node.name: node for node in draw_strip().nodes}
    nodes = [
        _node(name, sentence.removeprefix(name), said.refusals.get(name), shown.get(name))
        for name, sentence in said.nodes
        if not _is_other(said.refusals.get(name))
    ]
    if others := len(said.nodes) - len(nodes):
        nodes.append(_others(others))
    is_bound = job.group.node_mode == NodeMode.ONLY
    url = reverse("farm:queue_any", args=[f"j{job.pk}"]) if is_bound else ""
    return Why(said.sentence, said.position, tuple(nodes), _resume(job), url)


def _is_other(refusal: Reason | None) -> bool:
    return refusal is not None and refusal.code == "choice"


def _others(count: int) -> NodeReason:
    """Say once of all that were not chosen what would be the same for each."""
    name = "1 other node" if count == 1 else f"{count} other nodes"
    return NodeReason(
        name, "was not chosen for it." if count == 1 else "were not chosen for it.", "ban"
    )


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
