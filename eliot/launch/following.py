"""Following a round from the outside: rows only, so it works beside a running server and without one."""

import time
from typing import Any, Final

from farm_app.models.states import ENDED_JOBS, JobState
from sessions_app.models import Generation, Round

POLL_S: Final = 0.2
# What waits for a person this long, with nothing else going on, is not waited for any longer.
STUCK_S: Final = 4.0
_GOING_ON: Final = (JobState.QUEUED, JobState.RUNNING, JobState.STORING, JobState.CANCELLING)
_OVER: Final = (*ENDED_JOBS, JobState.ATTENTION)


def wait_for(placed: Round) -> None:
    """Return when every generation of a round has ended, or when all that has not waits for a person."""
    rows = Generation.objects.filter(round=placed).exclude(job__state__in=_OVER)
    quiet_since: float | None = None
    while rows.exists():
        if rows.filter(job__state__in=_GOING_ON).exists():
            quiet_since = None
        quiet_since = quiet_since or time.monotonic()
        if (
            time.monotonic() - quiet_since > STUCK_S
            and not rows.filter(job__state__in=_GOING_ON).exists()
        ):
            return
        time.sleep(POLL_S)


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
