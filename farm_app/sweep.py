"""The sweep: every two seconds, re-nudge whatever the rows say is due. It makes right what a lost nudge left."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from django.db import OperationalError, close_old_connections, connections

from eliot.live import patient_database
from eliot.statements import Question
from farm_app import (
    clock,
    deadlines,
    health,
    health_spans,
    knocking,
    nudges,
    planning,
    searching,
    speeds,
    store,
    waking,
    warming,
)
from farm_app.models import Attempt, Lease
from farm_app.models.states import JobState
from farm_app.timers import SWEEP_LEASE_TTL, SWEEP_S

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 0.5
PRUNE_S: Final = 600.0
THAW_S: Final = 60.0
# What a disk that is full, read-only or broken does to rows, to Huey's own file and to the spool.
TROUBLE: Final = (OperationalError, sqlite3.OperationalError, OSError)

_held: Final[Question[int]] = Question(
    lambda: Attempt.objects.holding().order_by().values_list("node_id", flat=True)
)
_to_cancel: Final[Question[Attempt]] = Question(
    lambda: Attempt.objects.holding().filter(job__state=JobState.CANCELLING).only("pk").order_by()
)

_mine: Lease | None = None
_pruned_s = _thawed_s = float("-inf")


def sweep() -> None:
    """Do one round, which is little where another process holds the sweep's lease.

    The lease is kept from round to round: giving it back and taking it again would be two more commits in each.

    Raises:
        OperationalError, OSError: Some of it could not be read or written; the rest was done.
    """
    duties = DUTIES if _has_lease() else ()
    trouble: Exception | None = None
    for duty in (_thaw, *duties):
        try:
            duty()
        except TROUBLE as fault:
            trouble = trouble or fault
        except Exception:
            logger.exception("the sweep could not %s", duty.__name__.strip("_"))
    if trouble is not None:
        raise trouble


def _has_lease() -> bool:
    global _mine
    if _mine is None or not _mine.renew(ttl=SWEEP_LEASE_TTL):
        _mine = Lease.objects.take("sweep", ttl=SWEEP_LEASE_TTL)
    return _mine is not None


def hand_over() -> None:
    """Give the sweep's lease back, for the next process."""
    global _mine
    if _mine is not None:
        _mine.release()
        _mine = None


def _thaw() -> None:
    """Now and then, and whoever has the lease: that one may itself be held until a moment that was."""
    global _thawed_s
    if time.monotonic() - _thawed_s > THAW_S:
        _thawed_s = time.monotonic()
        clock.thaw()


def _refresh_what_plans_need() -> None:
    """Read what changes rarely here, so that no node waits for it."""
    planning.refresh_stock()
    speeds.refresh()


def _probe_nodes() -> None:
    nudges.probe(health.due())


def _knock_at_idle_nodes() -> None:
    if knocking.quiet_nodes().exists():
        nudges.knock()


def _feed_unattended_nodes() -> None:
    """Nudge nodes with an attempt on them whose feeder is gone."""
    attended = Lease.objects.nodes_held_now()
    nudges.feed(node_id for node_id in _held() if node_id not in attended)


def _let_go_of_abandoned_nodes() -> None:
    warming.let_go_abandoned()


def _store_what_is_made() -> None:
    store.renudge()


def _tidy_the_spool() -> None:
    store.tidy()


def _repeat_cancels() -> None:
    for attempt in _to_cancel():
        nudges.cancel_on_commit(attempt)


def _give_up_what_timed_out() -> None:
    deadlines.give_up_overdue()


def _sort_out_obstacles_and_wake_nodes() -> None:
    """Let jobs wait that no node could ever take, let waiting ones go on when one could, feed idle nodes."""
    drawn = planning.draw_plan()
    planning.sort_out_obstacles(drawn)
    nudges.feed(drawn.now)
    warming.warm_idle_nodes(drawn)


def _wake_and_let_go() -> None:
    """Wake machines that sleep while jobs wait for them, and let idle ones sleep."""
    waking.wake_for_jobs()
    waking.let_idle_ones_go()


def _forget_what_is_old() -> None:
    """Prune what pages show of the last hours, now and then."""
    global _pruned_s
    if time.monotonic() - _pruned_s > PRUNE_S:
        _pruned_s = time.monotonic()
        health_spans.prune()
        searching.prune()


DUTIES: Final[tuple[Callable[[], None], ...]] = (
    _refresh_what_plans_need,
    _probe_nodes,
    _knock_at_idle_nodes,
    _feed_unattended_nodes,
    _let_go_of_abandoned_nodes,
    _store_what_is_made,
    _tidy_the_spool,
    _repeat_cancels,
    _give_up_what_timed_out,
    _sort_out_obstacles_and_wake_nodes,
    _wake_and_let_go,
    _forget_what_is_old,
)


class Sweeper(threading.Thread):
    """The thread that sweeps in every process that runs workers."""

    def __init__(self) -> None:
        """Prepare the thread."""
        super().__init__(name="sweeper", daemon=True)
        self._ended = threading.Event()
        self._is_in_trouble = False

    def run(self) -> None:
        """Sweep until stopped; a fault costs one round."""
        try:
            while not self._ended.is_set():
                self._let_pictures_by()
                began = time.monotonic()
                self.do_round()
                self._ended.wait(max(0.0, SWEEP_S - (time.monotonic() - began)))
            with suppress(*TROUBLE):  # the lease runs out by itself
                hand_over()
        finally:
            connections.close_all()

    def _let_pictures_by(self) -> None:
        """Wait a little while pictures are brought home: a sweep is in no hurry, and who waits for them is."""
        until = time.monotonic() + PATIENCE_S
        while store.is_under_way() and time.monotonic() < until:
            self._ended.wait(PATIENCE_S / 10)

    def do_round(self) -> None:
        """Sweep once; trouble with the disk is told when it begins and when it is over, not every two seconds."""
        try:
            with patient_database():
                sweep()
        except TROUBLE as fault:
            if not self._is_in_trouble:
                logger.warning("the sweep cannot read or write: %s; it goes on trying", fault)
            self._is_in_trouble = True
        except Exception:
            logger.exception("a sweep failed")
        else:
            if self._is_in_trouble:
                logger.warning("the sweep can read and write again")
            self._is_in_trouble = False
        close_old_connections()

    def stop(self) -> None:
        """End after this round."""
        self._ended.set()
