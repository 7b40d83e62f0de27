"""Pre-warming: idle nodes load the model that whoever asked will probably want next.

A node is busy while it loads, so this is only done where somebody wants it, and only on nodes for which the queue has
nothing. It is a prompt like any other but no job: it leaves no row but the node's, and lost, it costs nothing.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from eliot.failpoints import failpoint
from eliot.writing import written
from farm_app import families, nudges, stopping
from farm_app.binding import CannotBind, model_id, model_on
from farm_app.comfy.client import Absent, ComfyClient, Finished
from farm_app.comfy.errors import ComfyError
from farm_app.comfy.warmup import TINY, warm_up
from farm_app.comfy.workflow import bind
from farm_app.models import (
    GpuNode,
    Job,
    JobEvent,
    JobGroup,
    Lease,
    NodeModel,
    TemplateVersion,
    WorkflowTemplate,
)
from farm_app.models.nodes import GpuNodeQuerySet
from farm_app.models.states import JobState
from farm_app.needs import cost_of, needs_of
from farm_app.planner import BACKGROUND, Batch, NodeView, why_not
from farm_app.planning import Drawn
from farm_app.speeds import known_speeds
from farm_app.timers import LEASE_TTL

logger = logging.getLogger(__name__)

# So long after its last picture a person may still be choosing.
LATELY: Final = timedelta(minutes=5)
MOST_GROUPS: Final = 3
LOOK_S: Final = 0.4
MOST_TRIES: Final = 3
# A model that takes longer to load than this is given up.
LONGEST: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class _Next:
    """What probably comes after a group, as a batch that nobody has asked for."""

    group: JobGroup
    version: TemplateVersion
    batch: Batch


_tries: Final[Counter[tuple[int, int]]] = Counter()
"""How often a node was told to load for a group: whoever fed it may not have left yet, and a nudge may be lost."""
_loaded: Final[set[tuple[int, int]]] = set()
"""Node and group: a model that was unloaded since is not loaded for the same group twice."""


_unattended: set[int] = set()
"""Nodes that were found loading with nobody there at the last look."""


def warm_idle_nodes(drawn: Drawn) -> None:
    """Nudge nodes that the plan needs for nothing to load what is probably wanted next (for the sweep)."""
    coming = list(_coming())
    if not coming:
        _tries.clear()
        _loaded.clear()
        return
    needed = {one.node_id for one in drawn.plan.expected.values()}
    idle = [
        view
        for view in drawn.nodes
        if view.busy_until_s is None and not view.queue_ahead_s and view.id not in needed
    ]
    for view in idle:
        node = drawn.rows[view.id]
        found = next((one for one in coming if _is_worth_it(node, view, one)), None)
        if found is not None:
            _tries[view.id, found.group.pk] += 1
            _begin(view, found)


def _is_worth_it(node: GpuNode, view: NodeView, coming: _Next) -> bool:
    pair = view.id, coming.group.pk
    if pair in _loaded or _tries[pair] == MOST_TRIES or why_not(coming.batch, view) is not None:
        return False
    try:
        is_warm = view.warm == _key(_file(node, coming.group))
    except CannotBind:
        return False
    if is_warm:
        _loaded.add(pair)
    return not is_warm


def _file(node: GpuNode, group: JobGroup) -> NodeModel:
    return model_on(node, "checkpoints", group.next_checkpoint, group.next_family)


def _key(file: NodeModel) -> str:
    return model_id("checkpoints", file.name)


def _coming() -> Iterator[_Next]:
    """Yield what comes after the groups whose last pictures are being made or were made a moment ago."""
    jobs = Job.objects.filter(group=OuterRef("pk"))
    groups = JobGroup.objects.exclude(next_family="").filter(
        Exists(
            jobs.filter(
                Q(state__in=(JobState.RUNNING, JobState.STORING))
                | Q(finished__gte=timezone.now() - LATELY)
            )
        ),
        ~Exists(jobs.filter(state=JobState.QUEUED)),
    )
    for group in groups.order_by("-pk")[:MOST_GROUPS]:
        template = WorkflowTemplate.objects.for_family(group.next_family, from_picture=False)
        is_known = group.next_family in families.FAMILIES
        if is_known and template is not None and template.current is not None:
            yield _next(group, template.current)


def _next(group: JobGroup, version: TemplateVersion) -> _Next:
    family = families.FAMILIES[group.next_family]
    width, height = family.native
    # Whether a node could draw with it at all is asked of the size that will be drawn.
    values = {"checkpoint": group.next_checkpoint, "width": width, "height": height}
    batch = Batch(
        key=f"after {group.pk}",
        job_ids=(0,),
        needs=needs_of(version, group.next_family, values),
        cost=cost_of(version, group.next_family, values),
        priority=BACKGROUND,
    )
    return _Next(group, version, batch)


def _begin(view: NodeView, coming: _Next) -> None:
    """Have the plan take the node as busy, and somebody load the model there."""
    now = timezone.now()
    until = now + timedelta(seconds=known_speeds().estimate(view, coming.batch.cost).load_s)
    is_free = Q(warming_until__isnull=True) | Q(warming_until__lt=now - LONGEST)
    if GpuNode.objects.filter(is_free, pk=view.id).update(warming_until=until):
        nudges.warm(view.id, coming.group.pk)


def let_go_abandoned() -> None:
    """Free nodes that nobody loads a model on: the process died that did, or was never told to (for the sweep).

    One that is found so twice in a row, since a nudge may still be on its way.
    """
    global _unattended
    found = dict(unattended().values_list("pk", "slug"))
    lost, _unattended = _unattended & found.keys(), set(found)
    for pk in lost:
        logger.info("node %s: nobody loads a model there any more", found[pk])
    if lost and unattended().filter(pk__in=lost).update(warming_until=None):
        nudges.idle_nodes()


def unattended() -> GpuNodeQuerySet:
    """Return the nodes that are taken for loading a model, and that nobody holds."""
    loading = GpuNode.objects.filter(warming_until__isnull=False)
    return loading.exclude(pk__in=Lease.objects.nodes_held_now())


def warm(node_id: int, group_id: int) -> None:
    """Load the model on the node and wait until it is there; the node's lease keeps jobs away meanwhile."""
    node = GpuNode.objects.without_lists().filter(pk=node_id).first()
    group = JobGroup.objects.filter(pk=group_id).first()
    if node is None or group is None or node.warming_until is None:
        return
    try:
        with Lease.objects.held(f"node:{node_id}", ttl=LEASE_TTL) as lease:
            if lease is not None:
                failpoint("warm-up before")
                _load(node, group, lease)
    finally:
        GpuNode.objects.filter(pk=node_id).update(warming_until=None)
        nudges.idle_nodes()


