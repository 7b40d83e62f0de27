"""The alarm clock: a Huey on SQLite whose sleeping workers wake at once when this process nudges.

Huey's own SQLite storage is polled, so a nudge would wait for the next poll. Here a worker that finds nothing
waits on a condition that `enqueue` signals; what another process enqueues is found by the poll after one second.
"""

import threading
from typing import Any

from huey import SqliteHuey
from huey.storage import SqliteStorage

POLL_S = 1.0


class WakefulStorage(SqliteStorage):  # type: ignore[misc]
    """SQLite storage with a blocking `dequeue`."""

    blocking = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open the file; nudges are worth no disk flush, since the sweep repeats them."""
        self._filled = threading.Condition()
        kwargs.setdefault("fsync", False)
        kwargs.setdefault("cache_mb", 1)
        super().__init__(*args, **kwargs)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Store a task and wake one worker."""
        super().enqueue(data, priority)
        with self._filled:
            self._filled.notify()

    def dequeue(self) -> bytes | None:
        """Return the next task, waiting up to a second for one."""
        with self._filled:  # looked up under the lock: a nudge that comes after finds a waiter
            task: bytes | None = super().dequeue()
            if task is None:
                self._filled.wait(POLL_S)
        return task if task is not None else super().dequeue()

    def wake_everybody(self) -> None:
        """Let all sleeping workers look around, as when they are to stop."""
        with self._filled:
            self._filled.notify_all()


class WakefulSqliteHuey(SqliteHuey):  # type: ignore[misc]
    """SqliteHuey over the wakeful storage; the class that settings.HUEY names."""

    storage_class = WakefulStorage
