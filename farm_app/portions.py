"""Moving many jobs: fifty in one transaction, after which each page is told once."""

from collections.abc import Callable, Iterable
from typing import Final

from eliot.writing import written
from farm_app.models import Job
from farm_app.models.jobs import told_once

# One by one a thousand jobs take seconds, all at once they hold up everybody.
AT_ONCE: Final = 50


def in_portions(ids: Iterable[int], move: Callable[[Job], object]) -> int:
    """Move each of these jobs, read anew in the transaction that moves it; return how many moves won."""
    left, won = list(ids), 0
    while left:
        portion, left = left[:AT_ONCE], left[AT_ONCE:]
        with told_once(), written():
            jobs = Job.objects.filter(pk__in=portion).select_related("group")
            won += sum(bool(move(job)) for job in jobs)
    return won
