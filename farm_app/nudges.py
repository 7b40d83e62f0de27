"""Nudges: "there may be something to do", sent to the queue. One may be lost, doubled or late without harm."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db import transaction

from farm_app import tasks
from farm_app.models import Attempt

logger = logging.getLogger(__name__)


def feed(node_ids: Iterable[int]) -> None:
    """Let these nodes look for work."""
    for node_id in node_ids:
        _send(tasks.feed_node, node_id)


def idle_nodes() -> None:
    """Let a plan be drawn, and the nodes that it starts something on go for it."""
    _send(tasks.wake_nodes)


def idle_nodes_on_commit() -> None:
    """Do so once the rows of this transaction are there to be found."""
    transaction.on_commit(idle_nodes)


def store(attempt: Attempt) -> None:
    """Let somebody bring this attempt's picture home."""
    _send(tasks.store_attempt, str(attempt.pk))


def cancel_on_commit(attempt: Attempt) -> None:
    """Let somebody tell the node to stop this attempt."""
    transaction.on_commit(partial(_send, tasks.cancel_attempt, str(attempt.pk)))


def free_memory(node_id: int) -> None:
    """Let somebody have this node unload its models."""
    _send(tasks.free_memory, node_id)


def wake(node_id: int) -> None:
    """Let somebody wake this node's machine."""
    _send(tasks.wake_machine, node_id)


def look_at_addresses(search: str) -> None:
    """Let somebody look at the addresses of a search."""
    _send(tasks.look_at_addresses, search)


def probe(node_ids: Iterable[int]) -> None:
    """Let somebody look at these nodes' health."""
    for node_id in node_ids:
        _send(tasks.probe_node, node_id)


def knock() -> None:
    """Let somebody knock at the idle nodes."""
    _send(tasks.knock)


def warm(node_id: int, group_id: int) -> None:
    """Let somebody load on a node what comes after a group."""
    _send(tasks.warm_node, node_id, group_id)


def look_for_late_on_commit(node_id: int) -> None:
    """Let somebody ask a node that is back what it finished meanwhile."""
    transaction.on_commit(partial(_send, tasks.look_for_late, node_id))


def _send(task: Callable[..., Any], *ids: Any) -> None:
    """Enqueue; a queue that cannot take it costs seconds, since the sweep repeats what rows say is due."""
    try:
        task(*ids)
    except Exception:
        logger.exception("a nudge was lost: %s %s", getattr(task, "name", task), ids)
