"""A benchmark: two pictures of each family that a node has, on this node only, after everybody else's work.

They are ordinary jobs, so they teach the speeds as any picture does. Their pictures stand in a folder of their own in
the library and in no session.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.utils import timezone

from eliot.writing import written
from farm_app import cancelling, families, health, planning
from farm_app.asking import Wanted, ask, recipe_of
from farm_app.families import Family
from farm_app.models import (
    GpuNode,
    Job,
    JobGroup,
    Priority,
    TemplateVersion,
    Work,
    WorkflowTemplate,
)
from farm_app.models.jobs import NodeMode
from farm_app.seed_strategies import draw_seed
from farm_app.tending import say

# The first loads the model, if it is not in memory; the second shows the speed without that.
PICTURES: Final = 2
PROMPT: Final = "a lighthouse on a black rock at first light, low mist over the water"


class CannotBenchmark(Exception):
    """There is nothing to measure, or it is measured already; says so."""


def share_key(node: GpuNode) -> str:
    """Return the share of a node's benchmarks."""
    return f"benchmark.{node.pk}"


def open_jobs(node: GpuNode) -> "Any":
    """Return the jobs of benchmarks on this node that have not ended."""
    return Job.objects.open().filter(group__share_key=share_key(node))


def begin(node: GpuNode, *, owner: Any = None, actor: str = "") -> list[str]:
    """Place the jobs; returns the families that are measured, in words.

    Raises:
        CannotBenchmark: It takes no work, has no model that a template draws with, or is measured already.
    """
    if node.standing != "ready":
        raise CannotBenchmark(f"{node.slug} takes no work now, so it cannot be measured.")
    found = list(_families(node))
    if not found:
        raise CannotBenchmark(f"{node.slug} has no model that Eliot can draw with.")
    with written():
        if open_jobs(node).exists():
            raise CannotBenchmark(f"{node.slug} is being measured already.")
        for family, version in found:
            _place(node, family, version, owner)
        labels = [family.label for family, _ in found]
        say(node, f"{node.slug} is to be measured with {', '.join(labels)}.", actor=actor)
    return labels


def end(node: GpuNode, *, actor: str = "") -> int:
    """Cancel what is left of it; returns how many pictures."""
    count = cancelling.cancel(open_jobs(node).values_list("pk", flat=True), actor=actor)
    health.tell_pages()
    return count


def _families(node: GpuNode) -> Iterator[tuple[Family, TemplateVersion]]:
    view = next((one for one in planning.draw_plan().nodes if one.id == node.pk), None)
    for family in families.FAMILIES.values():
        if view is None or family.id not in view.families:
            continue
        if view.vram_gb is not None and view.vram_gb < family.vram_gb:
            continue
        template = WorkflowTemplate.objects.for_family(family.id, from_picture=False)
        if template is not None and template.current is not None:
            yield family, template.current


def usual_values(family: Family, version: TemplateVersion) -> dict[str, Any]:
    """Return the values of a family's usual picture: its native size and steps, with the node's own checkpoint."""
    width, height = family.native
    values: dict[str, Any] = {
        "prompt": PROMPT,
        "negative": "",
        "steps": family.steps,
        "cfg": family.cfg,
        "guidance": family.guidance,
        "sampler": family.sampler,
        "scheduler": family.scheduler,
        "width": width,
        "height": height,
        "checkpoint": "",
    }
    known = version.parameters
    return {name: value for name, value in values.items() if name in known and value is not None}


def _place(node: GpuNode, family: Family, version: TemplateVersion, owner: Any) -> None:
    group = JobGroup.objects.create(
        version=version,
        family=family.id,
        label=f"Benchmark of {node.slug} · {family.label}"[:200],
        origin_name="farm:nodes",
        share_key=share_key(node),
        owner=owner,
        priority=Priority.BACKGROUND,
        work=Work.STANDARD,
        node_mode=NodeMode.ONLY,
        node=node,
    )
    values = usual_values(family, version)
    day = timezone.localtime().strftime("%Y-%m-%d")
    name = f"benchmarks/{day}/{node.slug}-{family.id}-{group.pk}"
    wanted = [Wanted(str(draw_seed()), f"{name}-{place}.png") for place in range(1, PICTURES + 1)]
    recipe = recipe_of(version, family.id, values, {})
    ask(group, values, wanted, recipe=recipe, sentence="Asked for, to measure a node.")
