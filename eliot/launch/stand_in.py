"""Rendering without `start`: a command takes the run lock when nobody else has it, and gives it back at its end."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from django.db import connections

from eliot.launch.family import GRACE_S, Wishes, start_farm
from eliot.launch.preparing import prepare
from eliot.launch.run_lock import AlreadyRunning, RunLock, is_anybody_running, run_lock
from eliot.live import patient_database
from farm_app import health
from farm_app.models import GpuNode
from farm_app.models.nodes import Health
from farm_app.workers import Workers

# A start that has the lock gets this long until pictures may be asked for.
READY_S: Final = 30.0
# Whoever stops Eliot may want to start it again: it stays free this long.
ABSENT_S: Final = 5.0
LOOK_S: Final = 1.0
POLL_S: Final = 0.1
# A first look at a silent node takes less than this.
FIRST_LOOK_S: Final = 10.0
MOST_LOOKS: Final = 32


class NotReady(Exception):
    """Another process has this data folder, and does not get ready."""


class StandIn:
    """Renders in this process, from when nobody else runs Eliot on this data folder."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Stand by; ``say`` prints one line for the person at the terminal."""
        self._say = say
        self._stack = ExitStack()
        self._lock: RunLock | None = None
        self._looked = 0.0
        self._absent_since: float | None = None

    def __enter__(self) -> Self:
        """Enter without taking anything."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what was started, and give the lock back."""
        self._stack.close()

    @property
    def is_on(self) -> bool:
        """Whether the lock is this process's."""
        return self._lock is not None

    def find_place(self) -> None:
        """Take the lock and prepare, or wait until whoever has the lock is ready.

        Raises:
            NotReady: That takes too long.
        """
        deadline = time.monotonic() + READY_S
        while not self._take_lock():
            if time.monotonic() > deadline:
                msg = (
                    f"Another Eliot has this data folder and was not ready within {READY_S:.0f} s."
                )
                raise NotReady(msg)
            time.sleep(POLL_S)

    def _take_lock(self) -> bool:
        """Take the lock and prepare; False while somebody has it who is not ready."""
        try:
            self._lock = self._stack.enter_context(run_lock())
        except AlreadyRunning as fault:
            return fault.runner is not None and fault.runner.is_ready
        prepare()
        return True

    def render(self) -> None:
        """Start what renders here: demo nodes if there are no others, and workers; only with the lock.

        Raises:
            DemoFarmFailed: The demo nodes did not start.
        """
        farm = start_farm(Wishes(offers=False), self._say)
        if farm is not None:
            self._stack.callback(farm.stop)
        _look_at_nodes()
        workers = Workers()
        workers.start()
        self._stack.callback(lambda: workers.stop(grace_s=GRACE_S))
        if self._lock is not None:
            self._lock.say()

    def step_in(self) -> None:
        """Render here when nobody has run Eliot for a while; otherwise return at once."""
        now = time.monotonic()
        if self.is_on or now - self._looked < LOOK_S:
            return
        self._looked = now
        if is_anybody_running():
            self._absent_since = None
            return
        self._absent_since = self._absent_since or now
        if now - self._absent_since >= ABSENT_S and self._take_lock() and self.is_on:
            self._say("Nobody runs Eliot here any more: this command renders by itself.")
            self.render()


def wait_for_first_looks() -> None:
    """Give whoever runs Eliot a moment to look at nodes that nobody has looked at: it may have just begun."""
    deadline = time.monotonic() + FIRST_LOOK_S
    unknown = GpuNode.objects.enabled().filter(health=Health.UNKNOWN)
    while time.monotonic() < deadline and unknown.exists():
        time.sleep(POLL_S)


def _look_at_nodes() -> None:
    """Look at all nodes at once: each one that does not answer takes seconds."""
    nodes = list(GpuNode.objects.enabled().values_list("pk", flat=True))
    with ThreadPoolExecutor(MOST_LOOKS) as pool:
        for _ in pool.map(_look_at, nodes):
            pass


def _look_at(node_id: int) -> None:
    try:
        with patient_database():
            health.probe(node_id)
    finally:
        connections.close_all()
