"""Nudges: "there may be something to do", sent to the queue. One may be lost, doubled or late without harm."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db import transaction

from farm_app.models import Attempt

logger = logging.getLogger(__name__)


def feed(node_ids: Iterable[int]) -> None:
    """Let these nodes look for work."""
    from farm_app import tasks  # tasks import the verbs, and the verbs nudge

    for node_id in node_ids:
        _send(tasks.feed_node, node_id)


def idle_nodes() -> None:
    """Let a plan be drawn, and the nodes that it starts something on go for it."""
    from farm_app import tasks

    _send(tasks.wake_nodes)


def idle_nodes_on_commit() -> None:
    """Do so once the rows of this transaction are there to be found."""
    transaction.on_commit(idle_nodes)


def store_on_commit(attempt: Attempt) -> None:
    """Let somebody bring this attempt's picture home."""
    from farm_app import tasks

    transaction.on_commit(partial(_send, tasks.store_attempt, str(attempt.pk)))


def cancel_on_commit(attempt: Attempt) -> None:
    """Let somebody tell the node to stop this attempt."""
    from farm_app import tasks

    transaction.on_commit(partial(_send, tasks.cancel_attempt, str(attempt.pk)))


def probe(node_ids: Iterable[int]) -> None:
    """Let somebody look at these nodes' health."""
    from farm_app import tasks

    for node_id in node_ids:
        _send(tasks.probe_node, node_id)


def _send(task: Callable[..., Any], *ids: Any) -> None:
    """Enqueue; a queue that cannot take it costs seconds, since the sweep repeats what rows say is due."""
    try:
        task(*ids)
    except Exception:
        logger.exception("a nudge was lost: %s %s", getattr(task, "name", task), ids)
