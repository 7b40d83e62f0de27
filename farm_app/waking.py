"""Machines that sleep: woken by a packet when jobs wait for them, let go of when they have stood idle for long.

ComfyUI has no way to shut its machine down, so Eliot never does: it only stops asking an idle node for anything, and
the machine's own power settings do the rest.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone

from eliot.writing import written
from farm_app import nudges, planner, planning
from farm_app.comfy.wake import wake as send_wake_packet
from farm_app.models import Attempt, GpuNode, HealthSpan, Level
from farm_app.models.nodes import Health
from farm_app.tending import say
from farm_app.timers import WAIT_BEFORE_WAKING_S, WAKE_AGAIN

logger = logging.getLogger(__name__)

USUAL_PORT: Final = 9


class CannotWake(Exception):
    """Nobody knows its network card."""


def wake(node: GpuNode, *, actor: str = "", why: str = "") -> None:
    """Have the machine woken, and the node looked at again from now on.

    Raises:
        CannotWake: It has no MAC address.
    """
    if not node.mac:
        raise CannotWake
    with written():
        now = timezone.now()
        row = GpuNode.objects.filter(pk=node.pk)
        row.update(woken_at=now, let_go_at=None, health_checked_at=None)
        say(node, f"{node.slug} is woken{why}.", actor=actor)
    nudges.wake(node.pk)
    nudges.probe([node.pk])


def send_packet(node_id: int) -> None:
    """Send the packet; a network that does not take it is an event."""
    node = GpuNode.objects.without_lists().filter(pk=node_id).exclude(mac="").first()
    if node is None:
        return
    host, _, port = settings.ELIOT_WAKE_TO.partition(":")
    try:
        send_wake_packet(node.mac, host, int(port or USUAL_PORT))
    except OSError as fault:
        with written():
            said = (
                f"{node.slug} could not be woken: the network does not take the packet ({fault})."
            )
            say(node, said, level=Level.WARN)


def wake_for_jobs() -> None:
    """Wake sleeping nodes for which jobs have waited a while; the sweep's duty."""
    sleepers = {node.pk: node for node in _sleepers()}
    if not sleepers:
        return
    drawn = planning.draw_plan()
    waiting = [one for one in drawn.batches if drawn.at - one.placed_at_s >= WAIT_BEFORE_WAKING_S]
    for view in drawn.nodes:
        if view.id not in sleepers:
            continue
        awake = replace(view, state="ready")
        if any(planner.why_not(batch, awake) is None for batch in waiting):
            wake(sleepers[view.id], why=": jobs wait that it could take")


def _sleepers() -> Iterable[GpuNode]:
    """Return nodes that are to be woken for jobs, do not answer, and were not woken a moment ago."""
    rested = Q(woken_at__isnull=True) | Q(woken_at__lte=timezone.now() - WAKE_AGAIN)
    rows = GpuNode.objects.enabled().without_lists().filter(wakes_for_jobs=True).exclude(mac="")
    return [node for node in rows.filter(rested) if node.standing == "offline"]


def let_idle_ones_go() -> None:
    """Stop asking nodes that have had no work for as long as somebody said; the sweep's duty."""
    rows = GpuNode.objects.enabled().without_lists().filter(let_go_at__isnull=True)
    for node in rows.filter(idle_minutes__isnull=False, health=Health.READY):
        since = _idle_since(node)
        if since is None or timezone.now() - since < timedelta(minutes=node.idle_minutes or 0):
            continue
        with written():
            GpuNode.objects.filter(pk=node.pk).update(let_go_at=timezone.now(), warm_model="")
            say(node, f"{node.slug} has been idle for {node.idle_minutes} min and may sleep.")


def _idle_since(node: GpuNode) -> datetime | None:
    """Return since when it is there and has no work; None while it works."""
    is_busy = bool(node.foreign_queue) or node.warming_until is not None
    if is_busy or Attempt.objects.holding().filter(node=node).exists():
        return None
    worked = Attempt.objects.filter(node=node).aggregate(last=Max("ended"))["last"]
    lost = Q(kind=HealthSpan.Kind.LOST)
    there = HealthSpan.objects.filter(node=node).exclude(lost).order_by("-pk").first()
    moments = (node.created, node.woken_at, worked, there.since if there else None)
    return max(moment for moment in moments if moment is not None)
