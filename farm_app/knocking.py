"""A knock at the doors of idle nodes, at every sweep: one whose process died or hangs is known in three seconds.

A node at work is listened to. Nobody listens to an idle one, and a whole look at each every two seconds would cost
more than all else that an idle farm does.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from farm_app import health
from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import ComfyError, Unreachable
from farm_app.models import Attempt, GpuNode
from farm_app.models.nodes import GpuNodeQuerySet, Health

ANSWER_S: Final = 0.8
"""An idle server says at once how many prompts it has. Whatever the factor: no machine answers sooner in a drill."""
AT_ONCE: Final = 8

_under_way: Final = threading.Lock()


def quiet_nodes() -> GpuNodeQuerySet:
    """Return the nodes that are well, and have nothing of ours."""
    busy = Attempt.objects.holding().values("node_id")
    well = GpuNode.objects.enabled().filter(health=Health.READY, let_go_at__isnull=True)
    return well.filter(warming_until__isnull=True).exclude(pk__in=busy).without_lists()


def knock() -> list[int]:
    """Ask each quiet node for the least it can say; returns the nodes that are in trouble, which is written down."""
    if not _under_way.acquire(blocking=False):
        return []
    try:
        nodes = list(quiet_nodes())
        found = zip(nodes, _knock_at(nodes), strict=True)
        troubled = [(node, fault) for node, fault in found if fault and _is_trouble(node, fault)]
    finally:
        _under_way.release()
    still_quiet = set(quiet_nodes().values_list("pk", flat=True)) if troubled else set()
    for node, fault in troubled:
        if node.pk in still_quiet:
            health.note_fault(node, fault)
    return [node.pk for node, _ in troubled]


def _knock_at(nodes: Sequence[GpuNode]) -> Iterable[ComfyError | None]:
    if not nodes:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(nodes)), thread_name_prefix="knock") as threads:
        return list(threads.map(_fault_of, [node.origin for node in nodes]))


def _fault_of(origin: str) -> ComfyError | None:
    try:
        with ComfyClient(origin, connect_timeout_s=ANSWER_S, read_timeout_s=ANSWER_S) as client:
            client.queue_remaining()
    except ComfyError as fault:
        return fault
    return None


def _is_trouble(node: GpuNode, fault: ComfyError) -> bool:
    """Tell trouble from a node that is slow by nature or loads a model for somebody else: those are looked at in turn."""
    if not isinstance(fault, Unreachable):
        return False  # what answers strangely is looked at as a whole
    is_slow = (node.latency_ms or 0) > ANSWER_S * 1000 / 4
    return fault.refused or not (is_slow or node.foreign_queue)
