"""How a node is: a look every ten seconds at latency, queue, memory, device, version and its models."""

import logging
import math
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from eliot import live
from eliot.writing import in_turn, written
from farm_app import families, health_spans, metrics, nudges, rests
from farm_app.cancelling import attempts_in, drop_leftovers
from farm_app.comfy.client import ComfyClient, Inventory, Queue, SystemStats
from farm_app.comfy.errors import BadResponse, Busy, ComfyError, NeedsCredentials, Unreachable
from farm_app.models import Attempt, GpuNode, HealthSpan, Job, JobEvent, Level, NodeModel
from farm_app.models.jobs import FARM_GROUP
from farm_app.models.nodes import SLOW_ANSWER_S, Health
from farm_app.models.states import HOLDING, JobState
from farm_app.timers import HEALTH_INTERVAL, INVENTORY_AGE, SWEEP_S, TROUBLE_INTERVAL

logger = logging.getLogger(__name__)

# An answer may take this long before the node counts as silent. Its inventory is megabytes, and may take longer.
ANSWER_S: Final = 5.0
INVENTORY_S: Final = 30.0
# While somebody waits for a model, a busy node is asked this often whether it has come; an idle one at every look.
WAITED_FOR_AGE: Final = timedelta(minutes=1)

_under_way: Final[set[int]] = set()


@dataclass(frozen=True)
class Look:
    """What one look at a node brought."""

    latency_ms: float
    queue_length: int
    foreign: int
    twin: GpuNode | None
    stats: SystemStats
    inventory: Inventory | None


def due() -> list[int]:
    """Return the nodes whose look is due, noted as looked at: a silent one must not gather looks that wait for it.

    Nodes that are well are looked at in turn, a share of them at every sweep: all at once, it would hold up what
    they have just finished.
    """
    rows = GpuNode.objects.due_for_health().order_by("health_checked_at")
    waiting = list(rows.values_list("pk", "health", "health_checked_at"))
    well = [pk for pk, health, seen in waiting if health == Health.READY and seen is not None]
    others = [pk for pk, *_ in waiting if pk not in well]
    found = [*others, *well[: _share_of(GpuNode.objects.enabled().count())]]
    if found:
        with in_turn():
            GpuNode.objects.filter(pk__in=found).update(health_checked_at=timezone.now())
    return found


def _share_of(nodes: int) -> int:
    """Return how many to look at in one sweep, so that each has its turn within the interval."""
    return math.ceil(nodes * SWEEP_S / HEALTH_INTERVAL.total_seconds())


def probe(node_id: int) -> Health | None:
    """Look at one node and write down what was found; returns its health, or None when it is not there.

    A node that comes back, or whose models changed, wakes the idle nodes. One look at a node is enough: while a slow
    one is under way, another returns None at once, so that no node gathers the workers that all need.
    """
    node = GpuNode.objects.without_lists().filter(pk=node_id, is_enabled=True).first()
    if node is None or node_id in _under_way:
        return None
    _under_way.add(node_id)
    try:
        look = _look_at(node)
    except ComfyError as fault:
        return note_fault(node, fault)
    finally:
        _under_way.discard(node_id)
    return _note_answer(node, look)


def _look_at(node: GpuNode) -> Look:
    with ComfyClient(node.origin, read_timeout_s=ANSWER_S) as client:
        started = time.monotonic()
        waiting = client.queue_remaining()
        latency_ms = (time.monotonic() - started) * 1000
        is_asked = (
            waiting and node.warming_until is None
        )  # a model that is loaded ahead is nobody's prompt
        queue = client.queue() if is_asked else Queue((), ())
        foreign = _foreign(client, queue)
        stats = client.system_stats()
    inventory = None
    if _wants_inventory(node):
        with ComfyClient(node.origin, read_timeout_s=INVENTORY_S) as client:
            inventory = client.inventory()
    return Look(latency_ms, waiting, foreign, _twin_of(node, queue), stats, inventory)


