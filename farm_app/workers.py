"""Huey's worker threads, inside the server's process or in `run_huey`, and the sweep beside them."""

import logging
import sys
import threading
import time
from typing import Any, Final, cast

from django.conf import settings
from django.db import connections
from huey.consumer import Consumer
from huey.contrib.djhuey import HUEY

from farm_app import stopping
from farm_app.sweep import Sweeper

logger = logging.getLogger(__name__)

# How long a thread that computes may keep one waiting whose socket or commit is done. Python's own 5 ms would
# be most of the gap between two renders.
SWITCH_S: Final = 0.001

_sweeper: Sweeper | None = None
_sweeper_lock: Final = threading.Lock()


def sweep_with_workers() -> None:
    """Let the first worker thread of any process start that process's sweeper."""
    from farm_app import tasks  # noqa: F401 - known to Huey before it reads what an earlier process left in its queue

    HUEY.on_startup("sweeper")(start_sweeper)
    HUEY.on_shutdown("connections")(connections.close_all)


def start_sweeper() -> None:
    """Start this process's sweeper, once."""
    global _sweeper
    with _sweeper_lock:
        if _sweeper is None or not _sweeper.is_alive():
            sys.setswitchinterval(SWITCH_S)
            _sweeper = Sweeper()
            _sweeper.start()


def stop_sweeper() -> Sweeper | None:
    """Let this process's sweeper end after its round; return it."""
    global _sweeper
    with _sweeper_lock:
        ending, _sweeper = _sweeper, None
    if ending is not None:
        ending.stop()
    return ending


class QuietConsumer(Consumer):  # type: ignore[misc]
    """Huey's consumer inside another program: it leaves the signals alone."""

    def _set_signal_handlers(self) -> None:
        """Signals belong to the program around it."""


class Workers:
    """The worker threads of this process."""

    def __init__(self) -> None:
        """Prepare as many as the settings say."""
        options = cast("dict[str, Any]", settings.HUEY["consumer"])
        self._consumer = QuietConsumer(HUEY, **options)

    def start(self) -> None:
        """Start the threads; the first of them starts the sweep."""
        stopping.resume()
        self._consumer.start()

    def stop(self, *, grace_s: float) -> None:
        """Claim nothing more, let what is short finish, leave the rest to the next start.

        Renders on nodes go on there; their attempts are re-adopted.
        """
        deadline = time.monotonic() + grace_s
        stopping.stop()
        sweeper = stop_sweeper()
        self._consumer.stop_flag.set()
        wake = getattr(HUEY.storage, "wake_everybody", None)
        if wake is not None:
            wake()
        threads: list[threading.Thread] = [thread for _, thread in self._consumer.worker_threads]
        threads += [sweeper] if sweeper is not None else []
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        left = sum(thread.is_alive() for thread in threads)
        if left:
            logger.info("%s threads still work; the next start takes up what they leave", left)