def _load(node: GpuNode, group: JobGroup, lease: Lease) -> None:
    template = WorkflowTemplate.objects.for_family(group.next_family, from_picture=False)
    if template is None or template.current is None:
        return
    try:
        graph, model = _bound(template.current, node, group)
        with ComfyClient(node.origin) as client:
            took_s = _run(client, graph, lease)
    except stopping.Stopping:
        return
    except (CannotBind, ComfyError) as fault:
        logger.info("node %s loads nothing beforehand: %s", node.slug, fault)
        return
    if took_s is None:
        return
    with written():
        GpuNode.objects.filter(pk=node.pk).update(warm_model=model)
        said = f"{node.slug} has loaded {model.rpartition('/')[2]} for what comes next, in {took_s:.1f} s."
        JobEvent.objects.create(node=node, sentence=said[:500])


def _bound(version: TemplateVersion, node: GpuNode, group: JobGroup) -> tuple[dict[str, Any], str]:
    """Return the graph, and the key of the model that it loads."""
    file = _file(node, group)
    values: dict[str, Any] = {
        **{one.name: one.default for one in version.fields if one.default is not None},
        **{name: value for name, value in TINY.items() if name in version.parameters},
    }
    for field in version.fields:
        if field.name == "checkpoint":
            values[field.name] = file.name
        elif field.node_bound:
            values[field.name] = "eliot/warm-up"
    return warm_up(bind(version.graph, version.fields, values)), _key(file)


def _run(client: ComfyClient, graph: dict[str, Any], lease: Lease) -> float | None:
    """Send it and wait for its end; returns seconds, or None when it failed, was lost or took too long."""
    prompt_id, began = str(uuid.uuid4()), time.monotonic()
    accepted = client.submit(
        graph, prompt_id=prompt_id, client_id=f"eliot-{prompt_id}", extra_data={}
    )
    failpoint("warm-up after")
    while time.monotonic() - began < LONGEST.total_seconds():
        if not lease.renew(ttl=LEASE_TTL):
            return None
        fate = client.look_up(accepted.prompt_id)
        if isinstance(fate, Finished):
            return time.monotonic() - began if fate.entry.outcome == "success" else None
        if isinstance(fate, Absent):
            return None
        stopping.pause(LOOK_S)
    client.cancel(accepted.prompt_id)
    return None