def ask_again(nodes: QuerySet[GpuNode]) -> None:
    """Have these nodes looked at as soon as a worker is free, models included."""
    nodes.update(health_checked_at=None, inventory_at=None)
    nudges.probe(nodes.values_list("pk", flat=True))


def _wants_inventory(node: GpuNode) -> bool:
    if node.inventory_at is None or node.health != Health.READY:
        return True
    age = timezone.now() - node.inventory_at
    if age <= HEALTH_INTERVAL or not Job.objects.filter(state=JobState.WAITING).exists():
        return age > INVENTORY_AGE
    is_busy = Attempt.objects.filter(node=node, state__in=HOLDING).exists()
    return not is_busy or age > WAITED_FOR_AGE


def _foreign(client: ComfyClient, queue: Queue) -> int:
    """Count the prompts in the node's own queue that are not ours; what is ours and given up is dropped there."""
    return len({*queue.running, *queue.pending} - drop_leftovers(client, queue))


def _twin_of(node: GpuNode, queue: Queue) -> GpuNode | None:
    """Return the node at whose address we sent what is in this one's queue: both are the same server."""
    sent_elsewhere = (
        Attempt.objects.holding()
        .filter(pk__in=attempts_in(queue))
        .exclude(node=node.pk)
        .exclude(origin=node.origin)  # a node that has moved away left it here
        .select_related("node")
    )
    found = sent_elsewhere.first()
    return found.node if found is not None else None


def _switch_twin_off(one: GpuNode, other: GpuNode) -> None:
    """Use a server that has two rows by the older one only: it would get two pictures at once."""
    older, younger = sorted((one, other), key=lambda node: node.pk)
    said = f"{younger.slug} is the same ComfyUI as {older.slug}, and was switched off. Remove one."
    with written():
        found = GpuNode.objects.filter(pk=younger.pk, is_enabled=True)
        if found.update(is_enabled=False, last_error=said):
            logger.warning("%s", said)
            _say(younger, said)
        transaction.on_commit(tell_pages)


def _note_answer(node: GpuNode, look: Look) -> Health:
    rest = rests.rest_of(node.pk) if node.health != Health.READY else None
    if rest is not None:
        _note_trouble(node, Health.SILENT, rest.sentence, again_s=rest.left_s)
        return Health.SILENT
    stats, inventory = look.stats, look.inventory
    facts: dict[str, object] = {
        "health": Health.READY,
        "health_checked_at": timezone.now(),
        "seen_at": timezone.now(),
        "unseen_since": None,
        "latency_ms": look.latency_ms,
        "queue_length": look.queue_length,
        "foreign_queue": look.foreign,
        "vram_free_gb": stats.vram_free_gb,
        "vram_total_gb": stats.vram_total_gb or None,
        "let_go_at": None,
        "device": (stats.device or "")[:200],
        "version": (stats.version or "")[:40],
        "last_error": "",
    }
    if node.vram_gb is None and stats.vram_total_gb:
        facts["vram_gb"] = round(stats.vram_total_gb, 1)
    came_back = node.health != Health.READY
    with written():
        if inventory is not None:
            facts |= _take_inventory(node, inventory)
        if came_back:
            facts["epoch"] = node.epoch + 1
            nudges.look_for_late_on_commit(node.pk)
            _say(
                node, f"{node.slug} is ready." if node.seen_at is None else f"{node.slug} is back."
            )
        GpuNode.objects.filter(pk=node.pk).update(**facts)
        is_slow = look.latency_ms > SLOW_ANSWER_S * 1000
        health_spans.note(node, HealthSpan.Kind.SLOW if is_slow else HealthSpan.Kind.WELL)
        transaction.on_commit(tell_pages)
        if came_back or inventory is not None:
            nudges.idle_nodes_on_commit()
    if look.twin is not None:
        _switch_twin_off(node, look.twin)
    return Health.READY


