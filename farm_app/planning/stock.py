"""What plans need and what changes rarely: model files, node classes, blocks. Read now and then, shared by all plans.

An old answer does no harm: what is sent to a node is looked up again. The sweep refreshes it, so that no plan
that a node waits for has to.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from eliot.statements import Question
from farm_app.models import GpuNode, NodeBlock, NodeModel

OLDEST_S: Final = 5.0

_present: Final[Question[Any]] = Question(
    lambda: NodeModel.objects.filter(is_present=True).values_list(
        "node_id", "folder", "name", "family", "key"
    )
)
_read_at: Final[Question[Any]] = Question(
    lambda: GpuNode.objects.order_by().values_list("pk", "inventory_at")
)
_blocks: Final[Question[Any]] = Question(
    lambda: NodeBlock.objects.filter(is_active=True).values_list("node_id", "template")
)

File = tuple[str, str, str]
"""Folder, name, family."""


@dataclass(frozen=True)
class Shelf:
    """What one node has: None as long as nobody could ask it."""

    read_at: datetime | None = None
    files: tuple[File, ...] = ()
    models: frozenset[str] | None = None
    node_classes: frozenset[str] | None = None


@dataclass(frozen=True)
class Stock:
    """The shelves and blocks of all nodes, by node id."""

    shelves: Mapping[int, Shelf] = field(default_factory=dict)
    blocked: Mapping[int, frozenset[tuple[str, ...]]] = field(default_factory=dict)
    read_s: float = float("-inf")

    def fits(self, nodes: Iterable[GpuNode]) -> bool:
        """Say whether no inventory was read since."""
        return all(
            (shelf := self.shelves.get(node.pk)) is not None and shelf.read_at == node.inventory_at
            for node in nodes
        )


_stock = Stock()
_reading: Final = threading.Lock()


def stock_for(nodes: Iterable[GpuNode]) -> Stock:
    """Return what is known, at most a few seconds old and not older than these nodes' inventories."""
    found = _stock
    if time.monotonic() - found.read_s < OLDEST_S and found.fits(nodes):
        return found
    return refresh()


def forget() -> None:
    """Have the next plan read anew: a file is gone, a block was set. What is being read now may not have seen it."""
    global _stock
    with _reading:
        _stock = Stock()


def refresh() -> Stock:
    """Read it anew."""
    global _stock
    with _reading:
        now = time.monotonic()
        _stock = Stock(_shelves(_stock.shelves), _blocked(), now)
        return _stock


def _shelves(old: Mapping[int, Shelf]) -> dict[int, Shelf]:
    files = _files()
    read = dict(_read_at())
    stale = [pk for pk, at in read.items() if pk not in old or old[pk].read_at != at]
    lists = GpuNode.objects.filter(pk__in=stale).values_list("pk", "node_classes")
    classes = dict(lists) if stale else {}
    return {
        pk: _shelf(at, tuple(files.get(pk, ())), old.get(pk), classes.get(pk))
        for pk, at in read.items()
    }


def _shelf(
    at: datetime | None,
    files: tuple[tuple[File, str], ...],
    old: Shelf | None,
    classes: list[str] | None,
) -> Shelf:
    known = old.node_classes if old is not None and old.read_at == at else None
    return Shelf(
        read_at=at,
        files=tuple(file for file, _ in files),
        models=None if at is None else frozenset(key for _, key in files),
        node_classes=known if classes is None else frozenset(classes),
    )


def _files() -> dict[int, list[tuple[File, str]]]:
    found: dict[int, list[tuple[File, str]]] = defaultdict(list)
    for node_id, folder, name, family, key in _present():
        found[node_id].append(((folder, name, family), f"{folder}/{key}"))
    return found


def _blocked() -> dict[int, frozenset[tuple[str, ...]]]:
    found: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for node_id, template in _blocks():
        found[node_id].add((template,))
    return {node_id: frozenset(entries) for node_id, entries in found.items()}
