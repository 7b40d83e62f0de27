"""What the nodes of this farm can do, as far as pages offer it."""

from collections.abc import Iterable, Sequence
from typing import Final

from eliot.live import kept_briefly
from farm_app.models import GpuNode, NodeModel

USUAL_SAMPLERS: Final = (
    "euler",
    "euler_ancestral",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "dpmpp_sde",
    "ddim",
    "uni_pc",
    "lcm",
)
USUAL_SCHEDULERS: Final = (
    "normal",
    "karras",
    "exponential",
    "sgm_uniform",
    "simple",
    "ddim_uniform",
)


@kept_briefly(1.0)
def can_upscale() -> bool:
    """Say whether some node has an upscale model."""
    return NodeModel.objects.on_hand().filter(folder="upscale_models").exists()


def samplers_for(family: str) -> tuple[list[str], list[str]]:
    """Return samplers and schedulers that every node knows which may draw a family, or the usual ones before any was seen.

    Where they have none in common, those that any of them knows.
    """
    nodes = [node for node in _drawing_with(family) if node.samplers]
    return (
        _in_common([set(node.samplers) for node in nodes], USUAL_SAMPLERS),
        _in_common([set(node.schedulers) for node in nodes], USUAL_SCHEDULERS),
    )


def _drawing_with(family: str) -> list[GpuNode]:
    """Return the nodes that draw a family: those that are up, or else those that are not, or else all."""
    enabled = GpuNode.objects.enabled().defer("node_classes")
    having = enabled.filter(pk__in=NodeModel.objects.checkpoints(family).values("node"))
    able = [node for node in having if not node.families or family in node.families]
    return [node for node in able if node.standing == "ready"] or able or list(enabled)


def _in_common(known: Iterable[set[str]], usual: Sequence[str]) -> list[str]:
    found = list(known)
    if not found:
        return list(usual)
    names = set.intersection(*found) or set.union(*found)
    return [one for one in usual if one in names] + sorted(names - set(usual))