def _take_inventory(node: GpuNode, inventory: Inventory) -> dict[str, object]:
    """Write down which model files the node has; files that are gone stay as rows that are not present."""
    now = timezone.now()
    known = {(one.folder, one.name): one for one in node.model_files.all()}
    there = {(folder, name) for folder, names in inventory.models.items() for name in names}
    new = [
        NodeModel(
            node=node,
            folder=folder,
            name=name,
            key=families.model_key(name),
            family=(families.guess(name) or "") if folder == "checkpoints" else "",
            seen_at=now,
        )
        for folder, name in sorted(there - known.keys())
    ]
    NodeModel.objects.bulk_create(new, ignore_conflicts=True)  # two looks at once
    for key, row in known.items():
        if row.is_present != (key in there):
            NodeModel.objects.filter(pk=row.pk).update(is_present=key in there, seen_at=now)
    return {
        "inventory_at": now,
        "node_classes": sorted(inventory.node_classes),
        "samplers": list(inventory.samplers),
        "schedulers": list(inventory.schedulers),
    }


def note_fault(node: GpuNode, fault: ComfyError) -> Health:
    """Write down what kind of trouble a node is in; one that says when to come again is left alone until then."""
    again_s = None
    if isinstance(fault, Unreachable):
        health = Health.OFFLINE if fault.refused else Health.SILENT
    elif isinstance(fault, NeedsCredentials):
        health = Health.LOCKED
    elif isinstance(fault, BadResponse):
        health = Health.STRANGE
    else:
        health = Health.SILENT
    if isinstance(fault, Busy):
        again_s = fault.retry_after_s or HEALTH_INTERVAL.total_seconds()
    _note_trouble(node, health, fault.sentence, again_s)
    return health


def note_gone(node: GpuNode, sentence: str) -> None:
    """Write down at once that a node's port refuses, as its feeder found."""
    _note_trouble(node, Health.OFFLINE, sentence)


def note_silent(node: GpuNode, sentence: str) -> None:
    """Write down at once that a node does not answer, as its feeder found."""
    _note_trouble(node, Health.SILENT, sentence)


def note_new_process(node: GpuNode) -> None:
    """Write down that an idle node had restarted before it took what it has now."""
    with written():
        GpuNode.objects.filter(pk=node.pk).update(epoch=F("epoch") + 1)
        _say(node, f"{node.slug} had restarted meanwhile.", Level.WARN)


def note_restart(node: GpuNode) -> None:
    """Write down that a node's process is another one now: no model is warm, and what it was given is gone.

    One that does so over and over gets a rest.
    """
    was_at_work = Attempt.objects.holding().filter(node=node.pk, started__isnull=False).exists()
    with written():
        GpuNode.objects.filter(pk=node.pk).update(epoch=F("epoch") + 1, warm_model="")
        _say(node, f"{node.slug} restarted.", Level.WARN)
        transaction.on_commit(tell_pages)
    rest = rests.rest_of(node.pk, has_just_died=was_at_work)
    if rest is not None:
        _note_trouble(node, Health.SILENT, rest.sentence, again_s=rest.left_s)


def _note_trouble(
    node: GpuNode, health: Health, sentence: str, again_s: float | None = None
) -> None:
    now = timezone.now()
    # The next look is due an interval after this time, so a look that must wait is dated later.
    dated = now if again_s is None else now + timedelta(seconds=again_s) - TROUBLE_INTERVAL
    facts = {"health": health, "unseen_since": node.unseen_since or now, "warm_model": ""}
    with written():
        changed = GpuNode.objects.filter(pk=node.pk).exclude(health=health)
        if changed.update(**facts):
            logger.warning("node %s: %s", node.slug, sentence)
            _say(node, f"{node.slug}: {sentence}", Level.WARN)
        GpuNode.objects.filter(pk=node.pk).update(
            health_checked_at=dated, last_error=sentence[:300]
        )
        health_spans.note(node, HealthSpan.Kind.LOST)
        transaction.on_commit(tell_pages)
    metrics.forget(node.pk)


def _say(node: GpuNode, sentence: str, level: Level = Level.INFO) -> None:
    JobEvent.objects.create(node=node, sentence=sentence[:500], level=level)


def tell_pages() -> None:
    """Nudge the pages that show the farm."""
    live.publish(FARM_GROUP, "page.around")
