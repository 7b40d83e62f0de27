"""Following a round from the outside: rows only, so it works beside a running server and without one."""

import time
from collections.abc import Callable
from typing import Any, Final

from farm_app.models import GpuNode
from farm_app.models.nodes import Health
from farm_app.models.states import ENDED_JOBS, JobState
from sessions_app.models import Generation, Round

POLL_S: Final = 0.2
# What waits for a person this long, with nothing else going on, is not waited for any longer.
STUCK_S: Final = 4.0
# What waits for a machine is waited for this long: it may be starting.
PATIENCE_S: Final = 120.0
TELL_S: Final = 5.0
_OVER: Final = (*ENDED_JOBS, JobState.ATTENTION)
_BUSY: Final = {JobState.RUNNING, JobState.CANCELLING}

Hindrance = tuple[str, float]
"""Why nothing goes on, and for how many seconds that is borne."""


def wait_for(placed: Round, say: Callable[[str], None], each_turn: Callable[[], None]) -> str:
    """Return when every generation of a round has ended, or when waiting for the rest makes no sense.

    Args:
        placed: The round.
        say: Told every few seconds what is waited for while nothing goes on.
        each_turn: Called several times a second.

    Returns:
        Why it was given up, or nothing.
    """
    began = told = None
    while states := _open_states(placed):
        each_turn()
        now, hindrance = time.monotonic(), _hindrance(states)
        if hindrance is None:
            began = told = None
        else:
            sentence, patience_s = hindrance
            began = now if began is None else began
            if now - began > patience_s:
                return sentence
            told = now if told is None else told
            if now - told > TELL_S:
                say(f"{sentence} Waiting; giving up in {patience_s - (now - began):.0f} s.")
                told = now
        time.sleep(POLL_S)
    return ""


def _open_states(placed: Round) -> set[str]:
    rows = Generation.objects.filter(round=placed).exclude(job__state__in=_OVER)
    return set(rows.values_list("job__state", flat=True))


def _hindrance(states: set[str]) -> Hindrance | None:
    """Say why nothing goes on with jobs in these states, or None when something may."""
    if states & _BUSY:
        return None
    if JobState.QUEUED in states:
        return _no_node()
    if JobState.STORING in states:
        return "What is made cannot be stored.", PATIENCE_S
    return "What is left waits for a person.", STUCK_S


def _no_node() -> Hindrance | None:
    health = dict(GpuNode.objects.enabled().values_list("slug", "health"))
    if {Health.READY, Health.UNKNOWN} & set(health.values()):
        return None
    names = ", ".join(sorted(health)) or "there is none"
    return f"No node answers ({names}).", PATIENCE_S


def report(placed: Round) -> dict[str, Any]:
    """Return what `generate --json` prints."""
    rows = list(Generation.objects.filter(round=placed).with_pictures().order_by("number"))
    ended = [one.job.finished for one in rows if one.job.finished]
    is_over = all(one.job.state in _OVER for one in rows)
    makespan = (max(ended) - placed.created).total_seconds() if is_over and ended else None
    return {
        "session": placed.session.slug,
        "makespan_s": None if makespan is None else round(makespan, 3),
        "generations": [_one(generation) for generation in rows],
    }


def _one(generation: Generation) -> dict[str, Any]:
    job, picture = generation.job, generation.picture
    return {
        "id": generation.pk,
        "state": job.state,
        "path": str(picture.absolute_path) if picture else None,
        "seed": job.seed,
        "node": job.winner.node.slug if job.winner else None,
        "seconds": job.seconds,
        "error": job.reason or None,
    }
