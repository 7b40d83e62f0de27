"""What people do to nodes: drain, resume, switch, pin, stop, free, remove. Admin and farm page use the same verbs.

Each one changes a row and writes an event that says who did it; pages and idle nodes are told when it is committed.
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from eliot.writing import written
from farm_app import health, nudges, planning, setbacks
from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import ComfyError
from farm_app.giving_way import give_way
from farm_app.models import Attempt, GpuNode, Level, NodeBlock
from farm_app.models.states import LIVE
from farm_app.moments import clock
from farm_app.timers import LOOK_S


class ItsOwners(Exception):
    """Only its owner's hours hold it back, which resuming does not change.

    Attributes:
        until: When they end, in words.
    """

    def __init__(self, until: str) -> None:
        """Keep when they end."""
        super().__init__()
        self.until = until


class StillWorks(Exception):
    """A node that renders, or whose picture is still to be fetched, cannot be removed."""


def drain(node: GpuNode, *, actor: str = "") -> bool:
    """Let it finish what renders there and take nothing new; False if it did so already."""
    return _switched(node, "drains: it takes nothing new.", actor, is_draining=True)


def pause(node: GpuNode, *, actor: str = "") -> bool:
    """Likewise, as a part of pausing the farm."""
    return _switched(node, "is paused.", actor, is_paused=True)


def resume(node: GpuNode, *, actor: str = "") -> int:
    """Let it take work again: neither drained, paused, reserved by hand nor switched off.

    Returns:
        How many demo nodes gave way to it, if it is a real one that was off.

    Raises:
        ItsOwners: It is its owner's now, and nothing else holds it back.
    """
    facts = {"is_draining": False, "is_paused": False, "is_enabled": True, "reserved_until": None}
    until = node.owners_end
    if until and node.is_enabled and not node.can_resume:
        raise ItsOwners(clock(until))
    said = f"is its owner's until {clock(until)}, then takes work again." if until else ""
    with written():
        is_new = not node.is_enabled and not node.is_demo
        if not _switched(node, said or "takes work again.", actor, **facts):
            return 0
        nudges.idle_nodes_on_commit()
        return give_way() if is_new else 0


def enable(node: GpuNode, *, actor: str = "") -> int:
    """Switch it on, as drained or paused as it was; returns how many demo nodes gave way to it."""
    with written():
        if not _switched(node, "is switched on.", actor, is_enabled=True):
            return 0
        transaction.on_commit(lambda: health.ask_again(GpuNode.objects.filter(pk=node.pk)))
        nudges.idle_nodes_on_commit()
        return 0 if node.is_demo else give_way()


def disable(node: GpuNode, *, actor: str = "") -> bool:
    """Switch it off: it takes nothing and is not looked at. What renders there may end."""
    return _switched(node, "is switched off.", actor, is_enabled=False)


def pin(node: GpuNode, *, actor: str = "") -> bool:
    """Show it before the others, on the farm page and in the strip."""
    return _switched(node, "is pinned.", actor, is_pinned=True)


def unpin(node: GpuNode, *, actor: str = "") -> bool:
    """Show it in its turn."""
    return _switched(node, "is no longer pinned.", actor, is_pinned=False)


def _switched(node: GpuNode, said: str, actor: str, **facts: Any) -> bool:
    with written():
        if not GpuNode.objects.filter(pk=node.pk).exclude(**facts).update(**facts):
            return False
        for name, value in facts.items():
            setattr(node, name, value)
        say(node, f"{node.slug} {said}", actor=actor)
    return True


def say(node: GpuNode, sentence: str, *, level: Level = Level.INFO, actor: str = "") -> None:
    """Write an event about a node, and nudge the pages when it is committed."""
    node.events.create(sentence=sentence[:500], level=level, actor=actor)
    transaction.on_commit(health.tell_pages)


def pause_all(*, actor: str = "") -> list[int]:
    """Pause every node that is switched on; returns the ids of those that were not paused yet."""
    with written():
        nodes = list(GpuNode.objects.enabled().without_lists().filter(is_paused=False))
        for node in nodes:
            pause(node, actor=actor)
    return [node.pk for node in nodes]


def resume_all(*, actor: str = "") -> list[int]:
    """End every pause; drained and switched off ones stay so. Returns the ids of those that were paused."""
    with written():
        nodes = list(GpuNode.objects.without_lists().filter(is_paused=True))
        for node in nodes:
            _switched(node, "goes on.", actor, is_paused=False)
        nudges.idle_nodes_on_commit()
    return [node.pk for node in nodes]


def stop_what_renders(node: GpuNode, *, actor: str = "") -> int | None:
    """Stop what renders there for us and put it back into the queue; prompts of others are left alone.

    Returns:
        The job, or None if nothing of ours renders there.
    """
    held = Attempt.objects.holding().filter(node=node).select_related("job__group", "node").first()
    if held is None or not setbacks.give_back(held, actor=actor):
        return None
    return held.job_id


def free_memory(node: GpuNode, *, actor: str = "") -> None:
    """Have it unload its models, as soon as what it renders is done."""
    with written():
        say(node, f"{node.slug} is asked to free its memory.", actor=actor)
        transaction.on_commit(lambda: nudges.free_memory(node.pk))


def free_on_node(node_id: int) -> None:
    """Ask the node itself; what it says to that is an event."""
    node = GpuNode.objects.without_lists().filter(pk=node_id).first()
    if node is None:
        return
    try:
        with ComfyClient(node.origin, read_timeout_s=LOOK_S) as client:
            client.free()
    except ComfyError as fault:
        with written():
            said = f"{node.slug} did not free its memory: {fault.sentence}"
            say(node, said, level=Level.WARN)
        return
    with written():
        GpuNode.objects.filter(pk=node.pk).update(warm_model="")
        say(node, f"{node.slug} frees its memory; the next picture loads its model anew.")
    nudges.probe([node_id])


def remove(node: GpuNode, *, actor: str = "") -> None:
    """Take it off the farm; its pictures, events and speeds keep its name, and it can be brought back.

    Raises:
        StillWorks: It renders, or its picture is still to be fetched.
    """
    idle = GpuNode.objects.filter(pk=node.pk)
    with written():
        if Attempt.objects.filter(node=node, state__in=LIVE).exists():
            raise StillWorks
        if idle.update(removed_at=timezone.now(), is_enabled=False, health_checked_at=None):
            say(node, f"{node.slug} is removed from the farm.", actor=actor)
            transaction.on_commit(planning.forget_stock)
            nudges.idle_nodes_on_commit()


def bring_back(node: GpuNode, *, actor: str = "") -> str:
    """Put a removed node back; returns why that is not possible, or nothing."""
    with written():
        others = GpuNode.objects.exclude(pk=node.pk)
        if others.filter(slug=node.slug).exists():
            return f"Another node is called {node.slug} now."
        if others.filter(host__iexact=node.host, port=node.port).exists():
            return f"Another node is at {node.host}:{node.port} now."
        GpuNode.everyone.filter(pk=node.pk).update(removed_at=None, is_enabled=True)
        say(node, f"{node.slug} is back on the farm.", actor=actor)
        transaction.on_commit(planning.forget_stock)
        transaction.on_commit(lambda: health.ask_again(GpuNode.objects.filter(pk=node.pk)))
    return ""


def lift(block: NodeBlock, *, actor: str = "") -> None:
    """Let a node try a template again after it kept failing there."""
    with written():
        block.delete()
        say(block.node, f"{block.node.slug} may try {block.template} again.", actor=actor)
        transaction.on_commit(planning.forget_stock)
        nudges.idle_nodes_on_commit()
