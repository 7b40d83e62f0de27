"""Writing in turn: SQLite has one writer, and its own way of waiting sleeps for ever longer naps.

The threads of one process queue for a lock instead and go on within microseconds of each other. Other processes,
and writers that do not ask here, still meet SQLite's own lock. PostgreSQL needs no turns.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

_turn: Final = threading.RLock()


@contextmanager
def in_turn() -> Iterator[None]:
    """Hold the turn for a write; a thread inside a transaction has the database's lock already and just goes on.

    It must not wait for the turn then: whoever has that may be waiting for the database.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with _turn:
        yield


@contextmanager
def written(*, durable: bool = False) -> Iterator[None]:
    """Run a block in one transaction, in turn.

    Args:
        durable: It must not be part of another one: it is committed when the block ends.
    """
    with in_turn(), transaction.atomic(durable=durable):
        yield
