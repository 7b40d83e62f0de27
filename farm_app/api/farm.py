"""The farm itself: its nodes, and the workflow templates that jobs may name."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from ninja import Router

from farm_app import planning
from farm_app.api.entrance import Entrance
from farm_app.api.errors import ErrorAnswer, Refused
from farm_app.api.schemas import NodeInFull, NodeSaid, SpeedSaid, TemplateSaid
from farm_app.api.showing import progress_said, template_said
from farm_app.models import Attempt, GpuNode, LearnedSpeed, NodeModel, WorkflowTemplate
from farm_app.models.tokens import May
from farm_app.paces import WORTH_SAYING_S
from farm_app.progress import glimpses

router = Router(tags=["farm"])


@router.get("/nodes", auth=Entrance(May.READ), response=list[NodeSaid], summary="List the nodes")
def list_nodes(request: HttpRequest) -> list[NodeSaid]:
    """As they were last seen, with what each renders for Eliot."""
    facts = _facts(GpuNode.objects.without_lists().order_by("slug"))
    return [NodeSaid(**one) for one in facts]


@router.get(
    "/nodes/{slug:name}",
    auth=Entrance(May.READ),
    response={200: NodeInFull, 404: ErrorAnswer},
    summary="One node",
)
def get_node(request: HttpRequest, name: str) -> NodeInFull:
    """With what was learned of its speed."""
    rows = GpuNode.objects.without_lists().filter(slug=name)
    found = next(iter(_facts(rows)), None)
    if found is None:
        raise Refused(404, "not_found", f"There is no node {name[:60]}.")
    speeds = LearnedSpeed.objects.filter(node__slug=name).order_by("template", "model")
    return NodeInFull(**found, speeds=[_speed(one) for one in speeds])


def _facts(nodes: Iterable[GpuNode]) -> list[dict[str, Any]]:
    held = dict(Attempt.objects.holding().order_by().values_list("node_id", "job_id"))
    seen = glimpses(list(held.values()))
    files: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    there = NodeModel.objects.filter(is_present=True).exclude(family="")
    for node_id, *file in there.values_list("node_id", "folder", "name", "family"):
        files[node_id].append((file[0], file[1], file[2]))
    return [_node(node, held.get(node.pk), seen, files[node.pk]) for node in nodes]


def _node(
    node: GpuNode, job: int | None, seen: dict[int, Any], files: list[tuple[str, str, str]]
) -> dict[str, Any]:
    glimpse = seen.get(job) if job is not None else None
    standing = node.standing
    return {
        "id": node.slug,
        "card": node.card or node.device,
        "status": "rendering" if job is not None and standing == "ready" else standing,
        "health": node.health,
        "last_error": node.last_error,
        "is_demo": node.is_demo,
        "tier": node.tier,
        "vram_gb": node.vram_gb,
        "vram_free_gb": node.vram_free_gb,
        "capabilities": node.capabilities,
        "families": sorted(planning.families_of(node, files)),
        "max_resolution": node.max_resolution,
        "version": node.version,
        "latency_ms": node.latency_ms,
        "foreign_queue": node.foreign_queue,
        "warm_model": node.warm_model,
        "seen": node.seen_at,
        "job": job,
        "progress": progress_said(glimpse) if glimpse else None,
    }


def _speed(row: LearnedSpeed) -> SpeedSaid:
    loads = row.load_s is not None and row.load_s >= WORTH_SAYING_S
    return SpeedSaid(
        template=row.template,
        model=row.model,
        fixed_s=_figure(row.fixed_s),
        rate_s=_figure(row.rate_s),
        load_s=_figure(row.load_s) if loads and row.load_s is not None else None,
        count=row.count,
    )


def _figure(seconds: float) -> float:
    """Return as many digits as were ever learned."""
    return float(f"{seconds:.4g}")


@router.get(
    "/templates",
    auth=Entrance(May.READ),
    response=list[TemplateSaid],
    summary="List the workflow templates",
)
def list_templates(request: HttpRequest) -> list[TemplateSaid]:
    """With the parameters that each takes, and their limits."""
    return [template_said(one) for one in WorkflowTemplate.objects.usable().order_by("slug")]
