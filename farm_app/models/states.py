"""The two state machines: what a job and an attempt may become, each as one literal table."""

from typing import Final

from django.db import models


class JobState(models.TextChoices):
    """Where one asked-for picture stands. Loading, sampling and decoding are phases of running."""

    QUEUED = "queued", "Queued"  # may start as soon as the plan has a node for it
    WAITING = "waiting", "Needs you"  # an obstacle that no running job will remove
    RUNNING = "running", "Running"  # an attempt is on a node
    STORING = "storing", "Storing"  # the node is done; the picture is being brought home
    DONE = "done", "Done"  # the picture is in the library
    CANCELLING = "cancelling", "Cancelling"  # somebody said stop; the node has not confirmed yet
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"  # it says why, and may be asked again
    ATTENTION = "attention", "Needs you"  # a person must decide


class AttemptState(models.TextChoices):
    """Where one submission to one node stands; the order is the order of durable steps."""

    RESERVED = "reserved", "Reserved"  # the slot is taken; nothing was sent
    SUBMITTING = "submitting", "Submitting"  # committed before the POST: the node may know it
    ACCEPTED = "accepted", "Accepted"  # the node said yes
    RUNNING = "running", "Running"  # the node was seen working on it
    PRODUCED = "produced", "Produced"  # the node has the picture; the slot is free
    FETCHED = "fetched", "Fetched"  # verified in the local spool
    PLACED = "placed", "Placed"  # visible in the library
    COMMITTED = "committed", "Committed"  # the job has it
    FAILED = "failed", "Failed"  # with a class
    LOST = "lost", "Lost"  # the node forgot it or died
    SUPERSEDED = "superseded", "Superseded"  # another attempt was given its place
    CANCELLED = "cancelled", "Cancelled"


J, A = JobState, AttemptState

JOB_MOVES: Final[dict[str, frozenset[str]]] = {
    J.QUEUED: frozenset({J.RUNNING, J.WAITING, J.CANCELLED, J.FAILED, J.ATTENTION, J.STORING}),
    J.WAITING: frozenset({J.QUEUED, J.CANCELLED, J.FAILED, J.STORING}),
    J.RUNNING: frozenset(
        {J.STORING, J.QUEUED, J.CANCELLING, J.CANCELLED, J.FAILED, J.ATTENTION, J.WAITING}
    ),
    # back to running: the picture did not come over, and another node is at a copy
    J.STORING: frozenset({J.DONE, J.RUNNING, J.QUEUED, J.CANCELLED, J.FAILED, J.ATTENTION}),
    J.CANCELLING: frozenset({J.CANCELLED, J.QUEUED}),  # confirmed, or asked again before that
    J.DONE: frozenset(),
    # asked again, or a late picture is taken
    J.CANCELLED: frozenset({J.QUEUED, J.STORING}),
    J.FAILED: frozenset({J.QUEUED, J.STORING}),
    J.ATTENTION: frozenset({J.QUEUED, J.CANCELLED, J.FAILED, J.STORING}),
}
ATTEMPT_MOVES: Final[dict[str, frozenset[str]]] = {
    A.RESERVED: frozenset({A.SUBMITTING, A.FAILED, A.LOST, A.SUPERSEDED, A.CANCELLED}),
    A.SUBMITTING: frozenset(
        {A.ACCEPTED, A.RUNNING, A.PRODUCED, A.FAILED, A.LOST, A.SUPERSEDED, A.CANCELLED}
    ),
    A.ACCEPTED: frozenset({A.RUNNING, A.PRODUCED, A.FAILED, A.LOST, A.SUPERSEDED, A.CANCELLED}),
    A.RUNNING: frozenset({A.PRODUCED, A.FAILED, A.LOST, A.SUPERSEDED, A.CANCELLED}),
    A.PRODUCED: frozenset({A.FETCHED, A.FAILED, A.LOST, A.SUPERSEDED, A.CANCELLED}),
    A.FETCHED: frozenset({A.PLACED, A.FAILED, A.LOST, A.SUPERSEDED, A.CANCELLED}),
    A.PLACED: frozenset({A.COMMITTED, A.SUPERSEDED, A.CANCELLED}),
    A.COMMITTED: frozenset(),
    A.FAILED: frozenset(),
    A.LOST: frozenset(),
    A.SUPERSEDED: frozenset(),
    A.CANCELLED: frozenset(),
}

ENDED_JOBS: Final = (J.DONE, J.CANCELLED, J.FAILED)
OPEN_JOBS: Final = tuple(state for state in J if state not in ENDED_JOBS)
# A person must change or decide something.
NEEDS_YOU: Final = (J.WAITING, J.ATTENTION)
# From `reserved` to `produced` an attempt holds its node's slot.
HOLDING: Final = (A.RESERVED, A.SUBMITTING, A.ACCEPTED, A.RUNNING)
COMING_HOME: Final = (A.PRODUCED, A.FETCHED, A.PLACED)
LIVE: Final = HOLDING + COMING_HOME
# What these bring no longer counts, unless a person wants it.
GIVEN_UP: Final = (A.LOST, A.SUPERSEDED, A.CANCELLED)
# Jobs without a picture may take a late one.
MAY_ADOPT: Final = (J.QUEUED, J.WAITING, J.RUNNING, J.CANCELLED, J.FAILED, J.ATTENTION)


def may_become(moves: dict[str, frozenset[str]], to: str) -> list[str]:
    """Return the states from which ``to`` is allowed."""
    return [old for old, news in moves.items() if to in news]


class FailureClass(models.TextChoices):
    """Why an attempt failed, which decides what is tried next."""

    GRAPH = "graph", "The workflow is wrong"  # no node would take it: fail now
    CAPABILITY = "capability", "The node lacks something"  # another node, no budget used
    RESOURCE = "resource", "Out of memory"  # a node with more memory
    EXECUTION = "execution", "The node could not do it"  # another node; budget used
    INFRASTRUCTURE = "infrastructure", "The node or the network went away"  # again; no budget used
    FETCH = "fetch", "The picture came back damaged"  # render again elsewhere; budget used
    STORAGE = "storage", "The library cannot take it"  # keep it in the spool, place it later
    CANCELLED = "cancelled", "Cancelled"


# These make the same node a bad choice for the same job.
NODE_FAULTS: Final = (
    FailureClass.CAPABILITY,
    FailureClass.RESOURCE,
    FailureClass.EXECUTION,
    FailureClass.FETCH,
)
# These use up the retry budget.
SPENDING: Final = (FailureClass.RESOURCE, FailureClass.EXECUTION, FailureClass.FETCH)


class Level(models.TextChoices):
    """How much an event should worry a person."""

    INFO = "info", "Info"
    WARN = (
        "warn",
        "Warning",
    )  # something went wrong that Eliot deals with, or that waits for a person
    ERROR = "error", "Error"  # a job ended without its picture


_LEVELS: Final = {
    JobState.FAILED: Level.ERROR,
    JobState.ATTENTION: Level.WARN,
    JobState.WAITING: Level.WARN,
}


def level_of(before: str, after: str, *, on_node: bool) -> Level:
    """Return how much a move of a job matters; one that falls back into the queue from a node is a warning."""
    if before == after:
        return Level.INFO
    if after == JobState.QUEUED and on_node:
        return Level.WARN
    return _LEVELS.get(JobState(after), Level.INFO) if after else Level.INFO
